/** src/protocol/README.md, "Worked example", held to the code; and the page's tables, held to what is really said. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import {
  commonElement,
  decodeShare,
  generator,
  generatorString,
  lvCat,
  scalarFromBytes,
  sessionKey,
  sha512,
  shareFor,
} from "../../src/crypto/cpace.ts";
import { directionKeys, receiverProof } from "../../src/crypto/keys.ts";
import { Opener, Sealer } from "../../src/crypto/seal.ts";
import { MAX_LEGACY_DOCUMENT_BYTES, MAX_LEGACY_MESSAGE_BYTES } from "../../src/legacy/messages.ts";
import {
  CHUNK_BYTES,
  CLOSE_MS,
  CONTENDED_HANDSHAKE_MS,
  HANDSHAKE_MS,
  MAX_FRAME_BYTES,
  MAX_PARTS,
  MAX_SHARE_BYTES,
  MAX_TITLE_CHARS,
  QUIET_MS,
  STALL_MS,
} from "../../src/limits.ts";
import { encode } from "../../src/protocol/content.ts";
import { admitReceiver, proveToSender } from "../../src/protocol/handshake.ts";
import {
  ABORT_REASONS,
  parseAnswer,
  parseConfirm,
  parseHello,
  parseSealed,
  REFUSED_REASONS,
} from "../../src/protocol/messages.ts";
import { GIVE_UP_MS, type SealedStream } from "../../src/protocol/stream.ts";
import { deliver } from "../../src/protocol/transfer.ts";
import { parseCode } from "../../src/share/code.ts";
import { MAX_FAILED_ATTEMPTS, MAX_FAILED_ATTEMPTS_PER_ADDRESS, ShareGate } from "../../src/share/gate.ts";
import { MAX_FRUITLESS_LINKS } from "../../src/share/reception.ts";
import { MAX_BROKEN } from "../../src/share/transfers.ts";
import { MAX_FRUITLESS_PROOFS } from "../../src/share/version2.ts";
import type { Link } from "../../src/transport/link.ts";
import { memoryLinks } from "../../src/transport/memory.ts";
import { documentOf, onlyLeg, takeAll } from "../support/conversation.ts";
import { GIVEN, SEALED, SPOKEN, VALUES } from "../vectors/example.ts";

const page = await readFile(new URL("../../src/protocol/README.md", import.meta.url), "utf8");

const bytes = (hex: string) => Buffer.from(hex, "hex");
const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");
const DOCUMENT = Buffer.from(GIVEN.document);
const OUTGOING = { ...documentOf(DOCUMENT), title: GIVEN.title, sharedAt: new Date(GIVEN.sharedAt) };
const sid = bytes(GIVEN.sid);
const scalarA = scalarFromBytes(bytes(GIVEN.scalarA));
const scalarB = scalarFromBytes(bytes(GIVEN.scalarB));

/** What was said, in order: a text frame as it is, a binary one in hex. */
type Said = { from: "receiver" | "sender"; text: string } | { from: "receiver" | "sender"; frame: string };

function overheard(link: Link, from: Said["from"], said: Said[]): Link {
  return {
    address: link.address,
    get open() {
      return link.open;
    },
    send: (frame) => {
      said.push(
        typeof frame === "string" ? { from, text: frame } : { from, frame: hex(Buffer.concat([frame].flat())) },
      );
      return link.send(frame);
    },
    receive: () => link.receive(),
    close: () => link.close(),
    abort: (reason) => link.abort(reason),
    [Symbol.asyncDispose]: () => link.close(),
  };
}

/** The whole conversation with the example's randomness. @param send the sender's part behind the proof. */
async function converse(send: (stream: SealedStream) => Promise<void>) {
  const said: Said[] = [];
  const [a, b] = memoryLinks();
  const share = { secret: GIVEN.secret, room: GIVEN.room, gate: new ShareGate(1) };
  const receive = async () => {
    const link = overheard(a, "receiver", said);
    const stream = await proveToSender(link, GIVEN.secret, GIVEN.room, new Set(), { scalar: scalarA, sid });
    return takeAll(stream);
  };
  const serve = async () => {
    await send(await admitReceiver(overheard(b, "sender", said), share, { scalar: scalarB }));
  };
  const [received] = await Promise.all([receive(), serve()]);
  expect(received).toEqual({ document: DOCUMENT, acknowledged: true });
  return said;
}

