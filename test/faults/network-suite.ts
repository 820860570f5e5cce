/**
 * Networks that are slow, lossy, silent, or not the same any more: machines in namespaces, joined by cables, with real mDNS, and
 * a relay on a machine of its own. The hubs go by clocks of their own, so that nobody waits for them to look at their network.
 */
import { it as anyIt, expect } from "vitest";
import { QUIET_MS } from "../../src/limits.ts";
import { makeClock } from "../support/clock.ts";
import { type Namespace, noNamespaces } from "../support/namespaces.ts";
import type { Answer, Offered, Taken } from "../support/server.ts";
import { settled, until } from "../support/wait.ts";
import { codeOf, type Document, expectTaken, makeDocument, type People } from "./handoff.ts";
import { drop, dropNoMore, noNft, threeMachines, throttle, throttleNoMore } from "./machines.ts";
import { hubSleeps, hubWith, SLEEP_MS } from "./people.ts";

/** What the interface itself lets through where a transfer is to be met in its middle: 2 MB would then take 16 s. */
const SLOW = "1mbit";
const BYTES = 2_000_000;

/** How often a sender looks at its networks, in ms; and how often it does until it probes its relay, and how long that has. */
const LOOK_MS = 5_000;
const LOOKS_A_PROBE = 3;
const ANSWER_MS = 10_000;

function it(title: string, missing: string | undefined, test: () => Promise<void>): void {
  anyIt(title, async ({ skip }) => {
    skip(missing !== undefined, missing);
    await test();
  });
}

async function machines() {
  const [sendersTime, receiversTime] = await Promise.all([makeClock(), makeClock()]);
  const all = await threeMachines();
  await Promise.all([
    hubWith(sendersTime, all.sender.sandbox, all.here.inside),
    hubWith(receiversTime, all.receiver.sandbox, all.there.inside),
  ]);
  return { ...all, sendersTime, receiversTime };
}

/** Begins to receive. */
function taking({ receiver }: People, { code }: Offered, mode = "auto") {
  let over = false;
  let steps = 0;
  let received = false;
  const onprogress = ({ message = "" }) => {
    steps += 1;
    received ||= /^Received [1-9]/.test(message);
  };
  const taken = receiver.receive({ code, mode }, { onprogress }).finally(() => {
    over = true;
  });
  taken.catch(() => {}); // whoever waits for it hears of it
  return {
    taken,
    /** Until bytes of the document have come. */
    begun: () => until("it has begun", () => received || over),
    /** Until nothing comes any more. */
    stands: () => settled(() => steps),
  };
}

/** What is said while a sender is not back yet. */
const NOT_YET = ["sender-not-found", "room-not-found", "link-lost"];

/** Receives once the share is found: it may take a while until its sender is heard of again. */
async function find({ receiver }: People, { code }: Offered, mode: "lan" | "relay"): Promise<Taken> {
  let answer: Answer | undefined;
  await until("the share is found", async () => {
    answer = await receiver.call("distill_receive", { code, mode });
    if (answer.isError) expect(NOT_YET).toContain(codeOf(answer));
    return !answer.isError;
  });
  return answer?.data as Taken;
}

/** The document has come whole, the sender knows, and nobody has failed. */
async function expectDelivered(people: People, taken: Taken, document: Document): Promise<void> {
  await expectTaken(people, taken, document);
  expect(await people.sender.becomes("delivered")).toMatchObject({ delivered: 1, failed_attempts: 0 });
}

const isAway = async ({ sender }: People) => (await sender.status()).relay_away_since !== undefined;

export function testBadNetwork(mode: "lan" | "relay"): void {
  it(`takes a document by ${mode} over 1 Mbit/s with 5 % of the packets lost`, noNamespaces ?? noNft, async () => {
    const { here, there, lan, thereToRelay, ...people } = await threeMachines();
    const device = mode === "lan" ? lan : thereToRelay;
    for (const machine of mode === "lan" ? [here, there] : [there]) {
      drop(machine, device, 5);
      throttle(machine, device, "1mbit");
    }
    if (mode === "relay") throttle(here, "lan42", "1mbit");
    const document = await makeDocument(people.sender, 400_000);
    const share = await people.sender.share({ path: document.path });
    await expectDelivered(people, await taking(people, share, mode).taken, document);
  });
}

