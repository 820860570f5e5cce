/**
 * What a tunnel carries, and at what cost: the relay and the agent, each in its process, with yamux between them, beside two
 * bare hops in a row (hop.ts), which are the same number of processes and of connections.
 *
 *     client -- relay == agent -- server          client and server are this process, which also counts
 *     client -- hop --- hop ----- server
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Client, dataFrame } from "./client.ts";
import { Process } from "./process.ts";
import { RELAY } from "./relays.ts";
import { against, KIB, median, row, size } from "./table.ts";

const AGENT = "../../../relay/dist/agent.js";
const TUNNEL = "bench";
const MESSAGE_BYTES = 64 * KIB;
const ROUNDS = 8;
const SLICE_MS = 400;
/** How often the relay is asked whether the agent has come, in ms. */
const LOOK_MS = 20;

/** A way from a client to the server, open, in order of its two processes. */
interface Way {
  readonly processes: readonly [Process, Process];
  readonly client: Socket;
  readonly server: Socket;
}

interface Figures {
  readonly bytesASecond: number;
  /** Of each process, in seconds. */
  readonly cpuPerGb: readonly [number, number];
}

export async function measureTunnel(): Promise<void> {
  const server = await openServer();
  const { port } = server.address() as { port: number };
  await using relay = await Process.start(RELAY, "--host=127.0.0.1", "--port=0", "--doors=room,pair,tunnel");
  const url = `ws://127.0.0.1:${relay.port}`;
  await using agent = new Process(AGENT, ["--relay", url, "--room", TUNNEL, "--port", String(port)]);
  while (!(await hasTunnel(relay))) await delay(LOOK_MS);
  await using inner = await Process.start("./hop.js", String(port));
  await using outer = await Process.start("./hop.js", String(inner.port));
  const ways = [await open([outer, inner], server), await open([relay, agent], server)];

  for (const direction of ["to the server", "to the client"] as const) {
    const figures: Figures[][] = ways.map(() => []);
    for (let round = -2; round < ROUNDS; round++) {
      for (const [at, way] of ways.entries()) {
        const some = await stream(way, direction);
        if (round >= 0) figures[at]?.push(some);
      }
    }
    const [floor = [], ours = []] = figures;
    const show = (what: string, read: (figures: Figures) => number, text: (figure: number) => string) => {
      const [mine, least] = [median(ours.map(read)), median(floor.map(read))];
      row(what, text(mine), text(least), against(mine, least), "");
    };
    const rate = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB/s`;
    show(`messages of ${size(MESSAGE_BYTES)} ${direction}`, ({ bytesASecond }) => bytesASecond, rate);
    const seconds = (cpu: number) => `${cpu.toFixed(2)} s`;
    show("processor time of a GB: relay, outer hop", ({ cpuPerGb: [relayS] }) => relayS, seconds);
    show("processor time of a GB: agent, inner hop", ({ cpuPerGb: [, agentS] }) => agentS, seconds);
    show("processor time of a GB: both", ({ cpuPerGb: [relayS, agentS] }) => relayS + agentS, seconds);
  }
  for (const { client } of ways) client.resetAndDestroy();
  server.close();
}

/** Accepts every upgrade, and drops what follows: the request fits into one read. */
async function openServer(): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => {}).resume();
    socket.once("data", () => socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function hasTunnel(relay: Process): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${relay.port}/health`);
  return ((await answer.json()) as { tunnels: number }).tunnels === 1;
}

async function open(processes: Way["processes"], server: Server): Promise<Way> {
  const [[socket], client] = await Promise.all([
    once(server, "connection") as Promise<[Socket]>,
    Client.open(processes[0], `/client?room=${TUNNEL}`),
  ]);
  return { processes, client: client.socket, server: socket };
}

const MESSAGE = dataFrame(MESSAGE_BYTES);

/** As many messages as are taken in a while, one after the other, until the last has arrived. */
async function stream(way: Way, direction: "to the server" | "to the client"): Promise<Figures> {
  const [from, to] = direction === "to the server" ? [way.client, way.server] : [way.server, way.client];
  const [first, second] = way.processes;
  const arrived = to.bytesRead;
  const cpuMs = [first.cpuMs, second.cpuMs] as const;
  const began = performance.now();
  let sent = 0;
  while (performance.now() - began < SLICE_MS) {
    sent += MESSAGE.length;
    if (!from.write(MESSAGE)) await once(from, "drain");
  }
  while (to.bytesRead - arrived < sent) await once(to, "data");
  const tookMs = performance.now() - began;
  const perGb = (ms: number) => (ms / 1000) * (1e9 / sent);
  return {
    bytesASecond: (sent * 1000) / tookMs,
    cpuPerGb: [perGb(first.cpuMs - cpuMs[0]), perGb(second.cpuMs - cpuMs[1])],
  };
}
