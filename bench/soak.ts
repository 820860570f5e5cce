/**
 * `npm run soak -- [minutes]`: a relay under random clients of all kinds at all its doors, who come, speak, stall, break off
 * and lie, while agents come and go. Honest ones among them check that they are served as ever. At the end it must have no
 * room, no pair, no tunnel and no connection, and about the memory that it had after the first round. Runs on Linux.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import WebSocket, { WebSocketServer } from "ws";

const RELAY = fileURLToPath(new URL("./relay/served.js", import.meta.url));
const AGENT = fileURLToPath(new URL("../../relay/dist/agent.js", import.meta.url));
const minutes = Number(process.argv[2] ?? 2);
const roundMs = minutes * 60_000;
const firstRoundMs = Math.min(20_000, roundMs / 4);
/** Clients at once. */
const CLIENTS = 60;
const KIB = 1024;
const MIB = 1024 * KIB;
/** How long what was broken off may take to be gone, in ms: a peer that cannot be told is cut after 30 s. */
const SETTLE_MS = 45_000;
/** How long an honest client waits for what it is to hear, in ms: many share the processor with it. */
const HONEST_MS = 20_000;
/** How long an agent of those that come and go stays, in ms. */
const AGENT_STAYS_MS = 3_000;

const SETTINGS = {
  metricsPort: 0,
  doors: ["room", "pair", "tunnel"],
  rateLimitMax: 1e9,
  maxFailedJoins: 1e9,
  maxConnectionsPerAddress: 1_000_000,
};
const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

const relay = spawn(process.execPath, [RELAY, JSON.stringify(SETTINGS)], { stdio: ["ignore", "pipe", "inherit"] });
children.add(relay);
const [line] = (await once(relay.stdout, "data")) as [Buffer];
const { url, metrics } = JSON.parse(line.toString().split("\n")[0] ?? "") as { url: string; metrics: string };
relay.stdout.resume();
const port = Number(new URL(url).port);

/** Behind the tunnels: what comes goes back, unless it asks for the connection to be reset. */
const RESET = "reset";
const echo = new WebSocketServer({ port: 0, host: "127.0.0.1" });
echo.on("connection", (ws, { socket }) => {
  ws.on("error", () => {}).on("message", (data, binary) => {
    if (binary) ws.send(data, { binary });
    else socket.resetAndDestroy();
  });
});
await once(echo, "listening");
const behind = String((echo.address() as { port: number }).port);

function host(room: string): ChildProcess {
  const args = [AGENT, "--relay", url, "--room", room, "--port", behind];
  const agent = spawn(process.execPath, args, { stdio: "ignore" });
  children.add(agent);
  agent.once("exit", () => children.delete(agent));
  return agent;
}
/** Its agent stays throughout; the other's is killed and started again. */
const STEADY = "/client?room=steady";
const SHAKY = "/client?room=shaky";

async function open(path = ""): Promise<WebSocket> {
  const ws = new WebSocket(`${url}${path}`, { perMessageDeflate: false });
  ws.on("error", () => {}); // "close" follows
  await new Promise((settled) => ws.once("open", settled).once("close", settled));
  return ws;
}
async function openRaw(): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  await new Promise((settled) => socket.once("connect", settled).once("close", settled));
  return socket.resume();
}
/** What it hears next; nothing, if it is closed, was not let in, or has to wait for too long. */
const heard = (ws: WebSocket) =>
  new Promise<Buffer>((resolve) => {
    const tell = (data: Buffer = Buffer.alloc(0)) => {
      clearTimeout(timer);
      resolve(data);
    };
    const timer = setTimeout(tell, HONEST_MS);
    ws.once("message", (data) => tell(data as Buffer)).once("close", () => tell());
    if (ws.readyState !== ws.OPEN) tell();
  });
const chance = (of: number) => randomInt(of) === 0;
const one = <T>(of: readonly T[]) => of[randomInt(of.length)] as T;
const junk = (most: number) => randomBytes(randomInt(1, most));
const socketOf = (ws: WebSocket) => (ws as unknown as { _socket?: Socket })._socket;
function leave(ws: WebSocket): void {
  const how = randomInt(3);
  if (how === 0) ws.close(1000);
  else if (how === 1) ws.terminate();
  else socketOf(ws)?.resetAndDestroy();
}
/** Reads a little now and then. */
async function readSlowly(ws: WebSocket): Promise<void> {
  for (let i = randomInt(10); i > 0; i--) {
    ws.pause();
    await delay(randomInt(50));
    ws.resume();
    await delay(1);
  }
}

async function roomOf(sender: WebSocket): Promise<string> {
  sender.send(JSON.stringify({ type: "CREATE_ROOM", ...(chance(2) && { features: ["turns"] }) }));
  return /"room_id":"(\w+)"/.exec(String(await heard(sender)))?.[1] ?? "aaaaaa";
}
function join(room: string, receiver: WebSocket): void {
  if (receiver.readyState === receiver.OPEN) receiver.send(JSON.stringify({ type: "JOIN_ROOM", room_id: room }));
}

