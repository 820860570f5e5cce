/** src/protocol/README.md, "Handshake": both roles, and everything that can come between them. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newSigner } from "../../src/crypto/signature.ts";
import { HANDSHAKE_MS } from "../../src/limits.ts";
import { admitReceiver, proveToSender } from "../../src/protocol/handshake.ts";
import { REFUSED_REASONS, type RefusedReason } from "../../src/protocol/messages.ts";
import { ShareGate } from "../../src/share/gate.ts";
import { memoryLinks } from "../../src/transport/memory.ts";
import { converse, type Meddle, middleman, ROOM, SECRET } from "../support/conversation.ts";

const DOCUMENT = Buffer.from("# The work so far\n");
const pass: Meddle = (frame) => [frame];
const untouched = () => middleman(pass);
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const json = (frame: Uint8Array) => JSON.parse(Buffer.from(frame).toString());
const edited = (frame: Buffer, change: object) => Buffer.from(JSON.stringify({ ...json(frame), ...change }));

describe("with the right secret", () => {
  it("both ends prove themselves, and the document is delivered", async () => {
    const { receiver, sender, gate } = await converse(untouched(), DOCUMENT);
    expect(receiver).toEqual({ document: DOCUMENT, acknowledged: true });
    expect(sender).toBe("delivered");
    expect(gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 1, delivered: 1 });
  });

  it("takes two round trips from HELLO to the first content", async () => {
    const order: string[] = [];
    const links = middleman((frame, from) => {
      order.push(from);
      return [frame];
    });
    await converse(links, DOCUMENT);
    // HELLO | PAKE | CONFIRM, READY | OFFER, content
    expect(order.slice(0, 6)).toEqual(["receiver", "sender", "receiver", "receiver", "sender", "sender"]);
  });

  it("lets a receiver in who knows no room", async () => {
    const { sender } = await converse(untouched(), DOCUMENT, { room: undefined });
    expect(sender).toBe("delivered");
  });

  it("takes both Unicode spellings of a passphrase for one", async () => {
    const gate = new ShareGate(1);
    const [a, b] = memoryLinks();
    const [left, right] = await Promise.all([
      proveToSender(a, "café ❤️ Ångström", ROOM),
      admitReceiver(b, { secret: "cafe\u0301 ❤️ A\u030angstro\u0308m", room: ROOM, gate }),
    ]);
    await right.say({ type: "ABORT", reason: "stopped" });
    await expect(left.hear()).rejects.toMatchObject({ code: "share-ended" });
  });

  it.each([
    ["a quote", "say \"hi\" and 'bye'"],
    ["line ends", "first\nsecond\r\n"],
    ["1,000 characters", "x".repeat(1000)],
    ["emoji", "👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿"],
  ])("works with a passphrase of %s", async (_what, secret) => {
    const [a, b] = memoryLinks();
    const gate = new ShareGate(1);
    const share = { secret, room: ROOM, gate };
    const [left, right] = await Promise.all([proveToSender(a, secret, ROOM), admitReceiver(b, share)]);
    await left.say({ type: "ABORT", reason: "cancelled" });
    await expect(right.hear()).rejects.toMatchObject({ code: "peer-aborted" });
  });

  it("says nothing about secret, title or content before the proof", async () => {
    const said: string[] = [];
    const links = middleman((frame) => {
      said.push(frame.toString("latin1"));
      return [frame];
    });
    await converse(links, DOCUMENT);
    for (const word of ["crisp", "orbit", "lunar", "A title", "work so far"]) {
      expect(said.filter((frame) => frame.includes(word))).toEqual([]);
    }
  });
});

describe("with a wrong secret", () => {
  it("the receiver gets wrong-code, the sender counts one attempt, and the place stays free", async () => {
    const { receiver, sender, gate } = await converse(untouched(), DOCUMENT, { secret: "crisp-orbit-lunas" });
    expect([receiver, sender]).toEqual(["wrong-code", "wrong-code"]);
    expect(gate.counts).toEqual({ failedAttempts: 1, held: 0, spent: 0, delivered: 0 });
  });

  it("the sender says nothing that depends on the secret before the proof: a room and a random share", async () => {
    const answers: object[] = [];
    const links = middleman((frame, from) => {
      if (from === "sender") answers.push(json(frame));
      return [frame];
    });
    await converse(links, DOCUMENT, { secret: "crisp-orbit-lunas" });
    expect(answers).toEqual([
      { type: "PAKE", sid: expect.any(String), room: ROOM, share: expect.any(String) },
      { type: "REFUSED", reason: "proof_failed", sid: expect.any(String) },
    ]);
  });
});

describe("a refused proof, on two paths to one share", () => {
  const WRONG = "crisp-orbit-lunas";
  const signer = newSigner();

  /** A receiver with the wrong secret visits a sender. @returns what each frame said, and the receiver's error. */
  async function visit(refusers: Set<string>, gate: ShareGate, share = signer, meddle: Meddle = pass) {
    const said: { type: string }[] = [];
    const links = middleman((frame, from, index) => {
      const passed = meddle(frame, from, index);
      if (passed !== "cut") said.push(...passed.map(json));
      return passed;
    });
    const admitted = admitReceiver(links.sender, { secret: SECRET, room: ROOM, gate, signer: share });
    const heard = await proveToSender(links.receiver, WRONG, ROOM, refusers)
      .then((stream) => stream.hear())
      .catch((error: { code: string }) => error.code);
    await links.receiver.close();
    await admitted.catch(() => {});
    return { heard, types: said.map(({ type }) => type) };
  }

  it("costs one attempt: the sender's own key is known again, and no second CONFIRM is sent", async () => {
    const refusers = new Set<string>();
    const gate = new ShareGate(1);
    const first = await visit(refusers, gate);
    expect(first).toEqual({ heard: "wrong-code", types: ["HELLO", "PAKE", "CONFIRM", "REFUSED"] });
    const second = await visit(refusers, gate);
    expect(second).toEqual({ heard: "wrong-code", types: ["HELLO", "PAKE"] });
    expect(gate.counts.failedAttempts).toBe(1);
  });

  it("says nothing about a sender with another key: that one is tried", async () => {
    const refusers = new Set<string>();
    await visit(refusers, new ShareGate(1), newSigner());
    const gate = new ShareGate(1);
    await visit(refusers, gate);
    expect(gate.counts.failedAttempts).toBe(1);
  });

  const refusal = (frame: Buffer) => json(frame).type === "REFUSED";
  it.each<[string, Meddle]>([
    ["without a signature", (frame) => [refusal(frame) ? edited(frame, { signature: undefined }) : frame]],
    [
      "with a signature of nothing",
      (frame) => [refusal(frame) ? edited(frame, { signature: "00".repeat(64) }) : frame],
    ],
    [
      "by an impostor who shows the share's key",
      (frame, from, index) => [
        from === "sender" && index === 0 ? edited(frame, { key: hexOf(newSigner().publicKey) }) : frame,
      ],
    ],
  ])("%s is not believed: the next path is tried", async (_what, meddle) => {
    const refusers = new Set<string>();
    expect((await visit(refusers, new ShareGate(1), signer, meddle)).heard).toBe("wrong-code");
    expect(refusers.size).toBe(0);
  });

  it("that was refused for another reason is no wrong code", async () => {
    const refusers = new Set<string>();
    const late = { refusal: () => undefined, judge: () => ({ proven: false, reason: "expired" }) as const };
    const links = middleman(pass);
    const admitted = admitReceiver(links.sender, { secret: SECRET, room: ROOM, gate: late, signer });
    const stream = await proveToSender(links.receiver, SECRET, ROOM, refusers);
    await expect(stream.hear()).rejects.toMatchObject({ code: "expired" });
    await admitted.catch(() => {});
    expect(refusers.size).toBe(0);
  });
});

