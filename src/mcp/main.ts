/**
 * The MCP server as a process: it speaks on stdio and ends with its client, by a signal or the end of stdin. Claude Code gives
 * it half a second for that. Shares stay with the hub; without a hub they end here. Heavy modules are imported on first use.
 */
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { readConfig } from "../config.ts";
import type { Logger } from "../log.ts";
import type { Service, ShareEvent } from "../service/service.ts";
import { createServer } from "./server.ts";
import { inWords } from "./view.ts";

/** How long shares may take to say goodbye, in ms: less than the client waits before it kills us. */
const GOODBYE_MS = 300;

/** Settles when the client has gone. @param entry the path of this program, for starting a hub. */
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
    // The SDK watches neither: an open share would keep this process alive after its client.
    for (const event of ["end", "close", "error"] as const) process.stdin.once(event, () => resolve());
    process.stdout.once("error", () => resolve());
    // After a message that is too large for it the SDK stops reading, and then misses the end of stdin.
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

/** Removes what was left by processes that were killed while they received. */
async function sweepLeftovers(): Promise<void> {
  try {
    const { home } = readConfig(process.env);
    const { sweepHome } = await import("../home/folders.ts");
    await sweepHome(home);
  } catch {
    // The tools report a wrong configuration.
  }
}
