/** Rooms that outlive their sender's connection: kept by a relay that lives, made again by one that was restarted. */
import { once } from "node:events";
import { expect, test, vi } from "vitest";
import type { Settings } from "../../relay/src/config/settings.ts";
import type { RelayEvent } from "../../relay/src/observe/events.ts";
import { startRelay } from "../../relay/src/relay.ts";
import { Claims } from "../../relay/src/rooms/reclaim.ts";
import { later } from "../support/later.ts";
import { eventually } from "../support/wait.ts";
import { NEVER_MS, PATIENT, pass, stopClock } from "./clock.ts";
import { type Client, harness, roomsOf } from "./support.ts";

const SECRET = "the secret of this test, thirty-two characters";
const { relay, client, sender, receiver, undo } = harness();
const FEATURES = ["turns", "reclaim"];
const JOINED = { type: "PEER_JOINED", peer_id: expect.any(String) };

/** A sender that may take its room back, and its token. */
async function owner(url: string, request: object = {}) {
  const self = await client(url);
  const created = await self.ask({ type: "CREATE_ROOM", features: FEATURES, ...request });
  expect(created).toMatchObject({ type: "ROOM_CREATED", features: FEATURES, reclaim_token: expect.any(String) });
  return { self, room: created.room_id as string, token: created.reclaim_token as string };
}

interface Owned {
  room: string;
  token: string;
}

const takingBack = ({ room, token }: Owned) => ({
  type: "CREATE_ROOM",
  room_id: room,
  reclaim_token: token,
  features: FEATURES,
});

async function takeBack(url: string, owned: Owned) {
  const self = await client(url);
  return { self, answer: await self.ask(takingBack(owned)) };
}

/** Until the one before is known to be lost. */
async function takenBack(url: string, owned: Owned): Promise<Client> {
  for (;;) {
    const { self, answer } = await takeBack(url, owned);
    if (answer.type === "ROOM_CREATED") return self;
    expect(answer).toEqual({ type: "ERROR", reason: "room_held" });
  }
}

test("a sender that asks for nothing gets no token, and loses its room with its connection, as of old", async () => {
  const started = await relay();
  for (const features of [undefined, ["turns"]]) {
    const a = await client(started.url);
    const created = await a.ask({ type: "CREATE_ROOM", features });
    expect(created.reclaim_token).toBeUndefined();
    const b = await receiver(started.url, created.room_id);
    a.ws.terminate();
    expect((await b.ended).code).toBe(4001);
    expect(await roomsOf(started)).toBe(0);
  }
});

test("a room is kept for a sender that is lost: receivers wait, and are served when it is back", async () => {
  const events: RelayEvent[] = [];
  const started = await startRelay({ host: "127.0.0.1", port: 0, onEvent: (event) => events.push(event) });
  undo.push(() => started.stop());
  const { url } = started;
  const began = performance.now();
  const a = await owner(url, { ttl_seconds: 600 });
  const b = await receiver(url, a.room);
  await a.self.json();
  b.send("begun");
  expect(await a.self.text()).toBe("begun");
  a.self.send("half of it");
  expect(await b.text()).toBe("half of it");
  a.self.ws.terminate();
  expect(await b.ended).toEqual({ code: 4001, reason: "peer-left" });

  const [c, d] = [await receiver(url, a.room), await receiver(url, a.room)];
  c.send("said while nobody was there");
  const back = await client(url);
  const answer = await back.ask(takingBack(a));
  expect(answer).toEqual({
    type: "ROOM_CREATED",
    room_id: a.room,
    expires_in: expect.any(Number),
    features: FEATURES,
    reclaim_token: a.token,
  });
  // Of the 600 there is left what has not passed.
  expect(answer.expires_in).toBeGreaterThanOrEqual(Math.floor(600 - (performance.now() - began) / 1000));
  expect(answer.expires_in).toBeLessThanOrEqual(600);
  expect(await back.json()).toEqual(JOINED);
  expect(await back.text()).toBe("said while nobody was there");
  back.send("all of it");
  expect(await c.text()).toBe("all of it");
  await c.close();
  expect((await back.json()).type).toBe("PEER_DISCONNECTED");
  back.say({ type: "NEXT" });
  expect(await back.json()).toEqual(JOINED);
  d.send("next");
  expect(await back.text()).toBe("next");
  await back.close(1000);
  expect(await d.ended).toMatchObject({ code: 4001 });
  expect(await roomsOf(started)).toBe(0);
  const told = events.filter(({ event }) => event.startsWith("room-"));
  expect(told).toEqual([
    { event: "room-kept", why: "peer-left", room: a.room },
    { event: "room-reclaimed", room: a.room },
    { event: "room-ended", why: "done", room: a.room },
  ]);
});

test("a sender that closes with 1000 has ended its room", async () => {
  const started = await relay();
  const a = await owner(started.url);
  const b = await receiver(started.url, a.room);
  const c = await receiver(started.url, a.room);
  await a.self.close(1000);
  expect((await b.ended).code).toBe(4001);
  expect(await c.json()).toEqual({ type: "ERROR", reason: "sender_disconnected" });
  expect(await roomsOf(started)).toBe(0);
});

