/** The pipe at the room and pair doors: the other peer's outbox, and a brake. */
import type { Peer } from "./peer.ts";

/** Neither side may fill our memory for the other: one that is too fast is not read until the other has caught up. */
export function forward(from: Peer, to: Peer, frame: Buffer, binary: boolean): void {
  const { outbox } = to;
  outbox.forward(frame, binary);
  if (!outbox.lagging) return;
  from.pause();
  outbox.whenCaughtUp(() => from.resume());
}
