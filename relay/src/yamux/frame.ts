/**
 * The yamux wire format, whole (github.com/hashicorp/yamux, spec.md): twelve bytes of header, and after a data header its
 * payload. Bytes become a `Header` here, or are refused here with one word. What frames do to streams is not known here.
 *
 *     version 8 | type 8 | flags 16 | stream id 32 | length 32        big-endian
 */

export const HEADER_BYTES = 12;

/** What each side may send on a stream before the other grants more, in bytes (spec.md, "Flow Control"). Ours never grows. */
export const WINDOW_BYTES = 256 * 1024;
export const MAX_UINT32 = 0xffff_ffff;

const VERSION = 0;

export const TYPE = {
  /** `length` bytes of payload follow. */
  data: 0,
  /** `length` more bytes may be sent on the stream. */
  windowUpdate: 1,
  /** With `syn` a question, with `ack` its answer; `length` is echoed. */
  ping: 2,
  /** `length` is one of GO_AWAY. */
  goAway: 3,
} as const;
type Type = (typeof TYPE)[keyof typeof TYPE];

export const FLAG = { syn: 1, ack: 2, fin: 4, rst: 8 } as const;
const ALL_FLAGS = 0xf;

export const GO_AWAY = { normal: 0, protocolError: 1, internalError: 2 } as const;

/** The stream id of the session itself. */
export const SESSION_ID = 0;

export interface Header {
  type: Type;
  flags: number;
  streamId: number;
  length: number;
}

/** What a peer can do against the protocol. Each ends the session. */
export type ViolationReason =
  /** Not version 0: most likely no yamux at all. */
  | "bad-version"
  | "bad-type"
  | "bad-flags"
  /** A stream's frame with the session's id or the other way round, or a stream opened with an id of our parity. */
  | "bad-stream-id"
  | "bad-go-away"
  /** A frame of a stream that was never opened. */
  | "unknown-stream"
  | "stream-reused"
  /** More data than we had granted. */
  | "window-exceeded"
  /** A grant that adds up to more than 32 bits. */
  | "window-overflow"
  | "data-after-fin"
  | "too-many-opens"
  | "too-many-pings";

export class Violation extends Error {
  readonly reason: ViolationReason;
  constructor(reason: ViolationReason) {
    super(reason);
    this.reason = reason;
  }
}

export function encodeHeader({ type, flags, streamId, length }: Header): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES);
  bytes[0] = VERSION;
  bytes[1] = type;
  bytes.writeUInt16BE(flags, 2);
  bytes.writeUInt32BE(streamId, 4);
  bytes.writeUInt32BE(length, 8);
  return bytes;
}

/** @throws Violation for a header that no session of ours may be sent, whatever was said before. */
export function parseHeader(bytes: Buffer, at = 0): Header {
  if (bytes[at] !== VERSION) throw new Violation("bad-version");
  const type = bytes[at + 1] as Type;
  const flags = bytes.readUInt16BE(at + 2);
  const streamId = bytes.readUInt32BE(at + 4);
  const length = bytes.readUInt32BE(at + 8);
  if (type > TYPE.goAway) throw new Violation("bad-type");
  if (flags > ALL_FLAGS) throw new Violation("bad-flags");
  const ofSession = type === TYPE.ping || type === TYPE.goAway;
  if (ofSession !== (streamId === SESSION_ID)) throw new Violation("bad-stream-id");
  if (type === TYPE.data && length > WINDOW_BYTES) throw new Violation("window-exceeded");
  if (type === TYPE.ping && flags !== FLAG.syn && flags !== FLAG.ack) throw new Violation("bad-flags");
  if (type === TYPE.goAway && flags !== 0) throw new Violation("bad-flags");
  if (type === TYPE.goAway && length > GO_AWAY.internalError) throw new Violation("bad-go-away");
  return { type, flags, streamId, length };
}

/** Who takes frames: `begin`, for data any number of `payload`, then `end`. */
interface FrameSink {
  begin(header: Header): void;
  /** A view into the chunk that was read: who keeps it copies it. Never empty. */
  payload(piece: Buffer): void;
  end(header: Header): void;
}

/** Finds the frames in a byte stream, however it is cut. Keeps less than a header: payloads are passed on as they come. */
export class Deframer {
  readonly #sink: FrameSink;
  readonly #partial = Buffer.alloc(HEADER_BYTES);
  #have = 0;
  #header: Header | undefined;
  #payloadLeft = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** @throws Violation after which nothing more may be read. */
  read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (!this.#header) {
        at += this.#readHeader(chunk, at);
        continue;
      }
      const piece = chunk.subarray(at, at + this.#payloadLeft);
      at += piece.length;
      this.#payloadLeft -= piece.length;
      this.#sink.payload(piece);
      this.#endIfWhole();
    }
  }

  /** Returns how many bytes it took. */
  #readHeader(chunk: Buffer, at: number): number {
    let taken = HEADER_BYTES;
    let header: Header;
    if (this.#have === 0 && chunk.length - at >= HEADER_BYTES) {
      header = parseHeader(chunk, at);
    } else {
      taken = chunk.copy(this.#partial, this.#have, at, at + HEADER_BYTES - this.#have);
      this.#have += taken;
      if (this.#have < HEADER_BYTES) return taken;
      this.#have = 0;
      header = parseHeader(this.#partial);
    }
    this.#header = header;
    this.#payloadLeft = header.type === TYPE.data ? header.length : 0;
    this.#sink.begin(header);
    this.#endIfWhole();
    return taken;
  }

  #endIfWhole(): void {
    if (!this.#header || this.#payloadLeft > 0) return;
    const header = this.#header;
    this.#header = undefined;
    this.#sink.end(header);
  }
}
