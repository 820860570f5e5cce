/** Lines of an open transcript by their places, in any order. */
import type { FileHandle } from "node:fs/promises";
import { type Line, linesOf } from "./lines.ts";
import type { LinePosition } from "./rows.ts";
import { pieces } from "./sessions.ts";

/** What is read at once, in bytes: lines that follow one another, forward or backward, are mostly in the same block. */
const BLOCK_BYTES = 16 * 1024;

export class LineReader {
  readonly #handle: FileHandle;
  readonly #signal: AbortSignal | undefined;
  /** The block that was read last, and where in the file it begins; none at first. */
  #block: Uint8Array = new Uint8Array();
  #start = -1;

  constructor(handle: FileHandle, signal?: AbortSignal) {
    this.#handle = handle;
    this.#signal = signal;
  }

  /** @returns undefined for a line that is too long. @throws SpreadError `cancelled` */
  async lineAt({ start, bytes }: LinePosition): Promise<Line> {
    const block = start - (start % BLOCK_BYTES);
    const isWithin = start + bytes <= block + BLOCK_BYTES;
    if (isWithin && block !== this.#start) await this.#read(block);
    const line = isWithin ? this.#block.subarray(start - block, start - block + bytes) : undefined;
    if (line?.length === bytes) return Buffer.from(line);
    for await (const [only] of linesOf(pieces(this.#handle, start, bytes, this.#signal))) return only;
    return undefined;
  }

  async #read(start: number): Promise<void> {
    this.#start = start;
    this.#block = new Uint8Array();
    for await (const piece of pieces(this.#handle, start, BLOCK_BYTES, this.#signal)) this.#block = piece;
  }
}
