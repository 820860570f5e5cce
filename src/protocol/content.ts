/** A document's bytes as the chunks of the wire, and back: whole chunks but the last, brotli in between where agreed. */
import { pipeline } from "node:stream/promises";
import { constants, createBrotliCompress, createBrotliDecompress } from "node:zlib";
import { SpreadError, systemCode } from "../errors.ts";
import { CHUNK_BYTES } from "../limits.ts";
import type { Encoding } from "./messages.ts";

/** Quality 4: about as small as 5 on Markdown, and fast enough not to slow a LAN down. */
const BROTLI_QUALITY = 4;

/**
 * What compressed content may have more than the content itself, in bytes: far above what any encoder adds (RFC 7932), and
 * an end to empty blocks, of which there could otherwise come any number.
 */
const BROTLI_SPARE_BYTES = 1024 * 1024;

export interface Chunk {
  /** CHUNK_BYTES bytes; the last one has fewer or as many, and none if the document has none. */
  readonly bytes: Uint8Array;
  readonly end: boolean;
}

/**
 * The chunks of a document from one of them on: the same ones each time, as long as `read` gives the same pieces.
 * @param read the document from that byte on.
 * @param position the number of the first chunk, from 0, of those that there are.
 * @param wanted asked while chunks are left out, which can take seconds: whether to go on.
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
  // What is compressed has no middle to begin at.
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
 * @param bytes what the document must have: not one more is given out.
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
  /** Up to a whole chunk: it goes out when it is known that more follows. */
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
  try {
    yield* through(chunks, brotli);
  } catch (cause) {
    // Zlib's own codes, and `pipeline`'s for input that comes behind the end of the compressed stream.
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

/** Pulled by the reader: nothing runs ahead further than the transform's own buffers. */
async function* through(
  source: AsyncIterable<Uint8Array>,
  transform: ReturnType<typeof createBrotliCompress>,
): AsyncIterable<Uint8Array> {
  const feeding = pipeline(source, transform);
  // A failure of the source destroys the transform, and so is thrown by the loop below.
  feeding.catch(() => {});
  for await (const piece of transform) yield piece as Uint8Array;
  await feeding;
}

function wrongSize(): SpreadError {
  return new SpreadError("bad-message", "the document has another size than the one that was offered");
}
