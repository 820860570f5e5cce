/**
 * The bare forwarder that the relay is compared with, as a process of its own: the least that a room relay on `ws` can do.
 * No limits, no timeouts, no backpressure: what a receiver does not take waits here without end. Never something to deploy.
 *
 *     node bare.js        listens on any port of 127.0.0.1
 */
import { randomUUID } from "node:crypto";
import { type WebSocket, WebSocketServer } from "ws";

const senders = new Map<string, WebSocket>();

function forward(from: WebSocket, to: WebSocket): void {
  from.on("message", (data, binary) => to.send(data, { binary }));
  from.on("close", () => to.close());
}

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("connection", (ws) => {
  ws.on("error", () => {});
  ws.once("message", (data) => {
    const { type, room_id } = JSON.parse(String(data));
    const say = (to: WebSocket, answer: object) => to.send(JSON.stringify(answer));
    if (type === "CREATE_ROOM") {
      const room = randomUUID();
      senders.set(room, ws);
      ws.on("close", () => senders.delete(room));
      say(ws, { type: "ROOM_CREATED", room_id: room });
      return;
    }
    const sender = senders.get(room_id);
    if (!sender) return ws.close();
    forward(sender, ws);
    forward(ws, sender);
    say(ws, { type: "ROOM_JOINED" });
    say(sender, { type: "PEER_JOINED" });
  });
});
