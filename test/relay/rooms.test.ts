import { once } from "node:events";
import { afterEach, expect, test, vi } from "vitest";
import { CLOSE_CODE } from "../../relay/src/wire.ts";
import { eventually } from "../support/wait.ts";
import { below, harness, rawFrame, roomsOf } from "./support.ts";

const { relay, client, sender, receiver, pair, raw, rawUpgraded } = harness();
afterEach(() => void vi.restoreAllMocks());

test("answers the first clients byte for byte", async () => {
  const { url } = await relay();
  const a = await client(url);
  a.send('{"type":"CREATE_ROOM"}');
  const created = await a.text();
  expect(created).toMatch(/^\{"type":"ROOM_CREATED","room_id":"[a-z0-9]{6}"\}$/);
  const room = JSON.parse(created).room_id;
  const b = await client(url);
  b.send(`{"type":"JOIN_ROOM","room_id":"${room}"}`);
  expect(await b.text()).toBe(`{"type":"ROOM_JOINED","room_id":"${room}"}`);
  const joined = await a.text();
  expect(joined).toMatch(/^\{"type":"PEER_JOINED","peer_id":"conn_[a-z0-9]+"\}$/);
  await b.close();
  expect(await a.text()).toBe(joined.replace("PEER_JOINED", "PEER_DISCONNECTED"));
});

test("has these close codes", () => {
  expect(CLOSE_CODE).toEqual({
    done: 1000,
    "peer-left": 4001,
    expired: 4002,
    refused: 4003,
    "too-much": 4004,
    "no-request": 4005,
    quiet: 4006,
    stalled: 4007,
    "dead-peer": 4008,
    "too-big": 4009,
    restart: 4010,
    "used-up": 4011,
    displaced: 4012,
  });
});

test("makes ids of six letters and digits without 0 o 1 l i, never one in use", async () => {
  const { url } = await relay();
  const rooms = await Promise.all(Array.from({ length: 50 }, () => sender(url)));
  for (const { room } of rooms) expect(room).toMatch(/^[abcdefghjkmnpqrstuvwxyz23456789]{6}$/);
  expect(new Set(rooms.map(({ room }) => room)).size).toBe(50);
});

test("forwards every frame both ways as it is: text, binary, empty, and what looks like control", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b } = await pair(url);
  const frames = [
    "Grüße, 東京",
    new Uint8Array([0, 255, 1]),
    "",
    new Uint8Array(0),
    '{"type":"NEXT"}',
    '{"type":"CREATE_ROOM"}',
    Buffer.alloc(100_000, 7),
  ];
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    for (const frame of frames) from.send(frame);
    for (const frame of frames) {
      const { data, binary } = await to.next();
      expect({ same: data.equals(Buffer.from(frame as string)), binary }).toEqual({
        same: true,
        binary: typeof frame !== "string",
      });
    }
  }
});

test("pairs receivers one at a time, first come, first served", async () => {
  const { url } = await relay();
  const { self: a, room } = await sender(url);
  const receivers = [await receiver(url, room), await receiver(url, room), await receiver(url, room)];
  const first = await a.json();
  expect(first.type).toBe("PEER_JOINED");
  for (const [turn, current] of receivers.entries()) {
    current.send(`I am ${turn}`);
    expect(await a.text()).toBe(`I am ${turn}`);
    a.send(`you are ${turn}`);
    expect(await current.text()).toBe(`you are ${turn}`);
    await current.close();
    expect((await a.json()).type).toBe("PEER_DISCONNECTED");
    if (turn < 2) expect((await a.json()).type).toBe("PEER_JOINED");
  }
  expect(receivers.map((one) => one.unread)).toEqual([0, 0, 0]);
});

test("a receiver that leaves while it waits loses its turn and nobody hears of it", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b, room } = await pair(url);
  const c = await receiver(url, room);
  const d = await receiver(url, room);
  await c.close();
  b.send("still here");
  expect(await a.text()).toBe("still here");
  await b.close();
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  expect((await a.json()).type).toBe("PEER_JOINED");
  d.send("d");
  expect(await a.text()).toBe("d");
});

