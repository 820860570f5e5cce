import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ERROR_CODES, SpreadError, toSpreadError } from "../src/errors.ts";

it("gives every code a cure in whole sentences", () => {
  for (const code of ERROR_CODES) {
    const { hint } = new SpreadError(code, "it happened");
    expect(hint).toMatch(/^[A-Z].*\.$/s);
  }
});

it("keeps a known error, and hides what an unknown one says", () => {
  const known = new SpreadError("expired", "the share has expired");
  expect(toSpreadError(known)).toBe(known);
  const hidden = toSpreadError(new Error("the passphrase is hunter2"));
  expect(hidden).toMatchObject({ code: "internal", message: "something unexpected went wrong" });
});

it("lists every code in the README", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(ERROR_CODES.filter((code) => !readme.includes(`\`${code}\``))).toEqual([]);
});
