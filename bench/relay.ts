/**
 * `npm run bench:relay`: what the relay costs, beside a bare forwarder that is measured in the same run and in turn with it.
 * Read the ratios: the rest is this machine's, and its mood's. Processor time and memory are those of the relay's process,
 * read from /proc, so this runs on Linux.
 *
 *     npm run bench:relay                  all of it, about a minute and a half
 *     npm run bench:relay -- idle stall    these parts alone; PARTS below has their names
 *
 * The clients here count bytes instead of parsing frames, so that they leave the processor to the relay.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const KIB = 1024;
/** After this the bench gives up: a machine on which it takes longer has no figures to show. */
const LIMIT_MS = 4 * 60_000;
/** How long a relay gets to come to rest before its memory is read. */
const REST_MS = 1500;
/** Connections that are opened at once. */
const AT_ONCE = 32;

const SCRIPTS = {
  ours: [
    "../../relay/dist/index.js",
    "--host=127.0.0.1",
    "--port=0",
    "--rate-limit-max=1000000",
    "--max-rooms=100000",
    "--max-connections-per-address=100000",
  ],
  bare: ["./bare.js"],
} as const;
type Which = keyof typeof SCRIPTS;
const BOTH = ["bare", "ours"] as const satisfies readonly Which[];

function fail(why: string): never {
  console.error(why);
  process.exit(1);
}

const children = new Set<ChildProcess>();
/** Nothing stays behind, however the bench ends. */
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => process.exit(1));
setTimeout(() => fail(`The bench was ended after ${LIMIT_MS / 60_000} minutes.`), LIMIT_MS).unref();

