/** The tool distill_status. */
import * as z from "zod";
import { KINDS } from "../content/part.ts";
import { Lan, type ReceptionView, type ShareView } from "../service/views.ts";
import { tool } from "./tool.ts";
import { inWords, receptionInWords, timeOf } from "./view.ts";

const Output = z.object({
  hub: z
    .object({ pid: z.int(), version: z.string(), since: z.string() })
    .optional()
    .describe("The background process that keeps the shares. Absent if none runs, or if DISTILL_HUB is off."),
  shares: z.array(
    z.object({
      share_id: z.string(),
      kind: z.enum(KINDS).optional().describe("Absent for a share whose process has ended."),
      this_session: z.boolean().describe("Whether this session has made it."),
      title: z.string().describe("Empty for a share whose process has ended."),
      state: z
        .enum(["waiting", "serving", "delivered", "unconfirmed", "burned", "expired", "stopped", "failed", "lost"])
        .describe(
          "unconfirmed: all was sent, but a receipt is missing. burned: wrong attempts ended it. lost: its process was ended.",
        ),
      summary: z.string().describe("The state in words."),
      delivered: z.int().describe("Receivers from whom the right receipt came."),
      unconfirmed: z.int().describe("Receivers who were sent everything, without a receipt so far."),
      receivers: z.int().describe("How many may receive it."),
      failed_attempts: z.int().describe("Wrong codes that were tried."),
      code: z.string().optional().describe("For its owner, while the share lives and has no passphrase."),
      passphrase: z.string().optional().describe("The same of a legacy share that was given none."),
      room: z.string(),
      relay_url: z.string().optional(),
      relay_away_since: z
        .string()
        .optional()
        .describe("The relay does not answer since then; it is tried again until the share ends."),
      lan: Lan.optional(),
      bytes: z.int().optional(),
      sha256: z.string().optional(),
      created_at: z.string(),
      expires_at: z.string(),
      ended_at: z.string().optional(),
      last_failure: z.string().optional().describe("Error code of the last transfer that failed behind a right code."),
      warnings: z.array(z.string()),
    }),
  ),
  receiving: z
    .array(
      z.object({
        this_session: z.boolean(),
        room: z.string().optional(),
        state: z
          .enum(["looking", "proving", "receiving", "reconnecting"])
          .describe("reconnecting: the link broke; the sender is looked for again, and nothing is sent twice."),
        summary: z.string().describe("The state in words."),
        since: z.string(),
        until: z.string().optional().describe("When it is given up. Absent while the document comes."),
        received: z.int().optional().describe("Bytes so far, of what comes along too."),
        bytes: z.int().optional(),
      }),
    )
    .describe("What is on its way to this user."),
  installed: z
    .array(
      z.object({
        id: z.string().describe("For distill_uninstall."),
        kind: z.enum(["memory", "session"]),
        title: z.string().describe("The sender's words."),
        sender: z.string().describe("The sender's claims."),
        project: z.string(),
        session: z.string().optional().describe("For claude --resume, in that project."),
        installed_at: z.string(),
      }),
    )
    .describe("What was received and is among Claude Code's own files, the newest first."),
});

export const statusTool = tool({
  name: "distill_status",
  title: "Status of the shares",
  description: `Lists the user's shares on this machine, of all sessions, the oldest first: whether it waits or is being received, how many have it, how many wrong codes were tried, when it ends, and the code again. Those that ended are listed for a week. Lists also what is being received, and what received memory and sessions are installed.

delivered is certain: the receiver has the whole document on its disk and said so. unconfirmed means that all was sent, but that word did not come. Use it when the user asks whether a hand-off has arrived; do not poll it.`,
  input: z.strictObject({}),
  output: Output,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run(_input, context) {
    const service = await context.service();
    const { shares: held, receptions, hub } = await service.holdings();
    const shares = held.map((share) => view(share, service.session));
    const whose = (own: boolean) => (own ? "" : " (of another session)");
    const lines = shares.map(
      (it) => `${it.share_id} ${it.title === "" ? "(no title)" : it.title}${whose(it.this_session)}: ${it.summary}`,
    );
    const receiving = receptions.map((it) => viewReception(it, service.session));
    for (const { summary, this_session } of receiving) lines.push(`Receiving${whose(this_session)}: ${summary}`);
    if (hub) lines.push(`Kept by the hub ${hub.pid}, version ${hub.version}, since ${timeOf(hub.since)}.`);
    const [{ installations }, { installationLine }] = await Promise.all([
      import("../claude/record.ts"),
      import("../installing/words.ts"),
    ]);
    const there = await installations(context.config().home);
    lines.push(...there.map((it) => `Installed: ${installationLine(it)}`));
    const installed = there.map(({ id, kind, title, sender, project, session, installedAt }) => {
      const about = { id, kind, title, sender, project, installed_at: installedAt };
      return { ...about, ...(session !== undefined && { session }) };
    });
    const text = shares.length > 0 ? lines.join("\n") : ["There are no shares.", ...lines].join("\n");
    return { result: { shares, receiving, installed, ...(hub && { hub }) }, text };
  },
});

function viewReception(reception: ReceptionView, session: string): z.input<typeof Output>["receiving"][number] {
  const { step, room, since, until } = reception;
  return {
    this_session: reception.session === session,
    ...(room !== undefined && { room }),
    state: step.at,
    summary: receptionInWords(reception),
    since,
    ...(until !== undefined && { until }),
    ...(step.at === "receiving" && { received: step.received, bytes: step.bytes }),
  };
}

function view(share: ShareView, session: string): z.input<typeof Output>["shares"][number] {
  const { held } = share;
  return {
    share_id: share.id,
    this_session: share.session === session,
    title: held?.title ?? "",
    state: share.state,
    summary: inWords(share),
    delivered: share.delivered,
    unconfirmed: share.spent - share.delivered,
    receivers: share.receivers,
    failed_attempts: share.failedAttempts,
    room: share.room,
    created_at: share.createdAt,
    expires_at: share.expiresAt,
    ...(share.endedAt !== undefined && { ended_at: share.endedAt }),
    ...(held?.code !== undefined && { code: held.code }),
    ...(held?.madePassphrase !== undefined && { passphrase: held.madePassphrase }),
    ...(held?.relay !== undefined && { relay_url: held.relay }),
    ...(held?.relayAwaySince !== undefined && { relay_away_since: held.relayAwaySince }),
    ...(held?.lan && { lan: held.lan }),
    ...(held && { kind: held.kind, bytes: held.bytes, sha256: held.sha256 }),
    ...(held?.lastFailure && { last_failure: held.lastFailure }),
    warnings: held?.warnings ?? [],
  };
}
