/**
 * What fuzzing starts from: every kind of message as it should be, and whatever has made a parser stumble somewhere.
 */
import { GIVEN, SPOKEN, VALUES } from "../vectors/example.ts";

const hex = (bytes: number) => "5a".repeat(bytes);

/** Version 2, in the clear. */
export const HANDSHAKE: readonly object[] = [
  ...SPOKEN.map(({ text }) => JSON.parse(text) as object),
  { type: "PAKE", sid: GIVEN.sid, room: GIVEN.room, share: VALUES.shareB, key: hex(32) },
  { type: "REFUSED", reason: "proof_failed" },
  { type: "REFUSED", reason: "a_reason_to_come", sid: GIVEN.sid, signature: hex(64) },
];

/** Version 2, sealed. */
export const SEALED: readonly object[] = [
  { type: "READY", kinds: ["distillation"], encodings: ["identity", "br"], max_bytes: 1024 ** 3 },
  { type: "READY", kinds: [], encodings: [], max_bytes: 0, resume: { transfer: GIVEN.transfer, position: 12 } },
  {
    type: "OFFER",
    transfer: GIVEN.transfer,
    kind: "distillation",
    title: GIVEN.title,
    shared_at: GIVEN.sharedAt,
    bytes: 76,
    sha256: VALUES.sha256,
    encoding: "identity",
    position: 12,
    expires_in: 1800,
  },
  {
    type: "OFFER",
    transfer: GIVEN.transfer,
    kind: "distillation",
    title: "",
    shared_at: GIVEN.sharedAt,
    bytes: 78,
    sha256: VALUES.sha256,
    encoding: "br",
    parts: [
      { role: "document", name: "handoff.md", bytes: 76, sha256: VALUES.sha256 },
      { role: "a-role-to-come", name: "../x", bytes: 2, sha256: VALUES.sha256 },
    ],
  },
  { type: "READY", kinds: [], encodings: [], max_bytes: 0, parts: 32 },
  { type: "RECEIPT", transfer: GIVEN.transfer, sha256: VALUES.sha256 },
  { type: "DELIVERED", transfer: GIVEN.transfer },
  { type: "ABORT", reason: "no_space" },
  { type: "ABORT", reason: "a_reason_to_come" },
];

/** Version 1. */
export const LEGACY: readonly object[] = [
  { type: "HELLO", version: 1 },
  { type: "CHALLENGE", salt: hex(32), nonce: hex(16) },
  { type: "AUTH", proof: hex(32) },
  { type: "PAYLOAD", salt: hex(32), nonce: hex(12), ciphertext: hex(40) },
  { type: "DENIED", reason: "invalid_proof" },
  { type: "DENIED", reason: "unsupported_version: ask the sender" },
  { type: "ACK", status: "received" },
];

/** What a relay says to its peers. */
export const CONTROL: readonly object[] = [
  { type: "ROOM_CREATED", room_id: "a7f3b2" },
  { type: "ROOM_CREATED", room_id: "a7f3b2", expires_in: 1800, features: ["turns"] },
  { type: "ROOM_CREATED", room_id: "a7f3b2", expires_in: 9, features: ["reclaim"], reclaim_token: "17.18.x" },
  { type: "ROOM_JOINED", room_id: "a7f3b2" },
  { type: "PEER_JOINED", peer_id: "conn_0a1b2c" },
  { type: "PEER_DISCONNECTED", peer_id: "conn_0a1b2c" },
  { type: "ERROR", reason: "room_not_found" },
];

/** What peers say to a relay. */
export const REQUESTS: readonly object[] = [
  { type: "CREATE_ROOM" },
  { type: "CREATE_ROOM", ttl_seconds: 600, features: ["turns"] },
  { type: "CREATE_ROOM", room_id: "a7f3b2", reclaim_token: "17.18.x", features: ["reclaim"] },
  { type: "JOIN_ROOM", room_id: "a7f3b2" },
  { type: "JOIN_ROOM", room_id: "a7f3b2", features: [] },
  { type: "NEXT" },
];