/** One relay in a process of its own. */
class Relay implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(which: Which): Promise<Relay> {
    const [script, ...flags] = SCRIPTS[which];
    const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...flags], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.add(child);
    // Whoever waits for a relay that is gone would wait until the bench gives up.
    child.once("exit", (code) => {
      children.delete(child);
      if (code !== null) fail(`${script} ended with ${code}`);
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    return new Relay(child, Number(/(?::|^)(\d+)(?:"\})?\s*$/.exec(String(line))?.[1]));
  }

  /** Processor time that all its threads have used, in ms: collecting garbage takes place in threads of its own. */
  get cpuMs(): number {
    const tasks = `/proc/${this.#child.pid}/task`;
    const ran = readdirSync(tasks).map((task) =>
      Number(readFileSync(`${tasks}/${task}/schedstat`, "latin1").split(" ")[0]),
    );
    return ran.reduce((sum, ns) => sum + ns, 0) / 1e6;
  }

  get memoryBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "latin1");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * KIB;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!children.has(this.#child)) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

/** A client's frame (RFC 6455, section 5.2). Its mask is not applied: what is random stays so, and zeros change nothing. */
function frame(opcode: number, payload: Buffer, mask: readonly number[]): Buffer {
  const header = Buffer.alloc(headerBytes(payload.length));
  header[0] = 0x80 | opcode;
  if (payload.length < 126) header[1] = 0x80 | payload.length;
  else if (payload.length < 2 ** 16) {
    header[1] = 0x80 | 126;
    header.writeUInt16BE(payload.length, 2);
  } else {
    header[1] = 0x80 | 127;
    header.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([header, Buffer.from(mask), payload]);
}

/** Of a frame as the relay sends it. */
function headerBytes(payloadBytes: number): number {
  return payloadBytes < 126 ? 2 : payloadBytes < 2 ** 16 ? 4 : 10;
}

const dataFrame = (bytes: number) => frame(2, randomBytes(bytes), [0x5a, 0xc3, 0x17, 0x88]);

/** A WebSocket client with no more than this bench needs. */
class Client {
  readonly socket: Socket;
  #held = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  static async open(relay: Relay): Promise<Client> {
    const socket = connect(relay.port, "127.0.0.1").setNoDelay();
    await once(socket, "connect");
    // A relay that refuses somebody is not measured.
    socket.once("end", () => fail("The relay closed a connection."));
    socket.on("error", ({ message }) => fail(`A connection was lost: ${message}`));
    const client = new Client(socket);
    const lines = ["GET / HTTP/1.1", "Host: bench", "Connection: Upgrade", "Upgrade: websocket"];
    const key = `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`;
    socket.write([...lines, key, "Sec-WebSocket-Version: 13", "\r\n"].join("\r\n"));
    await client.#until(() => client.#held.includes("\r\n\r\n"));
    client.#held = client.#held.subarray(client.#held.indexOf("\r\n\r\n") + 4);
    return client;
  }

  async ask(request: object, type: string): Promise<{ room_id: string }> {
    this.socket.write(frame(1, Buffer.from(JSON.stringify(request)), [0, 0, 0, 0]));
    return this.answer(type);
  }

  /** The next answer, which is short. */
  async answer(type: string): Promise<{ room_id: string }> {
    const length = () => 2 + (this.#held[1] ?? Number.POSITIVE_INFINITY);
    await this.#until(() => this.#held.length >= length());
    const end = length();
    const answer = JSON.parse(this.#held.toString("utf8", 2, end));
    this.#held = this.#held.subarray(end);
    if (answer.type !== type) throw new Error(`the relay said ${JSON.stringify(answer)}`);
    return answer;
  }

  async #until(there: () => boolean): Promise<void> {
    while (!there()) {
      const [chunk] = (await once(this.socket, "data")) as [Buffer];
      this.#held = Buffer.concat([this.#held, chunk]);
    }
  }
}

async function room(relay: Relay): Promise<{ sender: Client; id: string }> {
  const sender = await Client.open(relay);
  return { sender, id: (await sender.ask({ type: "CREATE_ROOM" }, "ROOM_CREATED")).room_id };
}

async function times(count: number, work: () => Promise<unknown>): Promise<void> {
  let begun = 0;
  const worker = async () => {
    while (begun++ < count) await work();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** A paired sender and receiver, and the frames between them. */
class Pair {
  readonly sender: Socket;
  readonly receiver: Socket;
  readonly #frame: Buffer;
  readonly #arrivingBytes: number;
  #gotBytes = 0;
  sent = 0;
  /** Said whenever at least one more frame has arrived. */
  arrived: (() => void) | undefined;

  private constructor(sender: Socket, receiver: Socket, bytes: number) {
    this.sender = sender;
    this.receiver = receiver;
    this.#frame = dataFrame(bytes);
    this.#arrivingBytes = headerBytes(bytes) + bytes;
    receiver.on("data", (chunk) => {
      const before = this.got;
      this.#gotBytes += chunk.length;
      if (this.got > before) this.arrived?.();
    });
  }

  static async join(relay: Relay, bytes: number): Promise<Pair> {
    const { sender, id } = await room(relay);
    const receiver = await Client.open(relay);
    await Promise.all([receiver.ask({ type: "JOIN_ROOM", room_id: id }, "ROOM_JOINED"), sender.answer("PEER_JOINED")]);
    return new Pair(sender.socket, receiver.socket, bytes);
  }

  /** Frames that have arrived whole. */
  get got(): number {
    return Math.floor(this.#gotBytes / this.#arrivingBytes);
  }

  send(count: number): void {
    this.sent += count;
    this.sender.cork();
    for (let i = 0; i < count; i++) this.sender.write(this.#frame);
    this.sender.uncork();
  }

  /** All that was sent has arrived. */
  async drained(): Promise<void> {
    while (this.got < this.sent) await once(this.receiver, "data");
    this.arrived = undefined;
  }

  end(): void {
    this.sender.resetAndDestroy();
    this.receiver.resetAndDestroy();
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return quantile(sorted, 0.5);
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const row = (...cells: string[]) => console.log(`| ${cells.join(" | ")} |`);
const against = (ours: number, bare: number) => `${(ours / bare).toFixed(2)}x`;
const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
const size = (bytes: number) => `${bytes / KIB} KiB`;

async function each<T>(work: (which: Which) => Promise<T>): Promise<Record<Which, T>> {
  return { bare: await work("bare"), ours: await work("ours") };
}

/** Memory a room that has its sender alone, in processes that have done nothing else. */
async function measureIdle(): Promise<void> {
  const rooms = 10_000;
  const used = await each(async (which) => {
    await using relay = await Relay.start(which);
    await times(50, async () => (await room(relay)).sender.socket.resetAndDestroy());
    await delay(REST_MS);
    const before = relay.memoryBytes;
    const senders: Client[] = [];
    await times(rooms, async () => senders.push((await room(relay)).sender));
    await delay(REST_MS);
    const bytes = (relay.memoryBytes - before) / rooms;
    for (const { socket } of senders) socket.resetAndDestroy();
    return bytes;
  });
  const kib = (bytes: number) => `${(bytes / KIB).toFixed(1)} KiB`;
  row(`memory an idle room, of ${rooms}`, kib(used.ours), kib(used.bare), against(used.ours, used.bare), "1.25x");
}

async function measureRooms(): Promise<void> {
  const rounds = 6;
  const rooms = 300;
  await using bare = await Relay.start("bare");
  await using ours = await Relay.start("ours");
  const relays = { bare, ours };
  const rates: Record<Which, number[]> = { bare: [], ours: [] };
  const costs: Record<Which, number[]> = { bare: [], ours: [] };
  for (let round = 0; round <= rounds; round++) {
    for (const which of BOTH) {
      const cpuMs = relays[which].cpuMs;
      const began = performance.now();
      await times(rooms, async () => (await room(relays[which])).sender.socket.resetAndDestroy());
      const tookMs = performance.now() - began;
      if (round === 0) continue; // only warms up
      rates[which].push((rooms * 1000) / tookMs);
      costs[which].push((relays[which].cpuMs - cpuMs) / rooms);
    }
  }
  const rate = (which: Which) => median(rates[which]).toFixed(0);
  row("rooms made and left a second", rate("ours"), rate("bare"), against(median(rates.ours), median(rates.bare)), "");
  const cost = (which: Which) => `${median(costs[which]).toFixed(2)} ms`;
  row("processor time of one", cost("ours"), cost("bare"), against(median(costs.ours), median(costs.bare)), "");
}

/** Keeps `window` frames on their way in each pair for a while. @returns processor seconds of the relay a 1,000 frames. */
async function forwardFor(ms: number, relay: Relay, pairs: Pair[], window: number): Promise<number> {
  const before = pairs.reduce((sum, pair) => sum + pair.got, 0);
  const cpuMs = relay.cpuMs;
  for (const pair of pairs) {
    pair.arrived = () => pair.send(window - (pair.sent - pair.got));
    pair.send(window);
  }
  await delay(ms);
  for (const pair of pairs) pair.arrived = undefined;
  await Promise.all(pairs.map((pair) => pair.drained()));
  return (relay.cpuMs - cpuMs) / (pairs.reduce((sum, pair) => sum + pair.got, 0) - before);
}

async function measureForward(): Promise<void> {
  const rounds = 8;
  const sliceMs = 400;
  const ratios: number[] = [];
  for (const count of [1, 50]) {
    for (const bytes of [KIB, 64 * KIB]) {
      const window = count === 1 ? (bytes > KIB ? 16 : 64) : bytes > KIB ? 4 : 8;
      await using bare = await Relay.start("bare");
      await using ours = await Relay.start("ours");
      const relays = { bare, ours };
      const pairs = await each((which) =>
        Promise.all(Array.from({ length: count }, () => Pair.join(relays[which], bytes))),
      );
      const costs: Record<Which, number[]> = { bare: [], ours: [] };
      for (let round = -2; round < rounds; round++) {
        for (const which of BOTH) {
          const cost = await forwardFor(sliceMs, relays[which], pairs[which], window);
          if (round >= 0) costs[which].push(cost);
        }
      }
      for (const pair of [...pairs.bare, ...pairs.ours]) pair.end();
      const [mine, theirs] = [median(costs.ours), median(costs.bare)];
      ratios.push(mine / theirs);
      const what = `processor time of 1,000 frames of ${size(bytes)}, ${count} pair${count > 1 ? "s" : ""}`;
      row(what, `${mine.toFixed(4)} s`, `${theirs.toFixed(4)} s`, against(mine, theirs), "");
    }
  }
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  row("their geometric mean", "", "", against(mean, 1), "1.15x");
}

/** How long each frame took, in ms, when so many are sent a second. */
async function latencies(pairs: Pair[], rate: number, ms: number): Promise<number[]> {
  const took: number[] = [];
  const sends = pairs.map((pair) => {
    const began: number[] = [];
    let heard = pair.got;
    pair.arrived = () => {
      for (; heard < pair.got; heard++) took.push(performance.now() - (began.shift() ?? Number.NaN));
    };
    return () => {
      began.push(performance.now());
      pair.send(1);
    };
  });
  const start = performance.now();
  for (let sent = 0; sent < (rate * ms) / 1000; ) {
    await delay(1);
    for (; sent < ((performance.now() - start) * rate) / 1000; sent++) sends[sent % sends.length]?.();
  }
  await Promise.all(pairs.map((pair) => pair.drained()));
  return took;
}

async function measureLatency(): Promise<void> {
  const rounds = 3;
  const roundMs = 1500;
  await using bare = await Relay.start("bare");
  await using ours = await Relay.start("ours");
  const relays = { bare, ours };
  for (const [bytes, rate] of [
    [KIB, 500],
    [64 * KIB, 100],
  ] as const) {
    const pairs = await each((which) => Promise.all(Array.from({ length: 10 }, () => Pair.join(relays[which], bytes))));
    const took: Record<Which, number[]> = { bare: [], ours: [] };
    for (let round = 0; round <= rounds; round++) {
      for (const which of BOTH) {
        const some = await latencies(pairs[which], rate, roundMs);
        if (round > 0) took[which].push(...some);
      }
    }
    for (const pair of [...pairs.bare, ...pairs.ours]) pair.end();
    for (const share of [0.5, 0.99]) {
      const of = (which: Which) =>
        quantile(
          took[which].sort((a, b) => a - b),
          share,
        );
      const what = `p${share * 100} latency of ${size(bytes)}, ${rate} a second over 10 pairs`;
      row(what, `${of("ours").toFixed(2)} ms`, `${of("bare").toFixed(2)} ms`, against(of("ours"), of("bare")), "");
    }
  }
}

/** Bytes that the kernel holds for a connection on this machine: what its two ends have not acknowledged, or not read. */
function kernelBytes(socket: Socket): number {
  const hex = (port = 0) => port.toString(16).toUpperCase().padStart(4, "0");
  const [one, other] = [hex(socket.localPort), hex(socket.remotePort)];
  let bytes = 0;
  for (const line of readFileSync("/proc/net/tcp", "latin1").split("\n")) {
    const [, local = "", remote = "", , queues = ""] = line.trim().split(/\s+/);
    const ends = `${local.split(":")[1]} ${remote.split(":")[1]}`;
    if (ends !== `${one} ${other}` && ends !== `${other} ${one}`) continue;
    for (const queue of queues.split(":")) bytes += Number.parseInt(queue, 16);
  }
  return bytes;
}

/** A receiver that reads nothing, and 200 MB for it: what the relay took from the sender, but for what the kernel holds. */
async function measureStall(): Promise<void> {
  const bytes = 64 * KIB;
  const frames = Math.ceil(200e6 / bytes);
  const found = await each(async (which) => {
    await using relay = await Relay.start(which);
    const pair = await Pair.join(relay, bytes);
    pair.send(100);
    await pair.drained();
    await delay(REST_MS);
    const before = relay.memoryBytes;
    pair.receiver.pause();
    let taken = 0;
    const pumping = (async () => {
      for (; taken < frames; taken++) {
        pair.send(1);
        if (pair.sender.writableNeedDrain) await once(pair.sender, "drain");
      }
    })();
    let peakBytes = 0;
    for (let seen = -1; seen !== taken; ) {
      seen = taken;
      for (let i = 0; i < 50; i++) {
        await delay(20);
        peakBytes = Math.max(peakBytes, relay.memoryBytes - before);
      }
    }
    const queued = taken * bytes - kernelBytes(pair.sender) - kernelBytes(pair.receiver);
    pair.receiver.resume();
    await pumping;
    await pair.drained();
    pair.end();
    return { queued, peakBytes };
  });
  const { ours, bare } = found;
  row("a stalled receiver of 200 MB: waits in the relay", mb(ours.queued), mb(bare.queued), "", "2 MB");
  row("and its memory grows by, at most", mb(ours.peakBytes), mb(bare.peakBytes), "", "");
}

const PARTS: Record<string, () => Promise<void>> = {
  idle: measureIdle,
  rooms: measureRooms,
  forward: measureForward,
  latency: measureLatency,
  stall: measureStall,
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS);
const unknown = wanted.filter((part) => !Object.hasOwn(PARTS, part));
if (unknown.length > 0) fail(`There is no part ${unknown.join(", ")}: the parts are ${Object.keys(PARTS).join(", ")}.`);
if (process.platform !== "linux") fail("This bench reads /proc, which only Linux has.");

const model = cpus()[0]?.model ?? "unknown processor";
console.log(`Node ${process.version}, ${cpus().length} x ${model}, loopback. Medians.\n`);
row("what", "the relay", "bare forwarder", "against it", "target");
row("---", "---", "---", "---", "---");
for (const part of wanted) await PARTS[part]?.();
console.log(`
The bare forwarder is \`ws\` with bufferutil and nothing else: no limits, no timeouts, no backpressure. The Python relay of
old needed 0.011 s of processor time for 1,000 frames of 1 KiB, 0.034 s for 64 KiB, and 21 KiB a room, on its own machine.`);
process.exit(0);
