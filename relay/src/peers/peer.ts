/**
 * One WebSocket connection: what it is sent, how it is slowed down, how we know that it lives and takes what is there for
 * it, and how it ends. What its frames mean is its owner's business. Everything that it opened ends with its close.
 */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { RawData, WebSocket } from "ws";
import type { Settings } from "../config/settings.ts";
import type { Pool } from "../limits/limits.ts";
import { type Answer, CLOSE_CODE, encode, type GoneReason } from "../wire.ts";
import { hasToWait, readBegins } from "./turns.ts";

/** Whoever a peer's frames are for at the moment. */
export interface PeerOwner {
  /** The frame is a view into a larger chunk: who keeps it for long copies it. */
  heard(peer: Peer, frame: Buffer, binary: boolean): void;
  /** What came of its next message is more than a whole one may have. No more of it is read: the peer is to be ended. */
  overlong(peer: Peer): void;
  /** Said once, and only of a peer that went without being told to. All its frames have been heard. */
  lost(peer: Peer, why: GoneReason): void;
}

/** What all peers make us keep. */
export interface Pools {
  /** Messages whose end has not come. Each is kept until it does, and a byte now and then is a sign of life. */
  readonly unfinished: Pool<Peer>;
  /** What waits for peers that take too little, beyond `highWaterBytes` of each. */
  readonly untaken: Pool<Peer>;
}

/** How often within `stalledMs` progress is looked at: a stalled peer is cut at most a quarter too late. */
const STALL_LOOKS = 4;

/** Frames below this are copied when older ones wait, in bytes: else each tiny one can keep a 64 KiB chunk alive. */
const COPY_BELOW_BYTES = 4096;

/** How much more than a message itself its bytes may be: headers of frames, of 64 bytes or more on average, */
const FRAMING_RATIO = 1 / 8;
/** and a few pings and pongs, in bytes. So much is also forgiven at each ping, as a peer may say nothing else for hours. */
const FRAMING_BYTES = 1024;

/** What one read brings, in bytes: a message that takes no more of them is nobody's matter. */
const READ_BYTES = 64 * 1024;

/** Header of a client's ping or pong, in bytes (RFC 6455, section 5.2). */
const CONTROL_HEADER_BYTES = 6;

/** What a peer listens to knows its peer. */
const PEER = Symbol("peer");

/** A listener for all peers. Closures of its own for each of them would be a tenth of what an idle connection holds. */
function shared<Args extends unknown[]>(heard: (peer: Peer, ...args: Args) => void) {
  return function (this: object, ...args: Args): void {
    heard((this as { [PEER]: Peer })[PEER], ...args);
  };
}

export class Peer {
  owner: PeerOwner | undefined;
  /** How large a message its owner wants to hear. */
  maxMessageBytes: number;
  /** Nothing of it is left in this process. With why it ended: what was known first. */
  readonly closed: Promise<GoneReason>;
  #onClosed: ((why: GoneReason) => void) | undefined;

  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #settings: Settings;
  readonly #pools: Pools;
  #id: string | undefined;

  /** Frames that were given to the socket and have not left this process yet. */
  #inFlight = 0;
  /** Frames that have, ever. */
  #taken = 0;
  /** The frames of one read leave in one write. */
  #batching = false;
  /** Older frames waited already when this batch began. */
  #behind = false;
  /** More than should waits for it. */
  #overfull = false;
  #paused = false;
  /** Until then it is not read either, because its last read took too long, or this turn has. */
  #breath: NodeJS.Immediate | undefined;
  #readBegan = 0;
  /** Bytes read since the last whole message. Each small piece of a next one can keep the 64 KiB alive that it came in. */
  #unheardBytes = 0;
  #controlBytes = 0;
  #caughtUp: (() => void) | undefined;
  /** What we know better than the close code does. */
  #cause: GoneReason | undefined;
  /** The close that is said once the last frame in flight is taken. */
  #farewell: GoneReason | undefined;
  #gone: GoneReason | undefined;
  #handedFrames = 0;
  #handedBytes = 0;

  readonly #pings: NodeJS.Timeout;
  #bytesReadAtPing: number | undefined;
  #missedPings = 0;
  #stallTimer: NodeJS.Timeout | undefined;
  #challenge: NodeJS.Timeout | undefined;
  #endTimer: NodeJS.Timeout | undefined;

