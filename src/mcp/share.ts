/** The tool distill_share. */

import * as z from "zod";
import { formatHost, isLoopback, wireCautions } from "../address.ts";
import { KINDS } from "../content/part.ts";
import { MAX_LIFETIME_MS, MAX_RECEIVERS, MAX_TITLE_CHARS } from "../limits.ts";
import type { Cleaned } from "../outgoing/cleaning.ts";
import { LanView, type NewShare } from "../service/views.ts";
import { MODES } from "../share/terms.ts";
import { CleanedView, DRAFT, OfferedFile, prepare, viewCleaned } from "./draft.ts";
import { relayFor } from "./relay.ts";
import { tool } from "./tool.ts";
import { timeOf } from "./view.ts";

const MAX_EXPIRES_MINUTES = MAX_LIFETIME_MS / 60_000;

const DESCRIPTION = `Hands a document over to another person or machine: normally the distillation (hand-off document) of this session.

It is frozen, encrypted end to end, and offered under one short code. The call returns as soon as the share is ready; it is then served in the background until it is delivered, stopped, expired (expires_minutes), or ended by ten wrong attempts. It goes on when this Claude Code has ended: a process in the background keeps it.

Give one of handoff (the parts, rendered to one fixed form), content (Markdown) and path (a file that is already written). Secrets that are recognised are replaced, and paths shortened: cleaned says how many. Not all can be recognised: write none into it. distill_preview shows what would leave.
kind memory shares what is remembered of this project (content: your distillation of it; raw: the files), kind sessions the conversations that the user picked from distill_sessions.
Without passphrase a strong code is made; pass one only if the user chose one.
mode: auto (default) offers it on this network (found by mDNS) and on the relay, if one is known; lan on this network only; relay on the relay only. A relay is known if relay_url or DISTILL_RELAY_URL is given.

Afterwards give the user the text in tell_receiver word for word, and the warnings if there are any: it is what the receiver needs. Whoever has the code can get the document, so it belongs in a channel that the user trusts. distill_status tells whether it was delivered; distill_stop ends it.`;

const Input = z.strictObject({
  ...DRAFT,
  title: z
    .string()
    .optional()
    .describe("One line that says what it is about. Default: the first line of the goal, or the first heading."),
  passphrase: z
    .string()
    .optional()
    .describe("Only if the user chose one: 6 to 1024 characters, agreed with the receiver. Default: a code is made."),
  mode: z.enum(MODES).default("auto").describe("Where to offer it. Default: auto."),
  relay_url: z.string().optional().describe("wss://host or ws://host:port. Default: DISTILL_RELAY_URL."),
  receivers: z.int().min(1).max(MAX_RECEIVERS).default(1).describe("How many people may receive it. Default: 1."),
  legacy: z
    .boolean()
    .default(false)
    .describe(
      "Only if the user asks for it, for a receiver with the original Python tools: version 1, weaker, at most 5 MiB, never confirmed.",
    ),
  expires_minutes: z
    .number()
    .min(1)
    .max(MAX_EXPIRES_MINUTES)
    .default(30)
    .describe(
      "Minutes until it ends, whoever came by then; a transfer that runs may finish. At most 1440. Default: 30; a relay may allow less.",
    ),
});

const Output = z.object({
  share_id: z.string().describe("For distill_stop."),
  code: z.string().optional().describe("What the receiver types. Absent where the user chose a passphrase."),
  passphrase: z.string().optional().describe("Of a legacy share that was given none: what the receiver types."),
  kind: z.enum(KINDS),
  room: z.string().describe("The public half of the code; with a passphrase, the receiver needs it on a relay."),
  mode: z.enum(MODES),
  relay_url: z.string().optional().describe("The relay that holds the share, if one does."),
  lan: LanView.optional().describe("Where it can be had on this network."),
  expires_at: z.string().describe("ISO 8601, UTC."),
  receivers: z.int(),
  bytes: z.int(),
  sha256: z.string().describe("Of the document's bytes; the receiver is shown the same."),
  files: z.array(OfferedFile).describe("What comes along with the document."),
  cleaned: CleanedView,
  suggestions: z.array(z.string()).describe("What the hand-off lacks, and what stays away."),
  tell_receiver: z.string().describe("To be given to the user word for word."),
  warnings: z.array(z.string()),
});

/** The skill with which a receiver takes each kind. */
const SKILLS = {
  distillation: "/distill-receive",
  memory: "/memory-receive",
  sessions: "/sessions-receive",
} as const;

