/** A clock that goes on by itself, and that a test can move on (`vi.advanceTimersByTimeAsync`) instead of waiting. */
import { vi } from "vitest";
import { later } from "./later.ts";

/** For this test. What Node itself waits for, sockets say, is not moved. */
export function movableClock(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"], shouldAdvanceTime: true });
  later(() => vi.useRealTimers());
}
