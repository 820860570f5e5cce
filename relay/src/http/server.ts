/** What happens before there is a WebSocket: health, metrics, who is let in by which door, how long a socket may be silent. */
import { createServer, type IncomingMessage, type RequestListener, type Server, STATUS_CODES } from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ServerOptions, WebSocket } from "ws";
import { WebSocketServer } from "ws";
import type { Settings } from "../config/settings.ts";
import { REFUSALS, type Refusal } from "../doors.ts";
import type { SilentSockets } from "../limits/limits.ts";
import type { Emit } from "../observe/events.ts";
import { type Admission, RETRY_AFTER_S, targetOf } from "./admission.ts";

/** How often within `upgradeMs` slow requests are looked for. Node's own 30 s would treble that time. */
const LOOKS = 4;

export const METRICS_PATH = "/metrics";

/** What Node says of a request, or before it of a TLS handshake, that is not whole in time. */
const LATE = ["ERR_HTTP_REQUEST_TIMEOUT", "ERR_TLS_HANDSHAKE_TIMEOUT"];

/** RFC 8996 forbids the older ones. */
export const MIN_TLS = "TLSv1.2" as const;

/**
 * What an agent says is a stream of bytes, whatever messages it comes in: ours sends 64 KiB in one frame, others a window of
 * 256 KiB in frames of 4. Each small fragment can keep the 64 KiB alive that it came in: so 8 MiB an agent.
 */
const AGENT_MESSAGE_BYTES = 1024 * 1024;
const AGENT_FRAGMENTS = 128;

type AdmittedUpgrade = Exclude<Admission, { door: "none" }>;
type Passing = Extract<Admission, { door: "client" }>;

/** How many there are of what. */
interface Health {
  readonly rooms: number;
  readonly pairs: number;
  readonly tunnels: number;
  readonly draining: boolean;
}

interface HttpParts {
  settings: Settings;
  silent: SilentSockets;
  health: () => Health;
  /** Answers Prometheus, where it may ask on this port. */
  scrape: RequestListener | undefined;
  admit: (request: IncomingMessage) => Admission;
  /** Called for everybody who was not let in. */
  refused: (request: IncomingMessage, why: Refusal) => void;
  entered: (ws: WebSocket, request: IncomingMessage, admitted: Exclude<AdmittedUpgrade, Passing>) => void;
  /** Takes a request whose upgrade somebody else answers, and the bytes that came after it. */
  passing: (request: IncomingMessage, head: Buffer, admitted: Passing, refuse: (why: Refusal) => void) => void;
  emit: Emit;
}

/** Of a relay that speaks TLS itself. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** @throws the system's error for a certificate that is none, or that does not fit its key. */
export function createHttpServer(
  { settings, silent, health, scrape, admit, refused, entered, passing, emit }: HttpParts,
  certificate: Certificate | undefined,
): Server | SecureServer {
  const options = {
    // Everything is answered here, so that it is counted: no answers of Node's own.
    requireHostHeader: false,
    headersTimeout: settings.upgradeMs,
    requestTimeout: settings.upgradeMs,
    connectionsCheckingInterval: settings.upgradeMs / LOOKS,
  };
  const answer: RequestListener = (request, response) => {
    // One request a connection: further answers would pile up if nobody takes them.
    response.setHeader("connection", "close");
    const path = request.method === "GET" ? targetOf(request)?.pathname : undefined;
    if (path === METRICS_PATH && scrape) {
      scrape(request, response);
      return;
    }
    if (path !== "/health") {
      refused(request, "no-such-door");
      response.writeHead(404).end();
      return;
    }
    const { draining, ...held } = health();
    const headers = { "content-type": "application/json", "cache-control": "no-store" };
    response.writeHead(draining ? 503 : 200, headers);
    response.end(JSON.stringify({ ok: !draining, ...held, draining }));
  };
  const secured = { ...options, ...certificate, minVersion: MIN_TLS, handshakeTimeout: settings.upgradeMs };
  const server = certificate ? createSecureServer(secured, answer) : createServer(options, answer);
  // Node would silently leave out every header after a thousand: an Origin, or what a proxy says of the caller. The limit of
  // 16 KiB for all of them is enough.
  server.maxHeadersCount = 0;
  // No compression: what is sealed does not shrink, and inflating for strangers costs memory.
  const plain = { noServer: true, clientTracking: false, perMessageDeflate: false } as const;
  const peers = new WebSocketServer({ ...plain, maxPayload: settings.maxMessageBytes });
  // @types/ws does not know `closeTimeout` yet.
  const ofAgents: ServerOptions & { closeTimeout: number } = {
    ...plain,
    maxPayload: AGENT_MESSAGE_BYTES,
    maxFragments: AGENT_FRAGMENTS,
    // A peer has timers of its own. An agent that broke the protocol keeps its room and its clients until it is cut.
    closeTimeout: settings.closeMs,
  };
  const agents = new WebSocketServer(ofAgents);
  server.on("connection", (socket) => silent.add(socket));
  const upgrade = (request: IncomingMessage, _stream: Duplex, head: Buffer) => {
    const admission = admit(request);
    const refuse = (why: Refusal) => {
      refused(request, why);
      turnAway(request.socket, why);
    };
    if (admission.door === "none") {
      refuse(admission.why);
      return;
    }
    if (admission.door === "client") {
      passing(request, head, admission, refuse);
      return;
    }
    let upgraded = false;
    (admission.door === "agent" ? agents : peers).handleUpgrade(request, request.socket, head, (ws) => {
      upgraded = true;
      entered(ws, request, admission);
    });
    // ws has answered it by then, without an event.
    if (!upgraded) emit({ event: "cut", why: "bad-upgrade" });
  };
  // A client that takes us for a proxy comes the same way: without a listener Node hangs up, and it is not counted.
  server.on("upgrade", upgrade).on("connect", upgrade).on("checkExpectation", answer);
  // Answered as Node itself does where nobody listens.
  server.on("clientError", (error: NodeJS.ErrnoException, stream) => {
    const { code = "" } = error;
    const late = LATE.includes(code);
    // A connection that broke was not cut by us.
    if (late) emit({ event: "cut", why: "no-http-request" });
    else if (/^(HPE|ERR_SSL)_/.test(code)) emit({ event: "cut", why: "bad-http-request" });
    const status = late ? 408 : code === "HPE_HEADER_OVERFLOW" ? 431 : 400;
    if (stream.writable) stream.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
    stream.destroy();
  });
  return server;
}

function turnAway(socket: Socket, why: Refusal): void {
  const status = REFUSALS[why];
  const retryAfter = RETRY_AFTER_S[why];
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Connection: close",
    "Content-Type: text/plain",
    `Content-Length: ${why.length}`,
    ...(status === 401 ? ["WWW-Authenticate: Bearer"] : []),
    ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
  ];
  socket.on("error", () => socket.destroy());
  socket.once("finish", () => socket.destroy());
  socket.end(`${lines.join("\r\n")}\r\n\r\n${why}`);
}
