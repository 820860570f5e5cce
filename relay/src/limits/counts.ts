/** How many of something addresses have, and the networks around them. A key that has none is not remembered. */
import { circlesOf } from "./networks.ts";

export class Counts {
  readonly #counts = new Map<string, number>();

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: string): void {
    this.#counts.set(key, this.of(key) + 1);
  }

  remove(key: string): void {
    const left = this.of(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#counts.size;
  }
}

/** The same for every circle around an address at once. */
export class CircleCounts {
  readonly #counts = new Counts();

  /** @param key of a circle */
  of(key: string): number {
    return this.#counts.of(key);
  }

  /**
   * Whether this address, and every network around it, may have one more: a /56 twice as many as one address, a /24 or /48
   * four times.
   */
  allows(address: string, maxOfAddress: number): boolean {
    return circlesOf(address).every(({ key, width }) => this.of(key) < maxOfAddress * 2 ** width);
  }

  add(address: string): void {
    for (const { key } of circlesOf(address)) this.#counts.add(key);
  }

  remove(address: string): void {
    for (const { key } of circlesOf(address)) this.#counts.remove(key);
  }
}