describe("a sender that does not know the secret", () => {
  it("is found out by its first sealed frame: wrong-sender", async () => {
    const [a, b] = memoryLinks();
    const anything = { refusal: () => undefined, judge: () => ({ proven: true }) as const };
    const impostor = admitReceiver(b, { secret: "guess-guess-guess", room: ROOM, gate: anything });
    const stream = await proveToSender(a, SECRET, ROOM);
    const { requestOffer } = await import("../../src/protocol/transfer.ts");
    const offer = requestOffer(stream);
    await b.send(Buffer.alloc(200, 1));
    await expect(offer).rejects.toMatchObject({ code: "wrong-sender" });
    await impostor.catch(() => {});
  });

  it("gets no READY that it could read, and no second guess on the connection", async () => {
    const { receiver } = await converse(
      middleman((frame, from, index) => {
        if (from === "sender" && index === 0)
          return [edited(frame, { share: "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76" })];
        return [frame];
      }),
      DOCUMENT,
    );
    // The sender behind the meddler saw a proof for another share.
    expect(receiver).toBe("wrong-code");
  });

  it("is refused when it serves another room", async () => {
    const { receiver, gate } = await converse(untouched(), DOCUMENT, { room: "zzzzzz" });
    expect(receiver).toBe("wrong-sender");
    expect(gate.counts.failedAttempts).toBe(0);
  });

  it("is not let off by a room that was changed on the way", async () => {
    const links = middleman((frame, from, index) =>
      from === "sender" && index === 0 ? [edited(frame, { room: "aaaaaa" })] : [frame],
    );
    const { receiver, sender } = await converse(links, DOCUMENT, { room: undefined });
    expect([receiver, sender]).toEqual(["wrong-code", "wrong-code"]);
  });
});

