/**
 * Links through a relay's room: its protocol is in relay/README.md. The receiver joins a room and has one link; the sender
 * makes a room, keeps it by one connection, and has a link for each receiver, one after another. Nothing that a relay
 * says is believed beyond its use: it may lie about rooms and peers, and a peer's frames can look like the relay's.
 */
import { SpreadError } from "../errors.ts";
import {
  type Door,
  type Frame,
  type FrameBounds,
  frameBytes,
  type Link,
  type LinkTaker,
  USUAL_BOUNDS,
} from "./link.ts";
import { Mailbox } from "./mailbox.ts";
import { Connection, type Control, parseControl, type RelayAccess, refusal, type Sink } from "./relay-connection.ts";

/** How often the sender's idle connection is probed, in ms: below the minute after which home routers forget it. */
const KEEP_ALIVE_MS = 30_000;

export interface Room extends Door {
  readonly id: string;
  /** Seconds that the relay gives the room; undefined where the relay does not say (older ones). */
  readonly expiresInSeconds: number | undefined;
  /** Settles when the room is gone without our doing. */
  readonly lost: Promise<SpreadError>;
}

/**
 * Joins a room as a receiver. The link is there at once, even if others have to be served first.
 * @param signal rules the link's whole life.
 * @throws SpreadError `room-not-found`, `relay-unreachable`, `relay-untrusted`, `relay-full`, `relay-refused`, `rate-limited`,
 *   `proxy-failed`, `bad-config` for a proxy's address, or the signal's.
 */
export async function joinRoom(
  relay: RelayAccess,
  id: string,
  signal: AbortSignal,
  bounds = USUAL_BOUNDS,
): Promise<Link> {
  const connection = await Connection.open(relay, signal);
  return connection.ask({ type: "JOIN_ROOM", room_id: id }, (answer) => {
    if (answer.type !== "ROOM_JOINED" || answer.room_id !== id) return undefined;
    const link = new RelayLink(connection, "own", bounds);
    const sink: Sink = {
      frame: (bytes, text) => {
        const control = text ? parseControl(bytes) : undefined;
        // Forged by the peer, it hurts the peer alone.
        if (control?.type === "ERROR") link.end(refusal(control.reason));
        else link.deliver(bytes);
      },
      closed: (reason) => link.end(reason),
    };
    return { value: link, sink };
  });
}

/**
 * Makes a room as the sender, and gives `take` a link for each receiver that comes.
 * @param ttlSeconds how long the room is wanted; the relay may give less.
 * @param signal cuts the connection.
 * @throws as `joinRoom`, but never `room-not-found`.
 */
export async function createRoom(
  relay: RelayAccess,
  ttlSeconds: number,
  take: LinkTaker,
  signal: AbortSignal,
  bounds = USUAL_BOUNDS,
): Promise<Room> {
  const connection = await Connection.open(relay, signal);
  return connection.ask({ type: "CREATE_ROOM", ttl_seconds: ttlSeconds, features: ["turns"] }, (answer) => {
    if (answer.type !== "ROOM_CREATED") return undefined;
    const room = new SenderRoom(connection, answer, take, bounds);
    return { value: room, sink: room };
  });
}

type RoomCreated = Extract<Control, { type: "ROOM_CREATED" }>;

class SenderRoom implements Room, Sink {
  readonly id: string;
  readonly expiresInSeconds: number | undefined;
  readonly lost: Promise<SpreadError>;
  readonly #connection: Connection;
  readonly #take: LinkTaker;
  readonly #bounds: FrameBounds;
  readonly #turns: boolean;
  readonly #keepAlive: NodeJS.Timeout;
  #lose: (reason: SpreadError) => void = () => {};
  /** From PEER_JOINED to PEER_DISCONNECTED, whether its link is still open or not. */
  #visitor: { readonly link: RelayLink; readonly peerId: string } | undefined;
  #closing = false;

  constructor(connection: Connection, created: RoomCreated, take: LinkTaker, bounds: FrameBounds) {
    this.id = created.room_id;
    this.expiresInSeconds = created.expires_in;
    this.#turns = created.features?.includes("turns") ?? false;
    this.#connection = connection;
    this.#take = take;
    this.#bounds = bounds;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    // While somebody is served the transfer's own limits judge the connection: a pong may be stuck behind megabytes.
    this.#keepAlive = setInterval(() => connection.probe(!this.#visitor?.link.open), KEEP_ALIVE_MS);
  }

