/**
 * A cable that can be cut: TCP from a port of this machine to another one, with faults at given bytes. What stands behind it,
 * and what comes in, know nothing of it. Whatever is open ends with the test.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { later } from "./later.ts";

/** `up` is from who came in towards the target, `down` is back. */
export type Direction = "up" | "down";

/** What happens behind the first `at` bytes of one direction. */
export interface Fault {
  readonly way: Direction;
  readonly at: number;
  /**
   * cut: what has passed arrives, then both ends see an end. reset: both ends see a reset, and what was on its way is lost.
   * stall: nothing passes any more in this direction until `heal`. corrupt: one bit of the next byte is another.
   */
  readonly what: "cut" | "reset" | "stall" | "corrupt";
}

/** One connection's linkPlan. */
export interface LinkPlan {
  readonly faults?: readonly Fault[];
  /** Of each direction. */
  readonly bytesPerSecond?: number;
  /** How much later each piece arrives, in ms. */
  readonly delayMs?: number;
}

export interface Cable {
  readonly port: number;
  /** Connections so far. */
  readonly connections: number;
  /** Connections that are open. */
  readonly open: number;
  /** Faults that have struck so far. */
  readonly struck: readonly Fault[];
  /** Bytes that have passed, over all connections. */
  readonly passed: Readonly<Record<Direction, number>>;
  /** Cuts all that is open. @param how "reset" loses what is on its way. */
  cut(how?: "cut" | "reset"): void;
  /** Until `up`, all that is open is cut, and what comes is refused. */
  down(): Promise<void>;
  up(): Promise<void>;
  /**
   * What is open now carries nothing any more, until `heal`, and neither end is told: so it is where something on the way, a
   * home's router for one, has forgotten a connection. What comes later passes.
   */
  hush(): void;
  /** What stalls goes on. */
  heal(): void;
}

interface Line {
  readonly near: Socket;
  readonly far: Socket;
  hushed: boolean;
}

/**
 * @param target a port of this machine; the number of a connection, from 0, can decide which.
 * @param linkPlans of connections, in the order in which they come; further ones have none. Or what gives the one of a number.
 * @param tap gets all bytes that pass, with the number of their connection from 0.
 */
export async function cable(
  target: number | ((connection: number) => number),
  linkPlans: readonly LinkPlan[] | ((connection: number) => LinkPlan) = [],
  tap: (bytes: Buffer, way: Direction, connection: number) => void = () => {},
): Promise<Cable> {
  const lines = new Set<Line>();
  const passed = { up: 0, down: 0 };
  const struck: Fault[] = [];
  let connections = 0;
  let healed = new AbortController();

  const server = createServer((near) => {
    const number = connections++;
    const linkPlan = (typeof linkPlans === "function" ? linkPlans(number) : linkPlans[number]) ?? {};
    const far = connect(typeof target === "number" ? target : target(number), "127.0.0.1");
    const line: Line = { near, far, hushed: false };
    lines.add(line);
    for (const socket of [near, line.far]) socket.on("error", () => {}).setNoDelay(true);
    const pump = async (from: Socket, to: Socket, way: Direction) => {
      try {
        await carry(
          from,
          to,
          way,
          linkPlan,
          () => healed.signal,
          line,
          (bytes) => {
            passed[way] += bytes.length;
            tap(bytes, way, number);
          },
          (fault) => struck.push(fault),
        );
        await unhushed(line, to, healed.signal);
        to.end();
      } catch {
        await unhushed(line, to, healed.signal);
        sever(line, "cut");
      }
    };
    void Promise.all([pump(near, line.far, "up"), pump(line.far, near, "down")]).then(() => lines.delete(line));
  });

  const here: Cable = {
    get port() {
      return port;
    },
    get connections() {
      return connections;
    },
    get open() {
      return lines.size;
    },
    passed,
    struck,
    cut: (how = "cut") => {
      for (const line of lines) sever(line, how);
    },
    down: async () => {
      const closed = once(server, "close");
      server.close();
      here.cut("reset");
      await closed;
    },
    up: async () => {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    },
    hush: () => {
      for (const line of lines) line.hushed = true;
    },
    heal: () => {
      for (const line of lines) line.hushed = false;
      healed.abort();
      healed = new AbortController();
    },
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  later(() => {
    for (const { near, far } of lines) for (const socket of [near, far]) socket.destroy();
    healed.abort();
    server.close();
  });
  return here;
}

function sever({ near, far }: Line, how: "cut" | "reset"): void {
  for (const socket of [near, far]) {
    if (how === "reset") socket.resetAndDestroy();
    else socket.end(() => socket.destroy());
  }
}

async function carry(
  from: Socket,
  to: Socket,
  way: Direction,
  { faults = [], bytesPerSecond = Number.POSITIVE_INFINITY, delayMs = 0 }: LinkPlan,
  healing: () => AbortSignal,
  line: Line,
  passes: (bytes: Buffer) => void,
  strikes: (fault: Fault) => void,
): Promise<void> {
  const left = faults.filter((fault) => fault.way === way).sort((a, b) => a.at - b.at);
  let sent = 0;
  const send = async (bytes: Buffer) => {
    if (bytes.length === 0) return;
    const pauseMs = delayMs + (bytes.length / bytesPerSecond) * 1000;
    if (pauseMs > 0) await delay(pauseMs);
    await unhushed(line, to, healing());
    // Nobody is there any more: whoever sends has to see it now, and not once all that it sent has been read slowly.
    if (!to.writable) throw new Error("the other end has gone");
    sent += bytes.length;
    passes(bytes);
    if (!to.write(bytes)) await first([to, "drain"], [to, "close"]);
  };
  for await (const piece of from) {
    let rest = piece as Buffer;
    while (left[0] && sent + rest.length > left[0].at) {
      const fault = left.shift() as Fault;
      const { at, what } = fault;
      const before = rest.subarray(0, at - sent);
      rest = rest.subarray(before.length);
      await send(before);
      strikes(fault);
      if (what === "corrupt") rest = corrupted(rest);
      else if (what === "stall") await untilHealed(healing(), from, to);
      else {
        sever(line, what);
        return;
      }
    }
    await send(rest);
  }
}

/** One bit of the first byte is another. */
function corrupted(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
}

/** Or until one of the ends has gone. */
async function untilHealed(healing: AbortSignal, from: Socket, to: Socket): Promise<void> {
  if (!healing.aborted) await first([healing, "abort"], [to, "close"], [from, "close"]);
}

async function unhushed({ hushed }: Line, to: Socket, healing: AbortSignal): Promise<void> {
  if (hushed) await first([healing, "abort"], [to, "close"]);
}

/** Whichever comes first; nothing listens any more then. At once if a socket is closed already. */
async function first(...events: [source: EventTarget | Socket, name: string][]): Promise<void> {
  if (events.some(([source]) => !(source instanceof EventTarget) && source.destroyed)) return;
  const done = new AbortController();
  const { signal } = done;
  const waits = events.map(([source, name]) =>
    source instanceof EventTarget ? once(source, name, { signal }) : once(source, name, { signal }),
  );
  await Promise.race(waits).finally(() => done.abort());
}
