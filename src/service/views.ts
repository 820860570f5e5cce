/**
 * What is ordered from the owner of shares, and what it shows of them: plain data with one schema each, so that it can cross
 * to another process. Below the schemas are the conversions from live objects.
 */
import * as z from "zod";
import { formatRelayUrl, parseRelayUrl } from "../address.ts";
import { COMPANION_ROLES, KeptFile, KINDS, Part } from "../content/part.ts";
import { ERROR_CODES } from "../errors.ts";
import { MAX_CODE_CHARS, MAX_LIFETIME_MS, MAX_RECEIVERS, MAX_TITLE_CHARS } from "../limits.ts";
import type { Path, Route } from "../share/race.ts";
import type { ReceivedHandoff, Step } from "../share/receiver.ts";
import type { Share } from "../share/sender.ts";
import { MODES, SHARE_STATES } from "../share/terms.ts";
import type { RelayAccess } from "../transport/relay-connection.ts";

/** A passphrase has at most 1,024 characters; a path or a relay's address hardly has more. */
const MAX_WORD_CHARS = 8 * 1024;

const Word = z.string().max(MAX_WORD_CHARS);
const Count = z.int().nonnegative();
const Port = z.int().min(1).max(65_535);
const Time = z.iso.datetime();

/** A relay with its token, and the way to it, as in `RelayAccess`. */
export const RelayOrder = z.object({
  url: Word,
  token: Word.optional(),
  proxy: Word.optional(),
  authorities: Word.optional(),
});
export type RelayOrder = z.infer<typeof RelayOrder>;

const Mode = z.enum(MODES);
const Kind = z.enum(KINDS);

export const ShareOrder = z.object({
  kind: Kind,
  /** One cleaned line. Default: the content's first heading. */
  title: z.string().max(MAX_TITLE_CHARS).optional(),
  passphrase: Word.optional(),
  legacy: z.boolean(),
  mode: Mode,
  /** Whether the share is announced on the LAN. */
  announce: z.boolean(),
  relay: RelayOrder.optional(),
  receivers: z.int().min(1).max(MAX_RECEIVERS),
  lifetimeMs: z.number().positive().max(MAX_LIFETIME_MS),
});
export type ShareOrder = z.infer<typeof ShareOrder>;

export const ReceiveOrder = z.object({
  secret: Word,
  room: Word.optional(),
  /** Strict, because a misspelt host must not become "anywhere": the secret would be proved to anyone on this network. */
  lan: z.union([z.object({ host: Word, port: Port }), z.strictObject({ room: Word.optional() })]).optional(),
  relay: z.object({ access: RelayOrder, room: Word }).optional(),
  legacy: z.boolean(),
  timeoutMs: z.number().positive(),
});
export type ReceiveOrder = z.infer<typeof ReceiveOrder>;

/** As `SHARE_STATES`; lost: the share's process ended without recording it. */
export const RECORDED_STATES = [...SHARE_STATES, "lost"] as const;

/** What the session that made a share is told about it. */
export const SHARE_EVENTS = ["delivered", "attempt-failed", "ended"] as const;

/** What is kept on disk of a share: nothing of its content, and nothing that opens it. */
export const ShareRecord = z.object({
  id: z.string(),
  /** The session that made it: one MCP server, or one command. */
  session: z.string(),
  room: z.string(),
  legacy: z.boolean(),
  state: z.enum(RECORDED_STATES),
  receivers: Count,
  delivered: Count,
  /** Receivers that were sent everything, including those that have confirmed it. */
  spent: Count,
  failedAttempts: Count,
  createdAt: Time,
  expiresAt: Time,
  /** Absent while the share lives. */
  endedAt: Time.optional(),
});
export type ShareRecord = z.infer<typeof ShareRecord>;

export const LanView = z.object({
  instance: z
    .string()
    .optional()
    .describe("Its name in mDNS; absent if it is not announced: then the receiver needs host."),
  port: Port,
  addresses: z.array(z.string()),
});
export type LanView = z.infer<typeof LanView>;

/** What only the process knows that owns the share. */
const Held = z.object({
  kind: Kind,
  title: z.string(),
  mode: Mode,
  code: z.string().optional(),
  /** The passphrase that was made for a legacy share. */
  madePassphrase: z.string().optional(),
  relay: z.string().optional(),
  /** Since when the connection to that relay is lost and being made again. */
  relayAwaySince: Time.optional(),
  lan: LanView.optional(),
  /** Of the document alone. */
  bytes: Count,
  sha256: z.string(),
  /** A code that this version does not know, from a hub of another version, is read as `internal`. */
  lastFailure: z
    .enum(ERROR_CODES)
    .or(
      z
        .string()
        .max(MAX_CODE_CHARS)
        .transform(() => "internal" as const),
    )
    .optional(),
  warnings: z.array(z.string()),
});

/** A share as its owner sees it. `held` is missing if its process has gone. */
export const ShareView = ShareRecord.extend({ held: Held.optional() });
export type ShareView = z.infer<typeof ShareView>;

