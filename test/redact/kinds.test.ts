/** Each of the ways in which kinds.ts writes secrets: what stands there goes, whatever chance made of it. */
import { describe, expect, it } from "vitest";
import { redactText } from "../../src/redact/redactor.ts";
import { ALNUM, type Chance, chance, DIGITS, HEX, UPPER, uuid } from "./corpus/random.ts";
import { KINDS, type Kind } from "./kinds.ts";

const by = chance(20_261_201);
const WORDS = ["Otter", "Maple", "Harbor", "Winter", "Pickle", "Falcon", "Dackel", "Vespa", "Sakura", "Tulpen"];
const two = (by: Chance) => [by.pick(WORDS.slice(0, 5)), by.pick(WORDS.slice(5))];
const chosen: readonly ((by: Chance) => string)[] = [
  (by) => `${two(by).join("")}${by.between(10, 99)}!`,
  (by) => `${two(by).join("-")}-${by.between(100, 999)}`,
  (by) => `${two(by).join(".").toLowerCase()}#${by.between(10, 99)}`,
  (by) =>
    `${two(by)
      .join("-")
      .replace(/^./, (first) => first.toLowerCase())}${by.between(10, 99)}-harbor`,
  (by) => `${by.pick(WORDS)}-${by.between(1000, 9999)}k${by.pick(["Xz", "QT", "4w"])}`,
  (by) => `${by.pick(WORDS).toLowerCase()}${by.between(100, 999)}.${by.pick(["vYLG7V", "fQ8GKL"])}`,
  (by) => `${two(by).join("")}${by.between(10, 99)}.x`,
  (by) => `${by.pick(WORDS).replace("a", "@").replace("i", "1")}${by.between(1000, 9999)}$`,
];
const MADE: Readonly<Record<Kind["of"], (by: Chance) => string>> = {
  generated: (by) => `${by.chars(ALNUM, 6)}4${by.chars(ALNUM, by.pick([7, 10]))}k`,
  chosen: (by) => by.pick(chosen)(by),
  token: (by) => by.chars(ALNUM, by.pick([24, 32, 40])),
  hex: (by) => by.chars(HEX, by.pick([32, 40])),
  uuid,
  digits: (by) => by.chars(DIGITS, by.pick([6, 8])),
  groups: (by) =>
    Array.from({ length: 4 }, () => `${by.chars(UPPER, 2)}${by.chars(DIGITS, 1)}${by.chars(UPPER, 2)}`).join("-"),
};
const COPIES = 8;
/** Of what chance made, one in a hundred looks like words. */
const FOUND = 0.99;

describe.each(KINDS)("$kind", ({ of, forms }) => {
  it("is found in each form", async () => {
    const missed: string[] = [];
    for (const form of forms) {
      let left = 0;
      for (let copy = 0; copy < COPIES; copy++) {
        const secret = MADE[of](by);
        const { text } = await redactText(
          form.replace("§", () => secret),
          { secrets: "redact" },
        );
        if (text.includes(secret)) left++;
      }
      if (left > 0) missed.push(`${left}x ${form}`);
    }
    const share = missed.reduce((all, line) => all + Number.parseInt(line, 10), 0) / (forms.length * COPIES);
    expect(share, missed.join("\n")).toBeLessThanOrEqual(1 - FOUND);
    expect(missed.filter((line) => Number.parseInt(line, 10) > COPIES / 4)).toEqual([]);
  });
});
