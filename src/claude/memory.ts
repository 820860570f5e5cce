/**
 * The client's memory of a project, as one document that travels. What is known of its form is in this file, learned
 * from Claude Code 2.1.197: a folder of Markdown files. Of these the client puts MEMORY.md into every conversation,
 * its first 200 lines and 25 KB, comments of whole lines taken out; the others are read when the model finds them by
 * it, or by the `name` and `description` on top of them.
 */
import { isUtf8 } from "node:buffer";
import { opendir } from "node:fs/promises";
import { z } from "zod";
import { SpreadError } from "../errors.ts";
import { cleanLine } from "../untrusted/clean.ts";
import { memoryPath, openOwn, refuseLink } from "./folders.ts";
import { Texts } from "./foreign-texts.ts";
import { parseLine } from "./lines.ts";
import type { TextChange } from "./turns.ts";

const FORMAT = "claude-spread/memory";

/** The file that the client puts into every conversation, and how much of it it reads, in lines and in bytes. */
export const INDEX = "MEMORY.md";
export const INDEX_LINES = 200;
export const INDEX_BYTES = 25_000;

/** What a memory may hold: more than a model could ever be given. */
export const MAX_FILES = 100;
export const MAX_FILE_BYTES = 256 * 1024;
export const MAX_MEMORY_BYTES = 1024 * 1024;
const MAX_NAME_CHARS = 100;
/** Entries of the folder that are looked at. */
const MAX_ENTRIES = 10_000;

/** A name on every system: of letters, marks and digits, `.`, `_`, `-` and blanks. */
const NAME = /^[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}._ -]*[\p{L}\p{M}\p{N}_-])?\.md$/iu;

/**
 * Names that an agent obeys, wherever they lie; in lower case, and without what is before the last `.md`'s first dot.
 */
const CONFIGURATION = new Set([
  "claude",
  "agents",
  "gemini",
  "copilot-instructions",
  "skill",
  "cursorrules",
  "windsurfrules",
]);

const File = z.strictObject({
  name: z.string().refine(isMemoryName),
  text: z.string().max(MAX_FILE_BYTES),
});

const Memory = z
  .strictObject({ format: z.literal(FORMAT), version: z.literal(1), files: z.array(File).min(1).max(MAX_FILES) })
  .refine(({ files }) => new Set(files.map(({ name }) => sameName(name))).size === files.length)
  .refine(({ files }) => files.every(({ text }) => Buffer.byteLength(text) <= MAX_FILE_BYTES && !text.includes("\0")))
  .refine(({ files }) => files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) <= MAX_MEMORY_BYTES);

type MemoryFile = z.infer<typeof File>;

export interface Memory {
  /** MEMORY.md first, if there is one. */
  readonly files: readonly MemoryFile[];
}

interface OwnMemory extends Memory {
  /** What lies in the folder and does not travel. */
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
}

export interface ReceivedMemory extends Memory {
  /** What was taken out of the texts, as sentences. */
  readonly warnings: readonly string[];
}

/** Among letters and marks there are some that nobody sees, such as variation selectors and the Hangul filler. */
const HIDDEN = /\p{Default_Ignorable_Code_Point}/u;

/** Whether a file of a received memory may have this name: people decide by it and models read it, unchanged. */
export function isMemoryName(name: string): boolean {
  if (name.length > MAX_NAME_CHARS || !NAME.test(name) || name.normalize("NFC") !== name) return false;
  if (HIDDEN.test(name) || cleanLine(name, MAX_NAME_CHARS) !== name) return false;
  const words = sameName(name).split(".");
  return (
    !CONFIGURATION.has(words[0]?.trim() ?? "") && !/^(?:con|prn|aux|nul|com\d|lpt\d)$/.test(words[0]?.trim() ?? "")
  );
}

/**
 * What is the same name on a system that takes letters of all sizes for one, and whatever form they are composed in.
 */
export function sameName(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}

/**
 * The memory of a project on this machine; undefined where there is none.
 * @throws SpreadError `path-unreadable`
 */
export async function readMemory(config: string, project: string): Promise<OwnMemory | undefined> {
  const folder = await memoryPath(config, project);
  const files: MemoryFile[] = [];
  const leftOut: { name: string; why: string }[] = [];
  let room = MAX_MEMORY_BYTES;
  for (const name of await entries(folder)) {
    const shown = cleanLine(name, MAX_NAME_CHARS);
    if (!isMemoryName(name)) {
      leftOut.push({ name: shown, why: "its name is none of a file of memory" });
    } else if (files.length >= MAX_FILES) {
      leftOut.push({ name: shown, why: `there are ${MAX_FILES} files already` });
    } else {
      const text = await readText(folder, name, Math.min(room, MAX_FILE_BYTES));
      if (typeof text === "string") {
        files.push({ name, text });
        room -= Buffer.byteLength(text);
      } else leftOut.push({ name: shown, why: text.why });
    }
  }
  return files.length === 0 && leftOut.length === 0 ? undefined : { files, leftOut };
}

async function entries(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    await refuseLink(folder);
    for await (const { name } of await opendir(folder)) if (names.push(name) >= MAX_ENTRIES) break;
  } catch {
    return [];
  }
  return names.sort((a, b) => Number(b === INDEX) - Number(a === INDEX) || (a < b ? -1 : 1));
}

async function readText(folder: string, name: string, max: number): Promise<string | { why: string }> {
  try {
    await using handle = await openOwn(folder, name);
    if ((await handle.stat()).size > max) return { why: "it is too long" };
    const bytes = await handle.readFile();
    if (bytes.length > max) return { why: "it is too long" };
    if (!isUtf8(bytes) || bytes.includes(0)) return { why: "it is no UTF-8 text" };
    return bytes.toString("utf8");
  } catch (thrown) {
    if (thrown instanceof SpreadError) return { why: "it is a link or a folder, or cannot be read" };
    throw thrown;
  }
}

/**
 * The document that travels.
 * @param redact applied to each text and name
 * @throws SpreadError `empty` where there is no file
 */
export async function memoryDocument(memory: Memory, redact: TextChange = (text) => text): Promise<string> {
  if (memory.files.length === 0) throw new SpreadError("empty", "there is no memory to share");
  const files = [];
  for (const { name, text } of memory.files) {
    const changed = await redact(name);
    files.push({ name: isMemoryName(changed) ? changed : `memory-${files.length + 1}.md`, text: await redact(text) });
  }
  return `${JSON.stringify({ format: FORMAT, version: 1, files }, undefined, 1)}\n`;
}

/**
 * A memory that somebody sent: clean texts under names that harm nobody, or nothing at all.
 * @throws SpreadError `not-understood`
 */
export function parseMemory(bytes: Uint8Array): ReceivedMemory {
  const document = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = document.length <= 2 * MAX_MEMORY_BYTES;
  const memory = Memory.safeParse(size && isUtf8(document) ? parseLine(document) : undefined);
  if (!memory.success)
    throw new SpreadError("not-understood", "what came is no memory, or holds a file that may not be in one");
  const texts = new Texts();
  const files = memory.data.files.map(({ name, text }) => ({ name, text: texts.clean(text) }));
  return { files, warnings: texts.warnings };
}

/**
 * All of it for a person to read: the name of each file, then its text with every line marked, so that none can pose as a
 * name.
 */
export function shownMemory({ files }: Memory): string {
  return files.map(({ name, text }) => `${name}:\n${quoted(text)}\n`).join("\n");
}

/** Every line after a `>`. */
export function quoted(text: string): string {
  return text
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => (line === "" ? ">" : `> ${line}`))
    .join("\n");
}
