/**
 * Many at once who want nothing good: what they cost a relay in a process of its own, whether that memory comes back, and
 * whether the neighbours notice. Those processes end with their tests.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { RelayOptions } from "../../relay/src/relay.ts";
import { until } from "../support/wait.ts";
import { neighbours, TUNNEL } from "./neighbours.ts";
import { below, type Client, harness, rawFrame, tinyFrame, upgradeRequest } from "./support.ts";

const doors = harness();
const { client, rawUpgraded, undo } = doors;

interface State {
  counts: Record<string, number>;
  sockets: number;
  rssMib: number;
  /** Of the heap and the buffers outside it. */
  heldMib: number;
  peakMib: number;
}

function started(file: string, argument: string): ChildProcess {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [argument], { execArgv: ["--expose-gc"] });
  undo.push(() => child.kill("SIGKILL"));
  return child;
}

async function told<T>(child: ChildProcess, message: unknown): Promise<T> {
  const answered = once(child, "message");
  child.send(message as object);
  return (await answered)[0] as T;
}

/** A relay with all doors open, and neighbours at each who never rest. */
async function lived(settings: RelayOptions = {}) {
  const child = started("relay-process.mjs", JSON.stringify({ ...OPEN, ...settings }));
  const [{ port, url }] = (await once(child, "message")) as [{ port: number; url: string }];
  const { trip } = await neighbours(doors, url);
  for (let i = 0; i < 20; i++) await trip();
  const before = await told<State>(child, true);

  const watched = { trips: 0, longestMs: 0, over: false, lost: undefined as unknown };
  const watching = (async () => {
    while (!watched.over) {
      watched.longestMs = Math.max(watched.longestMs, await trip());
      watched.trips++;
      await delay(5);
    }
  })().catch((cause) => {
    watched.lost = cause;
  });
  return {
    port,
    url,
    before,
    state: () => told<State>(child, false),
    /** Of what was counted: nothing but these, and of each so many. */
    async counts(wanted: Record<string, number>) {
      const sum = (of: Record<string, number>) => Object.values(of).reduce((all, n) => all + n, 0);
      const counts = async () => (await told<State>(child, false)).counts;
      await until("all is counted", async () => sum(await counts()) >= sum(wanted)).catch(() => {});
      expect(await counts()).toEqual(wanted);
    },
    /** The neighbours' word at the end, and what the relay holds then. */
    async rest() {
      watched.over = true;
      await watching;
      expect(watched.lost).toBeUndefined();
      expect(watched.trips).toBeGreaterThan(5);
      await until("nobody else is there", async () => (await told<State>(child, false)).sockets <= before.sockets);
      const after = await told<State>(child, true);
      return { longestMs: watched.longestMs, after };
    },
  };
}

/** A neighbour's longest trip, in ms: a machine of tests has few cores, and the crowd is on them too. */
const LONGEST_MS = 2_000;
/** What a process that served many may hold more than before: code that was compiled, tables that have grown. */
const MORE_HELD_MIB = 8;
/** And what the system counts for it, as an allocator keeps pages that hold anything at all. */
const MORE_RSS_MIB = 100;

function isBack(before: State, after: State): void {
  expect(after.heldMib - before.heldMib).toBeLessThan(MORE_HELD_MIB);
  expect(after.rssMib - before.rssMib).toBeLessThan(MORE_RSS_MIB);
}

/** All doors, and no limit for the one address that the tests have. */
const OPEN: RelayOptions = {
  doors: ["room", "pair", "tunnel"],
  rateLimitMax: 100_000,
  maxFailedJoins: 100_000,
};

/** Two dozen are more than the kernels hold on the way. */
const FLOOD = Buffer.alloc(1024 * 1024);

/** What a process needs besides its sockets. */
const SPARE_DESCRIPTORS = 500;

function descriptors(): number {
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits: { open_files: { soft: number | "unlimited" } };
  };
  const { soft } = userLimits.open_files;
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : soft;
}

