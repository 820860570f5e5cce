/**
 * One WebSocket connection of the room or pair door: what it says, read by read and message by message, goes to its owner,
 * who knows what it means. What it is sent, whether it is alive, and how it ends are in the files beside this one.
 * Everything that it opened ends with its close.
 */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { RawData, WebSocket } from "ws";
import type { Settings } from "../config/settings.ts";
import type { Pool } from "../limits/limits.ts";
import type { Remains } from "../limits/places.ts";
import type { Answer, GoneReason } from "../wire.ts";
import { Closing } from "./closing.ts";
import { Liveness, type PeerConnection } from "./liveness.ts";
import { Outbox } from "./outbox.ts";
import { hasToWait, readBegins } from "./turns.ts";

/** Receives what a peer says. It can change during the life of a connection. */
export interface PeerOwner {
  /** Whether a close without a code (1005 of RFC 6455, section 7.4.1) ends it as well as 1000 does. */
  readonly takesBareClose: boolean;
  /** The frame is a view of a larger chunk: copy it to keep it for long. */
  onFrame(peer: Peer, frame: Buffer, binary: boolean): void;
  /** Its next message is already larger than one may be. No more of it is read: the owner is to end the peer. */
  onOversized(peer: Peer): void;
  /** Called once, and only for a peer that we did not close. All its frames have been delivered. */
  onGone(peer: Peer, why: GoneReason): void;
}

/** What all peers together make us keep. */
export interface Pools {
  /** Messages whose end has not come. Each is kept until it does, and a byte now and then is a sign of life. */
  readonly unfinished: Pool<PeerConnection>;
  /** What waits for peers that take too little, beyond `highWaterBytes` of each. */
  readonly untaken: Pool<PeerConnection>;
}

/** How much larger than a message its bytes may be: headers of frames, of 64 bytes or more on average, */
const FRAMING_RATIO = 1 / 8;
/** and a few pings and pongs, in bytes. As much is forgiven at each ping, since a peer may say nothing else for hours. */
const FRAMING_BYTES = 1024;

/** What one read brings, in bytes: a message that takes no more than this is not counted as unfinished. */
const READ_BYTES = 64 * 1024;

/** Header of a client's ping or pong, in bytes (RFC 6455, section 5.2). */
const CONTROL_HEADER_BYTES = 6;

/** How a WebSocket and its socket lead to their peer. */
const PEER = Symbol("peer");

/** A listener for all peers. Closures of its own for each of them would be a tenth of what an idle connection holds. */
function shared<Args extends unknown[]>(listener: (peer: Peer, ...args: Args) => void) {
  return function (this: object, ...args: Args): void {
    listener((this as { [PEER]: Peer })[PEER], ...args);
  };
}

/** What is left of a room or pair that has ended with these peers in it. @param why what counts for those that are cut. */
export function remainsOf(peers: readonly Peer[], why: GoneReason): Remains {
  return {
    closed: Promise.all(peers.map((peer) => peer.closed)),
    cut: () => {
      for (const peer of peers) peer.terminate(why);
    },
  };
}

/** Everything that a peer is made of. */
interface PeerParts {
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly settings: Settings;
  readonly pools: Pools;
  /** Called once, when nothing of it is left in this process, with why it ended. */
  readonly onClosed: (peer: Peer, why: GoneReason) => void;
}

export class Peer implements PeerConnection {
  owner: PeerOwner | undefined;
  /** The largest message that its owner wants to be given. */
  maxMessageBytes: number;
  readonly outbox: Outbox;
  readonly #liveness: Liveness;
  readonly #closing: Closing;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #settings: Settings;
  readonly #unfinished: Pool<PeerConnection>;
  readonly #onClosed: PeerParts["onClosed"];
  #id: string | undefined;
  #paused = false;
  /** Until then it is not read either, because its last read took too long, or this turn has. */
  #breath: NodeJS.Immediate | undefined;
  #readBegan = 0;
  /** Bytes read since the last whole message. Each small piece of a next one can keep the 64 KiB alive that it came in. */
  #unfinishedBytes = 0;
  #controlBytes = 0;

