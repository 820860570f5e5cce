/**
 * What is to be shared, before it is frozen: the document, and files that come along. Each is read once, in pieces, and checked
 * on the way; whether a path may be shared at all is judged in outgoing/source.ts.
 */
import { isUtf8 } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { SpreadError, systemCode } from "../errors.ts";
import { characterBytes, unfinishedBytes } from "../untrusted/utf8.ts";
import { DOCUMENT_ROLE, type Role } from "./part.ts";

/** A part that is still to be read. Disposing of it closes its source, whether or not it was read. */
export interface Material extends AsyncDisposable {
  readonly role: Role;
  /** The name that the receiver is given. The document's own is not used. */
  readonly name: string;
  /** Once. A piece holds until the next one is asked for. @throws SpreadError `not-text`, `empty`, `path-unreadable`, `cancelled` */
  pieces(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

type PartLabel = Pick<Material, "role" | "name">;

/** The document's own. */
export const DOCUMENT: PartLabel = { role: DOCUMENT_ROLE, name: "handoff.md" };

/** What is read from a file at a time, in bytes. */
const READ_BYTES = 1024 * 1024;

export function textMaterial(text: string, about = DOCUMENT): Material {
  return {
    ...about,
    async *pieces() {
      yield bytesOf(text);
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

/** @param file the material's from here on. Text, and never empty. */
export function textFileMaterial(file: FileHandle, about = DOCUMENT): Material {
  return { ...fileMaterial(file, about), pieces: (signal) => text(read(file, signal)) };
}

/** @param file the material's from here on. Of any bytes. */
function fileMaterial(file: FileHandle, about: PartLabel): Material {
  return { ...about, pieces: (signal) => read(file, signal), [Symbol.asyncDispose]: () => file.close() };
}

/**
 * The text as UTF-8.
 * @throws SpreadError `not-text` (a NUL, or a lone surrogate, which UTF-8 cannot say), `empty`
 */
export function bytesOf(text: string): Buffer {
  if (/\p{Surrogate}/u.test(text)) throw new SpreadError("not-text", "the content has half a surrogate pair in it");
  if (text.includes("\0")) throw hasNul();
  if (!/\S/u.test(text)) throw new SpreadError("empty", "the content is empty");
  return Buffer.from(text);
}

export function cancelled(cause?: unknown): SpreadError {
  return new SpreadError("cancelled", "the content was closed before it was read to its end", { cause });
}

async function* read(file: FileHandle, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  for (let position = 0; ; ) {
    if (signal.aborted) throw cancelled(signal.reason);
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, position).catch((cause: unknown) => {
      throw new SpreadError("path-unreadable", `the file cannot be read (${systemCode(cause) ?? "unknown"})`, {
        cause,
      });
    });
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The same pieces; it throws unless they are well-formed UTF-8 without a NUL, and more than white space. */
async function* text(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  /** The beginning of a character whose rest is in the next piece. */
  let begun: Uint8Array = new Uint8Array();
  let blank = true;
  for await (const piece of pieces) {
    const rest = piece.subarray(missingBytes(begun));
    const across = Buffer.concat([begun, piece.subarray(0, piece.length - rest.length)]);
    const within = Buffer.from(rest.buffer, rest.byteOffset, rest.length - unfinishedBytes(rest));
    // A piece can end before the character does that it was to complete.
    const acrossEnds = unfinishedBytes(across) === 0;
    const ended = acrossEnds ? across : Buffer.alloc(0);
    if (!isUtf8(ended) || !isUtf8(within)) throw notUtf8();
    if (within.includes(0)) throw hasNul();
    blank &&= !/\S/u.test(ended.toString("utf8") + within.toString("utf8"));
    begun = acrossEnds ? Uint8Array.prototype.slice.call(rest, within.length) : across;
    yield piece;
  }
  if (begun.length > 0) throw notUtf8();
  if (blank) throw new SpreadError("empty", "the file holds nothing but white space");
}

/** How many bytes are missing of a character that has begun; 0 if none has. */
function missingBytes(begun: Uint8Array): number {
  const [lead] = begun;
  return lead === undefined ? 0 : characterBytes(lead) - begun.length;
}

function notUtf8(): SpreadError {
  return new SpreadError("not-text", "the content is not valid UTF-8");
}

function hasNul(): SpreadError {
  return new SpreadError("not-text", "the content has a NUL character in it");
}
