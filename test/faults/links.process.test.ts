/** One thing that happens to a link, at one place: between real processes, by LAN and by relay, with short and long documents. */
import { beforeAll, describe, expect, it } from "vitest";
import { QUIET_MS } from "../../src/limits.ts";
import { relayProcess } from "../mcp/wires.ts";
import { cable, type Fault, type Lot } from "../support/cable.ts";
import type { Offered, Taken } from "../support/server.ts";
import { settled, until } from "../support/wait.ts";
import {
  atRest,
  codeOf,
  type Document,
  document,
  expectNothingLeft,
  expectTaken,
  openOf,
  type People,
  twoPeople,
} from "./handoff.ts";

type By = "lan" | "relay";
type Size = "short" | "long";

const BYTES: Record<Size, number> = { short: 2_000, long: 5_000_000 };

let people: People;
let papers: Record<Size, Document>;
/** Before anything has happened, but with all loaded that is loaded once. */
let open: number[];

beforeAll(async () => {
  people = await twoPeople({ lasting: true });
  const { sender, receiver } = people;
  papers = { short: await document(sender, BYTES.short), long: await document(sender, BYTES.long, true) };
  const share = await sender.share({ path: papers.long.path, mode: "lan" });
  await expectTaken(people, await receiver.receive(way("lan", share, share.lan?.port ?? 0)), papers.long);
  await sender.becomes("delivered");
  open = await Promise.all([sender, receiver].map(({ home }) => openOf(home)));
});

/** What a receiver is told, who goes by a port of this machine. */
const way = (by: By, { code }: Offered, port: number) => ({
  code,
  mode: by,
  ...(by === "lan" ? { host: `127.0.0.1:${port}` } : { relay_url: `ws://127.0.0.1:${port}` }),
});

/** A share, and a cable on the way to it. */
async function offer(by: By, paper: Document, lots: readonly Lot[]) {
  const relay = by === "relay" ? await relayProcess() : undefined;
  const share = await people.sender.share({ path: paper.path, mode: by, ...(relay && { relay_url: relay.url }) });
  const line = await cable(relay?.port ?? share.lan?.port ?? 0, lots);
  return { share, line, asked: way(by, share, line.port) };
}

async function expectDelivered(share: Offered, taken: Taken, paper: Document): Promise<void> {
  await expectTaken(people, taken, paper);
  expect(await atRest(people, share.share_id)).toMatchObject({ state: "delivered", delivered: 1 });
  await expectNothingLeft(people, open);
}

/** Behind so many bytes of a direction: of HELLO from the receiver, and of what the sender says. */
const PLACES: Record<string, Pick<Fault, "way" | "at">> = {
  HELLO: { way: "up", at: 60 },
  OFFER: { way: "down", at: 400 },
  content: { way: "down", at: 1_200 },
  middle: { way: "down", at: 1_500_000 },
};
/** What is said to a relay, and by it, before that, in bytes. */
const RELAY_BYTES = { up: 210, down: 190 };

const strokes = (["lan", "relay"] as const).flatMap((by) =>
  (["short", "long"] as const).flatMap((size) =>
    Object.entries(PLACES)
      .filter(([, { at }]) => at < BYTES[size])
      .map(([place, { way, at }]) => ({ by, size, place, way, at: at + (by === "relay" ? RELAY_BYTES[way] : 0) })),
  ),
);

describe.each(["cut", "reset", "corrupt"] as const)("a link that is %s once", (what) => {
  it.each(strokes)(
    "by $by, with a $size document, in the $place: it arrives whole",
    async ({ by, size, place, way, at }) => {
      const paper = papers[size];
      const { share, line, asked } = await offer(by, paper, [{ faults: [{ way, at, what }] }]);
      let answer = await people.receiver.call("distill_receive", asked);
      // A HELLO that was altered can look like a wrong code, or another version: that is said.
      if (answer.isError) {
        expect([what, place, codeOf(answer)]).toEqual([
          "corrupt",
          "HELLO",
          expect.stringMatching(/^(wrong-.*|bad-message|version-.*)$/),
        ]);
        expect([await people.receiver.kept("staging"), line.struck.length]).toEqual([[], 1]);
        expect(await atRest(people, share.share_id)).toMatchObject({ state: "waiting", delivered: 0 });
        answer = await people.receiver.call("distill_receive", asked);
      }
      expect([line.struck.length, line.connections]).toEqual([1, 2]);
      await expectDelivered(share, answer.data as Taken, paper);
    },
  );
});

describe.each(["lan", "relay"] as const)("a link by %s", (by) => {
  it("that is slow and late carries both documents, without a break", async () => {
    for (const paper of Object.values(papers)) {
      const { share, line, asked } = await offer(by, paper, [{ delayMs: 10, bytesPerSecond: 4_000_000 }]);
      await expectDelivered(share, await people.receiver.receive(asked), paper);
      expect(line.connections).toBe(1);
    }
  });

  it("that stands still for a moment carries the rest, without a break", async () => {
    const lots: Lot[] = [{ faults: [{ way: "down", at: 1_500_000, what: "stall" }] }];
    const { share, line, asked } = await offer(by, papers.long, lots);
    const taking = people.receiver.receive(asked);
    await until("it stands still", () => line.struck.length === 1);
    await settled(() => line.passed.down);
    line.heal();
    await expectDelivered(share, await taking, papers.long);
    expect(line.connections).toBe(1);
  });
});

it(
  "a link that stands still for good is given up within 20 s, and the rest comes by another one",
  async () => {
    const stalled = async (by: By, at: number) => {
      const lots: Lot[] = [{ faults: [{ way: "down", at, what: "stall" }] }];
      const { share, line, asked } = await offer(by, papers.long, lots);
      const began = performance.now();
      const taken = await people.receiver.receive(asked);
      expect(performance.now() - began).toBeLessThan(QUIET_MS + 10_000);
      expect(line.connections).toBe(2);
      line.heal();
      return { share, taken };
    };
    const all = await Promise.all([stalled("lan", 400), stalled("lan", 1_500_000), stalled("relay", 1_500_000)]);
    for (const { share, taken } of all) await expectDelivered(share, taken, papers.long);
  },
  QUIET_MS + 20_000,
);

describe("with both ways", () => {
  const CUT: Lot = { faults: [{ way: "down", at: 800_000, what: "cut" }] };
  const DEAD: Lot = { faults: [{ way: "up", at: 0, what: "cut" }] };

  it("a document that loses the LAN in its middle goes on by the relay, and when it loses that, by the LAN again", async () => {
    const relay = await relayProcess();
    const share = await people.sender.share({ path: papers.long.path, relay_url: relay.url });
    const near = await cable(share.lan?.port ?? 0, [CUT, DEAD]);
    // The first connection to the relay only stands by.
    const far = await cable(relay.port, [{}, CUT, DEAD, DEAD]);
    const args = { code: share.code, host: `127.0.0.1:${near.port}`, relay_url: `ws://127.0.0.1:${far.port}` };
    const taken = await people.receiver.receive(args);
    expect(taken.via).toBe("lan");
    expect(far.passed.down).toBeGreaterThanOrEqual(800_000);
    await expectDelivered(share, taken, papers.long);
  });
});
