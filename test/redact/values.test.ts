import { describe, expect, it } from "vitest";
import { isNaming, looksChosen, looksRandom, standsForValue } from "../../src/redact/values.ts";
import { ALNUM, BASE64URL, chance, HEX } from "./corpus/random.ts";

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: what templates have in them.
it.each([
  "<your-token>",
  "xxx",
  "changeme",
  "${TOKEN}",
  "process.env.TOKEN",
  "***",
  "$TOKEN",
  "{{ t }}",
  "sk-...",
  "%T%",
])("%s stands for a value", (value) => {
  expect(standsForValue(value)).toBe(true);
  expect(looksChosen(value, "settings")).toBe(false);
  expect(looksRandom(value, 1)).toBe(false);
});
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: up to here.

it.each([
  "user_password",
  "auth.token.refresh",
  "app-secret-v2",
  "AccessToken",
  "x-api-key",
  "node:crypto",
  "Uint8Array",
])("%s names something", (value) => {
  expect(isNaming(value)).toBe(true);
  expect(looksChosen(value, "code")).toBe(false);
});

it.each(["Winter24!", "hunter2024xyz", "tr0ub4dor&3", "Maple4711xy", "pK8#mQ2z"])("%s is a password", (value) => {
  expect(looksChosen(value, "code")).toBe(true);
});

it.each(["string", "String!", "required", "postgres", "undefined", "secret", "getToken()", "/run/secrets/db", "a b"])(
  "%s is none",
  (value) => {
    expect(looksChosen(value, "settings")).toBe(false);
  },
);

describe("of ten thousand keys that chance made", () => {
  it.each([
    ["hex", HEX, 32],
    ["letters and digits", ALNUM, 32],
    ["base64url", BASE64URL, 43],
  ])("of %s, fewer than one in five hundred is not taken for one", (_, alphabet, length) => {
    const by = chance(length);
    let missed = 0;
    for (let key = 0; key < 10_000; key++) if (!looksRandom(by.chars(alphabet, length))) missed++;
    expect(missed).toBeLessThan(20);
  });
});
