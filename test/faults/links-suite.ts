/**
 * One thing that happens to a link, at one place: between real processes, by LAN and by relay, with short and long documents.
 * One of each kind is in links.process.test.ts, all others in links.long.test.ts.
 */
import { beforeAll, expect, it } from "vitest";
import { QUIET_MS } from "../../src/limits.ts";
import { relayProcess } from "../mcp/wires.ts";
import { cable, type Fault, type LinkPlan } from "../support/cable.ts";
import type { Clock } from "../support/clock.ts";
import { type Offered, startServer, type Taken } from "../support/server.ts";
import { settled, until } from "../support/wait.ts";
import {
  atRest,
  codeOf,
  type Document,
  expectNothingLeft,
  expectTaken,
  makeDocument,
  openOf,
  type People,
} from "./handoff.ts";
import { startTimed } from "./people.ts";

type By = "lan" | "relay";
type Size = "short" | "long";

const BYTES: Record<Size, number> = { short: 2_000, long: 5_000_000 };

let people: People;
/** The receiver's hub goes by it. */
let clock: Clock;
let documents: Record<Size, Document>;
/** Before anything has happened, but with all loaded that is loaded once. */
let open: number[];

/** In each file, before its tests. */
export function startPeople(): void {
  beforeAll(async () => {
    const [sender, timed] = await Promise.all([startServer({ lasting: true }), startTimed({ lasting: true })]);
    const { server: receiver } = timed;
    clock = timed.clock;
    people = { sender, receiver };
    documents = { short: await makeDocument(sender, BYTES.short), long: await makeDocument(sender, BYTES.long, true) };
    const share = await sender.share({ path: documents.long.path, mode: "lan" });
    await expectTaken(people, await receiver.receive(way("lan", share, share.lan?.port ?? 0)), documents.long);
    await sender.becomes("delivered");
    open = await Promise.all([sender, receiver].map(({ home }) => openOf(home)));
  });
}

/** What a receiver is told, who goes by a port of this machine. */
const way = (by: By, { code }: Offered, port: number) => ({
  code,
  mode: by,
  ...(by === "lan" ? { host: `127.0.0.1:${port}` } : { relay_url: `ws://127.0.0.1:${port}` }),
});

/** A share, and a cable on the way to it. */
async function offer(by: By, document: Document, linkPlans: readonly LinkPlan[]) {
  const relay = by === "relay" ? await relayProcess() : undefined;
  const share = await people.sender.share({ path: document.path, mode: by, ...(relay && { relay_url: relay.url }) });
  const line = await cable(relay?.port ?? share.lan?.port ?? 0, linkPlans);
  return { share, line, asked: way(by, share, line.port) };
}

async function expectDelivered(share: Offered, taken: Taken, document: Document): Promise<void> {
  await expectTaken(people, taken, document);
  expect(await atRest(people, share.share_id)).toMatchObject({ state: "delivered", delivered: 1 });
  await expectNothingLeft(people, open);
}

/** Behind so many bytes of a direction: of HELLO from the receiver, and of what the sender says. */
const PLACES = {
  HELLO: { way: "up", at: 60 },
  OFFER: { way: "down", at: 400 },
  content: { way: "down", at: 1_200 },
  middle: { way: "down", at: 1_500_000 },
} as const satisfies Record<string, Pick<Fault, "way" | "at">>;
type Place = keyof typeof PLACES;
/** What is said to a relay, and by it, before that, in bytes. */
const RELAY_BYTES = { up: 210, down: 190 };

/** Behind so many bytes of a direction, by this way. */
function at(place: Place, by: By): Pick<Fault, "way" | "at"> {
  const { way, at } = PLACES[place];
  return { way, at: at + (by === "relay" ? RELAY_BYTES[way] : 0) };
}

interface FaultCase {
  readonly what: "cut" | "reset" | "corrupt";
  readonly by: By;
  readonly size: Size;
  readonly place: Place;
}

