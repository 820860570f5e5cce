/**
 * A yamux session: many streams over one transport, which it owns. What a peer can make it keep is `maxStreams` windows;
 * what it says against the protocol ends the session with one word.
 *
 *     transport -> Deframer -> stream.receive          each reader at its own pace: a window that is full stops one stream only
 *     transport <- batch <- control, then one frame of each stream in turn          as fast as the transport takes it
 */
import type { Duplex } from "node:stream";
import {
  Deframer,
  encodeHeader,
  FLAG,
  GO_AWAY,
  type Header,
  MAX_UINT32,
  SESSION_ID,
  TYPE,
  Violation,
  type ViolationReason,
} from "./frame.ts";
import { StreamError, type StreamOwner, YamuxStream } from "./stream.ts";

/** Payload of a data frame, in bytes: what others wait for before it is their turn. */
const MAX_FRAME_BYTES = 16 * 1024;

/** Frames are given to the transport together, in about this many bytes: one call, and one WebSocket message, for many. */
const BATCH_BYTES = 64 * 1024;

/** Answers that a transport has not taken, each four bytes. A peer that asks for more does not read what it asks for. */
const MAX_PENDING_PONGS = 256;
/** Opens that are refused between two pings: an honest peer knows our limits sooner. */
const MAX_REFUSED_OPENS = 1024;

/** Ids that the peer has passed over and may still use: an opener with threads may say 5 before 3. */
const MAX_PASSED_IDS = 256;

/** How long the transport may take to send our last word and to close, in ms. */
const LINGER_MS = 1000;

const DEFAULTS = {
  /** Streams at once, of both sides together: 64 MiB of windows. */
  maxStreams: 256,
  /** Streams that we have opened and that the peer has not answered: it refuses more by itself (hashicorp/yamux: 256). */
  acceptBacklog: 256,
  /** How often the peer is asked whether it lives, and how long it may take to show it, in ms. */
  pingMs: 30_000,
  pingTimeoutMs: 10_000,
};

export interface SessionOptions extends Partial<typeof DEFAULTS> {
  /** Takes a stream that the peer opened. Without it, all are refused. */
  onStream?: (stream: YamuxStream) => void;
}

/** Why a session ended, for log line and counter. */
export type YamuxEnd =
  | ViolationReason
  /** We closed it. */
  | "closed"
  | "internal-error"
  /** The peer went away in order, or by its word because of us or of itself. */
  | "peer-closed"
  | "peer-protocol-error"
  | "peer-internal-error"
  | "transport-lost"
  | "ping-timeout";

const ODD = 1;

export class YamuxSession implements StreamOwner {
  /** Settles once the transport is closed, and never rejects. */
  readonly closed: Promise<YamuxEnd>;

  readonly #transport: Duplex;
  readonly #options: typeof DEFAULTS;
  readonly #onStream: SessionOptions["onStream"];

  readonly #streams = new Map<number, YamuxStream>();
  readonly #unanswered = new Set<number>();
  #nextId: number;
  #lastPeerId: number;
  readonly #passedIds = new Set<number>();
  /** Whom the payload of the present frame is for: nobody, if its stream is gone. */
  #target: YamuxStream | undefined;
  #refused = 0;
  #goingAway = false;
  #peerGoingAway = false;

  /** What waits for the transport. Sets keep the order in which streams came: one that had its turn comes in again last. */
  readonly #control = new Set<YamuxStream>();
  readonly #data = new Set<YamuxStream>();
  #sessionFrames: Buffer[] = [];
  #pendingPongs = 0;
  #pumpDue = false;
  #blocked = false;

  /** Since the last ping: something came from the peer; the transport, if it was full, has taken something. */
  #heard = false;
  #drained = false;
  #pingTimer: NodeJS.Timeout | undefined;
  #gone: YamuxEnd | undefined;

