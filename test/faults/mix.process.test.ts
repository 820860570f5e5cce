/** A few transfers of the mix, the same ones each time: mix.long.test.ts has others. */
import { expect, it } from "vitest";
import { mix } from "./mix.ts";

/** Its first transfers are one by both ways, one by LAN and one by relay, and each of them is struck. */
const SEED = 26;
const TRANSFERS = 3;

it("ends each transfer whole, or with a clear error on both sides, whatever breaks", async () => {
  const { transfers, ends, faults } = await mix({ seed: SEED, transfers: TRANSFERS, patient: false });
  expect(transfers).toBe(TRANSFERS);
  expect(Object.values(ends).reduce((sum, count) => sum + count, 0)).toBe(TRANSFERS);
  expect(Object.keys(faults).length).toBeGreaterThan(1);
});