describe("15,000 sockets that are idle, from 100 addresses", () => {
  const UPGRADED = 3_500;
  const HALF = 3_000;
  const MUTE = 4_000;
  const ALONE = 2_000;
  const PAIRED = 2_000;
  const VISITORS = 500;

  it("are there at once and end in their reasons, while others come and go", { timeout: 40_000 }, async (context) => {
    if (process.platform !== "linux") context.skip("other addresses than 127.0.0.1 are there on Linux only");
    if (descriptors() < 15_000 + SPARE_DESCRIPTORS)
      context.skip("the limit of descriptors is too low: ulimit -n 16000");
    const at = await lived({ maxPairs: 10_000, maxStreamsPerTunnel: 1_000, firstMessageMs: 12_000, upgradeMs: 12_000 });
    const crowd = started("crowd-process.mjs", String(at.port));
    const come = (count: number, says: string) => told<number>(crowd, { count, addresses: 100, says });
    // First those who may stay, and then those who have to ask in time.
    await come(VISITORS, upgradeRequest(`/client?room=${TUNNEL}`));
    await come(ALONE, upgradeRequest("/?pair=alone#"));
    for (let side = 0; side < 2; side++) await come(PAIRED / 2, upgradeRequest("/?pair=two#"));
    await come(UPGRADED, upgradeRequest("/"));
    await come(HALF, upgradeRequest("/").slice(0, -20));
    await come(MUTE, "");
    const peak = await at.state();
    // Silent ones beyond 10,000 have given way to those who came after them.
    expect(peak.sockets).toBeGreaterThan(14_000);

    const newcomer = await client(at.url);
    expect((await newcomer.ask({ type: "CREATE_ROOM" })).type).toBe("ROOM_CREATED");
    await newcomer.close();

    const staying = VISITORS + ALONE + PAIRED;
    await until("those who did not ask are gone", async () => (await told<number>(crowd, {})) <= staying);
    await told(crowd, { leave: true });
    const { longestMs, after } = await at.rest();
    const { counts } = after;
    const { "cut crowded": crowded = 0, "closed room peer-left": upgradedToo = 0 } = counts;
    expect(counts).toEqual({
      // Of those who gave way, the ones that were upgraded already are also closed connections of the room door.
      "cut crowded": crowded,
      "closed room peer-left": upgradedToo,
      "closed room no-request": UPGRADED - upgradedToo,
      "cut no-http-request": HALF + MUTE - (crowded - upgradedToo),
      "closed pair peer-left": ALONE + PAIRED,
      "pair-ended peer-left": ALONE + PAIRED / 2,
      "client-ended client-lost": VISITORS,
      "closed room done": 1,
      "room-ended done": 1,
    });
    expect(crowded).toBeGreaterThan(0);
    expect(longestMs).toBeLessThan(LONGEST_MS);
    isBack(at.before, after);
  });
});

describe("a flood of opens, each gone as soon as it was answered", () => {
  it("is counted, and leaves nothing at any door", { timeout: 60_000 }, async (context) => {
    if (process.platform !== "linux") context.skip("other addresses than 127.0.0.1 are there on Linux only");
    // As many as are on their way at once.
    const at = await lived({ maxTunnels: 500 });
    const crowd = started("crowd-process.mjs", String(at.port));
    const COUNT = 2_000;
    for (const path of ["/", "/?pair=#", "/agent?room=#", `/client?room=${TUNNEL}`]) {
      await told(crowd, { count: COUNT, addresses: 100, says: upgradeRequest(path), hold: false });
    }
    await at.counts({
      "closed room peer-left": COUNT,
      "closed pair peer-left": COUNT,
      "pair-ended peer-left": COUNT,
      "tunnel-ended transport-lost": COUNT,
      "client-ended client-lost": COUNT,
    });
    const { longestMs, after } = await at.rest();
    expect(longestMs).toBeLessThan(LONGEST_MS);
    isBack(at.before, after);
  });
});

/** Pieces of a message, each at the beginning of as much as is read at once, so that it keeps all of that alive. */
function* hoard(pieces: number): Generator<Buffer> {
  const pongs = Buffer.concat(Array<Buffer>(500).fill(tinyFrame(10, "p".repeat(125))));
  yield tinyFrame(2, "x", { fin: false });
  for (let i = 0; i < pieces; i++) yield Buffer.concat([tinyFrame(0, "x", { fin: false }), pongs]);
}

