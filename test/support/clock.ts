/** The time of one real process, which a test moves instead of waiting. Real time goes on besides. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { later } from "./later.ts";
import { until } from "./wait.ts";

export interface Clock {
  /** What Node is started with, on its command line or in NODE_OPTIONS, to go by this clock. */
  readonly preload: string;
  /** Sets the clock on the wall, ahead or back: Date alone. Timers and `performance.now()` know nothing of it. */
  jump(ms: number): Promise<void>;
  /**
   * Time passes, all of it at once, as for a machine that slept: what is due then has been called when this resolves, in the
   * order of when it was due, and what repeats has been called once. A suspended process does it when it wakes.
   */
  pass(ms: number): Promise<void>;
}

/**
 * For one process, which may be started later: orders wait for it.
 * @param lasting until the last test of the file is over.
 */
export async function makeClock(lasting = false): Promise<Clock> {
  const folder = await mkdtemp(join(tmpdir(), "claude-spread-clock-"));
  later(() => rm(folder, { recursive: true, force: true }), lasting);
  // A Unix socket belongs to no network: the process may be in another one.
  const path = join(folder, "socket");
  let process: Socket | undefined;
  let ended = false;
  let orders = 0;
  const done = new Set<number>();
  const server = createServer((socket) => {
    process = socket;
    socket.on("error", () => {});
    socket.on("close", () => {
      ended = true;
    });
    createInterface(socket).on("line", (id) => done.add(Number(id)));
  });
  await new Promise<void>((listening) => server.listen(path, listening));
  later(() => {
    process?.destroy();
    server.close();
  }, lasting);
  const order = async (what: { jump: number } | { pass: number }) => {
    const id = ++orders;
    await until("the process has come for its time", () => process !== undefined);
    process?.write(`${JSON.stringify({ id, ...what })}\n`);
    await until("its time has moved", () => {
      if (ended) throw new Error("the process whose time was to be moved has ended");
      return done.has(id);
    });
  };
  const preload = new URL("./clock-preload.mjs", import.meta.url);
  preload.search = encodeURIComponent(path);
  return { preload: `--import=${preload}`, jump: (ms) => order({ jump: ms }), pass: (ms) => order({ pass: ms }) };
}
