/** What both versions' messages are, and what is none any more. src/protocol/README.md says the same in words. */
import { describe, expect, it } from "vitest";
import {
  checkLegacyHello,
  MAX_LEGACY_MESSAGE_BYTES,
  parseAuth,
  parseChallenge,
  parsePayload,
} from "../../src/legacy/messages.ts";
import { CHUNK_BYTES, MAX_SHARE_BYTES } from "../../src/limits.ts";
import { parseAnswer, parseConfirm, parseHello, parseSealed } from "../../src/protocol/messages.ts";
import { parseControl } from "../../src/transport/relay-connection.ts";
import { CONTROL, HANDSHAKE, LEGACY, SEALED } from "../fuzz/corpus.ts";

type Parse = (frame: Buffer) => unknown;
type Message = Record<string, unknown> & { type: string };

const sealed: Parse = (frame) => (parseSealed(1, frame) as { message?: unknown }).message;
/** Who reads which message, and how many bytes of it. */
const READERS: Readonly<Record<string, readonly [Parse, number]>> = {
  HELLO: [parseHello, 1024],
  PAKE: [parseAnswer, 1024],
  REFUSED: [parseAnswer, 1024],
  CONFIRM: [parseConfirm, 1024],
  READY: [sealed, CHUNK_BYTES],
  OFFER: [sealed, CHUNK_BYTES],
  RECEIPT: [sealed, CHUNK_BYTES],
  DELIVERED: [sealed, CHUNK_BYTES],
  ABORT: [sealed, CHUNK_BYTES],
  CHALLENGE: [parseChallenge, 4096],
  AUTH: [parseAuth, 4096],
  PAYLOAD: [parsePayload, MAX_LEGACY_MESSAGE_BYTES],
  DENIED: [parseChallenge, 4096],
  ROOM_CREATED: [parseControl, 1024],
  ROOM_JOINED: [parseControl, 1024],
  PEER_JOINED: [parseControl, 1024],
  PEER_DISCONNECTED: [parseControl, 1024],
  ERROR: [parseControl, 1024],
};
const readerOf = ({ type }: Message) => READERS[type] ?? expect.unreachable(type);

/** What is made of some text; undefined where it is refused. */
function read(text: string | Buffer, parse: Parse): unknown {
  try {
    return parse(Buffer.from(text));
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^(?:bad-message|version-mismatch)$/) });
    return undefined;
  }
}
const readMessage = (message: Message) => read(JSON.stringify(message), readerOf(message)[0]);

/** The HELLO of version 1 is no message that is read, but one that is told from others: below. */
const MESSAGES = ([...HANDSHAKE, ...SEALED, ...LEGACY, ...CONTROL] as Message[]).filter(
  ({ type, version }) => type in READERS && version !== 1,
);
const first = (type: string) => MESSAGES.find((it) => it.type === type) ?? expect.unreachable(type);
/** May be left out. */
const OPTIONAL = ["key", "sid", "signature", "parts", "resume", "position", "expires_in", "features", "reclaim_token"];
const needs = (message: Message, field: string) =>
  !OPTIONAL.includes(field) || (field === "sid" && message.type !== "REFUSED");

describe.each(MESSAGES)("%j", (message) => {
  const [parse, maxBytes] = readerOf(message);
  const [before, behind] = JSON.stringify(message).split(/(?<=^\{)/);

  it("is read field by field, and what is not known is read past", () => {
    const { reason, ...fields } = message;
    expect(readMessage(message)).toMatchObject(fields);
    expect(readMessage({ ...message, to_come: { a: [1] } })).toEqual(readMessage(message));
  });

  it("is none without a field that it needs, or with one that is of no kind that it could be", () => {
    for (const field of Object.keys(message)) {
      const { [field]: _, ...others } = message;
      expect(readMessage({ ...others, type: message.type }) !== undefined, field).toBe(
        field === "type" || !needs(message, field),
      );
      for (const wrong of ["null", "true", "1e999", "{}"]) {
        const text = JSON.stringify(others).replace(/\}$/, `${field === "type" ? "" : ","}"${field}":${wrong}}`);
        expect(read(text, parse), text).toBeUndefined();
      }
    }
  });

  it("may be as long as it may be, and not a byte longer", () => {
    const blanks = (bytes: number) => `${before}${" ".repeat(bytes - JSON.stringify(message).length)}${behind}`;
    expect(read(blanks(maxBytes), parse)).toBeDefined();
    expect(read(blanks(maxBytes + 1), parse)).toBeUndefined();
  });

  // A relay's text is a WebSocket's, which has checked that.
  if (parse === parseControl) return;
  it("is one object of UTF-8, without a byte order mark", () => {
    for (const wrong of [
      Buffer.from(`\ufeff${before}${behind}`),
      Buffer.concat([Buffer.from(`${before}"x":"`), Buffer.of(0xff), Buffer.from(`",${behind}`)]),
      Buffer.from(`${before}${behind}{}`),
      Buffer.from(`[${before}${behind}]`),
    ]) {
      expect(read(wrong, parse), wrong.toString()).toBeUndefined();
    }
  });
});

