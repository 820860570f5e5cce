/**
 * Frames that have arrived at a link and wait for its one reader. This turns events into backpressure: the source is paused
 * above the high mark and resumed below the low one, so that a reader that stops reading stops the peer.
 */
import { SpreadError } from "../errors.ts";

/** The two marks, in waiting bytes: enough to keep a fast pipe full between two turns of the event loop. */
const HIGH_BYTES = 512 * 1024;
const LOW_BYTES = 128 * 1024;

/** What a frame counts in addition to its bytes: otherwise a peer could pile up empty frames without limit. */
const FRAME_COST_BYTES = 256;

/** The source of a mailbox. Both calls are idempotent. */
interface Flow {
  pause(): void;
  resume(): void;
}

type MailboxEnd = { readonly clean: true } | { readonly clean: false; readonly reason: SpreadError };

export class Mailbox {
  readonly #flow: Flow;
  readonly #frames: Uint8Array[] = [];
  #bytes = 0;
  #paused = false;
  #end: MailboxEnd | undefined;
  #waiting: { resolve(frame: Uint8Array | undefined): void; reject(reason: SpreadError): void } | undefined;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  /** True once no more frames are accepted. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  push(frame: Uint8Array): void {
    if (this.#end) return;
    if (this.#waiting) {
      this.#waiting.resolve(frame);
      this.#waiting = undefined;
      return;
    }
    this.#frames.push(frame);
    this.#bytes += frame.length + FRAME_COST_BYTES;
    if (this.#bytes > HIGH_BYTES && !this.#paused) {
      this.#paused = true;
      this.#flow.pause();
    }
  }

  /** The peer has closed cleanly: the reader gets the waiting frames, then undefined. */
  end(): void {
    this.#finish({ clean: true });
  }

  /** The peer is lost: the reader gets the waiting frames, then the reason. */
  fail(reason: SpreadError): void {
    this.#finish({ clean: false, reason });
  }

  /** This end is done: waiting frames are dropped, and the source runs on unread. */
  cut(reason: SpreadError): void {
    this.#frames.length = 0;
    this.#bytes = 0;
    this.#end = undefined;
    this.#finish({ clean: false, reason });
    this.#resumeBelow(0);
  }

  pull(): Promise<Uint8Array | undefined> {
    const frame = this.#frames.shift();
    if (frame) {
      this.#bytes -= frame.length + FRAME_COST_BYTES;
      this.#resumeBelow(LOW_BYTES);
      return Promise.resolve(frame);
    }
    if (this.#end) return this.#end.clean ? Promise.resolve(undefined) : Promise.reject(this.#end.reason);
    if (this.#waiting) return Promise.reject(new SpreadError("internal", "a link has one reader"));
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #finish(end: MailboxEnd): void {
    if (this.#end) return;
    this.#end = end;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!waiting) return;
    if (end.clean) waiting.resolve(undefined);
    else waiting.reject(end.reason);
  }

  #resumeBelow(mark: number): void {
    if (!this.#paused || this.#bytes > mark) return;
    this.#paused = false;
    this.#flow.resume();
  }
}
