/** All pairs of this relay: by their codes, how many there may be, and how long a side may wait alone. */

import type { Settings } from "../config/settings.ts";
import { Places } from "../limits/places.ts";
import type { Watch } from "../observe/events.ts";
import type { Peer } from "../peers/peer.ts";
import type { GoneReason } from "../wire.ts";
import { Pair } from "./pair.ts";

export class Pairs {
  readonly #pairs = new Map<string, Pair>();
  readonly #places: Places<Pair>;
  readonly #settings: Settings;
  readonly #now: () => number;
  readonly #watch: Watch;
  /** Runs while there are pairs. */
  #sweeps: NodeJS.Timeout | undefined;

  constructor(settings: Settings, now: () => number, watch: Watch) {
    this.#settings = settings;
    this.#places = new Places(settings.maxPairs);
    this.#now = now;
    this.#watch = watch;
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
    return this.#pairs.size < this.#settings.maxPairs && this.#places.allows(address) ? 0 : undefined;
  }

  /** Takes a side that was admitted. */
  enter(code: string, peer: Peer, address: string): void {
    const pair = this.#pairs.get(code);
    if (pair) {
      pair.join(peer);
      return;
    }
    const made: Pair = new Pair(peer, this.#settings, this.#now(), (why) => {
      this.#pairs.delete(code);
      this.#places.free(made);
      if (this.#pairs.size === 0) clearInterval(this.#sweeps);
      this.#watch({ event: "pair-ended", why });
    });
    if (this.#pairs.size === 0) this.#sweeps = setInterval(() => this.#sweep(), this.#settings.sweepIntervalMs);
    this.#pairs.set(code, made);
    this.#places.take(made, address);
  }

  /** Those that wait alone have nothing to finish. */
  endAlone(why: GoneReason): void {
    for (const pair of this.#pairs.values()) if (pair.aloneSince !== undefined) pair.end(why);
  }

  endAll(why: GoneReason): void {
    for (const pair of this.#pairs.values()) pair.end(why);
  }

  #sweep(): void {
    const over = this.#now() - this.#settings.pairTtlMs;
    for (const pair of this.#pairs.values()) {
      if (pair.aloneSince !== undefined && pair.aloneSince <= over) pair.end("expired");
    }
  }
}
