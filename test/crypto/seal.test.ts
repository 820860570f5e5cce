import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Opener, SEAL_OVERHEAD_BYTES, Sealer } from "../../src/crypto/seal.ts";
import { CHUNK_BYTES } from "../../src/limits.ts";

const KEY = Buffer.alloc(32, 0x4b);
const SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES + 17];

/** A document cut into chunks and sealed, the last one marked. */
function sealAll(document: Uint8Array, chunkBytes = CHUNK_BYTES): Uint8Array[] {
  const sealer = new Sealer(KEY);
  const frames: Uint8Array[] = [];
  for (let at = 0; ; at += chunkBytes) {
    const last = at + chunkBytes >= document.length;
    frames.push(Buffer.concat(sealer.seal(2, document.subarray(at, at + chunkBytes), last)));
    if (last) return frames;
  }
}

/** What an opener gives out before it refuses, and whether it saw the end. */
function openAll(frames: Uint8Array[]): { plain: Buffer; whole: boolean; refused: string | undefined } {
  const opener = new Opener(KEY);
  const parts: Uint8Array[] = [];
  let whole = false;
  try {
    for (const frame of frames) {
      const opened = opener.open(frame);
      parts.push(opened.body);
      whole = opened.last;
    }
  } catch (error) {
    return { plain: Buffer.concat(parts), whole: false, refused: (error as { code: string }).code };
  }
  return { plain: Buffer.concat(parts), whole, refused: undefined };
}

describe("a sealed stream", () => {
  it.each(SIZES)("carries %i bytes", (size) => {
    const document = Buffer.alloc(size, "abcdefgh");
    const frames = sealAll(document);
    expect(openAll(frames)).toEqual({ plain: document, whole: true, refused: undefined });
    const overhead = frames.reduce((sum, frame) => sum + frame.length, 0) - size;
    expect(overhead).toBe(frames.length * SEAL_OVERHEAD_BYTES);
  });

  it("carries any document in chunks of any size", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), fc.integer({ min: 1, max: 700 }), (document, chunkBytes) => {
        expect(openAll(sealAll(document, chunkBytes))).toEqual({
          plain: Buffer.from(document),
          whole: true,
          refused: undefined,
        });
      }),
    );
  });

  it("keeps the type byte and hides it", () => {
    const frame = Buffer.concat(new Sealer(KEY).seal(3, Buffer.from("x")));
    expect(new Opener(KEY).open(frame)).toEqual({ type: 3, body: Buffer.from("x"), last: false });
    expect(Buffer.concat(new Sealer(KEY).seal(4, Buffer.from("x")))[1]).not.toBe(frame[1]);
  });

  it("never seals two frames under one nonce: equal bodies give different frames", () => {
    const sealer = new Sealer(KEY);
    const frames = Array.from({ length: 300 }, () => Buffer.concat(sealer.seal(1, Buffer.alloc(8))).toString("hex"));
    expect(new Set(frames).size).toBe(300);
  });

  it("seals nothing behind the last frame", () => {
    const sealer = new Sealer(KEY);
    sealer.seal(1, Buffer.alloc(1), true);
    expect(sealer.ended).toBe(true);
    expect(() => sealer.seal(1, Buffer.alloc(1))).toThrow(expect.objectContaining({ code: "internal" }));
  });
});

describe("a sealed stream that was tampered with gives out nothing of the bad frame, nor of any behind it", () => {
  const CHUNK = 64;
  const document = Buffer.from(Array.from({ length: 6 * CHUNK - 5 }, (_, i) => i & 0xff));
  const good = sealAll(document, CHUNK);
  const intact = (frames: number) => document.subarray(0, frames * CHUNK);
  const index = fc.integer({ min: 0, max: good.length - 1 });

  it("altered in any byte", () => {
    fc.assert(
      fc.property(index, fc.nat(), fc.integer({ min: 1, max: 255 }), (at, where, flip) => {
        const frames = good.map((frame) => Buffer.from(frame));
        const target = frames[at] as Buffer;
        const byte = where % target.length;
        target[byte] = (target[byte] as number) ^ flip;
        expect(openAll(frames)).toEqual({ plain: intact(at), whole: false, refused: "tampered" });
      }),
      { numRuns: 500 },
    );
  });

  it("with a chunk dropped", () => {
    for (let at = 0; at < good.length - 1; at++) {
      const frames = good.filter((_, i) => i !== at);
      expect(openAll(frames)).toEqual({ plain: intact(at), whole: false, refused: "tampered" });
    }
  });

  it("with the end dropped: not whole", () => {
    expect(openAll(good.slice(0, -1))).toEqual({ plain: intact(good.length - 1), whole: false, refused: undefined });
  });

  it("with a chunk repeated", () => {
    for (let at = 0; at < good.length; at++) {
      const frames = [...good.slice(0, at + 1), ...good.slice(at)];
      const plain = at === good.length - 1 ? document : intact(at + 1);
      expect(openAll(frames)).toEqual({ plain, whole: false, refused: "tampered" });
    }
  });

  it("with two chunks swapped", () => {
    fc.assert(
      fc.property(index, index, (a, b) => {
        fc.pre(a !== b);
        const frames = [...good];
        [frames[a], frames[b]] = [frames[b] as Uint8Array, frames[a] as Uint8Array];
        expect(openAll(frames)).toEqual({ plain: intact(Math.min(a, b)), whole: false, refused: "tampered" });
      }),
    );
  });

  it("cut short or made longer", () => {
    fc.assert(
      fc.property(index, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 40 }), (at, where, more) => {
        const frame = good[at] as Uint8Array;
        const cut = good.map((f, i) => (i === at ? f.subarray(0, where % frame.length) : f));
        expect(openAll(cut)).toEqual({ plain: intact(at), whole: false, refused: "tampered" });
        const grown = good.map((f, i) => (i === at ? Buffer.concat([f, more]) : f));
        expect(openAll(grown)).toEqual({ plain: intact(at), whole: false, refused: "tampered" });
      }),
    );
  });

  it("followed by more, be it noise or a frame of the right key", () => {
    const extra = new Sealer(KEY);
    for (let i = 0; i < good.length; i++) extra.seal(2, Buffer.alloc(1));
    for (const more of [Buffer.alloc(0), Buffer.alloc(40, 1), Buffer.concat(extra.seal(2, Buffer.from("more")))]) {
      expect(openAll([...good, more])).toEqual({ plain: document, whole: false, refused: "tampered" });
    }
  });

  it("marked as the end too early, or not marked at the end", () => {
    for (let at = 0; at < good.length; at++) {
      const frames = good.map((frame) => Buffer.from(frame));
      const target = frames[at] as Buffer;
      target[0] = target[0] === 1 ? 0 : 1;
      expect(openAll(frames)).toEqual({ plain: intact(at), whole: false, refused: "tampered" });
    }
  });

  it("stays shut after the first refusal, even for the frame that would have been right", () => {
    const opener = new Opener(KEY);
    expect(() => opener.open(good[1] as Uint8Array)).toThrow(expect.objectContaining({ code: "tampered" }));
    expect(() => opener.open(good[0] as Uint8Array)).toThrow(expect.objectContaining({ code: "tampered" }));
  });

  it("under another key", () => {
    const opener = new Opener(Buffer.alloc(32, 1));
    expect(() => opener.open(good[0] as Uint8Array)).toThrow(expect.objectContaining({ code: "tampered" }));
  });
});