test("a sender that does not come back in time loses its room, and those who wait are told", async () => {
  stopClock();
  const started = await relay({ ...PATIENT, reclaimMs: 1_000 });
  const a = await owner(started.url);
  a.self.ws.terminate();
  const b = await receiver(started.url, a.room);
  pass(1_000);
  expect(await b.json()).toEqual({ type: "ERROR", reason: "sender_disconnected" });
  expect(await roomsOf(started)).toBe(0);
});

test("a room is kept no longer than its lifetime, which does not begin again", async () => {
  stopClock();
  const started = await relay({ ...PATIENT, roomTtlMs: 1_000 });
  const a = await owner(started.url);
  pass(500);
  a.self.ws.terminate();
  const back = await takenBack(started.url, a);
  pass(500);
  expect(await back.ended).toEqual({ code: 4002, reason: "expired" });
  expect((await takeBack(started.url, a)).answer).toEqual({ type: "ERROR", reason: "room_not_found" });
});

test("those who wait in a kept room are told when its lifetime is over", async () => {
  stopClock();
  const started = await relay({ ...PATIENT, roomTtlMs: 1_000 });
  const a = await owner(started.url);
  a.self.ws.terminate();
  const b = await receiver(started.url, a.room);
  pass(1_000);
  expect(await b.json()).toEqual({ type: "ERROR", reason: "room_not_found" });
  expect((await b.ended).code).toBe(4002);
});

test("a room whose sender is there is not given away: the second one is refused, and nobody notices", async () => {
  const CHALLENGE_MS = 2_000;
  stopClock();
  const { url } = await relay({ ...PATIENT, challengeMs: CHALLENGE_MS });
  const a = await owner(url);
  const b = await receiver(url, a.room);
  await a.self.json();
  const pinged = once(a.self.ws, "ping");
  const { self, answer } = await takeBack(url, a);
  expect(answer).toEqual({ type: "ERROR", reason: "room_held" });
  expect((await self.ended).code).toBe(4003);
  await pinged;
  // The time that it had to show itself is over.
  b.send("does it live?");
  expect(await a.self.text()).toBe("does it live?");
  a.self.send("it does");
  expect(await b.text()).toBe("it does");
  pass(CHALLENGE_MS);
  expect((await takeBack(url, a)).answer.reason).toBe("room_held");
  b.send("still there");
  expect(await a.self.text()).toBe("still there");
});

test("a sender whose connection is dead, though nobody has said so, makes way within seconds", async () => {
  const { url } = await relay({ challengeMs: 1 });
  const dead = await client(url, { autoPong: false });
  const { room_id: room, reclaim_token: token } = await dead.ask({ type: "CREATE_ROOM", features: FEATURES });
  const b = await receiver(url, room);
  const back = await takenBack(url, { room, token });
  expect((await b.ended).code).toBe(4001);
  expect((await dead.ended).code).toBe(1006);
  const c = await receiver(url, room);
  expect(await back.json()).toEqual(JOINED);
  c.send("hello");
  expect(await back.text()).toBe("hello");
});

test("a sender that is not read, because its receiver takes nothing, can be taken over too", async () => {
  const { url } = await relay();
  const a = await owner(url);
  const stuck = await receiver(url, a.room);
  await a.self.json();
  stuck.ws.pause();
  for (let i = 0; i < 100; i++) a.self.send(Buffer.alloc(256 * 1024));
  await eventually(() => a.self.ws.bufferedAmount).toBeGreaterThan(0);
  const back = await takenBack(url, a);
  const c = await receiver(url, a.room);
  expect(await back.json()).toEqual(JOINED);
  c.send("hello");
  expect(await back.text()).toBe("hello");
  stuck.ws.resume();
  expect((await stuck.ended).code).toBe(1006);
});

/** A relay that ends, and another one at the same place. */
async function restarted(before: Partial<Settings>, after: Partial<Settings>) {
  const first = await relay(before);
  const a = await owner(first.url, { ttl_seconds: 600 });
  await first.stop();
  expect((await a.self.ended).code).toBe(4010);
  const { url } = await relay({ ...after, port: first.port });
  return { a, url };
}

test("a relay that was restarted with the same secret gives the room back under its id", async () => {
  const { a, url } = await restarted({ secret: SECRET }, { secret: SECRET });
  const early = await client(url);
  expect(await early.ask({ type: "JOIN_ROOM", room_id: a.room })).toEqual({ type: "ERROR", reason: "room_not_found" });
  const { self, answer } = await takeBack(url, a);
  expect(answer).toMatchObject({ type: "ROOM_CREATED", room_id: a.room, reclaim_token: a.token });
  expect(answer.expires_in).toBeLessThanOrEqual(600);
  await receiver(url, a.room);
  expect(await self.json()).toEqual(JOINED);
  // And it is the same for the next loss.
  self.ws.terminate();
  await takenBack(url, a);
});