test("keeps what a waiting receiver says, and forwards it in order and kind right after PEER_JOINED", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b, room } = await pair(url);
  const c = await receiver(url, room);
  c.send("one");
  c.send(new Uint8Array([2]));
  c.send("");
  c.send("four");
  // Its pong comes after its frames: the relay has read them all.
  c.ws.ping();
  await once(c.ws, "pong");
  await b.close();
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  expect((await a.json()).type).toBe("PEER_JOINED");
  expect(await a.next()).toEqual({ data: Buffer.from("one"), binary: false });
  expect(await a.next()).toEqual({ data: Buffer.from([2]), binary: true });
  expect(await a.next()).toEqual({ data: Buffer.alloc(0), binary: false });
  expect(await a.text()).toBe("four");
  c.send("now");
  expect(await a.text()).toBe("now");
});

test("keeps 64 KiB of a waiting receiver, and closes it at one byte more", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b, room } = await pair(url);
  const c = await receiver(url, room);
  const d = await receiver(url, room);
  c.send(Buffer.alloc(64 * 1024, 1));
  d.send(Buffer.alloc(64 * 1024, 1));
  d.send("x");
  expect(await d.ended).toEqual({ code: 4004, reason: "too-much" });
  await b.close();
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  expect((await a.json()).type).toBe("PEER_JOINED");
  expect((await a.next()).data.length).toBe(64 * 1024);
});

test("closes a waiting receiver in the middle of a message that is larger than what is kept", async () => {
  const { url } = await relay({ closeMs: 100 });
  const { room } = await pair(url);
  const c = await receiver(url, room);
  below(c).write(rawFrame(2, Buffer.alloc(80_000), 1_000_000n));
  expect(await c.ended).toEqual({ code: 4004, reason: "too-much" });
});

test("a receiver whose turn has come may say as much at once as any", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b, room } = await pair(url);
  const c = await receiver(url, room);
  await b.close();
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  expect((await a.json()).type).toBe("PEER_JOINED");
  c.send(Buffer.alloc(1_000_000));
  expect((await a.next()).data.length).toBe(1_000_000);
});

test("keeps 1024 frames of a waiting receiver, and closes it at one more, even if they are empty", async () => {
  const { url } = await relay();
  const { room } = await pair(url);
  const c = await receiver(url, room);
  for (let i = 0; i < 1024; i++) c.send("");
  c.ws.ping();
  await once(c.ws, "pong");
  c.send("");
  expect((await c.ended).code).toBe(CLOSE_CODE["too-much"]);
});

test("the room outlives its receivers", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b, room, peer } = await pair(url);
  b.ws.terminate();
  expect(await a.json()).toEqual({ type: "PEER_DISCONNECTED", peer_id: peer });
  const c = await receiver(url, room);
  const joined = await a.json();
  expect(joined.type).toBe("PEER_JOINED");
  expect(joined.peer_id).not.toBe(peer);
  a.send("hello");
  expect(await c.text()).toBe("hello");
});

test("what a sender says to nobody reaches nobody", async () => {
  const { url } = await relay();
  const { self: a, room } = await sender(url);
  a.send("into the void");
  a.ws.ping();
  await once(a.ws, "pong");
  const b = await receiver(url, room);
  expect((await a.json()).type).toBe("PEER_JOINED");
  a.send("for b");
  expect(await b.text()).toBe("for b");
});

test("without turns the next receiver is paired at once", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b, room } = await pair(url);
  const c = await receiver(url, room);
  await b.close();
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  expect((await a.json()).type).toBe("PEER_JOINED");
  a.send("c");
  expect(await c.text()).toBe("c");
});

