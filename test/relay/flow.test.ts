import { randomUUID } from "node:crypto";
import diagnostics from "node:diagnostics_channel";
import { once } from "node:events";
import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { RelayEvent } from "../../relay/src/observe/events.ts";
import type { Relay, RelayOptions } from "../../relay/src/relay.ts";
import { eventually, settled, until } from "../support/wait.ts";
import { NEVER_MS, PATIENT, pass, stopClock } from "./clock.ts";
import { below, type Client, harness, rawFrame, tinyFrame } from "./support.ts";

const { relay, client, sender, receiver, pair, rawUpgraded, undo } = harness();

/** What one read brings at most. */
const READ_BYTES = 64 * 1024;
const FRAME_BYTES = 256 * 1024;
/** More than all buffers between two peers hold: two kernels' socket buffers twice, and what the relay keeps. */
const FRAMES = 240;
/** What those buffers may hold at most. */
const IN_BETWEEN_BYTES = 40 * 1024 * 1024;

/** Of a relay: its ends of the connections, in the order in which they came. */
function acceptedSockets(): Socket[] {
  const accepted: Socket[] = [];
  const accept = (message: unknown) => void accepted.push((message as { socket: Socket }).socket);
  diagnostics.subscribe("net.server.socket", accept);
  undo.push(() => diagnostics.unsubscribe("net.server.socket", accept));
  return accepted;
}

function pump(from: Client, frames = FRAMES): void {
  for (let i = 0; i < frames; i++) from.send(Buffer.alloc(FRAME_BYTES, i));
}

/** What has left a client that pumps, once no more leaves it. */
async function standstill(from: Client): Promise<number> {
  await settled(() => from.ws.bufferedAmount);
  return FRAMES * FRAME_BYTES - from.ws.bufferedAmount;
}

/** A pair whose receiver takes nothing of what its sender pumps, once nothing moves any more. */
async function stuck(url: string) {
  const paired = await pair(url);
  paired.receiver.send("hello");
  expect(await paired.sender.text()).toBe("hello");
  paired.receiver.ws.pause();
  pump(paired.sender);
  expect(await standstill(paired.sender)).toBeLessThan(IN_BETWEEN_BYTES);
  return paired;
}

/** Somebody else's room runs as ever. */
async function trips({ sender: a, receiver: b }: { sender: Client; receiver: Client }): Promise<void> {
  for (let i = 0; i < 20; i++) {
    a.send(`ping ${i}`);
    expect(await b.text()).toBe(`ping ${i}`);
    b.send(`pong ${i}`);
    expect(await a.text()).toBe(`pong ${i}`);
  }
}

test.each([
  ["a receiver that reads nothing", {}],
  ["a receiver that reads nothing, of a sender whose every read is over its time,", { readMs: 0 }],
])("%s stops its sender, and then gets everything in order", async (_who, settings) => {
  const { url } = await relay(settings);
  const { receiver: b } = await stuck(url);
  b.ws.resume();
  for (let i = 0; i < FRAMES; i++) expect((await b.next()).data[FRAME_BYTES - 1]).toBe(i % 256);
});

test("a sender that reads nothing stops its receiver, and then gets everything in order", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b } = await pair(url);
  a.ws.pause();
  pump(b);
  expect(await standstill(b)).toBeLessThan(IN_BETWEEN_BYTES);
  a.ws.resume();
  for (let i = 0; i < FRAMES; i++) expect((await a.next()).data[FRAME_BYTES - 1]).toBe(i % 256);
});

test("frames that come in one read leave in one write", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b } = await pair(url);
  let reads = 0;
  below(b).on("data", () => reads++);
  below(a).write(Buffer.concat(Array.from({ length: 100 }, (_, i) => tinyFrame(1, String(i)))));
  for (let i = 0; i < 100; i++) expect(await b.text()).toBe(String(i));
  expect(reads).toBe(1);
});

/** Ten who have as much to say, and say it by the sockets below them. */
const LOUD = 10;
const SAID_BYTES = 2 * 1024 * 1024;
const PONG = tinyFrame(10, "p".repeat(125));
const LOUD_ONES: [string, RelayOptions, (at: Relay) => Promise<Socket>, Buffer][] = [
  [
    "senders of large messages",
    {},
    async ({ url }) => below((await pair(url)).sender),
    rawFrame(2, Buffer.alloc(SAID_BYTES)),
  ],
  [
    "agents that do nothing but pong",
    { doors: ["tunnel"] },
    ({ port }) => rawUpgraded(port, `/agent?room=${randomUUID()}`),
    Buffer.concat(Array<Buffer>(SAID_BYTES / 128).fill(PONG)),
  ],
];

