/** Sorting in stretches gives what sorting at once gives. */
import { expect, it } from "vitest";
import { Pace, STRETCH_STEPS, sorted } from "../../src/claude/pace.ts";

it.each([0, 1, STRETCH_STEPS - 1, STRETCH_STEPS, STRETCH_STEPS + 1, 3 * STRETCH_STEPS, 5 * STRETCH_STEPS + 7])(
  "sorts %i items, equal ones as they were",
  async (count) => {
    const items = Array.from({ length: count }, (_, n) => ({ key: (n * 7919) % 501, n }));
    const byKey = (a: { key: number }, b: { key: number }) => a.key - b.key;
    expect(await sorted(items, byKey, new Pace())).toEqual([...items].sort(byKey));
  },
);
