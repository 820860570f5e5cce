/**
 * `npm run soak -- [seconds]`: a relay under random clients of all kinds, who come, speak, stall, break off and lie. At the
 * end it must have no room, no pair and no connection, and about the memory that it had after the first round.
 */
import { spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import WebSocket, { WebSocketServer } from "ws";

const RELAY = fileURLToPath(new URL("../../relay/dist/index.js", import.meta.url));
const AGENT = fileURLToPath(new URL("../../relay/dist/agent.js", import.meta.url));
/** The door of the tunnel's server. */
const TUNNEL = "/client?room=soak";
const seconds = Number(process.argv[2] ?? 120);
/** Clients at once. */
const CLIENTS = 60;
const MIB = 1024 * 1024;
/** How long what was broken off may take to be gone, in ms: a peer that cannot be told is cut after 30 s. */
const SETTLE_MS = 45_000;

const SETTINGS = [
  ["--host", "127.0.0.1"],
  ["--port", "0"],
  ["--doors", "room,pair,tunnel"],
  ["--rate-limit-max", "1000000000"],
  ["--max-failed-joins", "1000000000"],
];
const relay = spawn(process.execPath, [RELAY, ...SETTINGS.flat()], { stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => relay.kill("SIGKILL"));
const [line] = (await once(relay.stdout, "data")) as [Buffer];
const url = /ws:\/\/[^"\s]+/.exec(line.toString())?.[0] ?? "";
relay.stdout.resume();
const { port } = new URL(url);

/** Behind the tunnel: what comes goes back. */
const echo = new WebSocketServer({ port: 0, host: "127.0.0.1" });
echo.on("connection", (ws) => ws.on("error", () => {}).on("message", (data, binary) => ws.send(data, { binary })));
await once(echo, "listening");
const behind = String((echo.address() as { port: number }).port);
const agent = spawn(process.execPath, [AGENT, "--relay", url, "--room", "soak", "--port", behind], { stdio: "ignore" });
process.on("exit", () => agent.kill("SIGKILL"));

async function open(path = ""): Promise<WebSocket> {
  const ws = new WebSocket(`${url}${path}`, { perMessageDeflate: false });
  ws.on("error", () => {}); // "close" follows
  await new Promise((settled) => ws.once("open", settled).once("close", settled));
  return ws;
}
/** What it is told next; nothing, if it is shown out, or was not let in. */
const heard = (ws: WebSocket) =>
  new Promise<string>((told) => {
    if (ws.readyState !== ws.OPEN) told("");
    ws.once("message", (data) => told(String(data))).once("close", () => told(""));
  });
const leave = (ws: WebSocket) => (randomInt(2) === 0 ? ws.close(1000) : ws.terminate());

/** What a client may be. Each ends by itself, at a random step. */
const KINDS: readonly (() => Promise<void>)[] = [
  async function transfer() {
    const a = await open();
    a.send('{"type":"CREATE_ROOM","features":["turns"]}');
    const room = /"room_id":"(\w+)"/.exec(await heard(a))?.[1] ?? "aaaaaa";
    const b = await open();
    b.send(JSON.stringify({ type: "JOIN_ROOM", room_id: room }));
    if (randomInt(4) > 0) b.send(randomBytes(randomInt(64 * 1024)));
    if (randomInt(4) > 0) a.send(randomBytes(randomInt(MIB)));
    if (randomInt(8) === 0) b.pause();
    await delay(randomInt(500));
    for (const ws of randomInt(2) === 0 ? [a, b] : [b, a]) leave(ws);
  },
  async function pair() {
    const code = `/?pair=${randomInt(20)}`;
    const sides = await Promise.all([open(code), open(code), open(code)]);
    for (const ws of sides) if (ws.readyState === ws.OPEN) ws.send(randomBytes(randomInt(32 * 1024)));
    await delay(randomInt(300));
    for (const ws of sides) leave(ws);
  },
  async function tunnel() {
    const ws = await open(TUNNEL);
    for (let i = randomInt(5); i > 0 && ws.readyState === ws.OPEN; i--) ws.send(randomBytes(randomInt(128 * 1024)));
    if (randomInt(8) === 0) ws.pause();
    await delay(randomInt(300));
    leave(ws);
  },
  async function guess() {
    const ws = await open();
    ws.send(JSON.stringify({ type: "JOIN_ROOM", room_id: randomBytes(3).toString("hex") }));
    await heard(ws);
    leave(ws);
  },
  async function garbage() {
    const ws = await open(randomInt(2) === 0 ? "" : "/?pair=garbage");
    if (ws.readyState === ws.OPEN) ws.send(randomBytes(randomInt(20_000)), { binary: randomInt(2) === 0 });
    await delay(randomInt(100));
    leave(ws);
  },
  async function half() {
    const socket = connect(Number(port), "127.0.0.1").on("error", () => {});
    await new Promise((settled) => socket.once("connect", settled).once("close", settled));
    socket.write(randomInt(2) === 0 ? "GET / HTTP/1.1\r\nHost: x\r\n" : randomBytes(500));
    await delay(randomInt(300));
    socket.destroy();
  },
];

let done = 0;
async function client(until: number): Promise<void> {
  while (performance.now() < until) {
    await KINDS[randomInt(KINDS.length)]?.();
    done += 1;
  }
}

async function state() {
  const health = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as Record<string, unknown>;
  const status = await readFile(`/proc/${relay.pid}/status`, "utf8");
  const fds = await readdir(`/proc/${relay.pid}/fd`);
  const links = await Promise.all(fds.map((fd) => readlink(`/proc/${relay.pid}/fd/${fd}`).catch(() => "")));
  return {
    rooms: Number(health.rooms),
    pairs: Number(health.pairs),
    sockets: links.filter((link) => link.startsWith("socket:")).length,
    mib: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
  };
}

async function round(ms: number): Promise<void> {
  const until = performance.now() + ms;
  await Promise.all(Array.from({ length: CLIENTS }, () => client(until)));
}

/** As few as there are when nobody is there: the one that listens, stdio, and the one that asks. */
async function settled(sockets: number) {
  const end = performance.now() + SETTLE_MS;
  for (;;) {
    const now = await state();
    if ((now.rooms === 0 && now.pairs === 0 && now.sockets <= sockets) || performance.now() > end) return now;
    await delay(500);
  }
}

/** The agent stays: it and its tunnel are there before and after. */
for (let ws = await open(TUNNEL); ; ws = await open(TUNNEL)) {
  const reached = ws.readyState === ws.OPEN;
  ws.terminate();
  if (reached) break;
  await delay(100);
}
await delay(1000);
const idle = await state();
await round(Math.min(10_000, seconds * 250));
const first = await settled(idle.sockets);
await round(seconds * 1000);
const last = await settled(idle.sockets);
console.log(`${done} clients in ${seconds} s`);
for (const [name, it] of Object.entries({ idle, "after the first round": first, "at the end": last })) {
  console.log(`${name}: ${it.rooms} rooms, ${it.pairs} pairs, ${it.sockets} sockets, ${it.mib.toFixed(0)} MiB`);
}
const clean = last.rooms === 0 && last.pairs === 0 && last.sockets <= idle.sockets && last.mib < first.mib * 1.25 + 8;
console.log(clean ? "Nothing is left." : "Something is left.");
process.exit(clean ? 0 : 1);
