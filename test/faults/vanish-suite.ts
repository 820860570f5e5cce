/** Receivers that vanish for good in the middle: what a share was to give to them it has for others. */
import { expect } from "vitest";
import { STALL_MS } from "../../src/limits.ts";
import { relayProcess } from "../mcp/wires.ts";
import { makeClock } from "../support/clock.ts";
import { type Offered, startServer, type TestServer } from "../support/server.ts";
import { eventually, until } from "../support/wait.ts";
import { openOf } from "./handoff.ts";
import { drop, threeMachines, throttle } from "./machines.ts";
import { attempt, documentIn, hubWith, inboxOf, killHub } from "./people.ts";
import { type Carrier, DOCUMENT_BYTES, type StepName, wireThatStops } from "./steps.ts";

/**
 * More than kernels and a relay keep for who is gone: what they have taken is sent, and has spent its place. On loopback a
 * kernel's buffers may grow to tens of MB; between our machines they cannot (machines.ts).
 */
const [LOOPBACK_BYTES, BYTES] = [32_000_000, 16_000_000];

/** Nothing of the share is on the disk of who has vanished, once a server starts there again. */
async function expectNothing({ sandbox }: TestServer): Promise<void> {
  const next = await startServer({ sandbox });
  await eventually(() => next.kept("staging")).toEqual([]);
  expect(await next.kept("inbox")).toEqual([]);
}

/** A share whose first receiver was killed at a step, hub and server. */
async function killed(by: Carrier, step: StepName, receivers: number, bytes: number) {
  const relay = by === "relay" ? await relayProcess() : undefined;
  const [sender, first, other] = await Promise.all([startServer(), startServer(), startServer()]);
  const path = await documentIn(sender, bytes);
  const share = await sender.share({ path, mode: by, receivers, ...(relay && { relay_url: relay.url }) });
  const port = relay?.port ?? share.lan?.port ?? 0;
  const wire = await wireThatStops(port, by, step);
  const call = attempt(first, share, by, wire.port);
  await wire.reached();
  expect((await sender.status()).state).toBe("serving");
  await killHub(first.home);
  wire.sever();
  expect(await call.ended).toBe("hub-unreachable");
  first.kill("SIGKILL");
  const got: string[] = [];
  const ask = async () => {
    const end = await attempt(other, share, by, port).ended;
    if (end === "received") got.push(share.sha256);
    expect(await inboxOf(other.home)).toEqual(got);
    return end;
  };
  return { sender, first, ask };
}

/** In the middle of content. */
export async function killedMidway(by: Carrier, receivers: number): Promise<void> {
  const { sender, first, ask } = await killed(by, "in the middle of content", receivers, LOOPBACK_BYTES);
  expect(await sender.becomes("waiting")).toMatchObject({ delivered: 0, unconfirmed: 0, last_failure: "link-lost" });
  for (let other = 1; other <= receivers; other += 1) expect(await ask()).toBe("received");
  expect(await sender.becomes("delivered")).toMatchObject({ delivered: receivers, unconfirmed: 0 });
  await expectNothing(first);
}

/** All was sent to it. */
export async function killedAtTheEnd(by: Carrier): Promise<void> {
  const { sender, ask } = await killed(by, "before RECEIPT", 2, DOCUMENT_BYTES);
  expect(await sender.becomes("waiting")).toMatchObject({ delivered: 0, unconfirmed: 1 });
  expect(await ask()).toBe("received");
  expect(await sender.becomes("unconfirmed")).toMatchObject({ delivered: 1, unconfirmed: 1 });
  expect(await ask()).toBe("share-ended");
}

const SLOW = "8mbit";
/** It looks so often in the time after which it misses who takes nothing, and once more after what it took last. */
const RELAY_LOOKS = 5;
const RELAY_LOOK_MS = STALL_MS / 4;
/** So seldom that no ping is due: the relay's time passes faster than anybody can answer one. */
const RELAY = { pingMs: 3_600_000 };

/** Its cable is dead. The place is free when its sender, or the relay, has missed it, and on a LAN another one's at once. */
export async function cableDies(by: Carrier, receivers: number): Promise<void> {
  const [time, relaysTime] = await Promise.all([makeClock(), makeClock()]);
  const machines = await threeMachines(RELAY, [relaysTime.preload]);
  const { sender, receiver: first, another } = machines;
  await hubWith(time, sender.sandbox, machines.here.inside);
  const from = by === "lan" ? machines.here : machines.far;
  const device = by === "lan" ? machines.lan : machines.thereToRelay;
  throttle(from, device, SLOW);
  const path = await documentIn(sender, BYTES);
  const share = await sender.share({ path, mode: by, receivers });
  const openBefore = await openOf(sender.home);
  const call = begin(first, share, by);
  await call.begun;
  for (const machine of [from, machines.there]) drop(machine, device);

  const others: TestServer[] = [];
  const serve = async (begun: () => unknown = () => {}) => {
    const other = await another();
    others.push(other);
    const onprogress = ({ message }: { message?: string | undefined }) => {
      if (message?.startsWith("Connected")) begun();
    };
    await other.receive({ code: share.code, mode: by }, { onprogress });
  };
  if (by === "relay") {
    // In the room they have to wait until the relay misses the first.
    let waits = false;
    const served = serve(() => {
      waits = true;
    });
    await until("it waits in the room", () => waits);
    for (let look = 1; look <= RELAY_LOOKS; look += 1) await relaysTime.pass(RELAY_LOOK_MS);
    await served;
  } else if (receivers === 1) {
    expect((await (await another()).fails("distill_receive", { code: share.code, mode: by })).code).toBe("busy");
  } else {
    await serve();
  }
  if (others.length < receivers) {
    await until("its place is free", async () => {
      if (by === "lan") await time.pass(STALL_MS);
      return (await sender.status()).state === "waiting";
    });
    const code = by === "lan" ? "stalled" : "link-lost";
    expect(await sender.status()).toMatchObject({ unconfirmed: 0, last_failure: code });
    await serve();
  }
  expect(await sender.becomes("delivered")).toMatchObject({ delivered: receivers, unconfirmed: 0 });
  for (const { home } of others) expect(await inboxOf(home)).toEqual([share.sha256]);

  call.cancel();
  await call.ended;
  await eventually(() => first.kept("staging")).toEqual([]);
  expect(await first.kept("inbox")).toEqual([]);
  await eventually(() => openOf(sender.home)).toBeLessThanOrEqual(openBefore);
}

/** A call, of which bytes have come once it has begun. */
function begin(server: TestServer, { code }: Offered, mode: Carrier) {
  const cancelling = new AbortController();
  let came = false;
  const onprogress = ({ message = "" }) => {
    came ||= /^Received [1-9]/.test(message);
  };
  const options = { signal: cancelling.signal, onprogress };
  const ended = server.call("distill_receive", { code, mode }, options).catch(() => "cancelled");
  return { ended, begun: until("it has begun", () => came), cancel: () => cancelling.abort() };
}
