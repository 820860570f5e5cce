/** All rooms of this relay: the only map of them, their ids, how many there may be, and why they ended. */
import { randomInt } from "node:crypto";
import type { Settings } from "../config/settings.ts";
import { NetworkLimiter } from "../limits/limits.ts";
import { Places } from "../limits/places.ts";
import type { Emit } from "../observe/events.ts";
import type { Peer } from "../peers/peer.ts";
import type { GoneReason, RefusalReason } from "../wire.ts";
import type { Claim } from "./reclaim.ts";
import { Room, type RoomEnd, type RoomOptions } from "./room.ts";

/** Without 0 o 1 l i, which are mistaken for each other when they are read aloud or copied by hand. */
const ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
const ID_LENGTH = 6;

/** How a room ends for good: its token does not make it again. Otherwise its sender was lost, and may come back late. */
const FOR_GOOD: ReadonlySet<GoneReason> = new Set<GoneReason>(["done", "expired", "used-up", "displaced"]);
/** How many of these are remembered, about 150 bytes each. Beyond, the one that ended first can be made again, as any room can. */
const MAX_ENDED = 50_000;

export class Rooms {
  readonly #rooms = new Map<string, Room>();
  readonly #ended = new Map<GoneReason, number>();
  /** Rooms that ended for good, whose tokens are still of an age to be shown: until when, in ms since 1970. */
  readonly #endedUntil = new Map<string, number>();
  /** Of rooms, and of those that have ended while their peers are not all closed. */
  readonly #places: Places<Room>;
  /** Of rooms that wait for their senders: such a one costs nobody a connection. */
  readonly #kept: NetworkLimiter;
  readonly #settings: Settings;
  readonly #emit: Emit;

  constructor(settings: Settings, emit: Emit) {
    this.#settings = settings;
    this.#kept = new NetworkLimiter(settings.maxKeptPerAddress);
    this.#places = new Places(settings.maxRooms);
    this.#emit = emit;
  }

  get size(): number {
    return this.#rooms.size;
  }

  /** Receivers that wait for their turns, in all rooms. */
  get waiting(): number {
    let waiting = 0;
    for (const room of this.#rooms.values()) waiting += room.waiting;
    return waiting;
  }

  /** How many rooms ended for which reason since the start. */
  get ended(): ReadonlyMap<GoneReason, number> {
    return this.#ended;
  }

  /** Undefined when there are too many already, of this caller or in all. */
  create(sender: Peer, options: RoomOptions): Room | undefined {
    return this.#make(this.#freeId(), sender, options);
  }

  /** Whether the id of this token is in use, by its own room or by a later one. */
  has({ room: id }: Claim): boolean {
    return this.#rooms.has(id);
  }

  /** Whether the sender of this token has had its room back within so many ms. */
  wasTakenBackWithin(ms: number, { room: id, createdMs }: Claim): boolean {
    const room = this.#rooms.get(id);
    return room?.createdMs === createdMs && performance.now() - room.takenBackAt < ms;
  }

  /** Whether the room of this token has ended for good. */
  hasEnded({ room: id, createdMs }: Claim): boolean {
    return (this.#endedUntil.get(nameOf(id, createdMs)) ?? 0) > Date.now();
  }

  /**
   * Gives a room back to the sender that has shown whose it is: the room that has waited for it, or the same one made again by
   * a relay that does not know it. The caller answers the sender, and then has the turns go on (`resumeTurns`).
   */
  takeBack(sender: Peer, { room: id, createdMs }: Claim, options: RoomOptions): Room | RefusalReason {
    const room = this.#rooms.get(id);
    if (!room) return this.#make(id, sender, options) ?? "too_many_rooms";
    // A relay that was restarted may have given the id to somebody else.
    if (room.createdMs !== createdMs || !room.open) return "room_not_found";
    if (!room.takeBack(sender, options)) return "room_held";
    this.#places.move(room, options.address);
    return room;
  }

  #make(id: string, sender: Peer, options: RoomOptions): Room | undefined {
    const { address } = options;
    if (!this.#places.allows(address)) return undefined;
    if (this.#places.full && !this.#places.cutRemains(address)) {
      const displaced = this.#places.toDisplace(address, (other) => other.deserted);
      if (!displaced) return undefined;
      displaced.end("displaced");
    }
    const room = new Room(id, sender, options, this.#settings, this.#kept, this.#emit, this.#gone);
    this.#rooms.set(room.id, room);
    this.#places.take(room, address);
    return room;
  }

  /** The room, if it still takes receivers. One whose time is over keeps its id until its last transfer has ended. */
  find(id: string): Room | undefined {
    const room = this.#rooms.get(id);
    return room?.open ? room : undefined;
  }

  /** Those in which nobody is served. */
  endIdle(why: GoneReason): void {
    for (const room of this.#rooms.values()) if (!room.serving) room.end(why);
  }

  endAll(why: GoneReason): void {
    for (const room of this.#rooms.values()) room.end(why);
  }

  /** A field, not a method: one function for all rooms. */
  readonly #gone = (room: Room, { why, senderKnows, remains }: RoomEnd): void => {
    const { id } = room;
    this.#rooms.delete(id);
    this.#places.end(room, remains);
    if (FOR_GOOD.has(why) && senderKnows && room.reclaimable) this.#rememberEnd(room);
    this.#ended.set(why, (this.#ended.get(why) ?? 0) + 1);
    this.#emit({ event: "room-ended", why, room: id });
  };

  #rememberEnd({ id, createdMs, expiresMs }: Room): void {
    this.#endedUntil.set(nameOf(id, createdMs), expiresMs);
    if (this.#endedUntil.size <= MAX_ENDED) return;
    const now = Date.now();
    for (const [name, until] of this.#endedUntil) if (until <= now) this.#endedUntil.delete(name);
    for (const oldest of this.#endedUntil.keys()) {
      if (this.#endedUntil.size <= MAX_ENDED) break;
      this.#endedUntil.delete(oldest);
    }
  }

  #freeId(): string {
    for (;;) {
      const id = Array.from({ length: ID_LENGTH }, () => ID_ALPHABET[randomInt(ID_ALPHABET.length)]).join("");
      if (!this.#rooms.has(id)) return id;
    }
  }
}

/** An id is given again, but not at the same time. */
function nameOf(id: string, createdMs: number): string {
  return `${id} ${createdMs}`;
}
