/**
 * A share of memory: the client's own files, or what the user's model has distilled of them. It travels twice, as a text
 * for people to read, and as data; the first is made of the second, so that a receiver can tell whether they are the same.
 */
import { basename } from "node:path";
import { Texts } from "../claude/foreign-texts.ts";
import { INDEX, type Memory, memoryDocument, parseMemory, readMemory, shownMemory } from "../claude/memory.ts";
import { bytesOf, textMaterial } from "../content/material.ts";
import { SpreadError } from "../errors.ts";
import type { Cleaning } from "./cleaning.ts";
import type { OutgoingParts } from "./parts.ts";

/** What somebody wants to share: distilled Markdown, which becomes MEMORY.md, or undefined for the files as they are. */
type MemoryDraft = string | undefined;

/** Whose memory, and where the client keeps it. */
interface MemoryLocation {
  readonly config: string;
  readonly project: string;
}

/** @throws SpreadError `empty`, `not-text`, `too-large`, `secrets-found`, `path-unreadable` */
export async function memoryParts(
  distilled: MemoryDraft,
  place: MemoryLocation,
  cleaning: Cleaning,
): Promise<OutgoingParts> {
  const advice: string[] = [];
  const memory = visible(distilled === undefined ? await ownMemory(place, advice) : memoryOf(distilled), advice);
  const json = await memoryDocument(memory, (text) => cleaning.text("memory.json", text));
  const title = await cleaning.text("title", `Memory of ${basename(place.project)}`);
  return {
    materials: [
      textMaterial(shownMemory(asReceived(json))),
      textMaterial(json, { role: "memory", name: "memory.json" }),
    ],
    title,
    advice,
    [Symbol.asyncDispose]: async () => {},
  };
}

/** What cannot be seen goes before secrets are looked for: when the receiver takes it out, it would be too late for that. */
function visible({ files }: Memory, advice: string[]): Memory {
  const texts = new Texts();
  const seen = files.map(({ name, text }) => ({ name, text: texts.clean(text) }));
  advice.push(...texts.warnings);
  return { files: seen };
}

function memoryOf(distilled: string): Memory {
  bytesOf(distilled); // for its errors
  return { files: [{ name: INDEX, text: distilled }] };
}

async function ownMemory({ config, project }: MemoryLocation, advice: string[]): Promise<Memory> {
  const memory = await readMemory(config, project);
  if (memory === undefined) throw new SpreadError("empty", "Claude Code has no memory of this project");
  for (const { name, why } of memory.leftOut) advice.push(`Not sent: ${name}; ${why}.`);
  return memory;
}

/** Read as the receiver will read it. @throws SpreadError `too-large`: what else could be wrong with it was looked at. */
function asReceived(json: string): Memory {
  try {
    return parseMemory(Buffer.from(json));
  } catch (cause) {
    throw new SpreadError("too-large", "a memory has at most 256 KiB in a file, and 1 MiB in all", { cause });
  }
}
