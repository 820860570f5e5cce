/** Sessions over real TCP, and raw peers that spell their own bytes. Whatever a test opens here is closed after it. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { afterEach } from "vitest";
import { type SessionOptions, YamuxSession } from "../../../relay/src/yamux/session.ts";
import { until } from "../../support/wait.ts";

interface RawFrame {
  type: number;
  flags: number;
  id: number;
  length: number;
  payload: Buffer;
}

/** The twelve bytes and a payload, written without the code under test. */
export function raw(type: number, flags: number, id: number, length: number, payload: Uint8Array = Buffer.alloc(0)) {
  const header = Buffer.alloc(12);
  header[1] = type;
  header.writeUInt16BE(flags, 2);
  header.writeUInt32BE(id, 4);
  header.writeUInt32BE(length, 8);
  return Buffer.concat([header, payload]);
}

export const data = (id: number, payload: Uint8Array, flags = 0) => raw(0, flags, id, payload.length, payload);
export const grant = (id: number, delta: number, flags = 0) => raw(1, flags, id, delta);

/** The other end of a session's transport, which says what it likes and keeps all frames that it was sent. */
export class RawPeer {
  readonly socket: Socket;
  readonly frames: RawFrame[] = [];
  ended = false;
  #rest = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("end", () => {
      this.ended = true;
    });
    socket.on("data", (chunk) => {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      while (this.#rest.length >= 12) {
        const [type, flags] = [this.#rest.readUInt8(1), this.#rest.readUInt16BE(2)];
        const [id, length] = [this.#rest.readUInt32BE(4), this.#rest.readUInt32BE(8)];
        const size = 12 + (type === 0 ? length : 0);
        if (this.#rest.length < size) return;
        this.frames.push({ type, flags, id, length, payload: this.#rest.subarray(12, size) });
        this.#rest = this.#rest.subarray(size);
      }
    });
  }

  say(...frames: Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** All that was sent of that kind: fields that are not given match anything. */
  heard(like: Partial<Omit<RawFrame, "payload">>): RawFrame[] {
    return this.frames.filter((frame) =>
      Object.entries(like).every(([field, value]) => frame[field as keyof RawFrame] === value),
    );
  }

  async hears(like: Partial<Omit<RawFrame, "payload">>, times = 1): Promise<RawFrame[]> {
    await until(`a frame like ${JSON.stringify(like)}`, () => this.heard(like).length >= times);
    return this.heard(like);
  }

  /** Waits until all that was said has been acted on: answers come in order. */
  async inStep(): Promise<void> {
    const before = this.heard({ type: 2, flags: 2, length: 77 }).length;
    this.say(raw(2, 1, 0, 77));
    await this.hears({ type: 2, flags: 2, length: 77 }, before + 1);
  }

  /** Payload bytes of a stream. */
  bytesOf(id: number): number {
    return this.heard({ type: 0, id }).reduce((sum, { length }) => sum + length, 0);
  }
}

export function harness() {
  const undo: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of undo.splice(0).reverse()) await close();
  });

  async function sockets({ allowHalfOpen = false } = {}): Promise<[Socket, Socket]> {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const far = connect({ port: (listener.address() as { port: number }).port, host: "127.0.0.1", allowHalfOpen });
    const [near] = (await once(listener, "connection")) as [Socket];
    listener.close();
    undo.push(() => near.destroy());
    undo.push(() => far.destroy());
    return [near, far];
  }

  function session(transport: Duplex, role: "server" | "client", options: SessionOptions = {}): YamuxSession {
    const made = new YamuxSession(transport, role, options);
    undo.push(() => void made.close());
    return made;
  }

  /** The two ends of a tunnel. */
  async function pair(server: SessionOptions = {}, client: SessionOptions = {}) {
    const [near, far] = await sockets();
    return { server: session(near, "server", server), client: session(far, "client", client) };
  }

  async function withRaw(role: "server" | "client", options: SessionOptions = {}, halfOpen = false) {
    const [near, far] = await sockets({ allowHalfOpen: halfOpen });
    return { session: session(near, role, options), peer: new RawPeer(far) };
  }

  return { sockets, session, pair, withRaw };
}

/** All that comes until the end, asked for piece by piece. The other half is left open. */
export async function all(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) chunks.push(chunk);
  return Buffer.concat(chunks);
}