  /** Subscribes at once: the first frames may be in the chunk that brought the upgrade. */
  constructor({ ws, socket, settings, pools, onClosed }: PeerParts) {
    this.#ws = ws;
    this.#socket = socket;
    this.#settings = settings;
    this.#unfinished = pools.unfinished;
    this.#onClosed = onClosed;
    this.maxMessageBytes = settings.maxMessageBytes;
    this.#liveness = new Liveness(ws, socket, settings, this);
    const { untaken } = pools;
    this.outbox = new Outbox({ ws, socket, settings, liveness: this.#liveness, untaken, connection: this });
    this.#closing = new Closing(ws, this.outbox, settings);
    Object.assign(ws, { [PEER]: this });
    Object.assign(socket, { [PEER]: this });
    // ws handles a chunk between these two, with all messages that end in it.
    socket.prependListener("data", Peer.#onChunk).on("data", Peer.#onChunkRead);
    ws.on("message", Peer.#onMessage).on("ping", Peer.#onControl).on("pong", Peer.#onControl);
    ws.on("error", Peer.#onError).on("close", Peer.#onClose);
    socket.on("finish", Peer.#onFinish);
  }

  static readonly #onChunk = shared((peer, chunk: Buffer) => {
    peer.#unfinishedBytes += chunk.length;
    peer.#readBegan = readBegins();
  });

  static readonly #onChunkRead = shared((peer) => peer.#afterRead());

  static readonly #onMessage = shared((peer, data: RawData, binary: boolean) => {
    peer.#unfinishedBytes = 0;
    peer.#unfinished.frees(peer);
    peer.owner?.onFrame(peer, data as Buffer, binary);
  });

  static readonly #onControl = shared((peer, payload: Buffer) => {
    peer.#controlBytes += CONTROL_HEADER_BYTES + payload.length;
  });

  static readonly #onError = shared((peer, error: Error) => peer.#closing.onError(error));

  static readonly #onFinish = shared((peer) => peer.#closing.onFinish());

  static readonly #onClose = shared((peer, code: number) => {
    peer.#liveness.stop();
    peer.outbox.discard();
    peer.#unfinished.frees(peer);
    const { went, ended } = peer.#closing.onClosed(code, peer.owner?.takesBareClose ?? false);
    peer.#loseOwner(went);
    peer.#onClosed(peer, ended);
  });

  /** What its room calls it. Made when asked for: most senders need none. */
  get id(): string {
    this.#id ??= `conn_${randomBytes(6).toString("hex")}`;
    return this.#id;
  }

  sendControl(answer: Answer): void {
    this.outbox.sendControl(answer);
  }

  /** Whether it has not taken everything yet. */
  get owed(): boolean {
    return this.outbox.inFlightFrames > 0;
  }

  /** Bytes that it ever said, but for pings and pongs. */
  get saidBytes(): number {
    return this.#socket.bytesRead - this.#controlBytes;
  }

  get paused(): boolean {
    return this.#paused;
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

  /** Somebody says that this connection is gone: it is cut, unless it shows a sign of life within `ms`. */
  challenge(ms: number): void {
    this.#liveness.challenge(ms);
  }

  onPingDue(): void {
    this.#unfinishedBytes = Math.max(0, this.#unfinishedBytes - FRAMING_BYTES);
  }

  /** Ends it from our side: what it was sent before still reaches it, if it takes it, and then the close. */
  close(why: GoneReason): void {
    this.owner = undefined;
    this.outbox.whenCaughtUp(undefined);
    this.resume();
    this.#closing.close(why);
  }

  /** Ends it at once, without a close frame. Its owner is told. */
  terminate(why: GoneReason): void {
    this.#closing.terminate(why);
    this.#loseOwner(why);
  }

  /** Settles once nothing of it is left in this process. */
  get closed(): Promise<void> {
    if (this.#ws.readyState === this.#ws.CLOSED) return Promise.resolve();
    return new Promise((closed) => this.#ws.once("close", () => closed()));
  }

  #loseOwner(why: GoneReason): void {
    const owner = this.owner;
    this.owner = undefined;
    this.outbox.whenCaughtUp(undefined);
    owner?.onGone(this, why);
  }

  #afterRead(): void {
    if (this.#unfinishedBytes > READ_BYTES) this.#unfinished.holds(this, this.#unfinishedBytes);
    if (this.#unfinishedBytes > this.maxMessageBytes * (1 + FRAMING_RATIO) + FRAMING_BYTES) {
      this.owner?.onOversized(this);
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
}
