/** Why tunnels and their clients end, each with an agent that does just that. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, it } from "vitest";
import { createWebSocketStream, WebSocket, WebSocketServer } from "ws";
import { DEFAULTS, type Settings } from "../../relay/src/config/settings.ts";
import { AddressLimiter } from "../../relay/src/limits/limits.ts";
import { Tunnels } from "../../relay/src/tunnel/tunnels.ts";
import { YamuxSession } from "../../relay/src/yamux/session.ts";
import type { YamuxStream } from "../../relay/src/yamux/stream.ts";
import { settled, until } from "../support/wait.ts";
import { harness, upgradeRequest } from "./support.ts";

const { undo } = harness();

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\n\r\n";

/** One tunnel and one client, and what was said of their ends. */
async function visit(onStream: (stream: YamuxStream) => void, settings: Partial<Settings> = {}) {
  const ends: string[] = [];
  const tunnels = new Tunnels({ ...DEFAULTS, ...settings }, (event) => {
    if (event.event === "tunnel-ended") ends.push(`tunnel ${event.why}`);
    if (event.event === "client-ended") ends.push(`client ${event.why}`);
  });
  const connections = new AddressLimiter(2);
  const webSockets = new WebSocketServer({ noServer: true });
  const server = createServer();
  server.on("upgrade", (request, _stream, head: Buffer) => {
    const { socket } = request;
    const arriving = { id: "x", place: connections.hold("caller"), socket };
    if (request.url === "/agent") {
      webSockets.handleUpgrade(request, socket, head, (ws) => tunnels.enter({ ...arriving, role: "agent", ws }));
      return;
    }
    const seen = Buffer.from("request");
    tunnels.enter({ ...arriving, role: "client", head, request: seen, refuse: () => socket.destroy() });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  undo.push(() => {
    tunnels.end();
    server.close();
  });
  const { port } = server.address() as AddressInfo;

  const ws = new WebSocket(`ws://127.0.0.1:${port}/agent`);
  await once(ws, "open");
  const session = new YamuxSession(createWebSocketStream(ws), "client", { onStream });
  undo.push(() => session.close());
  const client = connect(port, "127.0.0.1");
  client.on("error", () => {});
  undo.push(() => client.destroy());
  client.write(upgradeRequest("/client"));
  return { tunnels, session, client, ws, ends };
}

type Visit = Awaited<ReturnType<typeof visit>>;

const answering = (answer: string) => (stream: YamuxStream) => {
  stream.resume();
  stream.write(answer);
};

it.each<[string, string, (stream: YamuxStream) => void, (visit: Visit) => unknown]>([
  ["done", "both have ended in order", (stream) => stream.end(SWITCHING).resume(), ({ client }) => client.resume()],
  ["client-lost", "the client is cut", answering(SWITCHING), ({ client }) => client.resetAndDestroy()],
  [
    "client-lost",
    "the client is cut before there is an answer",
    answering(""),
    ({ client }) => client.resetAndDestroy(),
  ],
  ["agent-lost", "the agent is cut", answering(SWITCHING), ({ ws }) => ws.terminate()],
  ["restart", "the relay stops", answering(SWITCHING), ({ tunnels }) => tunnels.end()],
  ["no-answer", "the stream ends before an answer", (stream) => stream.end("HTTP"), () => {}],
  ["no-answer", "the stream is reset before an answer", (stream) => stream.destroy(), () => {}],
  [
    "turned-down",
    "the server answers with no upgrade",
    (stream) => stream.end("HTTP/1.1 200 OK\r\n\r\n"),
    ({ client }) => client.resume(),
  ],
])("a client ends as %s when %s", async (why, _when, onStream, act) => {
  let came = false;
  const visited = await visit((stream) => {
    came = true;
    onStream(stream);
  });
  await until("the client's stream has come", () => came);
  await settled(() => visited.client.bytesRead);
  act(visited);
  await until("it has ended", () => visited.ends.some((end) => end.startsWith("client")));
  expect(visited.ends.filter((end) => end.startsWith("client"))).toEqual([`client ${why}`]);
  await until("its socket is forgotten", () => visited.tunnels.clients === 0);
});

it("a client ends as server-lost when its stream is reset after the 101", async () => {
  const streams: YamuxStream[] = [];
  const { client, ends } = await visit((stream) => streams.push(stream));
  await until("it came", () => streams.length === 1);
  streams[0]?.write(SWITCHING);
  await once(client, "data");
  streams[0]?.destroy();
  await until("it has ended", () => ends.length === 1);
  expect(ends).toEqual(["client server-lost"]);
});

it("a client ends as late-answer, stalled or half-open when its time is over", async () => {
  const late = await visit(answering(""), { upgradeMs: 50 });
  await until("it has ended", () => late.ends.length === 1);
  expect(late.ends).toEqual(["client late-answer"]);

  const stalled = await visit((stream) => stream.write(Buffer.concat([Buffer.from(SWITCHING), Buffer.alloc(64e6)])), {
    stalledMs: 50,
  });
  stalled.client.pause();
  await until("it has ended", () => stalled.ends.length === 1);
  expect(stalled.ends).toEqual(["client stalled"]);

  const halfOpen = await visit(answering(SWITCHING), { flushMs: 50 });
  await once(halfOpen.client, "data");
  halfOpen.client.end();
  await until("it has ended", () => halfOpen.ends.length === 1);
  expect(halfOpen.ends).toEqual(["client half-open"]);
});

it("a client that leaves while the server takes nothing of it is let go, though nobody hears it leave", async () => {
  const visited = await visit((stream) => stream.write(SWITCHING), { stalledMs: 50 });
  await once(visited.client, "data");
  visited.client.write(Buffer.alloc(64e6));
  await settled(() => visited.client.bytesWritten - visited.client.writableLength);
  visited.client.resetAndDestroy();
  await until("it has ended", () => visited.ends.length === 1);
  expect(visited.ends).toEqual(["client stalled"]);
  expect(visited.tunnels.clients).toBe(0);
});

it.each<[string, (visit: Visit) => unknown]>([
  ["transport-lost", ({ ws }) => ws.terminate()],
  ["peer-closed", ({ session }) => session.close()],
  ["bad-version", ({ ws }) => ws.send(Buffer.alloc(12, 7))],
  ["restart", ({ tunnels }) => tunnels.end()],
])("a tunnel ends as %s, and its id is free again", async (why, act) => {
  const visited = await visit(answering(SWITCHING));
  await once(visited.client, "data");
  act(visited);
  await until("it has ended", () => visited.ends.length === 2);
  expect(visited.ends).toContain(`tunnel ${why}`);
  expect(visited.tunnels.hasRoom("x")).toBeUndefined();
});
