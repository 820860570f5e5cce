/** src/protocol/README.md, "Version 1": recorded conversations of the Python tools, both roles, and what can come between. */
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import WebSocket from "ws";
import { startRelay } from "../../relay/src/relay.ts";
import { SpreadError, toSpreadError } from "../../src/errors.ts";
import { challengeProof } from "../../src/legacy/crypto.ts";
import {
  admitLegacyReceiver,
  deliverLegacy,
  type LegacyKeys,
  prepareLegacy,
  receiveLegacy,
  sendLegacyAway,
} from "../../src/legacy/handshake.ts";
import {
  deniedFrame,
  LEGACY_BOUNDS,
  MAX_LEGACY_DOCUMENT_BYTES,
  MAX_LEGACY_MESSAGE_BYTES,
} from "../../src/legacy/messages.ts";
import { HANDSHAKE_MS, MAX_FRAME_BYTES } from "../../src/limits.ts";
import { admitReceiver, proveToSender, sendAway } from "../../src/protocol/handshake.ts";
import { REFUSED_REASONS, type RefusedReason } from "../../src/protocol/messages.ts";
import { ShareGate } from "../../src/share/gate.ts";
import type { Link } from "../../src/transport/link.ts";
import { memoryLinks } from "../../src/transport/memory.ts";
import { createRoom, joinRoom } from "../../src/transport/relay.ts";
import { dialTcp, listenTcp } from "../../src/transport/tcp.ts";
import { Arrivals } from "../support/arrivals.ts";
import { ROOM, SECRET } from "../support/conversation.ts";
import { until } from "../support/wait.ts";
import { DENIALS, RECORDED_DELIVERY, RECORDED_DENIAL } from "../vectors/legacy.ts";

/**
 * Six hundred thousand rounds of PBKDF2 are a quarter of a second for each key. They are for the recorded passphrases;
 * for any other one of this file one round does. crypto/legacy.test.ts has what a key is.
 */
vi.mock("../../src/legacy/crypto.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("../../src/legacy/crypto.ts")>();
  const deriveKey: typeof original.deriveKey = async (passphrase, salt) =>
    ["mypassphrase", "wrongpassphrase"].includes(Buffer.from(passphrase).toString())
      ? original.deriveKey(passphrase, salt)
      : createHmac("sha256", passphrase).update(salt).digest();
  return { ...original, deriveKey };
});

const LOOPBACK = "127.0.0.1";
const PASSPHRASE = "crisp-orbit-lunar-velvet-motor-quiz";
const TEXT = Buffer.from("# The work so far\n");
/** How long a PAYLOAD may be on its way. */
const PAYLOAD_MS = 300_000;

const forever = () => new AbortController().signal;
const json = (frame: Uint8Array | undefined) => JSON.parse(Buffer.from(frame ?? "{}").toString());
const unhex = (digits: string) => Buffer.from(digits, "hex");
const codeOf = (error: unknown) => toSpreadError(error).code;
const strangers = (receivers = 1) => new ShareGate(receivers, { strangersAreOne: true });

let keys: LegacyKeys;
beforeAll(async () => {
  keys = await prepareLegacy(PASSPHRASE);
});

const closers: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closers.splice(0).reverse()) await close();
});

/** A sender, as share/ does it. Never throws. */
async function serve(link: Link, gate = strangers(), text: Uint8Array = TEXT, of = keys): Promise<string> {
  try {
    const slot = await admitLegacyReceiver(link, { keys: of, gate });
    try {
      await deliverLegacy(link, of, text, () => slot.commit());
      return "sent";
    } finally {
      slot.release();
    }
  } catch (error) {
    return codeOf(error);
  } finally {
    await link.close();
  }
}

/** A receiver, as share/ does it: the document, or the code of its error. */
async function receive(link: Link, passphrase = PASSPHRASE): Promise<Buffer | string> {
  try {
    const { text, acknowledge } = await receiveLegacy(link, passphrase);
    await acknowledge();
    return Buffer.from(text);
  } catch (error) {
    return codeOf(error);
  } finally {
    await link.close();
  }
}