/** A share that this process owns, alive or ended. */
const LivingShare = ShareRecord.extend({ held: Held });
export type LivingShare = z.infer<typeof LivingShare>;

/** A share that was just made. Only here its files are listed: a list of all shares has no room for them. */
export const NewShare = LivingShare.extend({ files: z.array(Part) });
export type NewShare = z.infer<typeof NewShare>;

const PathView = z.discriminatedUnion("by", [
  z.object({ by: z.literal("lan"), host: z.string(), port: Port }),
  z.object({ by: z.literal("relay"), relay: z.string(), room: z.string() }),
]);
export type PathView = z.infer<typeof PathView>;

/** The steps of a reception; a `StepView` says more about each. */
export const STEPS = ["looking", "proving", "receiving", "reconnecting"] as const satisfies Step["at"][];

export const StepView = z.discriminatedUnion("at", [
  z.object({ at: z.literal("looking") }),
  z.object({ at: z.literal("proving"), path: PathView }),
  z.object({ at: z.literal("receiving"), kind: Kind, received: Count, bytes: Count }),
  z.object({ at: z.literal("reconnecting"), until: z.iso.datetime() }),
]);
export type StepView = z.infer<typeof StepView>;

/** Something that is on its way to this user. */
export const ReceptionView = z.object({
  /** The session that asked for it. */
  session: z.string(),
  room: z.string().optional(),
  since: Time,
  step: StepView,
  /** When the wait is given up; absent while content is arriving. */
  until: Time.optional(),
});
export type ReceptionView = z.infer<typeof ReceptionView>;

/** Shares that live or ended recently, the newest last, and what is being received. */
export const Kept = z.object({ shares: z.array(ShareView), receptions: z.array(ReceptionView) });
export type Kept = z.infer<typeof Kept>;

export const ReceivedView = z.object({
  /** The name of its folder in the inbox. */
  id: z.string(),
  kind: Kind,
  savedTo: z.string(),
  original: z.string(),
  document: z.string(),
  title: z.string(),
  bytes: Count,
  sha256: z.string(),
  /** What came along, by absolute paths. */
  files: z.array(KeptFile.extend({ role: z.enum(COMPANION_ROLES) })),
  via: PathView,
  acknowledged: z.boolean(),
  warnings: z.array(z.string()),
});
export type ReceivedView = z.infer<typeof ReceivedView>;

/** @throws SpreadError `bad-relay-url`. */
export function accessOf({ url, ...rest }: RelayOrder): RelayAccess {
  return { url: parseRelayUrl(url), ...rest };
}

export function routeOf({ lan, relay }: ReceiveOrder): Route {
  const near = lan && ("host" in lan ? lan : { room: lan.room });
  return { lan: near, relay: relay && { access: accessOf(relay.access), room: relay.room } };
}

export function viewShare(share: Share, session: string): LivingShare {
  const { delivered, spent, failedAttempts } = share.gate.counts;
  const { endedAt, code, madePassphrase, relay, relayAwaySince, lan, lastFailure } = share;
  return {
    id: share.id,
    session,
    room: share.room,
    legacy: share.legacy,
    state: share.state,
    receivers: share.receivers,
    delivered,
    spent,
    failedAttempts,
    createdAt: share.createdAt.toISOString(),
    expiresAt: share.expiresAt.toISOString(),
    ...(endedAt && { endedAt: endedAt.toISOString() }),
    held: {
      kind: share.kind,
      title: share.title,
      mode: share.mode,
      // What opens a share is not shown once it has ended.
      ...(endedAt === undefined && code !== undefined && { code }),
      ...(endedAt === undefined && madePassphrase !== undefined && { madePassphrase }),
      ...(relay && { relay: formatRelayUrl(relay) }),
      ...(relayAwaySince && { relayAwaySince: relayAwaySince.toISOString() }),
      ...(lan && { lan: { ...lan, addresses: [...lan.addresses] } }),
      bytes: share.bytes,
      sha256: share.sha256,
      ...(lastFailure && { lastFailure }),
      warnings: [...share.warnings],
    },
  };
}

export function viewReceived(received: ReceivedHandoff): ReceivedView {
  const { id, kind, savedTo, original, document, title, bytes, sha256, acknowledged, files, warnings } = received;
  const about = { id, kind, savedTo, original, document, title, bytes, sha256, acknowledged };
  return { ...about, via: viewPath(received.via), files: [...files], warnings: [...warnings] };
}

export function viewStep(step: Step): StepView {
  switch (step.at) {
    case "looking":
      return { at: "looking" };
    case "proving":
      return { at: "proving", path: viewPath(step.path) };
    case "reconnecting":
      return { at: "reconnecting", until: step.until.toISOString() };
    case "receiving":
      return step;
    default:
      return step satisfies never;
  }
}

function viewPath(path: Path): PathView {
  return path.by === "lan" ? path : { ...path, relay: formatRelayUrl(path.relay) };
}
