/**
 * Links through a relay's room: its protocol is in relay/README.md. The receiver joins a room and has one link; the sender
 * makes a room, keeps it by one connection, and has a link for each receiver, one after another. Nothing that a relay
 * says is believed beyond its use: it may lie about rooms and peers, and a peer's frames can look like the relay's.
 */
import WebSocket from "ws";
import { z } from "zod";
import { SpreadError, systemCode } from "../errors.ts";
import { CLOSE_MS, HANDSHAKE_MS, MAX_FRAME_BYTES } from "../limits.ts";
import { abortReason, bindSignal, type Door, type Link, type LinkTaker } from "./link.ts";
import { Mailbox } from "./mailbox.ts";

/** Control messages are short; a longer text frame is a peer's, and is not even parsed. */
const MAX_CONTROL_BYTES = 1024;

/**
 * The largest message taken from a relay, in bytes: as much as relays forward by default. It is more than a link carries,
 * because a larger one ends the whole connection, and a visitor could so end a share; this way it ends a link. A relay that
 * forwards more than this gives its visitors that power.
 */
const MAX_RELAY_MESSAGE_BYTES = 10 * 1024 * 1024;

/** RFC 6455, section 7.4.1. Every code that is not named here is a loss, whatever the relay means by it. */
const CLEAN_CLOSE = 1000;
/** The relay's own: the room's lifetime is over. */
const EXPIRED_CLOSE = 4002;

/** How often the sender's idle connection is probed, in ms: below the minute after which home routers forget it. */
const KEEP_ALIVE_MS = 30_000;

/** Ids as a relay may give them; anything else is not shown to anybody. */
const RoomId = z.string().regex(/^[a-z0-9]{6}$/);

const Control = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("ROOM_CREATED"),
    room_id: RoomId,
    expires_in: z.number().positive().optional(),
    features: z.array(z.string()).optional(),
  }),
  z.object({ type: z.literal("ROOM_JOINED"), room_id: RoomId }),
  z.object({ type: z.literal("PEER_JOINED"), peer_id: z.string() }),
  z.object({ type: z.literal("PEER_DISCONNECTED"), peer_id: z.string() }),
  z.object({ type: z.literal("ERROR"), reason: z.string() }),
]);
type Control = z.infer<typeof Control>;

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
 * @throws SpreadError `room-not-found`, `relay-unreachable`, `relay-full`, `relay-refused`, `rate-limited`, or the signal's.
 */
