/** A sender and a receiver, each with a server, a hub and a home of their own, and what became of what passed between them. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { sha256 } from "../mcp/texts.ts";
import { relayProcess } from "../mcp/wires.ts";
import { type Clock, makeClock } from "../support/clock.ts";
import { later } from "../support/later.ts";
import { noise } from "../support/noise.ts";
import {
  ENTRY,
  hubOf,
  hubsOf,
  type Offered,
  type Options,
  type Sandbox,
  startServer,
  type TestServer,
} from "../support/server.ts";
import { eventually, until } from "../support/wait.ts";
import type { Carrier } from "./steps.ts";

/** A server whose hub goes by a clock of its own. */
interface Timed {
  readonly server: TestServer;
  readonly clock: Clock;
}

export async function startTimed(options: Options = {}): Promise<Timed> {
  const [server, clock] = await Promise.all([startServer(options), makeClock(options.lasting)]);
  await hubWith(clock, server.sandbox, options.inside);
  return { server, clock };
}

/** A relay that goes by a clock of its own, and whose senders can take their rooms back when it is started again. */
export async function timedRelay() {
  const clock = await makeClock();
  return { clock, ...(await relayProcess({ secret: RELAY_SECRET, node: [clock.preload] })) };
}
export const RELAY_SECRET = "the secret of these tests, thirty-two characters";

/** Starts the hub of a sandbox, where servers find it: one that they start themselves goes by no clock. It ends with the sandbox. */
export async function hubWith(
  { preload }: Clock,
  { base, home }: Sandbox,
  inside: readonly string[] = [],
): Promise<void> {
  const env = {
    PATH: process.env.PATH,
    HOME: join(base, "user"),
    TMPDIR: join(base, "tmp"),
    DISTILL_HOME: home,
    NODE_OPTIONS: preload,
  };
  const [command = "", ...args] = [...inside, process.execPath, ENTRY, "hub"];
  spawn(command, args, { env, stdio: "ignore", detached: true }).unref();
  await until("the hub listens", async () => (await hubOf(home)) !== undefined);
}

/** Text that does not compress, so that its chunks can be counted. @returns its path, below the server's project. */
export async function documentIn({ project }: TestServer, bytes: number): Promise<string> {
  const path = join(project, `${randomBytes(8).toString("hex")}.md`);
  await writeFile(path, noise(bytes));
  return path;
}

export interface Attempt {
  /** "received", or the error's code; "cancelled" and "gone" where it was cancelled, or its server ended. */
  readonly ended: Promise<string>;
  /** Until it has come to its sender, or to the sender's room, and waits for its turn, or has ended. */
  proves(): Promise<unknown>;
  /** Until it has lost its link and looks for its sender again, or has ended. */
  waits(): Promise<unknown>;
  cancel(): void;
}

/**
 * A call of distill_receive that is not waited for.
 * @param port where the sender, or the relay, can be reached.
 * @param others arguments of the call.
 */
export function attempt(
  receiver: TestServer,
  { code }: Pick<Offered, "code">,
  carrier: Carrier,
  port: number,
  others: Readonly<Record<string, unknown>> = {},
): Attempt {
  const cancelling = new AbortController();
  let proves = false;
  let looksAgain = false;
  const where = carrier === "lan" ? { host: `127.0.0.1:${port}` } : { relay_url: `ws://127.0.0.1:${port}` };
  const onprogress = ({ message }: { message?: string | undefined }) => {
    proves ||= message?.startsWith("Connected") ?? false;
    looksAgain ||= message?.includes("trying again") ?? false;
  };
  const options = { signal: cancelling.signal, onprogress };
  let over = false;
  const ended = receiver
    .call("distill_receive", { code, mode: carrier, ...where, ...others }, options)
    .then(
      ({ isError, text }) => (isError ? (/^Error ([a-z-]+): /.exec(text)?.[1] ?? text) : "received"),
      () => (cancelling.signal.aborted ? "cancelled" : "gone"),
    )
    .finally(() => {
      over = true;
    });
  return {
    ended,
    proves: () => eventually(() => proves || over).toBe(true),
    waits: () => eventually(() => looksAgain || over).toBe(true),
    cancel: () => cancelling.abort(),
  };
}

/** Digests of the originals in an inbox, in order. */
export async function inboxOf(home: string): Promise<string[]> {
  const inbox = join(home, "inbox");
  const names = await readdir(inbox).catch(() => []);
  const originals = await Promise.all(names.map((name) => readFile(join(inbox, name, "original.md"))));
  return originals.map(sha256).sort();
}

/** SIGKILL, until it is gone. */
export async function killHub(home: string): Promise<void> {
  const hub = await hubOf(home);
  if (!hub) throw new Error("there is no hub");
  process.kill(hub.pid, "SIGKILL");
  await eventually(() => hubsOf(home)).toEqual([]);
}

/** Longer than a room's two looks at the clock are apart: by that it sees that it has slept. */
export const SLEEP_MS = 11_000;

/** A process is suspended. @returns what wakes it; the end of the test does so, too. */
export function sleep(pid: number): () => void {
  process.kill(pid, "SIGSTOP");
  const wake = () => process.kill(pid, "SIGCONT");
  later(wake);
  return wake;
}

export async function hubSleeps({ home }: TestServer): Promise<() => void> {
  const hub = await hubOf(home);
  if (!hub) throw new Error("there is no hub");
  return sleep(hub.pid);
}

/** What a hub says of itself. */
export async function healthOf(home: string): Promise<{ running: number; relays: number }> {
  const hub = await hubOf(home);
  if (!hub) throw new Error("there is no hub");
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: hub.socket, path: "/status" }, (answer) => {
      json(answer).then((health) => resolve(health as { running: number; relays: number }), reject);
    });
    asked.on("error", reject).end();
  });
}
