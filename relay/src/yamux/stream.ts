/**
 * One stream of a session, as a Duplex: its two windows, what it holds for a reader that is not there yet, and its ends.
 * `end()` closes our half (FIN), `destroy()` before both halves are closed resets it (RST). It never touches the transport:
 * it asks its session for a turn, and is then asked what it has to say.
 */
import { Duplex } from "node:stream";
import { encodeHeader, FLAG, HEADER_BYTES, MAX_UINT32, TYPE, Violation, WINDOW_BYTES } from "./frame.ts";

/** What may wait in a stream for its turn, in bytes, before its writer has to pause: a few frames. */
const WRITE_AHEAD_BYTES = 64 * 1024;

/** What has to wait for its reader is copied into blocks of this size: else a tiny piece can keep a large chunk alive. */
const BLOCK_BYTES = 16 * 1024;

/** Why a stream is of no use, or could not be had. */
type StreamErrorCode =
  | "stream-reset"
  | "session-gone"
  /** One of the sides takes no new streams any more. */
  | "going-away"
  | "too-many-streams"
  /** The peer leaves too many opened streams unanswered. */
  | "backlog-full";

export class StreamError extends Error {
  readonly code: StreamErrorCode;
  constructor(code: StreamErrorCode) {
    super(code);
    this.code = code;
  }
}

/** What a stream asks of its session. */
export interface StreamOwner {
  /** It has something to say that takes no window. */
  wantsControl(stream: YamuxStream): void;
  wantsData(stream: YamuxStream): void;
  /** Nothing is left to be said of it or by it. */
  forget(stream: YamuxStream): void;
}

export class YamuxStream extends Duplex {
  readonly id: number;
  readonly #turns: StreamOwner;

  /** What we may still send, and what the peer may still send. */
  #sendWindow = WINDOW_BYTES;
  #receiveWindow = WINDOW_BYTES;
  /** Bytes that our reader has taken and that we have not reported to the peer yet. */
  #taken = 0;
  /** SYN, ACK or RST that is still to be said. */
  #flags: number;

  #out: Buffer[] = [];
  #outBytes = 0;
  #written: ((error?: Error | null) => void) | undefined;
  #finish: ((error?: Error | null) => void) | undefined;
  #finished = false;

  /** Full blocks, and one that is being filled, of data that nobody has asked for yet. Together at most a window. */
  #held: Buffer[] = [];
  #block: Buffer | undefined;
  #blockBytes = 0;
  /** The reader has asked, and there was nothing. */
  #asked = false;
  #peerEnded = false;

  /** Nobody is left to hear of a reset. */
  #severed = false;

  constructor(id: number, firstFlag: number, turns: StreamOwner) {
    // No read-ahead of Node's own: what is not asked for stays in our blocks, so that the window is all that is kept.
    super({ readableHighWaterMark: 0, writableHighWaterMark: WRITE_AHEAD_BYTES });
    this.id = id;
    this.#flags = firstFlag;
    this.#turns = turns;
    // A peer can reset a stream at any time: that alone must not end the process of an owner who listens for `close` only.
    this.on("error", () => {});
    turns.wantsControl(this);
  }

  // What the session hears

