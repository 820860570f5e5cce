/** The closed sets of a share: the ways to it, where it is offered, and what state it is in. Nothing is imported here. */

/** The ways to a sender: this network, or a relay. */
export const WAYS = ["lan", "relay"] as const;

/** Where a share is offered, or looked for. auto: every way that is possible. */
export const MODES = ["auto", ...WAYS] as const;
export type Mode = (typeof MODES)[number];

/** The states of a share that its own process knows. */
export const SHARE_STATES = [
  "waiting", // nobody is being served
  "serving", // a transfer is running
  "delivered", // the right receipt came from every receiver
  "unconfirmed", // everything was sent, but a receipt is missing; until it ends, the share waits for it
  "burned", // ended by wrong attempts
  "expired",
  "stopped", // by its user
  "failed", // no way is left by which a receiver could come
] as const;
export type ShareState = (typeof SHARE_STATES)[number];
