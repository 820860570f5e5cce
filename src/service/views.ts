/**
 * What is asked of whoever keeps the shares, and what is told of them: plain data, with one schema each, so that it can
 * cross to another process. Nothing is done here.
 */
import * as z from "zod";
import { formatRelayUrl, parseRelayUrl } from "../address.ts";
import { COMPANION_ROLES, KeptFile, KINDS, Part } from "../content/part.ts";
import { ERROR_CODES } from "../errors.ts";
import { MAX_LIFETIME_MS, MAX_RECEIVERS, MAX_TITLE_CHARS } from "../limits.ts";
import type { Course, Path } from "../share/race.ts";
import type { Received, Step } from "../share/receiver.ts";
import type { Share } from "../share/sender.ts";
import type { RelayAccess } from "../transport/relay-connection.ts";

/** A passphrase has at most 1,024 characters, a path or a relay's address hardly more. */
const MAX_WORD_CHARS = 8 * 1024;

const Word = z.string().max(MAX_WORD_CHARS);
const Count = z.int().nonnegative();
const Port = z.int().min(1).max(65_535);
const Time = z.iso.datetime();

/** A relay, what opens it, and the way to it as `RelayAccess` has it. */
export const RelayOrder = z.object({
  url: Word,
  token: Word.optional(),
  proxy: Word.optional(),
  authorities: Word.optional(),
});
export type RelayOrder = z.infer<typeof RelayOrder>;

const Mode = z.enum(["auto", "lan", "relay"]);
const Kind = z.enum(KINDS);

export const ShareOrder = z.object({
  kind: Kind,
  /** One cleaned line. By default the content's first heading. */
  title: z.string().max(MAX_TITLE_CHARS).optional(),
  passphrase: Word.optional(),
  legacy: z.boolean(),
  mode: Mode,
  /** Whether it is announced on the LAN. */
  announce: z.boolean(),
  relay: RelayOrder.optional(),
  receivers: z.int().min(1).max(MAX_RECEIVERS),
  lifetimeMs: z.number().positive().max(MAX_LIFETIME_MS),
});
export type ShareOrder = z.infer<typeof ShareOrder>;

export const ReceiveOrder = z.object({
  secret: Word,
  room: Word.optional(),
  /** A host that is wrong must not become none: then the secret would be proved to whoever is on this network. */
  lan: z.union([z.object({ host: Word, port: Port }), z.strictObject({ room: Word.optional() })]).optional(),
  relay: z.object({ access: RelayOrder, room: Word }).optional(),
  legacy: z.boolean(),
  timeoutMs: z.number().positive(),
});
export type ReceiveOrder = z.infer<typeof ReceiveOrder>;

/** What may be known of a share by whoever finds it on a disk: nothing of its content, and nothing that opens it. */
export const ShareRecord = z.object({
  id: z.string(),
  /** Who made it: one MCP server, or one command. */
  session: z.string(),
  room: z.string(),
  legacy: z.boolean(),
  /** As `ShareState`; lost: its process ended without a word, and the share with it. */
  state: z.enum(["waiting", "serving", "delivered", "unconfirmed", "burned", "expired", "stopped", "failed", "lost"]),
  receivers: Count,
  delivered: Count,
  /** Receivers who were sent everything, those who have confirmed it included. */
  spent: Count,
  failedAttempts: Count,
  createdAt: Time,
  expiresAt: Time,
  /** Absent while the share lives. */
  endedAt: Time.optional(),
});
export type ShareRecord = z.infer<typeof ShareRecord>;

export const Lan = z.object({
  instance: z
    .string()
    .optional()
    .describe("Its name in mDNS; absent if it is not announced: then the receiver needs host."),
  port: Port,
  addresses: z.array(z.string()),
});
export type Lan = z.infer<typeof Lan>;

/** What only the process knows that keeps the share. */
const Held = z.object({
  kind: Kind,
  title: z.string(),
  mode: Mode,
  code: z.string().optional(),
  /** The one that was made for a legacy share. */
  madePassphrase: z.string().optional(),
  relay: z.string().optional(),
  /** Since when the connection to that relay is lost, and made again. */
  relayAwaySince: Time.optional(),
  lan: Lan.optional(),
  /** Of the document alone. */
  bytes: Count,
  sha256: z.string(),
  lastFailure: z.enum(ERROR_CODES).optional(),
  warnings: z.array(z.string()),
});
export type Held = z.infer<typeof Held>;

/** A share as its owner sees it. `held` is missing for one that an earlier process kept. */
export const ShareView = ShareRecord.extend({ held: Held.optional() });
export type ShareView = z.infer<typeof ShareView>;

/** One that this process keeps. */
const LivingShare = ShareRecord.extend({ held: Held });
export type LivingShare = z.infer<typeof LivingShare>;

/** One that was just made. What comes along with its document is said here alone: a list of all shares has no room for it. */
export const NewShare = LivingShare.extend({ files: z.array(Part) });
export type NewShare = z.infer<typeof NewShare>;

const PathView = z.discriminatedUnion("by", [
  z.object({ by: z.literal("lan"), host: z.string(), port: Port }),
  z.object({ by: z.literal("relay"), relay: z.string(), room: z.string() }),
]);
export type PathView = z.infer<typeof PathView>;

export const StepView = z.discriminatedUnion("at", [
  z.object({ at: z.literal("looking") }),
  z.object({ at: z.literal("proving"), path: PathView }),
  z.object({ at: z.literal("receiving"), kind: Kind, received: Count, bytes: Count }),
  z.object({ at: z.literal("reconnecting"), until: z.iso.datetime() }),
]);
export type StepView = z.infer<typeof StepView>;

/** Something that is on its way to this user. */
export const ReceptionView = z.object({
  /** Who asked for it. */
  session: z.string(),
  room: z.string().optional(),
  since: Time,
  step: StepView,
  /** When what it waits for is given up; absent while content comes. */
  until: Time.optional(),
});
export type ReceptionView = z.infer<typeof ReceptionView>;

/** What is kept, and what waits: shares that live or ended lately, the youngest last, and what is being received. */
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

export function courseOf({ lan, relay }: ReceiveOrder): Course {
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
      // What opens a share is nobody's any more once it has ended.
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

export function viewReceived(received: Received): ReceivedView {
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
