/** `npm run corpus`: what the redactor finds in the corpus, as the table that the README shows. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const folder = await mkdtemp(join(tmpdir(), "claude-spread-corpus-"));
try {
  const outfile = join(folder, "measure.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("measure.ts", import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    banner: { js: 'import { createRequire as from } from "node:module";\nconst require = from(import.meta.url);' },
    logLevel: "error",
  });
  const { measure, sum } = await import(pathToFileURL(outfile).href);
  const [written, heldOut] = [await measure(false), await measure(true)];
  const percent = ({ all, right }) => `${((100 * right) / all).toFixed(1)} % of ${all}`;
  const alarms = ({ all, right }) => `${(100 * (1 - right / all)).toFixed(1)} % of ${all}`;
  const none = { all: 0, right: 0 };
  console.log("| | found | kept apart: found |\n|---|---|---|");
  for (const [kind, tally] of written.plants) {
    console.log(`| ${kind} | ${percent(tally)} | ${percent(heldOut.plants.get(kind) ?? none)} |`);
  }
  console.log(
    `| **all secrets** | ${percent(sum(written.plants.values()))} | ${percent(sum(heldOut.plants.values()))} |`,
  );
  console.log(
    `| **false alarms** | ${alarms(sum(written.friendly.values()))} | ${alarms(sum(heldOut.friendly.values()))} |`,
  );
} finally {
  await rm(folder, { recursive: true });
}
