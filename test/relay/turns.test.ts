/** Whose turn is next: one network that comes again and again does not keep others from a room whose sender serves one at a time. */
import { describe, expect, it, vi } from "vitest";
import { DEFAULTS } from "../../relay/src/config/settings.ts";
import type { Peer } from "../../relay/src/peers/peer.ts";
import type { Relay } from "../../relay/src/relay.ts";
import { Attempts } from "../../relay/src/rooms/attempts.ts";
import { Queue } from "../../relay/src/rooms/queue.ts";
import { parseNext } from "../../relay/src/wire.ts";
import { BEHIND_PROXY, callers, from, ofSlash24, ofSlash48, strangers } from "./callers.ts";
import { type Client, harness, lives } from "./support.ts";

const { relay, client } = harness();
const { join } = callers({ client });
const ALL = ["turns", "reclaim", "tags"];
const HONEST = "198.51.100.1";

async function sender(url: string, features: string[] = ALL) {
  const self = await client(url, from("192.0.2.1"));
  const created = await self.ask({ type: "CREATE_ROOM", features });
  expect(created.features).toEqual(features);
  return { self, room: created.room_id as string, token: created.reclaim_token as string };
}

const publicRelay = () => relay(BEHIND_PROXY);

async function joined(started: Relay, room: string, address: string): Promise<Client> {
  const { self, refused } = await join(started, room, address);
  expect(refused).toBeUndefined();
  return self;
}

/** The next turn, once its receiver has said who it is. */
async function turn(self: Client): Promise<{ tag: string; waiting: number; who: string }> {
  const { type, tag, waiting } = await self.json();
  expect(type).toBe("PEER_JOINED");
  return { tag, waiting, who: await self.text() };
}

async function over(self: Client, visitor: Client, failed?: string[]): Promise<void> {
  await visitor.close();
  expect((await self.json()).type).toBe("PEER_DISCONNECTED");
  self.say({ type: "NEXT", ...(failed && { failed }) });
}

describe("while one network has always somebody waiting", () => {
  it.each([
    ["one address", Array.from({ length: 16 }, () => "203.0.113.1")],
    ["one /24", ofSlash24("203.0.113", 32)],
    ["one /48", ofSlash48("2001:db8:1", 32)],
  ])("a receiver of another network is next after one turn: %s", async (_who, addresses) => {
    const started = await publicRelay();
    const { self, room } = await sender(started.url);
    const attackers: Client[] = [];
    for (const address of addresses) attackers.push(await joined(started, room, address));
    for (const attacker of attackers) attacker.send("attacker");
    expect((await join(started, room, addresses[0] as string)).self).toBeDefined();
    const honest = await joined(started, room, HONEST);
    honest.send("honest");
    let turns = 0;
    for (let last = attackers.shift(); last; last = attackers.shift()) {
      const { who } = await turn(self);
      if (who === "honest") break;
      turns += 1;
      await over(self, last);
      // Its next one comes at once.
      (await join(started, room, addresses[turns] as string)).self.send("attacker");
    }
    expect(turns).toBe(1);
  });
});

it("a network has half of the queue at most, and an address 16 places", async () => {
  const started = await publicRelay();
  const { self, room } = await sender(started.url);
  const served = await joined(started, room, "192.0.2.9");
  served.send("here");
  await turn(self);
  const refused = async (addresses: string[]) => {
    const answers = [];
    for (const address of addresses) answers.push((await join(started, room, address)).refused);
    return answers.filter((it) => it === "queue_full").length;
  };
  expect(await refused(Array.from({ length: 20 }, () => "203.0.113.1"))).toBe(4);
  expect(await refused(ofSlash24("203.0.113", 20).slice(2))).toBe(2);
  expect(await refused(ofSlash48("2001:db8:1", 40))).toBe(8);
});

