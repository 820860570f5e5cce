/**
 * What lies in the inbox and could be installed, read again: it is what was received, to the byte, and what was shown, or it
 * is refused.
 */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { type ReceivedSession, receivedSessions } from "../claude/install-session.ts";
import { MAX_MEMORY_BYTES, parseMemory, type ReceivedMemory, shownMemory } from "../claude/memory.ts";
import { pieces } from "../claude/sessions.ts";
import type { KeptFile, Role } from "../content/part.ts";
import { SpreadError } from "../errors.ts";
import { type InboxEntry, openReceived } from "../inbox/received.ts";

/** The longest memory that is read, in bytes: as JSON each of its own can become two. */
const MAX_READ_BYTES = 2 * MAX_MEMORY_BYTES;

/**
 * @throws SpreadError `plan-changed` if it is not what was received; `not-understood` if it is no memory, or another one than
 *   the document shows
 */
export async function memoryIn(received: InboxEntry): Promise<ReceivedMemory> {
  const about = fileIn(received, "memory");
  if (about.bytes > MAX_READ_BYTES) throw new SpreadError("not-understood", "what came is too long for a memory");
  const parts: Uint8Array[] = [];
  for await (const piece of bytesOf(received, about)) parts.push(piece);
  const memory = parseMemory(Buffer.concat(parts));
  const shown = createHash("sha256").update(shownMemory(memory)).digest("hex");
  if (shown !== fileIn(received, "document").sha256) {
    throw new SpreadError("not-understood", "the memory is another one than the document shows");
  }
  return memory;
}

/** @throws as `sessionsFile`; SpreadError `not-understood` */
export async function sessionsIn(received: InboxEntry, signal?: AbortSignal): Promise<ReceivedSession[]> {
  return receivedSessions(sessionsFile(received, signal));
}

/** @throws SpreadError at its end, or before, `plan-changed` if it is not what was received */
export function sessionsFile(received: InboxEntry, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  return bytesOf(received, fileIn(received, "sessions"), signal);
}

/** @throws SpreadError `not-understood` where there is none of this role */
export function fileIn({ record }: InboxEntry, role: Role): KeptFile {
  const file = record.files.find((it) => it.role === role);
  if (file === undefined) throw new SpreadError("not-understood", `what came has no part of the kind ${role}`);
  return file;
}

async function* bytesOf({ folder }: InboxEntry, about: KeptFile, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  await using file = await openAgain(folder, about.path);
  if ((await file.stat()).size !== about.bytes) throw changed();
  const hash = createHash("sha256");
  for await (const piece of pieces(file, 0, about.bytes, signal)) {
    hash.update(piece);
    yield piece;
  }
  if (hash.digest("hex") !== about.sha256) throw changed();
}

async function openAgain(folder: string, path: string): Promise<FileHandle> {
  try {
    return await openReceived(folder, path);
  } catch (cause) {
    throw changed(cause);
  }
}

function changed(cause?: unknown): SpreadError {
  return new SpreadError("plan-changed", "what lies in the inbox is not what was received", { cause });
}
