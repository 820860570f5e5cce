/**
 * A sender's room on a relay: one connection that holds it, and a link for each visitor, one after another. If the
 * connection is lost the room is reclaimed, as long as the relay can do that and the room's time is not over.
 */
import { setTimeout as delay } from "node:timers/promises";
import { SpreadError, toSpreadError } from "../errors.ts";
import { checkRegularly } from "./connection-check.ts";
import type { FrameBounds, LinkSource, LinkTaker } from "./link.ts";
import { Connection, type ConnectionSink, type Control, parseControl, type RelayAccess } from "./relay-connection.ts";
import { RelayLink } from "./relay-link.ts";
import { TurnPacer } from "./turns.ts";

/** Optional abilities that we ask a relay for: relay/README.md. */
export const FEATURES = ["turns", "reclaim", "tags"];

/** The first wait before a lost room is reclaimed, in ms; it doubles up to the longest. Each is shortened by up to half. */
const FIRST_WAIT_MS = 200;
/** Short enough to be back within seconds of the network's return. */
const LONGEST_WAIT_MS = 5_000;
/** How often a relay must say that it does not know the room before we believe it: a question may be altered on the way. */
const TIMES_FORGOTTEN = 2;
/** A connection that held this long was a good one, in ms: the waits begin again with the first. */
const STEADY_MS = 10_000;
/** How long a visitor that we are done with may stay, in ms, before its turn is taken from it. */
const OVERSTAY_MS = 5_000;
/** The same while others wait for their turn. */
const CONTENDED_OVERSTAY_MS = 2_000;

export interface RelayRoom extends LinkSource {
  readonly id: string;
  /** Seconds that the relay gives the room; undefined if the relay does not say (older ones). */
  readonly expiresInSeconds: number | undefined;
  /** Since when the connection is lost and being made again; undefined while the relay holds the room. */
  readonly awaySince: Date | undefined;
  /** Settles when the room is gone for good, and not because we closed it. */
  readonly lost: Promise<SpreadError>;
}

type RoomCreated = Extract<Control, { type: "ROOM_CREATED" }>;
type PeerJoined = Extract<Control, { type: "PEER_JOINED" }>;

interface RoomParts {
  readonly relay: RelayAccess;
  readonly connection: Connection;
  readonly created: RoomCreated;
  readonly ttlSeconds: number;
  readonly take: LinkTaker;
  readonly bounds: FrameBounds;
  /** Aborted, it cuts every connection of the room, open or being opened. */
  readonly life: AbortController;
}

export class SenderRoom implements RelayRoom, ConnectionSink {
  readonly id: string;
  readonly expiresInSeconds: number | undefined;
  readonly lost: Promise<SpreadError>;
  readonly #relay: RelayAccess;
  readonly #take: LinkTaker;
  readonly #bounds: FrameBounds;
  readonly #life: AbortController;
  /** What the room is reclaimed with; undefined if the relay cannot do that. */
  readonly #token: string | undefined;
  /** By `performance.now()`. */
  readonly #expiresAt: number;
  readonly #pacer = new TurnPacer();
  #connection: Connection;
  #turns = false;
  #tags = false;
  #checks: NodeJS.Timeout | undefined;
  #lose: (reason: SpreadError) => void = () => {};
  /** From PEER_JOINED to PEER_DISCONNECTED, whether its link is still open or not. */
  #visitor: { readonly link: RelayLink; readonly peerId: string } | undefined;
  /** Runs once we are done with a visitor, until it has gone. */
  #overstay: NodeJS.Timeout | undefined;
  #awaySince: Date | undefined;
  #heldSince = 0;
  #nextWaitMs = FIRST_WAIT_MS;
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

