/**
 * `npm run bench`: what a hand-off costs, in real processes on loopback, each figure beside a floor that is measured in the
 * same run and in turn with it. Read the ratios: absolute times are this machine's, and its mood's.
 *
 *     npm run bench                 all of it, about two minutes
 *     npm run bench -- 400 cold     these parts alone; PARTS below has their names
 *
 * The documents are lines of random base64: text has to be UTF-8, and no text is harder to compress.
 */
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Cable } from "./cable.ts";
import { Child, folder, hubs, Server, usage } from "./processes.ts";
import { head, KIB, median, row } from "./relay/table.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const RELAY = path("../../relay/dist/index.js");
const FLOOR = path("./floor.js");

const MIB = 1024 * KIB;
const LINE_CHARS = 80;
const PORT = /(\d+)\D*\n/;

type By = "lan" | "relay";
const NAME: Record<By, string> = { lan: "TCP", relay: "relay" };

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** The share that a receiver is about to fetch, as the input of distill_receive. */
async function share(by: By, file: string, relay: string, sender: Server): Promise<Record<string, unknown>> {
  const shared = await sender.call("distill_share", { path: file, mode: by, relay_url: relay });
  const { code, lan } = shared as { code: string; lan?: { port: number } };
  return { code, mode: by, ...(by === "lan" ? { host: `127.0.0.1:${lan?.port}` } : { relay_url: relay }) };
}

async function removeReceived({ saved_to }: Record<string, unknown>): Promise<void> {
  await rm(dirname(String(saved_to)), { recursive: true });
}

/** What a floor's receiver is given: where the bytes are. Through the relay, somebody has to push them each time. */
async function floorSource(by: By, bytes: number, relay: string, serve: Child): Promise<string> {
  if (by === "lan") return serve.says(PORT);
  await new Child(FLOOR, "push", relay, String(bytes)).says(/(ready)/);
  return relay;
}

/** The same bytes between bare processes that run already. @param file where they are written and synced; "-" for nowhere. */
async function floor(from: string, bytes: number, file: string): Promise<number> {
  const fetch = new Child(FLOOR, "fetch", from, String(bytes), file, "wait");
  await fetch.says(/(ready)/);
  const took = await timed(async () => {
    fetch.process.stdin?.write("go\n");
    await fetch.says(/(done)/);
  });
  await fetch.ended;
  return took;
}

async function makeFile(bytes: number): Promise<string> {
  const file = join(folder, `${bytes}.md`);
  const line = new RegExp(`.{${LINE_CHARS - 1}}`, "g");
  const pieces = function* () {
    for (let left = bytes; left > 0; left -= MIB) {
      const text = randomBytes((3 * MIB) / 4).toString("base64");
      yield text.replace(line, "$&\n").slice(0, Math.min(left, MIB));
    }
  };
  await pipeline(Readable.from(pieces()), createWriteStream(file));
  return file;
}

const time = (ms: number) => (ms < 1000 ? `${ms.toFixed(ms < 100 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(2)} s`);
const times = (mine: number, theirs: number) => `${(mine / theirs).toFixed(1)}x`;

async function measureStart(): Promise<void> {
  const runs = 9;
  const ours: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < runs; i++) {
    bare.push(await timed(() => new Child("-e", "0").ended));
    let server: Server | undefined;
    ours.push(
      await timed(async () => {
        server = await Server.start("start");
      }),
    );
    await server?.[Symbol.asyncDispose]();
  }
  const [mine, theirs] = [median(ours), median(bare)];
  row("start to `initialize` answered", time(mine), `\`node -e 0\`: ${time(theirs)}`, times(mine, theirs), "2.4x");
}

