import { once } from "node:events";
import { expect, test } from "vitest";
import { PATIENT, pass, stopClock } from "./clock.ts";
import { below, harness, lives, roomsOf, tinyFrame } from "./support.ts";

const { relay, client, sender, receiver, pair, raw, rawUpgraded } = harness();

test("a sender that closes with 1000 has all its frames delivered, and then its receiver is closed with 1000", async () => {
  const started = await relay();
  const { sender: a, receiver: b } = await pair(started.url);
  b.ws.pause();
  for (let i = 0; i < 100; i++) a.send(Buffer.alloc(100_000, i));
  a.ws.close(1000);
  b.ws.resume();
  for (let i = 0; i < 100; i++) expect((await b.next()).data[99_999]).toBe(i);
  expect(await b.ended).toEqual({ code: 1000, reason: "done" });
  expect([...started.ended]).toEqual([["done", 1]]);
});

test.each([
  ["vanishes", (ws: { terminate(): void }) => ws.terminate()],
  ["closes with 1001", (ws: { close(code: number): void }) => ws.close(1001)],
  ["closes without a code", (ws: { close(): void }) => ws.close()],
])("a receiver whose sender %s in the middle gets what came before, and 4001, never 1000", async (_, leave) => {
  const { url } = await relay();
  const { sender: a, receiver: b } = await pair(url);
  a.send("part");
  expect(await b.text()).toBe("part");
  leave(a.ws);
  expect(await b.ended).toEqual({ code: 4001, reason: "peer-left" });
});

test("a sender that closes with 1000 in the middle of a message has not finished", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b } = await pair(url);
  a.send("whole");
  // All in one chunk: a whole message, half of one, and the close.
  const half = tinyFrame(2, "half", { fin: false });
  below(a).write(Buffer.concat([tinyFrame(2, "whole"), half, tinyFrame(8, "\x03\xe8")]));
  expect(await b.text()).toBe("whole");
  expect((await b.next()).data.toString()).toBe("whole");
  expect(await b.ended).toEqual({ code: 4001, reason: "peer-left" });
});

test("a receiver that was never told anything is not told that the transfer is finished", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b } = await pair(url);
  a.ws.close(1000);
  expect(await b.ended).toEqual({ code: 4001, reason: "peer-left" });
});

test("waiting receivers are told sender_disconnected, even after a clean end", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b, room } = await pair(url);
  const c = await receiver(url, room);
  a.send("all");
  a.ws.close(1000);
  expect(await c.text()).toBe('{"type":"ERROR","reason":"sender_disconnected"}');
  expect(await c.ended).toEqual({ code: 4001, reason: "peer-left" });
  expect((await b.ended).code).toBe(1000);
});

test("a receiver that closes with 1000 has all its frames delivered before PEER_DISCONNECTED", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b } = await pair(url);
  for (let i = 0; i < 50; i++) b.send(Buffer.alloc(100_000, i));
  b.ws.close(1000);
  for (let i = 0; i < 50; i++) expect((await a.next()).data[0]).toBe(i);
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
});

test("an idle room ends with its lifetime: the sender is closed with 4002", async () => {
  const started = await relay({ roomTtlMs: 1 });
  const { self, room } = await sender(started.url);
  expect(await self.ended).toEqual({ code: 4002, reason: "expired" });
  const b = await client(started.url);
  expect((await b.ask({ type: "JOIN_ROOM", room_id: room })).reason).toBe("room_not_found");
  expect(await roomsOf(started)).toBe(0);
});

test("a sender's own ttl_seconds ends its room", async () => {
  stopClock();
  const { url } = await relay(PATIENT);
  const { self } = await sender(url, { ttl_seconds: 60 });
  pass(60_000);
  expect((await self.ended).code).toBe(4002);
});

test("at the end of its lifetime a transfer may end, while waiting receivers and new ones are sent away", async () => {
  stopClock();
  const started = await relay({ ...PATIENT, roomTtlMs: 1_000 });
  const { sender: a, receiver: b, room } = await pair(started.url);
  const c = await receiver(started.url, room);
  pass(1_000);
  expect(await c.text()).toBe('{"type":"ERROR","reason":"room_not_found"}');
  expect((await c.ended).code).toBe(4002);
  const d = await client(started.url);
  expect((await d.ask({ type: "JOIN_ROOM", room_id: room })).reason).toBe("room_not_found");
  expect(await roomsOf(started)).toBe(1);
  a.send("the rest");
  expect(await b.text()).toBe("the rest");
  b.send("thanks");
  expect(await a.text()).toBe("thanks");
  await b.close();
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  expect(await a.ended).toEqual({ code: 4002, reason: "expired" });
  expect(await roomsOf(started)).toBe(0);
});