test("with turns, what a sender says after PEER_DISCONNECTED reaches nobody until its NEXT", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b, room } = await pair(url, { features: ["turns"] });
  const c = await receiver(url, room);
  c.send("c waits");
  await b.close();
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  a.send("for b");
  a.send(Buffer.from('{"type":"NEXT"}'));
  a.send('{"type":"NEXTS"}');
  a.send('["NEXT"]');
  a.send('"NEXT"}');
  a.say({ type: "NEXT", more: "x".repeat(64) });
  a.send("not json");
  a.send(Buffer.alloc(100_000));
  a.ws.ping();
  await once(a.ws, "pong");
  expect([a.unread, c.unread]).toEqual([0, 0]);
  a.say({ type: "NEXT", extra: true });
  expect((await a.json()).type).toBe("PEER_JOINED");
  expect(await a.text()).toBe("c waits");
  a.send("for c");
  expect(await c.text()).toBe("for c");
});

test("with turns, NEXT before anybody waits lets the next receiver in when it comes", async () => {
  const { url } = await relay();
  const { sender: a, receiver: b, room } = await pair(url, { features: ["turns"] });
  await b.close();
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  a.say({ type: "NEXT" });
  a.say({ type: "NEXT" });
  a.ws.ping();
  await once(a.ws, "pong");
  const c = await receiver(url, room);
  expect((await a.json()).type).toBe("PEER_JOINED");
  a.say({ type: "NEXT" });
  expect(await c.json()).toEqual({ type: "NEXT" });
});

test("confirms the features it has, only when asked, and tells the lifetime then", async () => {
  const { url } = await relay({ roomTtlMs: 90_000 });
  const ask = async (request: object) => (await client(url)).ask(request);
  const room_id = expect.any(String);
  expect(await ask({ type: "CREATE_ROOM", features: ["turns", "teleport", "turns"] })).toEqual({
    type: "ROOM_CREATED",
    room_id,
    expires_in: 90,
    features: ["turns"],
  });
  expect(await ask({ type: "CREATE_ROOM", features: [] })).toEqual({
    type: "ROOM_CREATED",
    room_id,
    expires_in: 90,
    features: [],
  });
  expect(await ask({ type: "CREATE_ROOM", ttl_seconds: 60 })).toEqual({
    type: "ROOM_CREATED",
    room_id,
    expires_in: 60,
  });
  const { room } = await sender(url);
  expect(await ask({ type: "JOIN_ROOM", room_id: room, features: ["turns"] })).toEqual({
    type: "ROOM_JOINED",
    room_id: room,
    features: [],
  });
});

test("caps ttl_seconds by its own limit", async () => {
  const { url } = await relay({ roomTtlMs: 90_000 });
  const a = await client(url);
  expect((await a.ask({ type: "CREATE_ROOM", ttl_seconds: 1e9 })).expires_in).toBe(90);
});

test("ignores unknown fields of a request", async () => {
  const { url } = await relay();
  const { room } = await sender(url, { version: 9, nested: { a: [1] } });
  const b = await client(url);
  expect(await b.ask({ room_id: room, more: null, type: "JOIN_ROOM" })).toEqual({ type: "ROOM_JOINED", room_id: room });
});

