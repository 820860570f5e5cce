import { beforeAll, describe, expect, it } from "vitest";
import { friendlyTexts } from "./corpus/friendly.ts";
import { type Figures, measure, sum } from "./corpus/measure.ts";
import { plants } from "./corpus/plants.ts";

/** The goals of the project, as shares of all. */
const FOUND = 0.99;
const FALSE_ALARMS = 0.01;

describe.each([
  { part: "the part that the rules were written with", heldOut: false },
  { part: "the part that was kept apart", heldOut: true },
])("of $part", ({ heldOut }) => {
  let figures: Figures;
  beforeAll(async () => {
    figures = await measure(heldOut);
  });

  it("at least 99 % of the planted secrets are found whole", () => {
    const missed = [...figures.plants].filter(([, { all, right }]) => right < all).map(([kind]) => kind);
    const { all, right } = sum(figures.plants.values());
    expect(right / all, missed.join()).toBeGreaterThanOrEqual(FOUND);
  });

  it("no kind of secret is found less than two times in three", () => {
    for (const [kind, { all, right }] of figures.plants) expect(right / all, kind).toBeGreaterThanOrEqual(2 / 3);
  });

  it("less than 1 % of the texts without secrets are changed", () => {
    const changed = [...figures.friendly].filter(([, { all, right }]) => right < all).map(([kind]) => kind);
    const { all, right } = sum(figures.friendly.values());
    expect((all - right) / all, changed.join()).toBeLessThan(FALSE_ALARMS);
  });
});

it("the corpus has more than 600 secrets of a hundred kinds, and 1000 texts without", () => {
  expect(plants().length).toBeGreaterThanOrEqual(600);
  expect(new Set(plants().map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(100);
  expect(friendlyTexts().length).toBeGreaterThanOrEqual(1000);
  expect(new Set(friendlyTexts().map(({ text }) => text)).size).toBeGreaterThanOrEqual(900);
});

it("every secret stands in its text, so that finding none of it is no accident", () => {
  for (const { kind, secret, text } of plants()) {
    const line = secret.split("\n").find((part) => !part.startsWith("-----") && part.length >= 8) ?? "";
    expect(text.includes(line), kind).toBe(true);
  }
});