function framed(text: string): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([header, Buffer.from(text)]);
}

/** The frames of a raw socket, one after another. */
function framesOf(socket: Socket): () => Promise<Buffer> {
  const frames = new Arrivals<Buffer>();
  let held = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (bytes: Buffer) => {
    held = Buffer.concat([held, bytes]);
    while (held.length >= 4 && held.length >= 4 + held.readUInt32BE()) {
      const end = 4 + held.readUInt32BE();
      frames.put(held.subarray(4, end));
      held = held.subarray(end);
    }
  });
  return frames.next;
}

/** Somebody on a TCP port whom the test plays by hand. */
async function rawListener(play: (socket: Socket, next: () => Promise<Buffer>) => Promise<void>) {
  const server = createServer();
  server.listen(0, LOOPBACK);
  await once(server, "listening");
  closers.push(() => server.close());
  const played = once(server, "connection").then(async ([socket]: Socket[]) => {
    if (!socket) throw new Error("no connection");
    closers.push(() => socket.destroy());
    await play(socket, framesOf(socket));
  });
  return { port: (server.address() as AddressInfo).port, played };
}

async function listen(bounds = LEGACY_BOUNDS.sender as Parameters<typeof listenTcp>[1]) {
  const links = new Arrivals<Link>();
  const listener = await listenTcp(links.put, bounds);
  closers.push(() => listener.close());
  return { port: listener.port, accept: links.next };
}

const dial = (port: number) => dialTcp(LOOPBACK, port, forever(), LEGACY_BOUNDS.receiver);

/** A way from receivers to one sender: what `visit` gives is in the order in which the sender has it. */
type Carrier = () => Promise<{ visit(): Promise<Link>; next(): Promise<Link> }>;

const overTcp: Carrier = async () => {
  const { port, accept } = await listen();
  return { visit: () => dial(port), next: accept };
};

async function relayRoom() {
  const relay = await startRelay({ host: LOOPBACK, port: 0 });
  closers.push(() => relay.stop());
  const url = new URL(relay.url);
  const links = new Arrivals<Link>();
  const room = await createRoom({ url }, 600, links.put, forever(), LEGACY_BOUNDS.sender);
  closers.push(() => room.close());
  return { url, room, next: links.next };
}

const overRelay: Carrier = async () => {
  const { url, room, next } = await relayRoom();
  return { visit: () => joinRoom({ url }, room.id, forever(), LEGACY_BOUNDS.receiver), next };
};

/** A client of the relay that we play by hand, once the relay has answered its request; hears text frames alone. */
async function clientOf(url: URL, request: object) {
  const ws = new WebSocket(url);
  closers.push(() => ws.terminate());
  const texts = new Arrivals<string>();
  ws.on("message", (data, binary) => texts.put(binary ? "a binary frame" : String(data)));
  await once(ws, "open");
  ws.send(JSON.stringify(request));
  const { room_id } = JSON.parse(await texts.next());
  return { room: room_id as string, text: texts.next, send: (text: string) => ws.send(text) };
}

const overMemory: Carrier = async () => {
  const links = new Arrivals<Link>();
  return {
    visit: async () => {
      const [receiver, sender] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
      links.put(sender);
      return receiver;
    },
    next: links.next,
  };
};