export const shareTool = tool({
  name: "distill_share",
  title: "Share a distillation",
  description: DESCRIPTION,
  input: Input,
  output: Output,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  async run(input, context, call) {
    const config = context.config();
    const relay = relayFor(input.relay_url, config);
    const warnings: string[] = [];
    if (input.passphrase !== undefined) {
      const check = input.legacy
        ? (await import("../legacy/passphrase.ts")).checkLegacyPassphrase
        : (await import("../share/code.ts")).checkPassphrase;
      const warning = check(input.passphrase);
      if (warning) warnings.push(warning);
    }
    const { cleanLine } = await import("../untrusted/clean.ts");
    await using prepared = await prepare(input, config, { documentOnly: input.legacy, signal: call.signal });
    const { materials, title, advice, cleaning } = prepared;
    const service = await context.service();
    const share = await service.share(
      {
        kind: input.kind,
        ...(title !== undefined && { title: cleanLine(title, MAX_TITLE_CHARS) }),
        ...(input.passphrase !== undefined && { passphrase: input.passphrase }),
        mode: input.mode,
        legacy: input.legacy,
        announce: config.mdns,
        ...(relay && { relay }),
        receivers: input.receivers,
        lifetimeMs: input.expires_minutes * 60_000,
      },
      materials,
      call.signal,
    );
    if (input.mode === "lan" && input.relay_url !== undefined) warnings.push("relay_url was not used: mode is lan.");
    warnings.push(...share.held.warnings, ...(await cautionsOf(share, input.expires_minutes)));
    const told = tellReceiver(share);
    const { code, madePassphrase, relay: relay_url, lan, bytes, sha256 } = share.held;
    const { files } = share;
    const result = {
      share_id: share.id,
      ...(code !== undefined && { code }),
      ...(madePassphrase !== undefined && { passphrase: madePassphrase }),
      kind: input.kind,
      room: share.room,
      mode: input.mode,
      ...(relay_url !== undefined && { relay_url }),
      ...(lan && { lan }),
      expires_at: share.expiresAt,
      receivers: share.receivers,
      bytes,
      sha256,
      files,
      cleaned: viewCleaned(cleaning.cleaned),
      suggestions: [...advice],
      tell_receiver: told,
      warnings,
    };
    const lines = [
      told,
      ...cleanedInWords(cleaning.cleaned),
      ...files.map(({ name, role, bytes: size }) => `Comes along: ${name} (${role}, ${size} bytes)`),
      ...advice.map((it) => `Suggestion: ${it}`),
      ...warnings.map((warning) => `Warning: ${warning}`),
    ];
    return { result, text: lines.join("\n") };
  },
});

function cleanedInWords({ secrets, paths }: Cleaned): string[] {
  const shortened = paths > 0 ? [`${paths} paths were shortened.`] : [];
  const replaced = secrets > 0 ? [`${secrets} secrets were replaced by placeholders.`] : [];
  return [...replaced, ...shortened];
}

async function cautionsOf(share: NewShare, askedMinutes: number): Promise<string[]> {
  const cautions: string[] = [];
  const relay = share.held.relay === undefined ? undefined : new URL(share.held.relay);
  if (share.legacy) cautions.push((await import("../legacy/version1.ts")).EXPOSED);
  const minutes = Math.round((Date.parse(share.expiresAt) - Date.parse(share.createdAt)) / 60_000);
  if (minutes < Math.floor(askedMinutes)) {
    const everywhere = share.held.lan ? ", on this network too" : "";
    cautions.push(`The relay keeps a share for ${minutes} minutes at most: it ends then${everywhere}.`);
  }
  if (share.receivers > 1) {
    cautions.push(
      "Each receiver knows the secret, and could pose as the sender towards the others: among people who do not trust each other, share once for each.",
    );
  }
  if (relay && isLoopback(relay)) {
    cautions.push("The relay's address is of this machine: receivers on other machines cannot reach it.");
  }
  cautions.push(...wireCautions(relay));
  return cautions;
}

/** Everything that one person has to tell the other. */
function tellReceiver({ room, legacy, expiresAt, held }: NewShare): string {
  const { kind, code, lan, madePassphrase } = held;
  const host = lan && `--host ${formatHost(lan.addresses[0] ?? "127.0.0.1", lan.port)}`;
  const relay = held.relay && `--relay ${held.relay}`;
  const command = (way: string | undefined) =>
    [
      SKILLS[kind],
      code,
      legacy && "--legacy",
      way,
      code === undefined && `--room ${room} ${madePassphrase ?? "<passphrase>"}`,
    ]
      .filter(Boolean)
      .join(" ");
  const first = relay ?? (lan?.instance === undefined ? host : undefined);
  return [
    `To receive it, paste this line into Claude Code with Claude Spread, by ${timeOf(expiresAt)}:`,
    command(first),
    ...(host && first !== host ? ["If it is not found, on the same network:", command(host)] : []),
    ...(legacy ? [`With the original Python tools: room ${room}, and the passphrase.`] : []),
    ...(code === undefined && madePassphrase === undefined
      ? ["Put the passphrase that you agreed on where it says <passphrase>."]
      : []),
  ].join("\n");
}