test.each([
  ["another secret", { secret: SECRET }, { secret: SECRET.toUpperCase() }],
  ["none, which is a new one at each start", {}, {}],
])("a relay that was restarted with %s does not", async (_what, before, after) => {
  const { a, url } = await restarted(before, after);
  expect((await takeBack(url, a)).answer).toEqual({ type: "ERROR", reason: "room_not_found" });
});

test("a restarted relay with no room for more says so, and gives no id to two", async () => {
  const { a, url } = await restarted({ secret: SECRET }, { secret: SECRET, maxRooms: 1 });
  const other = await sender(url);
  expect((await takeBack(url, a)).answer).toEqual({ type: "ERROR", reason: "too_many_rooms" });
  // A token of the same id from another time: whoever has the room now keeps it.
  const forged = new Claims(SECRET).token({ room: other.room, createdMs: Date.now() - 60_000, ttlMs: 600_000 });
  expect((await takeBack(url, { room: other.room, token: forged })).answer.reason).toBe("room_not_found");
});

/** The relay's clock for limits, which stands still but for what the test adds. */
function stopLimits(): (ms: number) => void {
  let now = Math.ceil(performance.now());
  vi.spyOn(performance, "now").mockImplementation(() => now);
  later(() => vi.restoreAllMocks());
  return (ms) => {
    now += ms;
  };
}

test("wrong tokens open nothing, and count as joins of no room; right ones do not count, if seconds are between them", async () => {
  const laterBy = stopLimits();
  const { url } = await relay({ rateLimitMax: 4, maxFailedJoins: 4, rateLimitWindowMs: NEVER_MS });
  const a = await owner(url);
  const [created = "", ttl = "", mac = ""] = a.token.split(".");
  a.self.ws.terminate();
  for (let i = 0; i < 6; i++) {
    const back = await takenBack(url, a);
    back.ws.terminate();
    laterBy(10_000);
  }
  const wrong: Owned[] = [
    { room: a.room, token: `${created}.${Number(ttl) * 2}.${mac}` },
    { room: "aaaaaa", token: a.token },
    { room: a.room, token: "" },
  ];
  for (const one of wrong) {
    expect((await takeBack(url, one)).answer).toEqual({ type: "ERROR", reason: "room_not_found" });
  }
  expect((await takeBack(url, { room: a.room, token: a.token.slice(0, -1) })).answer.reason).toBe("rate_limited");
  await takenBack(url, a);
});

test("a room that is taken back again within seconds counts as a request, and is kept until its sender may ask", async () => {
  const laterBy = stopLimits();
  const { url } = await relay({ rateLimitMax: 4, rateLimitWindowMs: 60_000 });
  const a = await owner(url);
  a.self.ws.terminate();
  // Once as a loss that anybody has, and then three times as requests: with the room itself these are four.
  for (let i = 0; i < 4; i++) (await takenBack(url, a)).ws.terminate();
  expect((await takeBack(url, a)).answer).toEqual({ type: "ERROR", reason: "rate_limited" });
  const other = await client(url);
  expect(await other.ask({ type: "CREATE_ROOM" })).toEqual({ type: "ERROR", reason: "rate_limited" });
  laterBy(9_999);
  expect((await takeBack(url, a)).answer).toEqual({ type: "ERROR", reason: "rate_limited" });
  laterBy(1);
  await takenBack(url, a);
});

test("a room that has let through all that it may does not begin again", async () => {
  const { url } = await relay({ maxRoomBytes: 1000 });
  const a = await owner(url);
  const b = await receiver(url, a.room);
  expect(await a.self.json()).toEqual(JOINED);
  b.send(Buffer.alloc(1001));
  expect((await a.self.ended).code).toBe(4011);
  expect((await takeBack(url, a)).answer).toEqual({ type: "ERROR", reason: "room_not_found" });
});

test("fifty losses in a row leave nothing behind", async () => {
  const started = await relay({ maxRooms: 2 });
  const a = await owner(started.url);
  let self = a.self;
  for (let i = 0; i < 50; i++) {
    const b = await receiver(started.url, a.room);
    expect((await self.json()).type).toBe("PEER_JOINED");
    self.ws.terminate();
    await b.ended;
    self = await takenBack(started.url, a);
  }
  expect(await roomsOf(started)).toBe(1);
  await self.close(1000);
  expect(await roomsOf(started)).toBe(0);
  await sender(started.url);
  await sender(started.url);
});

test("no more rooms are kept for the senders of one address than the operator allows", async () => {
  const started = await relay({ maxKeptPerAddress: 2 });
  const [first, second, third] = [await owner(started.url), await owner(started.url), await owner(started.url)];
  for (const { self } of [first, second, third]) {
    self.ws.terminate();
    await self.ended;
  }
  await eventually(() => roomsOf(started)).toBe(2);
  // One that is back makes place for another.
  await takenBack(started.url, first);
  (await takenBack(started.url, third)).ws.terminate();
  await takenBack(started.url, second);
  await takenBack(started.url, third);
  expect(await roomsOf(started)).toBe(3);
});