  /** Subscribes at once: the first frames may be in the chunk that brought the upgrade. */
  constructor(ws: WebSocket, socket: Socket, settings: Settings, pools: Pools) {
    this.#ws = ws;
    this.#socket = socket;
    this.#settings = settings;
    this.#pools = pools;
    this.maxMessageBytes = settings.maxMessageBytes;
    this.#pings = setInterval(() => this.#keepAlive(), settings.pingMs);
    Object.assign(ws, { [PEER]: this });
    Object.assign(socket, { [PEER]: this });
    // ws handles a chunk between these two, with all messages that end in it.
    socket.prependListener("data", Peer.#onChunk).on("data", Peer.#onChunkRead);
    ws.on("message", Peer.#onMessage).on("ping", Peer.#onControl).on("pong", Peer.#onControl);
    ws.on("error", Peer.#onError).on("close", Peer.#onClose);
    // ws ends the socket once both sides have said close. A peer that then keeps its half open gets no more time.
    socket.on("finish", Peer.#onFinish);
    this.closed = new Promise((closed) => {
      this.#onClosed = closed;
    });
  }

  static readonly #onChunk = shared((peer, chunk: Buffer) => {
    peer.#unheardBytes += chunk.length;
    peer.#readBegan = readBegins();
  });

  static readonly #onChunkRead = shared((peer) => peer.#afterRead());

  static readonly #onMessage = shared((peer, data: RawData, binary: boolean) => {
    peer.#unheardBytes = 0;
    peer.#pools.unfinished.frees(peer);
    peer.owner?.heard(peer, data as Buffer, binary);
  });