/** What `deliver` does, with the transfer id of the example. */
async function deliverAsGiven(stream: SealedStream): Promise<void> {
  await stream.hearMessage("READY");
  await stream.say({
    type: "OFFER",
    transfer: GIVEN.transfer,
    kind: "distillation",
    title: OUTGOING.title,
    shared_at: OUTGOING.sharedAt.toISOString(),
    bytes: OUTGOING.bytes,
    sha256: OUTGOING.sha256,
    encoding: "identity",
  });
  for await (const chunk of encode(OUTGOING.read(), "identity")) await stream.sendChunk(chunk.bytes, chunk.end);
  await stream.hearMessage("RECEIPT");
  await stream.say({ type: "DELIVERED", transfer: GIVEN.transfer });
}

describe("the worked example", () => {
  it("has a code that a receiver takes", () => {
    expect(parseCode(`${GIVEN.room}-${GIVEN.secret}`)).toEqual({ room: GIVEN.room, secret: GIVEN.secret });
  });

  it("is what both ends say, byte for byte: text up to CONFIRM, binary from READY on", async () => {
    expect(await converse(deliverAsGiven)).toEqual([
      ...SPOKEN.map(({ from, text }) => ({ from, text })),
      ...SEALED.map(({ from, frame }) => ({ from, frame })),
    ]);
  });

  it("is what a real delivery says", async () => {
    expect(await converse((stream) => deliver(stream, OUTGOING, onlyLeg(GIVEN.transfer)))).toEqual([
      ...SPOKEN.map(({ from, text }) => ({ from, text })),
      ...SEALED.map(({ from, frame }) => ({ from, frame })),
    ]);
  });

  it("follows step by step from what is given", () => {
    const secret = Buffer.from(GIVEN.secret);
    const ci = lvCat(Buffer.from("claude-spread/2"));
    const element = generator(secret, ci, sid);
    const adA = lvCat(Buffer.from("receiver"), sha512(Buffer.from(SPOKEN[0].text)));
    const adB = lvCat(Buffer.from("sender"), Buffer.from(GIVEN.room));
    const receiver = { share: shareFor(element, scalarA), ad: adA };
    const sender = { share: shareFor(element, scalarB), ad: adB };
    const common = commonElement(decodeShare(sender.share), scalarA);
    expect(commonElement(decodeShare(receiver.share), scalarB)).toEqual(common);
    const isk = sessionKey(sid, common, receiver, sender);
    const keys = directionKeys(isk);
    const computed: Record<keyof typeof VALUES, string> = {
      ci: hex(ci),
      generatorString: hex(generatorString(secret, ci, sid)),
      generator: hex(element.toBytes()),
      shareA: hex(receiver.share),
      shareB: hex(sender.share),
      helloDigest: hex(sha512(Buffer.from(SPOKEN[0].text))),
      adA: hex(adA),
      adB: hex(adB),
      common: hex(common),
      isk: hex(isk),
      macKey: hex(sha512(Buffer.from("CPaceMac"), sid, isk)),
      mac: hex(receiverProof(sid, isk, receiver)),
      keyReceiver: hex(keys.fromReceiver),
      keySender: hex(keys.fromSender),
      sha256: OUTGOING.sha256,
    };
    expect(computed).toEqual(VALUES);
  });

  it.each(["receiver", "sender"] as const)("seals and opens under the key of the %s alone", (from) => {
    const key = bytes(from === "receiver" ? VALUES.keyReceiver : VALUES.keySender);
    const sealer = new Sealer(key);
    const opener = new Opener(key);
    for (const { type, last, body, frame } of SEALED.filter((it) => it.from === from)) {
      expect(hex(Buffer.concat(sealer.seal(type, Buffer.from(body), last)))).toBe(frame);
      expect(opener.open(bytes(frame))).toEqual({ type, last, body: Buffer.from(body) });
    }
    expect(sealer.ended).toBe(true);
  });
});

