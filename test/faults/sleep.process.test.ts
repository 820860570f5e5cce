/**
 * Processes that sleep, as they do in a laptop that is shut: suspended and woken by signals, while all others go on. What the
 * network does meanwhile is done by cables, and by relays that soon miss who says nothing.
 */
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { STALL_MS } from "../../src/limits.ts";
import { relayProcess } from "../mcp/wires.ts";
import { type Cable, cable } from "../support/cable.ts";
import { type Offered, startServer, type TestServer } from "../support/server.ts";
import { eventually, settled, until } from "../support/wait.ts";
import { attempt, documentIn, hubSleeps, inboxOf, SLEEP_MS, sleep } from "./people.ts";
import type { Carrier } from "./steps.ts";

const RELAY_SECRET = "the secret of this test, thirty-two characters";

/** "Within seconds" of waking: a look is due within 5 s, and a relay that says nothing is doubted for 2 s. */
const BACK_MS = 10_000;

async function roomsOf(relay: { readonly port: number } | undefined): Promise<number> {
  const health = await fetch(`http://127.0.0.1:${relay?.port}/health`);
  return ((await health.json()) as { rooms: number }).rooms;
}

async function expectWhole(receiver: TestServer, { sha256 }: Offered, times = 1): Promise<void> {
  expect(await inboxOf(receiver.home)).toEqual(Array(times).fill(sha256));
  expect(await receiver.kept("staging")).toEqual([]);
}

describe("a share whose hub has slept is there again, by LAN and by relay:", () => {
  /** A share that waits, and a cable between its hub and the relay. */
  async function waiting(flags: readonly string[] = []) {
    const relay = await relayProcess({ secret: RELAY_SECRET, flags });
    const line = await cable(relay.port);
    const [sender, receiver] = await Promise.all([startServer(), startServer()]);
    const path = await documentIn(sender, 10_000);
    const share = await sender.share({ path, receivers: 4, relay_url: `ws://127.0.0.1:${line.port}` });
    const ask = (by: Carrier) => attempt(receiver, share, by, by === "lan" ? (share.lan?.port ?? 0) : relay.port);
    return { relay, line, sender, receiver, share, ask };
  }

  async function expectBack({ sender, receiver, share, ask }: Awaited<ReturnType<typeof waiting>>) {
    const wokenAt = performance.now();
    expect(await Promise.all([ask("lan").ended, ask("relay").ended])).toEqual(["received", "received"]);
    expect(performance.now() - wokenAt).toBeLessThan(BACK_MS);
    await expectWhole(receiver, share, 2);
    expect(await sender.status()).toMatchObject({ state: "waiting", delivered: 2, warnings: [] });
  }

  it("who asks while it sleeps is served when it wakes", async () => {
    const { sender, receiver, share, ask } = await waiting();
    const wake = await hubSleeps(sender);
    const calls = [ask("lan"), ask("relay")];
    await Promise.all(calls.map((call) => call.proves()));
    wake();
    expect(await Promise.all(calls.map(({ ended }) => ended))).toEqual(["received", "received"]);
    await expectWhole(receiver, share, 2);
    expect(await sender.status()).toMatchObject({ state: "waiting", delivered: 2 });
  });

  it("the relay has missed it, and given up its room", async () => {
    const scene = await waiting(["--ping-seconds=1", "--reclaim-seconds=1"]);
    const wake = await hubSleeps(scene.sender);
    await until("the relay has given it up", async () => (await roomsOf(scene.relay)) === 0);
    wake();
    await until("the relay has it again", async () => (await roomsOf(scene.relay)) === 1);
    await expectBack(scene);
  });

  it("what stands between has forgotten its connection to the relay, and tells nobody", async () => {
    const scene = await waiting();
    const wake = await hubSleeps(scene.sender);
    scene.line.hush();
    await delay(SLEEP_MS); // as long as it sleeps
    wake();
    await expectBack(scene);
    expect(scene.line.connections).toBe(2);
  });
});