const hex = (bytes: number) => ({
  right: ["0f".repeat(bytes)],
  wrong: ["0F".repeat(bytes), "0f".repeat(bytes - 1), `${"0f".repeat(bytes)}0`, `${"0f".repeat(bytes)}\n`, "", 0],
});
const text = (max: number, min = 0) => ({
  right: ["x".repeat(min), "x".repeat(max)],
  wrong: ["x".repeat(max + 1), ...(min > 0 ? [""] : []), 7],
});
const count = (min: number, max = Number.MAX_SAFE_INTEGER) => ({
  right: [min, max],
  wrong: [min - 1, max + 1, min + 0.5, `${min}`],
});
const words = (max: number) => ({
  right: [[], Array(max).fill("x")],
  wrong: [Array(max + 1).fill("x"), [null], "x", [1]],
});
const room = { right: ["a7f3b2", "000000"], wrong: ["A7F3B2", "a7f3b", "a7f3b2a", "a7f3b2\n", " a7f3b2", "ａ7f3b2"] };
const part = { role: "document", name: "x", bytes: 0, sha256: "0f".repeat(32) };
const parts = (field: string, { right, wrong }: { right: unknown[]; wrong: unknown[] }) => {
  const withIt = (value: unknown) => [part, { ...part, [field]: value }];
  return { right: right.map(withIt), wrong: wrong.map(withIt) };
};

