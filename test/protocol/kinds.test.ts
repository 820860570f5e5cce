/** src/protocol/README.md, "Kinds": what is handed over is of a kind that its receiver takes, and has the part of that kind. */
import { describe, expect, it } from "vitest";
import { KINDS, type Part } from "../../src/content/part.ts";
import { toSpreadError } from "../../src/errors.ts";
import { admitReceiver, proveToSender } from "../../src/protocol/handshake.ts";
import { requestOffer } from "../../src/protocol/transfer.ts";
import { ShareGate } from "../../src/share/gate.ts";
import { memoryLinks } from "../../src/transport/memory.ts";
import { documentOf, ROOM, SECRET, sendBy } from "../support/conversation.ts";

type Link = ReturnType<typeof memoryLinks>[0];

async function visit(sender: (link: Link) => Promise<unknown>) {
  const [link, other] = memoryLinks();
  const sending = sender(other).then(
    () => "delivered",
    (error: unknown) => toSpreadError(error).code,
  );
  return { stream: await proveToSender(link, SECRET, ROOM), sending };
}

it.each(["memory", "sessions"] as const)(
  "a receiver that takes documents alone is offered no %s, and takes no place",
  async (kind) => {
    const gate = new ShareGate(1);
    const document = { ...documentOf(Buffer.from("# x\n")), kind };
    const { stream, sending } = await visit((link) => sendBy(link, document, gate));
    await expect(requestOffer(stream)).rejects.toMatchObject({ code: "version-mismatch" });
    expect(await sending).toBe("version-mismatch");
    expect(gate.counts).toMatchObject({ held: 0, spent: 0, failedAttempts: 0 });
  },
);

describe("an offer", () => {
  const part = (role: string): Part => ({ role, name: "x", bytes: 5, sha256: "00".repeat(32) });
  /** A sender that knows the secret, and offers what it likes. */
  const offering = (kind: string, roles: readonly string[]) => async (link: Link) => {
    const stream = await admitReceiver(link, { secret: SECRET, room: ROOM, gate: new ShareGate(1) });
    await stream.hearMessage("READY");
    const about = { type: "OFFER", transfer: "00".repeat(16), kind, title: "", bytes: 5 * roles.length };
    const rest = { shared_at: "2026-11-20T10:00:00.000Z", sha256: "00".repeat(32), encoding: "identity" };
    const parts = roles.length > 1 && { parts: roles.map(part) };
    await stream.say({ ...about, ...rest, ...parts } as never);
    await stream.hear();
  };

  it.each<[string, string[]]>([
    ["distillation", ["document"]],
    ["memory", ["document", "memory"]],
    ["sessions", ["document", "sessions"]],
    ["sessions", ["document", "attachment", "sessions"]],
  ])("of kind %s with %s is taken", async (kind, roles) => {
    const { stream } = await visit(offering(kind, roles));
    expect((await requestOffer(stream, { parts: 4, kinds: KINDS })).kind).toBe(kind);
    await stream.link.close();
  });

  it.each<[string, string[]]>([
    ["memory", ["document"]],
    ["memory", ["document", "attachment"]],
    ["memory", ["document", "sessions"]],
    ["memory", ["document", "memory", "memory"]],
    ["sessions", ["document", "sessions", "memory"]],
    ["distillation", ["document", "memory"]],
    ["distillation", ["document", "sessions"]],
    ["of-the-future", ["document"]],
    ["", ["document"]],
  ])("of kind %s with %s is refused", async (kind, roles) => {
    const { stream } = await visit(offering(kind, roles));
    const asked = requestOffer(stream, { parts: 4, kinds: KINDS });
    await expect(asked).rejects.toMatchObject({ code: "bad-message" });
    await stream.link.close();
  });

  it("of a kind that was not asked for is refused", async () => {
    const { stream } = await visit(offering("memory", ["document", "memory"]));
    await expect(requestOffer(stream, { parts: 4 })).rejects.toMatchObject({ code: "bad-message" });
    await stream.link.close();
  });
});
