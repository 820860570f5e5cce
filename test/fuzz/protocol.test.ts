/**
 * What a peer says, byte by byte: both versions' messages, sealed frames, shares of the key exchange, compressed
 * content.
 */
import { randomBytes } from "node:crypto";
import { brotliCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect } from "vitest";
import { decodeShare } from "../../src/crypto/cpace.ts";
import { Opener, Sealer } from "../../src/crypto/seal.ts";
import { checkLegacyHello, parseAuth, parseChallenge, parsePayload } from "../../src/legacy/messages.ts";
import { CHUNK_BYTES } from "../../src/limits.ts";
import { decode } from "../../src/protocol/content.ts";
import { isLegacyHello } from "../../src/protocol/legacy-hello.ts";
import { parseAnswer, parseConfirm, parseHello, parseSealed, sidOf } from "../../src/protocol/messages.ts";
import { VALUES } from "../vectors/example.ts";
import { HANDSHAKE, LEGACY, SEALED } from "./corpus.ts";
import { expectFaithful, judge, looseJson, outcomeOf, outcomeOfAsync, wordings } from "./judge.ts";
import { cuts, jsonFrames, knownFrames, mutants, pieces } from "./mutate.ts";
import { fuzz } from "./runner.ts";

const framesLike = (valid: readonly object[]) => ({ inputs: jsonFrames(valid), known: knownFrames(valid) });

describe("a frame of a handshake", () => {
  const frames = framesLike(HANDSHAKE);
  const answers = framesLike([...HANDSHAKE, ...LEGACY]);

  const hello = { codes: ["bad-message", "version-mismatch"], hear: wordings(2) } as const;
  fuzz("parseHello reads what is said, or refuses it", frames, (it) => expectFaithful(it, parseHello, hello));

  fuzz("sidOf finds a sid as it is said, and never throws", frames, (it) => {
    const sid = sidOf(it);
    if (sid !== undefined) expect(looseJson(it.toString())).toMatchObject({ sid });
  });

  const confirm = { codes: ["bad-message"], hear: wordings(1) } as const;
  fuzz("parseConfirm reads what is said, or refuses it", frames, (it) => expectFaithful(it, parseConfirm, confirm));

  const answer = { codes: ["version-mismatch"], hear: wordings(1) } as const;
  fuzz("parseAnswer reads what is said, or skips it, or knows a sender of version 1", answers, (it) =>
    expectFaithful(it, parseAnswer, answer),
  );
});

describe("a message of version 1", () => {
  const frames = framesLike([...LEGACY, ...HANDSHAKE]);
  const refused = () => ({ codes: ["bad-message"] as const, hear: wordings(1) });
  const [auth, challenge, payload] = [refused(), refused(), refused()];

  const hear = wordings(2);
  fuzz("its HELLO is told from others of its kind, and from all else", frames, (it) => {
    const outcome = outcomeOf(() => checkLegacyHello(it));
    expect(isLegacyHello(it)).toBe("value" in outcome);
    if ("value" in outcome) return expect(looseJson(it.toString())).toMatchObject({ type: "HELLO", version: 1 });
    expect(["version-mismatch", "bad-message"]).toContain(outcome.code);
    hear(`${outcome.code}: ${outcome.message}`);
  });

  fuzz("parseAuth reads what is said, or refuses it", frames, (it) => expectFaithful(it, parseAuth, auth));

  /** Who is refused by version 2 is told so in a word of version 1. */
  const asDenied = (parse: typeof parseChallenge | typeof parsePayload) => (frame: Buffer) => {
    const message = parse(frame);
    const { type } = looseJson(frame.toString()) as { type: string };
    return message.type === "DENIED" ? { ...message, type } : message;
  };
  fuzz("parseChallenge reads what is said, or refuses it", frames, (it) =>
    expectFaithful(it, asDenied(parseChallenge), challenge),
  );

  fuzz("parsePayload reads what is said, or refuses it", frames, (it) =>
    expectFaithful(it, asDenied(parsePayload), payload),
  );
});