test.each([
  ["text that is no JSON", "hello"],
  ["an empty frame", ""],
  ["JSON that is no object", "[1]"],
  ["null", "null"],
  ["an object without a type", "{}"],
  ["an unknown type", '{"type":"DELETE_ROOM"}'],
  ["NEXT", '{"type":"NEXT"}'],
  ["JOIN_ROOM without an id", '{"type":"JOIN_ROOM"}'],
  ["an id that is no string", '{"type":"JOIN_ROOM","room_id":7}'],
  ["a negative ttl_seconds", '{"type":"CREATE_ROOM","ttl_seconds":-1}'],
  ["a ttl_seconds of 0", '{"type":"CREATE_ROOM","ttl_seconds":0}'],
  ["a broken ttl_seconds", '{"type":"CREATE_ROOM","ttl_seconds":1.5}'],
  ["a ttl_seconds that is no number", '{"type":"CREATE_ROOM","ttl_seconds":"60"}'],
  ["features that are no list", '{"type":"CREATE_ROOM","features":"turns"}'],
  ["features that are no strings", '{"type":"CREATE_ROOM","features":[1]}'],
  ["a binary frame", Buffer.from('{"type":"CREATE_ROOM"}')],
  ["a request over 16 KiB", JSON.stringify({ type: "CREATE_ROOM", pad: "x".repeat(16 * 1024) })],
  ["a first message of megabytes", "x".repeat(9_000_000)],
])("refuses %s as invalid_request", async (_, frame) => {
  const started = await relay({ closeMs: 300 });
  const a = await client(started.url);
  a.send(frame);
  expect(await a.text()).toBe('{"type":"ERROR","reason":"invalid_request"}');
  expect(await a.ended).toEqual({ code: 4003, reason: "refused" });
  expect(await roomsOf(started)).toBe(0);
});

test("refuses a first message of megabytes when 20 KiB of it have come, without waiting for the rest", async () => {
  const { port } = await relay({ closeMs: 200 });
  const socket = await rawUpgraded(port);
  socket.write(rawFrame(1, "x".repeat(20 * 1024), 9_000_000n));
  const [answer] = await once(socket, "data");
  expect(answer.toString("latin1")).toContain('{"type":"ERROR","reason":"invalid_request"}');
  await once(socket, "close");
});

test("takes a request of exactly 16 KiB", async () => {
  const { url } = await relay();
  const a = await client(url);
  const bare = JSON.stringify({ type: "CREATE_ROOM", pad: "" }).length;
  a.say({ type: "CREATE_ROOM", pad: "x".repeat(16 * 1024 - bare) });
  expect((await a.json()).type).toBe("ROOM_CREATED");
});

test.each(["aaaaaa", "AAAAAA", "", "a", "a".repeat(1000), "__proto__", "🗾"])("knows no room %j", async (room_id) => {
  const { url } = await relay();
  const b = await client(url);
  expect(await b.ask({ type: "JOIN_ROOM", room_id })).toEqual({ type: "ERROR", reason: "room_not_found" });
  expect(await b.ended).toEqual({ code: 4003, reason: "refused" });
});

test("an idle room goes with its sender at once, however it leaves", async () => {
  const started = await relay();
  for (const leave of ["close", "terminate"] as const) {
    const { self, room } = await sender(started.url);
    expect(await roomsOf(started)).toBe(1);
    self.ws[leave]();
    await eventually(() => roomsOf(started)).toBe(0);
    const b = await client(started.url);
    expect((await b.ask({ type: "JOIN_ROOM", room_id: room })).reason).toBe("room_not_found");
  }
});

test("refuses the room after RELAY_MAX_ROOMS, until one is free", async () => {
  const started = await relay({ maxRooms: 2 });
  const { self } = await sender(started.url);
  await sender(started.url);
  const third = await client(started.url);
  expect(await third.ask({ type: "CREATE_ROOM" })).toEqual({ type: "ERROR", reason: "too_many_rooms" });
  expect((await third.ended).code).toBe(CLOSE_CODE.refused);
  await self.close();
  await eventually(() => roomsOf(started)).toBe(1);
  await sender(started.url);
});

test("a room counts until its last peer has taken what is there for it, though it is no room any more", async () => {
  const started = await relay({ maxRooms: 1 });
  const { sender: a, receiver: b } = await pair(started.url);
  b.ws.pause();
  for (let i = 0; i < 5; i++) a.send(Buffer.alloc(8 * 1024 * 1024));
  // It has left as soon as the relay has read all; until then it is not read, because its receiver reads nothing.
  a.ws.terminate();
  await eventually(() => roomsOf(started)).toBe(0);
  const second = await client(started.url);
  expect((await second.ask({ type: "CREATE_ROOM" })).reason).toBe("too_many_rooms");
  b.ws.resume();
  expect((await b.ended).code).toBe(4001);
  await eventually(async () => (await (await client(started.url)).ask({ type: "CREATE_ROOM" })).type).toBe(
    "ROOM_CREATED",
  );
});

