/**
 * What one peer is sent: in batches, one write for each read of the other side, with a count of what it has not taken yet.
 * The pipe (flow.ts) asks it whether the other side has to be slowed down.
 */
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Settings } from "../config/settings.ts";
import type { Pool } from "../limits/limits.ts";
import { type Answer, encode } from "../wire.ts";
import type { Liveness, PeerConnection, Progress } from "./liveness.ts";

/** Frames below this are copied when older ones wait, in bytes: else each tiny one can keep a 64 KiB chunk alive. */
const COPY_BELOW_BYTES = 4096;

/** What an outbox needs of its connection. */
interface OutboxParts {
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly settings: Settings;
  readonly liveness: Liveness;
  /** What all peers together have not taken, beyond `highWaterBytes` of each. */
  readonly untaken: Pool<PeerConnection>;
  /** Whom that is counted for. */
  readonly connection: PeerConnection;
}

export class Outbox implements Progress {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #settings: Settings;
  readonly #liveness: Liveness;
  readonly #untaken: Pool<PeerConnection>;
  readonly #connection: PeerConnection;
  /** Given to the socket, and still in this process. */
  #inFlightFrames = 0;
  #takenFrames = 0;
  /** The frames of one read leave in one write. */
  #batching = false;
  /** Older frames were already waiting when this batch began. */
  #queuesBehindOlder = false;
  /** More waits here than `highWaterBytes`, and the pool knows. */
  #overfull = false;
  #onCaughtUp: (() => void) | undefined;
  #onEmpty: (() => void) | undefined;
  #forwardedFrames = 0;
  #forwardedBytes = 0;

  constructor({ ws, socket, settings, liveness, untaken, connection }: OutboxParts) {
    this.#ws = ws;
    this.#socket = socket;
    this.#settings = settings;
    this.#liveness = liveness;
    this.#untaken = untaken;
    this.#connection = connection;
  }

  /** A message of the relay's own. */
  sendControl(answer: Answer): void {
    this.#send(encode(answer), false);
  }

  /** A frame of the other peer, as it came. */
  forward(frame: Buffer, binary: boolean): void {
    this.#forwardedFrames++;
    this.#forwardedBytes += frame.length;
    if (!this.#batching) this.#beginBatch();
    this.#send(this.#queuesBehindOlder && frame.length < COPY_BELOW_BYTES ? Buffer.from(frame) : frame, binary);
  }

  /** How many frames of the other peer it was ever sent. */
  get forwardedFrames(): number {
    return this.#forwardedFrames;
  }

  /** Bytes of these frames, without headers. */
  get forwardedBytes(): number {
    return this.#forwardedBytes;
  }

  /** Bytes that the system has not taken yet. */
  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  get takenFrames(): number {
    return this.#takenFrames;
  }

  get inFlightFrames(): number {
    return this.#inFlightFrames;
  }

  /** More is waiting here than should: the other peer has to be paused. */
  get lagging(): boolean {
    return (
      this.#ws.bufferedAmount > this.#settings.highWaterBytes || this.#inFlightFrames > this.#settings.highWaterFrames
    );
  }

  /** Calls back once, when less than half of that is waiting. Only the last one to ask is called; nobody, for undefined. */
  whenCaughtUp(then: (() => void) | undefined): void {
    this.#onCaughtUp = then;
  }

  /** Calls back once, when the last frame in flight is taken. Only the last one to ask is called. */
  whenEmpty(then: () => void): void {
    this.#onEmpty = then;
  }

  /** The connection is closed, and what it did not take is gone. */
  discard(): void {
    this.#untaken.frees(this.#connection);
  }

  #send(frame: Buffer | string, binary: boolean): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    this.#inFlightFrames++;
    this.#ws.send(frame, { binary }, this.#onTaken);
    if (!this.#batching) this.#expectProgress();
  }

  /** What the kernel took at once needs no watch, though it is in flight until the next tick. */
  #expectProgress(): void {
    if (this.#ws.bufferedAmount > 0) this.#liveness.expectProgress(this);
  }

  /** Ticks run after each read. If the batch then has to wait, it keeps one chunk alive, and later ones queue behind it. */
  #beginBatch(): void {
    this.#batching = true;
    this.#queuesBehindOlder = this.#inFlightFrames > 0;
    this.#socket.cork();
    process.nextTick(() => {
      this.#batching = false;
      this.#socket.uncork();
      this.#expectProgress();
      this.#countOverflow();
    });
  }

  /** Large messages can be more than should wait here, one of them for each peer. */
  #countOverflow(): void {
    const overBytes = this.#ws.bufferedAmount - this.#settings.highWaterBytes;
    if (overBytes <= 0) return;
    this.#overfull = true;
    this.#untaken.holds(this.#connection, overBytes);
  }

  /** A field, not a method: one function for all frames. Also called for each frame that a cut left untaken. */
  readonly #onTaken = (): void => {
    this.#inFlightFrames--;
    this.#takenFrames++;
    if (this.#overfull && this.#ws.bufferedAmount <= this.#settings.highWaterBytes) {
      this.#overfull = false;
      this.#untaken.frees(this.#connection);
    }
    if (this.#onEmpty && this.#inFlightFrames === 0) {
      const then = this.#onEmpty;
      this.#onEmpty = undefined;
      then();
    }
    if (!this.#onCaughtUp || this.#inFlightFrames > this.#settings.highWaterFrames / 2) return;
    if (this.#ws.bufferedAmount > this.#settings.highWaterBytes / 2) return;
    const then = this.#onCaughtUp;
    this.#onCaughtUp = undefined;
    then();
  };
}