  onFrame(bytes: Uint8Array, text: boolean): void {
    const control = text ? parseControl(bytes) : undefined;
    // A visitor can forge both of these messages. But the first frame of a visit is the relay's, and visitors are not told
    // their id: a second PEER_JOINED, or a PEER_DISCONNECTED with another id, is the visitor's own frame.
    if (control?.type === "PEER_JOINED" && !this.#visitor) this.#welcome(control);
    else if (control?.type === "PEER_DISCONNECTED" && control.peer_id === this.#visitor?.peerId) {
      this.#dismiss();
      if (this.#turns) this.#schedule(() => this.#connection.sendControl({ type: "NEXT", ...this.#failedTags() }));
    } else {
      this.#visitor?.link.deliver(bytes);
    }
  }

  onGone(reason: SpreadError | undefined): void {
    clearInterval(this.#checks);
    this.#dismiss();
    if (this.#closing) return;
    if (this.#token !== undefined && reason?.code === "link-lost") void this.#reclaim(this.#token);
    else this.#lose(reason ?? new SpreadError("link-lost", "the relay closed the room"));
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#pacer.cancel();
    if (this.#awaySince === undefined) await this.#connection.close();
    this.#life.abort(new SpreadError("cancelled", "the room is closed"));
  }

  /** The relay holds the room for this connection. */
  #hold(connection: Connection, created: RoomCreated): void {
    this.#connection = connection;
    this.#turns = created.features?.includes("turns") ?? false;
    this.#tags = created.features?.includes("tags") ?? false;
    this.#awaySince = undefined;
    this.#heldSince = performance.now();
    this.#checks = checkRegularly(connection, () => !this.#visitor?.link.open);
  }

  /** Tries until the room is ours again or gone for good. Never throws. */
  async #reclaim(token: string): Promise<void> {
    this.#awaySince = new Date();
    if (performance.now() - this.#heldSince > STEADY_MS) this.#nextWaitMs = FIRST_WAIT_MS;
    for (let forgotten = 0; forgotten < TIMES_FORGOTTEN; ) {
      const leftMs = this.#expiresAt - performance.now();
      if (leftMs <= 0) return this.#lose(new SpreadError("expired", "the relay's time for the room is over"));
      await delay(Math.min(this.#waitMs(), leftMs), undefined, { signal: this.#life.signal }).catch(() => {});
      if (this.#closing) return;
      const outcome = await this.#tryReclaim(token);
      if (outcome === "held" || this.#closing) return;
      if (outcome === "forgotten") forgotten += 1;
    }
    this.#lose(new SpreadError("room-not-found", "the relay has forgotten the room"));
  }

  /** How long to wait before the next try, in ms. */
  #waitMs(): number {
    const waitMs = this.#nextWaitMs * (1 - Math.random() / 2);
    this.#nextWaitMs = Math.min(2 * this.#nextWaitMs, LONGEST_WAIT_MS);
    return Math.max(waitMs, this.#pacer.pauseMs);
  }

  async #tryReclaim(token: string): Promise<"held" | "forgotten" | "failed"> {
    try {
      // A relay that cannot reclaim rooms has made another one instead.
      return (await this.#askForRoom(token)) ? "held" : "forgotten";
    } catch (error) {
      // Any other failure may pass in a moment: the relay restarts, a proxy is in the way, the network changes.
      return toSpreadError(error).code === "room-not-found" ? "forgotten" : "failed";
    }
  }

  /** @returns whether the relay gave us this very room. */
  async #askForRoom(token: string): Promise<boolean> {
    const connection = await Connection.open(this.#relay, this.#life.signal);
    const question = {
      type: "CREATE_ROOM",
      room_id: this.id,
      reclaim_token: token,
      features: FEATURES,
      ...this.#failedTags(),
    };
    const back = await connection.ask(question, (answer) => {
      if (answer.type !== "ROOM_CREATED") return undefined;
      if (answer.room_id !== this.id) return { value: false, sink: IGNORE };
      // At once, since receivers may come in the same packet.
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
      onDone: () => this.#seeOff(link),
      onAttemptFailed: () => this.#pacer.attemptFailed(tag),
    });
    this.#visitor = { link, peerId };
    // A relay without turns does not ask us when the visitor may come, so it waits here.
    this.#schedule(() => this.#take(link));
  }

  /** We are done with a visitor, which now has to go. One that stays loses its turn when the room is reclaimed. */
  #seeOff(link: RelayLink): void {
    this.#pacer.settled(link);
    if (this.#token === undefined || this.#visitor?.link !== link || this.#closing) return;
    const ms = link.contended ? CONTENDED_OVERSTAY_MS : OVERSTAY_MS;
    this.#overstay ??= setTimeout(() => this.#connection.terminate(), ms);
  }

  /** Who has failed, for a relay that puts them behind all others in its queue. */
  #failedTags(): { failed?: readonly string[] } {
    const { failedTags } = this.#pacer;
    return this.#tags && failedTags.length > 0 ? { failed: failedTags } : {};
  }

  #schedule(turn: () => void): void {
    if (!this.#closing) this.#pacer.schedule(turn);
  }

  /** Ends a visitor's link before the next one begins, so that no frame of the old one can reach the new one. */
  #dismiss(): void {
    clearTimeout(this.#overstay);
    this.#overstay = undefined;
    const visitor = this.#visitor;
    this.#visitor = undefined;
    this.#pacer.visitEnded(visitor?.link);
    visitor?.link.end(new SpreadError("link-lost", "the receiver has left the room"));
  }
}

/** For a connection that turns out not to be wanted. */
const IGNORE: ConnectionSink = { onFrame: () => {}, onGone: () => {} };
