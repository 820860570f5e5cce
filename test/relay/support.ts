/** Real relays, real clients and raw sockets for the tests of the relay. Whatever a test opens here is closed after it. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach } from "vitest";
import { WebSocket } from "ws";
import { type Relay, type RelayOptions, startRelay } from "../../relay/src/relay.ts";

interface Frame {
  data: Buffer;
  binary: boolean;
}
interface Ended {
  code: number;
  reason: string;
}

/** A WebSocket client that keeps what it was sent until the test asks for it. */
export class Client {
  readonly ws: WebSocket;
  readonly ended: Promise<Ended>;
  readonly #frames: Frame[] = [];
  readonly #waiting: { take: (frame: Frame) => void; fail: (error: Error) => void }[] = [];
  #end: Ended | undefined;

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on("error", () => {});
    ws.on("message", (data, binary) => {
      const frame = { data: data as Buffer, binary };
      const waiting = this.#waiting.shift();
      if (waiting) waiting.take(frame);
      else this.#frames.push(frame);
    });
    this.ended = new Promise((resolve) => {
      ws.on("close", (code, reason) => {
        this.#end = { code, reason: reason.toString() };
        for (const { fail } of this.#waiting.splice(0)) fail(new Error(`closed ${code}`));
        resolve(this.#end);
      });
    });
  }

  next(): Promise<Frame> {
    const frame = this.#frames.shift();
    if (frame) return Promise.resolve(frame);
    if (this.#end) return Promise.reject(new Error(`closed ${this.#end.code}`));
    return new Promise((take, fail) => this.#waiting.push({ take, fail }));
  }

  async text(): Promise<string> {
    const { data, binary } = await this.next();
    if (binary) throw new Error("binary frame");
    return data.toString();
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers are compared as they came
  async json(): Promise<any> {
    return JSON.parse(await this.text());
  }

  /** Frames that came and were not asked for. */
  get unread(): number {
    return this.#frames.length;
  }

  say(message: unknown): void {
    this.ws.send(JSON.stringify(message));
  }

  /** Says something and returns the next answer. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are compared as they came
  ask(message: unknown): Promise<any> {
    this.say(message);
    return this.json();
  }

  send(data: string | Uint8Array): void {
    this.ws.send(data, { binary: typeof data !== "string" });
  }

  close(code = 1000): Promise<Ended> {
    this.ws.close(code);
    return this.ended;
  }
}

/** @param after when to close what was opened: after each test, or with `afterAll` after the last one. */
export function harness(after: (close: () => Promise<void>) => void = afterEach) {
  const undo: (() => unknown)[] = [];
  after(async () => {
    for (const close of undo.splice(0).reverse()) await close();
  });

  async function relay(settings: RelayOptions = {}): Promise<Relay> {
    const started = await startRelay({
      host: "127.0.0.1",
      port: 0,
      rateLimitMax: 100_000,
      maxFailedJoins: 100_000,
      stopMs: 100,
      ...settings,
    });
    undo.push(() => started.stop());
    return started;
  }

  async function client(url: string, options: ConstructorParameters<typeof WebSocket>[2] = {}): Promise<Client> {
    const ws = new WebSocket(url, { perMessageDeflate: false, ...options });
    const opened = new Client(ws);
    undo.push(() => ws.terminate());
    await once(ws, "open");
    return opened;
  }

  /** A sender with its room. */
  async function sender(url: string, request: object = {}) {
    const self = await client(url);
    const answer = await self.ask({ type: "CREATE_ROOM", ...request });
    if (answer.type !== "ROOM_CREATED") throw new Error(JSON.stringify(answer));
    return { self, room: answer.room_id as string };
  }

  /** A receiver that was told that it is in. */
  async function receiver(url: string, room: string): Promise<Client> {
    const self = await client(url);
    const answer = await self.ask({ type: "JOIN_ROOM", room_id: room });
    if (answer.type !== "ROOM_JOINED") throw new Error(JSON.stringify(answer));
    return self;
  }

  /** A sender and the receiver that it is paired with. */
  async function pair(url: string, request: object = {}) {
    const { self, room } = await sender(url, request);
    const other = await receiver(url, room);
    const { peer_id } = await self.json();
    return { sender: self, receiver: other, room, peer: peer_id as string };
  }

  /** With `allowHalfOpen` one that never ends by itself, whatever it is told. */
  async function raw(port: number, { allowHalfOpen = false } = {}): Promise<Socket> {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen });
    socket.on("error", () => {});
    undo.push(() => socket.destroy());
    await once(socket, "connect");
    return socket;
  }

  /** A raw socket whose upgrade is done. */
  async function rawUpgraded(port: number, path = "/", options: { allowHalfOpen?: boolean } = {}): Promise<Socket> {
    const socket = await raw(port, options);
    socket.write(upgradeRequest(path));
    await once(socket, "data");
    return socket;
  }

  return { relay, client, sender, receiver, pair, raw, rawUpgraded, undo };
}

export function upgradeRequest(path = "/"): string {
  const key = randomBytes(16).toString("base64");
  return [
    `GET ${path} HTTP/1.1`,
    "Host: relay.test",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${key}`,
    "\r\n",
  ].join("\r\n");
}

/** A client's frame, masked with zeros (RFC 6455, section 5.2), in the fewest bytes. */
export function tinyFrame(opcode: number, payload = "", { fin = true } = {}): Buffer {
  const header = [(fin ? 0x80 : 0) | opcode, 0x80 | payload.length, 0, 0, 0, 0];
  return Buffer.concat([Buffer.from(header), Buffer.from(payload, "latin1")]);
}

/** The same with eight bytes of length; `declared` may lie about it. */
export function rawFrame(opcode: number, payload: Uint8Array | string, declared?: bigint): Buffer {
  const body = Buffer.from(payload);
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(declared ?? BigInt(body.length));
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | 127]), length, Buffer.alloc(4), body]);
}

/** The socket below a client, for what its own framing would not say. */
export function below(client: Pick<Client, "ws">): Socket {
  return (client.ws as unknown as { _socket: Socket })._socket;
}

/** Until the relay has heard whatever it said so far, and so knows that it lives. */
export async function lives(ws: WebSocket): Promise<void> {
  ws.ping();
  await once(ws, "pong");
}

export async function roomsOf(relay: Relay): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${relay.port}/health`);
  return ((await response.json()) as { rooms: number }).rooms;
}