test("a sender that ends a transfer after the lifetime of its room ends it as any other", async () => {
  stopClock();
  const started = await relay({ ...PATIENT, roomTtlMs: 1_000 });
  const { sender: a, receiver: b, room } = await pair(started.url);
  const c = await receiver(started.url, room);
  pass(1_000);
  await c.ended;
  a.send("the rest");
  a.ws.close(1000);
  expect((await b.ended).code).toBe(1000);
});

test("a transfer that never ends is ended after its overtime", async () => {
  stopClock();
  const { url } = await relay({ ...PATIENT, roomTtlMs: 1_000, overtimeMs: 5_000 });
  const { sender: a, receiver: b } = await pair(url);
  pass(5_999);
  a.send("not yet");
  expect(await b.text()).toBe("not yet");
  pass(1);
  expect((await a.ended).code).toBe(4002);
  expect((await b.ended).code).toBe(4002);
});

test("a sender with turns that never says NEXT is closed with its room's lifetime", async () => {
  stopClock();
  const { url } = await relay({ ...PATIENT, roomTtlMs: 1_000 });
  const { sender: a, receiver: b, room } = await pair(url, { features: ["turns"] });
  await b.close();
  const c = await receiver(url, room);
  pass(1_000);
  expect((await c.json()).reason).toBe("room_not_found");
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  expect((await a.ended).code).toBe(4002);
});

test("a receiver that says nothing at its turn is closed alone, and the next one is served", async () => {
  stopClock();
  const { url } = await relay({ ...PATIENT, quietReceiverMs: 1_000 });
  const { sender: a, receiver: b, room, peer } = await pair(url);
  const c = await receiver(url, room);
  c.send("I speak");
  await lives(c.ws);
  pass(1_000);
  expect(await b.ended).toEqual({ code: 4006, reason: "quiet" });
  expect(await a.json()).toEqual({ type: "PEER_DISCONNECTED", peer_id: peer });
  expect((await a.json()).type).toBe("PEER_JOINED");
  expect(await a.text()).toBe("I speak");
});

test("one word is enough, before its turn or in it", async () => {
  stopClock();
  const { url } = await relay({ ...PATIENT, quietReceiverMs: 1_000 });
  const { sender: a, receiver: b, room } = await pair(url);
  const c = await receiver(url, room);
  b.send("hello");
  c.send("me too");
  expect(await a.text()).toBe("hello");
  await lives(c.ws);
  pass(10_000);
  a.send("still there?");
  expect(await b.text()).toBe("still there?");
  await b.close();
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  expect((await a.json()).type).toBe("PEER_JOINED");
  expect(await a.text()).toBe("me too");
  pass(10_000);
  a.send("still there?");
  expect(await c.text()).toBe("still there?");
});

test("a pair in which nobody says anything any more is parted, and the next receiver is served", async () => {
  stopClock();
  const { url } = await relay({ ...PATIENT, idlePairMs: 4_000, pingMs: 1_000 });
  const { sender: a, receiver: b, room } = await pair(url);
  const c = await receiver(url, room);
  c.send("I speak");
  b.send("x");
  expect(await a.text()).toBe("x");
  // Pings and pongs are no word.
  const parted = async () => {
    for (let s = 0; s < 5; s++) {
      for (const { ws } of [a, b, c]) if (ws.readyState === ws.OPEN) await lives(ws);
      pass(1_000);
    }
  };
  await parted();
  expect(await b.ended).toEqual({ code: 4006, reason: "quiet" });
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  expect((await a.json()).type).toBe("PEER_JOINED");
  // A receiver that spoke while it waited is under the same rule.
  expect(await a.text()).toBe("I speak");
  await parted();
  expect((await c.ended).code).toBe(4006);
});

test("a pair is kept while either side says something, be it a byte of a message that is not whole", async () => {
  stopClock();
  const { url } = await relay({ ...PATIENT, idlePairMs: 4_000 });
  const { sender: a, receiver: b } = await pair(url);
  b.send("x");
  expect(await a.text()).toBe("x");
  for (let s = 0; s < 12; s++) {
    a.ws.send("x", { fin: false });
    await lives(a.ws);
    pass(1_000);
  }
  a.ws.send("x");
  expect(await b.text()).toMatch(/^x{10,}$/);
  await b.close();
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
});

test("a connection that asks nothing is closed with 4005", async () => {
  const { url } = await relay({ firstMessageMs: 1 });
  const a = await client(url);
  expect(await a.ended).toEqual({ code: 4005, reason: "no-request" });
});

