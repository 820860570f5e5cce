import { performance } from "node:perf_hooks";
import { expect, it } from "vitest";
import { loadSecretlint } from "../../src/redact/secretlint.ts";
import { ALNUM, chance } from "./corpus/random.ts";

const by = chance(3);

it("gives the exact place and our name of what it finds, and nothing else", async () => {
  const lint = await loadSecretlint();
  const token = `ghp_${by.chars(ALNUM, 36)}`;
  expect(await lint(`a ${token} b`)).toEqual([{ rule: "github-token", start: 2, end: 2 + token.length }]);
});

it("has of a URL the password alone, unless it only stands for one", async () => {
  const lint = await loadSecretlint();
  const text = "mysql://app:Maple4711xy@db.example.net/app mysql://<user>:<password>@db/app";
  expect((await lint(text)).map(({ start, end }) => text.slice(start, end))).toEqual(["Maple4711xy"]);
});

it("is not switched off by a comment in the text", async () => {
  const lint = await loadSecretlint();
  expect(await lint(`// secretlint-disable\nghp_${by.chars(ALNUM, 36)}`)).toHaveLength(1);
});

it("leaves no marks of its calls in the process", async () => {
  const lint = await loadSecretlint();
  const before = performance.getEntriesByType("mark").length;
  await lint("an otter");
  expect(performance.getEntriesByType("mark")).toHaveLength(before);
});