  constructor(transport: Duplex, role: "server" | "client", options: SessionOptions = {}) {
    this.#transport = transport;
    const { onStream, ...limits } = options;
    this.#onStream = onStream;
    this.#options = { ...DEFAULTS, ...limits };
    this.#nextId = role === "client" ? 1 : 2;
    this.#lastPeerId = role === "client" ? 0 : -1;

    const deframer = new Deframer({
      begin: (header) => this.#begin(header),
      payload: (piece) => this.#target?.receive(piece),
      end: (header) => this.#end(header),
    });
    transport.on("data", (chunk: Buffer) => this.#onChunk(deframer, chunk));
    transport.on("drain", () => {
      this.#blocked = false;
      this.#drained = true;
      this.#pump();
    });
    const lost = () => this.#finish(this.#peerGoingAway ? "peer-closed" : "transport-lost");
    transport.on("end", lost);
    transport.on("error", lost);
    this.closed = new Promise((resolve) => {
      transport.once("close", () => {
        lost();
        resolve(this.#gone as YamuxEnd);
      });
    });
    this.#armPing();
  }

  /** Streams that live, or whose end is not said yet. */
  get streams(): number {
    return this.#streams.size;
  }

  /**
   * A new stream, which can be written to at once; if the peer does not want it, it ends with `stream-reset`.
   * @throws StreamError
   */
  open(): YamuxStream {
    if (this.#gone) throw new StreamError("session-gone");
    if (this.#goingAway || this.#peerGoingAway || this.#nextId > MAX_UINT32) throw new StreamError("going-away");
    if (this.#streams.size >= this.#options.maxStreams) throw new StreamError("too-many-streams");
    if (this.#unanswered.size >= this.#options.acceptBacklog) throw new StreamError("backlog-full");
    const stream = new YamuxStream(this.#nextId, FLAG.syn, this);
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    this.#unanswered.add(stream.id);
    return stream;
  }

  /** No new streams from now on. Those that live go on; when there are none the session closes. */
  goAway(): void {
    if (this.#goingAway || this.#gone) return;
    this.#goingAway = true;
    this.#sendControl({ type: TYPE.goAway, flags: 0, streamId: SESSION_ID, length: GO_AWAY.normal });
    this.#closeIfDone();
  }

  /** Ends all streams and the transport. Idempotent. */
  close(reason: "closed" | "internal-error" = "closed"): Promise<YamuxEnd> {
    this.#finish(reason);
    return this.closed;
  }

  // What streams ask

  wantsControl(stream: YamuxStream): void {
    this.#control.add(stream);
    this.#schedule();
  }

  wantsData(stream: YamuxStream): void {
    this.#data.add(stream);
    this.#schedule();
  }

  forget(stream: YamuxStream): void {
    this.#control.delete(stream);
    this.#data.delete(stream);
    this.#unanswered.delete(stream.id);
    this.#streams.delete(stream.id);
    this.#closeIfDone();
  }

  // In

  #onChunk(deframer: Deframer, chunk: Buffer): void {
    if (this.#gone) return;
    this.#heard = true;
    try {
      deframer.read(chunk);
    } catch (error) {
      this.#finish(error instanceof Violation ? error.reason : "internal-error");
      if (!(error instanceof Violation)) throw error;
    }
  }

  #begin({ type, flags, streamId, length }: Header): void {
    this.#target = undefined;
    if (this.#gone || streamId === SESSION_ID) return;
    if (flags & FLAG.syn) this.#accept(streamId);
    const stream = this.#streams.get(streamId);
    // What was still under way when a stream was closed or refused is let go by.
    if (!stream && !this.#wasOpened(streamId)) throw new Violation("unknown-stream");
    if (flags & FLAG.ack) this.#unanswered.delete(streamId);
    if (type === TYPE.data) stream?.admit(length);
    this.#target = stream;
  }

  #end({ type, flags, length }: Header): void {
    const stream = this.#target;
    this.#target = undefined;
    if (this.#gone) return;
    if (type === TYPE.ping) this.#onPing(flags, length);
    else if (type === TYPE.goAway) this.#onGoAway(length);
    else if (type === TYPE.windowUpdate) stream?.grant(length);
    if (flags & FLAG.rst) stream?.sever("stream-reset");
    else if (flags & FLAG.fin) stream?.receiveEnd();
  }

  #isOurs(id: number): boolean {
    return (id & ODD) === (this.#nextId & ODD);
  }

  #wasOpened(id: number): boolean {
    if (this.#isOurs(id)) return id < this.#nextId;
    return id <= this.#lastPeerId && !this.#passedIds.has(id);
  }

  #accept(id: number): void {
    if (this.#isOurs(id)) throw new Violation("bad-stream-id");
    if (this.#wasOpened(id)) throw new Violation("stream-reused");
    this.#passedIds.delete(id);
    for (let passed = Math.max(this.#lastPeerId + 2, id - 2 * MAX_PASSED_IDS); passed < id; passed += 2) {
      for (const oldest of this.#passedIds) {
        if (this.#passedIds.size < MAX_PASSED_IDS) break;
        this.#passedIds.delete(oldest);
      }
      this.#passedIds.add(passed);
    }
    this.#lastPeerId = Math.max(this.#lastPeerId, id);
    if (!this.#onStream || this.#goingAway || this.#streams.size >= this.#options.maxStreams) {
      if (++this.#refused > MAX_REFUSED_OPENS) throw new Violation("too-many-opens");
      this.#sendControl({ type: TYPE.windowUpdate, flags: FLAG.rst, streamId: id, length: 0 });
      return;
    }
    const stream = new YamuxStream(id, FLAG.ack, this);
    this.#streams.set(id, stream);
    this.#onStream(stream);
  }

  #onPing(flags: number, length: number): void {
    // An answer to ours is no more than a sign of life, and has been noted as one.
    if (flags & FLAG.ack) return;
    if (++this.#pendingPongs > MAX_PENDING_PONGS) throw new Violation("too-many-pings");
    this.#sendControl({ type: TYPE.ping, flags: FLAG.ack, streamId: SESSION_ID, length });
  }

  #onGoAway(code: number): void {
    if (code === GO_AWAY.protocolError) this.#finish("peer-protocol-error");
    if (code === GO_AWAY.internalError) this.#finish("peer-internal-error");
    this.#peerGoingAway = true;
    this.#closeIfDone();
  }

  // Out

  #sendControl(header: Header): void {
    this.#sessionFrames.push(encodeHeader(header));
    this.#schedule();
  }

  /** At the end of this turn of the event loop, so that what belongs together leaves together. */
  #schedule(): void {
    if (this.#pumpDue || this.#blocked || this.#gone) return;
    this.#pumpDue = true;
    process.nextTick(() => {
      this.#pumpDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.#blocked && !this.#gone) {
      const batch = this.#sessionFrames;
      this.#sessionFrames = [];
      this.#pendingPongs = 0;
      for (const stream of this.#control) {
        this.#control.delete(stream);
        const frame = stream.takeControl();
        if (frame) batch.push(frame);
      }
      let bytes = 0;
      for (const stream of this.#data) {
        if (bytes >= BATCH_BYTES) break;
        this.#data.delete(stream);
        bytes += stream.takeData(batch, MAX_FRAME_BYTES);
      }
      // A writer that was called back while its stream had its turn may have closed us.
      if (batch.length === 0 || this.#gone) return;
      this.#blocked = !this.#transport.write(Buffer.concat(batch));
    }
  }

  // Life and end

  #armPing(): void {
    const { pingMs, pingTimeoutMs } = this.#options;
    this.#pingTimer = setTimeout(() => {
      this.#heard = this.#drained = false;
      this.#refused = 0;
      const wasBlocked = this.#blocked;
      this.#sendControl({ type: TYPE.ping, flags: FLAG.syn, streamId: SESSION_ID, length: 0 });
      this.#pingTimer = setTimeout(() => {
        if (!this.#heard || (wasBlocked && !this.#drained)) this.#finish("ping-timeout");
        else this.#armPing();
      }, pingTimeoutMs);
    }, pingMs);
  }

  #closeIfDone(): void {
    if (this.#streams.size > 0 || this.#gone) return;
    if (this.#peerGoingAway) this.#finish("peer-closed");
    else if (this.#goingAway) this.#finish("closed");
  }

  #finish(reason: YamuxEnd): void {
    if (this.#gone) return;
    this.#gone = reason;
    clearTimeout(this.#pingTimer);
    const transport = this.#transport;
    const lastWord = GOODBYE[reason];
    if (lastWord === undefined || transport.destroyed) transport.destroy();
    else {
      // What still comes is read and dropped: closing a socket with unread bytes in it would lose our last word.
      const linger = setTimeout(() => transport.destroy(), LINGER_MS);
      transport.once("close", () => clearTimeout(linger));
      transport.end(encodeHeader({ type: TYPE.goAway, flags: 0, streamId: SESSION_ID, length: lastWord }));
    }
    for (const stream of this.#streams.values()) stream.sever("session-gone");
    this.#streams.clear();
    this.#control.clear();
    this.#data.clear();
    this.#sessionFrames = [];
  }
}

const { normal, protocolError, internalError } = GO_AWAY;
/** The code of our GO_AWAY when a session ends; none if the peer could not receive it. */
const GOODBYE: Record<YamuxEnd, number | undefined> = {
  closed: normal,
  "internal-error": internalError,
  "peer-closed": normal,
  "peer-protocol-error": normal,
  "peer-internal-error": normal,
  "transport-lost": undefined,
  "ping-timeout": undefined,
  "bad-version": protocolError,
  "bad-type": protocolError,
  "bad-flags": protocolError,
  "bad-stream-id": protocolError,
  "bad-go-away": protocolError,
  "unknown-stream": protocolError,
  "stream-reused": protocolError,
  "window-exceeded": protocolError,
  "window-overflow": protocolError,
  "data-after-fin": protocolError,
  "too-many-opens": protocolError,
  "too-many-pings": protocolError,
};

/** Every way for a session to end. */
export const SESSION_ENDS = Object.keys(GOODBYE) as readonly YamuxEnd[];