export function testSilentSender(): void {
  it("takes the rest by the relay when the sender falls silent, without a word", noNamespaces ?? noNft, async () => {
    const { here, there, lan, receiversTime, ...people } = await machines();
    throttle(here, lan, SLOW);
    const document = await makeDocument(people.sender, BYTES);
    const { begun, stands, taken } = taking(people, await people.sender.share({ path: document.path }));
    await begun();
    for (const machine of [here, there]) drop(machine, lan);
    await stands();
    await receiversTime.pass(QUIET_MS);
    expect((await taken).via).toBe("relay");
    await expectDelivered(people, await taken, document);
  });
}

export function testSilentRelay(): void {
  it("misses a relay that falls silent, and has its room again once it answers", noNamespaces ?? noNft, async () => {
    const { here, hereToRelay, sendersTime, ...people } = await machines();
    const document = await makeDocument(people.sender, 10_000);
    const share = await people.sender.share({ path: document.path, mode: "relay" });
    drop(here, hereToRelay);
    for (let looks = 0; looks < LOOKS_A_PROBE; looks += 1) await sendersTime.pass(LOOK_MS);
    for (let ms = 0; ms < ANSWER_MS; ms += LOOK_MS) await sendersTime.pass(LOOK_MS);
    await until("it is missed", () => isAway(people));
    dropNoMore(here);
    await expectDelivered(people, await find(people, share, "relay"), document);
  });
}

function move(machine: Namespace, device: string, from: string, to: string): void {
  machine.ip("addr", "del", `${from}/24`, "dev", device);
  machine.ip("addr", "add", `${to}/24`, "dev", device);
}

export function testOtherAddress(): void {
  it("finds a share again by mDNS and by the relay when its sender has another address", noNamespaces, async () => {
    const { here, lan, hereToRelay, sendersTime, ...people } = await machines();
    const document = await makeDocument(people.sender, 10_000);
    const share = await people.sender.share({ path: document.path, receivers: 2 });
    move(here, lan, "10.41.0.1", "10.41.0.9");
    move(here, hereToRelay, "10.42.0.1", "10.42.0.9");
    await sendersTime.pass(LOOK_MS);
    expect((await find(people, share, "lan")).via).toBe("lan");
    const byRelay = await find(people, share, "relay");
    expect(byRelay.via).toBe("relay");
    await expectTaken(people, byRelay, document);
    await people.sender.becomes("delivered");
  });
}

export function testAway(sleeps: boolean): void {
  const title = `finds a share again by mDNS and by the relay when its sender's networks were away${sleeps ? " while its hub slept" : ""}`;
  it(title, noNamespaces, async () => {
    const { here, lan, hereToRelay, sendersTime, ...people } = await machines();
    const document = await makeDocument(people.sender, 10_000);
    const share = await people.sender.share({ path: document.path, receivers: 2 });
    const wake = sleeps ? await hubSleeps(people.sender) : undefined;
    for (const device of [lan, hereToRelay]) here.ip("link", "set", device, "down");
    const passed = sendersTime.pass(sleeps ? SLEEP_MS : LOOK_MS);
    if (!sleeps) {
      await passed;
      await until("it has seen that they are away", () => isAway(people));
    }
    for (const device of [lan, hereToRelay]) here.ip("link", "set", device, "up");
    wake?.();
    await passed;
    await sendersTime.pass(LOOK_MS);
    expect((await find(people, share, "lan")).via).toBe("lan");
    expect((await find(people, share, "relay")).via).toBe("relay");
    await people.sender.becomes("delivered");
  });
}

export function testInterruption(address: "the same address" | "another address"): void {
  it(`goes on with a transfer when the sender's network is back with ${address}`, noNamespaces ?? noNft, async () => {
    const { here, lan, hereToRelay, sendersTime, receiversTime, ...people } = await machines();
    throttle(here, lan, SLOW);
    const document = await makeDocument(people.sender, BYTES);
    const share = await people.sender.share({ path: document.path });
    const { begun, stands, taken } = taking(people, share, "lan");
    await begun();
    for (const device of [lan, hereToRelay]) here.ip("link", "set", device, "down");
    await stands();
    throttleNoMore(here, lan);
    if (address === "another address") move(here, lan, "10.41.0.1", "10.41.0.9");
    for (const device of [lan, hereToRelay]) here.ip("link", "set", device, "up");
    if (address === "another address") {
      await sendersTime.pass(LOOK_MS);
      await receiversTime.pass(QUIET_MS);
    }
    expect((await taken).via).toBe("lan");
    await expectDelivered(people, await taken, document);
  });
}