describe("a recorded conversation", () => {
  it("is understood by our receiver, which says what was recorded", async () => {
    const { port, played } = await rawListener(async (socket, next) => {
      for (const { from, frame } of RECORDED_DELIVERY.frames) {
        if (from === "sender") socket.write(unhex(frame));
        else expect(json(await next())).toEqual(json(unhex(frame).subarray(4)));
      }
    });
    const link = await dial(port);
    const { text, acknowledge } = await receiveLegacy(link, RECORDED_DELIVERY.receiverPassphrase);
    expect(Buffer.from(text).toString()).toBe(RECORDED_DELIVERY.text);
    await acknowledge();
    await played;
    await link.close();
  });

  it("of a wrong passphrase ends our receiver with wrong-code", async () => {
    const { port, played } = await rawListener(async (socket, next) => {
      for (const { from, frame } of RECORDED_DENIAL.frames) {
        if (from === "sender") socket.write(unhex(frame));
        else expect(json(await next())).toEqual(json(unhex(frame).subarray(4)));
      }
    });
    expect(await receive(await dial(port), RECORDED_DENIAL.receiverPassphrase)).toBe("wrong-code");
    await played;
  });

  it.each([
    ["of a delivery", RECORDED_DELIVERY],
    ["of a wrong passphrase", RECORDED_DENIAL],
  ])("%s is what our sender says, given the same salts and nonces", async (_what, recorded) => {
    const said = recorded.frames.map(({ from, frame }) => ({ from, frame, message: json(unhex(frame).subarray(4)) }));
    const challenge = said[1]?.message;
    const last = said[3]?.message;
    const payload = last.type === "PAYLOAD" ? last : { salt: "00".repeat(32), nonce: "00".repeat(12) };
    const recordedKeys = await prepareLegacy(recorded.passphrase, {
      challenge: unhex(challenge.salt),
      payload: unhex(payload.salt),
    });

    const { port, accept } = await listen();
    const socket = connect(port, LOOPBACK);
    closers.push(() => socket.destroy());
    const next = framesOf(socket);
    const link = await accept();
    const served = admitLegacyReceiver(link, { keys: recordedKeys, gate: strangers() }, unhex(challenge.nonce))
      .then(() => deliverLegacy(link, recordedKeys, Buffer.from(recorded.text), () => {}, unhex(payload.nonce)))
      .then(() => "sent", codeOf);
    for (const { from, frame, message } of said) {
      if (from === "receiver") socket.write(unhex(frame));
      else expect(json(await next())).toEqual(message);
    }
    expect(await served).toBe(recorded === RECORDED_DELIVERY ? "sent" : "wrong-code");
    await link.close();
  });

  it.each([
    ["proof_failed", DENIALS.invalid_proof],
    ["too_many_attempts", DENIALS.too_many_failures],
    ["burned", DENIALS.too_many_failures],
  ] as const)("has the denial that our sender says for %s", (reason, frame) => {
    expect(JSON.parse(deniedFrame(reason))).toEqual(json(unhex(frame).subarray(4)));
  });

  it("goes through a relay too, each message a text frame, with our sender", async () => {
    const { url, room, next } = await relayRoom();
    const client = await clientOf(url, { type: "JOIN_ROOM", room_id: room.id });
    const link = await next();
    const [hello, , auth] = RECORDED_DENIAL.frames.map(({ frame }) => unhex(frame).subarray(4).toString());
    const served = serve(link);
    client.send(hello ?? "");
    expect(JSON.parse(await client.text())).toMatchObject({ type: "CHALLENGE" });
    client.send(auth ?? "");
    expect(JSON.parse(await client.text())).toEqual({ type: "DENIED", reason: "invalid_proof" });
    expect(await served).toBe("wrong-code");
  });

  it("goes through a relay too, each message a text frame, with our receiver", async () => {
    const relay = await startRelay({ host: LOOPBACK, port: 0 });
    closers.push(() => relay.stop());
    const url = new URL(relay.url);
    const client = await clientOf(url, { type: "CREATE_ROOM" });
    const link = await joinRoom({ url }, client.room, forever(), LEGACY_BOUNDS.receiver);
    expect(JSON.parse(await client.text())).toMatchObject({ type: "PEER_JOINED" });
    const received = receive(link, RECORDED_DELIVERY.receiverPassphrase);
    for (const { from, frame } of RECORDED_DELIVERY.frames) {
      const message = unhex(frame).subarray(4).toString();
      if (from === "sender") client.send(message);
      else expect(JSON.parse(await client.text())).toEqual(JSON.parse(message));
    }
    expect(await received).toEqual(Buffer.from(RECORDED_DELIVERY.text));
  });
});

