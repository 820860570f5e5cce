/**
 * `npm run corpus`: what the redactor finds in the corpus, as the table that the README shows. With `-- --honest <folder>…`:
 * what it changes in files that others wrote, by default those of `node_modules`, to be read by a person.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const folder = await mkdtemp(join(tmpdir(), "claude-spread-corpus-"));
try {
  const [option, ...folders] = process.argv.slice(2);
  if (option === undefined) await printTable();
  else if (option === "--honest") await printHonest(folders.length > 0 ? folders : ["node_modules"]);
  else throw new Error(`unknown option ${option}: npm run corpus [-- --honest <folder>…]`);
} finally {
  await rm(folder, { recursive: true });
}

async function load(name) {
  const outfile = join(folder, name.replace(".ts", ".mjs"));
  await build({
    entryPoints: [fileURLToPath(new URL(name, import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.11",
    logLevel: "error",
  });
  return import(pathToFileURL(outfile).href);
}

async function printTable() {
  const { measure, sum } = await load("measure.ts");
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
}

async function printHonest(folders) {
  const { measureHonest } = await load("honest.ts");
  const { files, bytes, digest, changes } = await measureHonest(folders);
  const shown = (text, chars) => JSON.stringify(text.length > chars ? `${text.slice(0, chars)}…` : text).slice(1, -1);
  for (const { file, line, rule, before, taken, after } of changes) {
    console.log(`${file}:${line} ${rule}: ${shown(before.trimStart(), 80)}⟦${shown(taken, 200)}⟧${shown(after, 80)}`);
  }
  const changed = new Set(changes.map(({ file }) => file)).size;
  console.log(`${files} files, ${(bytes / 1e6).toFixed(1)} MB, sha256 ${digest}`);
  console.log(
    `${changes.length} changes in ${changed} files, ${((100 * changed) / files).toFixed(3)} %: read each of them`,
  );
}
