/** src/protocol/README.md, "Transfer": whatever is done to whichever frame, nobody is told an untruth. */
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SpreadError } from "../../src/errors.ts";
import { CHUNK_BYTES, QUIET_MS, STALL_MS } from "../../src/limits.ts";
import { proveToSender } from "../../src/protocol/handshake.ts";
import type { Ready } from "../../src/protocol/messages.ts";
import { GIVE_UP_MS } from "../../src/protocol/stream.ts";
import { requestOffer } from "../../src/protocol/transfer.ts";
import { ShareGate } from "../../src/share/gate.ts";
import { memoryLinks } from "../../src/transport/memory.ts";
import {
  converse,
  documentFrom,
  documentOf,
  type Meddle,
  middleman,
  ROOM,
  SECRET,
  sendBy,
} from "../support/conversation.ts";
import { settled, until } from "../support/wait.ts";
import { alter, at, DOCUMENT, expectHonest, FRAMES, told } from "./transfer-suite.ts";

afterEach(() => {
  vi.useRealTimers();
});

const pass: Meddle = (frame) => [frame];

describe.each([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 10 * CHUNK_BYTES + 17])(
  "a document of %i bytes",
  (size) => {
    it.each([false, true])("arrives as it was, compressible: %s", async (compressible) => {
      const bytes = Buffer.alloc(size, "some text that repeats ");
      const { receiver, sender } = await converse(middleman(pass), bytes, { compressible });
      expect([told(receiver, bytes), sender]).toEqual(["whole", "delivered"]);
    });
  },
);

it("arrives as it was, whatever it is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), fc.boolean(), async (bytes, compressible) => {
      const { receiver, sender } = await converse(middleman(pass), bytes, { compressible });
      expect([told(receiver, bytes), sender]).toEqual(["whole", "delivered"]);
    }),
    { numRuns: 25 },
  );
});

it("is compressed on the wire where that helps", async () => {
  let wireBytes = 0;
  const links = middleman((frame) => {
    wireBytes += frame.length;
    return [frame];
  });
  const bytes = Buffer.alloc(1024 * 1024, "a line that repeats\n");
  expect((await converse(links, bytes, { compressible: true })).sender).toBe("delivered");
  expect(wireBytes).toBeLessThan(10_000);
});

describe.each(FRAMES)("%s on the way", (name, from, index) => {
  // Any other bit: transfer.long.test.ts.
  it("altered in a bit: an error or the document, never anything else", () => alter(name, from, index, 2));

  it("lost, and the link with it: an error on both sides, save for what was complete", async () => {
    const outcome = await converse(middleman(at(from, index, () => "cut")), DOCUMENT);
    expectHonest(outcome);
    if (name === "DELIVERED") expect(told(outcome.receiver)).toBe("whole, and not acknowledged");
    else if (name === "RECEIPT") expect(outcome.sender).toBe("link-lost");
    else expect([outcome.receiver, outcome.sender]).toEqual([expect.any(String), "link-lost"]);
    // A place is spent once all content was handed to the link, and given back otherwise.
    const allSent = ["RECEIPT", "DELIVERED"].includes(name);
    if (name !== "the last chunk") expect(outcome.gate.counts.spent).toBe(allSent ? 1 : 0);
    expect(outcome.gate.counts.failedAttempts).toBe(0);
  });

  it("repeated: an error or the document, never anything else", async () => {
    const outcome = await converse(middleman(at(from, index, (frame) => [frame, Buffer.from(frame)])), DOCUMENT);
    expectHonest(outcome);
    if (["the first chunk", "the second chunk", "OFFER"].includes(name)) expect(outcome.sender).not.toBe("delivered");
    // The document was whole by then; what follows its end is refused, so the receiver hears of no acknowledgement.
    if (name === "the last chunk") expect(told(outcome.receiver)).toBe("whole, and not acknowledged");
  });

  it("preceded by an invented frame: an error or the document, never anything else", async () => {
    for (const invented of [
      Buffer.alloc(0),
      Buffer.alloc(100, 1),
      Buffer.from('{"type":"ABORT","reason":"stopped"}'),
    ]) {
      const outcome = await converse(middleman(at(from, index, (frame) => [invented, frame])), DOCUMENT);
      expectHonest(outcome);
      if (!["HELLO", "CONFIRM", "PAKE", "DELIVERED"].includes(name)) expect(outcome.sender).not.toBe("delivered");
    }
  });
});

