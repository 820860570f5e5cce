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
import { CHUNK_BYTES, MAX_SHARE_BYTES } from "../../src/limits.ts";
import { decode } from "../../src/protocol/content.ts";
import {
  checkLegacyHello,
  isLegacyHello,
  MAX_LEGACY_MESSAGE_BYTES,
  parseAuth,
  parseChallenge,
  parsePayload,
} from "../../src/protocol/legacy-messages.ts";
import {
  ABORT_REASONS,
  parseAnswer,
  parseConfirm,
  parseHello,
  parseSealed,
  REFUSED_REASONS,
  SUITE,
  sidOf,
} from "../../src/protocol/messages.ts";
import { VALUES } from "../vectors/example.ts";
import { HANDSHAKE, LEGACY, SEALED } from "./corpus.ts";
import {
  hexOf,
  is,
  judge,
  outcomeOf,
  outcomeOfAsync,
  type Rule,
  read,
  readAny,
  roomId,
  type Shape,
  spelling,
  strictJson,
  text,
  texts,
  whole,
  wordings,
} from "./judge.ts";
import { cuts, jsonFrames, knownFrames, mutants, pieces } from "./mutate.ts";
import { fuzz } from "./runner.ts";

const MAX_HANDSHAKE_BYTES = 1024;
const MAX_LEGACY_SMALL_BYTES = 4096;

/** One of the reasons, or a short one that is to come. */
const reason = (known: readonly string[], other: string) => (value: unknown) =>
  known.includes(String(text()(value))) ? value : text(64)(value) === undefined ? undefined : other;

const HELLO: Shape = { type: is("HELLO"), version: is(2), suite: is(SUITE), sid: hexOf(16), share: hexOf(32) };
const number: Rule = (it) => (Number.isFinite(it) ? it : undefined);
const ANY_HELLO: Shape = { type: is("HELLO"), version: number, "suite?": text() };
const CONFIRM: Shape = { type: is("CONFIRM"), mac: hexOf(64) };
const PAKE: Shape = { type: is("PAKE"), sid: hexOf(16), room: roomId, share: hexOf(32), "key?": hexOf(32) };
const REFUSED: Shape = {
  type: is("REFUSED"),
  reason: reason(REFUSED_REASONS, "unknown"),
  "sid?": hexOf(16),
  "signature?": hexOf(64),
};

const PART: Shape = { role: text(32, 1), name: text(255, 1), bytes: whole(0, MAX_SHARE_BYTES), sha256: hexOf(32) };

/** So many objects of a shape. */
function list(shape: Shape, min: number, max: number, value: unknown): unknown {
  if (!Array.isArray(value) || value.length < min || value.length > max) return undefined;
  const all = value.map((it) => read(shape, it));
  return all.includes(undefined) ? undefined : all;
}

const SEALED_SHAPES: readonly Shape[] = [
  {
    type: is("READY"),
    kinds: texts(16),
    encodings: texts(16),
    max_bytes: whole(0),
    "parts?": whole(1),
    "resume?": (it) => read({ transfer: hexOf(16), position: whole(0) }, it),
  },
  {
    type: is("OFFER"),
    transfer: hexOf(16),
    kind: is("distillation", "memory", "sessions"),
    title: text(1000),
    shared_at: (it) => (isUtcTime(it) ? it : undefined),
    bytes: whole(0, MAX_SHARE_BYTES),
    sha256: hexOf(32),
    encoding: is("identity", "br"),
    "parts?": (it) => list(PART, 2, 32, it),
    "position?": whole(0),
    "expires_in?": whole(0),
  },
  { type: is("RECEIPT"), transfer: hexOf(16), sha256: hexOf(32) },
  { type: is("DELIVERED"), transfer: hexOf(16) },
  { type: is("ABORT"), reason: reason(ABORT_REASONS, "internal") },
];

function isUtcTime(value: unknown): boolean {
  const [, year, month, day, hour, minute, second = "00"] =
    /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?Z$/.exec(String(text()(value))) ?? [];
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return !Number.isNaN(time.getTime()) && time.getUTCDate() === Number(day) && Number(hour) < 24;
}

/** A value that was read, or the refusal of all else. */
const orBad = (value: unknown) => (value === undefined ? ({ code: "bad-message" } as const) : { value });

