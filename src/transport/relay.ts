/**
 * Links through a relay's room: its protocol is in relay/README.md. The receiver joins a room and has one link; the sender
 * makes a room, keeps it by one connection, and has a link for each receiver, one after another. Nothing that a relay
 * says is believed beyond its use: it may lie about rooms and peers, and a peer's frames can look like the relay's.
 */
import { networkInterfaces } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { SpreadError, toSpreadError } from "../errors.ts";
import {
  bindSignal,
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

/** How often a sender looks whether its machine has changed its network, or has slept, in ms. */
const LOOK_MS = 5_000;
/** After so many looks an idle connection is probed: what stands between may keep one open whose other half is gone. */
const LOOKS_A_PROBE = 3;
/** How long a relay may take to answer a probe, in ms; and where the machine has slept, which is reason enough for doubt. */
const ANSWER_MS = 10_000;
const ANSWER_AWAKE_MS = 2_000;
/** The first wait before a lost room is taken back, in ms; it doubles until it is the longest. Each is shortened by up to half. */
const FIRST_WAIT_MS = 200;
/** Short enough to be back within seconds of the network's return. */
const LONGEST_WAIT_MS = 5_000;
/** So often a relay has to say that it does not know the room: what it was asked may have been altered on the way. */
const TIMES_FORGOTTEN = 2;
/** A connection that held so long was a good one, in ms: the next wait is the first again. */
const STEADY_MS = 10_000;
/** How long a visitor that we are done with may stay, in ms, before its turn is taken from it. */
const OVERSTAY_MS = 5_000;
/** The same while others wait for their turn. */
const CONTENDED_OVERSTAY_MS = 2_000;
/**
 * After a failed attempt the next turn begins so much later, in ms, and after each further one twice as much, up to the longest:
 * so ten take at least 90 s. Whose turn it is makes no difference, as a relay can be lied to about that, and lie itself.
 */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
/** A visitor that hangs up right behind its proof has not been judged yet. How long the next one waits for that, in ms. */
const JUDGING_MS = 2_000;
/** A proof is never the first frame of a visitor. */
const FRAMES_WITH_PROOF = 2;

export interface Room extends Door {
  readonly id: string;
  /** Seconds that the relay gives the room; undefined where the relay does not say (older ones). */
  readonly expiresInSeconds: number | undefined;
  /** Since when its connection is lost and made again; undefined while the relay holds it. */
  readonly awaySince: Date | undefined;
  /** Settles when the room is gone for good, without our doing. */
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
 * Makes a room as the sender, and gives `take` a link for each receiver that comes. If the connection is lost later, the room
 * is taken back, where the relay can do that.
 * @param ttlSeconds how long the room is wanted; the relay may give less.
 * @param signal rules the making alone.
 * @throws as `joinRoom`, but never `room-not-found`.
 */
export async function createRoom(
  relay: RelayAccess,
  ttlSeconds: number,
  take: LinkTaker,
  signal: AbortSignal,
  bounds = USUAL_BOUNDS,
): Promise<Room> {
  const life = new AbortController();
  const bound = bindSignal({ abort: (reason) => life.abort(reason) }, signal);
  try {
    const connection = await Connection.open(relay, life.signal);
    return await connection.ask({ type: "CREATE_ROOM", ttl_seconds: ttlSeconds, features: FEATURES }, (answer) => {
      if (answer.type !== "ROOM_CREATED") return undefined;
      const room = new SenderRoom({ relay, connection, created: answer, ttlSeconds, take, bounds, life });
      return { value: room, sink: room };
    });
  } finally {
    bound[Symbol.dispose]();
  }
}

/** What we would like of a relay: relay/README.md. */
const FEATURES = ["turns", "reclaim", "tags"];

type RoomCreated = Extract<Control, { type: "ROOM_CREATED" }>;
type PeerJoined = Extract<Control, { type: "PEER_JOINED" }>;

interface RoomParts {
  readonly relay: RelayAccess;
  readonly connection: Connection;
  readonly created: RoomCreated;
  readonly ttlSeconds: number;
  readonly take: LinkTaker;
  readonly bounds: FrameBounds;
  /** Aborted, it cuts whatever is being made or held. */
  readonly life: AbortController;
}

class SenderRoom implements Room, Sink {
  readonly id: string;
  readonly expiresInSeconds: number | undefined;
  readonly lost: Promise<SpreadError>;
  readonly #relay: RelayAccess;
  readonly #take: LinkTaker;
  readonly #bounds: FrameBounds;
  readonly #life: AbortController;
  /** What takes the room back; undefined where the relay has no such thing. */
  readonly #token: string | undefined;
  /** On the clock of `performance.now()`, in ms. */
  readonly #expiresAt: number;
  #connection: Connection;
  #turns = false;
  #tags = false;
  #looks: NodeJS.Timeout | undefined;
  #lose: (reason: SpreadError) => void = () => {};
  /** From PEER_JOINED to PEER_DISCONNECTED, whether its link is still open or not. */
  #visitor: { readonly link: RelayLink; readonly peerId: string } | undefined;
  /** Runs once we are done with a visitor, until it has gone. */
  #overstay: NodeJS.Timeout | undefined;
  /** Tags of failed attempts, as far as the relay gives tags. */
  readonly #failed: string[] = [];
  #failures = 0;
  /** When the next turn may begin, on the clock of `performance.now()`. */
  #notBefore = 0;
  /** The visitor before, if it may have failed an attempt that nobody has told us of yet. */
  #judged: RelayLink | undefined;
  /** Begins the next turn; set while that has to wait, for the time or for a verdict. */
  #next: (() => void) | undefined;
  #wait: NodeJS.Timeout | undefined;
  #awaySince: Date | undefined;
  #heldSince = 0;
  #longestWaitMs = FIRST_WAIT_MS;
  #closing = false;

  constructor({ relay, connection, created, ttlSeconds, take, bounds, life }: RoomParts) {
    this.id = created.room_id;
    this.expiresInSeconds = created.expires_in;
    this.#relay = relay;
    this.#take = take;
    this.#bounds = bounds;
    this.#life = life;
    this.#token = created.features?.includes("reclaim") ? created.reclaim_token : undefined;
    this.#expiresAt = performance.now() + (created.expires_in ?? ttlSeconds) * 1000;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    this.#connection = connection;
    this.#hold(connection, created);
  }

  get awaySince(): Date | undefined {
    return this.#awaySince;
  }

  frame(bytes: Uint8Array, text: boolean): void {
    const control = text ? parseControl(bytes) : undefined;
    // A visitor can forge both of these. But the first word of a visit is the relay's, and so is its id, which visitors are
    // not told: a second PEER_JOINED, or a PEER_DISCONNECTED of another id, is the visitor's own frame.
    if (control?.type === "PEER_JOINED" && !this.#visitor) this.#welcome(control);
    else if (control?.type === "PEER_DISCONNECTED" && control.peer_id === this.#visitor?.peerId) {
      this.#dismiss();
      if (this.#turns) this.#inTime(() => this.#connection.say({ type: "NEXT", ...this.#toldOfFailed() }));
    } else {
      this.#visitor?.link.deliver(bytes);
    }
  }

  closed(reason: SpreadError | undefined): void {
    clearInterval(this.#looks);
    this.#dismiss();
    if (this.#closing) return;
    const gone = reason ?? new SpreadError("link-lost", "the relay closed the room");
    if (this.#token !== undefined && reason?.code === "link-lost") void this.#takeBack(this.#token);
    else this.#lose(gone);
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#forgetNext();
    if (this.#awaySince === undefined) await this.#connection.close();
    this.#life.abort(new SpreadError("cancelled", "the room is closed"));
  }

  /** The relay holds the room, for this connection. */
  #hold(connection: Connection, created: RoomCreated): void {
    this.#connection = connection;
    this.#turns = created.features?.includes("turns") ?? false;
    this.#tags = created.features?.includes("tags") ?? false;
    this.#awaySince = undefined;
    this.#heldSince = performance.now();
    this.#looks = this.#keepLooking(connection);
  }

  /** A connection from an address that the machine does not have any more is dead, and one that it slept through may be. */
  #keepLooking(connection: Connection): NodeJS.Timeout {
    // Not all of a machine's addresses are listed: a bridge that nothing is plugged into is not, and can be talked over.
    const wasListed = isOurs(connection.localAddress);
    let looks = 0;
    let lookedAt = Date.now();
    return setInterval(() => {
      // While somebody is served the transfer's own limits judge the connection: a pong may be stuck behind megabytes.
      const idle = !this.#visitor?.link.open;
      const slept = Date.now() - lookedAt > 2 * LOOK_MS;
      lookedAt = Date.now();
      looks += 1;
      if (wasListed && !isOurs(connection.localAddress)) connection.terminate();
      else if (idle && slept) connection.demandLife(ANSWER_AWAKE_MS);
      else if (idle && looks % LOOKS_A_PROBE === 0) connection.demandLife(ANSWER_MS);
    }, LOOK_MS);
  }

  /** Until it has the room again, or knows that it never will. Never throws. */
  async #takeBack(token: string): Promise<void> {
    this.#awaySince = new Date();
    if (performance.now() - this.#heldSince > STEADY_MS) this.#longestWaitMs = FIRST_WAIT_MS;
    for (let forgotten = 0; forgotten < TIMES_FORGOTTEN; ) {
      const left = this.#expiresAt - performance.now();
      if (left <= 0) return this.#lose(new SpreadError("expired", "the relay's time for the room is over"));
      const waitMs = this.#longestWaitMs * (1 - Math.random() / 2);
      this.#longestWaitMs = Math.min(2 * this.#longestWaitMs, LONGEST_WAIT_MS);
      const pauseMs = this.#notBefore - performance.now();
      await delay(Math.min(Math.max(waitMs, pauseMs), left), undefined, { signal: this.#life.signal }).catch(() => {});
      if (this.#closing) return;
      try {
        if (await this.#ask(token)) return;
        // A relay that knows nothing of taking rooms back has made another one.
        forgotten += 1;
      } catch (error) {
        if (this.#closing) return;
        // Everything else may be over in a moment: the relay starts, the proxy before it says so, the network changes.
        if (toSpreadError(error).code === "room-not-found") forgotten += 1;
      }
    }
    this.#lose(new SpreadError("room-not-found", "the relay has forgotten the room"));
  }

  /** @returns whether it was this room that the relay gave. */
  async #ask(token: string): Promise<boolean> {
    const connection = await Connection.open(this.#relay, this.#life.signal);
    const question = {
      type: "CREATE_ROOM",
      room_id: this.id,
      reclaim_token: token,
      features: FEATURES,
      ...this.#toldOfFailed(),
    };
    const back = await connection.ask(question, (answer) => {
      if (answer.type !== "ROOM_CREATED") return undefined;
      if (answer.room_id !== this.id) return { value: false, sink: NOBODY };
      // Now, since receivers may come in the same packet.
      this.#hold(connection, answer);
      return { value: true, sink: this };
    });
    if (!back || this.#closing) await connection.close();
    return back;
  }

  #welcome({ peer_id: peerId, tag, waiting = 0 }: PeerJoined): void {
    const link: RelayLink = new RelayLink(this.#connection, "shared", this.#bounds, {
      tag,
      contended: waiting > 0,
      left: () => this.#seeOff(link),
      failed: () => this.#slowDown(tag),
    });
    this.#visitor = { link, peerId };
    // A relay without turns does not ask us when it may come.
    this.#inTime(() => this.#take(link));
  }

  /** We are done with a visitor, who is to go. Taking the room back takes the turn from one that stays. */
  #seeOff(link: RelayLink): void {
    if (this.#judged === link) {
      this.#judged = undefined;
      this.#goOn();
    }
    if (this.#token === undefined || this.#visitor?.link !== link || this.#closing) return;
    const ms = link.contended ? CONTENDED_OVERSTAY_MS : OVERSTAY_MS;
    this.#overstay ??= setTimeout(() => this.#connection.terminate(), ms);
  }

  #slowDown(tag: string | undefined): void {
    if (tag !== undefined) this.#failed.push(tag);
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures += 1;
    this.#notBefore = performance.now() + pauseMs;
  }

  /** For a relay that lets whoever has failed wait behind all others. */
  #toldOfFailed(): { failed?: readonly string[] } {
    return this.#tags && this.#failed.length > 0 ? { failed: this.#failed } : {};
  }

  /** Lets the next turn begin: now, or when it is known that the last visitor failed no attempt, or when it has cost its time. */
  #inTime(begin: () => void): void {
    if (this.#closing) return;
    this.#next = begin;
    if (this.#judged) {
      this.#wait = setTimeout(() => {
        this.#judged = undefined;
        this.#goOn();
      }, JUDGING_MS);
    } else this.#goOn();
  }

  #goOn(): void {
    clearTimeout(this.#wait);
    const leftMs = this.#notBefore - performance.now();
    if (leftMs > 0 && this.#next) {
      this.#wait = setTimeout(() => this.#goOn(), leftMs);
      return;
    }
    const begin = this.#next;
    this.#next = undefined;
    begin?.();
  }

  #forgetNext(): void {
    clearTimeout(this.#wait);
    this.#next = undefined;
  }

  /** A visitor's link is over before the next one begins, so that no frame of the old one can reach the new one. */
  #dismiss(): void {
    clearTimeout(this.#overstay);
    this.#overstay = undefined;
    const visitor = this.#visitor;
    this.#visitor = undefined;
    const taken = this.#next === undefined;
    this.#forgetNext();
    this.#judged = taken && visitor?.link.mayHoldProof ? visitor.link : undefined;
    visitor?.link.end(new SpreadError("link-lost", "the receiver has left the room"));
  }
}

/** Whether an address is one of this machine's; also where that cannot be told. */
function isOurs(address: string | undefined): boolean {
  if (address === undefined) return true;
  try {
    const all = Object.values(networkInterfaces()).flatMap((list) => list?.map((it) => it.address) ?? []);
    // Without what a socket adds: the prefix of IPv4 in IPv6, and the zone of a link-local address.
    return all.length === 0 || all.includes(address.replace(/^::ffff:|%.*$/g, ""));
  } catch {
    return true;
  }
}

/** For a connection that is not wanted after all. */
const NOBODY: Sink = { frame: () => {}, closed: () => {} };

/** What a sender's room gives a link, and is told by it. */
interface Visit {
  /** The relay's name for the visitor's network. */
  readonly tag: string | undefined;
  readonly contended: boolean;
  /** Told when this end is done with the link. */
  readonly left: () => void;
  readonly failed: () => void;
}

class RelayLink implements Link {
  readonly address: string | undefined;
  readonly contended: boolean;
  readonly #mailbox: Mailbox;
  readonly #connection: Connection;
  /** A shared connection belongs to the room, and outlives this link. */
  readonly #ownership: "own" | "shared";
  readonly #bounds: FrameBounds;
  readonly #visit: Visit | undefined;
  #left = false;
  #heardFrames = 0;
  readonly #sending = new Set<(reason: SpreadError) => void>();
  #gone: SpreadError | undefined;

  constructor(connection: Connection, ownership: "own" | "shared", bounds: FrameBounds, visit?: Visit) {
    this.#connection = connection;
    this.#visit = visit;
    this.address = visit?.tag && `relay ${visit.tag}`;
    this.contended = visit?.contended ?? false;
    this.#ownership = ownership;
    this.#bounds = bounds;
    this.#mailbox = new Mailbox(connection);
  }

  get open(): boolean {
    return this.#gone === undefined;
  }

  /** Whether what it has said, and this end is not done with, may be a wrong proof. */
  get mayHoldProof(): boolean {
    return !this.#left && this.#heardFrames >= FRAMES_WITH_PROOF;
  }

  attemptFailed(): void {
    this.#visit?.failed();
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
    this.#heardFrames += 1;
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
    this.#left = true;
    this.#visit?.left();
  }

  #fail(reason: SpreadError): void {
    this.#gone ??= reason;
    for (const failed of this.#sending) failed(reason);
    this.#sending.clear();
  }
}
