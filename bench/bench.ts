/**
 * `npm run bench`: what a hand-off costs, in real processes on loopback, each figure beside a floor that is measured in the
 * same run and in turn with it. Read the ratios: absolute times are this machine's, and its mood's.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import WebSocket from "ws";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const SERVER = path("../../dist/claude-spread.js");
const RELAY = path("../../relay/dist/index.js");
const FLOOR = path("./floor.js");

const KIB = 1024;
const MIB = 1024 * KIB;
const CALL_TIMEOUT_MS = 10 * 60_000;

type By = "lan" | "relay";

const children: ChildProcess[] = [];
const folder = await mkdtemp(join(tmpdir(), "claude-spread-bench-"));

interface Server {
  readonly client: Client;
  readonly pid: number;
}

async function startServer(name: string): Promise<Server> {
  const home = join(folder, name);
  const env = { PATH: process.env.PATH ?? "", HOME: home, DISTILL_HOME: home, CLAUDE_PROJECT_DIR: folder };
  const transport = new StdioClientTransport({ command: process.execPath, args: [SERVER], env });
  const client = new Client({ name: "bench", version: "1" });
  await client.connect(transport);
  return { client, pid: transport.pid ?? 0 };
}

/** A child that prints its port in its first line. @returns the port. */
async function startListener(args: string[]): Promise<number> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [line] = await once(child.stdout, "data");
  return Number(/(\d+)\s*$/.exec(String(line).split("\n")[0] ?? "")?.[1]);
}

async function call(server: Server, name: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
  const result = await server.client.callTool({ name, arguments: input }, undefined, { timeout: CALL_TIMEOUT_MS });
  if (result.isError) throw new Error(JSON.stringify(result.content));
  return result.structuredContent as Record<string, unknown>;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** From the call of distill_receive to its result; both servers are warm, the share is made before. */
async function handOver(by: By, file: string, relay: string, sender: Server, receiver: Server): Promise<number> {
  const shared = await call(sender, "distill_share", { path: file, mode: by, relay_url: relay });
  const { code, lan } = shared as { code: string; lan?: { port: number } };
  const way = by === "lan" ? { mode: by, host: `127.0.0.1:${lan?.port}` } : { relay_url: relay };
  return timed(() => call(receiver, "distill_receive", { code, ...way }));
}

/** The same bytes between two bare processes. */
async function floor(by: By, bytes: number, floorRelay: number): Promise<number> {
  if (by === "lan") {
    const port = await startListener([FLOOR, "serve", String(bytes)]);
    return timed(async () => {
      const socket = connect(port, "127.0.0.1");
      let got = 0;
      for await (const piece of socket) got += piece.length;
      if (got !== bytes) throw new Error("the floor lost bytes");
    });
  }
  const url = `ws://127.0.0.1:${floorRelay}`;
  const pusher = spawn(process.execPath, [FLOOR, "push", url, String(bytes)], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(pusher);
  await once(pusher.stdout, "data"); // it is connected: the start of its process is no part of the floor
  return timed(async () => {
    const ws = new WebSocket(`${url}/pull`, { perMessageDeflate: false });
    let got = 0;
    ws.on("message", (data: Buffer) => {
      got += data.length;
    });
    await once(ws, "close");
    if (got !== bytes) throw new Error("the floor lost bytes");
  });
}

async function peakMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "latin1").catch(() => "");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

/** Text in which there is little to compress. */
async function makeFile(bytes: number): Promise<string> {
  const file = join(folder, `${bytes}.md`);
  const block = randomBytes((3 * MIB) / 4).toString("base64");
  const pieces = function* () {
    for (let left = bytes; left > 0; left -= block.length) yield block.slice(0, left);
  };
  await pipeline(Readable.from(pieces()), createWriteStream(file));
  return file;
}

const ms = (value: number) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
const row = (...cells: string[]) => console.log(`| ${cells.join(" | ")} |`);

async function measureStart(): Promise<void> {
  const runs = 9;
  const ours: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < runs; i++) {
    bare.push(await timed(async () => once(spawn(process.execPath, ["-e", "0"], { stdio: "ignore" }), "exit")));
    let server: Server | undefined;
    ours.push(
      await timed(async () => {
        server = await startServer("start");
      }),
    );
    await server?.client.close();
  }
  const [mine, theirs] = [median(ours), median(bare)];
  row("start to `initialize` answered", ms(mine), `node -e 0: ${ms(theirs)}`, `${(mine / theirs).toFixed(1)}x`);
}

async function measureHandshake(): Promise<void> {
  const { admitReceiver, proveToSender } = await import("../../dist/protocol/handshake.js" as string);
  const { memoryLinks } = await import("../../dist/transport/memory.js" as string);
  const gate = {
    refusal: () => undefined,
    judge: (_: unknown, verify: () => boolean) => ({ proven: verify(), place: 1 }),
  };
  const share = { secret: "crisp-orbit-lunar", room: "7f3k2a", gate };
  const once = async () => {
    const [left, right] = memoryLinks();
    await Promise.all([proveToSender(left, share.secret, share.room), admitReceiver(right, share)]);
  };
  for (let i = 0; i < 50; i++) await once();
  const rounds = 300;
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) await once();
  const { user, system } = process.cpuUsage(before);
  row("CPU of a handshake, a side", ms((user + system) / 1000 / rounds / 2), "", "");
}

async function measureHandOver(by: By, bytes: number, runs: number, relay: string, floorRelay: number): Promise<void> {
  const file = await makeFile(bytes);
  const [sender, receiver] = await Promise.all([startServer("sender"), startServer("receiver")]);
  const ours: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i <= runs; i++) {
    const theirs = await floor(by, bytes, floorRelay);
    const mine = await handOver(by, file, relay, sender, receiver);
    if (i === 0) continue; // both were cold
    bare.push(theirs);
    ours.push(mine);
  }
  const [mine, theirs] = [median(ours), median(bare)];
  const size = bytes < MIB ? `${bytes / KIB} KiB` : `${bytes / MIB} MiB`;
  const against = bytes < MIB ? `floor + ${ms(mine - theirs)}` : `${(mine / theirs).toFixed(1)}x`;
  const name = by === "lan" ? "TCP" : "relay";
  row(`${size} by ${name}, call to result`, ms(mine), `bare ${name}: ${ms(theirs)}`, against);
  if (bytes >= 100 * MIB) {
    const [a, b] = [await peakMib(sender.pid), await peakMib(receiver.pid)];
    row(`peak memory at ${size} by ${name}`, `sender ${a.toFixed(0)} MiB, receiver ${b.toFixed(0)} MiB`, "", "");
  }
  await Promise.all([sender.client.close(), receiver.client.close()]);
  await rm(file);
}

try {
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown processor"}. Medians.\n`);
  row("what", "measured", "floor", "against it");
  row("---", "---", "---", "---");
  await measureStart();
  await measureHandshake();
  const relayPort = await startListener([RELAY, "--host", "127.0.0.1", "--port", "0", "--rate-limit-max", "100000"]);
  const floorRelay = await startListener([FLOOR, "relay"]);
  const relay = `ws://127.0.0.1:${relayPort}`;
  for (const [bytes, runs] of [
    [32 * KIB, 15],
    [8 * MIB, 5],
    [40 * MIB, 5],
    [400 * MIB, 3],
  ] as const) {
    for (const by of ["lan", "relay"] as const) await measureHandOver(by, bytes, runs, relay, floorRelay);
  }
} finally {
  for (const child of children) child.kill();
  await rm(folder, { recursive: true, force: true });
}
