/** The processes of the bench: servers as Claude Code runs them, and children that say when they are ready. All end with it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { KIB } from "./relay/table.ts";

const SERVER = fileURLToPath(new URL("../../dist/claude-spread.js", import.meta.url));

/** After this the bench gives up: a machine on which it takes longer has no figures to show. */
const LIMIT_MS = 4 * 60_000;

/** Everything that the bench writes is here. */
export const folder = await mkdtemp(join(tmpdir(), "claude-spread-bench-"));
const children = new Set<ChildProcess>();
/** Processes that are no children: they end only when they are asked to. */
export const hubs = new Set<number>();

/** Nothing stays behind, however the bench ends. */
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  for (const hub of hubs) process.kill(hub);
  rmSync(folder, { recursive: true, force: true });
});
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => process.exit(1));
setTimeout(() => {
  console.error(`The bench was ended after ${LIMIT_MS / 60_000} minutes.`);
  process.exit(1);
}, LIMIT_MS).unref();

/** One Claude Code's server, initialized. Without a hub, so that what a transfer takes is taken by a process that is known. */
export class Server implements AsyncDisposable {
  readonly #client = new Client({ name: "bench", version: "1" });
  readonly #transport: StdioClientTransport;

  private constructor(name: string, hub: "on" | "off") {
    const home = join(folder, name);
    const where = { HOME: home, DISTILL_HOME: home, CLAUDE_PROJECT_DIR: folder };
    const env = { PATH: process.env.PATH ?? "", DISTILL_HUB: hub, ...where };
    this.#transport = new StdioClientTransport({ command: process.execPath, args: [SERVER], env });
  }

  static async start(name: string, hub: "on" | "off" = "off"): Promise<Server> {
    const server = new Server(name, hub);
    await server.#client.connect(server.#transport);
    return server;
  }

  get pid(): number {
    return this.#transport.pid ?? 0;
  }

  async call(name: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
    const result = await this.#client.callTool({ name, arguments: input }, undefined, { timeout: LIMIT_MS });
    if (result.isError) throw new Error(JSON.stringify(result.content));
    return result.structuredContent as Record<string, unknown>;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client.close();
  }
}

/** A child that says something when it is ready, in its first line. */
export class Child {
  readonly process: ChildProcess;
  readonly ended: Promise<unknown>;
  #said = "";

  constructor(...args: string[]) {
    this.process = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    children.add(this.process);
    this.ended = once(this.process, "exit").then(([code, signal]) => {
      children.delete(this.process);
      if (code !== 0 && signal === null) throw new Error(`${args.join(" ")} failed`);
    });
    this.ended.catch(() => {});
    this.process.stdout?.on("data", (text: Buffer) => {
      this.#said += text;
    });
  }

  async says(what: RegExp): Promise<string> {
    for (;;) {
      const found = what.exec(this.#said);
      if (found) return found[1] ?? "";
      await Promise.race([once(this.process.stdout as Readable, "data"), this.ended]);
    }
  }

  async stop(): Promise<void> {
    this.process.kill();
    await this.ended;
  }
}

/** Seconds of processor time that a process has used, and its peak of resident MB; NaN where there is no /proc. */
export async function usage(pid: number): Promise<{ cpuS: number; peakMb: number }> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, "latin1").catch(() => "");
  const times = (await read("stat")).split(") ")[1]?.split(" ") ?? [];
  const peakMb = (Number(/VmHWM:\s+(\d+) kB/.exec(await read("status"))?.[1]) * KIB) / 1e6;
  return { cpuS: (Number(times[11]) + Number(times[12])) / 100, peakMb };
}
