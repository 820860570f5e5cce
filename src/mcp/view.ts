/** Shares and receptions in words for people. */
import type { ReceptionView, ShareView } from "../service/views.ts";

const IN_WORDS: Record<Exclude<ShareView["state"], "delivered">, string> = {
  waiting: "waiting",
  serving: "being received right now",
  unconfirmed: "over",
  burned: "ended by wrong attempts; share again with a new code",
  expired: "expired",
  stopped: "stopped",
  failed: "ended, because the relay has lost it",
  lost: "lost, because the process that kept it was ended",
};

/** The state of a share in words. */
export function inWords(share: ShareView): string {
  const { delivered, spent, failedAttempts } = share;
  if (share.state === "delivered") return `delivered to ${delivered} of ${share.receivers}`;
  const open = share.state === "waiting" ? ` for ${share.receivers - spent} more to receive it` : "";
  const counts = [`${delivered} of ${share.receivers} delivered`];
  if (spent > delivered) counts.push(`${spent - delivered} sent but unconfirmed`);
  if (spent > delivered && share.legacy) counts.push("which legacy always is");
  if (failedAttempts > 0) counts.push(`${failedAttempts} wrong attempts`);
  if (share.endedAt === undefined) counts.push(`until ${timeOf(share.expiresAt)}`);
  const { relayAwaySince } = share.held ?? {};
  if (share.endedAt === undefined && relayAwaySince)
    counts.push(`without its relay since ${timeOf(relayAwaySince)}, which is tried again until it ends`);
  const awaited = share.state === "unconfirmed" && share.endedAt === undefined;
  return `${awaited ? "waiting for a receipt" : IN_WORDS[share.state]}${open}; ${counts.join(", ")}`;
}

/** What a reception is waiting for, and until when. */
export function receptionInWords({ step, room, until }: ReceptionView): string {
  const sender = room === undefined ? "the sender" : `the sender of room ${room}`;
  const limit = until === undefined ? "" : `, until ${timeOf(until)}`;
  switch (step.at) {
    case "looking":
      return `looking for ${sender}${limit}`;
    case "proving":
      return `waiting for the proof of ${sender}${limit}`;
    case "receiving":
      return `${step.received} of ${step.bytes} bytes from ${sender} have come`;
    case "reconnecting":
      return `the connection was lost; looking for ${sender} again${limit}`;
    default:
      return step satisfies never;
  }
}

/** To the minute. @param time ISO 8601, in UTC. */
export function timeOf(time: string): string {
  return `${time.slice(0, 16).replace("T", " ")} UTC`;
}