describe.each([
  ["TCP", overTcp],
  ["a relay", overRelay],
  ["memory", overMemory],
])("over %s", (_name, carrier) => {
  it("a document gets across; the place is spent, and never called delivered", async () => {
    const { visit, next } = await carrier();
    const gate = strangers();
    const received = receive(await visit());
    const served = serve(await next(), gate);
    expect(await received).toEqual(TEXT);
    expect(await served).toBe("sent");
    expect(gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 1, delivered: 0 });
  });

  it("three wrong passphrases are denied as invalid, and then even the right one is: too many failures", async () => {
    const { visit, next } = await carrier();
    const gate = strangers();
    const results: unknown[] = [];
    for (const passphrase of ["wrong one", "wrong two", "wrong three", PASSPHRASE]) {
      const received = receive(await visit(), passphrase);
      const served = serve(await next(), gate);
      results.push([await received, await served]);
    }
    expect(results).toEqual([
      ["wrong-code", "wrong-code"],
      ["wrong-code", "wrong-code"],
      ["wrong-code", "wrong-code"],
      ["too-many-attempts", "too-many-attempts"],
    ]);
    expect(gate.counts).toEqual({ failedAttempts: 3, held: 0, spent: 0, delivered: 0 });
  });

  it("the largest document gets across, and one byte more is refused before anything of it is said", async () => {
    const { visit, next } = await carrier();
    const largest = Buffer.alloc(MAX_LEGACY_DOCUMENT_BYTES, "x");
    const gate = strangers(2);
    const received = receive(await visit());
    const served = serve(await next(), gate, largest);
    expect(largest.equals((await received) as Buffer)).toBe(true);
    expect(await served).toBe("sent");

    const second = receive(await visit());
    expect(await serve(await next(), gate, Buffer.alloc(MAX_LEGACY_DOCUMENT_BYTES + 1))).toBe("too-large");
    expect(gate.counts.spent).toBe(1);
    if (carrier !== overRelay) expect(await second).toBe("link-lost");
  });
});

it("leaves no more than 1 KiB of a message unused by the largest document", async () => {
  const [receiver, sender] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
  const sent = deliverLegacy(sender, keys, Buffer.alloc(MAX_LEGACY_DOCUMENT_BYTES), () => {});
  const bytes = (await receiver.receive())?.length ?? 0;
  await receiver.close();
  await sent;
  expect(bytes).toBeLessThanOrEqual(MAX_LEGACY_MESSAGE_BYTES);
  expect(bytes).toBeGreaterThan(MAX_LEGACY_MESSAGE_BYTES - 1024);
});

describe("what is sent", () => {
  async function across(text: Uint8Array, passphrase: string, typed = passphrase) {
    const [receiver, sender] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
    const served = serve(sender, strangers(), text, await prepareLegacy(passphrase));
    return [await receive(receiver, typed), await served] as const;
  }

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["bytes that are no UTF-8", Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28])],
    ["text of every script", Buffer.from("# 세션 요약\n\n- café ☕ 🙂\n")],
  ])("arrives exactly: %s", async (_what, text) => {
    expect(await across(text, PASSPHRASE)).toEqual([text, "sent"]);
  });

  it.each([["암호 문구 ☕"], ["p@$$ \"quoted\" 'single' `tick`"], [" blanks \n"]])(
    "arrives with the passphrase %j",
    async (passphrase) => {
      expect(await across(TEXT, passphrase)).toEqual([TEXT, "sent"]);
    },
  );

  it("takes passphrases as typed: another Unicode spelling is another passphrase, either way round", async () => {
    expect(await across(TEXT, "caf\u00e9", "cafe\u0301")).toEqual(["wrong-code", "wrong-code"]);
    expect(await across(TEXT, "cafe\u0301", "caf\u00e9")).toEqual(["wrong-code", "wrong-code"]);
    expect(await across(TEXT, "cafe\u0301")).toEqual([TEXT, "sent"]);
  });

  it("has a fresh nonce in every challenge and every payload", async () => {
    const nonces: string[] = [];
    for (let i = 0; i < 2; i++) {
      const [receiver, sender] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
      const admitted = admitLegacyReceiver(sender, { keys, gate: strangers() }).catch(codeOf);
      await receiver.send('{"type":"HELLO","version":1}');
      nonces.push(json(await receiver.receive()).nonce);
      await receiver.send('{"type":"AUTH","proof":""}');
      await receiver.receive();
      await admitted;
      const delivered = deliverLegacy(sender, keys, TEXT, () => {});
      nonces.push(json(await receiver.receive()).nonce);
      await receiver.close();
      await delivered;
    }
    expect(new Set(nonces).size).toBe(4);
  });
});

