/** All rooms of this relay: the only map of them, their ids, how many there may be, and why they ended. */
import { randomInt } from "node:crypto";
import type { Watch } from "./events.ts";
import { AddressLimiter } from "./limits.ts";
import type { Peer } from "./peer.ts";
import type { Claim } from "./reclaim.ts";
import { Room, type RoomOptions } from "./room.ts";
import type { Settings } from "./settings.ts";
import type { GoneReason, RefusedReason } from "./wire.ts";

/** Without 0 o 1 l i, which are mistaken for each other when they are read aloud or copied by hand. */
const ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
const ID_LENGTH = 6;

/** Of rooms that let through all that one may, so many are remembered, so that a token does not begin them again. */
const MAX_USED_UP = 10_000;

export class Rooms {
  readonly #rooms = new Map<string, Room>();
  readonly #ended = new Map<GoneReason, number>();
  /** Rooms that ended, whose peers are not all closed yet: what is still there for them takes as much memory as before. */
  #lingering = 0;
  readonly #usedUp = new Set<string>();
  /** Of rooms that wait for their senders: such a one costs nobody a connection. */
  readonly #kept: AddressLimiter;
  readonly #settings: Settings;
  readonly #watch: Watch;

  constructor(settings: Settings, watch: Watch) {
    this.#settings = settings;
    this.#kept = new AddressLimiter(settings.maxKeptPerAddress);
    this.#watch = watch;
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

  /** Undefined when there are too many already. */
  create(sender: Peer, options: RoomOptions): Room | undefined {
    return this.#make(this.#freeId(), sender, options);
  }

  /**
   * Gives a room back to the sender that has shown whose it is: the room that has waited for it, or the same one made again by
   * a relay that does not know it. What the sender is told comes before `goOn`.
   */
  takeBack(sender: Peer, { room: id, createdMs }: Claim, options: RoomOptions): Room | RefusedReason {
    const room = this.#rooms.get(id);
    if (!room && this.#usedUp.has(nameOf(id, createdMs))) return "room_not_found";
    if (!room) return this.#make(id, sender, options) ?? "too_many_rooms";
    // A relay that was restarted may have given the id to somebody else.
    if (room.createdMs !== createdMs || !room.open) return "room_not_found";
    return room.takeBack(sender, options) ? room : "room_held";
  }

  #make(id: string, sender: Peer, options: RoomOptions): Room | undefined {
    if (this.#rooms.size + this.#lingering >= this.#settings.maxRooms) return undefined;
    const room = new Room(id, sender, options, this.#settings, this.#kept, this.#watch, this.#gone);
    this.#rooms.set(room.id, room);
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
  readonly #gone = ({ id, createdMs }: Room, why: GoneReason, allClosed: Promise<unknown>): void => {
    this.#rooms.delete(id);
    if (why === "used-up") this.#rememberUsedUp(nameOf(id, createdMs));
    this.#ended.set(why, (this.#ended.get(why) ?? 0) + 1);
    this.#watch({ event: "room-ended", why, room: id });
    this.#lingering++;
    void allClosed.then(() => this.#lingering--);
  };

  #rememberUsedUp(name: string): void {
    this.#usedUp.add(name);
    for (const oldest of this.#usedUp) {
      if (this.#usedUp.size <= MAX_USED_UP) break;
      this.#usedUp.delete(oldest);
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
