/** The pair door: all pairs by their codes, how many there may be, and how long a side may wait alone. */
import type { Settings } from "../config/settings.ts";
import type { Entrance } from "../doors.ts";
import { Places } from "../limits/places.ts";
import type { Emit } from "../observe/events.ts";
import type { Peer } from "../peers/peer.ts";
import { Pair } from "./pair.ts";

/** A connection that was admitted as a side of a pair. */
interface PairSide {
  readonly code: string;
  readonly peer: Peer;
  /** Whom the limits count. */
  readonly address: string;
}

export class Pairs implements Entrance<PairSide> {
  readonly #pairs = new Map<string, Pair>();
  /** Of pairs, and of those that have ended while their sides are not closed. */
  readonly #places: Places<Pair>;
  readonly #settings: Settings;
  readonly #now: () => number;
  readonly #emit: Emit;
  /** Runs while there are pairs. */
  #sweeps: NodeJS.Timeout | undefined;

  constructor(settings: Settings, now: () => number, emit: Emit) {
    this.#settings = settings;
    this.#places = new Places(settings.maxPairs);
    this.#now = now;
    this.#emit = emit;
  }

  get size(): number {
    return this.#pairs.size;
  }

  /** Sides that wait alone. */
  get waiting(): number {
    let waiting = 0;
    for (const pair of this.#pairs.values()) if (pair.aloneSince !== undefined) waiting++;
    return waiting;
  }

  /** 0 to 2; undefined if there is none with this code and no more can be made, by this caller or at all. */
  sides(code: string, address: string): number | undefined {
    const pair = this.#pairs.get(code);
    if (pair) return pair.sides;
    const full = this.#places.full && !this.#places.hasRemains(address);
    return !full && this.#places.allows(address) ? 0 : undefined;
  }

  enter({ code, peer, address }: PairSide): void {
    const pair = this.#pairs.get(code);
    if (pair) {
      pair.join(peer);
      return;
    }
    if (this.#places.full) this.#places.cutRemains(address);
    const made: Pair = new Pair(peer, this.#settings, this.#now(), (why, remains) => {
      this.#pairs.delete(code);
      this.#places.end(made, remains);
      if (this.#pairs.size === 0) clearInterval(this.#sweeps);
      this.#emit({ event: "pair-ended", why });
    });
    if (this.#pairs.size === 0) this.#sweeps = setInterval(() => this.#sweep(), this.#settings.sweepIntervalMs);
    this.#pairs.set(code, made);
    this.#places.take(made, address);
  }

  /** A side that waits alone has nothing to finish. */
  drain(): boolean {
    for (const pair of this.#pairs.values()) if (pair.aloneSince !== undefined) pair.end("restart");
    return this.size > 0;
  }

  end(): void {
    for (const pair of this.#pairs.values()) pair.end("restart");
  }

  #sweep(): void {
    const over = this.#now() - this.#settings.pairTtlMs;
    for (const pair of this.#pairs.values()) {
      if (pair.aloneSince !== undefined && pair.aloneSince <= over) pair.end("expired");
    }
  }
}