it("two chunks that were swapped are refused: tampered", async () => {
  let first: Buffer | undefined;
  const links = middleman((frame, from, index) => {
    if (from === "sender" && index === 2) {
      first = frame;
      return [];
    }
    return from === "sender" && index === 3 ? [frame, first as Buffer] : [frame];
  });
  const outcome = await converse(links, DOCUMENT);
  expect(outcome.receiver).toBe("tampered");
  expect(outcome.sender).toBe("tampered");
  expect(outcome.gate.counts.delivered).toBe(0);
});

it("a sealed frame of one direction does not open in the other one", async () => {
  let ready: Buffer | undefined;
  const links = middleman((frame, from, index) => {
    if (from === "receiver" && index === 2) ready = Buffer.from(frame);
    return from === "sender" && index === 1 ? [ready as Buffer] : [frame];
  });
  expect((await converse(links, DOCUMENT)).receiver).toBe("wrong-sender");
});

describe("a peer that knows the code but not its manners", () => {
  /** An honest handshake from the receiver's side, and the stream to misbehave on. */
  async function visit(gate = new ShareGate(1), bytes: Uint8Array = DOCUMENT) {
    const [link, other] = memoryLinks();
    const sending = sendBy(other, documentOf(bytes), gate).catch((error: { code: string }) => error.code);
    const stream = await proveToSender(link, SECRET, ROOM);
    return { link, stream, sending, gate };
  }
  const ready: Ready = { type: "READY", kinds: ["distillation"], encodings: [], max_bytes: 2 ** 30 };

  it("gets too-large when the document is more than it takes, and its place is free again", async () => {
    const { stream, sending, gate, link } = await visit();
    await stream.say({ ...ready, max_bytes: 10 });
    await expect(stream.hear()).rejects.toMatchObject({ code: "too-large" });
    expect(await sending).toBe("too-large");
    expect(gate.counts).toMatchObject({ held: 0, spent: 0 });
    await link.close();
  });

  it("gets version-mismatch when it takes no documents of this kind", async () => {
    const { stream, sending, link } = await visit();
    await stream.say({ ...ready, kinds: ["memory"] });
    await expect(stream.hear()).rejects.toMatchObject({ code: "version-mismatch" });
    expect(await sending).toBe("version-mismatch");
    await link.close();
  });

  it("gives a receipt before the content: bad-message, and nothing is delivered", async () => {
    const { stream, sending, gate, link } = await visit(undefined, Buffer.alloc(40 * CHUNK_BYTES));
    await stream.say(ready);
    const offer = await stream.hearMessage("OFFER");
    await stream.say({ type: "RECEIPT", transfer: offer.transfer, sha256: offer.sha256 });
    for (;;) {
      if (
        await stream.hear().then(
          () => false,
          () => true,
        )
      )
        break;
    }
    expect(await sending).toBe("bad-message");
    expect(gate.counts.delivered).toBe(0);
    await link.close();
  });

  it.each([
    ["of another digest", { sha256: "00".repeat(32) }],
    ["of another transfer", { transfer: "00".repeat(16) }],
  ])("gives a receipt %s: spent, and not delivered", async (_what, wrong) => {
    const { stream, sending, gate, link } = await visit();
    await stream.say(ready);
    const offer = await stream.hearMessage("OFFER");
    for (;;) {
      const heard = await stream.hear();
      if (heard.is === "content" && heard.end) break;
    }
    await stream.say({ type: "RECEIPT", transfer: offer.transfer, sha256: offer.sha256, ...wrong });
    expect(await sending).toBe("bad-message");
    expect(gate.counts).toMatchObject({ held: 0, spent: 1, delivered: 0 });
    await link.close();
  });

  it("aborts while the sender is stuck in the content: the sender stops, and the place is free again", async () => {
    const { stream, sending, gate, link } = await visit(undefined, Buffer.alloc(100 * CHUNK_BYTES));
    await stream.say(ready);
    await stream.hearMessage("OFFER");
    await stream.say({ type: "ABORT", reason: "no_space" });
    await link.close();
    expect(await sending).toBe("peer-aborted");
    expect(gate.counts).toMatchObject({ held: 0, spent: 0 });
  });

  it("aborts, and reads no more, while the sender is stuck in the content: the sender does not wait for the stall", async () => {
    const { stream, sending, gate, link } = await visit(undefined, Buffer.alloc(100 * CHUNK_BYTES));
    await stream.say(ready);
    await stream.hearMessage("OFFER");
    await settled(() => gate.counts.held);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    await stream.say({ type: "ABORT", reason: "no_space" });
    await vi.advanceTimersByTimeAsync(GIVE_UP_MS);
    expect(await sending).toBe("peer-aborted");
    expect(gate.counts).toMatchObject({ held: 0, spent: 0 });
    await link.close();
  });

  it("has been handed everything, but read nothing, when the sender gives up: the place is spent, since it may arrive", async () => {
    const gate = new ShareGate(1);
    const [link, other] = memoryLinks();
    const sending = sendBy(other, documentOf(Buffer.alloc(12 * CHUNK_BYTES)), gate).catch(
      (it: { code: string }) => it.code,
    );
    const stream = await proveToSender(link, SECRET, ROOM);
    await stream.say(ready);
    await stream.hearMessage("OFFER");
    await until("all was handed to the link", () => gate.counts.spent === 1);
    other.abort(new SpreadError("share-ended", "stopped"));
    expect(await sending).toBe("share-ended");
    expect(gate.counts).toMatchObject({ held: 0, spent: 1, delivered: 0 });
    await link.close();
  });

  it("is gone before the last chunk: the place comes back, since nothing took it", async () => {
    const gate = new ShareGate(1);
    const [link, other] = memoryLinks();
    const document = documentOf(Buffer.alloc(CHUNK_BYTES));
    const gone = {
      ...document,
      async *read() {
        other.abort(new SpreadError("link-lost", "gone"));
        yield* document.read();
      },
    };
    const sending = sendBy(other, gone, gate).catch((it: { code: string }) => it.code);
    const stream = await proveToSender(link, SECRET, ROOM);
    await stream.say(ready);
    expect(await sending).toBe("link-lost");
    expect(gate.counts).toMatchObject({ held: 0, spent: 0, delivered: 0 });
    await link.close();
  });

  it("speaks behind its last word: refused", async () => {
    const { stream, sending, link } = await visit();
    await stream.say({ type: "ABORT", reason: "cancelled" });
    await expect(stream.say(ready)).rejects.toMatchObject({ code: "internal" });
    expect(await sending).toBe("peer-aborted");
    await link.close();
  });
});

