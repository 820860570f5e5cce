/**
 * A random mix of all faults. A failure names its seed: `npm run faults -- <minutes> <seed>` does the same again, for as long
 * as it is let.
 */
import { randomInt } from "node:crypto";
import { expect, it } from "vitest";
import { DEADLINE_MS, mix } from "./mix.ts";

const MINUTES = process.env.FAULTS_MINUTES;
const SEED = Number(process.env.FAULTS_SEED ?? randomInt(2 ** 32));
const MS = MINUTES === undefined ? 20_000 : Number(MINUTES) * 60_000;

it(
  "whatever breaks, each transfer ends whole or with a clear error on both sides, before its deadline",
  async () => {
    const tally = await mix({ seed: SEED, ms: MS, patient: MINUTES !== undefined });
    if (MINUTES !== undefined) console.log(SEED, tally);
    expect(tally.transfers).toBeGreaterThan(0);
  },
  MS + 3 * DEADLINE_MS,
);