const honest = { served: 0, failed: [] as string[] };
/** Says something through what is between the two, and wants it to come out as it was. */
async function served(door: string, from: WebSocket, to: WebSocket): Promise<void> {
  const said = junk(200 * KIB);
  const [came] = await Promise.all([heard(to), from.readyState === from.OPEN && from.send(said)]);
  if (came.equals(said)) honest.served++;
  else honest.failed.push(door);
}

const HEADER = { data: 0, update: 1, ping: 2 } as const;
function yamux(type: number, flags: number, id: number, length: number, payload = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(12);
  header[1] = type;
  header.writeUInt16BE(flags, 2);
  header.writeUInt32BE(id, 4);
  header.writeUInt32BE(length, 8);
  return Buffer.concat([header, payload]);
}
const [SYN, ACK, RST] = [1, 2, 8];
const SWITCHING = Buffer.from("HTTP/1.1 101 Switching Protocols\r\n\r\n");
/** What an agent of its own making may say to a client's stream, or to all. */
const ANSWERS: readonly ((id: number) => Buffer)[] = [
  (id) => yamux(HEADER.update, RST, id, 0),
  (id) => Buffer.concat([yamux(HEADER.update, ACK, id, 0), yamux(HEADER.data, 0, id, SWITCHING.length, SWITCHING)]),
  (id) => yamux(HEADER.data, 0, id, 8, Buffer.from("HTTP/1.1")),
  (id) => yamux(HEADER.update, ACK, id, 0xffff_ffff),
  (id) => yamux(HEADER.data, 0, id, 0xffff_ffff),
  () => Buffer.concat(Array.from({ length: 2_000 }, (_, i) => yamux(HEADER.update, SYN, 1 + 2 * i, 0))),
  () => Buffer.concat(Array.from({ length: 2_000 }, () => yamux(HEADER.ping, SYN, 0, 0))),
  () => junk(1_000),
];

