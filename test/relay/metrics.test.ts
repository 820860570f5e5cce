/** What Prometheus is shown: every scrape here is one of a real relay's own port, over HTTP. */

import { once } from "node:events";
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Settings } from "../../relay/src/config/settings.ts";
import { CLIENT_ENDS, PEER_DOORS, REFUSALS, TUNNEL_ENDS } from "../../relay/src/doors.ts";
import { CUTS } from "../../relay/src/observe/events.ts";
import type { Relay } from "../../relay/src/relay.ts";
import { startRelay } from "../../relay/src/relay.ts";
import { CLOSE_CODE, REFUSED } from "../../relay/src/wire.ts";
import { eventually } from "../support/wait.ts";
import { PATIENT, pass, stopClock } from "./clock.ts";
import { harness, lives, upgradeRequest } from "./support.ts";

const { relay, client, sender, receiver, pair, raw } = harness();

const watched = (settings: Partial<Settings> = {}) => relay({ metricsPort: 0, ...settings });

/** Every sample by its name and labels. */
async function scrape({ metricsUrl = "" }: Pick<Relay, "metricsUrl">): Promise<Map<string, number>> {
  const response = await fetch(metricsUrl);
  expect(response.status).toBe(200);
  const samples = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

/** Of the counters with a reason, those that are not 0 any more. */
async function counted(of: Relay): Promise<Record<string, number>> {
  const samples = await scrape(of);
  return Object.fromEntries([...samples].filter(([name, value]) => name.includes("why=") && value > 0));
}

const OF_TUNNELS = [
  "bad-tunnel-id",
  "no-websocket",
  "no-agent",
  "second-agent",
  "no-answer",
  "late-answer",
  "too-many-tunnels",
  "too-many-streams",
];
const GONE = Object.keys(CLOSE_CODE);
const sample = (name: string, why: string) => `relay_${name}_total{why="${why}"}`;
const by = (name: string, reasons: readonly string[]) => reasons.map((why) => sample(name, why));
const closedBy = (door: string, why: string) => `relay_connections_closed_total{door="${door}",why="${why}"}`;
const ALL = [
  ...by("cut", CUTS),
  ...by("turned_away", Object.keys(REFUSALS)),
  ...by("refused", REFUSED),
  ...by("rooms_ended", GONE),
  ...by("rooms_kept", GONE),
  ...by("pairs_ended", GONE),
  ...by("tunnels_ended", TUNNEL_ENDS),
  ...by("tunnel_clients_ended", CLIENT_ENDS),
  ...PEER_DOORS.flatMap((door) => GONE.map((why) => closedBy(door, why))),
];

it("has a counter for every reason of every table from the start, at 0, and for no other", async () => {
  const samples = await scrape(await watched());
  const withReason = [...samples].filter(([name]) => name.includes("why="));
  expect(withReason.map(([name]) => name).sort()).toEqual([...ALL].sort());
  expect(withReason.filter(([, value]) => value !== 0)).toEqual([]);
});

describe("with tokens", () => {
  const metricsTokens = ["a-token-of-an-operator", "and-another-of-the-same"];
  const asked = (url: string, authorization?: string) =>
    fetch(url, { headers: authorization === undefined ? {} : { authorization } });

  it.each([
    ["the relay's own port", {}],
    ["a port of its own", { metricsPort: 0 }],
  ] as const)("on %s, opens to each of them, and to nothing else", async (_where, settings) => {
    const started = await relay({ metricsTokens, ...settings });
    const url = started.metricsUrl ?? `http://127.0.0.1:${started.port}/metrics`;
    for (const wrong of [
      undefined,
      "",
      "Bearer",
      "Bearer a token",
      `Basic ${metricsTokens[0]}`,
      `Bearer ${metricsTokens}`,
    ]) {
      const response = await asked(url, wrong);
      expect([response.status, response.headers.get("www-authenticate"), await response.text()]).toEqual([
        401,
        "Bearer",
        "",
      ]);
    }
    for (const token of metricsTokens) {
      const response = await asked(url, `Bearer ${token}`);
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('relay_turned_away_total{why="unauthorized"} 6');
    }
  });

  it("is on the relay's own port only where it has no other, and only with tokens", async () => {
    const [own, other] = [await relay(), await relay({ metricsTokens, metricsPort: 0 })];
    for (const { port } of [own, other]) {
      expect((await asked(`http://127.0.0.1:${port}/metrics`, `Bearer ${metricsTokens[0]}`)).status).toBe(404);
    }
  });
});

it("answers one request a connection, so that answers which nobody takes cannot pile up", async () => {
  const { metricsUrl = "" } = await watched();
  const { port } = new URL(metricsUrl);
  for (const expecting of ["", "Expect: more\r\n"]) {
    const socket = await raw(Number(port));
    socket.write(`GET /metrics HTTP/1.1\r\nHost: relay.test\r\n${expecting}\r\n`.repeat(100));
    let answer = "";
    for await (const chunk of socket) answer += chunk;
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  }
});

interface Way {
  readonly name: string;
  readonly settings?: Partial<Settings>;
  /** Until the way itself moves it. */
  readonly clockStands?: boolean;
  readonly go: (relay: Relay) => Promise<unknown>;
  /** All that is counted then, each once, unless it says how often. */
  readonly counts: readonly string[] | Readonly<Record<string, number>>;
}

const cut = (why: string) => sample("cut", why);
const turnedAway = (why: string) => sample("turned_away", why);
const refused = (why: string) => sample("refused", why);
const roomEnded = (why: string) => sample("rooms_ended", why);
const roomKept = (why: string) => sample("rooms_kept", why);
const pairEnded = (why: string) => sample("pairs_ended", why);
const inRoom = (why: string) => closedBy("room", why);
const inPair = (why: string) => closedBy("pair", why);

async function away(url: string, headers: Record<string, string> = {}): Promise<void> {
  const ws = new WebSocket(url, { headers });
  ws.on("error", () => {});
  await once(ws, "unexpected-response");
  ws.terminate();
}

/** Something that never ends to say, until the other end or the relay ends it. */
function pump(ws: WebSocket): void {
  const frame = Buffer.alloc(256 * 1024);
  for (let i = 0; i < 400; i++) ws.send(frame);
}

/** Asks for something at the room door, until that has ended. */
async function asked(url: string, request: unknown): Promise<unknown> {
  const peer = await client(url);
  peer.say(request);
  return peer.ended;
}
const JOIN_NOTHING = { type: "JOIN_ROOM", room_id: "nobody" };

const WAYS: readonly Way[] = [
  // Before there is a WebSocket.
  {
    name: "a silent connection gives way",
    settings: { maxSilent: 1 },
    go: async ({ port }) => {
      const gone = once((await raw(port)).resume(), "close");
      await raw(port);
      await gone;
    },
    counts: [cut("crowded")],
  },
  {
    name: "a connection says nothing",
    settings: { upgradeMs: 20 },
    go: async ({ port }) => once((await raw(port)).resume(), "close"),
    counts: [cut("no-http-request")],
  },
  {
    name: "a connection says half a request",
    settings: { upgradeMs: 20 },
    go: async ({ port }) => {
      const socket = (await raw(port)).resume();
      socket.write("GET / HTTP/1.1\r\nHost: relay.test\r\nUpgr");
      await once(socket, "close");
    },
    counts: [cut("no-http-request")],
  },
  {
    name: "a connection speaks no HTTP",
    go: async ({ port }) => {
      const socket = (await raw(port)).resume();
      socket.write("SSH-2.0-OpenSSH_9.2\r\n\r\n");
      await once(socket, "close");
    },
    counts: [cut("bad-http-request")],
  },
  {
    name: "an upgrade is no WebSocket's",
    go: async ({ port }) => {
      const socket = (await raw(port)).resume();
      socket.write(upgradeRequest().replace(/Sec-WebSocket-Key: .*/, "Sec-WebSocket-Key: short"));
      await once(socket, "close");
    },
    counts: [cut("bad-upgrade")],
  },
  { name: "another path", go: ({ url }) => away(`${url}/other`), counts: [turnedAway("no-such-door")] },
  { name: "no code", go: ({ url }) => away(`${url}/?pair=`), counts: [turnedAway("bad-pair-code")] },
  {
    name: "no token",
    settings: { tokens: ["a token of the test"] },
    go: ({ url }) => away(url),
    counts: [turnedAway("unauthorized")],
  },
  {
    name: "a web page",
    go: ({ url }) => away(url, { Origin: "https://example.org" }),
    counts: [turnedAway("foreign-origin")],
  },
  {
    name: "another name",
    settings: { publicHosts: ["relay.test"] },
    go: ({ url }) => away(url),
    counts: [turnedAway("foreign-host")],
  },
  {
    name: "a third side",
    go: async ({ url }) => {
      for (let i = 0; i < 2; i++) await client(`${url}/?pair=x`);
      await away(`${url}/?pair=x`);
    },
    counts: [turnedAway("pair-full")],
  },
  {
    name: "one connection more than an address may have",
    settings: { maxConnectionsPerAddress: 1 },
    go: async ({ url }) => {
      await sender(url);
      await away(url);
    },
    counts: [turnedAway("too-many-connections")],
  },
  {
    name: "one pair more than there may be",
    settings: { maxPairs: 1 },
    go: async ({ url }) => {
      await client(`${url}/?pair=x`);
      await away(`${url}/?pair=y`);
    },
    counts: [turnedAway("too-many-pairs")],
  },
  {
    name: "a relay that drains",
    settings: { drainMs: 60_000 },
    go: async ({ url, drain }) => {
      const { sender: a, receiver: b } = await pair(url);
      b.send("begun");
      await a.text();
      const idle = await sender(url);
      const [alone, undecided] = [await client(`${url}/?pair=x`), await client(url)];
      void drain();
      await Promise.all([idle.self.ended, alone.ended, undecided.ended]);
      await away(url);
    },
    counts: {
      [turnedAway("draining")]: 1,
      [roomEnded("restart")]: 1,
      [pairEnded("restart")]: 1,
      [inRoom("restart")]: 2,
      [inPair("restart")]: 1,
    },
  },
  // The room door's refusals.
  {
    name: "no such room",
    go: ({ url }) => asked(url, JOIN_NOTHING),
    counts: [refused("room_not_found"), inRoom("refused")],
  },
  { name: "no request", go: ({ url }) => asked(url, 1), counts: [refused("invalid_request"), inRoom("refused")] },
  {
    name: "a request without end",
    settings: { closeMs: 1 },
    go: async ({ url }) => {
      const peer = await client(url);
      peer.send("x".repeat(100_000));
      await peer.ended;
    },
    counts: [refused("invalid_request"), inRoom("refused")],
  },
  {
    name: "a request too many",
    settings: { rateLimitMax: 1 },
    go: async ({ url }) => {
      await sender(url);
      await asked(url, JOIN_NOTHING);
    },
    counts: [refused("rate_limited"), inRoom("refused")],
  },
  {
    name: "a room too many",
    settings: { maxRooms: 1 },
    go: async ({ url }) => {
      await sender(url);
      await asked(url, { type: "CREATE_ROOM" });
    },
    counts: [refused("too_many_rooms"), inRoom("refused")],
  },
  {
    name: "a sender that is lost, and takes its room back",
    go: async (of) => {
      const { url } = of;
      const features = ["reclaim"];
      const lost = await client(url);
      const { room_id, reclaim_token } = await lost.ask({ type: "CREATE_ROOM", features });
      // Held by the first, which is there.
      await asked(url, { type: "CREATE_ROOM", features, room_id, reclaim_token });
      lost.ws.terminate();
      await eventually(async () => (await counted(of))[roomKept("peer-left")]).toBe(1);
      const back = await client(url);
      await back.ask({ type: "CREATE_ROOM", features, room_id, reclaim_token });
      expect((await scrape(of)).get("relay_rooms_reclaimed_total")).toBe(1);
      await back.close(1000);
    },
    counts: {
      [refused("room_held")]: 1,
      [inRoom("refused")]: 1,
      [roomKept("peer-left")]: 1,
      [roomEnded("done")]: 1,
      [inRoom("peer-left")]: 1,
      [inRoom("done")]: 1,
    },
  },
  {
    name: "a receiver too many",
    settings: { maxWaiting: 1 },
    go: async ({ url }) => {
      const { room } = await pair(url);
      await receiver(url, room);
      await asked(url, { type: "JOIN_ROOM", room_id: room });
    },
    counts: [refused("queue_full"), inRoom("refused")],
  },
  {
    name: "a sender that goes while somebody waits",
    go: async ({ url }) => {
      const { sender: a, receiver: b, room } = await pair(url);
      const waiting = await receiver(url, room);
      a.ws.terminate();
      await Promise.all([b.ended, waiting.ended]);
    },
    counts: {
      [refused("sender_disconnected")]: 1,
      [roomEnded("peer-left")]: 1,
      [inRoom("peer-left")]: 3,
    },
  },
  // The ends of connections, rooms and pairs.
  {
    name: "a transfer that is done",
    go: async ({ url }) => {
      const { sender: a, receiver: b } = await pair(url);
      a.send("all");
      a.ws.close(1000);
      await b.ended;
    },
    counts: { [roomEnded("done")]: 1, [inRoom("done")]: 2 },
  },
  {
    name: "a room whose time is over",
    settings: { roomTtlMs: 1 },
    go: async ({ url }) => (await sender(url)).self.ended,
    counts: [roomEnded("expired"), inRoom("expired")],
  },
  {
    name: "a waiting receiver that says too much",
    go: async ({ url }) => {
      const { room } = await pair(url);
      const waiting = await receiver(url, room);
      for (let i = 0; i < 2; i++) waiting.send("x".repeat(50_000));
      await waiting.ended;
    },
    counts: [inRoom("too-much")],
  },
  {
    name: "a connection that asks nothing",
    settings: { firstMessageMs: 1 },
    go: async ({ url }) => (await client(url)).ended,
    counts: [inRoom("no-request")],
  },
  {
    name: "a receiver that says nothing",
    settings: { quietReceiverMs: 1 },
    go: async ({ url }) => (await pair(url)).receiver.ended,
    counts: [inRoom("quiet")],
  },
  {
    name: "a receiver that takes nothing",
    settings: { stalledMs: 40 },
    go: async ({ url }) => {
      const { sender: a, receiver: b } = await pair(url);
      b.send("hello");
      await a.text();
      b.ws.pause();
      pump(a.ws);
      expect((await a.json()).type).toBe("PEER_DISCONNECTED");
    },
    counts: [inRoom("stalled")],
  },
  {
    name: "a room through which too much went",
    settings: { maxRoomBytes: 1000 },
    go: async ({ url }) => {
      const { sender: a, receiver: b } = await pair(url);
      b.send(Buffer.alloc(1001));
      await Promise.all([a.ended, b.ended]);
    },
    counts: { [roomEnded("used-up")]: 1, [inRoom("used-up")]: 2 },
  },
  {
    name: "a receiver without a sign of life",
    settings: { ...PATIENT, pingMs: 1000 },
    clockStands: true,
    go: async ({ url }) => {
      const { self: a, room } = await sender(url);
      const b = await client(url, { autoPong: false });
      b.say({ type: "JOIN_ROOM", room_id: room });
      await a.json();
      pass(1000);
      await lives(a.ws);
      pass(1000);
      await b.ended;
    },
    counts: [inRoom("dead-peer")],
  },
  {
    name: "a sender that says too much at once",
    settings: { maxMessageBytes: 200_000 },
    go: async ({ url }) => {
      const { sender: a, receiver: b } = await pair(url);
      a.send(Buffer.alloc(200_001));
      await b.ended;
    },
    counts: { [roomEnded("too-big")]: 1, [inRoom("too-big")]: 2 },
  },
  {
    name: "a full relay that gives a room's place away",
    settings: { maxRooms: 2, trustProxy: { hops: 1 } },
    go: async ({ url }) => {
      const from = (address: string) => client(url, { headers: { "X-Forwarded-For": address } });
      const first = await from("203.0.113.1");
      await first.ask({ type: "CREATE_ROOM" });
      await (await from("203.0.113.1")).ask({ type: "CREATE_ROOM" });
      await (await from("198.51.100.1")).ask({ type: "CREATE_ROOM" });
      await first.ended;
    },
    counts: [roomEnded("displaced"), inRoom("displaced")],
  },
  {
    name: "a receiver of a network whose attempts have failed",
    go: async ({ url }) => {
      const a = await client(url);
      const { room_id } = await a.ask({ type: "CREATE_ROOM", features: ["turns", "tags"] });
      const b = await receiver(url, room_id);
      const { tag } = await a.json();
      await b.close(1000);
      await a.json();
      a.say({ type: "NEXT", failed: [tag, tag, tag] });
      // Read by the relay before anything that comes later.
      a.ws.ping();
      await once(a.ws, "pong");
      await asked(url, { type: "JOIN_ROOM", room_id });
    },
    counts: [refused("too_many_attempts"), inRoom("refused"), inRoom("done")],
  },
  {
    name: "a pair that is done",
    go: async ({ url }) => {
      const [a, b] = [await client(`${url}/?pair=x`), await client(`${url}/?pair=x`)];
      a.ws.close(1000);
      await b.ended;
    },
    counts: { [pairEnded("done")]: 1, [inPair("done")]: 2 },
  },
  {
    name: "a side that waits alone for too long",
    settings: { pairTtlMs: 1, sweepIntervalMs: 1 },
    go: async ({ url }) => (await client(`${url}/?pair=x`)).ended,
    counts: [pairEnded("expired"), inPair("expired")],
  },
];

describe("each way of ending is counted once, and nothing else is", () => {
  it.each(WAYS)("$name", async ({ settings = {}, clockStands = false, go, counts }) => {
    if (clockStands) stopClock();
    const started = await watched(settings);
    await go(started);
    const expected = Array.isArray(counts) ? Object.fromEntries(counts.map((name) => [name, 1])) : counts;
    await eventually(() => counted(started)).toEqual(expected);
  });

  it("and none is left out above, of those that every door has", () => {
    const seen = new Set(WAYS.flatMap(({ counts }) => (Array.isArray(counts) ? counts : Object.keys(counts))));
    // What only a tunnel says is seen to happen in tunnels.test.ts.
    const said = Object.keys(REFUSALS).filter((why) => !OF_TUNNELS.includes(why));
    const wanted = [...by("cut", CUTS), ...by("turned_away", said), ...by("refused", REFUSED)];
    expect([...wanted, ...GONE.map(inRoom)].filter((name) => !seen.has(name))).toEqual([]);
  });
});

it("adds up frames and bytes by door, of those who are there and of those who are gone", async () => {
  const started = await watched();
  const forwarded = async () => {
    const samples = await scrape(started);
    const read = (name: string) =>
      PEER_DOORS.map((door) => samples.get(`relay_forwarded_${name}_total{door="${door}"}`));
    return { frames: read("frames"), bytes: read("bytes") };
  };
  const { sender: a, receiver: b } = await pair(started.url);
  a.send("12345");
  await b.text();
  b.send(Buffer.alloc(100_000));
  await a.next();
  const [c, d] = [await client(`${started.url}/?pair=x`), await client(`${started.url}/?pair=x`)];
  c.send("text is dropped");
  c.send(Buffer.alloc(7));
  await d.next();
  const sum = { frames: [2, 1], bytes: [100_005, 7] };
  expect(await forwarded()).toEqual(sum);
  await Promise.all([a.close(), b.ended, c.close(), d.ended]);
  await eventually(async () => (await scrape(started)).get('relay_connections{door="room"}')).toBe(0);
  expect(await forwarded()).toEqual(sum);
});

it("tells what there is at the moment: connections, rooms, pairs, who waits, and what waits for them", async () => {
  const started = await watched();
  const { sender: a, receiver: b, room } = await pair(started.url);
  const waiting = [await receiver(started.url, room), await receiver(started.url, room)];
  await client(`${started.url}/?pair=alone`);
  for (let i = 0; i < 2; i++) await client(`${started.url}/?pair=both`);
  expect(Object.fromEntries(await scrape(started))).toMatchObject({
    relay_rooms: 1,
    relay_pairs: 2,
    'relay_connections{door="room"}': 4,
    'relay_connections{door="pair"}': 3,
    'relay_waiting{door="room"}': 2,
    'relay_waiting{door="pair"}': 1,
    'relay_buffered_bytes{door="room"}': 0,
  });
  b.send("begun");
  await a.text();
  b.ws.pause();
  pump(a.ws);
  const buffered = async () => (await scrape(started)).get('relay_buffered_bytes{door="room"}') ?? 0;
  await eventually(buffered).toBeGreaterThan(1024 * 1024);
  a.ws.terminate();
  b.ws.terminate();
  await Promise.all(waiting.map((one) => one.ended));
  await eventually(() => scrape(started).then((samples) => samples.get("relay_rooms"))).toBe(0);
  await eventually(buffered).toBe(0);
});

/** Some of its own looks, in ms: it has begun by then, or will have the next time. */
const CLOCK_STARTS_MS = 50;

it("shows how long the event loop was held since the last scrape, and then forgets it", async () => {
  const started = await watched();
  const worst = async () => (await scrape(started)).get('relay_event_loop_delay_seconds{quantile="1"}') ?? Number.NaN;
  // The first timer after a scrape only starts Node's clock: what is held before that shows in no scrape, so once more.
  const heldFor = async (ms: number) => {
    await delay(CLOCK_STARTS_MS);
    const end = performance.now() + ms;
    while (performance.now() < end);
    return await worst();
  };
  await eventually(() => heldFor(300)).toBeGreaterThan(0.25);
  // A machine that is busy may hold it as long: it shows less as soon as one scrape finds that it did not.
  await eventually(worst).toBeLessThan(0.25);
});

describe("the port", () => {
  const open = (port: number) =>
    new Promise<boolean>((tell) => {
      const socket = connect(port, "127.0.0.1", () => socket.end(() => tell(true)));
      socket.on("error", () => tell(false));
    });

  it("is none unless it is asked for, and /metrics is never on the relay's own", async () => {
    const started = await relay();
    expect(started.metricsUrl).toBeUndefined();
    expect((await fetch(`${started.url.replace("ws", "http")}/metrics`)).status).toBe(404);
  });

  it("is on loopback, answers /metrics alone, and closes with the relay, whoever is connected", async () => {
    const started = await watched();
    const url = new URL(started.metricsUrl ?? "");
    expect(url.hostname).toBe("127.0.0.1");
    expect((await fetch(url)).headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const path of ["/", "/metrics/", "/health"]) expect((await fetch(new URL(path, url))).status).toBe(404);
    expect((await fetch(url, { method: "POST" })).status).toBe(404);
    const idle = await raw(Number(url.port));
    await started.stop();
    if (!idle.destroyed) await once(idle.resume(), "close");
    expect(await open(Number(url.port))).toBe(false);
  });

  it("that is taken keeps the relay from starting, and nothing stays open", async () => {
    const { metricsUrl = "", port } = await watched();
    const taken = Number(new URL(metricsUrl).port);
    await expect(startRelay({ host: "127.0.0.1", port: 0, metricsPort: taken })).rejects.toThrow(/EADDRINUSE/);
    const servers = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPServerWrap").length;
    await eventually(servers).toBe(2);
    await expect(startRelay({ host: "127.0.0.1", port, metricsPort: 0 })).rejects.toThrow(/EADDRINUSE/);
    await eventually(servers).toBe(2);
  });
});
