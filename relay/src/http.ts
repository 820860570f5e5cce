/** What is there before a WebSocket is: health, the one path that is upgraded, and how long a socket may be silent. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";
import type { Settings } from "./config.ts";
import type { SilentSockets } from "./limits.ts";

/** How often within `firstMessageMs` slow requests are looked for. Node's own 30 s would treble that time. */
const LOOKS = 4;

export interface HttpParts {
  settings: Settings;
  silent: SilentSockets;
  rooms: () => number;
  upgraded: (ws: WebSocket, socket: Socket) => void;
}

export function createHttpServer({ settings, silent, rooms, upgraded }: HttpParts): Server {
  const server = createServer(
    {
      headersTimeout: settings.firstMessageMs,
      requestTimeout: settings.firstMessageMs,
      connectionsCheckingInterval: settings.firstMessageMs / LOOKS,
    },
    (request, response) => {
      if (request.method !== "GET" || pathOf(request) !== "/health") {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify({ ok: true, rooms: rooms() }));
    },
  );
  // No compression: what is sealed does not shrink, and inflating for strangers costs memory.
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: settings.maxMessageBytes,
  });
  server.on("connection", (socket) => silent.add(socket));
  server.on("upgrade", (request: IncomingMessage, _stream, head) => {
    // Node's own HTTP server hands over a plain socket, typed as any stream.
    const socket = request.socket;
    if (pathOf(request) !== "/") {
      socket.on("error", () => socket.destroy());
      socket.once("finish", () => socket.destroy());
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (ws) => upgraded(ws, socket));
  });
  return server;
}

function pathOf(request: IncomingMessage): string | undefined {
  return request.url?.split("?", 1)[0];
}