describe("a transfer goes on", () => {
  /** So much that it does not fit into what kernels keep for who sleeps. */
  const BYTES = 40_000_000;
  const BYTES_PER_SECOND = 20_000_000;

  /** In its middle, over a cable of the receiver's. */
  async function midway(by: Carrier, flags: readonly string[] = []) {
    const relay = by === "relay" ? await relayProcess({ secret: RELAY_SECRET, flags }) : undefined;
    const [sender, receiver] = await Promise.all([startServer(), startServer()]);
    const path = await documentIn(sender, BYTES);
    const share = await sender.share({ path, mode: by, ...(relay && { relay_url: relay.url }) });
    const line = await cable(relay?.port ?? share.lan?.port ?? 0, () => ({ bytesPerSecond: BYTES_PER_SECOND }));
    const call = attempt(receiver, share, by, line.port);
    await until("it is in its middle", () => line.passed.down > BYTES / 10);
    return { relay, sender, receiver, share, line, call };
  }

  type Scene = Awaited<ReturnType<typeof midway>>;

  async function expectDelivered({ sender, receiver, share, call }: Scene): Promise<void> {
    expect(await call.ended).toBe("received");
    await expectWhole(receiver, share);
    await eventually(() => sender.status()).toMatchObject({ state: "delivered", delivered: 1, failed_attempts: 0 });
    expect(await sender.kept("spool")).toEqual([]);
  }

  /** Until nothing passes any more: whoever is left has sent, or got, what there was. */
  const stands = (line: Cable) => settled(() => line.passed.down);

  it.each(["lan", "relay"] as const)("by %s over the same connection when a hub has nodded off", async (by) => {
    const scene = await midway(by);
    for (const who of [scene.sender, scene.receiver]) {
      const wake = await hubSleeps(who);
      await stands(scene.line);
      expect(scene.line.passed.down).toBeLessThan(BYTES);
      wake();
    }
    await expectDelivered(scene);
    expect(scene.line.connections).toBe(1);
  });

  it(
    "over another one when a hub has slept until it was missed: the sender's or the receiver's, by the other or the relay",
    async () => {
      const impatient = ["--ping-seconds=1", "--reclaim-seconds=1", "--stalled-seconds=2"];
      const byLan = [senderSlept("lan"), receiverSlept("lan")];
      const byRelay = [senderSlept("relay"), senderMissed(impatient), receiverSlept("relay", impatient)];
      await Promise.all([...byLan, ...byRelay]);
    },
    STALL_MS + 60_000,
  );

  /** Until its receiver looks for it again; a relay by default is more patient. */
  async function senderSlept(by: Carrier): Promise<void> {
    const scene = await midway(by);
    const wake = await hubSleeps(scene.sender);
    await until("the receiver comes anew", () => scene.line.connections > 1);
    expect(scene.line.passed.down).toBeLessThan(BYTES);
    wake();
    await expectDelivered(scene);
  }

  /** Until the relay has given up its room. */
  async function senderMissed(flags: readonly string[]): Promise<void> {
    const scene = await midway("relay", flags);
    const wake = await hubSleeps(scene.sender);
    await until("the relay has given it up", async () => (await roomsOf(scene.relay)) === 0);
    expect(scene.line.passed.down).toBeLessThan(BYTES);
    wake();
    await expectDelivered(scene);
  }

  /** Until its place in the share is free again. */
  async function receiverSlept(by: Carrier, flags: readonly string[] = []): Promise<void> {
    const scene = await midway(by, flags);
    const wake = await hubSleeps(scene.receiver);
    expect(await scene.sender.becomes("waiting")).toMatchObject({ delivered: 0, unconfirmed: 0 });
    expect(scene.line.passed.down).toBeLessThan(BYTES);
    wake();
    await expectDelivered(scene);
  }

  it("while both servers sleep, whose hubs do all of it, and its call is answered when they wake", async () => {
    const { sender, receiver, share, call } = await midway("lan");
    const wake = [sender, receiver].map(({ pid }) => sleep(pid));
    const other = await startServer({ world: sender.world });
    await other.becomes("delivered");
    await expectWhole(receiver, share);
    for (const up of wake) up();
    expect(await call.ended).toBe("received");
    expect(await sender.status()).toMatchObject({ state: "delivered", delivered: 1 });
  });
});