it("a full queue makes way for a network that has fewer there: the last to come of the one that has most", async () => {
  const started = await publicRelay();
  const { self, room } = await sender(started.url);
  (await joined(started, room, "192.0.2.9")).send("here");
  await turn(self);
  const waiting: Client[] = [];
  for (const address of strangers(4)) for (let i = 0; i < 16; i++) waiting.push(await joined(started, room, address));
  await joined(started, room, HONEST);
  const last = waiting.at(-1) as Client;
  expect(await last.json()).toEqual({ type: "ERROR", reason: "queue_full" });
  expect(await last.ended).toEqual({ code: 4003, reason: "refused" });
  expect(waiting.slice(0, -1).map(({ unread }) => unread)).toEqual(Array(63).fill(0));
});

describe("a receiver that is refused", () => {
  const TRIES = { rateLimitMax: 5 };

  async function refusals(started: Relay, room: string, address: string, tries: number) {
    const answers = [];
    for (let i = 0; i < tries; i++) answers.push((await join(started, room, address)).refused);
    return answers;
  }

  it("by a full queue has made a request, which a receiver that waits has not", async () => {
    const started = await relay({ ...BEHIND_PROXY, ...TRIES });
    const { self, room } = await sender(started.url);
    (await joined(started, room, "192.0.2.9")).send("here");
    await turn(self);
    expect(await refusals(started, room, "203.0.113.1", 22)).toEqual([
      ...Array(16).fill(undefined),
      ...Array(5).fill("queue_full"),
      "rate_limited",
    ]);
    expect((await join(started, room, HONEST)).refused).toBeUndefined();
  });

  it("for failed attempts of its network has made one too", async () => {
    const started = await relay({ ...BEHIND_PROXY, ...TRIES });
    const { self, room } = await sender(started.url);
    const attacker = await joined(started, room, "203.0.113.1");
    attacker.send("attacker");
    const { tag } = await turn(self);
    await over(self, attacker, [tag, tag, tag]);
    await lives(self.ws);
    expect(await refusals(started, room, "203.0.113.2", 6)).toEqual([
      ...Array(5).fill("too_many_attempts"),
      "rate_limited",
    ]);
  });

  it("by a full queue costs no look at the addresses of those that wait", () => {
    const queue = new Queue(DEFAULTS, new Attempts([]));
    for (let i = 0; i < DEFAULTS.maxWaiting; i++) queue.add({} as Peer, `2001:db8:${i.toString(16)}:1::/64`);
    const split = vi.spyOn(String.prototype, "split");
    const placeFor = queue.hasPlaceFor("2001:db8:ffff:1::/64");
    const taken = split.mock.calls.length;
    split.mockRestore();
    expect(placeFor).toBe(false);
    // Those of the one that comes.
    expect(taken).toBeLessThan(10);
  });
});

describe("tags", () => {
  it("are the same for one network in one room, and others in another room", async () => {
    const started = await publicRelay();
    const tags: string[][] = [];
    for (let i = 0; i < 2; i++) {
      const { self, room } = await sender(started.url);
      const of: string[] = [];
      for (const address of ["203.0.113.1", "203.0.113.2", "2001:db8:1:2::1", "2001:db8:1:f00::1", HONEST]) {
        const visitor = await joined(started, room, address);
        visitor.send("here");
        const { tag, waiting } = await turn(self);
        expect(tag).toMatch(/^[0-9a-f]{16}$/);
        expect(waiting).toBe(0);
        of.push(tag);
        await over(self, visitor);
      }
      expect([of[0], of[2]]).toEqual([of[1], of[3]]);
      expect(new Set(of).size).toBe(3);
      tags.push(of);
    }
    expect(new Set(tags.flat()).size).toBe(6);
  });

  it("and what waits are told to nobody who has not asked", async () => {
    const started = await publicRelay();
    for (const features of [[], ["turns"], ["turns", "reclaim"]]) {
      const { self, room } = await sender(started.url, features);
      await joined(started, room, HONEST);
      expect(await self.text()).toMatch(/^\{"type":"PEER_JOINED","peer_id":"conn_[a-z0-9]+"\}$/);
    }
  });

  it("say how many others wait", async () => {
    const started = await publicRelay();
    const { self, room } = await sender(started.url);
    const first = await joined(started, room, HONEST);
    first.send("first");
    expect((await turn(self)).waiting).toBe(0);
    for (let i = 0; i < 3; i++) (await joined(started, room, HONEST)).send("next");
    await over(self, first);
    expect((await turn(self)).waiting).toBe(2);
  });
});

