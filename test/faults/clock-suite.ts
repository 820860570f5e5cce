/**
 * Clocks on the wall that jump by hours in the middle of a transfer, as they do when somebody sets them, or when a machine finds
 * its time server: Date in one process, and nothing else. All tests of a file have the same two people, whose clocks go back after
 * each of them.
 */
import { expect } from "vitest";
import { cable } from "../support/cable.ts";
import { type Clock, makeClock } from "../support/clock.ts";
import { later } from "../support/later.ts";
import { type Offered, startServer, type TestServer } from "../support/server.ts";
import { eventually, settled, until } from "../support/wait.ts";
import { attempt, documentIn, hubWith, inboxOf, timedRelay } from "./people.ts";
import { type Carrier, DOCUMENT_BYTES, wireThatStops } from "./steps.ts";

const HOURS_MS = 5 * 60 * 60_000;
/** By the way that a clock jumps. */
const JUMPS = { ahead: HOURS_MS, back: -HOURS_MS };
export type Jump = keyof typeof JUMPS;

/** More than is between two words of a receiver's hub about how far it is, in ms. */
const PROGRESS_MS = 1000;

/** Whose clock jumps. */
export type Who = "the sender's hub" | "the receiver's hub" | "the servers" | "the relay";

interface Person {
  readonly server: TestServer;
  readonly hubsClock: Clock;
  readonly serversClock: Clock;
}

async function person(): Promise<Person> {
  const [hubsClock, serversClock] = await Promise.all([makeClock(true), makeClock(true)]);
  const server = await startServer({ lasting: true, env: { NODE_OPTIONS: serversClock.preload } });
  await hubWith(hubsClock, server.sandbox);
  return { server, hubsClock, serversClock };
}

let both: Promise<[Person, Person]> | undefined;

function people(): Promise<[Person, Person]> {
  both ??= Promise.all([person(), person()]);
  return both;
}

/** A transfer that stands still in its middle, and what makes the clock of one who takes part in it jump. */
async function midway(who: Who, carrier: Carrier) {
  const [[from, to], relay] = await Promise.all([people(), carrier === "relay" ? timedRelay() : undefined]);
  const [sender, receiver] = [from.server, to.server];
  const path = await documentIn(sender, DOCUMENT_BYTES);
  const share = await sender.share({ path, mode: carrier, receivers: 2, relay_url: relay?.url });
  const wire = await wireThatStops(share.lan?.port ?? relay?.port ?? 0, carrier, "in the middle of content");
  const call = attempt(receiver, share, carrier, wire.port);
  await wire.reached();
  const clocks = {
    "the sender's hub": [from.hubsClock],
    "the receiver's hub": [to.hubsClock],
    "the servers": [from.serversClock, to.serversClock],
    "the relay": relay ? [relay.clock] : [],
  }[who];
  const jump = async (ms: number) => {
    for (const clock of clocks) {
      await clock.jump(ms);
      if (clock !== relay?.clock) later(() => clock.jump(-ms));
    }
  };
  later(() => sender.call("distill_stop", { share_id: share.share_id }));
  return { sender, receiver, share, wire, call, jump, clocks };
}

async function expectReceived(receiver: TestServer, { sha256 }: Offered): Promise<void> {
  expect((await inboxOf(receiver.home)).filter((it) => it === sha256)).toHaveLength(1);
}

/** It goes on, over its link or over another one. */
export async function goesOn(way: Jump, who: Who, carrier: Carrier): Promise<void> {
  const { sender, receiver, share, wire, call, jump } = await midway(who, carrier);
  await jump(JUMPS[way]);
  // What the clock of the sender says is the end of its share: then there is no other link.
  if (who === "the sender's hub" && way === "ahead") wire.release();
  else wire.sever();
  expect(await call.ended).toBe("received");
  await expectReceived(receiver, share);
  await eventually(async () => (await sender.status()).delivered).toBe(1);
  expect([await receiver.kept("staging"), await sender.kept("spool")]).toEqual([[], []]);
}

export async function endsItsShare(): Promise<void> {
  const { sender, receiver, share, wire, call, jump } = await midway("the sender's hub", "lan");
  await jump(HOURS_MS);
  wire.sever();
  await call.waits();
  expect(await sender.becomes("expired")).toMatchObject({ delivered: 0 });
  call.cancel();
  expect(await call.ended).toBe("cancelled");
  await eventually(() => receiver.kept("staging")).toEqual([]);
  expect(await inboxOf(receiver.home)).not.toContain(share.sha256);
}

export async function saysHowFarItIs(): Promise<void> {
  const [from, to] = await people();
  const [sender, receiver] = [from.server, to.server];
  const share = await sender.share({ path: await documentIn(sender, DOCUMENT_BYTES), mode: "lan" });
  const stalls = [1, 2].map((part) => ({ way: "down", at: part * 500_000, what: "stall" }) as const);
  const line = await cable(share.lan?.port ?? 0, [{ faults: stalls }]);
  const heard: string[] = [];
  const onprogress = ({ message = "" }: { message?: string | undefined }) => {
    if (message.startsWith("Received")) heard.push(message);
  };
  const received = receiver.receive({ code: share.code, host: `127.0.0.1:${line.port}` }, { onprogress });
  await until("it stands", () => line.struck.length === 1);
  await to.hubsClock.jump(-HOURS_MS);
  later(() => to.hubsClock.jump(HOURS_MS));
  await to.hubsClock.pass(PROGRESS_MS);
  await settled(() => heard.length);
  heard.length = 0;
  line.heal();
  await until("it says how far it is", () => heard.length > 0);
  await until("it stands again", () => line.struck.length === 2);
  line.heal();
  await received;
}

export async function relayKeepsRooms(way: Jump): Promise<void> {
  const [[from, to], relay] = await Promise.all([people(), timedRelay()]);
  const [sender, receiver] = [from.server, to.server];
  const line = await cable(relay.port);
  const path = await documentIn(sender, DOCUMENT_BYTES);
  const share = await sender.share({ path, mode: "relay", relay_url: `ws://127.0.0.1:${line.port}` });
  const wire = await wireThatStops(relay.port, "relay", "in the middle of content");
  const call = attempt(receiver, share, "relay", wire.port);
  await wire.reached();
  await relay.clock.jump(JUMPS[way]);
  line.cut("reset");
  wire.sever();
  expect(await call.ended).toBe("received");
  await expectReceived(receiver, share);
  expect(await sender.becomes("delivered")).toMatchObject({ delivered: 1, warnings: [] });
}
