/** What something costs the processor: unlike the time that it takes, that is no matter of what else the machine does. */
import { expect } from "vitest";

/** In ms, of this process. */
export async function costOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Four times as much to do costs four times as much where a cost grows with the length alone, and sixteen times where with its square. */
const TIMES = 4;
const MAX_RATIO = 8;

/**
 * Less than this is not told from nothing, in ms: it is the tick of some systems' clocks. What grows with the square of a
 * hundred thousand characters costs far more.
 */
const MEASURABLE_MS = 16;

/** Both sizes are tried at least, and at most, so many times; the cheapest run of each counts. */
const MIN_RUNS = 3;
const MAX_RUNS = 20;

/** @param prepare makes the work for a length, which is not measured. */
export async function expectLinear(what: string, length: number, prepare: (length: number) => () => unknown) {
  const [short, long] = [prepare(length), prepare(length * TIMES)];
  let [least, most] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  await short();
  for (let run = 1; run <= MAX_RUNS; run += 1) {
    least = Math.min(least, await costOf(short));
    most = Math.min(most, await costOf(long));
    if (most < MEASURABLE_MS) return;
    if (run >= MIN_RUNS && most < MAX_RATIO * least) return;
  }
  expect(most / least, `what ${TIMES} times as much costs: ${what}`).toBeLessThan(MAX_RATIO);
}