const upgrade = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n\r\n`;
const PATHS = ["/", "/?pair=bad", "/agent?room=bad", STEADY, SHAKY];
const NAMES = ["/?pair=", "/?pair=a&pair=b", "/agent?room=a%00", "/client?room=", "/client?room=nobody", "/x", "//"];
/** Frames that no honest peer says. */
const FRAMES: readonly (() => Buffer)[] = [
  () => junk(20_000),
  () => Buffer.from([0x82, 0x01, 0x78]),
  () => Buffer.from([0xc2, 0x80, 0, 0, 0, 0]),
  () => Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]),
  () => Buffer.from([0x02, 0x81, 0, 0, 0, 0, 0x78]),
  () => Buffer.concat(Array<Buffer>(5_000).fill(Buffer.from([0x89, 0x80, 0, 0, 0, 0]))),
  () => Buffer.concat(Array<Buffer>(5_000).fill(Buffer.from([0x02, 0x81, 0, 0, 0, 0, 0x78]))),
];

/** What a client may be. Each ends by itself, at a random step. */
const KINDS: readonly (() => Promise<void>)[] = [
  async function transfer() {
    const a = await open();
    const room = await roomOf(a);
    const receivers = [await open(), await open()] as const;
    for (const b of receivers) {
      join(room, b);
      if (!chance(4)) b.send(junk(64 * KIB));
    }
    if (!chance(4)) a.send(junk(2 * MIB));
    if (chance(8)) receivers[0].pause();
    else await readSlowly(receivers[0]);
    await delay(randomInt(500));
    const all = [a, ...receivers];
    for (const ws of chance(2) ? all : all.reverse()) leave(ws);
  },
  async function pair() {
    const code = `/?pair=${randomInt(20)}`;
    const sides = await Promise.all([open(code), open(code), open(code)]);
    for (const ws of sides) if (ws.readyState === ws.OPEN) ws.send(junk(MIB), { binary: !chance(4) });
    await readSlowly(one(sides));
    for (const ws of sides) leave(ws);
  },
  async function visit() {
    const ws = await open(one([STEADY, SHAKY]));
    for (let i = randomInt(5); i > 0 && ws.readyState === ws.OPEN; i--) ws.send(junk(512 * KIB));
    if (ws.readyState === ws.OPEN && chance(4)) ws.send(RESET);
    if (chance(8)) ws.pause();
    else await readSlowly(ws);
    await delay(randomInt(300));
    leave(ws);
  },
  async function lie() {
    const room = `lie${randomInt(10)}`;
    const agent = await open(`/agent?room=${room}`);
    const answer = one(ANSWERS);
    agent.on("message", (data: Buffer) => {
      // The frame that opens a stream comes first, and its id is all that matters here.
      if (agent.readyState === agent.OPEN && data.length >= 12) agent.send(answer(data.readUInt32BE(4)));
    });
    if (chance(4)) agent.pause();
    const visitors = await Promise.all(Array.from({ length: 3 }, openRaw));
    for (const socket of visitors)
      socket.write(`${upgrade(`/client?room=${room}`)}${chance(2) ? "x".repeat(MIB) : ""}`);
    await delay(randomInt(300));
    for (const socket of visitors) socket.resetAndDestroy();
    leave(agent);
  },
  async function guess() {
    const ws = await open();
    join(randomBytes(3).toString("hex"), ws);
    await heard(ws);
    leave(ws);
    (await open(one(NAMES))).terminate();
  },
  async function garble() {
    const socket = await openRaw();
    socket.write(upgrade(one(PATHS)));
    await delay(randomInt(50));
    socket.write(one(FRAMES)());
    await delay(randomInt(300));
    socket.destroy();
  },
  async function half() {
    const socket = await openRaw();
    const whole = upgrade(one(PATHS));
    socket.write(chance(4) ? junk(500) : whole.slice(0, randomInt(whole.length)));
    await delay(randomInt(300));
    if (chance(2)) socket.destroy();
    else socket.resetAndDestroy();
  },
  async function honestInRoom() {
    const a = await open();
    const b = await open();
    join(await roomOf(a), b);
    await Promise.all([heard(a), heard(b)]);
    await served("room", b, a);
    await served("room", a, b);
    for (const ws of [a, b]) ws.close(1000);
  },
  async function honestPair() {
    const code = `/?pair=${randomBytes(8).toString("hex")}`;
    const [a, b] = [await open(code), await open(code)];
    await served("pair", b, a);
    await served("pair", a, b);
    for (const ws of [a, b]) ws.close(1000);
  },
  async function honestVisit() {
    const ws = await open(STEADY);
    await served("tunnel", ws, ws);
    ws.close(1000);
  },
];

let done = 0;
async function client(until: number): Promise<void> {
  while (performance.now() < until) {
    await one(KINDS)();
    done += 1;
  }
}

async function comeAndGo(until: number): Promise<void> {
  while (performance.now() < until) {
    const agent = host("shaky");
    await delay(randomInt(AGENT_STAYS_MS / 2, AGENT_STAYS_MS));
    const gone = once(agent, "exit");
    agent.kill(one(["SIGTERM", "SIGKILL"] as const));
    await gone;
  }
}

async function round(ms: number): Promise<void> {
  const until = performance.now() + ms;
  await Promise.all([comeAndGo(until), ...Array.from({ length: CLIENTS }, () => client(until))]);
}

async function state() {
  const text = await (await fetch(metrics)).text();
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}(?:{.*})? (\\S+)$`, "gm"))].reduce(
      (all, [, value]) => all + Number(value),
      0,
    );
  const status = await readFile(`/proc/${relay.pid}/status`, "utf8");
  const fds = await readdir(`/proc/${relay.pid}/fd`);
  const links = await Promise.all(fds.map((fd) => readlink(`/proc/${relay.pid}/fd/${fd}`).catch(() => "")));
  return {
    rooms: sum("relay_rooms"),
    pairs: sum("relay_pairs"),
    tunnels: sum("relay_tunnels"),
    "tunnel clients": sum("relay_tunnel_clients"),
    connections: sum("relay_connections"),
    "waiting bytes": sum("relay_buffered_bytes"),
    sockets: links.filter((link) => link.startsWith("socket:")).length,
    mib: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / KIB),
  };
}
type RelayState = Awaited<ReturnType<typeof state>>;

/** All but the memory: nothing but the relay's own, and the agent that stays. */
const asIdle = (now: RelayState, idle: RelayState) =>
  Object.entries(idle).every(([name, value]) => name === "mib" || now[name as keyof RelayState] <= value);

async function settled(idle: RelayState): Promise<RelayState> {
  const end = performance.now() + SETTLE_MS;
  for (;;) {
    const now = await state();
    if (asIdle(now, idle) || performance.now() > end) return now;
    await delay(500);
  }
}

const alone = await state();
const steady = host("steady");
for (let ws = await open(STEADY); ; ws = await open(STEADY)) {
  const reached = ws.readyState === ws.OPEN;
  ws.terminate();
  if (reached) break;
  await delay(100);
}
await delay(1_000);
const idle = await state();
await round(firstRoundMs);
const first = await settled(idle);
await round(roundMs);
const last = await settled(idle);
steady.kill("SIGTERM");
const end = await settled(alone);

console.log(`${done} clients in ${minutes} min; ${honest.served} messages of honest ones came as they were.`);
for (const [name, it] of Object.entries({ alone, idle, "after the first round": first, last, "at the end": end })) {
  console.log(
    `${name}: ${Object.entries(it)
      .map(([what, count]) => `${count} ${what}`)
      .join(", ")}`,
  );
}
const wrong = [
  ...new Set(honest.failed.map((door) => `An honest client at the door ${door} was not served.`)),
  ...(asIdle(last, idle) && asIdle(end, alone) ? [] : ["Something is left."]),
  ...(last.mib < first.mib * 1.25 + 8 ? [] : ["The memory has grown."]),
];
console.log(wrong.length > 0 ? wrong.join("\n") : "Nothing is left.");
process.exit(wrong.length > 0 ? 1 : 0);
