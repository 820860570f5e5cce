/**
 * The floors that the figures are compared with, as processes of their own: the least that TCP and a WebSocket relay can
 * do on this machine. No encryption, no handshake, no files; never something to deploy.
 *
 *     node floor.js serve <bytes>      listens on TCP, sends that many bytes to whoever connects
 *     node floor.js relay              forwards frames from a client of /push to one of /pull, without backpressure
 *     node floor.js push <url> <bytes> sends that many bytes through such a relay
 *
 * The first two print their port, the third says when it is connected.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import WebSocket, { WebSocketServer } from "ws";

const FRAME = randomBytes(64 * 1024);

/** `bytes` bytes in frames of 64 KiB. */
function* framesOf(bytes: number): Iterable<Uint8Array> {
  for (let left = bytes; left > 0; left -= FRAME.length) yield FRAME.subarray(0, Math.min(left, FRAME.length));
}

async function serve(bytes: number): Promise<void> {
  const server = createServer(async (socket) => {
    socket.on("error", () => {});
    for (const frame of framesOf(bytes)) if (!socket.write(frame)) await once(socket, "drain");
    socket.end();
  });
  server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
}

function relay(): void {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  let source: WebSocket | undefined;
  let target: WebSocket | undefined;
  server.on("connection", (ws, { url }) => {
    if (url === "/push") source = ws;
    else target = ws;
    if (!source || !target) return;
    const [from, to] = [source, target];
    source = target = undefined;
    from.on("message", (data, binary) => to.send(data, { binary }));
    from.on("close", () => to.close());
    from.send("go");
  });
  server.on("listening", () => console.log((server.address() as AddressInfo).port));
}

async function push(url: string, bytes: number): Promise<void> {
  const ws = new WebSocket(`${url}/push`, { perMessageDeflate: false });
  await once(ws, "open");
  console.log("connected");
  await once(ws, "message");
  for (const frame of framesOf(bytes)) await new Promise((sent) => ws.send(frame, sent));
  ws.close();
}

const [role, first = "", second = ""] = process.argv.slice(2);
if (role === "serve") await serve(Number(first));
else if (role === "relay") relay();
else if (role === "push") await push(first, Number(second));
