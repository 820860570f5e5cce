/** Runs in front of every test file. Hooks are set here and not in later.ts: modules can be loaded once for many files. */
import { afterAll, afterEach, expect } from "vitest";
import { closeFile, closeTest } from "./later.ts";

// Vitest compares bytes one at a time, and takes a second for some hundred thousand.
expect.addEqualityTesters([
  (a, b) => (a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) === 0 : undefined),
]);

afterEach(closeTest);
afterAll(closeFile);