/** The most that the relay reads of one of them in a turn of the event loop. */
async function mostOfOneInATurn(
  at: Relay,
  accepted: readonly Socket[],
  come: (at: Relay) => Promise<Socket>,
  said: Buffer,
) {
  const loud: Socket[] = [];
  for (let i = 0; i < LOUD; i++) loud.push(await come(at));
  const readOfEach = () => accepted.map(({ bytesRead }) => bytesRead);
  const sum = (bytes: readonly number[]) => bytes.reduce((all, some) => all + some, 0);
  let before = readOfEach();
  const wanted = sum(before) + LOUD * said.length;
  for (const socket of loud) socket.write(said);
  let most = 0;
  while (sum(before) < wanted) {
    await nextTurn();
    const after = readOfEach();
    most = Math.max(most, ...after.map((bytes, n) => bytes - (before[n] ?? 0)));
    before = after;
  }
  return most;
}

test.each(LOUD_ONES)(
  "%s are each read once in a turn of the event loop that takes too long",
  async (_who, settings, come, said) => {
    const accepted = acceptedSockets();
    const slow = await relay({ ...settings, readMs: NEVER_MS, turnMs: 0 });
    // Node reads once more before it heeds a pause.
    expect(await mostOfOneInATurn(slow, accepted, come, said)).toBeLessThanOrEqual(2 * READ_BYTES);
    const quick = await relay({ ...settings, readMs: NEVER_MS, turnMs: NEVER_MS });
    expect(await mostOfOneInATurn(quick, accepted, come, said)).toBeGreaterThan(2 * READ_BYTES);
  },
);

test("neither side of a stopped pipe is taken for dead, however many pings it misses", async () => {
  stopClock();
  const { url } = await relay({ ...PATIENT, pingMs: 1_000 });
  const mute = await client(`${url}/?pair=mute`, { autoPong: false });
  const { sender: a, receiver: b } = await stuck(url);
  pass(20_000);
  expect((await mute.ended).code).toBe(1006);
  b.ws.resume();
  a.ws.close(1000);
  for (let i = 0; i < FRAMES; i++) await b.next();
  expect((await b.ended).code).toBe(1000);
});

test("a receiver that takes nothing is cut alone; meanwhile another room runs as ever, and then the next is served", async () => {
  stopClock();
  const STALLED_MS = 60_000;
  const ends: RelayEvent[] = [];
  const { url } = await relay({ ...PATIENT, stalledMs: STALLED_MS, onEvent: (event) => void ends.push(event) });
  const other = await pair(url);
  const { sender: a, receiver: b, room, peer } = await stuck(url);
  expect(peer).toMatch(/^conn_/);
  const c = await receiver(url, room);
  c.send("my turn");
  const closed = () => ends.filter(({ event }) => event === "closed");

  pass(STALLED_MS - 1);
  await trips(other);
  expect(closed()).toEqual([]);
  // Looked at four times in that while: it may have been a quarter too late.
  pass(STALLED_MS / 4 + 1);
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  await trips(other);
  b.ws.resume();
  expect((await b.ended).code).toBe(1006);
  expect(closed()).toEqual([{ event: "closed", door: "room", why: "stalled" }]);
  expect((await a.json()).type).toBe("PEER_JOINED");
  expect(await a.text()).toBe("my turn");
  a.send("for c");
  let last = await c.next();
  while (last.binary) last = await c.next();
  expect(last.data.toString()).toBe("for c");
});

test("a sender that takes nothing loses its room, and its receiver is closed with 4007", async () => {
  stopClock();
  // Both ends of the close are heard, though the receiver was not read from before: no timer has to help.
  const { url } = await relay({ ...PATIENT, stalledMs: 1_000 });
  const { sender: a, receiver: b, room } = await pair(url);
  const c = await receiver(url, room);
  a.ws.pause();
  pump(b);
  await standstill(b);
  pass(1_250);
  expect((await c.json()).reason).toBe("sender_disconnected");
  a.ws.resume();
  expect((await a.ended).code).toBe(1006);
  expect(await b.ended).toEqual({ code: 4007, reason: "stalled" });
});