describe("a network that the sender names for a failed attempt", () => {
  it("waits behind the others, and after three gets no turn and no place", async () => {
    const started = await publicRelay();
    const { self, room } = await sender(started.url);
    let attacker = await joined(started, room, "203.0.113.1");
    attacker.send("attacker");
    const { tag } = await turn(self);
    // Two honest ones of a network that has had more turns than the attacker's.
    const failed = [tag];
    const early = [await joined(started, room, HONEST), await joined(started, room, "198.51.100.2")];
    for (const one of early) one.send("honest");
    const again = await joined(started, room, "203.0.113.2");
    again.send("attacker");
    await over(self, attacker, failed);
    expect((await turn(self)).who).toBe("honest");
    await over(self, early[0] as Client, failed);
    expect((await turn(self)).who).toBe("honest");
    await over(self, early[1] as Client, failed);
    expect((await turn(self)).who).toBe("attacker");
    attacker = again;
    const waits = await joined(started, room, "203.0.113.3");
    failed.push(tag, tag);
    await over(self, attacker, failed);
    expect(await waits.json()).toEqual({ type: "ERROR", reason: "too_many_attempts" });
    expect((await waits.ended).code).toBe(4003);
    expect((await join(started, room, "203.0.113.4")).refused).toBe("too_many_attempts");
    (await joined(started, room, "198.51.100.3")).send("honest");
    expect((await turn(self)).who).toBe("honest");
  });

  it("is still known when the sender has taken its room back, and says so", async () => {
    const started = await publicRelay();
    const { self, room, token } = await sender(started.url);
    (await joined(started, room, "203.0.113.1")).send("attacker");
    const { tag } = await turn(self);
    (await joined(started, room, "203.0.113.2")).send("attacker");
    (await joined(started, room, HONEST)).send("honest");
    self.ws.terminate();
    let back: Client;
    let answer: { type: string };
    do {
      back = await client(started.url, from("192.0.2.1"));
      const claim = {
        type: "CREATE_ROOM",
        room_id: room,
        reclaim_token: token,
        features: ALL,
        failed: [tag, tag, tag],
      };
      answer = await back.ask(claim);
    } while (answer.type !== "ROOM_CREATED");
    expect((await turn(back)).who).toBe("honest");
    expect((await join(started, room, "203.0.113.3")).refused).toBe("too_many_attempts");
  });

  it("is not believed to be any other: unknown tags, of another room or of none, change nothing", async () => {
    const started = await publicRelay();
    const { self, room } = await sender(started.url);
    const first = await joined(started, room, HONEST);
    first.send("first");
    await turn(self);
    await over(self, first, Array(10).fill("0123456789abcdef"));
    (await joined(started, room, HONEST)).send("second");
    expect((await turn(self)).who).toBe("second");
  });
});

describe("NEXT", () => {
  const frame = (message: object) => Buffer.from(JSON.stringify(message));
  const failed = Array(20).fill("0123456789abcdef");

  it("has up to 20 tags with tags, and is the word of old without", () => {
    expect(parseNext(frame({ type: "NEXT", failed }), false, true)).toEqual({ type: "NEXT", failed });
    expect(parseNext(frame({ type: "NEXT", failed }), false, false)).toBeUndefined();
    expect(parseNext(frame({ type: "NEXT" }), false, false)).toEqual({ type: "NEXT" });
  });

  it.each([[5], ["x"], [null], [[1]], [{}]])("is one all the same with failed %j, which says nothing", (wrong) => {
    for (const withTags of [false, true]) {
      expect(parseNext(frame({ type: "NEXT", failed: wrong }), false, withTags)?.failed).toBeUndefined();
      expect(parseNext(frame({ type: "NEXT", failed: wrong }), false, withTags)?.type).toBe("NEXT");
    }
  });
});
