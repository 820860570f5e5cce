/** A share as more than one tool shows it. */
import * as z from "zod";
import type { LanPath, Share, ShareState } from "../share/sender.ts";

/** Where a share can be had on its network. */
export const Lan = z.object({
  instance: z
    .string()
    .optional()
    .describe("Its name in mDNS; absent if it is not announced: then the receiver needs host."),
  port: z.int(),
  addresses: z.array(z.string()),
});

export function lanOf({ instance, port, addresses }: LanPath): z.input<typeof Lan> {
  return { ...(instance !== undefined && { instance }), port, addresses: [...addresses] };
}

const IN_WORDS: Record<Exclude<ShareState, "delivered">, string> = {
  waiting: "waiting",
  serving: "being received right now",
  unconfirmed: "over",
  burned: "ended by wrong attempts; share again with a new code",
  expired: "expired",
  stopped: "stopped",
  failed: "ended, because the connection to the relay was lost",
};

/** The state of a share as a person would say it. */
export function inWords(share: Share): string {
  const { delivered, spent, failedAttempts } = share.gate.counts;
  if (share.state === "delivered") return `delivered to ${delivered} of ${share.receivers}`;
  const open = share.state === "waiting" ? ` for ${share.receivers - spent} more to receive it` : "";
  const counts = [`${delivered} of ${share.receivers} delivered`];
  if (spent > delivered) counts.push(`${spent - delivered} sent but unconfirmed`);
  if (spent > delivered && share.legacy) counts.push("which legacy always is");
  if (failedAttempts > 0) counts.push(`${failedAttempts} wrong attempts`);
  if (share.endedAt === undefined) counts.push(`until ${timeOf(share.expiresAt)}`);
  const awaited = share.state === "unconfirmed" && share.endedAt === undefined;
  return `${awaited ? "waiting for a receipt" : IN_WORDS[share.state]}${open}; ${counts.join(", ")}`;
}

/** To the minute. */
export function timeOf(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
