/**
 * A random mix of all faults. A failure names its seed: `npm run faults -- <minutes> <seed>` does the same again, for as long
 * as it is let.
 */
import { randomInt } from "node:crypto";
import { expect, it } from "vitest";
import { mix } from "./mix.ts";

const MINUTES = process.env.FAULTS_MINUTES;
const SEED = Number(process.env.FAULTS_SEED ?? randomInt(2 ** 32));
const TRANSFERS = 20;

/** For hangs alone: as long as it was told to run, and what a test may take besides. */
const HANG_MS = (Number(MINUTES ?? 0) + 10) * 60_000;

it("ends each transfer whole, or with a clear error on both sides, whatever breaks", { timeout: HANG_MS }, async () => {
  const length = MINUTES === undefined ? { transfers: TRANSFERS } : { ms: Number(MINUTES) * 60_000 };
  const tally = await mix({ seed: SEED, ...length, patient: MINUTES !== undefined });
  if (MINUTES !== undefined) console.log(SEED, tally);
  expect(tally.transfers).toBeGreaterThan(0);
});