describe("what was sealed", () => {
  const hear = wordings(1);
  const type = fc.oneof(fc.constantFrom(1, 2, 3), fc.nat({ max: 255 }));
  const block = fc
    .constantFrom(0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1)
    .map((size) => Buffer.alloc(size, 32));
  const body = fc.oneof({ weight: 9, arbitrary: jsonFrames(SEALED) }, { weight: 1, arbitrary: block });

  fuzz(
    "is a message by the schema, a whole chunk, or the last one; parseSealed takes nothing else",
    {
      inputs: fc.record({ type, body }),
      known: knownFrames(SEALED).map((it) => ({ type: 1, body: it })),
    },
    ({ type: it, body: bytes }) => {
      const refused = { codes: ["bad-message"], hear } as const;
      if (it === 1) {
        const message = (frame: Buffer) => {
          const sealed = parseSealed(1, frame);
          return sealed.is === "message" ? sealed.message : undefined;
        };
        return expectFaithful(bytes, message, refused);
      }
      const end = it === 3;
      const right = end ? bytes.length <= CHUNK_BYTES : it === 2 && bytes.length === CHUNK_BYTES;
      const outcome = outcomeOf(() => parseSealed(it, bytes));
      judge(outcome, right ? { value: { is: "content", chunk: bytes, end } } : { code: "bad-message" }, hear);
    },
  );

  const key = randomBytes(32);
  const sealer = new Sealer(key);
  const bodies = ["first", "", "third", "x".repeat(500), "last"].map((it) => Buffer.from(it));
  const frames = bodies.map((it, at) => Buffer.concat(sealer.seal(at, it, at === bodies.length - 1)));
  const hearSeal = wordings(1);
  const frame = fc.oneof(fc.constantFrom(...frames), mutants(frames));
  const begun = fc
    .nat({ max: frames.length })
    .chain((count) => fc.array(frame, { maxLength: 4 }).map((more) => [...frames.slice(0, count), ...more]));
  fuzz("opens frame by frame in its order, and after the first wrong one never again", { inputs: begun }, (heard) => {
    const opener = new Opener(key);
    let right = 0;
    let broken = false;
    for (const it of heard) {
      broken ||= !(frames[right]?.equals(it) ?? false);
      const at = right;
      const expected = broken
        ? ({ code: "tampered" } as const)
        : { value: { type: at, body: bodies[at], last: at === bodies.length - 1 } };
      const outcome = outcomeOf(() => {
        const opened = opener.open(it);
        return { ...opened, body: Buffer.from(opened.body) };
      });
      judge(outcome, expected, hearSeal);
      if (!broken) right += 1;
    }
  });

  const share = mutants([VALUES.shareA, VALUES.shareB].map((it) => Buffer.from(it, "hex")));
  const hearShare = wordings(2);
  const neutral = { inputs: share, known: [Buffer.alloc(32), Buffer.alloc(32, 255), Buffer.alloc(0)] };
  fuzz(
    "is under a share that is a group element, spelled in its one way, and not the neutral one",
    neutral,
    (bytes) => {
      const outcome = outcomeOf(() => Buffer.from(decodeShare(bytes).toBytes()).toString("hex"));
      judge(outcome, "value" in outcome ? { value: bytes.toString("hex") } : { code: "bad-message" }, hearShare);
      expect(outcome).not.toEqual({ value: "00".repeat(32) });
    },
  );
});

describe("compressed content", () => {
  const PLAIN = [
    Buffer.from("# A document\n\nof a few words, a few words, a few words.\n"),
    Buffer.alloc(0),
    Buffer.alloc(300_000, "0123456789"),
    randomBytes(5_000),
  ];
  /** 64 MiB in a hundred bytes. */
  const BOMB = brotliCompressSync(Buffer.alloc(64 * 1024 * 1024));
  /** Blocks that hold nothing: RFC 7932, section 9.2, a metadata block of no bytes. */
  const NOTHING = Buffer.alloc(40_000, 0x06);
  const packed = PLAIN.map((it) => brotliCompressSync(it));
  const bytes = fc.oneof(fc.constantFrom(...PLAIN.map(({ length }) => length)), fc.nat({ max: 400_000 }));
  const hear = wordings(3);

  fuzz(
    "gives the bytes that were promised or bad-message, and on the way to that never more than promised",
    { inputs: fc.record({ content: mutants([...packed, BOMB, NOTHING]), bytes, cuts }) },
    async ({ content, bytes: promised, cuts: marks }) => {
      async function* chunks() {
        yield* pieces(content, marks);
      }
      let got = 0;
      const parts: Uint8Array[] = [];
      const outcome = await outcomeOfAsync(async () => {
        for await (const piece of decode(chunks(), "br", promised)) {
          got += piece.length;
          expect(got).toBeLessThanOrEqual(promised);
          parts.push(piece);
        }
        return got;
      });
      const whole = PLAIN.find((it, at) => it.length === promised && packed[at]?.equals(content));
      if (whole) {
        expect(outcome).toEqual({ value: promised });
        expect(Buffer.concat(parts).equals(whole)).toBe(true);
      }
      judge(outcome, "value" in outcome ? { value: promised } : { code: "bad-message" }, hear);
    },
  );
});
