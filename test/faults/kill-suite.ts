/**
 * kill -9 of everybody who has a part in a transfer, at every step of it. Of each kind there is one process, and with it
 * stand or fall as many transfers as there are steps: each waits at its own when the process is killed.
 */
import { expect, it } from "vitest";
import { relayProcess, roomsOf } from "../mcp/wires.ts";
import { type Offered, startServer, type TestServer } from "../support/server.ts";
import { eventually, until } from "../support/wait.ts";
import {
  type Attempt,
  attempt,
  documentIn,
  healthOf,
  inboxOf,
  killHub,
  RELAY_SECRET,
  startTimed,
  timedRelay,
} from "./people.ts";
import { type Carrier, DOCUMENT_BYTES, STEP_NAMES, type StepName, type Wire, wireThatStops } from "./steps.ts";

const PASSPHRASE = "what the two agreed on at lunch";

/** What the receiver has been told. */
type Told = "a code" | "a passphrase and a room";

/** How long a relay keeps the room of a sender that is gone, in ms. */
const RECLAIM_MS = 60_000;
/** The longest pauses between two tries of a sender to take its room back, and by far of a receiver in its first ones, in ms. */
const PAUSE_MS = 5_000;
/** How long a receiver may look for its sender, if it is told so, in ms. */
const TIMEOUT_MS = 60 * 60_000;

interface Standing extends Attempt {
  readonly step: StepName;
  readonly share: Offered;
  readonly wire: Wire;
  /** One more call for the same. */
  call(receiver: TestServer): Attempt;
}

/** One transfer at each step. A share is for two receivers: one that a fault has cost its place must not end it. */
async function stand(carrier: Carrier, told: Told) {
  const relay = carrier === "relay" ? await timedRelay() : undefined;
  const [{ server: sender, clock: sendersTime }, { server: receiver, clock: receiversTime }] = await Promise.all([
    startTimed(),
    startTimed(),
  ]);
  const offered: Omit<Standing, keyof Attempt>[] = [];
  for (const step of STEP_NAMES) {
    const path = await documentIn(sender, DOCUMENT_BYTES);
    const share = await offer(sender, told, { path, mode: carrier, receivers: 2, relay_url: relay?.url });
    const wire = await wireThatStops(relay?.port ?? share.lan?.port ?? 0, carrier, step);
    offered.push({ step, share, wire, call: (by) => attempt(by, share, carrier, wire.port, secretOf(told, share)) });
  }
  // Only now, and all at once: a sender waits for a handshake that stands still, but not for long.
  const standing: Standing[] = offered.map((one) => ({ ...one, ...one.call(receiver) }));
  await Promise.all(standing.map(({ wire }) => wire.reached()));
  return { relay, sender, receiver, sendersTime, receiversTime, standing };
}

function offer(sender: TestServer, told: Told, args: Record<string, unknown>): Promise<Offered> {
  return sender.share({ ...args, ...(told !== "a code" && { passphrase: PASSPHRASE }) });
}

/** Arguments of a call, where it is not the code. */
function secretOf(told: Told, { room }: Offered): Record<string, unknown> {
  return told === "a code" ? {} : { passphrase: PASSPHRASE, room };
}

/** How the calls ended, by their steps. */
async function ends(standing: readonly Standing[]): Promise<Record<string, string>> {
  return Object.fromEntries(await Promise.all(standing.map(async ({ step, ended }) => [step, await ended])));
}

/** The same for all steps but some. */
function all(end: string, others: Partial<Record<StepName, string>> = {}): Record<string, string> {
  return { ...Object.fromEntries(STEP_NAMES.map((step) => [step, end])), ...others };
}

/** Counts of the shares, by their steps, as a server of the sender tells them. */
async function countsOf(server: TestServer, standing: readonly Standing[], count: "delivered" | "state") {
  const listed = await server.shares();
  return Object.fromEntries(
    standing.map(({ step, share }) => [step, listed.find(({ share_id }) => share_id === share.share_id)?.[count]]),
  );
}

/** The steps whose documents are in the inbox, once for each time; whatever else is there has no name. */
async function inInbox(home: string, standing: readonly Standing[]): Promise<(StepName | undefined)[]> {
  const order = (step: StepName | undefined) => (step === undefined ? -1 : STEP_NAMES.indexOf(step));
  return (await inboxOf(home))
    .map((digest) => standing.find(({ share }) => share.sha256 === digest)?.step)
    .sort((a, b) => order(a) - order(b));
}

async function expectNothingHalf(...servers: readonly TestServer[]): Promise<void> {
  for (const server of servers) {
    await eventually(() => server.kept("staging")).toEqual([]);
    expect(await server.kept("spool")).toEqual([]);
  }
}

/** Those who have failed ask again, and get what they asked for. */
async function expectServedNow(receiver: TestServer, standing: readonly Standing[]): Promise<void> {
  const again = standing.map(({ call }) => call(receiver).ended);
  expect(await Promise.all(again)).toEqual(standing.map(() => "received"));
}

/** Nothing is delivered yet. */
const NONE = Object.fromEntries(STEP_NAMES.map((step) => [step, 0]));
const DOCUMENT_IS_THERE: readonly StepName[] = ["before RECEIPT", "before DELIVERED"];
const at = (standing: readonly Standing[], steps: readonly StepName[]) =>
  standing.filter(({ step }) => steps.includes(step));

