/** Time that passes when the test says so, for pauses of seconds that nobody wants to wait for. Input and output are real. */
import { setImmediate } from "node:timers/promises";
import { vi } from "vitest";
import { later } from "./later.ts";

/** Before anybody stops the clock. */
const realTimer = setTimeout;

const STEP_MS = 250;
/** Rounds of the event loop between two steps: what one end has said, the other has heard by then. */
const ROUNDS = 20;
/** Real time between two steps, in ms, for what the system carries: a busy machine then has time for it, too. */
const REAL_MS = 5;

/** From here on, timers and `performance.now()` stand still but for `passTime`. */
export function stopClock(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  later(() => vi.useRealTimers());
}

/** Lets time pass until the condition holds. @returns how much did, in ms. */
export async function passTime(condition: () => boolean): Promise<number> {
  let passedMs = 0;
  for (;;) {
    for (let round = 0; round < ROUNDS; round++) await setImmediate();
    await new Promise((passed) => realTimer(passed, REAL_MS));
    if (condition()) return passedMs;
    vi.advanceTimersByTime(STEP_MS);
    passedMs += STEP_MS;
  }
}
