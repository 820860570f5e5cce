import { randomUUID } from "node:crypto";
import diagnostics from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Relay, RelayOptions } from "../../relay/src/relay.ts";
import { below, type Client, harness, rawFrame, tinyFrame } from "./support.ts";

const { relay, client, sender, receiver, pair, rawUpgraded, undo } = harness();

/** For what must not strike, in ms. */
const NEVER_MS = 3_600_000;
/** What one read brings at most. */
const READ_BYTES = 64 * 1024;
const FRAME_BYTES = 256 * 1024;
/** More than all buffers between two peers hold: two kernels' socket buffers twice, and what the relay keeps. */
const FRAMES = 400;
/** What those buffers may hold at most. */
const IN_BETWEEN_BYTES = 40 * 1024 * 1024;

function pump(from: Client, frames = FRAMES): void {
  for (let i = 0; i < frames; i++) from.send(Buffer.alloc(FRAME_BYTES, i));
}

/** What has left a client that pumps, once no more leaves it. */
async function standstill(from: Client): Promise<number> {
  let left = from.ws.bufferedAmount;
  for (let same = 0; same < 10; ) {
    await delay(20);
    same = left === from.ws.bufferedAmount ? same + 1 : 0;
    left = from.ws.bufferedAmount;
  }
  return FRAMES * FRAME_BYTES - left;
}

test.each([
  ["a receiver that reads nothing", {}],
  ["a receiver that reads nothing, of a sender whose every read is over its time,", { readMs: 0 }],
])("%s stops its sender, and then gets everything in order", async (_who, settings) => {
  const { url } = await relay(settings);
  const { sender: a, receiver: b } = await pair(url);
  b.send("hello");
  b.ws.pause();
  pump(a);
  expect(await standstill(a)).toBeLessThan(IN_BETWEEN_BYTES);
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
    const accepted: Socket[] = [];
    const accept = (message: unknown) => void accepted.push((message as { socket: Socket }).socket);
    diagnostics.subscribe("net.server.socket", accept);
    undo.push(() => diagnostics.unsubscribe("net.server.socket", accept));
    const slow = await relay({ ...settings, readMs: NEVER_MS, turnMs: 0 });
    // Node reads once more before it heeds a pause.
    expect(await mostOfOneInATurn(slow, accepted, come, said)).toBeLessThanOrEqual(2 * READ_BYTES);
    const quick = await relay({ ...settings, readMs: NEVER_MS, turnMs: NEVER_MS });
    expect(await mostOfOneInATurn(quick, accepted, come, said)).toBeGreaterThan(2 * READ_BYTES);
  },
);

test("neither side of a stopped pipe is taken for dead, however many pings it misses", async () => {
  const { url } = await relay({ pingMs: 250 });
  const { sender: a, receiver: b } = await pair(url);
  b.send("hello");
  b.ws.pause();
  pump(a);
  await standstill(a);
  await delay(1500);
  b.ws.resume();
  a.ws.close(1000);
  for (let i = 0; i < FRAMES; i++) await b.next();
  expect((await b.ended).code).toBe(1000);
});

test("a receiver that takes nothing is cut alone; meanwhile another room runs as ever, and then the next is served", async () => {
  const { url } = await relay({ stalledMs: 600 });
  const { sender: a, receiver: b, room, peer } = await pair(url);
  expect(peer).toMatch(/^conn_/);
  const c = await receiver(url, room);
  c.send("my turn");
  const other = await pair(url);
  b.send("hello");
  expect(await a.text()).toBe("hello");
  b.ws.pause();
  pump(a);

  const over = a.json();
  let running = true;
  void over.then(() => {
    running = false;
  });
  let trips = 0;
  let slowestMs = 0;
  while (running) {
    const began = Date.now();
    other.sender.send("ping");
    await other.receiver.next();
    other.receiver.send("pong");
    await other.sender.next();
    slowestMs = Math.max(slowestMs, Date.now() - began);
    trips++;
  }
  expect((await over).type).toBe("PEER_DISCONNECTED");
  expect(trips).toBeGreaterThan(100);
  expect(slowestMs).toBeLessThan(400);

  b.ws.resume();
  expect((await b.ended).code).toBe(1006);
  expect((await a.json()).type).toBe("PEER_JOINED");
  expect(await a.text()).toBe("my turn");
  a.send("for c");
  let last = await c.next();
  while (last.binary) last = await c.next();
  expect(last.data.toString()).toBe("for c");
});

