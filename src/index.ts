#!/usr/bin/env node
/**
 * The entry: `claude-spread` is an MCP server on stdio, `claude-spread hub` the process that keeps the shares, `claude-spread
 * install` and `uninstall` are for a person at a terminal. What holds for all is here; none loads what only another needs.
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { readConfig } from "./config.ts";
import { stderrLogger } from "./log.ts";

/**
 * How much V8's heap may grow between two full collections. Left to itself V8 takes the buffers that pass through a transfer
 * for growth of a small heap, and collects all of it for every few dozen of them: two thirds of a sender's processor time.
 */
const HEAP_GROWTH_PERCENT = 400;
setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);

// stdout belongs to MCP, whatever a library thinks.
console.log = console.info = console.debug = console.error;

// Nobody reads the log any more, or its disk is full: no reason to stop.
process.stderr.on("error", () => {});

const log = stderrLogger(logLevel());
const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

process.on("uncaughtException", (thrown: unknown) => {
  // The frames say where; the message could hold what nobody should read in a log.
  const frames = thrown instanceof Error ? thrown.stack?.split("\n").filter((line) => /^\s+at /.test(line)) : undefined;
  log.error(`defect, the process ends: ${frames?.map((line) => line.trim()).join(" | ") ?? "no stack"}`);
  process.exit(1);
});

const [, , command, ...line] = process.argv;
let exitCode = 0;
if (command === "hub") await (await import("./hub/main.ts")).runHub(version);
else if (command === "install" || command === "uninstall") {
  exitCode = await (await import("./cli/main.ts")).runTerminal(command, line);
} else await (await import("./mcp/main.ts")).serveMcp(version, fileURLToPath(import.meta.url), log);
process.exit(exitCode);

/** A wrong level is reported by the tools, with everything else that is wrong. */
function logLevel() {
  try {
    return readConfig(process.env).log;
  } catch {
    return "error";
  }
}