/** As much as that, of one that is paused, and little more. */
async function take(by: Client, bytes: number): Promise<void> {
  const socket = below(by);
  const end = socket.bytesRead + bytes;
  by.ws.resume();
  while (socket.bytesRead < end) await once(socket, "data");
  by.ws.pause();
}

test("a receiver that takes one large message slowly is not cut, though it takes far longer than stalledMs", async () => {
  stopClock();
  const STALLED_MS = 60_000;
  const accepted = acceptedSockets();
  const { url } = await relay({ ...PATIENT, stalledMs: STALLED_MS, maxMessageBytes: 64 * 1024 * 1024 });
  const { sender: a, receiver: b } = await pair(url);
  b.send("hello");
  await a.text();
  b.ws.pause();
  const whole = Buffer.alloc(48 * 1024 * 1024, 5);
  a.send(whole);
  await until("all of it has been said", () => a.ws.bufferedAmount === 0);
  const [, ofB] = accepted as unknown as { _handle: { writeQueueSize: number } }[];
  const queued = () => ofB?._handle.writeQueueSize ?? 0;
  await settled(queued);
  for (let part = 0; part < 8; part++) {
    const before = queued();
    expect(before).toBeGreaterThan(0);
    // More than a kernel frees before it says so.
    await take(b, 3 * 1024 * 1024);
    await until("the relay has written some more", () => queued() < before);
    pass(STALLED_MS * 0.75);
  }
  expect(b.unread).toBe(0);
  b.ws.resume();
  expect((await b.next()).data.equals(whole)).toBe(true);
});

test("a peer that uploads one large message slowly is alive, though it answers no ping meanwhile", async () => {
  stopClock();
  const accepted = acceptedSockets();
  const { url } = await relay({ ...PATIENT, pingMs: 1_000 });
  const { self: a, room } = await sender(url);
  const b = await client(url, { autoPong: false });
  b.say({ type: "JOIN_ROOM", room_id: room });
  expect((await a.json()).type).toBe("PEER_JOINED");
  const [ofA, ofB] = accepted;
  const pongs = ofA?.bytesRead ?? 0;
  for (let i = 0; i < 30; i++) {
    const heard = ofB?.bytesRead ?? 0;
    b.ws.send("x", { fin: i === 29 });
    await until("the relay has heard it", () => (ofB?.bytesRead ?? 0) > heard);
    await until("the sender has answered", () => (ofA?.bytesRead ?? 0) >= pongs + 6 * i);
    pass(1_000);
  }
  expect(await a.text()).toBe("x".repeat(30));
  // Only now does it say nothing.
  await until("the sender has answered", () => (ofA?.bytesRead ?? 0) >= pongs + 6 * 30);
  pass(1_000);
  expect((await b.ended).code).toBe(1006);
});

test("a receiver that takes no data and says nothing is not left with it when its turn is over", async () => {
  stopClock();
  const { url } = await relay({ ...PATIENT, quietReceiverMs: 1_000 });
  const { sender: a, receiver: b } = await pair(url);
  b.ws.pause();
  pump(a);
  await standstill(a);
  pass(1_000);
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  b.ws.resume();
  expect((await b.ended).code).toBe(1006);
});

test("a pair is not idle while one side still has something to take", async () => {
  stopClock();
  const { url } = await relay({ ...PATIENT, idlePairMs: 1_000 });
  const { sender: a, receiver: b } = await stuck(url);
  pass(10_000);
  b.ws.resume();
  for (let i = 0; i < FRAMES; i++) await b.next();
  expect(a.unread).toBe(0);
  pass(2_000);
  expect(await b.ended).toEqual({ code: 4006, reason: "quiet" });
});

test("the last data of a sender that finished is cut off for a receiver that takes nothing, and never looks clean", async () => {
  stopClock();
  const { url } = await relay({ ...PATIENT, stalledMs: 1_000, highWaterBytes: 1024 ** 3 });
  const { sender: a, receiver: b } = await pair(url);
  b.send("hello");
  await a.text();
  b.ws.pause();
  pump(a);
  a.ws.close(1000);
  // It has been read to its end, and more of it than kernels hold waits in the relay.
  expect((await a.ended).code).toBe(1000);
  await settled(() => below(b).bytesRead);
  pass(1_250);
  b.ws.resume();
  expect((await b.ended).code).toBe(1006);
  expect(b.unread).toBeLessThan(FRAMES);
});