describe("a frame of a handshake", () => {
  const frames = { inputs: jsonFrames(HANDSHAKE), known: knownFrames(HANDSHAKE) };

  const hearHello = wordings(2);
  fuzz(
    "parseHello takes each HELLO of version 2, and else says that it is of another version or none",
    frames,
    (it) => {
      const json = strictJson(it, MAX_HANDSHAKE_BYTES);
      const any = read(ANY_HELLO, json) as { version: number; suite?: string } | undefined;
      const foreign = any !== undefined && (any.version !== 2 || any.suite !== SUITE);
      judge(
        outcomeOf(() => parseHello(it)),
        foreign ? { code: "version-mismatch" } : orBad(read(HELLO, json)),
        hearHello,
      );
    },
  );

  fuzz("sidOf finds the sid of any JSON that has one, and never throws", frames, (it) => {
    const found = read({ sid: hexOf(16) }, strictJson(it, MAX_HANDSHAKE_BYTES)) as { sid: string } | undefined;
    expect(sidOf(it)).toBe(found?.sid);
  });

  const hearConfirm = wordings(1);
  fuzz("parseConfirm takes each CONFIRM, and nothing else", frames, (it) => {
    const confirm = read(CONFIRM, strictJson(it, MAX_HANDSHAKE_BYTES));
    judge(
      outcomeOf(() => parseConfirm(it)),
      orBad(confirm),
      hearConfirm,
    );
  });

  const hearAnswer = wordings(1);
  const all = [...HANDSHAKE, ...LEGACY];
  const answers = { inputs: jsonFrames(all), known: knownFrames(all) };
  fuzz("parseAnswer takes each PAKE and REFUSED, skips all else, and knows a sender of version 1", answers, (it) => {
    const json = strictJson(it, MAX_HANDSHAKE_BYTES);
    const old = read({ type: is("CHALLENGE", "DENIED") }, json) !== undefined;
    const expected = old ? ({ code: "version-mismatch" } as const) : { value: readAny([PAKE, REFUSED], json) };
    judge(
      outcomeOf(() => parseAnswer(it)),
      expected,
      hearAnswer,
    );
  });
});

describe("a message of version 1", () => {
  const all = [...LEGACY, ...HANDSHAKE];
  const frames = { inputs: jsonFrames(all), known: knownFrames(all) };
  const hears = { hello: wordings(2), auth: wordings(1), challenge: wordings(1), payload: wordings(1) };

  const denied = (it: unknown) => {
    const found = read({ type: is("DENIED"), reason: text() }, it) as { reason: string } | undefined;
    return found && { type: "DENIED", reason: deniedFor(found.reason) };
  };
  const refused = (it: unknown) =>
    read({ type: is("REFUSED") }, it) && { type: "DENIED", reason: "unsupported_version" };

  fuzz("its HELLO is told from others of its kind, and from all else", frames, (it) => {
    const hello = read({ type: is("HELLO"), version: number }, strictJson(it, MAX_LEGACY_SMALL_BYTES));
    const right = (hello as { version?: number } | undefined)?.version === 1;
    const expected = right ? orBad(null) : ({ code: hello ? "version-mismatch" : "bad-message" } as const);
    judge(
      outcomeOf(() => checkLegacyHello(it) ?? null),
      expected,
      hears.hello,
    );
    expect(isLegacyHello(it)).toBe(right);
  });

  fuzz("parseAuth takes each AUTH, and nothing else", frames, (it) => {
    const auth = read({ type: is("AUTH"), proof: text() }, strictJson(it, MAX_LEGACY_SMALL_BYTES));
    judge(
      outcomeOf(() => parseAuth(it)),
      orBad(auth),
      hears.auth,
    );
  });

  fuzz("parseChallenge takes each CHALLENGE and whatever denies, and nothing else", frames, (it) => {
    const json = strictJson(it, MAX_LEGACY_SMALL_BYTES);
    const challenge = read({ type: is("CHALLENGE"), salt: hexOf(32), nonce: hexOf(16) }, json);
    judge(
      outcomeOf(() => parseChallenge(it)),
      orBad(challenge ?? denied(json) ?? refused(json)),
      hears.challenge,
    );
  });

  const hexBytes = (it: unknown) =>
    typeof it === "string" && it.length >= 32 && it.length % 2 === 0
      ? spelling("0123456789abcdef", it.length)(it)
      : undefined;
  fuzz("parsePayload takes each PAYLOAD and whatever denies, and nothing else", frames, (it) => {
    const json = strictJson(it, MAX_LEGACY_MESSAGE_BYTES);
    const shape = { type: is("PAYLOAD"), salt: hexOf(32), nonce: hexOf(12), ciphertext: hexBytes };
    judge(
      outcomeOf(() => parsePayload(it)),
      orBad(read(shape, json) ?? denied(json) ?? refused(json)),
      hears.payload,
    );
  });
});

/** The words of version 1 and what they mean to us; what is behind a colon is for people. */
function deniedFor(said: string): string {
  const [word] = said.split(":");
  const OURS: Readonly<Record<string, string>> = {
    invalid_proof: "proof_failed",
    too_many_failures: "too_many_attempts",
    unsupported_version: "unsupported_version",
    bad_message: "bad_message",
    busy: "busy",
    used_up: "used_up",
    expired: "expired",
    stopped: "stopped",
  };
  return Object.hasOwn(OURS, word ?? "") ? (OURS[word ?? ""] ?? "") : "unknown";
}

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
      const chunk = (end: boolean, fits: boolean) => (fits ? { is: "content", chunk: bytes, end } : undefined);
      const message = it === 1 ? readAny(SEALED_SHAPES, strictJson(bytes, CHUNK_BYTES)) : undefined;
      const expected =
        it === 2
          ? chunk(false, bytes.length === CHUNK_BYTES)
          : it === 3
            ? chunk(true, bytes.length <= CHUNK_BYTES)
            : message && { is: "message", message };
      judge(
        outcomeOf(() => parseSealed(it, bytes)),
        orBad(expected),
        hear,
      );
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
  const hear = wordings(2);

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
