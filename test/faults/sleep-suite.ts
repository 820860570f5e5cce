/**
 * Processes that sleep, as they do in a laptop that is shut: suspended and woken by signals, while all others go on. How long they
 * have slept is what has passed for the others, and passes for them when they wake. What the network does meanwhile is done by cables.
 */
import { expect } from "vitest";
import { QUIET_MS, STALL_MS } from "../../src/limits.ts";
import { roomsOf } from "../mcp/wires.ts";
import { cable } from "../support/cable.ts";
import { type Offered, startServer, type TestServer } from "../support/server.ts";
import { eventually, settled, until } from "../support/wait.ts";
import { attempt, documentIn, hubSleeps, inboxOf, SLEEP_MS, sleep, startTimed, timedRelay } from "./people.ts";
import type { Carrier } from "./steps.ts";

/** Between two pings of a relay, in ms. */
const PING_MS = 25_000;
/** How long a relay that says nothing is waited for where a hub has slept, in ms. */
const ANSWER_AWAKE_MS = 2_000;

async function expectWhole(receiver: TestServer, { sha256 }: Offered, times = 1): Promise<void> {
  expect(await inboxOf(receiver.home)).toEqual(Array(times).fill(sha256));
  expect(await receiver.kept("staging")).toEqual([]);
}

/** A share that waits, and a cable between its hub and the relay. */
async function waiting() {
  const relay = await timedRelay();
  const line = await cable(relay.port);
  const [{ server: sender, clock }, receiver] = await Promise.all([startTimed(), startServer()]);
  const path = await documentIn(sender, 10_000);
  const share = await sender.share({ path, receivers: 4, relay_url: `ws://127.0.0.1:${line.port}` });
  const ask = (by: Carrier) => attempt(receiver, share, by, by === "lan" ? (share.lan?.port ?? 0) : relay.port);
  return { relay, line, sender, clock, receiver, share, ask };
}

async function expectBack({ sender, receiver, share, ask }: Awaited<ReturnType<typeof waiting>>): Promise<void> {
  expect(await Promise.all([ask("lan").ended, ask("relay").ended])).toEqual(["received", "received"]);
  await expectWhole(receiver, share, 2);
  expect(await sender.status()).toMatchObject({ state: "waiting", delivered: 2, warnings: [] });
}

export async function askedWhileAsleep(): Promise<void> {
  const { sender, receiver, share, ask } = await waiting();
  const wake = await hubSleeps(sender);
  const calls = [ask("lan"), ask("relay")];
  await Promise.all(calls.map((call) => call.proves()));
  wake();
  expect(await Promise.all(calls.map(({ ended }) => ended))).toEqual(["received", "received"]);
  await expectWhole(receiver, share, 2);
  expect(await sender.status()).toMatchObject({ state: "waiting", delivered: 2 });
}

export async function missedWhileAsleep(): Promise<void> {
  const scene = await waiting();
  const wake = await hubSleeps(scene.sender);
  await until("the relay has given it up", async () => {
    await scene.relay.clock.pass(PING_MS);
    return (await roomsOf(scene.relay)) === 0;
  });
  wake();
  await until("the relay has it again", async () => (await roomsOf(scene.relay)) === 1);
  await expectBack(scene);
}

export async function forgottenWhileAsleep(): Promise<void> {
  const scene = await waiting();
  const { sender, clock, line } = scene;
  const wake = await hubSleeps(sender);
  line.hush();
  const slept = clock.pass(SLEEP_MS);
  wake();
  await slept;
  await clock.pass(ANSWER_AWAKE_MS);
  // By now it has given the connection up, and may have made another one.
  const { relay_away_since } = await sender.status();
  expect(relay_away_since !== undefined || line.connections > 1).toBe(true);
  await expectBack(scene);
}

/** So much that it does not fit into what kernels keep for who sleeps. */
const BYTES = 40_000_000;
const BYTES_PER_SECOND = 20_000_000;

