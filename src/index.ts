#!/usr/bin/env node
/**
 * The MCP server as a process: it speaks on stdio and ends when its client does, by a signal or by the end of stdin, with
 * nothing left behind. Claude Code gives it half a second for that. What is heavy is imported when it is first used.
 */
import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { readConfig } from "./config.ts";
import { OwnService } from "./hub/own.ts";
import type { Service } from "./hub/service.ts";
import { stderrLogger } from "./log.ts";
import { createServer } from "./mcp/server.ts";

/** How long the shares may take to say goodbye, in ms: less than the client waits before it kills. */
const GOODBYE_MS = 300;

/**
 * How much V8's heap may grow between two full collections. Left to itself V8 takes the buffers that pass through a transfer
 * for growth of a small heap, and collects all of it for every few dozen of them: two thirds of a sender's processor time.
 */
const HEAP_GROWTH_PERCENT = 400;
setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);

// stdout belongs to MCP, whatever a library thinks.
console.log = console.info = console.debug = console.error;

const log = stderrLogger(logLevel());
let service: Service | undefined;
const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

process.on("uncaughtException", (thrown: unknown) => {
  // The frames say where; the message could hold what nobody should read in a log.
  const frames = thrown instanceof Error ? thrown.stack?.split("\n").filter((line) => /^\s+at /.test(line)) : undefined;
  log.error(`defect, the server ends: ${frames?.map((line) => line.trim()).join(" | ") ?? "no stack"}`);
  process.exit(1);
});

// Nobody reads the log any more: no reason to stop.
process.stderr.on("error", () => {});

const config = () => readConfig(process.env);
const { server, idle } = createServer({ config, service: serve, log }, version);

const ended = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  // The SDK watches neither: an open share would outlive its client for ever.
  for (const event of ["end", "close", "error"] as const) process.stdin.once(event, () => resolve());
  process.stdout.once("error", () => resolve());
  // The SDK gives up reading, and so does not see the end of stdin, after a message that is too large for it.
  server.onerror = () => log.error("the client said something that could not be read");
  server.onclose = resolve;
});

await server.connect(new StdioServerTransport());
void sweepLeftovers();

await ended;
const overdue = setTimeout(() => process.exit(0), GOODBYE_MS);
await Promise.allSettled([server.close().then(idle), service?.[Symbol.asyncDispose]()]);
clearTimeout(overdue);
process.exit(0);

/** Made when it is first asked for: a wrong configuration is told by the tools. */
function serve(): Service {
  service ??= new OwnService(config().home, () => {}, log);
  return service;
}

/** A wrong level is reported by the tools, with everything else that is wrong. */
function logLevel() {
  try {
    return readConfig(process.env).log;
  } catch {
    return "error";
  }
}

/** What processes left behind that were killed while they received. */
async function sweepLeftovers(): Promise<void> {
  try {
    const { home } = readConfig(process.env);
    const { sweepHome } = await import("./handoff/home.ts");
    await sweepHome(home);
  } catch {
    // A wrong configuration is told by the tools.
  }
}
