/** Waiting for something to be so, never for time to pass. */
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 10;

/** Until the condition holds. @throws when it does not within `limitMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 10_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await delay(POLL_MS);
  }
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
