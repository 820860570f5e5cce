/**
 * A clock that the test moves: what the relay waits for comes when the test says so, however long that is, and not before.
 * Node's own limits of HTTP requests (`upgradeMs`) are not among it, and neither is what is compared with `performance.now()`.
 */
import { vi } from "vitest";
import type { RelayOptions } from "../../relay/src/relay.ts";
import { later } from "../support/later.ts";

/** For what must not strike, in ms. */
export const NEVER_MS = 3_600_000;

/** Settings of a relay that waits for nothing, but for what a test adds. */
export const PATIENT: RelayOptions = {
  upgradeMs: NEVER_MS,
  firstMessageMs: NEVER_MS,
  pingMs: NEVER_MS,
  stalledMs: NEVER_MS,
  quietReceiverMs: NEVER_MS,
  idlePairMs: NEVER_MS,
  flushMs: NEVER_MS,
};

/** Until the end of the test, for whatever is started from here on. */
export function stopClock(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
  later(() => vi.useRealTimers());
}

export function pass(ms: number): void {
  vi.advanceTimersByTime(ms);
}
