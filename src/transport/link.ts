/**
 * What a transport is: an ordered, reliable pipe of whole frames between two ends, and nothing more. It does not know
 * what a frame means; it promises neither secrecy nor honesty. The bodies are in memory.ts, tcp.ts and relay-link.ts, all
 * held to one suite of tests.
 */
import { abortReason } from "../abort.ts";
import type { SpreadError } from "../errors.ts";
import { MAX_FRAME_BYTES } from "../limits.ts";

/** A text frame, a binary one, or a binary one in parts, which stand for their bytes one after another. */
export type Frame = string | Uint8Array | Uint8Array[];

/** What a frame has, in bytes. */
export function frameBytes(frame: Frame): number {
  if (typeof frame === "string") return Buffer.byteLength(frame);
  return Array.isArray(frame) ? frame.reduce((bytes, part) => bytes + part.length, 0) : frame.length;
}

export interface Link extends AsyncDisposable {
  /** Where the peer comes from, for counting attempts: its IP address, or a relay's tag; undefined where neither is known. */
  readonly address: string | undefined;

  /** Whether others wait for their turn, which comes when this link is over; undefined where that is not known. */
  readonly contended?: boolean;

  /** Says that the peer has failed an attempt: a carrier that lets one peer in after the other takes its time for the next. */
  attemptFailed?(): void;

  /** False once either end is done with it: a send would fail at once. */
  readonly open: boolean;

  /**
   * Settles once the frame has left us: awaiting it is the backpressure. A string is a text frame where the carrier tells
   * text from binary (WebSocket), and its UTF-8 bytes elsewhere.
   * @throws SpreadError `internal` for a frame above `sentBytes` of its bounds; `link-lost`, or the reason of `abort`.
   */
  send(frame: Frame): Promise<void>;

  /**
   * The next frame, or undefined once the peer has closed cleanly. One call at a time; not calling slows the peer down.
   * @throws SpreadError `link-lost` if the peer went in any other way, `bad-message` for a frame above `takenBytes`
   *   of its bounds, or the reason of `abort`. Frames that came before are handed out first, except after `abort`.
   */
  receive(): Promise<Uint8Array | undefined>;

  /** Flushes, says goodbye, waits at most CLOSE_MS, then cuts. Idempotent; what still arrives is thrown away. */
  close(): Promise<void>;

  /** Cuts at once. Every call, pending or to come, fails with the reason. Idempotent, and nothing after `close`. */
  abort(reason: SpreadError): void;
}

/** The largest frames of a link, in bytes, each way. What is taken is what a stranger can make us keep. */
export interface FrameBounds {
  readonly sentBytes: number;
  readonly takenBytes: number;
}

/** Of every link that is not made for something else. */
export const USUAL_BOUNDS: FrameBounds = { sentBytes: MAX_FRAME_BYTES, takenBytes: MAX_FRAME_BYTES };

/** How a share's links come in: by a listening socket, or by a room on a relay. */
export interface LinkSource {
  /** No new links; those that live are their owners' business. Idempotent. */
  close(): Promise<void>;
}

/** Who gets the links. The taker owns each link that it is given, and closes it. */
export type LinkTaker = (link: Link) => void;

/** Lets `signal` rule the link: aborted, it cuts the link. @returns the listener's end. */
export function bindSignal(link: Pick<Link, "abort">, signal: AbortSignal): Disposable {
  const cut = () => link.abort(abortReason(signal));
  if (signal.aborted) cut();
  else signal.addEventListener("abort", cut, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", cut) };
}