/** A transfer in its middle, over a cable of the receiver's. */
async function midway(by: Carrier) {
  const relay = by === "relay" ? await timedRelay() : undefined;
  const [from, to] = await Promise.all([startTimed(), startTimed()]);
  const [sender, receiver] = [from.server, to.server];
  const path = await documentIn(sender, BYTES);
  const share = await sender.share({ path, mode: by, ...(relay && { relay_url: relay.url }) });
  const line = await cable(relay?.port ?? share.lan?.port ?? 0, () => ({ bytesPerSecond: BYTES_PER_SECOND }));
  const call = attempt(receiver, share, by, line.port);
  await until("it is in its middle", () => line.passed.down > BYTES / 10);
  /** Until nothing passes any more: whoever is left has sent, or got, what there was. */
  const stands = async () => {
    await settled(() => line.passed.down);
    expect(line.passed.down).toBeLessThan(BYTES);
  };
  return { relay, from, to, sender, receiver, share, line, call, stands };
}

type Scene = Awaited<ReturnType<typeof midway>>;

async function expectDelivered({ sender, receiver, share, call }: Scene): Promise<void> {
  expect(await call.ended).toBe("received");
  await expectWhole(receiver, share);
  await eventually(() => sender.status()).toMatchObject({ state: "delivered", delivered: 1, failed_attempts: 0 });
  expect(await sender.kept("spool")).toEqual([]);
}

export async function hubsNodOff(by: Carrier): Promise<void> {
  const scene = await midway(by);
  for (const who of [scene.sender, scene.receiver]) {
    const wake = await hubSleeps(who);
    await scene.stands();
    wake();
  }
  await expectDelivered(scene);
  expect(scene.line.connections).toBe(1);
}

/** Until its receiver looks for it again; a relay by default is more patient. */
export async function senderSleeps(by: Carrier): Promise<void> {
  const scene = await midway(by);
  const { from, to, sender, line, stands } = scene;
  const wake = await hubSleeps(sender);
  await stands();
  await to.clock.pass(QUIET_MS);
  await until("the receiver comes anew", () => line.connections > 1);
  const slept = from.clock.pass(QUIET_MS);
  wake();
  await slept;
  await expectDelivered(scene);
}

/** Until the relay has given up its room. */
export async function senderIsMissed(): Promise<void> {
  const scene = await midway("relay");
  const { relay, sender, line, stands } = scene;
  if (!relay) throw new Error("there is no relay");
  const wake = await hubSleeps(sender);
  await stands();
  const isGivenUp = async () => (await roomsOf(relay)) === 0;
  await until("the relay has given it up", async () => {
    const before = line.passed.up;
    await relay.clock.pass(PING_MS);
    // The receiver has to show that it is awake before the relay's next ping.
    await until("the receiver says something", async () => line.passed.up > before || (await isGivenUp()));
    return isGivenUp();
  });
  wake();
  await expectDelivered(scene);
}

/** Until its place in the share is free again. */
export async function receiverSleeps(by: Carrier): Promise<void> {
  const scene = await midway(by);
  const { relay, from, to, sender, receiver, stands } = scene;
  const wake = await hubSleeps(receiver);
  await stands();
  const waits = async () => (await sender.status()).state === "waiting";
  if (relay) {
    await until("the relay misses it", async () => {
      await relay.clock.pass(STALL_MS / 4);
      return waits();
    });
  } else {
    await from.clock.pass(STALL_MS);
    await until("its sender misses it", waits);
  }
  expect(await sender.status()).toMatchObject({ state: "waiting", delivered: 0, unconfirmed: 0 });
  const slept = to.clock.pass(STALL_MS);
  wake();
  await slept;
  await expectDelivered(scene);
}

export async function serversSleep(): Promise<void> {
  const { sender, receiver, share, call } = await midway("lan");
  const wake = [sender, receiver].map(({ pid }) => sleep(pid));
  const other = await startServer({ sandbox: sender.sandbox });
  await other.becomes("delivered");
  await expectWhole(receiver, share);
  for (const up of wake) up();
  expect(await call.ended).toBe("received");
  expect(await sender.status()).toMatchObject({ state: "delivered", delivered: 1 });
}
