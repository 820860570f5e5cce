/** A WebSocket server behind a tunnel, clients that know only the relay, and an agent that stands in for the real one. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { expect } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { Settings } from "../../relay/src/config/settings.ts";
import type { Relay } from "../../relay/src/relay.ts";
import { bridge } from "../../relay/src/tunnel/bridge.ts";
import { settled, until } from "../support/wait.ts";
import { agent } from "./neighbours.ts";
import type { Client, harness } from "./support.ts";

type Harness = ReturnType<typeof harness>;

export const TOKEN = "0123456789abcdef";

/** A WebSocket server that says everything back, with what it saw of its clients. */
export async function echo({ undo }: Harness) {
  const http = createServer();
  const requests: IncomingMessage[] = [];
  const sockets = new Set<WebSocket>();
  const closes: number[] = [];
  const server = new WebSocketServer({
    server: http,
    maxPayload: 64 * 1024 * 1024,
    handleProtocols: (offered) => (offered.has("second") ? "second" : false),
    verifyClient: ({ req }, done) => done(req.url !== "/forbidden", 418, "no tea"),
  });
  server.on("connection", (ws, request) => {
    requests.push(request);
    sockets.add(ws);
    ws.on("error", () => {});
    ws.on("close", (code) => {
      closes.push(code);
      sockets.delete(ws);
    });
    ws.on("message", (data, binary) => {
      if (String(data) === "close 3001") ws.close(3001, "as asked");
      else ws.send(data, { binary });
    });
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  undo.push(() => {
    for (const ws of sockets) ws.terminate();
    http.closeAllConnections();
    http.close();
  });
  return { port: (http.address() as AddressInfo).port, requests, sockets, closes };
}

/** What the agent does with its clients, in this process: each gets a connection to the port. */
export function host(doors: Harness, url: string, port: number, room = "home", token?: string) {
  return agent(
    doors,
    url,
    room,
    (stream) => {
      const socket = connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true });
      void bridge(socket, stream, { halfOpenMs: 300_000 });
    },
    token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } },
  );
}

/** A relay with its tunnel door open, an echo server, and that agent between them. */
export async function tunnel(doors: Harness, settings: Partial<Settings> = {}) {
  const door = await doors.relay({ doors: ["room", "pair", "tunnel"], ...settings });
  const server = await echo(doors);
  await host(doors, door.url, server.port);
  return { url: door.url, door, server };
}

export const at = (url: string, path = "", query = "") => `${url}/client${path}?room=home${query}`;

export async function refusal(url: string, options: ConstructorParameters<typeof WebSocket>[2] = {}) {
  const ws = new WebSocket(url, options);
  ws.on("error", () => {});
  const [, response] = (await once(ws, "unexpected-response")) as [unknown, IncomingMessage];
  const [body] = await once(response, "data");
  return [response.statusCode, String(body)];
}

/** Says a request, and waits for an answer that matches. */
export async function exchange(socket: Socket, request: string, answer: RegExp): Promise<void> {
  let heard = "";
  socket.on("data", (bytes) => {
    heard += String(bytes);
  });
  socket.write(request, "latin1");
  await until(`an answer like ${answer}`, () => answer.test(heard));
}

export async function tunnelsOf({ port }: Relay): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/health`);
  return ((await response.json()) as { tunnels: number }).tunnels;
}

/** Says 128 MiB. What kernels hold on the way is taken of it, and no more: the rest has not left its end. */
export async function heldUp(ws: WebSocket): Promise<void> {
  const chunk = Buffer.alloc(1024 * 1024);
  let taken = 0;
  const pump = () =>
    ws.send(chunk, (lost) => {
      if (!lost && ++taken < 128) pump();
    });
  pump();
  await settled(() => taken);
  expect(taken).toBeLessThan(64);
}

export async function echoes(visitor: Client, text: string): Promise<void> {
  visitor.send(text);
  expect(await visitor.text()).toBe(text);
}
