/** The hub as a process: `claude-spread hub`. Nobody waits for it or reads its output, and it ends cleanly. */
import { closeSync, fstatSync, ftruncateSync, writeSync } from "node:fs";
import { readConfig } from "../config.ts";
import { SpreadError, systemCode } from "../errors.ts";
import { sweepHome } from "../home/folders.ts";
import { type Logger, stderrLogger } from "../log.ts";
import { openHub } from "./hub.ts";
import { MAX_LOG_BYTES, READY_FD } from "./start.ts";

const STDERR_FD = 2;

export async function runHub(version: string): Promise<void> {
  const { home, log: level } = readConfig(process.env);
  const log = bounded(stderrLogger(level));
  const stop = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  process.on("SIGHUP", () => {}); // a closed terminal must not end it
  const hub = await openHub({ home, version, log }).catch((thrown: unknown) => {
    if (!(thrown instanceof SpreadError) || thrown.code === "internal") throw thrown;
    const why = systemCode(thrown.cause);
    log.error(`the hub cannot start: ${thrown.code}${why ? ` (${why})` : ""}`);
    process.exit(1);
  });
  sayReady();
  if (!hub) return;
  void sweepHome(home);
  await Promise.race([hub.over, stop]);
  await hub[Symbol.asyncDispose]();
}

/** Tells the process that started it, if there is one. */
function sayReady(): void {
  try {
    writeSync(READY_FD, "ready");
    closeSync(READY_FD);
  } catch {
    // It was started by hand, or its starter has gone.
  }
}

/** A logger that empties the log file once it is too long. */
function bounded(logger: Logger): Logger {
  const within = (write: (line: string) => void) => (line: string) => {
    try {
      const log = fstatSync(STDERR_FD);
      if (log.isFile() && log.size > MAX_LOG_BYTES) ftruncateSync(STDERR_FD);
    } catch {
      // Nothing can be done about a log that cannot be read.
    }
    write(line);
  };
  return { error: within(logger.error), info: within(logger.info) };
}
