/** A sender and a receiver who found each other at the room door. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { Client, dataFrame, headerBytes, room } from "./client.ts";
import type { Process } from "./process.ts";

/** A paired sender and receiver, and the frames between them. */
export class RoomPair {
  readonly sender: Socket;
  readonly receiver: Socket;
  readonly #frame: Buffer;
  readonly #arrivingBytes: number;
  #gotBytes = 0;
  sent = 0;
  /** Said whenever at least one more frame has arrived. */
  arrived: (() => void) | undefined;

  private constructor(sender: Socket, receiver: Socket, bytes: number) {
    this.sender = sender;
    this.receiver = receiver;
    this.#frame = dataFrame(bytes);
    this.#arrivingBytes = headerBytes(bytes) + bytes;
    receiver.on("data", (chunk) => {
      const before = this.got;
      this.#gotBytes += chunk.length;
      if (this.got > before) this.arrived?.();
    });
  }

  static async join(relay: Process, bytes: number): Promise<RoomPair> {
    const { sender, id } = await room(relay);
    const receiver = await Client.open(relay);
    await Promise.all([receiver.ask({ type: "JOIN_ROOM", room_id: id }, "ROOM_JOINED"), sender.answer("PEER_JOINED")]);
    return new RoomPair(sender.socket, receiver.socket, bytes);
  }

  /** Frames that have arrived whole. */
  get got(): number {
    return Math.floor(this.#gotBytes / this.#arrivingBytes);
  }

  send(count: number): void {
    this.sent += count;
    this.sender.cork();
    for (let i = 0; i < count; i++) this.sender.write(this.#frame);
    this.sender.uncork();
  }

  /** All that was sent has arrived. */
  async drained(): Promise<void> {
    while (this.got < this.sent) await once(this.receiver, "data");
    this.arrived = undefined;
  }

  end(): void {
    this.sender.resetAndDestroy();
    this.receiver.resetAndDestroy();
  }
}