test("a connection that never sends its HTTP request, or half of it, is cut", async () => {
  const { port } = await relay({ upgradeMs: 20 });
  const silent = await raw(port);
  const half = await raw(port);
  half.write("GET / HTTP/1.1\r\nHost: relay.test\r\nUpgr");
  silent.resume();
  half.resume();
  await Promise.all([once(silent, "close"), once(half, "close")]);
});

test("when too many connections are silent, the longest silent one gives way", async () => {
  const { url } = await relay({ maxSilent: 2 });
  const first = await client(url);
  const asked = await sender(url);
  await client(url);
  await client(url);
  expect((await first.ended).code).toBe(1006);
  asked.self.ws.ping();
  await once(asked.self.ws, "pong");
});

test("a sender that shows no life loses its room, and its receiver is closed with 4008", async () => {
  stopClock();
  const started = await relay({ ...PATIENT, pingMs: 1_000 });
  const a = await client(started.url, { autoPong: false });
  const { room_id } = await a.ask({ type: "CREATE_ROOM" });
  const b = await receiver(started.url, room_id);
  await a.json(); // PEER_JOINED
  pass(1_000);
  await lives(b.ws);
  pass(1_000);
  expect(await b.ended).toEqual({ code: 4008, reason: "dead-peer" });
  expect((await a.ended).code).toBe(1006);
  expect(await roomsOf(started)).toBe(0);
});

test("a peer is cut after as many pings without a sign of life as the operator allows", async () => {
  const { url } = await relay({ pingMs: 20, maxMissedPings: 3 });
  const a = await client(url, { autoPong: false });
  await a.ask({ type: "CREATE_ROOM" });
  let pings = 0;
  a.ws.on("ping", () => pings++);
  expect((await a.ended).code).toBe(1006);
  expect(pings).toBe(3);
});

test("a receiver that shows no life is cut alone, and one that answers pings is kept", async () => {
  stopClock();
  const { url } = await relay({ ...PATIENT, pingMs: 1_000 });
  const { self: a, room } = await sender(url);
  const b = await client(url, { autoPong: false });
  b.say({ type: "JOIN_ROOM", room_id: room });
  expect((await a.json()).type).toBe("PEER_JOINED");
  pass(1_000);
  await lives(a.ws);
  pass(1_000);
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  expect((await b.ended).code).toBe(1006);
  const c = await receiver(url, room);
  expect((await a.json()).type).toBe("PEER_JOINED");
  for (let i = 0; i < 5; i++) {
    const pinged = once(c.ws, "ping");
    pass(1_000);
    await pinged;
    for (const { ws } of [a, c]) await lives(ws);
  }
  a.send("alive");
  expect(await c.text()).toBe("alive");
});

test("a message of exactly the limit passes, and one byte more ends the sender with 1009 and the receiver with 4009", async () => {
  const { url } = await relay({ maxMessageBytes: 200_000 });
  const { sender: a, receiver: b } = await pair(url);
  a.send(Buffer.alloc(200_000));
  expect((await b.next()).data.length).toBe(200_000);
  a.send(Buffer.alloc(200_001));
  expect((await a.ended).code).toBe(1009);
  expect(await b.ended).toEqual({ code: 4009, reason: "too-big" });
});

test("a receiver that sends too much at once is closed alone", async () => {
  const { url } = await relay({ maxMessageBytes: 200_000 });
  const { sender: a, receiver: b } = await pair(url);
  b.send(Buffer.alloc(200_001));
  expect((await b.ended).code).toBe(1009);
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
});

test("a refused peer that answers no close is cut after closeMs", async () => {
  const { port } = await relay({ closeMs: 1 });
  const socket = await rawUpgraded(port);
  socket.write(Buffer.from([0x81, 0x80, 0, 0, 0, 0]));
  socket.resume();
  await once(socket, "close");
});

test("a stopped relay has told everyone 4010, and stops only once", async () => {
  const started = await relay({ stopMs: 5000 });
  const { sender: a, receiver: b, room } = await pair(started.url);
  const c = await receiver(started.url, room);
  const silent = await client(started.url);
  const stopped = started.stop();
  expect(started.stop()).toBe(stopped);
  for (const peer of [a, b, c, silent]) expect(await peer.ended).toEqual({ code: 4010, reason: "restart" });
  await stopped;
  await expect(fetch(`http://127.0.0.1:${started.port}/health`)).rejects.toThrow();
  expect([...started.ended]).toEqual([["restart", 1]]);
});