test("refuses the receiver after the last place in the queue", async () => {
  const { url } = await relay({ maxWaiting: 2 });
  const { room } = await pair(url);
  await receiver(url, room);
  await receiver(url, room);
  const late = await client(url);
  expect(await late.ask({ type: "JOIN_ROOM", room_id: room })).toEqual({ type: "ERROR", reason: "queue_full" });
  expect((await late.ended).code).toBe(CLOSE_CODE.refused);
});

test("lets 16 receivers of one address wait in a room, and others still come in", async () => {
  const { url } = await relay({ rateLimitMax: 6 });
  const { room } = await pair(url);
  for (let i = 0; i < 16; i++) await receiver(url, room);
  const surplus = async () => (await client(url)).ask({ type: "JOIN_ROOM", room_id: room });
  for (let i = 0; i < 3; i++) expect(await surplus()).toEqual({ type: "ERROR", reason: "queue_full" });
  const other = await client(url, { localAddress: "127.0.0.2" });
  expect((await other.ask({ type: "JOIN_ROOM", room_id: room })).type).toBe("ROOM_JOINED");
  const elsewhere = await pair(url);
  await receiver(url, elsewhere.room);
  // Two rooms and four refusals.
  expect(await surplus()).toEqual({ type: "ERROR", reason: "queue_full" });
  expect(await surplus()).toEqual({ type: "ERROR", reason: "rate_limited" });
});

test("counts rooms and failed joins against an address, but no join that succeeds", async () => {
  const { url } = await relay({ rateLimitMax: 3 });
  const { room } = await sender(url);
  for (let i = 0; i < 5; i++) await receiver(url, room);
  const lost = await client(url);
  expect((await lost.ask({ type: "JOIN_ROOM", room_id: "zzzzzz" })).reason).toBe("room_not_found");
  await sender(url);
  for (const request of [{ type: "CREATE_ROOM" }, { type: "JOIN_ROOM", room_id: room }]) {
    const fourth = await client(url);
    expect(await fourth.ask(request)).toEqual({ type: "ERROR", reason: "rate_limited" });
    expect((await fourth.ended).code).toBe(CLOSE_CODE.refused);
  }
});

test("serves an address again after the window, and others meanwhile", async () => {
  const now = vi.spyOn(performance, "now").mockReturnValue(1);
  const { url } = await relay({ rateLimitMax: 1, rateLimitWindowMs: 60_000 });
  await sender(url);
  const refused = await client(url);
  expect((await refused.ask({ type: "CREATE_ROOM" })).reason).toBe("rate_limited");
  const other = await client(url, { localAddress: "127.0.0.2" });
  expect((await other.ask({ type: "CREATE_ROOM" })).type).toBe("ROOM_CREATED");
  now.mockReturnValue(60_001);
  await sender(url);
});

test("silent connections take neither rooms nor the rate limit", async () => {
  const { url, port } = await relay({ rateLimitMax: 1, maxRooms: 1 });
  for (let i = 0; i < 10; i++) await client(url);
  await raw(port);
  await sender(url);
});

test("a room of 200,000 bytes lets so many through, both ways counted, and ends with 4011 at one more", async () => {
  const { url } = await relay({ maxRoomBytes: 200_000 });
  const { sender: a, receiver: b } = await pair(url);
  b.send(Buffer.alloc(50_000));
  expect((await a.next()).data.length).toBe(50_000);
  a.send(Buffer.alloc(150_000));
  expect((await b.next()).data.length).toBe(150_000);
  b.send("x");
  expect([(await a.ended).code, (await b.ended).code]).toEqual([4011, 4011]);
});
