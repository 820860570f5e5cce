/**
 * `npm run bench:redact`: what it costs to look for secrets in what leaves, and to shorten its paths. The text is a transcript
 * of lines of JSON and of source, as sessions have it, of the sources that lie here; beside it a text in which no trigger
 * stands, which is the floor.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

interface Redacting {
  push(piece: string): Promise<string>;
  end(): Promise<string>;
}

const { placesOf } = await import("../../dist/redact/paths.js" as string);
const { Redactor } = await import("../../dist/redact/redactor.js" as string);

const SOURCES = fileURLToPath(new URL("../../src", import.meta.url));
const KIB = 1024;
const MB = 1e6;
const SMALL_CHARS = 100 * KIB;
const LARGE_CHARS = 50 * MB;
const PIECE_CHARS = 64 * KIB;
const ROUNDS = 15;

const places = await placesOf({ project: "/home/ann/app", home: "/home/ann" });
const options = { secrets: "redact", places };

async function transcript(): Promise<string> {
  const files = (await readdir(SOURCES, { recursive: true })).filter((name) => name.endsWith(".ts")).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(SOURCES, name), "utf8")));
  return texts
    .map((content) => `${JSON.stringify({ type: "user", cwd: "/home/ann/app", message: { content } })}\n${content}`)
    .join("\n");
}

async function redact(text: string): Promise<number> {
  const redactor: Redacting = new Redactor(options);
  const start = performance.now();
  for (let at = 0; at < text.length; at += PIECE_CHARS) await redactor.push(text.slice(at, at + PIECE_CHARS));
  await redactor.end();
  return performance.now() - start;
}

/** The same text again and again, as one flat string. */
function filled(unit: string, chars: number): string {
  return Buffer.from(unit.repeat(Math.ceil(chars / unit.length)).slice(0, chars)).toString();
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

const texts = { "a transcript": await transcript(), "nothing to look at": "An otter swims in a pond, and is glad.\n" };
for (const [name, unit] of Object.entries(texts)) {
  const small = filled(unit, SMALL_CHARS);
  const first = await redact(small);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await redact(small));
  const large = await redact(filled(unit, LARGE_CHARS));
  const speed = LARGE_CHARS / MB / (large / 1000);
  console.log(
    `${name}: 100 KB ${median(times).toFixed(1)} ms (the first ${first.toFixed(0)}), 50 MB at ${speed.toFixed(0)} MB/s`,
  );
}
