/**
 * How a peer's connection ends: once it has taken what it was sent, or at once; who waits how long for whom; and why. The
 * first reason that is known is the one that is counted.
 */
import type { WebSocket } from "ws";
import type { Settings } from "../config/settings.ts";
import { CLOSE_CODE, type GoneReason } from "../wire.ts";
import type { Outbox } from "./outbox.ts";

/** What ws reports for a close frame without a code. */
const BARE_CLOSE_CODE = 1005;

export class Closing {
  readonly #ws: WebSocket;
  readonly #outbox: Outbox;
  readonly #settings: Settings;
  /** What we know better than the close code does. */
  #cause: GoneReason | undefined;
  /** Why we end it, if we do. */
  #ownReason: GoneReason | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(ws: WebSocket, outbox: Outbox, settings: Settings) {
    this.#ws = ws;
    this.#outbox = outbox;
    this.#settings = settings;
  }

  /** Ends it in order: what it was sent before still reaches it, if it takes it, and then the close. */
  close(why: GoneReason): void {
    this.#ownReason ??= why;
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    if (this.#outbox.inFlightFrames === 0) {
      this.#sendClose(why);
      return;
    }
    this.#outbox.whenEmpty(() => this.#sendClose(why));
    this.#terminateAfter(this.#settings.flushMs);
  }

  /** Ends it at once, without a close frame. */
  terminate(why: GoneReason): void {
    this.#ownReason ??= why;
    this.#ws.terminate();
  }

  /** ws has found a mistake in what it said. */
  onError({ code }: NodeJS.ErrnoException): void {
    if (code?.startsWith("WS_ERR_UNSUPPORTED_")) this.#cause = "too-big";
  }

  /** ws ends the socket once both sides have said close. A peer that then keeps its half open gets no more time. */
  onFinish(): void {
    this.#terminateAfter(this.#settings.closeMs);
  }

  /**
   * It is closed.
   * @param takesBare whether a close frame without a code says that it is done.
   * @returns how it went itself, and why it ended: the two differ if we had ended it before.
   */
  onClosed(code: number, takesBare: boolean): { went: GoneReason; ended: GoneReason } {
    clearTimeout(this.#timer);
    const isDone = code === CLOSE_CODE.done || (takesBare && code === BARE_CLOSE_CODE);
    const went = this.#cause ?? (isDone && !isInMessage(this.#ws) ? "done" : "peer-left");
    return { went, ended: this.#ownReason ?? went };
  }

  #sendClose(why: GoneReason): void {
    this.#ws.close(CLOSE_CODE[why], why);
    this.#terminateAfter(this.#outbox.forwardedFrames > 0 ? this.#settings.lingerMs : this.#settings.closeMs);
  }

  #terminateAfter(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#ws.readyState === this.#ws.CLOSED) return;
    // ws then reports the close, with the code that the peer said, if it did.
    this.#timer = setTimeout(() => this.#ws.terminate(), ms);
  }
}

/** Whether some but not all frames of a message have come. ws takes a close between them for a clean one, and tells nobody. */
function isInMessage(ws: WebSocket): boolean {
  return Boolean((ws as { _receiver?: { _fragmented?: number } })._receiver?._fragmented);
}