  frame(bytes: Uint8Array, text: boolean): void {
    const control = text ? parseControl(bytes) : undefined;
    // A visitor can forge both of these. But the first word of a visit is the relay's, and so is its id, which visitors are
    // not told: a second PEER_JOINED, or a PEER_DISCONNECTED of another id, is the visitor's own frame.
    if (control?.type === "PEER_JOINED" && !this.#visitor) {
      this.#visitor = { link: new RelayLink(this.#connection, "shared", this.#bounds), peerId: control.peer_id };
      this.#take(this.#visitor.link);
    } else if (control?.type === "PEER_DISCONNECTED" && control.peer_id === this.#visitor?.peerId) {
      this.#dismiss();
      if (this.#turns) this.#connection.say({ type: "NEXT" });
    } else {
      this.#visitor?.link.deliver(bytes);
    }
  }

  closed(reason: SpreadError | undefined): void {
    clearInterval(this.#keepAlive);
    this.#dismiss();
    if (!this.#closing) this.#lose(reason ?? new SpreadError("link-lost", "the relay closed the room"));
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#connection.close();
  }

  /** A visitor's link is over before the next one begins, so that no frame of the old one can reach the new one. */
  #dismiss(): void {
    this.#visitor?.link.end(new SpreadError("link-lost", "the receiver has left the room"));
    this.#visitor = undefined;
  }
}

class RelayLink implements Link {
  readonly address = undefined;
  readonly #mailbox: Mailbox;
  readonly #connection: Connection;
  /** A shared connection belongs to the room, and outlives this link. */
  readonly #ownership: "own" | "shared";
  readonly #bounds: FrameBounds;
  readonly #sending = new Set<(reason: SpreadError) => void>();
  #gone: SpreadError | undefined;

  constructor(connection: Connection, ownership: "own" | "shared", bounds: FrameBounds) {
    this.#connection = connection;
    this.#ownership = ownership;
    this.#bounds = bounds;
    this.#mailbox = new Mailbox(connection);
  }

  get open(): boolean {
    return this.#gone === undefined;
  }

  async send(frame: Frame): Promise<void> {
    if (frameBytes(frame) > this.#bounds.sentBytes)
      throw new SpreadError("internal", "a frame is larger than a link carries");
    if (this.#gone) throw this.#gone;
    await new Promise<void>((sent, failed) => {
      this.#sending.add(failed);
      this.#connection.send(Array.isArray(frame) ? Buffer.concat(frame) : frame, (cause) => {
        this.#sending.delete(failed);
        if (cause) failed(new SpreadError("link-lost", "the connection to the relay was lost", { cause }));
        else sent();
      });
    });
  }

  receive(): Promise<Uint8Array | undefined> {
    return this.#mailbox.pull();
  }

  async close(): Promise<void> {
    this.#leave(new SpreadError("link-lost", "the link is closed"));
    if (this.#ownership === "own") await this.#connection.close();
  }

  abort(reason: SpreadError): void {
    if (this.#gone) return;
    this.#leave(reason);
    if (this.#ownership === "own") this.#connection.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  deliver(frame: Uint8Array): void {
    if (frame.length <= this.#bounds.takenBytes) this.#mailbox.push(frame);
    else this.end(new SpreadError("bad-message", "the other end sent a frame above the size limit"));
  }

  /** The peer has gone: what it sent can still be read; nothing can be sent. @param reason undefined: it went cleanly. */
  end(reason: SpreadError | undefined): void {
    this.#fail(reason ?? new SpreadError("link-lost", "the other end has gone"));
    if (reason) this.#mailbox.fail(reason);
    else this.#mailbox.end();
  }

  #leave(reason: SpreadError): void {
    this.#fail(reason);
    this.#mailbox.cut(reason);
  }

  #fail(reason: SpreadError): void {
    this.#gone ??= reason;
    for (const failed of this.#sending) failed(reason);
    this.#sending.clear();
  }
}