test("a sender that takes nothing loses its room, and its receiver is closed with 4007", async () => {
  // Both ends of the close are heard, though the receiver was not read from before: no timer has to help.
  const { url } = await relay({ stalledMs: 300, closeMs: 60_000, lingerMs: 60_000 });
  const { sender: a, receiver: b, room } = await pair(url);
  const c = await receiver(url, room);
  a.ws.pause();
  pump(b);
  expect((await c.json()).reason).toBe("sender_disconnected");
  a.ws.resume();
  expect((await a.ended).code).toBe(1006);
  expect(await b.ended).toEqual({ code: 4007, reason: "stalled" });
});

test("a receiver that takes one large message slowly is not cut, though it takes far longer than stalledMs", async () => {
  const { url } = await relay({ stalledMs: 400, maxMessageBytes: 64 * 1024 * 1024 });
  const { sender: a, receiver: b } = await pair(url);
  b.send("hello");
  const began = Date.now();
  const slow = setInterval(() => {
    b.ws.resume();
    setTimeout(() => b.ws.pause(), 1);
  }, 50);
  b.ws.pause();
  const whole = Buffer.alloc(48 * 1024 * 1024, 5);
  a.send(whole);
  while (b.unread === 0 && Date.now() - began < 1500) await delay(20);
  clearInterval(slow);
  b.ws.resume();
  expect((await b.next()).data.equals(whole)).toBe(true);
});

test("a peer that uploads one large message slowly is alive, though it answers no ping meanwhile", async () => {
  const { url } = await relay({ pingMs: 60 });
  const { self: a, room } = await sender(url);
  const b = await client(url, { autoPong: false });
  b.say({ type: "JOIN_ROOM", room_id: room });
  expect((await a.json()).type).toBe("PEER_JOINED");
  for (let i = 0; i < 30; i++) {
    b.ws.send("x", { fin: i === 29 });
    await delay(20);
  }
  expect(await a.text()).toBe("x".repeat(30));
});

test("a receiver that takes no data and says nothing is not left with it when its turn is over", async () => {
  const { url } = await relay({ quietReceiverMs: 1000 });
  const { sender: a, receiver: b } = await pair(url);
  b.ws.pause();
  pump(a);
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  b.ws.resume();
  expect((await b.ended).code).toBe(1006);
});

test("a pair is not idle while one side still has something to take", async () => {
  const { url } = await relay({ idlePairMs: 100, stalledMs: 1200 });
  const { sender: a, receiver: b } = await pair(url);
  b.send("hello");
  expect(await a.text()).toBe("hello");
  b.ws.pause();
  pump(a);
  const began = Date.now();
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  expect(Date.now() - began).toBeGreaterThan(1000);
});

test("the last data of a sender that finished is cut off for a receiver that takes nothing, and never looks clean", async () => {
  const { url } = await relay({ stalledMs: 300, highWaterBytes: 1024 * 1024 * 1024 });
  const { sender: a, receiver: b } = await pair(url);
  b.send("hello");
  b.ws.pause();
  pump(a);
  a.ws.close(1000);
  await a.ended;
  await delay(600);
  b.ws.resume();
  expect((await b.ended).code).toBe(1006);
});

test("receivers that come and go cannot fill the relay for a sender that does not read", async () => {
  const { url } = await relay({ highWaterBytes: 100_000 });
  const { self: a, room } = await sender(url);
  a.ws.pause();
  let served = 0;
  // Each leaves a large frame for the sender. Soon the next has to wait until the sender has taken the last one's.
  for (; served < 40; served++) {
    const b = await receiver(url, room);
    b.send(Buffer.alloc(4 * 1024 * 1024));
    b.ws.close(1000);
    const left = await Promise.race([b.ended, delay(1000)]);
    if (left?.code !== 1000) break;
  }
  expect(served).toBeLessThan(20);
});
