/** The room door as the relay sees it: the lobby, where a connection asks for something, and all rooms. */
import type { Entrance } from "../doors.ts";
import type { GoneReason } from "../wire.ts";
import { Lobby, type LobbyParts, type Newcomer } from "./lobby.ts";
import { Rooms } from "./rooms.ts";

export class RoomDoor implements Entrance<Newcomer> {
  readonly #rooms: Rooms;
  readonly #lobby: Lobby;

  constructor(parts: Omit<LobbyParts, "rooms">) {
    this.#rooms = new Rooms(parts.settings, parts.emit);
    this.#lobby = new Lobby({ ...parts, rooms: this.#rooms });
  }

  get size(): number {
    return this.#rooms.size;
  }

  /** Receivers that are waiting for their turns, in all rooms. */
  get waiting(): number {
    return this.#rooms.waiting;
  }

  /** How many rooms ended for which reason since the start. */
  get ended(): ReadonlyMap<GoneReason, number> {
    return this.#rooms.ended;
  }

  enter(newcomer: Newcomer): void {
    this.#lobby.enter(newcomer);
  }

  drain(): boolean {
    this.#lobby.dismissAll("restart");
    this.#rooms.endIdle("restart");
    return this.size > 0;
  }

  end(): void {
    this.#rooms.endAll("restart");
    this.#lobby.dismissAll("restart");
  }
}