describe("who makes the relay keep as much as it can", () => {
  const EACH = 20;

  it("with fragments of a message that never ends, at every door, is counted, and the memory comes back", async () => {
    const at = await lived({ maxConnectionsPerAddress: 1_000 });
    const ends: Promise<unknown>[] = [];
    const pour = async (socket: Socket) => {
      ends.push(new Promise((ended) => socket.resume().once("close", ended)));
      for (const piece of hoard(400)) {
        if (socket.destroyed) return;
        await new Promise<void>((written) => socket.write(piece, () => written()));
      }
    };
    const pours: Promise<void>[] = [];
    for (let i = 0; i < EACH; i++) {
      const { sender: inRoom } = await doors.pair(at.url);
      await client(`${at.url}/?pair=hoard${i}`);
      const agent = await rawUpgraded(at.port, `/agent?room=hoard${i}`);
      const inPair = await client(`${at.url}/?pair=hoard${i}`);
      for (const socket of [below(inRoom), below(inPair), agent]) pours.push(pour(socket));
    }
    await Promise.all(pours);
    await Promise.all(ends);
    await at.counts({
      "closed room too-big": 2 * EACH,
      "room-ended too-big": EACH,
      "closed pair too-big": 2 * EACH,
      "pair-ended too-big": EACH,
      "tunnel-ended transport-lost": EACH,
    });
    const { longestMs, after } = await at.rest();
    // A message of 10 MiB with its framing at two doors, and 8 MiB of an agent.
    expect(after.peakMib - at.before.peakMib).toBeLessThan(EACH * (12 + 12 + 8));
    expect(longestMs).toBeLessThan(LONGEST_MS);
    isBack(at.before, after);
  });

  it("by taking nothing of the largest messages, is cut before all of them together take the memory", async () => {
    const PAIRS = 120;
    const at = await lived({ maxConnectionsPerAddress: 1_000 });
    const loud: Client[] = [];
    const all: Client[] = [];
    const largest = rawFrame(2, Buffer.alloc(10 * 1024 * 1024));
    for (let i = 0; i < PAIRS; i++) {
      const [first, deaf] = [await client(`${at.url}/?pair=deaf${i}`), await client(`${at.url}/?pair=deaf${i}`)];
      deaf.ws.pause();
      loud.push(first);
      all.push(first, deaf);
    }
    for (const client of loud) for (let i = 0; i < 2; i++) below(client).write(largest);
    let mostMib = 0;
    await until("some have given way", async () => {
      const { heldMib, counts } = await at.state();
      mostMib = Math.max(mostMib, heldMib);
      const { "pair-ended stalled": stalled = 0, "pair-ended too-big": unfinished = 0 } = counts;
      return stalled > 0 && stalled + unfinished >= PAIRS / 2;
    });
    // Of whole messages, and as much of those that are not, beside what may wait for each.
    expect(mostMib - at.before.heldMib).toBeLessThan(256 + 256 + 2 * PAIRS);
    for (const { ws } of all) ws.terminate();
    const { longestMs, after } = await at.rest();
    expect(longestMs).toBeLessThan(LONGEST_MS);
    // The system's allocator keeps more of so many pieces than it gives back.
    expect(after.heldMib - at.before.heldMib).toBeLessThan(MORE_HELD_MIB);
  });

  it("by taking nothing of a stream without end, at every door, is counted, and the memory comes back", async () => {
    const at = await lived({ maxConnectionsPerAddress: 1_000, stalledMs: 4_000 });
    const flood = ({ ws }: Client) => {
      for (let i = 0; i < 24; i++) ws.send(FLOOD);
    };
    const senders: Client[] = [];
    for (let i = 0; i < EACH; i++) {
      const { sender: inRoom, receiver } = await doors.pair(at.url);
      receiver.send("hello");
      const [first, second] = [await client(`${at.url}/?pair=deaf${i}`), await client(`${at.url}/?pair=deaf${i}`)];
      const visitor = await client(`${at.url}/client?room=${TUNNEL}`);
      senders.push(inRoom);
      for (const deaf of [receiver, second, visitor]) deaf.ws.pause();
      for (const loud of [inRoom, first, visitor]) flood(loud);
    }
    await at.counts({
      "closed room stalled": EACH,
      "closed pair stalled": 2 * EACH,
      "pair-ended stalled": EACH,
      "client-ended stalled": EACH,
    });
    // Their rooms are open for the next receiver.
    for (const { ws } of senders) ws.terminate();
    const { longestMs, after } = await at.rest();
    expect(longestMs).toBeLessThan(LONGEST_MS);
    isBack(at.before, after);
  });
});