  static readonly #onControl = shared((peer, payload: Buffer) => {
    peer.#controlBytes += CONTROL_HEADER_BYTES + payload.length;
  });

  static readonly #onError = shared((peer, error: NodeJS.ErrnoException) => {
    if (error.code?.startsWith("WS_ERR_UNSUPPORTED_")) peer.#cause = "too-big";
  });

  static readonly #onFinish = shared((peer) => peer.#cutAfter(peer.#settings.closeMs));

  static readonly #onClose = shared((peer, code: number) => {
    clearInterval(peer.#pings);
    clearInterval(peer.#stallTimer);
    clearTimeout(peer.#challenge);
    clearTimeout(peer.#endTimer);
    peer.#pools.unfinished.frees(peer);
    peer.#pools.untaken.frees(peer);
    const why = peer.#cause ?? (code === CLOSE_CODE.done && !isInMessage(peer.#ws) ? "done" : "peer-left");
    peer.#gone ??= why;
    peer.#onClosed?.(peer.#gone);
    peer.#lose(why);
  });

  /** What its room calls it. Made when asked for: most senders need none. */
  get id(): string {
    this.#id ??= `conn_${randomBytes(6).toString("hex")}`;
    return this.#id;
  }

  say(answer: Answer): void {
    this.#send(encode(answer), false);
  }

  /** Hands on a frame of another peer. */
  forward(frame: Buffer, binary: boolean): void {
    this.#handedFrames++;
    this.#handedBytes += frame.length;
    if (!this.#batching) this.#beginBatch();
    this.#send(this.#behind && frame.length < COPY_BELOW_BYTES ? Buffer.from(frame) : frame, binary);
  }

  /** Whether a frame of the other peer was ever handed on to it. */
  get wasHandedData(): boolean {
    return this.#handedFrames > 0;
  }

  /** Frames of the other peer that were handed on to it, */
  get handedFrames(): number {
    return this.#handedFrames;
  }

  /** and their bytes. */
  get handedBytes(): number {
    return this.#handedBytes;
  }

  /** Bytes that it was given and the system has not taken yet. */
  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  /** Bytes it ever said, but for pings and pongs. */
  get saidBytes(): number {
    return this.#socket.bytesRead - this.#controlBytes;
  }

  /** It has not taken everything yet. */
  get owed(): boolean {
    return this.#inFlight > 0;
  }

  /** More waits for this peer than should. */
  get lagging(): boolean {
    return this.#ws.bufferedAmount > this.#settings.highWaterBytes || this.#inFlight > this.#settings.highWaterFrames;
  }

  /** Calls back once, when less than half of that waits. Only the last one to ask is called. */
  whenCaughtUp(then: () => void): void {
    this.#caughtUp = then;
  }

  /** While it is paused we hear neither its pongs nor its close, so it is not judged by them. */
  pause(): void {
    this.#paused = true;
    this.#ws.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#breath) this.#ws.resume();
  }

  /** Ends it from our side: what it was given before still reaches it, if it takes it, and then the close. */
  leave(why: GoneReason): void {
    this.#gone ??= why;
    this.owner = undefined;
    this.#caughtUp = undefined;
    this.resume();
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    if (this.#inFlight === 0) this.#close(why);
    else {
      this.#farewell = why;
      this.#cutAfter(this.#settings.flushMs);
    }
  }

  /** Somebody says that this connection is gone: it is cut, unless it shows a sign of life in time. */
  challenge(ms: number): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    // It is not read, and could not show any.
    if (this.#paused) this.cut("dead-peer");
    else this.#challenge ??= this.#demandLife(ms);
  }

  #demandLife(ms: number): NodeJS.Timeout {
    const { bytesRead } = this.#socket;
    this.#ws.ping();
    return setTimeout(() => {
      this.#challenge = undefined;
      if (this.#socket.bytesRead === bytesRead) this.cut("dead-peer");
    }, ms);
  }

  /** Ends it at once, with nothing said. Its owner is told. */
  cut(why: GoneReason): void {
    this.#gone ??= why;
    this.#ws.terminate();
    this.#lose(why);
  }

  #lose(why: GoneReason): void {
    const owner = this.owner;
    this.owner = undefined;
    this.#caughtUp = undefined;
    owner?.lost(this, why);
  }

  #afterRead(): void {
    if (this.#unheardBytes > READ_BYTES) this.#pools.unfinished.holds(this, this.#unheardBytes);
    if (this.#unheardBytes > this.maxMessageBytes * (1 + FRAMING_RATIO) + FRAMING_BYTES) {
      this.owner?.overlong(this);
      this.pause();
      return;
    }
    if (!hasToWait(this.#readBegan, this.#settings)) return;
    this.#ws.pause();
    this.#breath ??= setImmediate(() => {
      this.#breath = undefined;
      if (!this.#paused) this.#ws.resume();
    });
  }

  #send(frame: Buffer | string, binary: boolean): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    this.#inFlight++;
    this.#ws.send(frame, { binary }, this.#onTaken);
    if (!this.#batching) this.#mindStall();
  }

  /** What the kernel took at once needs no watch, though it is in flight until the next tick. */
  #mindStall(): void {
    if (this.#ws.bufferedAmount > 0) this.#stallTimer ??= this.#watchForStall();
  }

  /** Ticks run after each read. If the batch then has to wait, it keeps one chunk alive, and later ones are behind it. */
  #beginBatch(): void {
    this.#batching = true;
    this.#behind = this.#inFlight > 0;
    this.#socket.cork();
    process.nextTick(() => {
      this.#batching = false;
      this.#socket.uncork();
      this.#mindStall();
      this.#mindQueue();
    });
  }

  /** Large messages can be more than should wait, one of them for each peer. */
  #mindQueue(): void {
    const overBytes = this.#ws.bufferedAmount - this.#settings.highWaterBytes;
    if (overBytes <= 0) return;
    this.#overfull = true;
    this.#pools.untaken.holds(this, overBytes);
  }

  /** A field, not a method: one function for all frames. Also called for each frame that a cut left untaken. */
  readonly #onTaken = (): void => {
    this.#inFlight--;
    this.#taken++;
    if (this.#overfull && this.#ws.bufferedAmount <= this.#settings.highWaterBytes) {
      this.#overfull = false;
      this.#pools.untaken.frees(this);
    }
    if (this.#farewell && this.#inFlight === 0) this.#close(this.#farewell);
    if (!this.#caughtUp || this.#inFlight > this.#settings.highWaterFrames / 2) return;
    if (this.#ws.bufferedAmount > this.#settings.highWaterBytes / 2) return;
    const then = this.#caughtUp;
    this.#caughtUp = undefined;
    then();
  };

  #close(why: GoneReason): void {
    this.#farewell = undefined;
    this.#ws.close(CLOSE_CODE[why], why);
    this.#cutAfter(this.wasHandedData ? this.#settings.lingerMs : this.#settings.closeMs);
  }

  #cutAfter(ms: number): void {
    clearTimeout(this.#endTimer);
    if (this.#ws.readyState === this.#ws.CLOSED) return;
    // Its close follows, with the code that it said, if it did.
    this.#endTimer = setTimeout(() => this.#ws.terminate(), ms);
  }

  /**
   * Any byte since the last ping is a sign of life: a pong cannot come in the middle of a large frame. A peer that we
   * paused, or whose ping would stand behind data that it still has to take, is judged by what is taken instead.
   */
  #keepAlive(): void {
    this.#unheardBytes = Math.max(0, this.#unheardBytes - FRAMING_BYTES);
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    if (this.#paused || this.#ws.bufferedAmount > 0) {
      this.#bytesReadAtPing = undefined;
      return;
    }
    this.#missedPings = this.#bytesReadAtPing === this.#socket.bytesRead ? this.#missedPings + 1 : 0;
    if (this.#missedPings >= this.#settings.maxMissedPings) {
      this.cut("dead-peer");
      return;
    }
    this.#bytesReadAtPing = this.#socket.bytesRead;
    this.#ws.ping();
  }

  /** Runs while something is in flight. A frame of megabytes on a slow line is progress long before it is taken whole. */
  #watchForStall(): NodeJS.Timeout {
    let taken = this.#taken;
    let queued = kernelQueueBytes(this.#socket);
    let looks = 0;
    return setInterval(() => {
      if (this.#inFlight === 0) {
        clearInterval(this.#stallTimer);
        this.#stallTimer = undefined;
        return;
      }
      const queuedNow = kernelQueueBytes(this.#socket);
      looks = taken === this.#taken && queued === queuedNow ? looks + 1 : 0;
      taken = this.#taken;
      queued = queuedNow;
      if (looks >= STALL_LOOKS) this.cut("stalled");
    }, this.#settings.stalledMs / STALL_LOOKS);
  }
}

/** Whether some but not all frames of a message have come. ws takes a close between them for a clean one, and tells nobody. */
function isInMessage(ws: WebSocket): boolean {
  return Boolean((ws as { _receiver?: { _fragmented?: number } })._receiver?._fragmented);
}

/**
 * What of the current write the kernel has not accepted yet, in bytes. Node's own socket timeout looks at the same number,
 * but counts what is read as well; `bytesWritten` moves only when a whole write is through.
 */
function kernelQueueBytes(socket: Socket): number {
  return (socket as { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;
}
