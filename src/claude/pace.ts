/** Long work over many lines, in stretches: between them others have a turn, and a cancelled call ends. */
import { setImmediate } from "node:timers/promises";
import { abortReason } from "../abort.ts";

/** How many lines are looked at in one stretch: some milliseconds. */
export const STRETCH_STEPS = 8192;

/** Of one piece of work: `await pace.step();` in each of its loops. */
export class Pace {
  #steps = 0;
  readonly #signal: AbortSignal | undefined;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** @throws SpreadError at the end of a stretch: `cancelled`, or what the signal was aborted with */
  step(): Promise<void> | undefined {
    this.#steps += 1;
    return this.#steps % STRETCH_STEPS === 0 ? this.rest() : undefined;
  }

  /** The end of a stretch, however long it was. */
  async rest(): Promise<void> {
    await setImmediate();
    if (this.#signal?.aborted) throw abortReason(this.#signal);
  }
}

/** The items in their order, equal ones as they were: a stretch at a time, then two runs after one another into one. */
export async function sorted<T>(items: readonly T[], compare: (a: T, b: T) => number, pace: Pace): Promise<T[]> {
  let from: T[] = [];
  for (let at = 0; at < items.length; at += STRETCH_STEPS) {
    for (const item of items.slice(at, at + STRETCH_STEPS).sort(compare)) from.push(item);
    await pace.rest();
  }
  for (let run = STRETCH_STEPS; run < from.length; run *= 2) {
    const to: T[] = [];
    for (let start = 0; start < from.length; start += 2 * run) {
      await merge(from.slice(start, start + run), from.slice(start + run, start + 2 * run), to, compare, pace);
    }
    from = to;
  }
  return from;
}

async function merge<T>(
  left: readonly T[],
  right: readonly T[],
  to: T[],
  compare: (a: T, b: T) => number,
  pace: Pace,
): Promise<void> {
  let at = 0;
  for (const item of left) {
    for (; at < right.length && compare(item, right[at] as T) > 0; at += 1) to.push(right[at] as T);
    to.push(item);
    await pace.step();
  }
  for (const item of right.slice(at)) to.push(item);
  await pace.rest();
}
