/**
 * Those who are there while somebody else misbehaves: a transfer in a room, a pair, and a visitor of a tunnel. They want
 * nothing but to be left alone, and say whether they were.
 */
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { createWebSocketStream, WebSocket, WebSocketServer } from "ws";
import type { RelayEvent } from "../../relay/src/observe/events.ts";
import { bridge } from "../../relay/src/tunnel/bridge.ts";
import { YamuxSession } from "../../relay/src/yamux/session.ts";
import type { YamuxStream } from "../../relay/src/yamux/stream.ts";
import type { Client, harness } from "./support.ts";

type Harness = ReturnType<typeof harness>;

/** The tunnel of the neighbours: who comes by it reaches a server that says everything back. */
export const TUNNEL = "neighbours";

/** An agent that does as it is told with each stream. */
export async function agent(
  { undo }: Harness,
  url: string,
  room: string,
  onStream: (stream: YamuxStream) => void,
  options: ConstructorParameters<typeof WebSocket>[2] = {},
) {
  const ws = new WebSocket(`${url}/agent?room=${room}`, { perMessageDeflate: false, ...options });
  undo.push(() => ws.terminate());
  await once(ws, "open");
  return { ws, session: new YamuxSession(createWebSocketStream(ws), "client", { onStream, maxStreams: 4096 }) };
}

interface Neighbours {
  /** A trip there and back at each door, over the connections that were there from the start. */
  trip(): Promise<void>;
}

export async function neighbours(doors: Harness, url: string): Promise<Neighbours> {
  const { undo, client } = doors;
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (ws) => {
    ws.on("error", () => {});
    ws.on("message", (data, binary) => ws.send(data, { binary }));
  });
  await once(server, "listening");
  undo.push(() => {
    for (const ws of server.clients) ws.terminate();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  await agent(doors, url, TUNNEL, (stream) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    void bridge(socket, stream, { halfOpenMs: 5_000 });
  });

  const inRoom = await doors.pair(url);
  const { trip: tripOfPair } = await pairOfNeighbours(doors, url);
  const visitor = await client(`${url}/client?room=${TUNNEL}`);
  const trip = async () => {
    await there(inRoom.sender, inRoom.receiver);
    await there(inRoom.receiver, inRoom.sender);
    await tripOfPair();
    await there(visitor, visitor);
  };
  await trip();
  return { trip };
}

/** Those at the pair door alone. */
export async function pairOfNeighbours({ client }: Harness, url: string): Promise<Neighbours> {
  const first = await client(`${url}/?pair=${TUNNEL}`);
  const second = await client(`${url}/?pair=${TUNNEL}`);
  return {
    async trip() {
      await there(first, second);
      await there(second, first);
    },
  };
}

let said = 0;
async function there(from: Client, to: Client): Promise<void> {
  const word = Buffer.from(String(said++));
  from.send(word);
  const { data } = await to.next();
  if (!data.equals(word)) throw new Error("a neighbour heard something else");
}

/** Events as they are counted: `closed room peer-left`. */
export function spelled(events: readonly RelayEvent[]): string[] {
  return events
    .flatMap((event) => {
      if (!("why" in event)) return [];
      return "door" in event ? `${event.event} ${event.door} ${event.why}` : `${event.event} ${event.why}`;
    })
    .sort();
}