it.each<[type: string, field: string, values: { right: unknown[]; wrong: unknown[] }]>([
  ["HELLO", "version", { right: [2], wrong: [1, 3, 2.5, "2"] }],
  ["HELLO", "suite", { right: [], wrong: ["", "CPACE-RISTR255-SHA512+AES-256-GCM\n", 1] }],
  ["HELLO", "sid", hex(16)],
  ["HELLO", "share", hex(32)],
  ["PAKE", "sid", hex(16)],
  ["PAKE", "room", room],
  ["PAKE", "share", hex(32)],
  ["PAKE", "key", hex(32)],
  ["CONFIRM", "mac", hex(64)],
  ["REFUSED", "reason", text(64)],
  ["REFUSED", "sid", hex(16)],
  ["REFUSED", "signature", hex(64)],
  ["READY", "kinds", words(16)],
  ["READY", "encodings", words(16)],
  ["READY", "max_bytes", count(0)],
  ["READY", "parts", count(1)],
  ["READY", "resume", { right: [{ transfer: "0f".repeat(16), position: 0 }], wrong: [{ position: 0 }, []] }],
  [
    "READY",
    "resume",
    { right: [], wrong: [-1, 0.5, "0"].map((position) => ({ transfer: "0f".repeat(16), position })) },
  ],
  ["OFFER", "transfer", hex(16)],
  ["OFFER", "kind", { right: ["distillation", "memory", "sessions"], wrong: ["", "Memory", "to-come"] }],
  ["OFFER", "title", text(1000)],
  [
    "OFFER",
    "shared_at",
    {
      right: ["2026-11-20T10:00:00Z", "2024-02-29T23:59:59.999Z"],
      wrong: ["2026-02-29T10:00:00Z", "2026-11-20T10:00:00+01:00", "2026-11-20 10:00:00Z", "2026-11-20T24:00:00Z", 0],
    },
  ],
  ["OFFER", "bytes", count(0, MAX_SHARE_BYTES)],
  ["OFFER", "sha256", hex(32)],
  ["OFFER", "encoding", { right: ["identity", "br"], wrong: ["gzip", "BR", ""] }],
  ["OFFER", "parts", { right: [Array(2).fill(part), Array(32).fill(part)], wrong: [[part], Array(33).fill(part)] }],
  ["OFFER", "parts", parts("role", text(32, 1))],
  ["OFFER", "parts", parts("name", text(255, 1))],
  ["OFFER", "parts", parts("bytes", count(0, MAX_SHARE_BYTES))],
  ["OFFER", "parts", parts("sha256", hex(32))],
  ["OFFER", "position", count(0)],
  ["OFFER", "expires_in", count(0)],
  ["RECEIPT", "transfer", hex(16)],
  ["RECEIPT", "sha256", hex(32)],
  ["DELIVERED", "transfer", hex(16)],
  ["ABORT", "reason", text(64)],
  ["CHALLENGE", "salt", hex(32)],
  ["CHALLENGE", "nonce", hex(16)],
  // A proof of another form is as wrong as any other one.
  ["AUTH", "proof", { right: ["", "x".repeat(1000)], wrong: [0] }],
  ["PAYLOAD", "salt", hex(32)],
  ["PAYLOAD", "nonce", hex(12)],
  ["PAYLOAD", "ciphertext", { right: ["0f".repeat(16), "0f".repeat(999)], wrong: hex(16).wrong }],
  ["ROOM_CREATED", "room_id", room],
  ["ROOM_CREATED", "expires_in", { right: [1, 0.5], wrong: [0, -1, "1"] }],
  ["ROOM_CREATED", "features", { right: [[], ["x"]], wrong: [[null], "turns"] }],
  ["ROOM_CREATED", "reclaim_token", text(512)],
  ["ROOM_JOINED", "room_id", room],
])("%s has a %s within its bounds", (type, field, { right, wrong }) => {
  for (const value of right) expect(readMessage({ ...first(type), [field]: value }), `${value}`).toBeDefined();
  for (const value of wrong) expect(readMessage({ ...first(type), [field]: value }), `${value}`).toBeUndefined();
});

it("takes a reason that is to come for one that says nothing", () => {
  expect(readMessage({ type: "REFUSED", reason: "to_come" })).toEqual({ type: "REFUSED", reason: "unknown" });
  expect(readMessage({ type: "ABORT", reason: "to_come" })).toEqual({ type: "ABORT", reason: "internal" });
  expect(readMessage({ type: "DENIED", reason: "to_come: x" })).toEqual({ type: "DENIED", reason: "unknown" });
});

it("tells a HELLO of version 1 from others, and a peer of another version from one that talks nonsense", () => {
  const codeOf = (parse: Parse, message: object) => {
    try {
      parse(Buffer.from(JSON.stringify(message)));
      return "right";
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  const hello = { type: "HELLO", version: 1 };
  expect(codeOf(checkLegacyHello, hello)).toBe("right");
  expect(codeOf(checkLegacyHello, first("HELLO"))).toBe("version-mismatch");
  expect(codeOf(checkLegacyHello, { ...hello, version: "1" })).toBe("bad-message");
  expect(codeOf(parseHello, hello)).toBe("version-mismatch");
  expect(codeOf(parseHello, { ...first("HELLO"), suite: "ANOTHER" })).toBe("version-mismatch");
  expect(codeOf(parseHello, { ...first("HELLO"), sid: "x" })).toBe("bad-message");
  expect(codeOf(parseAnswer, first("CHALLENGE"))).toBe("version-mismatch");
  expect(codeOf(parseAnswer, { type: "DENIED" })).toBe("version-mismatch");
});

it("takes a REFUSED of version 2 for a denial, where version 1 is spoken", () => {
  for (const parse of [parseChallenge, parsePayload]) {
    expect(read('{"type":"REFUSED","reason":7}', parse)).toEqual({ type: "DENIED", reason: "unsupported_version" });
  }
});