async function measureHandshake(): Promise<void> {
  const { admitReceiver, proveToSender } = await import("../../dist/protocol/handshake.js" as string);
  const { memoryLinks } = await import("../../dist/transport/memory.js" as string);
  const gate = {
    refusal: () => undefined,
    judge: (_: unknown, verify: () => boolean) => ({ proven: verify() }),
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
  row("processor time of a handshake, a side", time((user + system) / 1000 / rounds / 2), "", "", "2.5 ms");
}

/** The receiver's whole process, from its spawn to the document; the sender is there, as it is in life. */
async function measureCold(by: By, relays: Relays): Promise<void> {
  const bytes = 32 * KIB;
  const runs = 7;
  const file = await makeFile(bytes);
  await using sender = await Server.start("sender");
  const serve = new Child(FLOOR, "serve", String(bytes));
  const ours: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < runs; i++) {
    const from = await floorSource(by, bytes, relays.floor, serve);
    bare.push(await timed(() => new Child(FLOOR, "fetch", from, String(bytes), join(folder, "floor")).ended));
    const offer = await share(by, file, relays.ours, sender);
    const began = performance.now();
    await using receiver = await Server.start("receiver");
    await receiver.call("distill_receive", offer);
    ours.push(performance.now() - began);
  }
  await serve.stop();
  const [mine, theirs] = [median(ours), median(bare)];
  row(`cold, spawn to 32 KiB received by ${NAME[by]}`, time(mine), time(theirs), times(mine, theirs), "2.5x");
}

/** From the call of distill_receive to its result; both servers are warm, the share is made before. */
async function measureHandOver(bytes: number, runs: number, by: By, relays: Relays): Promise<void> {
  const file = await makeFile(bytes);
  await using sender = await Server.start("sender");
  await using receiver = await Server.start("receiver");
  const serve = new Child(FLOOR, "serve", String(bytes));
  const ours: number[] = [];
  const bare: number[] = [];
  const kept: number[] = [];
  const senderCpuS: number[] = [];
  const receiverCpuS: number[] = [];
  for (let i = 0; i <= runs; i++) {
    const warm = i > 0; // the first one only warms everything up
    for (const [floors, target] of [
      [bare, "-"],
      [kept, join(folder, "floor")],
    ] as const) {
      const took = await floor(await floorSource(by, bytes, relays.floor, serve), bytes, target);
      if (warm) floors.push(took);
    }
    const offer = await share(by, file, relays.ours, sender);
    const before = [await usage(sender.pid), await usage(receiver.pid)] as const;
    let result: Record<string, unknown> = {};
    const took = await timed(async () => {
      result = await receiver.call("distill_receive", offer);
    });
    await removeReceived(result);
    if (!warm) continue;
    ours.push(took);
    senderCpuS.push((await usage(sender.pid)).cpuS - before[0].cpuS);
    receiverCpuS.push((await usage(receiver.pid)).cpuS - before[1].cpuS);
  }
  await serve.stop();
  await rm(file);

  const [mine, least, leastKept] = [median(ours), median(bare), median(kept)];
  const size = bytes < MIB ? `${bytes / KIB} KiB` : `${bytes / MIB} MiB`;
  const small = bytes < MIB;
  const against = (other: number) => (small ? `floor + ${time(mine - other)}` : times(mine, other));
  const large = bytes >= 100 * MIB;
  row(
    `${size} by ${NAME[by]}, call to result`,
    time(mine),
    `${time(least)}; written and synced: ${time(leastKept)}`,
    `${against(least)}; ${against(leastKept)}`,
    small ? "floor + 25 ms" : large ? "1.3x" : "",
  );
  const [a, b] = [await usage(sender.pid), await usage(receiver.pid)];
  if (!large || Number.isNaN(a.cpuS)) return;
  const cpu = `sender ${median(senderCpuS).toFixed(2)} s, receiver ${median(receiverCpuS).toFixed(2)} s`;
  row("processor time of that", cpu, "", "", "");
  row("peak memory of that", `sender ${a.peakMb.toFixed(0)} MB, receiver ${b.peakMb.toFixed(0)} MB`, "", "", "150 MB");
}

/** From the moment at which all ways to the sender are cut to the first content of the next one; they are back after 1 s. */
async function measureInterruption(by: By, relays: Relays): Promise<void> {
  const bytes = 100 * MIB;
  const file = await makeFile(bytes);
  const gaps: number[] = [];
  for (let i = 0; i < 5; i++) {
    await using sender = await Server.start("sender");
    await using receiver = await Server.start("receiver");
    await using back = new Cable(Number(new URL(relays.ours).port));
    const backPort = await back.open();
    const offer = await share(by, file, `ws://127.0.0.1:${backPort}`, sender);
    const port = by === "lan" ? new URL(`tcp://${offer.host}`).port : new URL(relays.ours).port;
    await using near = new Cable(Number(port));
    const nearPort = await near.open();
    const way = by === "lan" ? { host: `127.0.0.1:${nearPort}` } : { relay_url: `ws://127.0.0.1:${nearPort}` };
    const begun = near.content();
    const received = receiver.call("distill_receive", { ...offer, ...way });
    await begun;
    const goesOn = near.content();
    const began = performance.now();
    await Promise.all([near.pull(), back.pull()]);
    await delay(1000 - (performance.now() - began));
    await Promise.all([near.open(nearPort), back.open(backPort)]);
    await goesOn;
    gaps.push(performance.now() - began);
    await removeReceived(await received);
  }
  await rm(file);
  row(`interruption of 1 s by ${NAME[by]}, to the next content`, time(median(gaps)), "", "", "2.5 s");
}

