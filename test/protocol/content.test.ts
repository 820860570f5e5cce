/** The document's bytes as chunks, and back. */
import { brotliCompressSync, constants } from "node:zlib";
import fc from "fast-check";
import { expect, it } from "vitest";
import { CHUNK_BYTES } from "../../src/limits.ts";
import { decode, encode, encodeFrom } from "../../src/protocol/content.ts";

async function* pieces(...parts: Uint8Array[]) {
  yield* parts;
}
async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}
async function chunksOf(source: AsyncIterable<Uint8Array>, encoding: "identity" | "br" = "identity") {
  const chunks = [];
  for await (const chunk of encode(source, encoding)) chunks.push(chunk);
  return chunks;
}

it("makes chunks of CHUNK_BYTES and a last one that is marked, however the bytes come", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 3 * CHUNK_BYTES }), { maxLength: 5 }), async (sizes) => {
      const parts = sizes.map((size, index) => Buffer.alloc(size, index + 1));
      const chunks = await chunksOf(pieces(...parts));
      expect(chunks.slice(0, -1).every(({ bytes, end }) => bytes.length === CHUNK_BYTES && !end)).toBe(true);
      expect(chunks.at(-1)?.end).toBe(true);
      const total = sizes.reduce((sum, size) => sum + size, 0);
      expect(chunks.length).toBe(Math.max(1, Math.ceil(total / CHUNK_BYTES)));
      expect(Buffer.concat(chunks.map(({ bytes }) => bytes)).equals(Buffer.concat(parts))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

it.each(["identity", "br"] as const)(
  "goes on at any chunk with the very chunks that are left: %s",
  async (encoding) => {
    const text = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `${i * i} ${Math.sin(i)}\n`).join(""));
    const read = (from: number) => pieces(text.subarray(from, from + 100_000), text.subarray(from + 100_000));
    const from = async (position: number) => {
      const left = [];
      for await (const { bytes, end } of encodeFrom(read, encoding, position))
        left.push({ bytes: Buffer.from(bytes).toString("latin1"), end });
      return left;
    };
    const all = await from(0);
    expect(all.length).toBeGreaterThan(2);
    for (let position = 1; position < all.length; position++) {
      expect(await from(position)).toEqual(all.slice(position));
    }
  },
);

it("brings compressed content back", async () => {
  const bytes = Buffer.alloc(3_000_000, "a line of a document\n");
  const chunks = await chunksOf(pieces(bytes), "br");
  expect(chunks.length).toBe(1);
  const back = await gather(decode(pieces(...chunks.map((chunk) => chunk.bytes)), "br", bytes.length));
  expect(back.equals(bytes)).toBe(true);
});

it("stops inflating at the size that was offered: a bomb of 256 MiB in one chunk gives out no byte more", async () => {
  // The best quality takes as long again for every byte of it, and makes it no smaller.
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };
  const bomb = brotliCompressSync(Buffer.alloc(256 * 1024 * 1024), quality);
  expect(bomb.length).toBeLessThan(CHUNK_BYTES);
  let out = 0;
  const reading = (async () => {
    for await (const piece of decode(pieces(bomb), "br", 100_000)) out += piece.length;
  })();
  await expect(reading).rejects.toMatchObject({ code: "bad-message" });
  expect(out).toBeLessThanOrEqual(100_000);
});

it("refuses chunks behind the end of compressed content", async () => {
  const whole = brotliCompressSync(Buffer.alloc(1000, "text "));
  const more = [whole, Buffer.alloc(CHUNK_BYTES, 1), Buffer.alloc(CHUNK_BYTES, 2), Buffer.alloc(10)];
  await expect(gather(decode(pieces(...more), "br", 1000))).rejects.toMatchObject({ code: "bad-message" });
});

it("refuses compressed content that goes on and on without saying anything", async () => {
  // A brotli stream header and then empty metadata blocks (RFC 7932, section 9.2), each a byte: 0x06 = no last, skip 0.
  async function* endless() {
    yield Buffer.from([0x0c]);
    for (;;) yield Buffer.alloc(CHUNK_BYTES, 0x06);
  }
  await expect(gather(decode(endless(), "br", 1000))).rejects.toMatchObject({ code: "bad-message" });
});

it.each([
  ["is no brotli", Buffer.from("this is not brotli at all, is it")],
  ["is cut short", brotliCompressSync(Buffer.alloc(1000, "text ")).subarray(0, -3)],
  ["has a byte behind its end", Buffer.concat([brotliCompressSync(Buffer.alloc(1000, "text ")), Buffer.alloc(1)])],
  [
    "is two streams",
    Buffer.concat([brotliCompressSync(Buffer.alloc(1000, "text ")), brotliCompressSync(Buffer.alloc(0))]),
  ],
  ["is empty", Buffer.alloc(0)],
])("refuses compressed content that %s: bad-message", async (_what, bytes) => {
  await expect(gather(decode(pieces(bytes), "br", 1000))).rejects.toMatchObject({ code: "bad-message" });
});

it.each([
  [99, "fewer"],
  [101, "more"],
])("refuses content of 100 bytes where %i were offered", async (offered) => {
  await expect(gather(decode(pieces(Buffer.alloc(100)), "identity", offered))).rejects.toMatchObject({
    code: "bad-message",
  });
});

it("passes on what its source throws, and closes a source that is not read to its end", async () => {
  const broken = async function* (): AsyncIterable<Uint8Array> {
    yield Buffer.alloc(10);
    throw new Error("from the source");
  };
  await expect(gather(decode(broken(), "identity", 100))).rejects.toThrow("from the source");
  await expect(chunksOf(broken(), "br")).rejects.toThrow("from the source");

  let closed = false;
  const endless = async function* (): AsyncIterable<Uint8Array> {
    try {
      for (;;) yield Buffer.alloc(CHUNK_BYTES);
    } finally {
      closed = true;
    }
  };
  for await (const _ of encode(endless(), "identity")) break;
  expect(closed).toBe(true);
});
