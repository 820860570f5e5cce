/** Whatever waits says in the status for what, and until when: to every session of the user. */
import { expect, it } from "vitest";
import { makeDocument } from "../faults/handoff.ts";
import { type Cable, cable, type LinkPlan } from "../support/cable.ts";
import { startServer } from "../support/server.ts";
import { eventually } from "../support/wait.ts";

const BYTES = 5_000_000;
const DEAD: LinkPlan = { faults: [{ way: "up", at: 0, what: "stall" }] };

/** A document of which a receiver is told over a cable; and two sessions of that receiver, of which the first asks for it. */
async function asked(linkPlans: readonly LinkPlan[], timeoutSeconds = 600) {
  const sender = await startServer();
  const receiver = await startServer();
  const other = await startServer({ sandbox: receiver.sandbox });
  const document = await makeDocument(sender, BYTES);
  const share = await sender.share({ path: document.path, mode: "lan", expires_minutes: 10 });
  const line: Cable = await cable(share.lan?.port ?? 0, linkPlans);
  const end = new AbortController();
  const since = Date.now();
  const args = { code: share.code, mode: "lan", host: `127.0.0.1:${line.port}`, timeout_seconds: timeoutSeconds };
  const answer = receiver.call("distill_receive", args, { signal: end.signal });
  answer.catch(() => {}); // where the call is cancelled
  const seenBy = async (who: typeof other) => {
    const { text, data } = await who.call("distill_status");
    return { text, receiving: (data as { receiving: Record<string, string>[] }).receiving };
  };
  return { share, line, since, answer, end, other, receiver, seenBy };
}

/** Two clocks of one machine need not agree about a moment, in ms. */
const PRECISION_MS = 10;

it("a receiver that waits for the sender's proof is listed with its time, and no more once it was cancelled", async () => {
  const { share, since, end, other, receiver, seenBy } = await asked([DEAD], 500);
  await eventually(async () => (await seenBy(other)).receiving).toMatchObject([
    { state: "proving", room: share.room, this_session: false },
  ]);
  const { text, receiving } = await seenBy(other);
  expect(text).toMatch(
    new RegExp(`^Receiving \\(of another session\\): waiting for the proof of .*${share.room}, until .* UTC$`, "m"),
  );
  const until = Date.parse(receiving[0]?.until ?? "");
  expect(until).toBeGreaterThanOrEqual(since + 500_000 - PRECISION_MS);
  expect(until).toBeLessThanOrEqual(Date.now() + 500_000 + PRECISION_MS);
  expect((await seenBy(receiver)).receiving).toMatchObject([{ this_session: true }]);
  end.abort();
  await eventually(async () => (await seenBy(other)).receiving).toEqual([]);
});

it("a document that comes is listed with what has come of it; where its link is lost, with the time until which it is looked for", async () => {
  const { share, line, answer, other, seenBy } = await asked([
    { faults: [{ way: "down", at: 2_000_000, what: "stall" }] },
  ]);
  await eventually(async () => (await seenBy(other)).receiving).toMatchObject([
    { state: "receiving", bytes: BYTES, received: expect.any(Number) },
  ]);
  expect((await seenBy(other)).receiving[0]).not.toHaveProperty("until");
  await line.down();
  await eventually(async () => (await seenBy(other)).receiving).toMatchObject([{ state: "reconnecting" }]);
  const { text, receiving } = await seenBy(other);
  expect(text).toContain("the connection was lost; looking for the sender of room");
  // The share's own end, of which the receiver was told how many seconds are left.
  const until = Date.parse(receiving[0]?.until ?? "");
  expect(until).toBeGreaterThanOrEqual(Date.parse(share.expires_at) - PRECISION_MS);
  expect(until).toBeLessThanOrEqual(Date.now() + 601_000);
  await line.up();
  expect((await answer).isError).toBe(false);
  expect((await seenBy(other)).receiving).toEqual([]);
});
