/**
 * One sender, the receivers that wait for it, and the pipe to the one whose turn it is. What goes through the pipe is
 * never looked at. A room knows nothing of other rooms, addresses or limits per address.
 */
import type { Settings } from "./config.ts";
import type { Peer, PeerOwner } from "./peer.ts";
import { type GoneReason, isNext } from "./wire.ts";

type State =
  /** Nobody's turn: the next receiver is paired as soon as there is one. What the sender says reaches nobody. */
  | { at: "idle" }
  /** `quiet` runs until the receiver has said its first word. */
  | { at: "paired"; receiver: Peer; quiet: NodeJS.Timeout | undefined }
  /** With `turns`: what the sender says may still be meant for the receiver that left, until it says NEXT. */
  | { at: "between" }
  | { at: "gone" };

interface Waiting {
  peer: Peer;
  backlog: { frame: Buffer; binary: boolean }[];
  backlogBytes: number;
}

export class Room implements PeerOwner {
  readonly id: string;
  readonly #sender: Peer;
  readonly #turns: boolean;
  readonly #settings: Settings;
  readonly #gone: (room: Room, why: GoneReason) => void;
  readonly #queue: Waiting[] = [];
  #state: State = { at: "idle" };
  #expired = false;
  #timer: NodeJS.Timeout;

  constructor(
    id: string,
    sender: Peer,
    options: { ttlMs: number; turns: boolean },
    settings: Settings,
    gone: (room: Room, why: GoneReason) => void,
  ) {
    this.id = id;
    this.#sender = sender;
    this.#turns = options.turns;
    this.#settings = settings;
    this.#gone = gone;
    this.#timer = setTimeout(() => this.#expire(), options.ttlMs);
    sender.owner = this;
  }

  /** Whether it takes receivers at all. */
  get open(): boolean {
    return !this.#expired && this.#state.at !== "gone";
  }

  get full(): boolean {
    return this.#queue.length >= this.#settings.maxWaiting;
  }

  /** Takes a receiver, which has been told so, to wait for its turn or to have it at once. */
  join(peer: Peer): void {
    peer.owner = this;
    this.#queue.push({ peer, backlog: [], backlogBytes: 0 });
    this.#pairNext();
  }

  heard(peer: Peer, frame: Buffer, binary: boolean): void {
    const state = this.#state;
    if (peer === this.#sender) this.#heardSender(frame, binary);
    else if (state.at === "paired" && state.receiver === peer) {
      clearTimeout(state.quiet);
      this.#pass(peer, this.#sender, frame, binary);
    } else this.#keep(peer, frame, binary);
  }

  lost(peer: Peer, why: GoneReason): void {
    if (peer === this.#sender) {
      this.end(why);
      return;
    }
    const at = this.#queue.findIndex((waiting) => waiting.peer === peer);
    if (at >= 0) this.#queue.splice(at, 1);
    else this.#turnOver();
  }

  /** Ends the room and everybody in it. What was handed on before still arrives. */
  end(why: GoneReason): void {
    const state = this.#state;
    if (state.at === "gone") return;
    this.#state = { at: "gone" };
    clearTimeout(this.#timer);
    this.#sender.leave(why);
    if (state.at === "paired") {
      clearTimeout(state.quiet);
      state.receiver.leave(why);
    }
    for (const { peer } of this.#queue.splice(0)) {
      if (why !== "restart") peer.say({ type: "ERROR", reason: "sender_disconnected" });
      peer.leave(why === "restart" ? why : "peer-left");
    }
    this.#gone(this, why);
  }

  #heardSender(frame: Buffer, binary: boolean): void {
    const state = this.#state;
    switch (state.at) {
      case "paired":
        this.#pass(this.#sender, state.receiver, frame, binary);
        return;
      case "between":
        if (frame.length > this.#settings.maxRequestBytes || !isNext(frame, binary)) return;
        this.#state = { at: "idle" };
        this.#pairNext();
        return;
      case "idle":
      case "gone":
        return;
      default:
        state satisfies never;
    }
  }

  /** Neither side may fill our memory for the other: who is too fast is not read until the other has caught up. */
  #pass(from: Peer, to: Peer, frame: Buffer, binary: boolean): void {
    to.forward(frame, binary);
    if (!to.lagging) return;
    from.pause();
    to.whenCaughtUp(() => from.resume());
  }

  #keep(peer: Peer, frame: Buffer, binary: boolean): void {
    const waiting = this.#queue.find((one) => one.peer === peer);
    if (!waiting) return;
    const { maxBacklogBytes, maxBacklogFrames } = this.#settings;
    if (waiting.backlogBytes + frame.length > maxBacklogBytes || waiting.backlog.length >= maxBacklogFrames) {
      this.#queue.splice(this.#queue.indexOf(waiting), 1);
      peer.leave("too-much");
      return;
    }
    waiting.backlogBytes += frame.length;
    waiting.backlog.push({ frame: Buffer.from(frame), binary });
  }

  #pairNext(): void {
    if (this.#state.at !== "idle" || this.#queue.length === 0) return;
    // Each receiver may add a backlog and a frame to what waits for the sender. Not before it has taken the last one's.
    if (this.#sender.lagging) {
      this.#sender.whenCaughtUp(() => this.#pairNext());
      return;
    }
    const next = this.#queue.shift();
    if (!next) return;
    const { peer, backlog } = next;
    const quiet =
      backlog.length === 0 ? setTimeout(() => this.#dropQuiet(), this.#settings.quietReceiverMs) : undefined;
    this.#state = { at: "paired", receiver: peer, quiet };
    this.#sender.say({ type: "PEER_JOINED", peer_id: peer.id });
    for (const { frame, binary } of backlog) this.#pass(peer, this.#sender, frame, binary);
  }

  #dropQuiet(): void {
    if (this.#state.at !== "paired") return;
    this.#state.receiver.leave("quiet");
    this.#turnOver();
  }

  /** The receiver whose turn it was is gone. */
  #turnOver(): void {
    const state = this.#state;
    if (state.at !== "paired") return;
    clearTimeout(state.quiet);
    this.#sender.say({ type: "PEER_DISCONNECTED", peer_id: state.receiver.id });
    if (this.#expired) {
      this.end("expired");
      return;
    }
    this.#state = this.#turns ? { at: "between" } : { at: "idle" };
    this.#sender.resume();
    this.#pairNext();
  }

  /** Called at the end of the room's lifetime, and for a transfer that ran then, once more at the end of its overtime. */
  #expire(): void {
    if (this.#expired || this.#state.at !== "paired") {
      this.#dismissWaiting();
      this.end("expired");
      return;
    }
    this.#expired = true;
    this.#dismissWaiting();
    this.#timer = setTimeout(() => this.#expire(), this.#settings.overtimeMs);
  }

  #dismissWaiting(): void {
    for (const { peer } of this.#queue.splice(0)) {
      peer.say({ type: "ERROR", reason: "room_not_found" });
      peer.leave("expired");
    }
  }
}
