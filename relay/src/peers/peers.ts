/**
 * Everybody who is connected at the room and pair doors, and what was forwarded there. Each peer counts for itself, and it
 * is added up when somebody asks: so a frame costs two additions, whether or not anybody does.
 */
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Settings } from "../config/settings.ts";
import { PEER_DOORS, type PeerDoor } from "../doors.ts";
import { type HeldPlace, Pool } from "../limits/limits.ts";
import type { Emit } from "../observe/events.ts";
import type { Traffic } from "../observe/metrics.ts";
import type { GoneReason } from "../wire.ts";
import { Peer, type Pools } from "./peer.ts";

/** A connection that was let in at the room or pair door, as `Peers` takes it. */
interface Connected {
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly door: PeerDoor;
  /** What it holds of its address's connections. Released when it is closed. */
  readonly place: HeldPlace;
}

export class Peers {
  readonly #settings: Settings;
  readonly #emit: Emit;
  readonly #pools: Pools;
  readonly #connected = new Map<Peer, Connected>();
  /** What peers that are gone were forwarded. */
  readonly #past = { frames: byDoor(() => 0), bytes: byDoor(() => 0) };
  #onEmpty: (() => void) | undefined;

  constructor(settings: Settings, emit: Emit) {
    this.#settings = settings;
    this.#emit = emit;
    this.#pools = {
      unfinished: new Pool(settings.maxMessageBytes, (peer) => peer.terminate("too-big")),
      untaken: new Pool(settings.maxMessageBytes, (peer) => peer.terminate("stalled")),
    };
  }

  get size(): number {
    return this.#connected.size;
  }

  open(connected: Connected): Peer {
    const { ws, socket } = connected;
    const peer = new Peer({
      ws,
      socket,
      settings: this.#settings,
      pools: this.#pools,
      onClosed: this.#onClosed,
    });
    this.#connected.set(peer, connected);
    return peer;
  }

  /** Whether any of them has not taken everything yet. */
  get owed(): boolean {
    return [...this.#connected.keys()].some((peer) => peer.owed);
  }

  terminateAll(why: GoneReason): void {
    for (const peer of this.#connected.keys()) peer.terminate(why);
  }

  /** Calls back once, as soon as there is nobody left. */
  whenEmpty(then: () => void): void {
    if (this.size === 0) then();
    else this.#onEmpty = then;
  }

  traffic(): Record<PeerDoor, Traffic> {
    const { frames, bytes } = this.#past;
    const traffic = byDoor((door) => ({
      connections: 0,
      bufferedBytes: 0,
      forwardedFrames: frames[door],
      forwardedBytes: bytes[door],
    }));
    for (const [{ outbox }, { door }] of this.#connected) {
      const sum = traffic[door];
      sum.connections++;
      sum.bufferedBytes += outbox.bufferedBytes;
      sum.forwardedFrames += outbox.forwardedFrames;
      sum.forwardedBytes += outbox.forwardedBytes;
    }
    return traffic;
  }

  /** A field, not a method: one function for all peers. */
  readonly #onClosed = (peer: Peer, why: GoneReason): void => {
    const connected = this.#connected.get(peer);
    if (!connected) return;
    const { door, place } = connected;
    this.#connected.delete(peer);
    place.release();
    this.#past.frames[door] += peer.outbox.forwardedFrames;
    this.#past.bytes[door] += peer.outbox.forwardedBytes;
    this.#emit({ event: "closed", door, why });
    if (this.size === 0) this.#onEmpty?.();
  };
}

function byDoor<T>(value: (door: PeerDoor) => T): Record<PeerDoor, T> {
  return Object.fromEntries(PEER_DOORS.map((door) => [door, value(door)])) as Record<PeerDoor, T>;
}