/** Pieces that a mistake is made of. */
export const NASTY_BYTES: readonly Buffer[] = [
  Buffer.from("\ufeff"),
  Buffer.from([0]),
  Buffer.from([0xff]),
  Buffer.from([0xc0, 0x80]), // NUL, overlong
  Buffer.from([0xc0, 0xa2]), // a quotation mark, overlong
  Buffer.from([0xe0, 0x80, 0xaf]), // a slash, overlong
  Buffer.from([0xed, 0xa0, 0x80]), // half of a surrogate pair
  Buffer.from([0xf4, 0x90, 0x80, 0x80]), // above U+10FFFF
  Buffer.from([0xf0, 0x9f, 0x9a]), // a character without its end
  ...["\\ud800", "\\u0000", '"', "\\", "{", "}", "[", "]", ",", ":", "\r\n", "\u2028", "\u202e", "\x1b[31m", "%00"].map(
    (text) => Buffer.from(text),
  ),
  ...["1e999", "-0", "-1", "9007199254740993", "0.1", "NaN", "__proto__", "constructor"].map((it) => Buffer.from(it)),
];

export const NASTY_KEYS: readonly string[] = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "then",
  "toJSON",
  "",
  "\0",
  "\ud800",
  "a\nb",
  "Type",
  "type ",
];

/** As they are spelled, which may be like no value has them. */
export const NASTY_VALUES: readonly string[] = [
  "null",
  "true",
  "0",
  "-0",
  "-1",
  "1",
  "2",
  "2.0000000000000001",
  "1.5",
  "2e0",
  "1e999",
  "-1e999",
  "1e-999",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "1073741824",
  "1073741825",
  '""',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u0000"',
  '"__proto__"',
  '"2"',
  '"HELLO"',
  '"HELLO\\n"',
  '"5A5a5a"',
  '"a7f3b2\\n"',
  '" a7f3b2"',
  '"A7F3B2"',
  '"ａ7f3b2"',
  '"2026-02-30T10:00:00Z"',
  '"2026-11-20T10:00:00+01:00"',
  '"2026-11-20 10:00:00Z"',
  '"+275760-09-13T00:00:00.001Z"',
  "[]",
  '["br","br"]',
  "[null]",
  `[${Array(17).fill('"br"').join(",")}]`,
  "{}",
  '{"length":1}',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"type":"HELLO"}',
  `"${"x".repeat(64)}"`,
  `"${"x".repeat(65)}"`,
  `"${"x".repeat(1001)}"`,
  `${"[".repeat(400)}${"]".repeat(400)}`,
];

/** Whole frames that are no message, or hardly one. */
export const BAD_JSON: readonly Buffer[] = [
  "",
  " ",
  "\ufeff{}",
  "{",
  "}",
  "{}",
  "[]",
  "null",
  "undefined",
  "NaN",
  "1",
  '"HELLO"',
  "{'type':'HELLO'}",
  '{type:"HELLO"}',
  '{"type":"HELLO",}',
  '{"type":"HELLO"}{"type":"HELLO"}',
  '{"type":"HELLO"}\0',
  '{"type":"HELLO","type":"CONFIRM"}',
  '{"type":"HELLO","version":1e999}',
  '{"type":"HELLO","version":2}',
  '{"type":["HELLO"]}',
  '{"\\u0074ype":"NEXT"}',
  '{"__proto__":{"type":"HELLO"}}',
  '{"__proto__":null,"type":"NEXT"}',
  '// remark\n{"type":"NEXT"}',
  "[".repeat(1000),
  `${"[".repeat(500)}${"]".repeat(500)}`,
  '{"a":'.repeat(170),
  `{"type":"ERROR","reason":"${"x".repeat(980)}"}`,
  `{"type":"NEXT"}${" ".repeat(60)}`,
  `"${"\\ud83d".repeat(100)}"`,
].map((text) => Buffer.from(text));