test("receivers that come and go cannot fill the relay for a sender that does not read", async () => {
  const HIGH_WATER_BYTES = 100_000;
  const SAID = Buffer.alloc(60_000);
  const { url, metricsUrl = "" } = await relay({ highWaterBytes: HIGH_WATER_BYTES, metricsPort: 0 });
  const shown = async (name: string) => {
    const text = await (await fetch(metricsUrl)).text();
    return Number(
      text
        .split("\n")
        .find((line) => line.startsWith(`${name}{door="room"}`))
        ?.split(" ")[1],
    );
  };
  const { self: a, room } = await sender(url);
  a.ws.pause();
  // Each says something and leaves, in one read: whoever is heard no more cannot leave.
  const visit = async () => {
    const b = await receiver(url, room);
    below(b).write(Buffer.concat([rawFrame(2, SAID), tinyFrame(8, "\x03\xe8")]));
    return b;
  };
  let visits = 0;
  for (; (await shown("relay_buffered_bytes")) <= HIGH_WATER_BYTES; visits++) {
    expect((await (await visit()).ended).code).toBe(1000);
  }
  const full = await shown("relay_buffered_bytes");
  expect(full).toBeLessThan(HIGH_WATER_BYTES + 2 * SAID.length);

  // From here on they wait, and what they say is none of the sender's yet.
  for (let i = 0; i < 3; i++) (await receiver(url, room)).send(SAID);
  await eventually(() => shown("relay_waiting")).toBe(3);
  expect(await shown("relay_buffered_bytes")).toBe(full);

  a.ws.resume();
  let heard = 0;
  while (heard < visits + 1) if ((await a.next()).data.equals(SAID)) heard++;
  await eventually(() => shown("relay_waiting")).toBe(2);
});

const LARGEST_BYTES = 10 * 1024 * 1024;
/** How many of the largest messages fit in 256 MiB, and how many where 1 MiB of each may wait anyhow. */
const FIT_UNFINISHED = 25;
const FIT_UNTAKEN = 28;
const PAIRS = 32;

/** Pairs of which one is about to say a largest message, and how many of them have ended for this reason. */
async function pairsThatEnd(why: string) {
  const message = rawFrame(2, Buffer.alloc(LARGEST_BYTES));
  let ended = 0;
  const { url } = await relay({
    ...PATIENT,
    onEvent: (event) => void (event.event === "pair-ended" && event.why === why && ended++),
  });
  const pairs: { loud: Socket; other: Client }[] = [];
  for (let i = 0; i < PAIRS; i++) {
    const loud = await client(`${url}/?pair=p${i}`);
    pairs.push({ loud: below(loud), other: await client(`${url}/?pair=p${i}`) });
  }
  return { message, pairs, ended: () => ended };
}

/** How many of them are given a message before they are closed. */
async function given(others: Client[]): Promise<number> {
  const all = await Promise.allSettled(others.map((other) => other.next()));
  return all.filter((one) => one.status === "fulfilled" && one.value.data.length === LARGEST_BYTES).length;
}

test("as many are cut as have more than 256 MiB of messages that are not whole, and the others are forwarded", async () => {
  const { message, pairs, ended } = await pairsThatEnd("too-big");
  const received = given(pairs.map(({ other }) => other));
  for (const { loud } of pairs) loud.write(message.subarray(0, -1));
  await eventually(ended).toBe(PAIRS - FIT_UNFINISHED);
  for (const { loud } of pairs) loud.write(message.subarray(-1));
  expect(await received).toBe(FIT_UNFINISHED);
  expect(ended()).toBe(PAIRS - FIT_UNFINISHED);
});

test("as many are cut as do not take more than 256 MiB, and the others have theirs as soon as they take it", async () => {
  const accepted = acceptedSockets();
  const { message, pairs, ended } = await pairsThatEnd("stalled");
  for (const { other } of pairs) other.ws.pause();
  for (const [i, { loud }] of pairs.entries()) {
    const toOther = accepted[2 * i + 1];
    if (!toOther) throw new Error("not accepted");
    loud.write(message);
    await until("it waits", () => toOther.writableLength > LARGEST_BYTES);
  }
  await eventually(ended).toBe(PAIRS - FIT_UNTAKEN);
  const received = given(pairs.map(({ other }) => other));
  for (const { other } of pairs) other.ws.resume();
  expect(await received).toBe(FIT_UNTAKEN);
});
