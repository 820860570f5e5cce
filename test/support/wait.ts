/** Waiting for something to be so, never for time to pass. How long that takes is the machine's business, not the test's. */
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

/**
 * After this, in ms, what has not happened never will. No test may pass or fail by it on a slow machine: it is there for
 * hangs alone. The runner waits longer (vitest.config.ts), so that a test can still say what it was waiting for.
 */
export const WAIT_MS = 5 * 60_000;

const POLL_MS = 10;

/** Until the condition holds. @throws when it never does. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + WAIT_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await delay(POLL_MS);
  }
}

/** Reads a value again until it is as expected: processes take their time. */
export function eventually<T>(read: () => T | Promise<T>) {
  return expect.poll(read, { timeout: WAIT_MS, interval: POLL_MS });
}

/** Until a reading has not changed for 200 ms: what is pumped has come to rest. */
export async function settled(read: () => unknown): Promise<void> {
  let last = await read();
  for (let same = 0; same < 20; ) {
    await delay(POLL_MS);
    const now = await read();
    same = now === last ? same + 1 : 0;
    last = now;
  }
}
