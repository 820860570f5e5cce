/**
 * A server in a process of its own, for tests that measure it: the built relay with settings that come as JSON, or without
 * any a bare server to compare it with. Each message is answered with what was counted so far, what the process holds,
 * and how long its turns of the event loop are.
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocketServer } from "ws";
import { startRelay } from "../../relay/dist/relay.js";

const MIB = 1024 * 1024;
const LOOK_MS = 2;
const counts = {};
const onEvent = ({ event, door, why }) => {
  if (!why) return;
  const spelled = [event, door, why].filter(Boolean).join(" ");
  counts[spelled] = (counts[spelled] ?? 0) + 1;
};

/** The least that brings two together on `ws`: whoever asks for the same. No limit but that of a message, no backpressure. */
async function startBare() {
  const alone = new Map();
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    perMessageDeflate: false,
    maxPayload: 10 * MIB,
    clientTracking: false,
  });
  server.on("connection", (ws, { url }) => {
    ws.on("error", () => {}).on("close", () => alone.get(url) === ws && alone.delete(url));
    const other = alone.get(url);
    if (!other) return alone.set(url, ws);
    alone.delete(url);
    for (const [from, to] of [
      [ws, other],
      [other, ws],
    ]) {
      from.on("message", (data, binary) => to.send(data, { binary })).on("close", () => to.close());
    }
  });
  await new Promise((listening) => server.once("listening", listening));
  const { port } = server.address();
  return { port, url: `ws://127.0.0.1:${port}` };
}

/** Processor time of this thread in ms, where the system tells; elsewhere that of the process. */
function cpuMs() {
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "latin1").split(" ")[0]) / 1e6;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  }
}

/** Processor time of turns, as often as they are looked at: a turn that is longer than LOOK_MS is one look. */
let looked = cpuMs();
let sum = 0;
let squares = 0;
setInterval(() => {
  const took = cpuMs() - looked;
  looked += took;
  sum += took;
  squares += took * took;
}, LOOK_MS);

const [settings] = process.argv.slice(2);
const { port, url } = await (settings
  ? startRelay({ host: "127.0.0.1", port: 0, ...JSON.parse(settings), onEvent })
  : startBare());

process.on("message", async ({ collect, forget }) => {
  // What a close leaves behind is only free a turn of the event loop later.
  for (let i = 0; collect && i < 3; i++) {
    globalThis.gc();
    looked = cpuMs();
    await delay(20);
  }
  const sockets = process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  process.send({ counts, sockets, heldMib: (heapUsed + arrayBuffers) / MIB, turnMs: squares / sum, busyMs: sum });
  if (forget) sum = squares = 0;
});
process.on("disconnect", () => process.exit());
process.send({ port, url });
