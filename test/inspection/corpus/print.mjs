/** `node test/handoff/corpus/print.mjs`: the figures of the corpora, and what finding them costs, for the README. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const folder = await mkdtemp(join(tmpdir(), "claude-spread-figures-"));
try {
  const outfile = join(folder, "figures.mjs");
  const entry = fileURLToPath(new URL("./figures.ts", import.meta.url));
  await build({ entryPoints: [entry], bundle: true, platform: "node", format: "esm", outfile, logLevel: "error" });
  const { speed, table } = await import(pathToFileURL(outfile).href);
  console.log(`${table()}\n\n${speed()}`);
} finally {
  await rm(folder, { recursive: true });
}
