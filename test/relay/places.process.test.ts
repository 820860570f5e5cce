/**
 * What a few can take of a relay with default settings, counted: rooms, pairs and requests by address and by network; and
 * whose rooms a full relay gives away. The figures stand in SECURITY.md and relay/README.md.
 */

import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { circlesOf, networkOf } from "../../relay/src/limits/networks.ts";
import { Places } from "../../relay/src/limits/places.ts";
import type { RelayEvent } from "../../relay/src/observe/events.ts";
import type { Relay, RelayOptions } from "../../relay/src/relay.ts";
import { until } from "../support/wait.ts";
import { from, type Held, ofSlash24, ofSlash48, strangers } from "./callers.ts";
import { HONEST, LINGERING, publicRelays } from "./public-relay.ts";
import { type Client, roomsOf } from "./support.ts";

const { client, undo, publicRelay, nextMinute, lostOf, create, created, join, takeAll, endWithReceiver } =
  publicRelays();

describe("of the 1,000 rooms of a relay", () => {
  it.each([
    ["one address: 64", ["203.0.113.1"], 64],
    ["one IPv6 /64: 64", ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:3::1"], 64],
    ["one IPv6 /56: 128", Array.from({ length: 256 }, (_, i) => `2001:db8:1:${i.toString(16)}::1`), 128],
    ["four addresses of four networks: 256", strangers(4), 256],
  ] as [string, string[], number][])(
    "%s can be taken, and somebody else still gets one",
    async (_who, addresses, rooms) => {
      const relay = await publicRelay();
      const taken = await takeAll(relay, addresses, nextMinute);
      expect(taken.filter(({ closed }) => closed === undefined).length).toBe(rooms);
      expect(await roomsOf(relay)).toBe(rooms);
      const honest = await created(relay, HONEST);
      expect(await lostOf(taken, 0)).toBe(0);

      // They go on for as long as they like: it keeps its room, and a receiver finds it.
      nextMinute();
      for (const address of addresses) await create(relay, address);
      expect(honest.closed).toBeUndefined();
      expect((await join(relay, honest.room, "198.51.100.99")).refused).toBeUndefined();
    },
  );
});

describe("rooms that have ended, whose receivers answer no close,", () => {
  it("count against their address and its networks until the last peer is gone", async () => {
    const relay = await publicRelay(LINGERING);
    const attackers = ["2001:db8:1:1::1", "2001:db8:1:2::1"];
    const receivers: Client[] = [];
    for (const held of await takeAll(relay, attackers, nextMinute)) receivers.push(await endWithReceiver(relay, held));
    expect([receivers.length, await roomsOf(relay)]).toEqual([128, 0]);
    nextMinute();
    expect(await create(relay, "2001:db8:1:1::1")).toBe("too_many_rooms");
    expect(await create(relay, "2001:db8:1:3::1")).toBe("too_many_rooms");
    await created(relay, HONEST);
    const last = receivers.at(-1) as Client;
    last.ws.resume();
    expect((await last.ended).code).toBe(1000);
    await created(relay, "2001:db8:1:3::1");
  });
});

/** A relay, and how many rooms it has kept so far for senders that were lost. */
async function keepingRelay(settings: RelayOptions = {}) {
  const events: RelayEvent[] = [];
  const relay = await publicRelay({ onEvent: (event) => events.push(event), ...settings });
  return { relay, kept: () => events.filter(({ event }) => event === "room-kept").length };
}

/** Loses the senders of rooms, all of which are kept. */
async function drop(held: readonly Held[], kept: () => number): Promise<void> {
  for (const { self } of held) self.ws.terminate();
  await until("the rooms are kept", () => kept() === held.length);
}

describe("rooms that wait for their senders", () => {
  it("are no shield: of four /48s they are 1,000, and others still get a room each", async () => {
    const { relay, kept } = await keepingRelay();
    const attackers = [1, 2, 3, 4].flatMap((n) => ofSlash48(`2001:db8:${n}`, 16));
    const taken = await takeAll(relay, attackers, nextMinute);
    await drop(taken, kept);
    expect([taken.length, await roomsOf(relay)]).toEqual([1000, 1000]);
    for (const address of strangers(20)) await created(relay, address);
    expect([await roomsOf(relay), relay.ended.get("displaced")]).toEqual([1000, 20]);
  });

  it.each([
    ["an address: 2", ["203.0.113.1"], 2],
    ["a /56: 4", Array.from({ length: 8 }, (_, i) => `2001:db8:1:${i}::1`), 4],
    ["a /48: 8", ofSlash48("2001:db8:1", 8), 8],
    ["a /24: 8", ofSlash24("203.0.113", 8), 8],
  ])("are limited as rooms are, where an address may have 2, for %s", async (_who, addresses, most) => {
    const { relay, kept } = await keepingRelay({ maxKeptPerAddress: 2 });
    const held: Held[] = [];
    for (let i = 0; i < 16; i++) held.push(await created(relay, addresses[i % addresses.length] as string));
    for (const { self } of held) self.ws.terminate();
    await until("they are kept, or have ended", () => kept() + (relay.ended.get("peer-left") ?? 0) === 16);
    expect([kept(), await roomsOf(relay)]).toEqual([most, most]);
  });
});

describe("a full relay", () => {
  const FULL = { maxRooms: 4 };

  it("cuts what is left of ended rooms before it ends one, and only of networks above their fair share", async () => {
    const relay = await publicRelay({ ...FULL, ...LINGERING });
    const slow = await endWithReceiver(relay, await created(relay, "192.0.2.1"));
    const living = await created(relay, "203.0.113.1");
    const ended = [await created(relay, "203.0.113.1"), await created(relay, "203.0.113.1")];
    const cut = [];
    for (const held of ended) cut.push(await endWithReceiver(relay, held));
    await created(relay, HONEST);
    await created(relay, "100.64.0.7");
    expect(await create(relay, "100.64.1.7")).toBe("too_many_rooms");
    for (const { ws } of [slow, ...cut]) ws.resume();
    expect((await slow.ended).code).toBe(1000);
    expect(living.closed).toBeUndefined();
    expect([await roomsOf(relay), relay.ended.get("displaced")]).toEqual([3, undefined]);
  });

  it("ends the oldest room of the network that is most above its fair share, with 4012, and for good", async () => {
    const relay = await publicRelay(FULL);
    const [first, second, third] = [
      await created(relay, "203.0.113.1"),
      await created(relay, "203.0.113.1"),
      await created(relay, "203.0.113.1"),
    ];
    await created(relay, "192.0.2.1");
    await created(relay, HONEST);
    expect(await first.self.ended).toEqual({ code: 4012, reason: "displaced" });
    expect([second.closed, third.closed, relay.ended.get("displaced")]).toEqual([undefined, undefined, 1]);
    const back = await client(relay.url, from("203.0.113.1"));
    const claim = { type: "CREATE_ROOM", room_id: first.room, reclaim_token: first.token, features: ["reclaim"] };
    expect(await back.ask(claim)).toEqual({ type: "ERROR", reason: "room_not_found" });
    expect(await roomsOf(relay)).toBe(4);
  });

  it("ends no room with a receiver, be it served or waiting, and one without that waits for its sender as any other", async () => {
    const { relay, kept } = await keepingRelay(FULL);
    const held: Held[] = [];
    for (let i = 0; i < 4; i++) held.push(await created(relay, "203.0.113.1"));
    const [served, waitedFor, away, living] = held as [Held, Held, Held, Held];
    await join(relay, served.room, "192.0.2.9");
    await drop([waitedFor, away], kept);
    await join(relay, waitedFor.room, "192.0.2.9");
    await created(relay, HONEST);
    expect([living.closed, relay.ended.get("displaced"), await roomsOf(relay)]).toEqual([undefined, 1, 4]);
    await created(relay, "192.0.2.1");
    expect(await living.self.ended).toMatchObject({ code: 4012 });
    expect(await create(relay, "100.64.0.7")).toBe("too_many_rooms");
    expect([relay.ended.get("displaced"), await roomsOf(relay)]).toEqual([2, 4]);
  });

  it("gives a room that it ended while its sender was away back to that sender, once there is a place", async () => {
    const { relay, kept } = await keepingRelay(FULL);
    const away = await created(relay, "203.0.113.1");
    const others = [];
    for (let i = 0; i < 3; i++) others.push(await created(relay, "203.0.113.1"));
    await drop([away], kept);
    await created(relay, HONEST);
    expect(relay.ended.get("displaced")).toBe(1);
    const claim = { type: "CREATE_ROOM", room_id: away.room, reclaim_token: away.token, features: ["reclaim"] };
    const back = async () => (await client(relay.url, from(away.address))).ask(claim);
    expect(await back()).toEqual({ type: "ERROR", reason: "too_many_rooms" });
    await others[0]?.self.close(1000);
    expect(await back()).toMatchObject({ type: "ROOM_CREATED", room_id: away.room });
  });

  it("gives nothing to a network that has half of its fair share, and takes nobody's only room", async () => {
    const relay = await publicRelay(FULL);
    for (const address of ["203.0.113.1", "203.0.113.1", "203.0.113.1", "192.0.2.1"]) await created(relay, address);
    expect(await create(relay, "192.0.2.1")).toBe("too_many_rooms");
    expect(await create(relay, "192.0.2.2")).toBe("too_many_rooms");
    for (const address of strangers(2)) await created(relay, address);
    // Four networks with one room each.
    expect(await create(relay, HONEST)).toBe("too_many_rooms");
  });
});

it("pairs are 64 of one address, 256 of a /24 or /48, and others still get one", async () => {
  const relay = await publicRelay();
  let made = 0;
  const pair = async (address: string) => {
    const ws = new WebSocket(`${relay.url}/?pair=${made}`, from(address));
    undo.push(() => ws.terminate());
    ws.on("error", () => {});
    const status = await Promise.race([
      once(ws, "open").then(() => 101),
      once(ws, "unexpected-response").then(([, { statusCode }]) => (statusCode as IncomingMessage["statusCode"]) ?? 0),
    ]);
    if (status === 101) made += 1;
    return status;
  };
  for (let i = 0; i < 64; i++) expect(await pair("203.0.113.1")).toBe(101);
  expect(await pair("203.0.113.1")).toBe(503);
  for (const address of ofSlash24("203.0.113", 256).slice(2)) await pair(address);
  expect(made).toBe(256);
  for (const address of ofSlash48("2001:db8:1", 300)) await pair(address);
  expect(made).toBe(512);
  expect(await pair(HONEST)).toBe(101);
});

describe("pairs that have ended, whose sides answer no close,", () => {
  const side = (relay: Relay, code: number, address: string) => client(`${relay.url}/?pair=${code}`, from(address));

  async function endPair(relay: Relay, code: number, address: string): Promise<Client> {
    const first = await side(relay, code, address);
    const second = await side(relay, code, "192.0.2.9");
    first.send(Buffer.from("data"));
    await second.next();
    second.ws.pause();
    await first.close(1000);
    return second;
  }

  it("count against their address until both are gone", async () => {
    const relay = await publicRelay(LINGERING);
    const seconds = [];
    for (let code = 0; code < 64; code++) seconds.push(await endPair(relay, code, "203.0.113.1"));
    await expect(side(relay, 64, "203.0.113.1")).rejects.toThrow("503");
    await side(relay, 64, HONEST);
    seconds[0]?.ws.resume();
    await seconds[0]?.ended;
    await side(relay, 65, "203.0.113.1");
  });

  it("are cut for others where there is no place for more", async () => {
    const relay = await publicRelay({ ...LINGERING, maxPairs: 4 });
    for (let code = 0; code < 4; code++) await endPair(relay, code, "203.0.113.1");
    await expect(side(relay, 4, "203.0.113.1")).rejects.toThrow("503");
    for (const address of strangers(3)) await (await side(relay, 0, address)).close(1000);
    const held = [];
    for (const [i, address] of strangers(3).entries()) held.push(await side(relay, i, address));
    await expect(side(relay, 4, HONEST)).rejects.toThrow("503");
    expect(held.map(({ ws }) => ws.readyState)).toEqual([1, 1, 1]);
  });
});

describe("requests in a minute", () => {
  it.each([
    ["20 of an address", ["203.0.113.1"], 20],
    ["80 of a /56", Array.from({ length: 256 }, (_, i) => `2001:db8:1:${i.toString(16)}::1`), 80],
    ["320 of a /24", ofSlash24("203.0.113", 256), 320],
    ["320 of a /48", ofSlash48("2001:db8:1", 1000), 320],
  ])("are %s", async (_what, addresses, allowed) => {
    const relay = await publicRelay({ maxRooms: 10_000 });
    const answers: (Held | string)[] = [];
    for (let i = 0; i <= allowed; i++) answers.push(await create(relay, addresses[i % addresses.length] as string));
    expect(answers.filter((it) => typeof it !== "string").length).toBe(allowed);
    expect(answers.at(-1)).toBe("rate_limited");
    expect(typeof (await create(relay, HONEST))).toBe("object");
  });

  it("are 160 joins of no room for a /48", async () => {
    const relay = await publicRelay();
    const misses: (string | undefined)[] = [];
    for (const address of ofSlash48("2001:db8:1", 161)) misses.push((await join(relay, "zzzzzz", address)).refused);
    expect(misses.filter((it) => it === "room_not_found").length).toBe(160);
    expect(misses.at(-1)).toBe("rate_limited");
  });
});

describe("networks", () => {
  it.each([
    ["203.0.113.7", ["203.0.113.7", "203.0.113.0/24"]],
    ["2001:db8:1:2ff::/64", ["2001:db8:1:2ff::/64", "2001:db8:1:200::/56", "2001:db8:1::/48"]],
    ["2001:db8:1:2::/64", ["2001:db8:1:2::/64", "2001:db8:1:0::/56", "2001:db8:1::/48"]],
  ])("around %s are %j", (address, keys) => {
    expect(circlesOf(address).map(({ key }) => key)).toEqual(keys);
    expect(networkOf(address)).toBe(keys.at(-1));
  });

  it("are forgotten with the last place that they held", () => {
    const places = new Places<number>(10);
    for (let i = 0; i < 1000; i++) {
      places.take(i, `203.0.${i % 256}.1`);
      places.move(i, `2001:db8:${(i % 256).toString(16)}:1::/64`);
    }
    expect(places.size).toBe(256);
    for (let i = 0; i < 1000; i++) places.free(i);
    for (let i = 0; i < 1000; i++) places.free(i);
    expect(places.size).toBe(0);
    expect(places.toDisplace("203.0.113.1", () => true)).toBeUndefined();
  });
});
