/**
 * The floors that the figures are compared with, as processes of their own: the least that TCP, or a WebSocket relay, with
 * AES-256-GCM at both ends can do on this machine. No key exchange, no digest, no inbox; never something to deploy.
 *
 *     node floor.js serve <bytes>         listens on TCP, seals and sends that many bytes to whoever connects
 *     node floor.js relay                 forwards messages from a client of /push to one of /pull
 *     node floor.js push <url> <bytes>    seals and sends that many bytes through such a relay, once somebody pulls
 *     node floor.js fetch <from> <bytes> <file> [wait]
 *                                         gets and opens them, from a TCP port or a relay's URL; with a file name instead
 *                                         of "-" it also writes them there once, and syncs; with "wait" when it is told to
 *
 * `serve` and `relay` print their port, `push` and a waiting `fetch` say that they are ready, and `fetch` says done.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { on, once } from "node:events";
import { open } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import WebSocket, { WebSocketServer } from "ws";

/** Known to everybody: this measures AES, and keeps no secret. */
const KEY = Buffer.alloc(32, 7);
const ALGORITHM = "aes-256-gcm";
const TAG_BYTES = 16;
const CHUNK_BYTES = 64 * 1024;
const CHUNK = randomBytes(CHUNK_BYTES);
const WRITE_BYTES = 1024 * 1024;
/** What may wait in a WebSocket, in bytes, before its source has to. */
const HIGH_BYTES = 1024 * 1024;

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index);
  return nonce;
}

/** `bytes` bytes in chunks of 64 KiB, each sealed, with its tag after it. */
function* sealed(bytes: number): Iterable<[Buffer, Buffer]> {
  for (let index = 0; index * CHUNK_BYTES < bytes; index += 1) {
    const cipher = createCipheriv(ALGORITHM, KEY, nonceOf(index));
    const body = cipher.update(CHUNK.subarray(0, Math.min(CHUNK_BYTES, bytes - index * CHUNK_BYTES)));
    cipher.final();
    yield [body, cipher.getAuthTag()];
  }
}

function opened(frame: Buffer, index: number): Buffer {
  const decipher = createDecipheriv(ALGORITHM, KEY, nonceOf(index), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(frame.subarray(-TAG_BYTES));
  const plain = decipher.update(frame.subarray(0, -TAG_BYTES));
  decipher.final();
  return plain;
}

async function serve(bytes: number): Promise<void> {
  const server = createServer(async (socket) => {
    socket.on("error", () => {});
    for (const [body, tag] of sealed(bytes)) {
      socket.cork();
      socket.write(body);
      const room = socket.write(tag);
      socket.uncork();
      if (!room) await once(socket, "drain");
    }
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
    from.on("message", (data, binary) => {
      to.send(data, { binary }, () => {
        if (to.bufferedAmount < HIGH_BYTES / 2) from.resume();
      });
      if (to.bufferedAmount > HIGH_BYTES) from.pause();
    });
    from.on("close", () => to.close());
    from.send("go");
  });
  server.on("listening", () => console.log((server.address() as AddressInfo).port));
}

async function push(url: string, bytes: number): Promise<void> {
  const ws = new WebSocket(`${url}/push`, { perMessageDeflate: false });
  await once(ws, "open");
  console.log("ready");
  await once(ws, "message");
  for (const parts of sealed(bytes)) {
    const sent = new Promise((done) => ws.send(Buffer.concat(parts), done));
    if (ws.bufferedAmount > HIGH_BYTES) await sent;
  }
  ws.close();
}

async function* framesByTcp(port: number, bytes: number): AsyncIterable<Buffer> {
  let parts: Buffer[] = [];
  let held = 0;
  let left = bytes;
  for await (const piece of connect(port, "127.0.0.1")) {
    for (let rest = piece as Buffer; rest.length > 0; ) {
      const wanted = Math.min(left, CHUNK_BYTES) + TAG_BYTES;
      const part = rest.subarray(0, wanted - held);
      parts.push(part);
      held += part.length;
      rest = rest.subarray(part.length);
      if (held < wanted) continue;
      yield parts.length === 1 ? part : Buffer.concat(parts);
      parts = [];
      held = 0;
      left -= wanted - TAG_BYTES;
    }
  }
}

async function* framesByRelay(url: string): AsyncIterable<Buffer> {
  const ws = new WebSocket(`${url}/pull`, { perMessageDeflate: false });
  for await (const [frame] of on(ws, "message", { close: ["close"], highWaterMark: 16, lowWaterMark: 4 })) yield frame;
}

async function fetch(from: string, bytes: number, file: string): Promise<void> {
  const disk = file === "-" ? undefined : await open(file, "w");
  let [batch, spare] = [Buffer.alloc(disk ? WRITE_BYTES : 0), Buffer.alloc(disk ? WRITE_BYTES : 0)];
  let used = 0;
  let writing: Promise<unknown> = Promise.resolve();
  const flush = async () => {
    await writing;
    writing = disk?.write(batch, 0, used) ?? Promise.resolve();
    [batch, spare] = [spare, batch];
    used = 0;
  };
  let got = 0;
  let index = 0;
  for await (const frame of from.startsWith("ws:") ? framesByRelay(from) : framesByTcp(Number(from), bytes)) {
    const plain = opened(frame, index++);
    got += plain.length;
    if (!disk) continue;
    plain.copy(batch, used);
    used += plain.length;
    if (used === WRITE_BYTES) await flush();
  }
  await flush();
  await writing;
  await disk?.sync();
  await disk?.close();
  if (got !== bytes) throw new Error("the floor lost bytes");
  console.log("done");
}

const [role, first = "", second = "", third = "-", when] = process.argv.slice(2);
if (role === "serve") await serve(Number(first));
else if (role === "relay") relay();
else if (role === "push") await push(first, Number(second));
else if (role === "fetch") {
  if (when === "wait") {
    console.log("ready");
    await once(process.stdin, "data");
    process.stdin.destroy();
  }
  await fetch(first, Number(second), third);
}