/** Each kind, each place, both ways, both sizes. */
export const FEW_CASES: readonly FaultCase[] = [
  { what: "corrupt", by: "lan", size: "short", place: "HELLO" },
  { what: "reset", by: "relay", size: "short", place: "OFFER" },
  { what: "cut", by: "lan", size: "long", place: "content" },
  { what: "corrupt", by: "relay", size: "long", place: "middle" },
];

const isAmongFew = (one: FaultCase) => FEW_CASES.some((it) => JSON.stringify(it) === JSON.stringify(one));

export const OTHER_CASES: readonly FaultCase[] = (["cut", "reset", "corrupt"] as const).flatMap((what) =>
  (["lan", "relay"] as const).flatMap((by) =>
    (["short", "long"] as const).flatMap((size) =>
      (Object.keys(PLACES) as Place[])
        .filter((place) => PLACES[place].at < BYTES[size])
        .map((place) => ({ what, by, size, place }))
        .filter((one) => !isAmongFew(one)),
    ),
  ),
);

export function testCases(cases: readonly FaultCase[]): void {
  it.each(cases)(
    "takes a $size document whole by a link by $by that is $what once in the $place",
    async ({ what, by, size, place }) => {
      const document = documents[size];
      const { share, line, asked } = await offer(by, document, [{ faults: [{ ...at(place, by), what }] }]);
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
      await expectDelivered(share, answer.data as Taken, document);
    },
  );
}

export function testSlow(by: By): void {
  it(`takes both documents by a link by ${by} that is slow and late, without a break`, async () => {
    for (const document of Object.values(documents)) {
      const { share, line, asked } = await offer(by, document, [{ delayMs: 10, bytesPerSecond: 4_000_000 }]);
      await expectDelivered(share, await people.receiver.receive(asked), document);
      expect(line.connections).toBe(1);
    }
  });
}

/** A call that stands still at a place. */
async function standing(by: By, place: Place) {
  const { share, line, asked } = await offer(by, documents.long, [{ faults: [{ ...at(place, by), what: "stall" }] }]);
  const taking = people.receiver.receive(asked);
  await until("it stands still", () => line.struck.length === 1);
  await settled(() => line.passed.down);
  return { share, line, taking };
}

export function testPause(by: By): void {
  it(`takes the rest by a link by ${by} that stood still for a moment, without a break`, async () => {
    const { share, line, taking } = await standing(by, "middle");
    line.heal();
    await expectDelivered(share, await taking, documents.long);
    expect(line.connections).toBe(1);
  });
}

export function testStall(by: By, place: Place): void {
  it(`gives up a link by ${by} that stands still for good in the ${place}, and takes the rest by another one`, async () => {
    const { share, line, taking } = await standing(by, place);
    expect(line.connections).toBe(1);
    await clock.pass(QUIET_MS);
    const taken = await taking;
    expect(line.connections).toBe(2);
    line.heal();
    await expectDelivered(share, taken, documents.long);
  });
}

export function testBothWays(): void {
  const cut: LinkPlan = { faults: [{ way: "down", at: 800_000, what: "cut" }] };
  const dead: LinkPlan = { faults: [{ way: "up", at: 0, what: "cut" }] };

  it("goes on by the relay when the LAN is lost in the middle, and by the LAN again when the relay is", async () => {
    const relay = await relayProcess();
    const share = await people.sender.share({ path: documents.long.path, relay_url: relay.url });
    const near = await cable(share.lan?.port ?? 0, [cut, dead]);
    // The first connection to the relay only stands by.
    const far = await cable(relay.port, [{}, cut, dead, dead]);
    const args = { code: share.code, host: `127.0.0.1:${near.port}`, relay_url: `ws://127.0.0.1:${far.port}` };
    const taken = await people.receiver.receive(args);
    expect(taken.via).toBe("lan");
    expect(far.passed.down).toBeGreaterThanOrEqual(800_000);
    await expectDelivered(share, taken, documents.long);
  });
}
