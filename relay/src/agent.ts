#!/usr/bin/env node
/**
 * The machine that hosts: one connection to a relay's tunnel door, and for each client that comes through it one TCP
 * connection to the local server. A process of its own: settings, signals, a line on stderr for each event, exit codes.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createWebSocketStream, WebSocket } from "ws";
import * as z from "zod";
import { MAX_STREAMS_PER_TUNNEL } from "./config/settings.ts";
import { TUNNEL_ID } from "./doors.ts";
import { collectLessOften } from "./heap.ts";
import { bridge } from "./tunnel/bridge.ts";
import { YamuxSession } from "./yamux/session.ts";
import type { YamuxStream } from "./yamux/stream.ts";

const EXIT_REFUSED = 1;
const EXIT_WRONG_SETTINGS = 2;

/** How long the relay may take to answer the upgrade, in ms. */
const UPGRADE_MS = 10_000;
/** The first wait after a loss, in ms; it doubles until it is the longest. Each is shortened by up to half, by chance. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** A connection that held so long was a good one, in ms: the next wait is the first again. */
const STEADY_MS = 10_000;
/** Largest message of the relay: its writes are of some 64 KiB, with headers for all streams. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Between two pings, in ms: below the 30 s after which the strictest middleboxes forget an idle connection. */
const PING_MS = 25_000;
/** How long one half of a connection may go on after the other has ended, in ms: what is under way may be on a slow line. */
const HALF_OPEN_MS = 5 * 60_000;

/** What asking again does not change. A 409 ends with the other agent, a 404 with a relay that has the door open. */
const FINAL_STATUSES = [400, 401, 403];

const MEANING: Record<number, string> = {
  400: "(it takes no such room id)",
  401: "(it wants a token, and this is not it)",
  403: "(not from here, or not under this name)",
  404: "(it has no tunnel door open)",
  409: "(another agent has this room)",
  429: "(too many connections from this address)",
  503: "(it is full, or stopping)",
};

const USAGE = `usage: node relay/dist/agent.js --relay ws://relay.example:9784 --room x --port 1234 [flags]

  flag           environment              what it is
  --relay        RELAY_URL                the relay, ws:// or wss://
  --room         ROOM_ID                  name of the tunnel, 1 to 128 of A-Z a-z 0-9 _ -
  --port         LOCAL_PORT               TCP port of the local server
  --host         LOCAL_HOST               its host [127.0.0.1]
  --token-file   RELAY_TUNNEL_TOKEN_FILE  a file with the relay's token
  --token        RELAY_TUNNEL_TOKEN       the token itself; others on this machine can see a flag
`;

const AgentSettings = z.object({
  relay: z.url({ protocol: /^wss?$/ }),
  room: z.string().regex(TUNNEL_ID),
  port: z
    .string()
    .regex(/^\d{1,5}$/)
    .transform(Number)
    .pipe(z.number().min(1).max(65_535)),
  host: z.string().min(1).default("127.0.0.1"),
  token: z
    .string()
    .regex(/^[\x21-\x7e]+$/)
    .optional(),
});
type AgentSettings = z.infer<typeof AgentSettings>;

collectLessOften();
const settings = readSettings();
if (settings) {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  process.exitCode = await host(settings, stop.signal);
}

/** Connects again and again until it is stopped or finally refused. @returns the exit code. */
async function host(settings: AgentSettings, stop: AbortSignal): Promise<number> {
  for (let losses = 0; !stop.aborted; losses++) {
    const began = performance.now();
    const ws = await dial(settings, stop);
    if (typeof ws === "number") {
      if (FINAL_STATUSES.includes(ws)) return EXIT_REFUSED;
    } else {
      log("connected");
      const why = await serve(ws, settings, stop);
      log(`disconnected: ${why}`);
      if (performance.now() - began > STEADY_MS) losses = 0;
    }
    if (stop.aborted) break;
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** losses, LONGEST_WAIT_MS) * (1 - Math.random() / 2);
    log(`next try in ${(waitMs / 1000).toFixed(1)} s`);
    await delay(waitMs, undefined, { signal: stop }).catch(() => {});
  }
  log("stopped");
  return 0;
}