describe("our sender", () => {
  /** Its answer to some frames, and what came of it. */
  async function answersTo(...frames: (string | Uint8Array)[]) {
    const [visitor, link] = memoryLinks("192.0.2.7", LEGACY_BOUNDS.receiver);
    const gate = strangers();
    const served = serve(link, gate);
    const answers: unknown[] = [];
    for (const frame of frames) {
      await visitor.send(frame);
      answers.push(json(await visitor.receive()));
    }
    await visitor.close();
    return { answers, last: answers.at(-1), thrown: await served, counts: gate.counts };
  }
  const hello = '{"type": "HELLO", "version": 1}';

  it("takes any JSON spelling, and fields that it does not know", async () => {
    const { answers } = await answersTo('\n{ "later": [1], "version" :1.0, "\\u0074ype":"HELL\\u004f" }\t');
    expect(answers).toEqual([
      {
        type: "CHALLENGE",
        salt: Buffer.from(keys.challenge.salt).toString("hex"),
        nonce: expect.stringMatching(/^[0-9a-f]{32}$/),
      },
    ]);
  });

  it.each([
    ["no JSON", "HELLO"],
    ["no UTF-8", Buffer.from([0xff, 0x7b])],
    ["nothing", ""],
    ["null", "null"],
    ["an AUTH", '{"type":"AUTH","proof":"00"}'],
    ["a HELLO without version", '{"type":"HELLO"}'],
    ["a HELLO whose version is a word", '{"type":"HELLO","version":"1"}'],
    ["a HELLO of more than 4 KiB", JSON.stringify({ type: "HELLO", version: 1, x: "x".repeat(4096) })],
  ])("denies a first frame that is %s as bad_message, and counts nothing", async (_what, frame) => {
    const { last, thrown, counts } = await answersTo(frame);
    expect(last).toEqual({ type: "DENIED", reason: "bad_message" });
    expect([thrown, counts.failedAttempts]).toEqual(["bad-message", 0]);
  });

  it.each([
    ["no JSON", "AUTH"],
    ["another HELLO", hello],
    ["an AUTH without proof", '{"type":"AUTH"}'],
    ["an AUTH whose proof is a number", '{"type":"AUTH","proof":7}'],
    ["an AUTH of more than 4 KiB", JSON.stringify({ type: "AUTH", proof: "0".repeat(4096) })],
  ])("denies a second frame that is %s as bad_message: nothing was learned", async (_what, frame) => {
    const { last, thrown, counts } = await answersTo(hello, frame);
    expect(last).toEqual({ type: "DENIED", reason: "bad_message" });
    expect([thrown, counts.failedAttempts]).toEqual(["bad-message", 0]);
  });

  it.each([
    ["of zeros", "00".repeat(32)],
    ["of nothing", ""],
    ["that is no hex", "zz".repeat(32)],
    ["that is too short", "00".repeat(31)],
  ])("counts a proof %s as a failed attempt", async (_what, proof) => {
    const { last, thrown, counts } = await answersTo(hello, JSON.stringify({ type: "AUTH", proof }));
    expect(last).toEqual({ type: "DENIED", reason: "invalid_proof" });
    expect([thrown, counts.failedAttempts]).toEqual(["wrong-code", 1]);
  });

  it("denies a HELLO of version 2 with the cure, and our version 2 receiver names it too", async () => {
    const [visitor, link] = memoryLinks();
    const served = serve(link);
    const proving = await proveToSender(visitor, SECRET, ROOM).catch((error: unknown) => error);
    expect(proving).toMatchObject({
      code: "version-mismatch",
      message: expect.stringContaining("legacy: true"),
      hint: expect.stringContaining("--legacy"),
    });
    expect(await served).toBe("version-mismatch");
    const { last } = await answersTo('{"type":"HELLO","version":2}');
    expect(last).toMatchObject({ type: "DENIED", reason: expect.stringContaining("--legacy") });
  });

  it("sends away who comes while the only place is taken, and gives the place to who comes after a failure", async () => {
    const gate = strangers();
    const [first, a] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
    const place = admitLegacyReceiver(a, { keys, gate });
    const meanwhile = receiveLegacy(first, PASSPHRASE).catch(codeOf);
    const taken = await place;
    const [second, b] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
    const served = serve(b, gate);
    expect(await receive(second)).toBe("busy");
    expect(await served).toBe("busy");
    await a.close();
    taken.release();
    expect(await meanwhile).toBe("link-lost");
    const [third, c] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
    const again = serve(c, gate);
    expect(await receive(third)).toEqual(TEXT);
    expect(await again).toBe("sent");
  });

  it("gives one place to one of two who prove themselves at once; the other is told that it is busy", async () => {
    const gate = strangers();
    const visits = [1, 2].map(() => {
      const [link, sender] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
      const admitted = admitLegacyReceiver(sender, { keys, gate }).then(() => "admitted", codeOf);
      return { link, admitted, received: receive(link) };
    });
    expect((await Promise.all(visits.map((it) => it.admitted))).sort()).toEqual(["admitted", "busy"]);
    expect(await Promise.race(visits.map((it) => it.received))).toBe("busy");
    expect(gate.counts).toEqual({ failedAttempts: 0, held: 1, spent: 0, delivered: 0 });
    await Promise.all(visits.map((it) => it.link.close()));
  });

  it("spends the place when a receiver leaves in the middle of its document: it may have it", async () => {
    const gate = strangers();
    const { port, accept } = await listen();
    const socket = connect(port, LOOPBACK);
    closers.push(() => socket.destroy());
    const next = framesOf(socket);
    const served = serve(await accept(), gate, Buffer.alloc(MAX_LEGACY_DOCUMENT_BYTES));
    socket.write(framed('{"type":"HELLO","version":1}'));
    const { nonce } = json(await next());
    socket.pause();
    const proof = Buffer.from(challengeProof(keys.challenge.key, unhex(nonce))).toString("hex");
    socket.write(framed(JSON.stringify({ type: "AUTH", proof })));
    await until("the document is on its way", () => gate.counts.spent === 1);
    socket.destroy();
    expect(["sent", "link-lost"]).toContain(await served);
    expect(gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 1, delivered: 0 });
  });

  it("keeps no more of a stranger's frame than a version 2 sender does", async () => {
    const { port, accept } = await listen();
    const socket = connect(port, LOOPBACK);
    closers.push(() => socket.destroy());
    const served = serve(await accept());
    const header = Buffer.alloc(4);
    header.writeUInt32BE(MAX_FRAME_BYTES + 1);
    socket.write(header);
    expect(await served).toBe("bad-message");
  });

  it("lets a visitor go that says nothing, before and after its HELLO, and counts nothing", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const gate = strangers();
    const [, mute] = memoryLinks();
    const first = serve(mute, gate);
    await vi.advanceTimersByTimeAsync(HANDSHAKE_MS);
    expect(await first).toBe("timed-out");

    const [visitor, link] = memoryLinks();
    const second = serve(link, gate);
    await vi.advanceTimersByTimeAsync(HANDSHAKE_MS - 1);
    await visitor.send(hello);
    await visitor.receive();
    await vi.advanceTimersByTimeAsync(HANDSHAKE_MS);
    expect(await second).toBe("timed-out");
    expect(gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 0, delivered: 0 });
  });

  it("does not wait for ACK for ever, and takes any frame for it", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const [receiver, sender] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
    const mute = deliverLegacy(sender, keys, TEXT, () => {});
    await receiver.receive();
    await vi.advanceTimersByTimeAsync(PAYLOAD_MS);
    await expect(mute).resolves.toBeUndefined();

    const [other, link] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
    const answered = deliverLegacy(link, keys, TEXT, () => {});
    await other.receive();
    await other.send("thanks");
    await expect(answered).resolves.toBeUndefined();
  });

  it.each(REFUSED_REASONS.map((reason): [RefusedReason] => [reason]))(
    "sends late visitors away in version 1's words, which our receiver understands: %s",
    async (reason) => {
      const [visitor, link] = memoryLinks();
      const received = receive(visitor);
      await sendLegacyAway(link, reason);
      const expected: Record<RefusedReason, string> = {
        unsupported_version: "version-mismatch",
        bad_message: "bad-message",
        proof_failed: "wrong-sender", // before a proof was given
        too_many_attempts: "too-many-attempts",
        burned: "too-many-attempts", // one word for both in version 1
        busy: "busy",
        used_up: "share-ended",
        expired: "expired",
        stopped: "share-ended",
      };
      expect(await received).toBe(expected[reason]);
    },
  );
});

