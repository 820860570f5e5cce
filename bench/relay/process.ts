/**
 * A measured process: started and ended here, its processor time, memory and port read from /proc, so on Linux only. It
 * need not say where it listens: a relay whose log is off does not.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { KIB } from "./table.ts";

/** How often a process that starts is looked at, in ms. */
const LOOK_MS = 10;

export function fail(why: string): never {
  console.error(why);
  process.exit(1);
}

const children = new Set<ChildProcess>();
/** Nothing stays behind, however the bench ends. */
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => process.exit(1));

export class Process implements AsyncDisposable {
  /** On 127.0.0.1; 0 as long as it does not listen there. */
  port = 0;
  readonly #child: ChildProcess;

  /** @param script compiled, relative to this file's folder. */
  constructor(script: string, flags: readonly string[]) {
    const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    children.add(child);
    // A log that is written has a reader, as it has in earnest.
    child.stdout.resume();
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said = String(chunk);
    });
    // Something may be waiting for it, and would wait until the bench gives up.
    child.once("close", (code) => {
      children.delete(child);
      if (code !== null) fail(`${script} ended with ${code}: ${said}`);
    });
  }

  /** @returns once it listens. */
  static async start(script: string, ...flags: string[]): Promise<Process> {
    const started = new Process(script, flags);
    started.port = await started.portOn("127.0.0.1");
    return started;
  }

  /** Waits until it listens on that IPv4 address. */
  async portOn(address: string): Promise<number> {
    for (;;) {
      const sockets = this.#sockets();
      for (const { local, listens, inode } of tcpSockets()) {
        if (listens && local.address === address && sockets.has(inode)) return local.port;
      }
      await delay(LOOK_MS);
    }
  }

  /** Inodes of all that it has open; of one that is just ending, none. */
  #sockets(): Set<string> {
    const fds = `/proc/${this.#child.pid}/fd`;
    try {
      const opened = readdirSync(fds).map((fd) => readlinkSync(`${fds}/${fd}`));
      return new Set(opened.flatMap((name) => /^socket:\[(\d+)\]$/.exec(name)?.[1] ?? []));
    } catch {
      return new Set(); // closed in the meantime: the next look tells
    }
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
    const exited = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

interface TcpEnd {
  readonly address: string;
  readonly port: number;
}

/** An IPv4 socket of this machine, as the kernel lists it (proc(5), /proc/net/tcp). */
interface TcpSocket {
  readonly local: TcpEnd;
  readonly remote: TcpEnd;
  readonly listens: boolean;
  /** What waits in it, to be sent or to be read. */
  readonly queuedBytes: number;
  readonly inode: string;
}

export function tcpSockets(): TcpSocket[] {
  const lines = readFileSync("/proc/net/tcp", "latin1").trimEnd().split("\n").slice(1);
  return lines.map((line) => {
    const [, local = "", remote = "", state, queues = "", , , , , inode = ""] = line.trim().split(/\s+/);
    const queued = queues.split(":").map((hex) => Number.parseInt(hex, 16));
    return {
      local: tcpEnd(local),
      remote: tcpEnd(remote),
      listens: state === "0A",
      queuedBytes: queued.reduce((sum, bytes) => sum + bytes, 0),
      inode,
    };
  });
}

/** `0100007F:2638`: the address with its bytes in the order of a little-endian machine, which all of Node's are but one. */
function tcpEnd(text: string): TcpEnd {
  const [address = "", port = ""] = text.split(":");
  return { address: [...Buffer.from(address, "hex")].reverse().join("."), port: Number.parseInt(port, 16) };
}