/** @returns the open connection; or the status with which it was refused, 0 without one. */
function dial({ relay, room, token }: AgentSettings, stop: AbortSignal): Promise<WebSocket | number> {
  const url = new URL(relay);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/agent`;
  url.searchParams.set("room", room);
  const ws = new WebSocket(url, {
    perMessageDeflate: false,
    handshakeTimeout: UPGRADE_MS,
    maxPayload: MAX_MESSAGE_BYTES,
    ...(token !== undefined && { headers: { Authorization: `Bearer ${token}` } }),
  });
  const cut = () => ws.terminate();
  stop.addEventListener("abort", cut, { once: true });
  return new Promise<WebSocket | number>((resolve) => {
    ws.once("open", () => {
      // Until somebody listens: the relay's first frame may have come with its answer.
      ws.pause();
      resolve(ws);
    });
    ws.on("error", (error: NodeJS.ErrnoException) => {
      if (!stop.aborted) log(`no connection: ${error.code ?? "no answer, or none that is a relay's"}`);
      resolve(0);
    });
    ws.once("unexpected-response", (_request, response) => {
      const status = response.statusCode ?? 0;
      log(`refused by the relay: ${status} ${MEANING[status] ?? "for now"}`);
      // It is reported by now: the error of cutting the connection is not.
      ws.removeAllListeners("error").on("error", () => {});
      ws.terminate();
      resolve(status);
    });
  }).finally(() => stop.removeEventListener("abort", cut));
}

/** Until the connection is gone. @returns why. */
async function serve(ws: WebSocket, { host, port }: AgentSettings, stop: AbortSignal): Promise<string> {
  const session = new YamuxSession(createWebSocketStream(ws), "client", {
    maxStreams: MAX_STREAMS_PER_TUNNEL,
    pingMs: PING_MS,
    onStream: (stream) => void reach(stream, host, port),
  });
  const close = () => void session.close();
  stop.addEventListener("abort", close, { once: true });
  if (stop.aborted) close();
  try {
    return await session.closed;
  } finally {
    stop.removeEventListener("abort", close);
  }
}

/** One client: from its stream to the local server. A server that is not there resets the stream. */
async function reach(stream: YamuxStream, host: string, port: number): Promise<void> {
  log(`client ${stream.id}: came`);
  const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
  socket.once("error", (error: NodeJS.ErrnoException) => log(`client ${stream.id}: local server: ${error.code}`));
  log(`client ${stream.id}: gone: ${await bridge(socket, stream, { halfOpenMs: HALF_OPEN_MS })}`);
}

/** Flags beat the environment. Reports everything that is wrong at once; undefined then, and for --help. */
function readSettings(): AgentSettings | undefined {
  const string = { type: "string" } as const;
  const flags = { relay: string, room: string, port: string, host: string, token: string, "token-file": string };
  try {
    const { values } = parseArgs({ options: { ...flags, help: { type: "boolean" } } });
    if (values.help) {
      process.stdout.write(USAGE);
      return undefined;
    }
    const { env } = process;
    const tokenIn = (file: string | undefined) => (file ? readFileSync(file, "utf8").trim() : undefined);
    const flagged = values.token ?? tokenIn(values["token-file"]);
    const given = {
      relay: values.relay ?? env.RELAY_URL,
      room: values.room ?? env.ROOM_ID,
      port: values.port ?? env.LOCAL_PORT,
      host: values.host ?? (env.LOCAL_HOST || undefined),
      token: flagged ?? (env.RELAY_TUNNEL_TOKEN || tokenIn(env.RELAY_TUNNEL_TOKEN_FILE)),
    };
    const read = AgentSettings.safeParse(given);
    if (read.success) return read.data;
    const wrong = new Set(read.error.issues.map(({ path }) => `--${String(path[0])}`));
    process.stderr.write(`agent: missing or wrong: ${[...wrong].join(", ")}\n${USAGE}`);
  } catch (error) {
    process.stderr.write(`agent: ${error instanceof Error ? error.message : "wrong settings"}\n${USAGE}`);
  }
  process.exitCode = EXIT_WRONG_SETTINGS;
  return undefined;
}

function log(event: string): void {
  process.stderr.write(`agent: ${event}\n`);
}