describe("a HELLO", () => {
  const hello = {
    type: "HELLO",
    version: 2,
    suite: "CPACE-RISTR255-SHA512+AES-256-GCM",
    sid: "00".repeat(16),
    share: "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
  };
  /** What the sender says to a first frame, and what it throws. */
  async function answerTo(frame: Uint8Array | string) {
    const [visitor, link] = memoryLinks("192.0.2.7");
    const gate = new ShareGate(1);
    const admitted = admitReceiver(link, { secret: SECRET, room: ROOM, gate }).then(
      () => "admitted",
      (error: { code: string }) => error.code,
    );
    await visitor.send(frame);
    const answer = json((await visitor.receive()) ?? Buffer.from("{}"));
    await visitor.close();
    return { answer, thrown: await admitted, attempts: gate.counts.failedAttempts };
  }

  it("is answered by PAKE with its sid, whatever fields of the future it has", async () => {
    const { answer } = await answerTo(JSON.stringify({ ...hello, resume: { from: 7 }, x: null }));
    expect(answer).toEqual({
      type: "PAKE",
      sid: hello.sid,
      room: ROOM,
      share: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it.each([
    ["of version 3", { ...hello, version: 3, share: "something else" }],
    ["of another suite", { ...hello, suite: "CPACE-P256-SHA256+AES-128-GCM" }],
  ])("%s is refused as unsupported_version, and is no attempt", async (_what, message) => {
    const { answer, thrown, attempts } = await answerTo(JSON.stringify(message));
    expect(answer).toEqual({
      type: "REFUSED",
      reason: "unsupported_version",
      ...("sid" in message && { sid: hello.sid }),
    });
    expect([thrown, attempts]).toEqual(["version-mismatch", 0]);
  });

  it.each([
    ["as the Python tools say it", { type: "HELLO", version: 1 }],
    ["with the fields of version 2", { ...hello, version: 1 }],
  ])("of version 1 %s is denied in version 1, with the cure, and is no attempt", async (_what, message) => {
    const { answer, thrown, attempts } = await answerTo(JSON.stringify(message));
    expect(answer).toEqual({
      type: "DENIED",
      reason: "unsupported_version: ask the sender to share again with --legacy",
    });
    expect([thrown, attempts]).toEqual(["version-mismatch", 0]);
  });

  it.each([
    ["is no JSON", "HELLO"],
    ["is no UTF-8", Buffer.from([0xff, 0xfe, 0x7b])],
    ["is empty", Buffer.alloc(0)],
    ["is null", "null"],
    ["is a list", "[1,2,3]"],
    ["is of another type", JSON.stringify({ ...hello, type: "CONFIRM" })],
    ["has a sid of 15 bytes", JSON.stringify({ ...hello, sid: "00".repeat(15) })],
    ["has a sid in capitals", JSON.stringify({ ...hello, sid: "AB".repeat(16) })],
    ["has no share", JSON.stringify({ ...hello, share: undefined })],
    ["has a share that does not decode", JSON.stringify({ ...hello, share: "ff".repeat(32) })],
    ["has the identity for a share", JSON.stringify({ ...hello, share: "00".repeat(32) })],
    ["has more than 1 KiB", JSON.stringify({ ...hello, x: "x".repeat(1024) })],
  ])("that %s is refused as bad_message, and is no attempt", async (_what, frame) => {
    const { answer, thrown, attempts } = await answerTo(frame);
    expect(answer).toMatchObject({ type: "REFUSED", reason: "bad_message" });
    expect([thrown, attempts]).toEqual(["bad-message", 0]);
  });

  it.each([
    ["another share", (frame: Buffer) => edited(frame, { share: hello.share })],
    ["a field more", (frame: Buffer) => edited(frame, { later: 1 })],
    ["a blank more", (frame: Buffer) => Buffer.from(`${frame.toString()} `)],
  ])("that got %s on the way makes the proof fail: every byte of it is in the key", async (_what, change) => {
    const links = middleman((frame, from, index) => (from === "receiver" && index === 0 ? [change(frame)] : [frame]));
    const { receiver, sender, gate } = await converse(links, DOCUMENT);
    expect([receiver, sender]).toEqual(["wrong-code", "wrong-code"]);
    expect(gate.counts.failedAttempts).toBe(1);
  });

  it("whose sid was changed on the way, and back in the answer, makes the proof fail too", async () => {
    let sid = "";
    const links = middleman((frame, from, index) => {
      if (from === "receiver" && index === 0) {
        sid = json(frame).sid;
        return [edited(frame, { sid: "11".repeat(16) })];
      }
      return from === "sender" ? [edited(frame, { sid })] : [frame];
    });
    const { receiver, sender } = await converse(links, DOCUMENT);
    expect([receiver, sender]).toEqual(["wrong-code", "wrong-code"]);
  });
});

describe("a CONFIRM", () => {
  async function confirmWith(confirm: string | Uint8Array) {
    const links = middleman((frame, from, index) =>
      from === "receiver" && index === 1 ? [Buffer.from(confirm)] : [frame],
    );
    return converse(links, DOCUMENT);
  }

  it("with a wrong mac is a failed attempt", async () => {
    const { sender, gate } = await confirmWith(JSON.stringify({ type: "CONFIRM", mac: "00".repeat(64) }));
    expect(sender).toBe("wrong-code");
    expect(gate.counts.failedAttempts).toBe(1);
  });

  it.each([
    ["no JSON", "CONFIRM"],
    ["a mac of 63 bytes", JSON.stringify({ type: "CONFIRM", mac: "00".repeat(63) })],
    ["another HELLO", JSON.stringify({ type: "HELLO", version: 2 })],
    ["nothing", ""],
  ])("that is %s is refused, and no attempt: nothing was learned", async (_what, frame) => {
    const { sender, receiver, gate } = await confirmWith(frame);
    expect(sender).toBe("bad-message");
    expect(receiver).toBe("bad-message");
    expect(gate.counts.failedAttempts).toBe(0);
  });
});

describe("the receiver", () => {
  it.each(REFUSED_REASONS.map((reason): [RefusedReason] => [reason]))("understands REFUSED %s", async (reason) => {
    const [link, other] = memoryLinks();
    const proving = proveToSender(link, SECRET, ROOM).catch((error: unknown) => error);
    const { sid } = json((await other.receive()) ?? Buffer.from("{}"));
    await other.send(JSON.stringify({ type: "REFUSED", reason, sid }));
    const expected: Record<RefusedReason, string> = {
      unsupported_version: "version-mismatch",
      bad_message: "bad-message",
      proof_failed: "wrong-sender", // before a proof was given; see above for the answer to one
      too_many_attempts: "too-many-attempts",
      burned: "burned",
      busy: "busy",
      used_up: "share-ended",
      expired: "expired",
      stopped: "share-ended",
    };
    expect(await proving).toMatchObject({ code: expected[reason] });
  });

  it("takes a reason that it does not know for a failure of the sender, and does not quote it", async () => {
    const [link, other] = memoryLinks();
    const proving = proveToSender(link, SECRET, ROOM).catch((error: unknown) => error);
    const { sid } = json((await other.receive()) ?? Buffer.from("{}"));
    await other.send(JSON.stringify({ type: "REFUSED", reason: "of_the_future", sid }));
    expect(await proving).toMatchObject({ code: "peer-aborted", message: expect.not.stringContaining("future") });
  });

  it.each(["CHALLENGE", "DENIED"])("says version-mismatch to a version 1 sender's %s", async (type) => {
    const [link, other] = memoryLinks();
    const proving = proveToSender(link, SECRET, ROOM).catch((error: unknown) => error);
    await other.receive();
    await other.send(JSON.stringify({ type, salt: "00", nonce: "00", reason: "version" }));
    expect(await proving).toMatchObject({
      code: "version-mismatch",
      message: expect.stringContaining("version 1"),
      hint: expect.stringContaining("legacy: true (--legacy)"),
    });
  });

  it("skips what was meant for a receiver before it: sealed frames, another's PAKE and REFUSED, NEXT", async () => {
    const links = middleman((frame, from, index) => {
      if (from !== "sender" || index !== 0) return [frame];
      const stale = Buffer.alloc(65_000, 7);
      const others = [
        edited(frame, { sid: "ab".repeat(16) }),
        Buffer.from(JSON.stringify({ type: "REFUSED", reason: "burned", sid: "ab".repeat(16) })),
        Buffer.from(JSON.stringify({ type: "NEXT" })),
        Buffer.from(JSON.stringify({ type: "REFUSED", reason: 7 })),
      ];
      return [stale, stale, ...others, Buffer.alloc(0), frame];
    });
    expect((await converse(links, DOCUMENT)).sender).toBe("delivered");
  });

  it("does not skip for ever: 32 MiB of what is no answer end the attempt", async () => {
    const [link, other] = memoryLinks();
    const proving = proveToSender(link, SECRET, ROOM).catch((error: unknown) => error);
    const stale = Buffer.alloc(65_536, 7);
    const flood = (async () => {
      for (;;) await other.send(stale);
    })().catch(() => {});
    expect(await proving).toMatchObject({ code: "bad-message" });
    await link.close();
    await flood;
  });

  it.each([
    ["does not decode", "ff".repeat(32)],
    ["is the identity", "00".repeat(32)],
  ])("refuses a sender's share that %s", async (_what, share) => {
    const links = middleman((frame, from, index) =>
      from === "sender" && index === 0 ? [edited(frame, { share })] : [frame],
    );
    const { receiver, gate } = await converse(links, DOCUMENT);
    expect(receiver).toBe("bad-message");
    expect(gate.counts.failedAttempts).toBe(0);
  });
});

describe("a visitor that says nothing", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("from the start is let go after HANDSHAKE_MS", async () => {
    const [, link] = memoryLinks();
    const admitted = expect(
      admitReceiver(link, { secret: SECRET, room: ROOM, gate: new ShareGate(1) }),
    ).rejects.toMatchObject({ code: "timed-out" });
    await vi.advanceTimersByTimeAsync(HANDSHAKE_MS);
    await admitted;
  });

  it("after its HELLO is let go HANDSHAKE_MS later, with no attempt counted and no place taken", async () => {
    const gate = new ShareGate(1);
    const [visitor, link] = memoryLinks();
    const admitted = expect(admitReceiver(link, { secret: SECRET, room: ROOM, gate })).rejects.toMatchObject({
      code: "timed-out",
    });
    const proving = proveToSender(visitor, SECRET, "another").catch(() => {});
    await proving;
    await vi.advanceTimersByTimeAsync(HANDSHAKE_MS);
    await admitted;
    expect(gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 0, delivered: 0 });
  });
});
