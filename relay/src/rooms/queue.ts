/**
 * The receivers that wait in one room: who may wait, what each may say meanwhile, and who is next. Addresses and the networks
 * around them share places and turns fairly, so that nobody closes a room to all others by coming often.
 */
import type { Settings } from "../config/settings.ts";
import { CircleCounts } from "../limits/counts.ts";
import { circlesOf, networkOf } from "../limits/networks.ts";
import type { Peer } from "../peers/peer.ts";
import type { Attempts } from "./attempts.ts";

/** Addresses and networks whose turns are counted in a room. Of more, the one that had its turn longest ago is forgotten. */
const MAX_COUNTED = 300;

export interface Waiting {
  readonly peer: Peer;
  /** Whom the limits count. */
  readonly address: string;
  /** The one around that address. */
  readonly network: string;
  /** What it said so far. */
  readonly backlog: { readonly frame: Buffer; readonly binary: boolean }[];
  backlogBytes: number;
}

export class Queue {
  readonly #settings: Settings;
  readonly #attempts: Attempts;
  /** In the order in which they came. */
  readonly #waiting: Waiting[] = [];
  /** How many of them an address has, and the networks around it. Most rooms never have a queue. */
  #counts: CircleCounts | undefined;
  /** How many turns addresses and networks had, by the keys of their circles; the one that had a turn last is last. */
  #turns: Map<string, number> | undefined;

  constructor(settings: Settings, attempts: Attempts) {
    this.#settings = settings;
    this.#attempts = attempts;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Those that wait now, while the queue changes. */
  all(): readonly Waiting[] {
    return [...this.#waiting];
  }

  find(peer: Peer): Waiting | undefined {
    return this.#waiting.find((waiting) => waiting.peer === peer);
  }

  /** Whether one more receiver of this address may wait here. A network may have half of the queue. */
  hasPlaceFor(address: string): boolean {
    const { maxWaiting, maxWaitingPerAddress } = this.#settings;
    const full = circlesOf(address).some(({ key, width }) => {
      const max = width === 0 ? maxWaitingPerAddress : Math.max(maxWaitingPerAddress, Math.floor(maxWaiting / 2));
      return this.#waitingOf(key) >= max;
    });
    return !full && (this.#waiting.length < maxWaiting || this.#lastOfTheMany(address) !== undefined);
  }

  /** Who has to leave before one more of this address is added; undefined while there are free places. */
  displacedBy(address: string): Waiting | undefined {
    return this.#waiting.length >= this.#settings.maxWaiting ? this.#lastOfTheMany(address) : undefined;
  }

  add(peer: Peer, address: string): void {
    this.#waiting.push({ peer, address, network: networkOf(address), backlog: [], backlogBytes: 0 });
    this.#counts ??= new CircleCounts();
    this.#counts.add(address);
  }

  remove(waiting: Waiting): void {
    this.#removeAt(this.#waiting.indexOf(waiting));
  }

  /** Keeps a copy of what it says until its turn. @returns false if that is more than is kept. */
  keepFrame(waiting: Waiting, frame: Buffer, binary: boolean): boolean {
    const { maxBacklogBytes, maxBacklogFrames } = this.#settings;
    if (waiting.backlogBytes + frame.length > maxBacklogBytes || waiting.backlog.length >= maxBacklogFrames)
      return false;
    waiting.backlogBytes += frame.length;
    waiting.backlog.push({ frame: Buffer.from(frame), binary });
    return true;
  }

  /**
   * Takes the next one out of the queue, which must not be empty: networks without failed attempts first, then by the turns
   * that network and address had, and then first come, first served. So one that comes again and again waits for everybody
   * who has come once.
   */
  takeNext(): Waiting {
    const rank = ({ address }: Waiting) => {
      const circles = [...circlesOf(address)].reverse();
      return [Number(this.#attempts.hasFailed(address)), ...circles.map(({ key }) => this.#turns?.get(key) ?? 0)];
    };
    const ranks = this.#waiting.map(rank);
    const first = ranks.reduce((best, next, at) => (isBelow(next, ranks[best]) ? at : best), 0);
    const next = this.#waiting[first] as Waiting;
    this.#removeAt(first);
    this.#countTurn(next.address);
    return next;
  }

  #countTurn(address: string): void {
    this.#turns ??= new Map();
    for (const { key } of circlesOf(address)) {
      const turns = this.#turns.get(key) ?? 0;
      this.#turns.delete(key);
      this.#turns.set(key, turns + 1);
    }
    for (const oldest of this.#turns.keys()) {
      if (this.#turns.size <= MAX_COUNTED) break;
      this.#turns.delete(oldest);
    }
  }

  #removeAt(index: number): void {
    for (const { address } of this.#waiting.splice(index, 1)) this.#counts?.remove(address);
    if (this.#waiting.length === 0) this.#counts = undefined;
  }

  #waitingOf(circle: string): number {
    return this.#counts?.of(circle) ?? 0;
  }

  /** The last to come of the network that has most here, if that has more than the network of this address would have. */
  #lastOfTheMany(address: string): Waiting | undefined {
    const counts = this.#waiting.map(({ network }) => this.#waitingOf(network));
    const most = Math.max(...counts);
    return most > this.#waitingOf(networkOf(address)) + 1 ? this.#waiting[counts.lastIndexOf(most)] : undefined;
  }
}

/** Of lists of numbers, by the first in which they differ. */
function isBelow(a: readonly number[], b: readonly number[] = []): boolean {
  const at = a.findIndex((number, index) => number !== b[index]);
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}
