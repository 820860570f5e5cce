/** src/protocol/README.md, "Parts": a document that brings files along, and offers of parts that are none. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Part } from "../../src/content/part.ts";
import { toSpreadError } from "../../src/errors.ts";
import { MAX_PARTS } from "../../src/limits.ts";
import { admitReceiver, proveToSender } from "../../src/protocol/handshake.ts";
import type { SealedStream } from "../../src/protocol/stream.ts";
import { giveReceipt, type Outgoing, requestOffer } from "../../src/protocol/transfer.ts";
import { ShareGate } from "../../src/share/gate.ts";
import { memoryLinks } from "../../src/transport/memory.ts";
import { documentFrom, documentOf, ROOM, SECRET, sendBy } from "../support/conversation.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

const FILES = ["# The work\n", '{"goal":"x"}', "", "\0\u0001 any bytes"].map((text) => Buffer.from(text));
const ROLES = ["document", "structure", "patch", "attachment"];

function documentOfParts(): Outgoing {
  const parts = FILES.map((bytes, at) => ({
    role: ROLES[at] ?? "",
    name: `${at}.txt`,
    bytes: bytes.length,
    sha256: sha256(bytes),
  }));
  return { ...documentOf(Buffer.concat(FILES)), parts };
}

/** A receiver that has proved itself, and whoever is at the other end. */
async function visit(sender: (link: ReturnType<typeof memoryLinks>[0]) => Promise<unknown>) {
  const [link, other] = memoryLinks();
  const sending = sender(other).then(
    () => "delivered",
    (error: unknown) => toSpreadError(error).code,
  );
  return { stream: await proveToSender(link, SECRET, ROOM), sending };
}

it("a document of parts is their bytes, one behind another; its offer says what each is", async () => {
  const document = documentOfParts();
  const { stream, sending } = await visit((link) => sendBy(link, document, new ShareGate(1)));
  const offer = await requestOffer(stream, { parts: MAX_PARTS });
  expect(offer.parts).toEqual(document.parts);
  const pieces: Uint8Array[] = [];
  for await (const piece of documentFrom(stream, offer)) pieces.push(piece);
  expect(Buffer.concat(pieces).equals(Buffer.concat(FILES))).toBe(true);
  await giveReceipt(stream, offer);
  expect(await sending).toBe("delivered");
});

it.each([undefined, 1, 3])("a receiver that takes %s parts is not given four, and takes no place", async (parts) => {
  const gate = new ShareGate(1);
  const { stream, sending } = await visit((link) => sendBy(link, documentOfParts(), gate));
  const asked = requestOffer(stream, parts === undefined ? {} : { parts });
  await expect(asked).rejects.toMatchObject({ code: "version-mismatch" });
  expect(await sending).toBe("version-mismatch");
  expect(gate.counts).toMatchObject({ held: 0, spent: 0, failedAttempts: 0 });
});

describe("an offer of parts", () => {
  const part = (role: string, bytes: number): Part => ({ role, name: "x", bytes, sha256: "00".repeat(32) });
  /** A sender that knows the secret, and offers what it likes. */
  const offering = (parts: readonly unknown[], bytes: number) => async (link: ReturnType<typeof memoryLinks>[0]) => {
    const gate = { refusal: () => undefined, judge: (_: unknown, verify: () => boolean) => ({ proven: verify() }) };
    const stream: SealedStream = await admitReceiver(link, { secret: SECRET, room: ROOM, gate: gate as never });
    await stream.hearMessage("READY");
    const said = { type: "OFFER", transfer: "00".repeat(16), kind: "distillation", title: "", bytes, parts };
    const rest = { shared_at: "2026-11-20T10:00:00.000Z", sha256: "00".repeat(32), encoding: "identity" };
    await stream.say({ ...said, ...rest } as never);
    await stream.hear();
  };

  it.each<[string, readonly unknown[], number]>([
    ["whose lengths are more than the whole", [part("document", 5), part("patch", 6)], 10],
    ["whose lengths are less", [part("document", 5), part("patch", 4)], 10],
    ["whose first is no document", [part("patch", 5), part("document", 5)], 10],
    ["with two documents", [part("document", 5), part("document", 5)], 10],
    ["of one part", [part("document", 10)], 10],
    ["of none", [], 10],
    ["of more than were asked for", Array.from({ length: 5 }, (_, at) => part(at ? "patch" : "document", 2)), 10],
    ["of 33", Array.from({ length: 33 }, (_, at) => part(at ? "patch" : "document", 0)), 0],
    ["of negative length", [part("document", 11), part("patch", -1)], 10],
    ["without a name", [part("document", 5), { ...part("patch", 5), name: "" }], 10],
    ["with a name of 256 units", [part("document", 5), { ...part("patch", 5), name: "x".repeat(256) }], 10],
    ["with a digest that is none", [part("document", 5), { ...part("patch", 5), sha256: "00" }], 10],
  ])("%s is refused", async (_what, parts, bytes) => {
    const { stream } = await visit(offering(parts, bytes));
    await expect(requestOffer(stream, { parts: 4 })).rejects.toMatchObject({ code: "bad-message" });
    await stream.link.close();
  });

  it("with a role that is not known is taken", async () => {
    const { stream } = await visit(offering([part("document", 5), part("of-the-future", 5)], 10));
    expect((await requestOffer(stream, { parts: 4 })).parts?.[1]?.role).toBe("of-the-future");
    await stream.link.close();
  });
});
