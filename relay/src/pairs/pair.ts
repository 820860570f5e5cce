/**
 * The pair door: two ends that share a code, and the pipe between them. Binary frames are forwarded as they are, both ways;
 * text is dropped. When one end leaves, the other is closed.
 */
import type { Settings } from "../config/settings.ts";
import type { Remains } from "../limits/places.ts";
import { forward } from "../peers/flow.ts";
import { type Peer, type PeerOwner, remainsOf } from "../peers/peer.ts";
import type { GoneReason } from "../wire.ts";

type PairState =
  | { at: "alone"; first: Peer; since: number; backlog: Buffer[]; backlogBytes: number }
  | { at: "paired"; first: Peer; second: Peer }
  | { at: "gone" };

export class Pair implements PeerOwner {
  readonly takesBareClose = true;
  readonly #settings: Settings;
  readonly #gone: (why: GoneReason, remains: Remains) => void;
  #state: PairState;

  /** @param gone called once, when the pair is over and its code free again. */
  constructor(first: Peer, settings: Settings, now: number, gone: (why: GoneReason, remains: Remains) => void) {
    this.#settings = settings;
    this.#gone = gone;
    this.#state = { at: "alone", first, since: now, backlog: [], backlogBytes: 0 };
    first.owner = this;
    // What it says before the other has come is kept, within limits.
    first.maxMessageBytes = settings.maxBacklogBytes;
  }

  get sides(): number {
    return this.#state.at === "paired" ? 2 : 1;
  }

  /** Since when its first side waits alone; undefined if it does not. */
  get aloneSince(): number | undefined {
    return this.#state.at === "alone" ? this.#state.since : undefined;
  }

  /** The second side has come. Once. */
  join(second: Peer): void {
    if (this.#state.at !== "alone") return;
    const { first, backlog } = this.#state;
    this.#state = { at: "paired", first, second };
    second.owner = this;
    for (const peer of [first, second]) peer.maxMessageBytes = this.#settings.maxMessageBytes;
    for (const frame of backlog) forward(first, second, frame, true);
  }

  onFrame(peer: Peer, frame: Buffer, binary: boolean): void {
    if (!binary) return;
    const state = this.#state;
    switch (state.at) {
      case "paired":
        forward(peer, peer === state.first ? state.second : state.first, frame, binary);
        return;
      case "alone": {
        const { maxBacklogBytes, maxBacklogFrames } = this.#settings;
        if (state.backlogBytes + frame.length > maxBacklogBytes || state.backlog.length >= maxBacklogFrames) {
          this.end("too-much");
          return;
        }
        state.backlogBytes += frame.length;
        state.backlog.push(Buffer.from(frame));
        return;
      }
      case "gone":
        return;
      default:
        state satisfies never;
    }
  }

  onOversized(peer: Peer): void {
    if (this.#state.at === "alone") this.end("too-much");
    else peer.terminate("too-big");
  }

  /** A clean close is passed on as one; every other end has its own code. */
  onGone(_peer: Peer, why: GoneReason): void {
    this.end(why);
  }

  /** Ends both sides. What was forwarded before still arrives. */
  end(why: GoneReason): void {
    const state = this.#state;
    if (state.at === "gone") return;
    this.#state = { at: "gone" };
    const sides = state.at === "paired" ? [state.first, state.second] : [state.first];
    for (const side of sides) side.close(why);
    this.#gone(why, remainsOf(sides, why));
  }
}
