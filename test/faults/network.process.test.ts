/**
 * Networks that are slow, lossy, silent, or not the same any more: machines in namespaces, joined by cables, with real mDNS, and
 * a relay on a machine of its own.
 */
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { type Namespace, noNamespaces } from "../support/namespaces.ts";
import type { Offered, Taken } from "../support/server.ts";
import { until } from "../support/wait.ts";
import { type Document, document, expectTaken, type People } from "./handoff.ts";
import { drop, dropNoMore, noNft, threeMachines, throttle } from "./machines.ts";
import { hubSleeps, SLEEP_MS } from "./people.ts";

beforeEach(({ skip }) => skip(noNamespaces !== undefined, noNamespaces));

/** What the interface itself lets through where a transfer is to be met in its middle: 2 MB then take 4 s. */
const SLOW = "4mbit";
const BYTES = 2_000_000;

const LIMIT_MS = 60_000;

/** Begins to receive; `begun` is when bytes of the document have come. */
function taking({ receiver }: People, { code }: Offered, mode = "auto") {
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const onprogress = ({ message = "" }) => {
    if (/^Received [1-9]/.test(message)) begin();
  };
  const taken = receiver.receive({ code, mode }, { timeout: LIMIT_MS, onprogress });
  return { begun: Promise.race([begun, taken.then(() => {})]), taken };
}

/** The document has come whole, the sender knows, and nobody has failed. */
async function expectDelivered(people: People, taken: Taken, paper: Document): Promise<void> {
  await expectTaken(people, taken, paper);
  expect(await people.sender.becomes("delivered")).toMatchObject({ delivered: 1, failed_attempts: 0 });
}

const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  const began = performance.now();
  const result = await work;
  expect(performance.now() - began).toBeLessThan(ms);
  return result;
};

describe("a network that is bad:", () => {
  beforeEach(({ skip }) => skip(noNft !== undefined, noNft));

  it(
    "1 MB arrive over 1 Mbit/s with 5 % of the packets lost, by LAN and by relay",
    async () => {
      await Promise.all([carried("lan"), carried("relay")]);
    },
    LIMIT_MS,
  );

  async function carried(mode: "lan" | "relay") {
    const { here, there, lan, thereToRelay, ...people } = await threeMachines();
    const device = mode === "lan" ? lan : thereToRelay;
    for (const machine of mode === "lan" ? [here, there] : [there]) {
      drop(machine, device, 5);
      throttle(machine, device, "1mbit");
    }
    if (mode === "relay") throttle(here, "lan42", "1mbit");
    const paper = await document(people.sender, 1_000_000);
    const share = await people.sender.share({ path: paper.path });
    await expectDelivered(people, await taking(people, share, mode).taken, paper);
  }
});

describe("who falls silent, without a word,", () => {
  beforeEach(({ skip }) => skip(noNft !== undefined, noNft));

  it(
    "is missed within half a minute: of a sender the rest comes by the relay, and a relay has the share again once it answers",
    async () => {
      await Promise.all([senderFallsSilent(), relayFallsSilent()]);
    },
    LIMIT_MS,
  );

  async function senderFallsSilent() {
    const { here, there, lan, ...people } = await threeMachines();
    throttle(here, lan, SLOW);
    const paper = await document(people.sender, BYTES);
    const { begun, taken } = taking(people, await people.sender.share({ path: paper.path }));
    await begun;
    for (const machine of [here, there]) drop(machine, lan);
    const { via } = await within(30_000, taken);
    expect(via).toBe("relay");
    await expectDelivered(people, await taken, paper);
  }

  async function relayFallsSilent() {
    const { here, hereToRelay, ...people } = await threeMachines();
    const paper = await document(people.sender, 10_000);
    const share = await people.sender.share({ path: paper.path, mode: "relay" });
    drop(here, hereToRelay);
    const missed = async () => (await people.sender.status()).relay_away_since !== undefined;
    await until("it is missed", missed);
    dropNoMore(here);
    await expectDelivered(people, await within(10_000, taking(people, share, "relay").taken), paper);
  }
});

describe("the sender's network changes:", () => {
  const move = (machine: Namespace, device: string, from: string, to: string) => {
    machine.ip("addr", "del", `${from}/24`, "dev", device);
    machine.ip("addr", "add", `${to}/24`, "dev", device);
  };

  it(
    "with another address, its share is found again by mDNS and by the relay within seconds, under the same code",
    async () => {
      const { here, lan, hereToRelay, ...people } = await threeMachines();
      const paper = await document(people.sender, 10_000);
      const share = await people.sender.share({ path: paper.path, receivers: 2 });
      move(here, lan, "10.41.0.1", "10.41.0.9");
      move(here, hereToRelay, "10.42.0.1", "10.42.0.9");
      expect((await within(10_000, taking(people, share, "lan").taken)).via).toBe("lan");
      const byRelay = await within(10_000, taking(people, share, "relay").taken);
      expect(byRelay.via).toBe("relay");
      await expectTaken(people, byRelay, paper);
      await people.sender.becomes("delivered");
    },
    LIMIT_MS,
  );

  it.each([
    ["away for some seconds", false, 6_000], // the hub looks at its networks every 5 s
    ["away while its hub sleeps", true, SLEEP_MS],
  ])(
    "%s, its share is there again, by mDNS and by the relay",
    async (_what, sleeps, awayMs) => {
      const { here, lan, hereToRelay, ...people } = await threeMachines();
      const paper = await document(people.sender, 10_000);
      const share = await people.sender.share({ path: paper.path, receivers: 2 });
      const wake = sleeps ? await hubSleeps(people.sender) : undefined;
      for (const device of [lan, hereToRelay]) here.ip("link", "set", device, "down");
      await delay(awayMs); // as long as it is away
      for (const device of [lan, hereToRelay]) here.ip("link", "set", device, "up");
      wake?.();
      expect((await within(10_000, taking(people, share, "lan").taken)).via).toBe("lan");
      expect((await within(10_000, taking(people, share, "relay").taken)).via).toBe("relay");
      await people.sender.becomes("delivered");
    },
    LIMIT_MS,
  );

  it(
    "a transfer goes on, be it that the address is back after 3 s, or that it is another one",
    async () => {
      const interrupted = async (address: string) => {
        const { here, lan, hereToRelay, ...people } = await threeMachines();
        throttle(here, lan, SLOW);
        const paper = await document(people.sender, BYTES);
        const { begun, taken } = taking(people, await people.sender.share({ path: paper.path }), "lan");
        await begun;
        for (const device of [lan, hereToRelay]) here.ip("link", "set", device, "down");
        await delay(3_000);
        if (address !== "10.41.0.1") move(here, lan, "10.41.0.1", address);
        for (const device of [lan, hereToRelay]) here.ip("link", "set", device, "up");
        const came = await within(35_000, taken);
        expect(came.via).toBe("lan");
        await expectDelivered(people, came, paper);
      };
      await Promise.all([interrupted("10.41.0.1"), interrupted("10.41.0.9")]);
    },
    LIMIT_MS,
  );
});