describe("our receiver", () => {
  const challenge = { type: "CHALLENGE", salt: "11".repeat(32), nonce: "22".repeat(16) };
  const payload = { type: "PAYLOAD", salt: "11".repeat(32), nonce: "22".repeat(12), ciphertext: "33".repeat(40) };

  /** What it throws at a sender that answers with these frames. */
  async function meets(...answers: (object | string | Uint8Array)[]): Promise<SpreadError> {
    const [link, sender] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
    const received = receiveLegacy(link, PASSPHRASE).then(
      () => new SpreadError("internal", "it was received"),
      (error: SpreadError) => error,
    );
    for (const answer of answers) {
      await sender.receive();
      await sender.send(typeof answer === "string" || answer instanceof Uint8Array ? answer : JSON.stringify(answer));
    }
    const error = await received;
    await link.close();
    return error;
  }

  it.each([
    ["no JSON", "CHALLENGE"],
    ["no UTF-8", Buffer.from([0xff, 0xfe])],
    ["nothing", ""],
    ["a PAYLOAD", payload],
    ["a salt of 31 bytes", { ...challenge, salt: "11".repeat(31) }],
    ["a salt of 33 bytes", { ...challenge, salt: "11".repeat(33) }],
    ["a salt that is no hex", { ...challenge, salt: "zz".repeat(32) }],
    ["no salt", { ...challenge, salt: undefined }],
    ["a nonce of 15 bytes", { ...challenge, nonce: "22".repeat(15) }],
    ["a CHALLENGE of more than 4 KiB", { ...challenge, x: "x".repeat(4096) }],
    ["a DENIED without reason", { type: "DENIED" }],
  ])("gives up with bad-message where CHALLENGE should come and %s does", async (_what, answer) => {
    expect(await meets(answer)).toMatchObject({ code: "bad-message" });
  });

  it.each([
    ["no JSON", "PAYLOAD"],
    ["another CHALLENGE", challenge],
    ["a salt of 31 bytes", { ...payload, salt: "11".repeat(31) }],
    ["a nonce of 13 bytes", { ...payload, nonce: "22".repeat(13) }],
    ["an odd number of digits", { ...payload, ciphertext: `${payload.ciphertext}3` }],
    ["a ciphertext that is no hex", { ...payload, ciphertext: "zz".repeat(40) }],
    ["a ciphertext without room for a tag", { ...payload, ciphertext: "33".repeat(15) }],
    ["no ciphertext", { ...payload, ciphertext: undefined }],
  ])("gives up with bad-message where PAYLOAD should come and %s does", async (_what, answer) => {
    expect(await meets(challenge, answer)).toMatchObject({ code: "bad-message" });
  });

  it("takes a PAYLOAD that does not open for a stranger's: wrong-sender", async () => {
    expect(await meets(challenge, payload)).toMatchObject({ code: "wrong-sender" });
  });

  it.each([
    ["invalid_proof", "wrong-code"],
    ["too_many_failures", "too-many-attempts"],
    ["a reason of the future, <script>", "peer-aborted"],
    ["", "peer-aborted"],
    ["toString", "peer-aborted"],
  ])("takes DENIED %j for %s, and quotes no reason that it does not know", async (reason, code) => {
    const error = await meets(challenge, { type: "DENIED", reason });
    expect(error).toMatchObject({ code, message: expect.not.stringMatching(/script|toString/) });
  });

  it("takes a proof that was denied before it was given for a stranger's word", async () => {
    expect(await meets({ type: "DENIED", reason: "invalid_proof" })).toMatchObject({ code: "wrong-sender" });
  });

  it.each([
    ["that refuses its HELLO", { type: "DENIED", reason: "unsupported_version: ask the sender to share again" }],
    ["of before that", { type: "REFUSED", reason: "unsupported_version", sid: "00".repeat(16) }],
    ["that has ended", { type: "REFUSED", reason: "used_up" }],
  ])("says version-mismatch, and which one, to a share of version 2 %s", async (_what, answer) => {
    const error = await meets(answer);
    expect(error).toMatchObject({ code: "version-mismatch", message: expect.stringContaining("version 2") });
  });

  it("meets a share of version 2: version-mismatch at both ends, and no attempt", async () => {
    const gate = new ShareGate(1);
    const [link, sender] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
    const admitted = admitReceiver(sender, { secret: SECRET, room: ROOM, gate }).catch(codeOf);
    expect(await receive(link)).toBe("version-mismatch");
    expect(await admitted).toBe("version-mismatch");
    expect(gate.counts.failedAttempts).toBe(0);
    const [late, ended] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
    const received = receive(late);
    await sendAway(ended, "expired");
    expect(await received).toBe("version-mismatch");
  });

  it("refuses a message of MAX_LEGACY_MESSAGE_BYTES + 1 by its header alone", async () => {
    const { port } = await rawListener(async (socket, next) => {
      await next();
      const header = Buffer.alloc(4);
      header.writeUInt32BE(MAX_LEGACY_MESSAGE_BYTES + 1);
      socket.write(header);
    });
    expect(await receive(await dial(port))).toBe("bad-message");
  });

  it.each([
    ["HELLO", 0],
    ["AUTH", 1],
  ])("says link-lost when the sender leaves after %s", async (_what, answered) => {
    const { port } = await rawListener(async (socket, next) => {
      for (let i = 0; i < answered; i++) {
        await next();
        socket.write(framed(JSON.stringify(challenge)));
      }
      await next();
      socket.end();
    });
    expect(await receive(await dial(port))).toBe("link-lost");
  });

  it("does not wait for PAYLOAD for ever: stalled", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const [link, sender] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
    const received = receive(link);
    await sender.receive();
    await sender.send(JSON.stringify(challenge));
    await sender.receive(); // AUTH
    await vi.advanceTimersByTimeAsync(PAYLOAD_MS);
    expect(await received).toBe("stalled");
  });

  it("says ACK only when it is told to, and never fails at it", async () => {
    const [link, sender] = memoryLinks(undefined, LEGACY_BOUNDS.receiver);
    const place = admitLegacyReceiver(sender, { keys, gate: strangers() });
    const received = receiveLegacy(link, PASSPHRASE);
    await place;
    let over = false;
    const delivered = deliverLegacy(sender, keys, TEXT, () => {}).then(() => {
      over = true;
    });
    const document = await received;
    expect(over).toBe(false);
    await document.acknowledge();
    await delivered;
    await link.close();
    await expect(document.acknowledge()).resolves.toBeUndefined();
  });
});
