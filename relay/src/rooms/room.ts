/**
 * One sender, the receivers that wait for it, and the pipe to the one whose turn it is. What goes through the pipe is
 * never looked at. A room knows nothing of other rooms, and of addresses only whom the limits count.
 */
import type { Settings } from "../config/settings.ts";
import type { HeldPlace, NetworkLimiter } from "../limits/limits.ts";
import type { Remains } from "../limits/places.ts";
import type { Emit } from "../observe/events.ts";
import { forward } from "../peers/flow.ts";
import { type Peer, type PeerOwner, remainsOf } from "../peers/peer.ts";
import { type GoneReason, parseNext, type RefusalReason } from "../wire.ts";
import { Attempts } from "./attempts.ts";
import { Queue, type Waiting } from "./queue.ts";

/** How often within `idlePairMs` a pair is checked: an idle one is parted at most a quarter too late. */
const IDLE_CHECKS = 4;

type RoomState =
  /** Nobody's turn: the next receiver is paired as soon as there is one. What the sender says reaches nobody. */
  | { at: "idle" }
  /** `quiet` waits for the receiver's first word, and from then on for a silence of both. */
  | { at: "paired"; receiver: Peer; spoke: boolean; quiet: NodeJS.Timeout }
  /** With `turns`: what the sender says may still be meant for the receiver that left, until it says NEXT. */
  | { at: "between" }
  /** The sender is lost, and may take the room back. `receiver` is the one that was cut off then, and may still be leaving. */
  | { at: "kept"; receiver: Peer | undefined; timer: NodeJS.Timeout }
  | { at: "gone" };

export interface RoomOptions {
  /** Whom the limits count for its sender. */
  readonly address: string;
  /** By the clock on the wall. */
  readonly createdMs: number;
  /** What is left of its lifetime. */
  readonly ttlMs: number;
  readonly turns: boolean;
  /** Whether it is kept for a while when its sender is lost. */
  readonly reclaim: boolean;
  /** Whether its sender learns which receivers come from the same network, without learning which network it is. */
  readonly tags: boolean;
  /** A tag for each failed attempt so far. */
  readonly failed: readonly string[];
}

export interface RoomEnd {
  readonly why: GoneReason;
  /** Whether its sender was there, and so is told. */
  readonly senderKnows: boolean;
  readonly remains: Remains;
}

export class Room implements PeerOwner {
  /** Only who says so has sent all: what was cut short never looks whole. */
  readonly takesBareClose = false;
  readonly id: string;
  readonly createdMs: number;
  #sender: Peer;
  #address: string;
  #turns: boolean;
  #reclaim: boolean;
  #tags: boolean;
  /** Whether there is a token for it, somewhere. */
  #reclaimable: boolean;
  readonly #settings: Settings;
  /** Rooms that wait for their senders, by address and network. */
  readonly #kept: NetworkLimiter;
  /** This room's place among them, while it waits for its sender. */
  #keptPlace: HeldPlace | undefined;
  readonly #emit: Emit;
  readonly #onEnded: (room: Room, end: RoomEnd) => void;
  readonly #attempts: Attempts;
  readonly #queue: Queue;
  #state: RoomState = { at: "idle" };
  #passedBytes = 0;
  #expired = false;
  /** When its sender last took it back, by `performance.now()`. */
  takenBackAt = Number.NEGATIVE_INFINITY;
  /** When its lifetime is over, by `performance.now()`, which does not jump. */
  readonly #endsAt: number;
  #timer: NodeJS.Timeout;

  constructor(
    id: string,
    sender: Peer,
    { address, createdMs, ttlMs, turns, reclaim, tags, failed }: RoomOptions,
    settings: Settings,
    kept: NetworkLimiter,
    emit: Emit,
    onEnded: (room: Room, end: RoomEnd) => void,
  ) {
    this.id = id;
    this.createdMs = createdMs;
    this.#sender = sender;
    this.#address = address;
    this.#turns = turns;
    this.#reclaim = reclaim;
    this.#reclaimable = reclaim;
    this.#tags = tags;
    this.#attempts = new Attempts(failed);
    this.#queue = new Queue(settings, this.#attempts);
    this.#settings = settings;
    this.#kept = kept;
    this.#emit = emit;
    this.#onEnded = onEnded;
    this.#endsAt = performance.now() + ttlMs;
    this.#timer = setTimeout(() => this.#expire(), ttlMs);
    this.#take(sender);
  }

  /** Whether it takes receivers at all. */
  get open(): boolean {
    return !this.#expired && this.#state.at !== "gone";
  }

  /** What is left of its lifetime. */
  get leftMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /** The same by the clock on the wall, in ms since 1970: no token of it is good for longer. */
  get expiresMs(): number {
    return Date.now() + this.leftMs;
  }

  get reclaimable(): boolean {
    return this.#reclaimable;
  }

