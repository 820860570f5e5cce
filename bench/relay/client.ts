/**
 * A WebSocket client that counts bytes instead of parsing frames, so that it leaves the processor to what is measured, and
 * what such clients do at the room door.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { fail, type Process } from "./process.ts";

/** Connections that are opened at once. */
const AT_ONCE = 32;

/** A client's frame (RFC 6455, section 5.2). Its mask is not applied: what is random stays so, and zeros change nothing. */
function frame(opcode: number, payload: Buffer, mask: readonly number[]): Buffer {
  const header = Buffer.alloc(headerBytes(payload.length));
  header[0] = 0x80 | opcode;
  if (payload.length < 126) header[1] = 0x80 | payload.length;
  else if (payload.length < 2 ** 16) {
    header[1] = 0x80 | 126;
    header.writeUInt16BE(payload.length, 2);
  } else {
    header[1] = 0x80 | 127;
    header.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([header, Buffer.from(mask), payload]);
}

/** Of a frame as the relay sends it. */
export function headerBytes(payloadBytes: number): number {
  return payloadBytes < 126 ? 2 : payloadBytes < 2 ** 16 ? 4 : 10;
}

export const dataFrame = (bytes: number) => frame(2, randomBytes(bytes), [0x5a, 0xc3, 0x17, 0x88]);

/** A WebSocket client with no more than this bench needs. */
export class Client {
  readonly socket: Socket;
  #held = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  static async open(relay: Process, target = "/"): Promise<Client> {
    const socket = connect(relay.port, "127.0.0.1").setNoDelay();
    await once(socket, "connect");
    // A relay that refuses somebody is not measured.
    socket.once("end", () => fail("The relay closed a connection."));
    socket.on("error", ({ message }) => fail(`A connection was lost: ${message}`));
    const client = new Client(socket);
    const lines = [`GET ${target} HTTP/1.1`, "Host: bench", "Connection: Upgrade", "Upgrade: websocket"];
    const key = `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`;
    socket.write([...lines, key, "Sec-WebSocket-Version: 13", "\r\n"].join("\r\n"));
    await client.#until(() => client.#held.includes("\r\n\r\n"));
    client.#held = client.#held.subarray(client.#held.indexOf("\r\n\r\n") + 4);
    return client;
  }

  async ask(request: object, type: string): Promise<{ room_id: string }> {
    this.socket.write(frame(1, Buffer.from(JSON.stringify(request)), [0, 0, 0, 0]));
    return this.answer(type);
  }

  /** The next answer, which is short. */
  async answer(type: string): Promise<{ room_id: string }> {
    const length = () => 2 + (this.#held[1] ?? Number.POSITIVE_INFINITY);
    await this.#until(() => this.#held.length >= length());
    const end = length();
    const answer = JSON.parse(this.#held.toString("utf8", 2, end));
    this.#held = this.#held.subarray(end);
    if (answer.type !== type) throw new Error(`the relay said ${JSON.stringify(answer)}`);
    return answer;
  }

  async #until(there: () => boolean): Promise<void> {
    while (!there()) {
      const [chunk] = (await once(this.socket, "data")) as [Buffer];
      this.#held = Buffer.concat([this.#held, chunk]);
    }
  }
}

export async function room(relay: Process): Promise<{ sender: Client; id: string }> {
  const sender = await Client.open(relay);
  return { sender, id: (await sender.ask({ type: "CREATE_ROOM" }, "ROOM_CREATED")).room_id };
}

export async function times(count: number, work: () => Promise<unknown>): Promise<void> {
  let begun = 0;
  const worker = async () => {
    while (begun++ < count) await work();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