/** What a hub costs: the wait for it, and what it holds on to. On the LAN alone, with mDNS. */
async function measureHub(): Promise<void> {
  const cold: number[] = [];
  const warm: number[] = [];
  const idleMb: number[] = [];
  const input = { content: "# A hand-off\n", mode: "lan" };
  for (let i = 0; i < 7; i++) {
    const name = `hub-${i}`;
    await using server = await Server.start(name, "on");
    cold.push(await timed(() => server.call("distill_share", input)));
    for (let n = 0; n < 5; n++) warm.push(await timed(() => server.call("distill_share", input)));
    await server.call("distill_stop", { all: true });
    const { hub } = (await server.call("distill_status", {})) as { hub: { pid: number } };
    hubs.add(hub.pid);
    const status = await readFile(`/proc/${hub.pid}/status`, "latin1").catch(() => "");
    idleMb.push((Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * KIB) / 1e6);
    process.kill(hub.pid);
    hubs.delete(hub.pid);
  }
  row("`distill_share`, starting the hub", time(median(cold)), "", "", "400 ms");
  row("`distill_share`, with a hub that runs", time(median(warm)), "", "", "50 ms");
  row("memory of a hub whose shares have ended", `${median(idleMb).toFixed(0)} MB`, "", "", "80 MB");
}

/** The addresses of our relay and of the bare one. */
interface Relays {
  readonly ours: string;
  readonly floor: string;
}

const WAYS = ["lan", "relay"] as const;
const PARTS: Record<string, (relays: Relays) => Promise<void>> = {
  start: measureStart,
  hub: measureHub,
  handshake: measureHandshake,
  interruption: async (relays) => {
    for (const by of WAYS) await measureInterruption(by, relays);
  },
  cold: async (relays) => {
    for (const by of WAYS) await measureCold(by, relays);
  },
  "32k": (relays) => both(32 * KIB, 15, relays),
  8: (relays) => both(8 * MIB, 5, relays),
  40: (relays) => both(40 * MIB, 5, relays),
  400: (relays) => both(400 * MIB, 3, relays),
};

async function both(bytes: number, runs: number, relays: Relays): Promise<void> {
  for (const by of WAYS) await measureHandOver(bytes, runs, by, relays);
}

const ORDER = ["start", "hub", "handshake", "interruption", "cold", "32k", "8", "40", "400"];
const wanted = process.argv.length > 2 ? process.argv.slice(2) : ORDER;
const unknown = wanted.filter((part) => !ORDER.includes(part));
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(", ")}: the parts are ${ORDER.join(", ")}.`);
  process.exit(1);
}

const [ourRelay, floorRelay] = [
  new Child(RELAY, "--host", "127.0.0.1", "--port", "0", "--rate-limit-max", "100000"),
  new Child(FLOOR, "relay"),
];
const relays: Relays = {
  ours: `ws://127.0.0.1:${await ourRelay.says(PORT)}`,
  floor: `ws://127.0.0.1:${await floorRelay.says(PORT)}`,
};
console.log(
  `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown processor"}, loopback. Medians.\n`,
);
head(["what", "measured", "floor", "against it", "target"]);
for (const part of wanted) await PARTS[part]?.(relays);
console.log(`
The floor of a transfer is bare TCP, or a bare WebSocket relay, with AES-256-GCM at both ends; the second one also writes
the bytes once and syncs them, as a receipt promises. We write them twice: as they came, and cleaned and fenced.`);
await Promise.all([ourRelay.stop(), floorRelay.stop()]);
process.exit(0);