  /** @throws Violation for more than was granted, even if nobody wants it any more. */
  admit(bytes: number): void {
    if (bytes === 0) return;
    if (this.#peerEnded) throw new Violation("data-after-fin");
    if (bytes > this.#receiveWindow) throw new Violation("window-exceeded");
    this.#receiveWindow -= bytes;
  }

  receive(piece: Buffer): void {
    if (this.destroyed) return;
    const flowing = this.readableFlowing === true && this.readableLength === 0;
    if (!this.#isHolding() && (flowing || this.#asked)) this.#hand(piece);
    else this.#hold(piece);
  }

  receiveEnd(): void {
    if (this.#peerEnded) throw new Violation("data-after-fin");
    this.#peerEnded = true;
    this.#endIfAllHanded();
  }

  grant(bytes: number): void {
    if (this.#sendWindow + bytes > MAX_UINT32) throw new Violation("window-overflow");
    this.#sendWindow += bytes;
    if (this.#hasData()) this.#turns.wantsData(this);
  }

  /** Cut by the peer, or with the whole session. What had come to its end before is left to its reader. */
  sever(code: "stream-reset" | "session-gone"): void {
    this.#severed = true;
    if (code === "session-gone" && this.#peerEnded && this.#finished) return;
    this.destroy(new StreamError(code));
  }

  // What the session asks, when it is this stream's turn

  takeControl(): Buffer | undefined {
    const flags = this.#flags;
    const resets = (flags & FLAG.rst) !== 0;
    // After its FIN a peer may have forgotten the stream, and needs no window.
    const length = resets || this.#peerEnded ? 0 : this.#taken;
    if (flags === 0 && length === 0) return undefined;
    this.#flags = 0;
    this.#taken = 0;
    this.#receiveWindow += length;
    if (resets) this.#turns.forget(this);
    return encodeHeader({ type: TYPE.windowUpdate, flags, streamId: this.id, length });
  }

  /** Adds one frame to the batch, of at most `maxBytes` of payload, and asks for another turn if there is more. */
  takeData(batch: Buffer[], maxBytes: number): number {
    if (!this.#hasData()) return 0;
    if (this.#outBytes === 0) return this.#takeFin(batch);
    const length = Math.min(this.#outBytes, this.#sendWindow, maxBytes);
    batch.push(encodeHeader({ type: TYPE.data, flags: 0, streamId: this.id, length }));
    for (let left = length; left > 0; ) {
      const first = this.#out[0] as Buffer;
      if (first.length <= left) this.#out.shift();
      else this.#out[0] = first.subarray(left);
      batch.push(first.length <= left ? first : first.subarray(0, left));
      left -= Math.min(left, first.length);
    }
    this.#sendWindow -= length;
    this.#outBytes -= length;
    if (this.#outBytes === 0) {
      const written = this.#written;
      this.#written = undefined;
      written?.();
    }
    if (this.#hasData()) this.#turns.wantsData(this);
    return HEADER_BYTES + length;
  }

  // What Node asks

  override _writev(chunks: { chunk: Buffer }[], written: (error?: Error | null) => void): void {
    for (const { chunk } of chunks) {
      if (chunk.length === 0) continue;
      this.#out.push(chunk);
      this.#outBytes += chunk.length;
    }
    if (this.#outBytes === 0) written();
    else this.#written = written;
    if (this.#hasData()) this.#turns.wantsData(this);
  }

  override _final(finish: (error?: Error | null) => void): void {
    this.#finish = finish;
    this.#turns.wantsData(this);
  }

  override _read(): void {
    const block = this.#held.shift() ?? this.#takeBlock();
    if (block) this.#hand(block);
    else this.#asked = true;
  }

  override _destroy(error: Error | null, destroyed: (error?: Error | null) => void): void {
    this.#held = [];
    this.#block = undefined;
    this.#out = [];
    this.#outBytes = 0;
    const failed = error ?? new StreamError("stream-reset");
    this.#written?.(failed);
    this.#finish?.(failed);
    this.#written = this.#finish = undefined;
    if (this.#severed || (this.#peerEnded && this.#finished)) this.#turns.forget(this);
    else {
      // Until this is said the stream counts as living: so resets that nobody takes cannot pile up.
      this.#flags |= FLAG.rst;
      this.#turns.wantsControl(this);
    }
    destroyed(error);
  }

  // Below

  #hasData(): boolean {
    return this.#outBytes > 0 ? this.#sendWindow > 0 : this.#finish !== undefined;
  }

  #takeFin(batch: Buffer[]): number {
    batch.push(encodeHeader({ type: TYPE.windowUpdate, flags: FLAG.fin, streamId: this.id, length: 0 }));
    this.#finished = true;
    const finish = this.#finish;
    this.#finish = undefined;
    finish?.();
    return HEADER_BYTES;
  }

  #hand(piece: Buffer): void {
    this.#asked = false;
    this.#taken += piece.length;
    this.push(piece);
    this.#endIfAllHanded();
    if (this.#taken >= WINDOW_BYTES / 2 && !this.destroyed) this.#turns.wantsControl(this);
  }

  #endIfAllHanded(): void {
    if (this.#peerEnded && !this.#isHolding()) this.push(null);
  }

  #isHolding(): boolean {
    return this.#held.length > 0 || this.#block !== undefined;
  }

  #hold(piece: Buffer): void {
    for (let at = 0; at < piece.length; ) {
      this.#block ??= Buffer.allocUnsafeSlow(BLOCK_BYTES);
      const copied = piece.copy(this.#block, this.#blockBytes, at);
      at += copied;
      this.#blockBytes += copied;
      if (this.#blockBytes === BLOCK_BYTES) this.#held.push(this.#takeBlock() as Buffer);
    }
  }

  #takeBlock(): Buffer | undefined {
    const block = this.#block?.subarray(0, this.#blockBytes);
    this.#block = undefined;
    this.#blockBytes = 0;
    return block;
  }
}
