/**
 * One sender, the receivers that wait for it, and the pipe to the one whose turn it is. What goes through the pipe is
 * never looked at. A room knows nothing of other rooms, and of addresses only whom the limits count.
 */

import { createHmac, randomBytes } from "node:crypto";
import type { Settings } from "../config/settings.ts";
import type { AddressLimiter } from "../limits/limits.ts";
import { circlesOf, networkOf } from "../limits/networks.ts";
import type { Watch } from "../observe/events.ts";
import { handOn } from "../peers/flow.ts";
import type { Peer, PeerOwner } from "../peers/peer.ts";
import { type GoneReason, parseNext, type RefusedReason } from "../wire.ts";

/** How often within `idlePairMs` a pair is looked at: an idle one is parted at most a quarter too late. */
const IDLE_LOOKS = 4;

/** Of a tag, and of the key that makes a room's tags: nobody else can tell whose tag it is. */
const TAG_BYTES = 8;
const TAG_KEY_BYTES = 16;

/** Failed attempts behind which a network gets no turn any more. */
const MAX_FAILED = 3;

/** Addresses and networks whose turns are counted in a room. Of more, the one that had its turn longest ago is forgotten. */
const MAX_COUNTED = 300;

type State =
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
  /** Whether its sender is told which receivers come from one network, without being told from which. */
  readonly tags: boolean;
  /** A tag for each failed attempt so far. */
  readonly failed: readonly string[];
}

interface Waiting {
  peer: Peer;
  address: string;
  backlog: { frame: Buffer; binary: boolean }[];
  backlogBytes: number;
}

export class Room implements PeerOwner {
  readonly id: string;
  readonly createdMs: number;
  #sender: Peer;
  #address: string;
  #turns: boolean;
  #reclaim: boolean;
  #tags: boolean;
  /** Made when it is first needed. */
  #tagKey: Buffer | undefined;
  #failed: readonly string[];
  /** Whether there is a token for it, somewhere. */
  #reclaimable: boolean;
  /** How many turns addresses and networks had, by the keys of their circles; who had one last stands last. */
  #had: Map<string, number> | undefined;
  readonly #settings: Settings;
  /** Rooms that wait for their senders, by address. */
  readonly #kept: AddressLimiter;
  readonly #watch: Watch;
  readonly #gone: (room: Room, why: GoneReason, allClosed: Promise<unknown>) => void;
  readonly #queue: Waiting[] = [];
  #state: State = { at: "idle" };
  #passedBytes = 0;
  #expired = false;
  /** When its lifetime is over, by `performance.now()`, which does not jump. */
  readonly #endsAt: number;
  #timer: NodeJS.Timeout;