describe("the page", () => {
  const example = page.slice(page.indexOf("## Worked example"));
  /** The page breaks long hex into lines. */
  const joined = example.replace(/\s+/g, "");

  it.each([
    ...Object.entries(GIVEN).filter(([name]) => name !== "document"),
    ...Object.entries(VALUES),
    ...SEALED.map(({ name, frame }) => [`the frame of ${name}`, frame] as const),
  ])("shows %s of the example", (_name, value) => {
    expect(joined).toContain(value.replace(/\s+/g, ""));
  });

  it("shows the document, and every message of the example in one line", () => {
    const document = GIVEN.document.replace(/^(?=.)/gm, "    ");
    const messages = [...SPOKEN.map(({ text }) => text), ...SEALED.filter((it) => it.type === 1).map((it) => it.body)];
    expect(example).toContain(`\n\n${document}\n`);
    for (const message of messages) expect(example).toContain(`\n    ${message}\n`);
  });

  it("shows no hex that is not the example's", () => {
    const known = [...Object.values(GIVEN), ...Object.values(VALUES), ...SEALED.map(({ frame }) => frame)].join(" ");
    const shown = example.replace(/\n {8}(?=[0-9a-f]+\n)/g, "\n").match(/^(?: {4})?[0-9a-f]{32,}$/gm) ?? [];
    expect(shown.length).toBeGreaterThan(20);
    expect(shown.filter((line) => !known.includes(line.trim()))).toEqual([]);
  });

  /** The first cells of the section's tables, code marks taken off. */
  const cells = (heading: string) => {
    const section = page.split(`\n### ${heading}\n`)[1]?.split(/\n##/)[0] ?? "";
    return section.split("\n\n").flatMap((block) => {
      const [head, ...rows] = [...block.matchAll(/^\| `?([^|]*?)`? \|/gm)].map((row) => row[1] ?? "");
      return head === undefined ? [] : [{ head, rows }];
    });
  };
  const rowsOf = (heading: string, head: string) => cells(heading).find((table) => table.head === head)?.rows;

  it("lists the reasons of REFUSED and of ABORT, all of them and no other", () => {
    expect(rowsOf("REFUSED", "reason")).toEqual([...REFUSED_REASONS]);
    expect(rowsOf("ABORT", "reason")).toEqual([...ABORT_REASONS]);
  });

  const parsers: Record<string, (json: string) => unknown> = {
    HELLO: (json) => parseHello(Buffer.from(json)),
    PAKE: (json) => parseAnswer(Buffer.from(json)),
    CONFIRM: (json) => parseConfirm(Buffer.from(json)),
    REFUSED: (json) => parseAnswer(Buffer.from(json)),
  };
  /** The sender of the example has no key. */
  const withKey = (pake: string) => JSON.stringify({ ...JSON.parse(pake), key: "00".repeat(32) });
  /** Nor does it say what is only for links that break, or for documents of several parts. */
  const part = { role: "document", name: "a.md", bytes: 1, sha256: "00".repeat(32) };
  const unsaid: Record<string, object> = {
    READY: { parts: 32, resume: { transfer: GIVEN.transfer, position: 7 } },
    OFFER: { parts: [part, { ...part, role: "attachment" }], position: 7, expires_in: 60 },
  };
  const optionals: Record<string, string[]> = {
    PAKE: ["key"],
    REFUSED: ["sid", "signature"],
    READY: ["parts", "resume"],
    OFFER: ["parts", "position", "expires_in"],
  };
  const messages: [string, string][] = [
    ...SPOKEN.map(({ name, text }): [string, string] => [name, name === "PAKE" ? withKey(text) : text]),
    ["REFUSED", JSON.stringify({ type: "REFUSED", reason: "busy", sid: GIVEN.sid, signature: "00".repeat(64) })],
    ...SEALED.filter(({ type }) => type === 1).map(({ name, body }): [string, string] => [
      name,
      JSON.stringify({ ...JSON.parse(body), ...unsaid[name] }),
    ]),
    ["ABORT", JSON.stringify({ type: "ABORT", reason: "busy" })],
  ];

  it.each(messages)("lists the fields of %s: each is said, each is needed unless it says optional", (name, json) => {
    const parse = parsers[name] ?? ((text: string) => parseSealed(1, Buffer.from(text)));
    const taken = (message: object) => {
      try {
        return parse(JSON.stringify(message)) !== undefined;
      } catch {
        return false;
      }
    };
    const message = JSON.parse(json);
    const fields = rowsOf(name, "field");
    expect(fields).toEqual(Object.keys(message));
    expect(taken({ ...message, of_the_future: 1 })).toBe(true);
    const optional = Object.keys(message).filter((field) => taken({ ...message, [field]: undefined }));
    expect(optional).toEqual(optionals[name] ?? []);
  });

  it.each([
    ["largest frame", `${MAX_FRAME_BYTES} bytes`],
    ["content in a frame", `${CHUNK_BYTES} bytes`],
    ["largest document", `${MAX_SHARE_BYTES} bytes`],
    ["parts of a document", `${MAX_PARTS}`],
    ["failed attempts of a share", `${MAX_FAILED_ATTEMPTS}`],
    ["failed attempts of an address", `${MAX_FAILED_ATTEMPTS_PER_ADDRESS}`],
    ["failed attempts of a tag, by relay", `${MAX_FAILED_ATTEMPTS_PER_ADDRESS}`],
    ["CONFIRMs of a receiver, in one call, to ends that do not prove themselves", `${MAX_FRUITLESS_PROOFS}`],
    ["links in a row that end by tampering or an ABORT, without a new chunk", `${MAX_FRUITLESS_LINKS}`],
    ["broken transfers that a sender knows", `${MAX_BROKEN}`],
    ["sender | HELLO; then CONFIRM; then READY, each", `${HANDSHAKE_MS / 1000} s`],
    [
      "sender | HELLO; then CONFIRM, each, in a room where others waited when the visitor's turn came",
      `${CONTENDED_HANDSHAKE_MS / 1000} s`,
    ],
    ["sender | the carrier to take the next chunk", `${STALL_MS / 1000} s`],
    ["receiver | OFFER, behind its READY; then the link counts as lost", `${HANDSHAKE_MS / 1000} s`],
    [
      "receiver | the next chunk; the first one of a link that goes on in the middle",
      `${QUIET_MS / 1000} s; ${STALL_MS / 1000} s`,
    ],
    ["both | an ABORT to leave; a clean close", `${GIVE_UP_MS / 1000} s; ${CLOSE_MS / 1000} s`],
  ])("gives the limit that the code has: %s, %s", (what, limit) => {
    expect(page).toContain(`| ${what} | ${limit} |`);
  });

  it("gives the sizes of frames, chunks, documents and titles wherever it speaks of them", () => {
    expect(page).toContain(`0 to ${MAX_FRAME_BYTES}`);
    expect(page).toContain(`0 to ${CHUNK_BYTES}`);
    expect(page).toContain(`0 to ${MAX_SHARE_BYTES}`);
    expect(page).toContain(`cuts it at ${MAX_TITLE_CHARS}`);
    expect(page).toContain(
      `at most ${MAX_LEGACY_MESSAGE_BYTES} bytes, so a document at most ${MAX_LEGACY_DOCUMENT_BYTES};`,
    );
  });

  it("has a heading for each of its links, and a file for each that leads elsewhere", async () => {
    const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => title.toLowerCase().replaceAll(" ", "-"));
    for (const [, target = ""] of page.matchAll(/\]\(([^)]+)\)/g)) {
      if (target.startsWith("#")) expect(anchors).toContain(target.slice(1));
      else await readFile(new URL(target, new URL("../../src/protocol/", import.meta.url)));
    }
  });
});
