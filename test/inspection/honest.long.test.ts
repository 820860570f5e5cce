/** Documents that nobody here wrote: those of the packages that the project is built with, and of the system. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { lookAt } from "./corpus/figures.ts";

const FOLDERS = [fileURLToPath(new URL("../../node_modules", import.meta.url)), "/usr/share/doc", "/usr/share/perl"];
const DOCUMENT = /^README|\.(?:md|pod|txt)$/;
const MAX_BYTES = 1_000_000;

async function* documents(): AsyncGenerator<{ path: string; text: string }> {
  const seen = new Set<string>();
  for (const folder of FOLDERS) {
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    for (const name of names.filter((it) => DOCUMENT.test(it.split("/").at(-1) ?? ""))) {
      const path = join(folder, name);
      const found = await stat(path).catch(() => undefined);
      if (!found?.isFile() || found.size > MAX_BYTES) continue;
      const text = await readFile(path, "utf8");
      if (!seen.has(text)) yield { path, text };
      seen.add(text);
    }
  }
}

it("warns of 1 % of other people's documents at most, and finds a look-alike of our marks in none", async () => {
  let all = 0;
  const warned: string[] = [];
  const marked: string[] = [];
  for await (const { path, text } of documents()) {
    const { steering, marks } = lookAt(text);
    all += 1;
    if (steering.length > 0) warned.push(`${path}: ${steering.map(({ kind, line }) => `${kind} ${line}`).join(", ")}`);
    if (marks > 0) marked.push(path);
  }
  expect(all).toBeGreaterThan(500);
  expect(warned.length / all, warned.join("\n")).toBeLessThanOrEqual(0.01);
  expect(marked).toEqual([]);
});
