/** The rest of what a few can take of a relay with default settings, and what a company keeps meanwhile: places.process.test.ts has the others. */
import { describe, expect, it } from "vitest";
import type { Relay } from "../../relay/src/relay.ts";
import { type Held, ofSlash24, ofSlash48, strangers } from "./callers.ts";
import { HONEST, LINGERING, publicRelays } from "./public-relay.ts";
import { roomsOf } from "./support.ts";

const { publicRelay, nextMinute, lostOf, create, created, join, takeAll, endWithReceiver } = publicRelays();

describe("of the 1,000 rooms of a relay", () => {
  it.each([
    ["an IPv4 /24: 256", ofSlash24("203.0.113", 256), 256],
    ["an IPv6 /48: 256", ofSlash48("2001:db8:1", 400), 256],
    ["50 addresses of 50 networks: 1,000", strangers(50), 1000],
    ["100 addresses of 100 networks: 1,000", strangers(100), 1000],
    ["four IPv6 /48s: 1,000", [1, 2, 3, 4].flatMap((n) => ofSlash48(`2001:db8:${n}`, 250)), 1000],
    ["four IPv4 /24s: 1,000", [1, 2, 3, 4].flatMap((n) => ofSlash24(`203.0.${n}`, 250)), 1000],
  ] as [string, string[], number][])(
    "%s can be taken, and somebody else still gets one",
    async (_who, addresses, rooms) => {
      const relay = await publicRelay();
      const taken = await takeAll(relay, addresses, nextMinute);
      expect(taken.filter(({ closed }) => closed === undefined).length).toBe(rooms);
      expect(await roomsOf(relay)).toBe(rooms);
      const honest = await created(relay, HONEST);
      expect(await lostOf(taken, rooms === 1000 ? 1 : 0)).toBe(rooms === 1000 ? 1 : 0);

      // They go on for as long as they like: it keeps its room, and a receiver finds it.
      nextMinute();
      for (const address of addresses) await create(relay, address);
      expect(honest.closed).toBeUndefined();
      expect((await join(relay, honest.room, "198.51.100.99")).refused).toBeUndefined();
    },
  );

  it("are not to be had by anybody else where 16 addresses keep a receiver in each of theirs", async () => {
    const relay = await publicRelay();
    const attackers = strangers(16);
    for (const { room, address } of await takeAll(relay, attackers, nextMinute)) await join(relay, room, address);
    expect(await create(relay, HONEST)).toBe("too_many_rooms");
  });

  it("ended ones, whose receivers answer no close, are no shield: of four /48s they are 1,000, and others get a room each", async () => {
    const relay = await publicRelay(LINGERING);
    const attackers = [1, 2, 3, 4].flatMap((n) => ofSlash48(`2001:db8:${n}`, 16));
    const taken = await takeAll(relay, attackers, nextMinute);
    for (const held of taken) await endWithReceiver(relay, held);
    expect([taken.length, await roomsOf(relay)]).toEqual([1000, 0]);
    for (const address of strangers(20)) await created(relay, address);
    expect(await roomsOf(relay)).toBe(20);
  });

  const COMPANY = {
    "200 addresses": ofSlash24("198.51.100", 200),
    "20 addresses": ofSlash24("198.51.100", 20),
    "4 addresses": ofSlash24("198.51.100", 4),
  };

  async function company(relay: Relay, addresses: readonly string[]): Promise<Held[]> {
    const honest: Held[] = [];
    for (let i = 0; i < 200; i++) {
      if (i % 20 === 0) nextMinute();
      honest.push(await created(relay, addresses[i % addresses.length] as string));
    }
    return honest;
  }

  it("200 honest senders of one /24 lose none to 100 attackers who take what they can, minute after minute", async () => {
    const relay = await publicRelay();
    const honest = await company(relay, COMPANY["20 addresses"]);
    const taken = await takeAll(relay, strangers(100), nextMinute);
    for (let minute = 0; minute < 3; minute++) {
      nextMinute();
      for (const address of strangers(100)) expect(await create(relay, address)).toBe("too_many_rooms");
    }
    expect([await roomsOf(relay), taken.length]).toEqual([1000, 800]);
    expect(honest.filter(({ closed }) => closed !== undefined).length).toBe(0);
  });

  it.each([
    ["200 addresses", 0],
    ["20 addresses", 0],
    ["4 addresses", 45],
  ] as const)(
    "of 200 honest senders of one /24, behind %s, %i lose theirs where 13 fill the relay so that 87 displace",
    async (behind, lost) => {
      const relay = await publicRelay();
      const honest = await company(relay, COMPANY[behind]);
      await takeAll(relay, strangers(13), nextMinute);
      await takeAll(relay, strangers(87, 13), nextMinute);
      expect(await lostOf(honest, lost)).toBe(lost);
    },
  );

  it("200 honest senders of one /24 who come when 100 attackers have all of it get a room each, and keep it", async () => {
    const relay = await publicRelay();
    const taken = await takeAll(relay, strangers(100), nextMinute);
    expect(taken.length).toBe(1000);
    const honest: Held[] = [];
    for (const address of COMPANY["200 addresses"]) honest.push(await created(relay, address));
    expect(await lostOf(taken, 200)).toBe(200);
    nextMinute();
    for (const address of strangers(100)) await create(relay, address);
    expect(honest.filter(({ closed }) => closed !== undefined)).toEqual([]);
  });
});
