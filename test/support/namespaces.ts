/** Machines of a network that is only there for a test: network namespaces, joined by veth pairs. Gone after the test, or the file. */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { later } from "./later.ts";
import { until } from "./wait.ts";

/** Why no namespace can be made here, or undefined. */
export const noNamespaces = whyNot();

let made = 0;

/** What listens inside, and leads out by a Unix socket. */
const WAY_OUT = `
const { connect, createServer } = require("node:net");
const server = createServer((near) => {
  const far = connect(process.argv[1]);
  for (const [a, b] of [[near, far], [far, near]]) a.on("error", () => {}).on("close", () => b.destroy()).pipe(b);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

export class Namespace {
  readonly name = `spread-${process.pid}-${made++}`;

  /** @param lasting until the last test of the file is over. */
  constructor(lasting = false) {
    ip("netns", "add", this.name);
    later(() => ip("netns", "del", this.name), lasting);
  }

  /** What makes a command run inside. `ip netns exec` becomes it, so that its pid is the command's. */
  get inside(): readonly string[] {
    return ["ip", "netns", "exec", this.name];
  }

  /** Runs `ip` inside. */
  ip(...args: string[]): void {
    ip("-n", this.name, ...args);
  }

  /** Makes a port of this machine be reached from inside. @returns the port on the loopback there. */
  async reach(port: number): Promise<number> {
    const folder = await mkdtemp(join(tmpdir(), "claude-spread-reach-"));
    later(() => rm(folder, { recursive: true, force: true }));
    // A Unix socket belongs to no network.
    const path = join(folder, "socket");
    const out = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      for (const [a, b] of [
        [near, far],
        [far, near],
      ] as const) {
        a.on("error", () => {}).on("close", () => b.destroy());
        a.pipe(b);
      }
    });
    out.listen(path);
    later(() => out.close());
    await once(out, "listening");
    const way = this.spawn(process.execPath, ["-e", WAY_OUT, path], { stdio: ["ignore", "pipe", "inherit"] });
    const [said] = way.stdout ? await once(way.stdout, "data") : [];
    return Number(said);
  }

  /** Runs a command inside; it is killed after the test. */
  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [first = "", ...rest] = [...this.inside, command, ...args];
    return spawnForTest(first, rest, options);
  }
}

/** A process that is killed after the test, if it has not ended by then. */
export function spawnForTest(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command, args, options);
  const ended = once(child, "close");
  later(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return child;
}

/** A machine that has nothing but loopback. */
export function aloneNamespace(): Namespace {
  const namespace = new Namespace();
  namespace.ip("link", "set", "lo", "up");
  return namespace;
}

/**
 * A cable between the two, with 10.<net>.0.1 at the first end and 10.<net>.0.2 at the second.
 * @returns the interface's name, the same at both ends, once both are in use.
 */
export async function cable(first: Namespace, second: Namespace, net: number): Promise<string> {
  const name = `lan${net}`;
  first.ip("link", "add", name, "type", "veth", "peer", "name", name, "netns", second.name);
  for (const [end, host] of [
    [first, 1],
    [second, 2],
  ] as const) {
    end.ip("addr", "add", `10.${net}.0.${host}/24`, "dev", name);
    end.ip("link", "set", name, "up");
  }
  for (const end of [first, second]) {
    await until("the interface is up", () => / UP /.test(ip("-n", end.name, "-brief", "link", "show", name)));
  }
  return name;
}

function ip(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
  return stdout;
}

function whyNot(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux";
  const name = `spread-${process.pid}-try`;
  const { status, error } = spawnSync("ip", ["netns", "add", name]);
  if (error) return "needs ip (package iproute2)";
  if (status !== 0) return "needs root, and leave to make network namespaces";
  ip("netns", "del", name);
  return undefined;
}
