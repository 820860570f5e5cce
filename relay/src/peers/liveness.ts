/**
 * Whether a peer is alive, and takes what is there for it. Three questions, each with its own timer: does it say anything
 * between two pings, does it answer when somebody says that it is gone, and does what it was given get any further.
 */
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Settings } from "../config/settings.ts";
import type { GoneReason } from "../wire.ts";

/** The connection as those who watch it know it. */
export interface PeerConnection {
  /** We do not read it, so it cannot show any sign of life. */
  readonly paused: boolean;
  /** A ping is due, whether or not one is sent. */
  onPingDue(): void;
  /** Ends it at once. */
  terminate(why: GoneReason): void;
}

/** What a peer was given: how much it has taken, and how much it has yet to take, in frames. */
export interface Progress {
  readonly takenFrames: number;
  readonly inFlightFrames: number;
}

/** How often within `stalledMs` progress is checked: a stalled peer is cut at most a quarter too late. */
const STALL_CHECKS = 4;

export class Liveness {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #settings: Settings;
  readonly #connection: PeerConnection;
  readonly #pings: NodeJS.Timeout;
  #bytesReadAtPing: number | undefined;
  #missedPings = 0;
  #stallTimer: NodeJS.Timeout | undefined;
  #challengeTimer: NodeJS.Timeout | undefined;

  constructor(ws: WebSocket, socket: Socket, settings: Settings, connection: PeerConnection) {
    this.#ws = ws;
    this.#socket = socket;
    this.#settings = settings;
    this.#connection = connection;
    this.#pings = setInterval(() => this.#ping(), settings.pingMs);
  }

  /** The connection is closed: no timer is left. */
  stop(): void {
    clearInterval(this.#pings);
    clearInterval(this.#stallTimer);
    clearTimeout(this.#challengeTimer);
  }

  /** Somebody says that this connection is gone: it is cut, unless it shows a sign of life within `ms`. */
  challenge(ms: number): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    if (this.#connection.paused) this.#connection.terminate("dead-peer");
    else this.#challengeTimer ??= this.#demandSign(ms);
  }

  /** Cuts the connection once it takes nothing for `stalledMs`. Stops by itself when everything has been taken. */
  expectProgress(progress: Progress): void {
    this.#stallTimer ??= this.#watchForStall(progress);
  }

  #demandSign(ms: number): NodeJS.Timeout {
    const { bytesRead } = this.#socket;
    this.#ws.ping();
    return setTimeout(() => {
      this.#challengeTimer = undefined;
      if (this.#socket.bytesRead === bytesRead) this.#connection.terminate("dead-peer");
    }, ms);
  }

  /**
   * Any byte since the last ping is a sign of life: a pong cannot come in the middle of a large frame. A peer that we
   * paused, or that still has data to take before it can see a ping, is judged by what it takes instead.
   */
  #ping(): void {
    this.#connection.onPingDue();
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    if (this.#connection.paused || this.#ws.bufferedAmount > 0) {
      this.#bytesReadAtPing = undefined;
      return;
    }
    this.#missedPings = this.#bytesReadAtPing === this.#socket.bytesRead ? this.#missedPings + 1 : 0;
    if (this.#missedPings >= this.#settings.maxMissedPings) {
      this.#connection.terminate("dead-peer");
      return;
    }
    this.#bytesReadAtPing = this.#socket.bytesRead;
    this.#ws.ping();
  }

  /** A frame of megabytes on a slow line is progress long before it is taken whole, so bytes count as well as frames. */
  #watchForStall(progress: Progress): NodeJS.Timeout {
    let taken = progress.takenFrames;
    let queued = kernelQueueBytes(this.#socket);
    let idleChecks = 0;
    return setInterval(() => {
      if (progress.inFlightFrames === 0) {
        clearInterval(this.#stallTimer);
        this.#stallTimer = undefined;
        return;
      }
      const queuedNow = kernelQueueBytes(this.#socket);
      idleChecks = taken === progress.takenFrames && queued === queuedNow ? idleChecks + 1 : 0;
      taken = progress.takenFrames;
      queued = queuedNow;
      if (idleChecks >= STALL_CHECKS) this.#connection.terminate("stalled");
    }, this.#settings.stalledMs / STALL_CHECKS);
  }
}

/**
 * What of the current write the kernel has not accepted yet, in bytes. Node's own socket timeout looks at the same number,
 * but counts what is read as well; `bytesWritten` moves only when a whole write is through.
 */
function kernelQueueBytes(socket: Socket): number {
  return (socket as { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;
}