describe("an end that stands still", () => {
  it("in the middle of the content is given up by the receiver after QUIET_MS, and nothing is whole", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const links = middleman((frame, from, index) => (from === "sender" && index >= 4 ? [] : [frame]));
    const sending = sendBy(links.sender, documentOf(DOCUMENT), new ShareGate(1)).catch(
      (error: { code: string }) => error.code,
    );
    const stream = await proveToSender(links.receiver, SECRET, ROOM);
    const offer = await requestOffer(stream);
    const receiving = (async () => {
      for await (const _ of documentFrom(stream, offer));
    })().catch((error: { code: string }) => error.code);
    await vi.advanceTimersByTimeAsync(QUIET_MS + 1);
    expect(await receiving).toBe("stalled");
    expect(await sending).toBe("link-lost");
  });

  it("and takes no content is given up by the sender after STALL_MS, and its place is free again", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const gate = new ShareGate(1);
    const [link, other] = memoryLinks();
    const bytes = Buffer.alloc(100 * CHUNK_BYTES);
    const sending = sendBy(other, documentOf(bytes), gate).catch((error: { code: string }) => error.code);
    const stream = await proveToSender(link, SECRET, ROOM);
    await stream.say({ type: "READY", kinds: ["distillation"], encodings: [], max_bytes: 2 ** 30 });
    await vi.advanceTimersByTimeAsync(STALL_MS + 2000);
    expect(await sending).toBe("stalled");
    expect(gate.counts).toMatchObject({ held: 0, spent: 0 });
  });
});