export async function joinRoom(relay: URL, id: string, signal: AbortSignal): Promise<Link> {
  const connection = await Connection.open(relay, signal);
  return connection.ask({ type: "JOIN_ROOM", room_id: id }, (answer) => {
    if (answer.type !== "ROOM_JOINED" || answer.room_id !== id) return undefined;
    const link = new RelayLink(connection, "own");
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
export async function createRoom(relay: URL, ttlSeconds: number, take: LinkTaker, signal: AbortSignal): Promise<Room> {
  const connection = await Connection.open(relay, signal);
  return connection.ask({ type: "CREATE_ROOM", ttl_seconds: ttlSeconds, features: ["turns"] }, (answer) => {
    if (answer.type !== "ROOM_CREATED") return undefined;
    const room = new SenderRoom(connection, answer, take);
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
  readonly #turns: boolean;
  readonly #keepAlive: NodeJS.Timeout;
  #lose: (reason: SpreadError) => void = () => {};
  /** From PEER_JOINED to PEER_DISCONNECTED, whether its link is still open or not. */
  #visitor: { readonly link: RelayLink; readonly peerId: string } | undefined;
  #closing = false;

  constructor(connection: Connection, created: RoomCreated, take: LinkTaker) {
    this.id = created.room_id;
    this.expiresInSeconds = created.expires_in;
    this.#turns = created.features?.includes("turns") ?? false;
    this.#connection = connection;
    this.#take = take;
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
      this.#visitor = { link: new RelayLink(this.#connection, "shared"), peerId: control.peer_id };
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

function parseControl(bytes: Uint8Array): Control | undefined {
  if (bytes.length > MAX_CONTROL_BYTES) return undefined;
  try {
    return Control.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data;
  } catch {
    return undefined; // not JSON: a peer's frame, whose business it is elsewhere
  }
}

/** What a relay's `reason` means to the user. */
function refusal(reason: string): SpreadError {
  switch (reason) {
    case "room_not_found":
      return new SpreadError("room-not-found", "the relay has no such room");
    case "sender_disconnected":
      return new SpreadError("share-ended", "the sender has left the relay");
    case "too_many_rooms":
    case "queue_full":
      return new SpreadError("relay-full", "the relay is full");
    case "rate_limited":
      return new SpreadError("rate-limited", "the relay got too many requests from this address");
    default:
      return new SpreadError("relay-refused", "the relay refused the request");
  }
}

interface Sink {
  frame(bytes: Uint8Array, text: boolean): void;
  /** @param reason undefined after a clean close by the relay. */
  closed(reason: SpreadError | undefined): void;
}

/** One WebSocket to a relay: a question and its answer, then frames. */
class Connection {
  readonly #ws: WebSocket;
  #sink: Sink | undefined;
  #alive = true;

  private constructor(ws: WebSocket, signal: AbortSignal) {
    this.#ws = ws;
    ws.on("message", (data: Buffer, binary) => {
      this.#alive = true;
      this.#sink?.frame(data, !binary);
    });
    ws.on("pong", () => {
      this.#alive = true;
    });
    ws.on("close", (code) => {
      if (signal.aborted) this.#sink?.closed(abortReason(signal));
      else if (code === CLEAN_CLOSE) this.#sink?.closed(undefined);
      else if (code === EXPIRED_CLOSE)
        this.#sink?.closed(new SpreadError("expired", "the relay's time for the room is over"));
      else this.#sink?.closed(new SpreadError("link-lost", "the connection to the relay was lost"));
    });
    // The close event that follows says all there is to say.
    ws.on("error", () => {});
  }

  static async open(relay: URL, signal: AbortSignal): Promise<Connection> {
    if (signal.aborted) throw abortReason(signal);
    const ws = new WebSocket(relay, {
      perMessageDeflate: false, // sealed bytes do not shrink
      maxPayload: MAX_RELAY_MESSAGE_BYTES,
      handshakeTimeout: HANDSHAKE_MS,
    });
    const connection = new Connection(ws, signal);
    const bound = bindSignal({ abort: () => ws.terminate() }, signal);
    ws.once("close", () => bound[Symbol.dispose]());
    await new Promise<void>((resolve, reject) => {
      ws.once("open", resolve);
      ws.once("unexpected-response", (request, response) => {
        reject(upgradeRefusal(response.statusCode ?? 0));
        request.destroy();
      });
      ws.once("error", (cause) => {
        const reason = signal.aborted ? abortReason(signal) : undefined;
        reject(reason && reason.code !== "timed-out" ? reason : unreachable(cause));
      });
    });
    return connection;
  }

  /**
   * Asks the one question of this connection. What `accept` returns for the answer takes all frames from then on, those
   * included that came in the same packet; undefined refuses the answer.
   * @throws SpreadError, and the connection is closed.
   */
  async ask<T>(question: object, accept: (answer: Control) => { value: T; sink: Sink } | undefined): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        const mute = () => new SpreadError("relay-unreachable", "the relay gave no answer");
        timer = setTimeout(() => reject(mute()), HANDSHAKE_MS);
        this.#sink = {
          frame: (bytes, text) => {
            this.#sink = undefined;
            const answer = text ? parseControl(bytes) : undefined;
            const accepted = answer && accept(answer);
            if (accepted) {
              this.#sink = accepted.sink;
              resolve(accepted.value);
            } else if (answer?.type === "ERROR") reject(refusal(answer.reason));
            else reject(new SpreadError("relay-refused", "what answered does not speak the relay's protocol"));
          },
          closed: (reason) => reject(reason && reason.code !== "link-lost" ? reason : mute()),
        };
        this.say(question);
      });
    } catch (error) {
      this.#ws.terminate();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  say(message: object): void {
    this.#ws.send(JSON.stringify(message), () => {});
  }

  /** @param sent called once, when the frame has left us or never will. */
  send(frame: Uint8Array | string, sent: (error?: Error) => void): void {
    this.#ws.send(frame, sent);
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  /** Pings. @param judge cuts the connection if there was no sign of life since the ping before. */
  probe(judge: boolean): void {
    if (judge && !this.#alive) this.#ws.terminate();
    this.#alive = false;
    this.#ws.ping(() => {});
  }

  async close(): Promise<void> {
    const ws = this.#ws;
    if (ws.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((closed) => {
      const timer = setTimeout(() => ws.terminate(), CLOSE_MS);
      ws.once("close", () => {
        clearTimeout(timer);
        closed();
      });
      ws.resume();
      ws.close(CLEAN_CLOSE);
    });
  }

  terminate(): void {
    this.#ws.terminate();
  }
}

function upgradeRefusal(status: number): SpreadError {
  switch (status) {
    case 429:
      return new SpreadError("rate-limited", "the relay got too many requests from this address");
    case 503:
      return new SpreadError("relay-full", "the relay takes no more connections");
    default:
      return new SpreadError("relay-refused", `what answered is not a relay, or does not let us in (HTTP ${status})`);
  }
}

function unreachable(cause: unknown): SpreadError {
  const why = systemCode(cause);
  return new SpreadError("relay-unreachable", `the relay cannot be reached${why ? ` (${why})` : ""}`, { cause });
}

class RelayLink implements Link {
  readonly address = undefined;
  readonly #mailbox: Mailbox;
  readonly #connection: Connection;
  /** A shared connection belongs to the room, and outlives this link. */
  readonly #ownership: "own" | "shared";
  readonly #sending = new Set<(reason: SpreadError) => void>();
  #gone: SpreadError | undefined;

  constructor(connection: Connection, ownership: "own" | "shared") {
    this.#connection = connection;
    this.#ownership = ownership;
    this.#mailbox = new Mailbox(connection);
  }

  /** False once either end is done with it. */
  get open(): boolean {
    return this.#gone === undefined;
  }

  async send(frame: Uint8Array | string): Promise<void> {
    const length = typeof frame === "string" ? Buffer.byteLength(frame) : frame.length;
    if (length > MAX_FRAME_BYTES) throw new SpreadError("internal", "a frame is larger than a link carries");
    if (this.#gone) throw this.#gone;
    await new Promise<void>((sent, failed) => {
      this.#sending.add(failed);
      this.#connection.send(frame, (cause) => {
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
    if (frame.length <= MAX_FRAME_BYTES) this.#mailbox.push(frame);
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
