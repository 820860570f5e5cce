/**
 * Crowds who want nothing good, for the tests of how a relay in a process of its own stands them: what they cost it, whether
 * that memory comes back, and whether the neighbours notice, beside a bare server that has as many.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { RelayOptions } from "../../relay/src/relay.ts";
import { until } from "../support/wait.ts";
import { neighbours, pairOfNeighbours, TUNNEL } from "./neighbours.ts";
import { below, type Client, type harness, rawFrame, tinyFrame, upgradeRequest } from "./support.ts";

type Harness = ReturnType<typeof harness>;

interface State {
  counts: Record<string, number>;
  sockets: number;
  /** Of the heap and the buffers outside it. */
  heldMib: number;
  /** How long, in processor time, the turn of the event loop is that somebody who comes at any moment finds under way. */
  turnMs: number;
  busyMs: number;
}

/** All doors, and no limit for the few addresses that the tests have. */
const OPEN: RelayOptions = {
  doors: ["room", "pair", "tunnel"],
  rateLimitMax: 100_000,
  maxFailedJoins: 100_000,
  maxConnectionsPerAddress: 100_000,
  // Of which one address may have a sixteenth.
  maxPairs: 160_000,
};

export function started({ undo }: Harness, file: string, ...args: string[]): ChildProcess {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: ["--expose-gc"] });
  undo.push(() => child.kill("SIGKILL"));
  return child;
}

export async function told<T>(child: ChildProcess, message: object): Promise<T> {
  const answered = once(child, "message");
  child.send(message);
  return (await answered)[0] as T;
}

async function lived(child: ChildProcess, come: (url: string) => Promise<{ trip(): Promise<void> }>) {
  const [{ port, url }] = (await once(child, "message")) as [{ port: number; url: string }];
  const { trip } = await come(url);
  for (let i = 0; i < 20; i++) await trip();
  const state = (collect = false, forget = false) => told<State>(child, { collect, forget });
  const before = await state(true, true);

  const watched = { trips: 0, over: false, lost: undefined as unknown };
  const watching = (async () => {
    while (!watched.over) {
      await trip();
      watched.trips++;
    }
  })().catch((cause) => {
    watched.lost = cause;
  });
  return {
    port,
    url,
    before,
    watched,
    state,
    /** Of what was counted: nothing but these, and of each so many. */
    async counts(wanted: Record<string, number>) {
      const sum = (of: Record<string, number>) => Object.values(of).reduce((all, n) => all + n, 0);
      await until("all is counted", async () => sum((await state()).counts) >= sum(wanted));
      expect((await state()).counts).toEqual(wanted);
    },
    /** Once nobody but the neighbours is there: what is held then. */
    async alone(): Promise<State> {
      await until("nobody else is there", async () => (await state()).sockets <= before.sockets);
      return state(true);
    },
    /** The neighbours' word at the end. */
    async rest(): Promise<void> {
      watched.over = true;
      await watching;
      expect(watched.lost).toBeUndefined();
    },
  };
}
type Lived = Awaited<ReturnType<typeof lived>>;

/** A relay with all doors open, and neighbours at each who never rest. */
export function relayWithNeighbours(doors: Harness, settings: RelayOptions = {}): Promise<Lived> {
  return lived(started(doors, "server-process.mjs", JSON.stringify({ ...OPEN, ...settings })), (url) =>
    neighbours(doors, url),
  );
}

/** The bare server, and a pair of neighbours who never rest. */
export function bareWithNeighbours(doors: Harness): Promise<Lived> {
  return lived(started(doors, "server-process.mjs"), (url) => pairOfNeighbours(doors, url));
}

/** A crowd that comes, does what it wants, and has left again. @returns how often what was counted for all of it. */
type Crowd = () => Promise<Record<string, number>>;

/**
 * The same crowd comes twice. The first one leaves code that was compiled and tables that have grown; the second one finds
 * them, and leaves nothing.
 */
export async function comesTwice(at: Lived, crowd: Crowd): Promise<void> {
  const wanted = await crowd();
  await at.counts(wanted);
  const once = await at.alone();
  await crowd();
  await at.counts(Object.fromEntries(Object.entries(wanted).map(([what, times]) => [what, 2 * times])));
  // Garbage is counted until it was swept, which a busy machine does late.
  await until("it holds no more than after the first", async () => {
    const twice = await at.alone();
    return twice.heldMib / once.heldMib < MORE_HELD;
  });
  await at.rest();
}

/** Garbage of the neighbours, who do not rest. */
const MORE_HELD = 1.1;

interface Idle {
  /** Clients of the neighbours' tunnel, sides of pairs that stay alone, and of pairs that do not: these may stay. */
  visitors: number;
  alone: number;
  paired: number;
  /** Who has still to ask, who is still asking, and who has said nothing at all. */
  upgraded: number;
  half: number;
  mute: number;
  /** How many of these there may be: `maxSilent`. */
  silent: number;
  addresses?: number;
}

