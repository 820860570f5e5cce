/**
 * The MCP server as a process: it speaks on stdio and ends when its client does, by a signal or by the end of stdin.
 * Claude Code gives it half a second for that. The shares stay with the hub; without one, they end here. What is heavy is
 * imported when it is first used.
 */
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { readConfig } from "../config.ts";
import type { Logger } from "../log.ts";
import type { Service, ShareEvent } from "../service/service.ts";
import { createServer } from "./server.ts";
import { inWords } from "./view.ts";

/** How long the shares may take to say goodbye, in ms: less than the client waits before it kills. */
const GOODBYE_MS = 300;

/** Until the client is gone. @param entry the program itself, for a hub. */
export async function serveMcp(version: string, entry: string, log: Logger): Promise<void> {
  const config = () => readConfig(process.env);
  let serving: Promise<Service> | undefined;
  const service = async () => {
    const { home, hub } = config();
    serving ??= hub ? hubService(home) : localService(home);
    return serving;
  };
  const hubService = async (home: string) => {
    const { HubService } = await import("../hub/client.ts");
    return new HubService({ home, version, entry, onEvent });
  };
  const localService = async (home: string) => {
    const { LocalService } = await import("../service/local.ts");
    return new LocalService(home, onEvent, log);
  };

  const { server, idle } = createServer({ config, service, log, entry }, version);
  const onEvent = ({ event, share }: ShareEvent) => {
    const level = event === "attempt-failed" ? "warning" : "info";
    const data = `Share ${share.id}, room ${share.room}: ${inWords(share)}`;
    server.sendLoggingMessage({ level, logger: "claude-spread", data }).catch(() => {}); // the client has gone
  };

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
  const dispose = async () => (await serving)?.[Symbol.asyncDispose]();
  await Promise.allSettled([server.close().then(idle), dispose()]);
  clearTimeout(overdue);
}

/** What processes left behind that were killed while they received. */
async function sweepLeftovers(): Promise<void> {
  try {
    const { home } = readConfig(process.env);
    const { sweepHome } = await import("../home/folders.ts");
    await sweepHome(home);
  } catch {
    // A wrong configuration is told by the tools.
  }
}
