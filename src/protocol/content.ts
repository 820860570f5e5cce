/** A document's bytes as chunks of the wire, and back. Every chunk but the last is full; brotli is used if agreed. */
import { pipeline } from "node:stream/promises";
import { constants, createBrotliCompress, createBrotliDecompress } from "node:zlib";
import { SpreadError, systemCode } from "../errors.ts";
import { CHUNK_BYTES } from "../limits.ts";
import type { Encoding } from "./messages.ts";

/** Quality 4: about as small as 5 on Markdown, and fast enough not to slow a LAN down. */
const BROTLI_QUALITY = 4;

/**
 * How much larger than the content itself compressed content may be, in bytes: far more than any encoder adds (RFC 7932), but
 * a limit to empty blocks, which could otherwise go on without end.
 */
const BROTLI_SPARE_BYTES = 1024 * 1024;

export interface Chunk {
  /** CHUNK_BYTES bytes; the last chunk may be shorter, and is empty for an empty document. */
  readonly bytes: Uint8Array;
  readonly end: boolean;
}

/**
 * The chunks of a document from `position` on: the same each time, as long as `read` gives the same pieces.
 * @param read the document from a byte on.
 * @param position the number of the first chunk, from 0.
 * @param wanted whether to go on; asked while chunks are skipped, which can take seconds.
 */
export async function* encodeFrom(
  read: (from: number) => AsyncIterable<Uint8Array>,
  encoding: Encoding,
  position: number,
  wanted: () => boolean = () => true,
): AsyncIterable<Chunk> {
  if (encoding === "identity") {
    yield* encode(read(position * CHUNK_BYTES), encoding);
    return;
  }
  // A compressed stream cannot be entered in the middle.
  let left = position;
  for await (const chunk of encode(read(0), encoding)) {
    if (left === 0) yield chunk;
    else if (wanted()) left -= 1;
    else return;
  }
}

/** @param plain pieces of any size. */
export function encode(plain: AsyncIterable<Uint8Array>, encoding: Encoding): AsyncIterable<Chunk> {
  return chunked(encoding === "br" ? compress(plain) : plain);
}

/**
 * @param bytes the size of the document: not one byte more is yielded.
 * @throws SpreadError `bad-message` if it has more or fewer, or does not inflate; whatever `chunks` throws.
 */
export async function* decode(
  chunks: AsyncIterable<Uint8Array>,
  encoding: Encoding,
  bytes: number,
): AsyncIterable<Uint8Array> {
  let left = bytes;
  for await (const piece of encoding === "br" ? inflate(atMost(bytes + BROTLI_SPARE_BYTES, chunks)) : chunks) {
    left -= piece.length;
    if (left < 0) throw wrongSize();
    yield piece;
  }
  if (left > 0) throw wrongSize();
}

async function* chunked(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Chunk> {
  /** At most one full chunk, held back until it is known that more follows. */
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const take = () => {
    const [only] = held;
    const bytes = held.length === 1 && only ? only : Buffer.concat(held);
    held = [];
    heldBytes = 0;
    return bytes;
  };
  for await (const piece of pieces) {
    for (let rest = piece; rest.length > 0; ) {
      if (heldBytes === CHUNK_BYTES) yield { bytes: take(), end: false };
      const part = rest.subarray(0, CHUNK_BYTES - heldBytes);
      held.push(part);
      heldBytes += part.length;
      rest = rest.subarray(part.length);
    }
  }
  yield { bytes: take(), end: true };
}

async function* compress(plain: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const brotli = createBrotliCompress({
    chunkSize: CHUNK_BYTES,
    params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY },
  });
  yield* through(plain, brotli);
}

async function* inflate(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const brotli = createBrotliDecompress({ chunkSize: CHUNK_BYTES });
  let given = 0;
  async function* counted() {
    for await (const chunk of chunks) {
      given += chunk.length;
      yield chunk;
    }
  }
  try {
    yield* through(counted(), brotli);
    // zlib takes no more than the stream, and leaves the rest without a word.
    if (brotli.bytesWritten < given)
      throw new SpreadError("bad-message", "there is more behind the compressed document");
  } catch (cause) {
    // The codes of zlib, and of `pipeline` for input after the end of the compressed stream.
    const broken = !(cause instanceof SpreadError) && /^(?:ERR_|Z_|ABORT_ERR)/.test(systemCode(cause) ?? "");
    throw broken ? new SpreadError("bad-message", "the document does not inflate", { cause }) : cause;
  }
}

async function* atMost(bytes: number, chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let left = bytes;
  for await (const chunk of chunks) {
    left -= chunk.length;
    if (left < 0) throw wrongSize();
    yield chunk;
  }
}

/** Driven by the reader: only the transform's own buffers are filled ahead. */
async function* through(
  source: AsyncIterable<Uint8Array>,
  transform: ReturnType<typeof createBrotliCompress>,
): AsyncIterable<Uint8Array> {
  const feeding = pipeline(source, transform);
  // A failure of the source destroys the transform, so the loop below throws it.
  feeding.catch(() => {});
  for await (const piece of transform) yield piece as Uint8Array;
  await feeding;
}

function wrongSize(): SpreadError {
  return new SpreadError("bad-message", "the document has another size than the one that was offered");
}