/** What becomes of transfers whose servers or hubs are killed. */
export function killsOfPeople(carrier: Carrier, told: Told): void {
  it("the sender's server: all goes on, and is delivered", async () => {
    const { sender, receiver, standing } = await stand(carrier, told);
    sender.kill("SIGKILL");
    for (const { wire } of standing) wire.release();
    expect(await ends(standing)).toEqual(all("received"));
    expect(await inInbox(receiver.home, standing)).toEqual(STEP_NAMES);
    const next = await startServer({ sandbox: sender.sandbox });
    await eventually(async () => Object.values(await countsOf(next, standing, "delivered"))).toEqual(
      STEP_NAMES.map(() => 1),
    );
    await expectNothingHalf(next, receiver);
  });

  it("the receiver's server: what it received ends, nothing half is left, and the shares can be received", async () => {
    const { sender, receiver, standing } = await stand(carrier, told);
    receiver.kill("SIGKILL");
    expect(await ends(standing)).toEqual(all("gone"));
    await eventually(async () => (await healthOf(receiver.home)).running).toBe(0);
    await expectNothingHalf(sender, receiver);
    expect(await inInbox(receiver.home, standing)).toEqual(DOCUMENT_IS_THERE);
    for (const { wire } of standing) wire.release();
    const next = await startServer({ sandbox: receiver.sandbox });
    await expectServedNow(next, standing);
    expect(await inInbox(receiver.home, standing)).toEqual(
      STEP_NAMES.flatMap((step) => (DOCUMENT_IS_THERE.includes(step) ? [step, step] : [step])),
    );
    await expectNothingHalf(sender, next);
  });

  it("the receiver's hub: the calls fail at once, nothing half is left, and the shares can be received", async () => {
    const { sender, receiver, standing } = await stand(carrier, told);
    await killHub(receiver.home);
    for (const { wire } of standing) wire.sever();
    expect(await ends(standing)).toEqual(all("hub-unreachable"));
    expect(await inInbox(receiver.home, standing)).toEqual(DOCUMENT_IS_THERE);
    await eventually(() => countsOf(sender, standing, "delivered")).toEqual({ ...NONE, "before DELIVERED": 1 });
    await expectServedNow(receiver, standing);
    await expectNothingHalf(sender, receiver);
  });

  it("the sender's hub: receivers look for it as long as they like, or have the document; the status says lost", async () => {
    const { relay, sender, receiver, receiversTime, standing } = await stand(carrier, told);
    const there = at(standing, DOCUMENT_IS_THERE);
    await killHub(sender.home);
    for (const { wire } of standing) carrier === "lan" ? wire.unplug() : wire.sever();
    for (const one of standing) {
      await one.waits();
      if (!there.includes(one)) one.cancel();
    }
    await relay?.clock.pass(RECLAIM_MS);
    // Of these two, each is soon content with what it has; whether it hears of a missing sender sooner or later.
    const haveAll = Promise.all(there.map(({ ended }) => ended));
    let over = false;
    void haveAll.then(() => {
      over = true;
    });
    await until("they look for it no more", async () => {
      await receiversTime.pass(1000);
      return over;
    });
    const expected = all("cancelled");
    for (const step of DOCUMENT_IS_THERE) expected[step] = "received"; // it is; that the sender knows is not said
    expect(await ends(standing)).toEqual(expected);
    expect(await inInbox(receiver.home, standing)).toEqual(DOCUMENT_IS_THERE);
    expect(await countsOf(sender, standing, "state")).toEqual(all("lost"));
    const delivered = await countsOf(sender, standing, "delivered");
    // Whether that receipt was written down in time is chance; nothing may be that did not come.
    expect([NONE, { ...NONE, "before DELIVERED": 1 }]).toContainEqual(delivered);
    await expectNothingHalf(sender, receiver);
  });

  it("the sender's hub before it could prove itself: the receiver's time to find it is the end", async () => {
    const relay = await timedRelay();
    const [sender, { server: receiver, clock }] = await Promise.all([startServer(), startTimed()]);
    const path = await documentIn(sender, DOCUMENT_BYTES);
    const share = await offer(sender, told, { path, mode: carrier, relay_url: relay.url });
    const wire = await wireThatStops(share.lan?.port ?? relay.port, carrier, "before OFFER");
    const others = { ...secretOf(told, share), timeout_seconds: TIMEOUT_MS / 1000 };
    const call = attempt(receiver, share, carrier, wire.port, others);
    await wire.reached();
    await killHub(sender.home);
    wire.sever();
    await call.waits();
    await clock.pass(TIMEOUT_MS / 2);
    expect(await healthOf(receiver.home)).toMatchObject({ running: 1 });
    await relay.clock.pass(RECLAIM_MS);
    await clock.pass(TIMEOUT_MS / 2);
    expect(await call.ended).toBe("link-lost");
    expect(await sender.status()).toMatchObject({ state: "lost", delivered: 0 });
    expect(await receiver.kept("inbox")).toEqual([]);
    await expectNothingHalf(sender, receiver);
  });
}

/** What becomes of transfers by a relay that is killed, and started again. */
export async function relayIsKilled(told: Told): Promise<void> {
  const { relay, sender, receiver, sendersTime, receiversTime, standing } = await stand("relay", told);
  relay?.kill();
  await relay?.closed;
  for (const { wire } of standing) wire.sever();
  const again = await relayProcess({ secret: RELAY_SECRET, port: relay?.port ?? 0 });
  await sendersTime.pass(PAUSE_MS);
  await eventually(() => roomsOf(again)).toBe(standing.length);
  await receiversTime.pass(PAUSE_MS);
  expect(await ends(standing)).toEqual(all("received"));
  expect(await inInbox(receiver.home, standing)).toEqual(STEP_NAMES);
  await eventually(async () => Object.values(await countsOf(sender, standing, "delivered"))).toEqual(
    STEP_NAMES.map(() => 1),
  );
  await expectNothingHalf(sender, receiver);
}