  constructor(
    id: string,
    sender: Peer,
    { address, createdMs, ttlMs, turns, reclaim, tags, failed }: RoomOptions,
    settings: Settings,
    kept: AddressLimiter,
    watch: Watch,
    gone: (room: Room, why: GoneReason, allClosed: Promise<unknown>) => void,
  ) {
    this.id = id;
    this.createdMs = createdMs;
    this.#sender = sender;
    this.#address = address;
    this.#turns = turns;
    this.#reclaim = reclaim;
    this.#reclaimable = reclaim;
    this.#tags = tags;
    this.#failed = failed;
    this.#settings = settings;
    this.#kept = kept;
    this.#watch = watch;
    this.#gone = gone;
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

  /** Whether nobody is there but its sender, who is not away either. */
  get deserted(): boolean {
    return (this.#state.at === "idle" || this.#state.at === "between") && this.#queue.length === 0;
  }

  /** Whether a receiver whose turn it is has begun. */
  get serving(): boolean {
    return this.#state.at === "paired" && this.#state.spoke;
  }

  /** How many receivers wait for their turns. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Why one more receiver of this address cannot wait here. A network may have half of the queue. */
  refusal(address: string): RefusedReason | undefined {
    if (this.#failures(address) >= MAX_FAILED) return "too_many_attempts";
    const { maxWaiting, maxWaitingPerAddress } = this.#settings;
    const full = circlesOf(address).some(({ key, width }) => {
      const max = width === 0 ? maxWaitingPerAddress : Math.max(maxWaitingPerAddress, Math.floor(maxWaiting / 2));
      return this.#waitingOf(key) >= max;
    });
    if (full || (this.#queue.length >= maxWaiting && !this.#lastOfTheMany(address))) return "queue_full";
    return undefined;
  }

  /** Takes a receiver, which has been told so, to wait for its turn or to have it at once. */
  join(peer: Peer, address: string): void {
    peer.owner = this;
    peer.maxMessageBytes = this.#settings.maxBacklogBytes;
    if (this.#queue.length >= this.#settings.maxWaiting) {
      const last = this.#lastOfTheMany(address);
      if (last) this.#dismiss(last, "queue_full", "refused");
    }
    this.#queue.push({ peer, address, backlog: [], backlogBytes: 0 });
    this.#pairNext();
  }

  heard(peer: Peer, frame: Buffer, binary: boolean): void {
    const state = this.#state;
    if (peer === this.#sender) this.#heardSender(frame, binary);
    else if (state.at === "paired" && state.receiver === peer) {
      if (!state.spoke) {
        state.spoke = true;
        clearTimeout(state.quiet);
        state.quiet = this.#watchForIdle(peer);
      }
      this.#pass(peer, this.#sender, frame, binary);
    } else this.#keepFrame(peer, frame, binary);
  }

  overlong(peer: Peer): void {
    const waiting = this.#queue.find((one) => one.peer === peer);
    if (waiting) this.#tooMuch(waiting);
    else peer.cut("too-big");
  }

  lost(peer: Peer, why: GoneReason): void {
    if (peer === this.#sender) {
      if (this.#reclaim && this.open && why !== "done" && this.#kept.allows(this.#address)) this.#keep(why);
      else this.end(why);
      return;
    }
    const at = this.#queue.findIndex((waiting) => waiting.peer === peer);
    if (at >= 0) this.#queue.splice(at, 1);
    else this.#turnOver();
  }

  /**
   * The sender is back, by another connection: the next receiver's turn comes with `goOn`. @returns false while the one that
   * it has still shows signs of life; it is asked for one.
   */
  takeBack(sender: Peer, { address, turns, reclaim, tags, failed }: RoomOptions): boolean {
    if (this.#state.at !== "kept") {
      this.#sender.challenge(this.#settings.challengeMs);
      return false;
    }
    clearTimeout(this.#state.timer);
    this.#kept.release(this.#address);
    this.#address = address;
    this.#state.receiver?.cut("peer-left");
    this.#state = { at: "idle" };
    this.#turns = turns;
    this.#reclaim = reclaim;
    this.#reclaimable = true;
    this.#tags = tags;
    this.#take(sender);
    this.#watch({ event: "room-reclaimed", room: this.id });
    this.#hearOfFailed(failed);
    return true;
  }

  /** The receiver that waits longest has its turn now, if nobody else has. */
  goOn(): void {
    this.#pairNext();
  }

  /** Ends the room and everybody in it. What was handed on before still arrives. */
  end(why: GoneReason): void {
    const state = this.#state;
    if (state.at === "gone") return;
    this.#state = { at: "gone" };
    clearTimeout(this.#timer);
    const handed = [this.#sender];
    if (state.at === "kept") {
      clearTimeout(state.timer);
      this.#kept.release(this.#address);
      if (state.receiver) handed.push(state.receiver);
    }
    this.#sender.leave(why);
    if (state.at === "paired") {
      clearTimeout(state.quiet);
      handed.push(state.receiver);
      // Nothing at all is no finished transfer.
      state.receiver.leave(why === "done" && !state.receiver.wasHandedData ? "peer-left" : why);
    }
    if (why === "restart") for (const { peer } of this.#queue.splice(0)) peer.leave(why);
    this.#dismissWaiting("sender_disconnected", "peer-left");
    this.#gone(this, why, Promise.all(handed.map((peer) => peer.closed)));
  }

  #take(sender: Peer): void {
    this.#sender = sender;
    sender.owner = this;
    sender.maxMessageBytes = this.#settings.maxMessageBytes;
  }

  /** The receiver whose turn it is cannot be told what it missed; those that wait lose nothing by waiting. */
  #keep(why: GoneReason): void {
    const receiver = this.#state.at === "paired" ? this.#state.receiver : undefined;
    if (this.#state.at === "paired") clearTimeout(this.#state.quiet);
    receiver?.leave("peer-left");
    this.#kept.hold(this.#address);
    this.#state = { at: "kept", receiver, timer: setTimeout(() => this.end(why), this.#settings.reclaimMs) };
    this.#watch({ event: "room-kept", why, room: this.id });
  }

  #heardSender(frame: Buffer, binary: boolean): void {
    const state = this.#state;
    switch (state.at) {
      case "paired":
        this.#pass(this.#sender, state.receiver, frame, binary);
        return;
      case "between": {
        const next = parseNext(frame, binary, this.#tags);
        if (!next) return;
        this.#state = { at: "idle" };
        this.#hearOfFailed(next.failed);
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
    else handOn(from, to, frame, binary);
  }

  #keepFrame(peer: Peer, frame: Buffer, binary: boolean): void {
    const waiting = this.#queue.find((one) => one.peer === peer);
    if (!waiting) return;
    const { maxBacklogBytes, maxBacklogFrames } = this.#settings;
    if (waiting.backlogBytes + frame.length > maxBacklogBytes || waiting.backlog.length >= maxBacklogFrames) {
      this.#tooMuch(waiting);
      return;
    }
    waiting.backlogBytes += frame.length;
    waiting.backlog.push({ frame: Buffer.from(frame), binary });
  }

  #tooMuch(waiting: Waiting): void {
    this.#queue.splice(this.#queue.indexOf(waiting), 1);
    waiting.peer.leave("too-much");
  }

  #pairNext(): void {
    if (this.#state.at !== "idle" || this.#queue.length === 0) return;
    // Each receiver may add a backlog and a frame to what waits for the sender. Not before it has taken the last one's.
    if (this.#sender.lagging) {
      this.#sender.whenCaughtUp(() => this.#pairNext());
      return;
    }
    const { peer, address, backlog } = this.#takeNext();
    const spoke = backlog.length > 0;
    const quiet = spoke
      ? this.#watchForIdle(peer)
      : setTimeout(() => this.#dropQuiet(), this.#settings.quietReceiverMs);
    this.#state = { at: "paired", receiver: peer, spoke, quiet };
    peer.maxMessageBytes = this.#settings.maxMessageBytes;
    this.#sender.say({
      type: "PEER_JOINED",
      peer_id: peer.id,
      ...(this.#tags && { tag: this.#tagOf(address), waiting: this.#queue.length }),
    });
    for (const { frame, binary } of backlog) this.#pass(peer, this.#sender, frame, binary);
  }

  /**
   * Out of the queue, which is not empty: networks of failed attempts behind all others, then by the turns that network and
   * address had, and then first come, first served. So who comes again and again waits for everybody who has come once.
   */
  #takeNext(): Waiting {
    const rank = ({ address }: Waiting) => {
      const circles = [...circlesOf(address)].reverse();
      return [Math.min(1, this.#failures(address)), ...circles.map(({ key }) => this.#had?.get(key) ?? 0)];
    };
    const first = this.#queue.map(rank).reduce((best, next, at, ranks) => (isBelow(next, ranks[best]) ? at : best), 0);
    const next = this.#queue.splice(first, 1)[0] as Waiting;
    this.#countTurn(next.address);
    return next;
  }

  #countTurn(address: string): void {
    this.#had ??= new Map();
    for (const { key } of circlesOf(address)) {
      const turns = this.#had.get(key) ?? 0;
      this.#had.delete(key);
      this.#had.set(key, turns + 1);
    }
    for (const oldest of this.#had.keys()) {
      if (this.#had.size <= MAX_COUNTED) break;
      this.#had.delete(oldest);
    }
  }

  /** Two rooms never have the same tag for one network: what one sender knows of its visitors says nothing to another. */
  #tagOf(address: string): string {
    this.#tagKey ??= randomBytes(TAG_KEY_BYTES);
    const mac = createHmac("sha256", this.#tagKey).update(networkOf(address));
    return mac.digest().subarray(0, TAG_BYTES).toString("hex");
  }

  #failures(address: string): number {
    if (this.#failed.length === 0) return 0;
    const tag = this.#tagOf(address);
    return this.#failed.filter((failed) => failed === tag).length;
  }

  /** The sender's word of the attempts that failed here. */
  #hearOfFailed(failed: readonly string[] | undefined): void {
    if (!this.#tags || failed === undefined) return;
    this.#failed = failed;
    for (const waiting of [...this.#queue]) {
      if (this.#failures(waiting.address) >= MAX_FAILED) this.#dismiss(waiting, "too_many_attempts", "refused");
    }
  }

  #waitingOf(circle: string): number {
    return this.#queue.filter(({ address }) => circlesOf(address).some(({ key }) => key === circle)).length;
  }

  /** Who has to leave a full queue for one more of this address: the last to come of the network that has most, if it has more. */
  #lastOfTheMany(address: string): Waiting | undefined {
    const counts = this.#queue.map((waiting) => this.#waitingOf(networkOf(waiting.address)));
    const most = Math.max(...counts);
    return most > this.#waitingOf(networkOf(address)) + 1 ? this.#queue[counts.lastIndexOf(most)] : undefined;
  }

  /** Silence while something is still to be taken is none: that is the stalled peer's matter. No timer moves with a frame. */
  #watchForIdle(receiver: Peer): NodeJS.Timeout {
    const pair = [this.#sender, receiver] as const;
    const saidBytes = () => pair[0].saidBytes + pair[1].saidBytes;
    let said = saidBytes();
    let looks = 0;
    return setInterval(() => {
      const saidNow = saidBytes();
      looks = said === saidNow && !pair.some((peer) => peer.owed) ? looks + 1 : 0;
      said = saidNow;
      if (looks >= IDLE_LOOKS) this.#dropQuiet();
    }, this.#settings.idlePairMs / IDLE_LOOKS);
  }

  #dropQuiet(): void {
    if (this.#state.at !== "paired") return;
    const { receiver } = this.#state;
    // Data that it does not take would outlive its turn, and the next quiet one could be given as much.
    if (receiver.owed) {
      receiver.cut("quiet");
      return;
    }
    receiver.leave("quiet");
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
      this.#dismissWaiting("room_not_found", "expired");
      this.end("expired");
      return;
    }
    this.#expired = true;
    this.#dismissWaiting("room_not_found", "expired");
    this.#timer = setTimeout(() => this.#expire(), this.#settings.overtimeMs);
  }

  #dismissWaiting(reason: RefusedReason, why: GoneReason): void {
    for (const waiting of [...this.#queue]) this.#dismiss(waiting, reason, why);
  }

  #dismiss(waiting: Waiting, reason: RefusedReason, why: GoneReason): void {
    this.#queue.splice(this.#queue.indexOf(waiting), 1);
    this.#watch({ event: "refused", why: reason, address: waiting.address });
    waiting.peer.say({ type: "ERROR", reason });
    waiting.peer.leave(why);
  }
}

/** Of lists of numbers, by the first in which they differ. */
function isBelow(a: readonly number[], b: readonly number[] = []): boolean {
  const at = a.findIndex((number, index) => number !== b[index]);
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}