  /** Whether no receiver is there, be the sender there or away. */
  get deserted(): boolean {
    return this.#state.at !== "paired" && this.#state.at !== "gone" && this.#queue.length === 0;
  }

  /** Whether a receiver whose turn it is has begun. */
  get serving(): boolean {
    return this.#state.at === "paired" && this.#state.spoke;
  }

  /** How many receivers wait for their turns. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Why one more receiver of this address cannot wait here; undefined if it can. */
  refusal(address: string): RefusalReason | undefined {
    if (this.#attempts.isBarred(address)) return "too_many_attempts";
    return this.#queue.hasPlaceFor(address) ? undefined : "queue_full";
  }

  /** Takes a receiver, after its ROOM_JOINED, to wait for its turn or to have it at once. */
  join(peer: Peer, address: string): void {
    peer.owner = this;
    peer.maxMessageBytes = this.#settings.maxBacklogBytes;
    const displaced = this.#queue.displacedBy(address);
    if (displaced) this.#dismiss(displaced, "queue_full", "refused");
    this.#queue.add(peer, address);
    this.#pairNext();
  }

  onFrame(peer: Peer, frame: Buffer, binary: boolean): void {
    const state = this.#state;
    if (peer === this.#sender) this.#onSenderFrame(frame, binary);
    else if (state.at === "paired" && state.receiver === peer) {
      if (!state.spoke) {
        state.spoke = true;
        clearTimeout(state.quiet);
        state.quiet = this.#watchForIdle(peer);
      }
      this.#pass(peer, this.#sender, frame, binary);
    } else this.#keepFrame(peer, frame, binary);
  }

  onOversized(peer: Peer): void {
    const waiting = this.#queue.find(peer);
    if (waiting) this.#tooMuch(waiting);
    else peer.terminate("too-big");
  }

  onGone(peer: Peer, why: GoneReason): void {
    if (peer === this.#sender) {
      if (this.#reclaim && this.open && why !== "done" && this.#kept.allows(this.#address)) this.#keep(why);
      else this.end(why);
      return;
    }
    const waiting = this.#queue.find(peer);
    if (waiting) this.#queue.remove(waiting);
    else this.#turnOver();
  }

  /**
   * The sender is back, by another connection: the next receiver's turn comes with `resumeTurns`.
   * @returns false while its old connection may still be alive; that is asked for a sign of life
   */
  takeBack(sender: Peer, { address, turns, reclaim, tags, failed }: RoomOptions): boolean {
    if (this.#state.at !== "kept") {
      this.#sender.challenge(this.#settings.challengeMs);
      return false;
    }
    clearTimeout(this.#state.timer);
    this.#keptPlace?.release();
    this.#address = address;
    this.#state.receiver?.terminate("peer-left");
    this.#state = { at: "idle" };
    this.#turns = turns;
    this.#reclaim = reclaim;
    this.#reclaimable = true;
    this.#tags = tags;
    this.takenBackAt = performance.now();
    this.#take(sender);
    this.#emit({ event: "room-reclaimed", room: this.id });
    this.#onFailed(failed);
    return true;
  }

  /** The next receiver has its turn now, if nobody else has. */
  resumeTurns(): void {
    this.#pairNext();
  }

  /** Ends the room and everybody in it. What was forwarded before still arrives. */
  end(why: GoneReason): void {
    const state = this.#state;
    if (state.at === "gone") return;
    this.#state = { at: "gone" };
    clearTimeout(this.#timer);
    this.#keptPlace?.release();
    const served = [this.#sender];
    if (state.at === "kept") {
      clearTimeout(state.timer);
      if (state.receiver) served.push(state.receiver);
    }
    this.#sender.close(why);
    if (state.at === "paired") {
      clearTimeout(state.quiet);
      served.push(state.receiver);
      // A sender that sent nothing has not finished a transfer.
      state.receiver.close(why === "done" && state.receiver.outbox.forwardedFrames === 0 ? "peer-left" : why);
    }
    if (why === "restart") this.#closeWaiting(why);
    this.#dismissWaiting("sender_disconnected", "peer-left");
    this.#onEnded(this, { why, senderKnows: state.at !== "kept", remains: remainsOf(served, why) });
  }

  #take(sender: Peer): void {
    this.#sender = sender;
    sender.owner = this;
    sender.maxMessageBytes = this.#settings.maxMessageBytes;
  }

  /** Nobody can send the present receiver what it missed, so it is closed; those that wait lose nothing by waiting on. */
  #keep(why: GoneReason): void {
    const receiver = this.#state.at === "paired" ? this.#state.receiver : undefined;
    if (this.#state.at === "paired") clearTimeout(this.#state.quiet);
    receiver?.close("peer-left");
    this.#keptPlace = this.#kept.hold(this.#address);
    this.#state = { at: "kept", receiver, timer: setTimeout(() => this.end(why), this.#settings.reclaimMs) };
    this.#emit({ event: "room-kept", why, room: this.id });
  }

  #onSenderFrame(frame: Buffer, binary: boolean): void {
    const state = this.#state;
    switch (state.at) {
      case "paired":
        this.#pass(this.#sender, state.receiver, frame, binary);
        return;
      case "between": {
        const next = parseNext(frame, binary, this.#tags);
        if (!next) return;
        this.#state = { at: "idle" };
        this.#onFailed(next.failed);
        this.#pairNext();
        return;
      }
      case "idle":
      case "kept":
      case "gone":
        return;
      default:
        state satisfies never;
    }
  }

  #pass(from: Peer, to: Peer, frame: Buffer, binary: boolean): void {
    this.#passedBytes += frame.length;
    if (this.#passedBytes > (this.#settings.maxRoomBytes ?? Number.POSITIVE_INFINITY)) this.end("used-up");
    else forward(from, to, frame, binary);
  }

  #keepFrame(peer: Peer, frame: Buffer, binary: boolean): void {
    const waiting = this.#queue.find(peer);
    if (waiting && !this.#queue.keepFrame(waiting, frame, binary)) this.#tooMuch(waiting);
  }

  #tooMuch(waiting: Waiting): void {
    this.#queue.remove(waiting);
    waiting.peer.close("too-much");
  }

  #pairNext(): void {
    if (this.#state.at !== "idle" || this.#queue.length === 0) return;
    // Each receiver may add a backlog and a frame to what waits for the sender. Not before it has taken the last one's.
    if (this.#sender.outbox.lagging) {
      this.#sender.outbox.whenCaughtUp(() => this.#pairNext());
      return;
    }
    const { peer, address, backlog } = this.#queue.takeNext();
    const spoke = backlog.length > 0;
    const quiet = spoke
      ? this.#watchForIdle(peer)
      : setTimeout(() => this.#dropQuiet(), this.#settings.quietReceiverMs);
    this.#state = { at: "paired", receiver: peer, spoke, quiet };
    peer.maxMessageBytes = this.#settings.maxMessageBytes;
    this.#sender.sendControl({
      type: "PEER_JOINED",
      peer_id: peer.id,
      ...(this.#tags && { tag: this.#attempts.tagOf(address), waiting: this.#queue.length }),
    });
    for (const { frame, binary } of backlog) this.#pass(peer, this.#sender, frame, binary);
  }

  /** The sender says which attempts failed here. */
  #onFailed(failed: readonly string[] | undefined): void {
    if (!this.#tags || failed === undefined) return;
    this.#attempts.replace(failed);
    for (const waiting of this.#queue.all()) {
      if (this.#attempts.isBarred(waiting.address)) this.#dismiss(waiting, "too_many_attempts", "refused");
    }
  }

  /** Silence while something is still to be taken is none: that is the stalled peer's matter. No timer moves with a frame. */
  #watchForIdle(receiver: Peer): NodeJS.Timeout {
    const pair = [this.#sender, receiver] as const;
    const saidBytes = () => pair[0].saidBytes + pair[1].saidBytes;
    let said = saidBytes();
    let idleChecks = 0;
    return setInterval(() => {
      const saidNow = saidBytes();
      idleChecks = said === saidNow && !pair.some((peer) => peer.owed) ? idleChecks + 1 : 0;
      said = saidNow;
      if (idleChecks >= IDLE_CHECKS) this.#dropQuiet();
    }, this.#settings.idlePairMs / IDLE_CHECKS);
  }

  #dropQuiet(): void {
    if (this.#state.at !== "paired") return;
    const { receiver } = this.#state;
    // Data that it does not take would outlive its turn, and the next quiet one could be given as much.
    if (receiver.owed) {
      receiver.terminate("quiet");
      return;
    }
    receiver.close("quiet");
    this.#turnOver();
  }

  /** The receiver whose turn it was is gone. */
  #turnOver(): void {
    const state = this.#state;
    if (state.at !== "paired") return;
    clearTimeout(state.quiet);
    this.#sender.sendControl({ type: "PEER_DISCONNECTED", peer_id: state.receiver.id });
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
      this.#dismissWaiting("room_not_found", "expired");
      this.end("expired");
      return;
    }
    this.#expired = true;
    this.#dismissWaiting("room_not_found", "expired");
    this.#timer = setTimeout(() => this.#expire(), this.#settings.overtimeMs);
  }

  #dismissWaiting(reason: RefusalReason, why: GoneReason): void {
    for (const waiting of this.#queue.all()) this.#dismiss(waiting, reason, why);
  }

  #closeWaiting(why: GoneReason): void {
    for (const waiting of this.#queue.all()) {
      this.#queue.remove(waiting);
      waiting.peer.close(why);
    }
  }

  #dismiss(waiting: Waiting, reason: RefusalReason, why: GoneReason): void {
    this.#queue.remove(waiting);
    this.#emit({ event: "refused", why: reason, address: waiting.address });
    waiting.peer.sendControl({ type: "ERROR", reason });
    waiting.peer.close(why);
  }
}