/** All at once, while one more comes and goes. */
export function idle(
  doors: Harness,
  at: Lived,
  { visitors, alone, paired, upgraded, half, mute, silent, addresses }: Idle,
): Crowd {
  const crowd = started(doors, "crowd-process.mjs", String(at.port));
  const come = (count: number, says: string) => told<number>(crowd, { count, addresses, says });
  return async () => {
    await come(visitors, upgradeRequest(`/client?room=${TUNNEL}`));
    await come(alone, upgradeRequest("/?pair=alone#"));
    for (let side = 0; side < 2; side++) await come(paired / 2, upgradeRequest("/?pair=two#"));
    // Of those from here on, whoever came first gives way once there are too many.
    await come(upgraded, upgradeRequest("/"));
    await come(half, upgradeRequest("/").slice(0, -20));
    await come(mute, "");
    const there = at.before.sockets + visitors + alone + paired + silent;
    await until("all are there", async () => (await at.state()).sockets === there);
    const { heldMib } = await at.state(true);
    expect(heldMib).toBeGreaterThan(at.before.heldMib);

    const newcomer = await doors.client(at.url);
    expect((await newcomer.ask({ type: "CREATE_ROOM" })).type).toBe("ROOM_CREATED");
    await newcomer.close();
    await told(crowd, { leave: true });
    return {
      "cut crowded": upgraded + half + mute + 1 - silent,
      "closed room peer-left": upgraded,
      "closed pair peer-left": alone + paired,
      "pair-ended peer-left": alone + paired / 2,
      "client-ended client-lost": visitors,
      "closed room done": 1,
      "room-ended done": 1,
    };
  };
}

/** Opens at each door, each gone as soon as it was answered. */
export function flood(doors: Harness, at: Lived, count: number): Crowd {
  const crowd = started(doors, "crowd-process.mjs", String(at.port));
  return async () => {
    for (const path of ["/", "/?pair=#", "/agent?room=#", `/client?room=${TUNNEL}`]) {
      await told(crowd, { count, says: upgradeRequest(path), hold: false });
    }
    return {
      "closed room peer-left": count,
      "closed pair peer-left": count,
      "pair-ended peer-left": count,
      "tunnel-ended transport-lost": count,
      "client-ended client-lost": count,
    };
  };
}

/** Pieces of a message, each at the beginning of as much as is read at once, so that it keeps all of that alive. */
function* hoard(pieces: number): Generator<Buffer> {
  const pongs = Buffer.concat(Array<Buffer>(500).fill(tinyFrame(10, "p".repeat(125))));
  yield tinyFrame(2, "x", { fin: false });
  for (let i = 0; i < pieces; i++) yield Buffer.concat([tinyFrame(0, "x", { fin: false }), pongs]);
}

/** Says all of it as fast as it is taken. @returns once the socket is closed. */
async function pour(socket: Socket, pieces: Iterable<Buffer>): Promise<void> {
  const closed = new Promise((resolve) => socket.resume().once("close", resolve));
  for (const piece of pieces) {
    if (socket.destroyed) break;
    await new Promise<void>((written) => socket.write(piece, () => written()));
  }
  await closed;
}

/** A message that never ends, of as many at the room door, at the pair door and in agents' places. */
export function fragments(doors: Harness, at: Lived, each: number): Crowd {
  return async () => {
    const pours: Promise<void>[] = [];
    for (let i = 0; i < each; i++) {
      const { sender } = await doors.pair(at.url);
      await doors.client(`${at.url}/?pair=hoard${i}`);
      const side = await doors.client(`${at.url}/?pair=hoard${i}`);
      const agent = await doors.rawUpgraded(at.port, `/agent?room=hoard${i}`);
      for (const socket of [below(sender), below(side), agent]) pours.push(pour(socket, hoard(400)));
    }
    await Promise.all(pours);
    return {
      "closed room too-big": 2 * each,
      "room-ended too-big": each,
      "closed pair too-big": 2 * each,
      "pair-ended too-big": each,
      "tunnel-ended transport-lost": each,
    };
  };
}

const FLOOD = Buffer.alloc(1024 * 1024);

/** More than the kernels hold on the way. */
function sayTooMuch({ ws }: Client): void {
  for (let n = 0; n < 24; n++) ws.send(FLOOD);
}

/** Takes nothing of a stream without end: as many receivers, sides of pairs and clients of the neighbours' tunnel. */
export function endless(doors: Harness, at: Lived, each: number): Crowd {
  return async () => {
    const senders: Client[] = [];
    for (let i = 0; i < each; i++) {
      const { sender, receiver } = await doors.pair(at.url);
      receiver.send("hello");
      await sender.next();
      const first = await doors.client(`${at.url}/?pair=deaf${i}`);
      const second = await doors.client(`${at.url}/?pair=deaf${i}`);
      const visitor = await doors.client(`${at.url}/client?room=${TUNNEL}`);
      senders.push(sender);
      for (const deaf of [receiver, second, visitor]) deaf.ws.pause();
      for (const loud of [sender, first, visitor]) sayTooMuch(loud);
    }
    const overs = senders.map((sender) => sender.json());
    for (const over of overs) expect((await over).type).toBe("PEER_DISCONNECTED");
    // Their rooms are open for the next receiver.
    for (const { ws } of senders) ws.terminate();
    return {
      "closed pair stalled": 2 * each,
      "pair-ended stalled": each,
      "client-ended stalled": each,
      "closed room stalled": each,
      "closed room peer-left": each,
      "room-ended peer-left": each,
    };
  };
}

/** Pairs of which one says the largest message, and the other takes nothing, until all of it has been said or was cut. */
export async function largest(doors: Harness, at: Lived, pairs: number): Promise<Pick<State, "turnMs">> {
  const message = rawFrame(2, Buffer.alloc(10 * 1024 * 1024));
  const all: Client[] = [];
  const loud: Socket[] = [];
  for (let i = 0; i < pairs; i++) {
    const first = await doors.client(`${at.url}/?pair=deaf${i}`);
    const deaf = await doors.client(`${at.url}/?pair=deaf${i}`);
    deaf.ws.pause();
    all.push(first, deaf);
    loud.push(below(first));
  }
  await at.state(false, true);
  await Promise.all(
    loud.map((socket) => new Promise<void>((over) => socket.once("close", over).write(message, () => over()))),
  );
  const { turnMs } = await at.state();
  for (const { ws } of all) ws.terminate();
  await at.alone();
  await at.rest();
  return { turnMs };
}
