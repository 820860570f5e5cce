/** The pipe behind every door. */
import type { Peer } from "./peer.ts";

/** Neither side may fill our memory for the other: who is too fast is not read until the other has caught up. */
export function handOn(from: Peer, to: Peer, frame: Buffer, binary: boolean): void {
  to.forward(frame, binary);
  if (!to.lagging) return;
  from.pause();
  to.whenCaughtUp(() => from.resume());
}
