/**
 * Where a connection is between its upgrade and its first request: it asks for a room of its own or for a place in
 * another's, or it is turned away. Nobody stays here longer than `firstMessageMs`.
 */
import type { Socket } from "node:net";
import type { Settings } from "../config/settings.ts";
import { NetworkRateLimiter, type SilentSockets } from "../limits/limits.ts";
import type { Emit } from "../observe/events.ts";
import type { Peer, PeerOwner } from "../peers/peer.ts";
import { confirm, type Feature, type GoneReason, parseRequest, type RefusalReason, type Request } from "../wire.ts";
import { type Claim, Claims } from "./reclaim.ts";
import type { RoomOptions } from "./room.ts";
import type { Rooms } from "./rooms.ts";

type CreateRoom = Extract<Request, { type: "CREATE_ROOM" }>;
type JoinRoom = Extract<Request, { type: "JOIN_ROOM" }>;

/** What a sender may ask for. */
const OF_SENDERS = ["turns", "reclaim", "tags"] as const;

/** A room that is taken back again within so many ms counts as a request: its sender comes and goes. */
const AGAIN_MS = 10_000;

function abilitiesIn(features: readonly Feature[] = []): Pick<RoomOptions, "turns" | "reclaim" | "tags"> {
  return {
    turns: features.includes("turns"),
    reclaim: features.includes("reclaim"),
    tags: features.includes("tags"),
  };
}

/** A connection that has not asked for anything yet. */
export interface Newcomer {
  readonly peer: Peer;
  readonly socket: Socket;
  /** Whom the limits count. */
  readonly address: string;
}

interface Visit extends Newcomer {
  readonly timer: NodeJS.Timeout;
}

export interface LobbyParts {
  readonly rooms: Rooms;
  /** A clock that does not jump, in ms. */
  readonly now: () => number;
  readonly silent: SilentSockets;
  readonly settings: Settings;
  readonly emit: Emit;
}

export class Lobby implements PeerOwner {
  readonly takesBareClose = false;
  readonly #rooms: Rooms;
  readonly #claims: Claims;
  readonly #limiter: NetworkRateLimiter;
  /** Of joins of no room, besides: room ids are not to be tried out. */
  readonly #misses: NetworkRateLimiter;
  readonly #silent: SilentSockets;
  readonly #settings: Settings;
  readonly #emit: Emit;
  readonly #visits = new Map<Peer, Visit>();

  constructor({ rooms, now, silent, settings, emit }: LobbyParts) {
    const { rateLimitMax, maxFailedJoins, rateLimitWindowMs } = settings;
    this.#rooms = rooms;
    this.#claims = new Claims(settings.secret);
    this.#limiter = new NetworkRateLimiter(rateLimitMax, rateLimitWindowMs, now);
    this.#misses = new NetworkRateLimiter(maxFailedJoins, rateLimitWindowMs, now);
    this.#silent = silent;
    this.#settings = settings;
    this.#emit = emit;
  }

  enter({ peer, socket, address }: Newcomer): void {
    const { firstMessageMs, maxRequestBytes } = this.#settings;
    const timer = setTimeout(() => this.#dismiss(peer, "no-request"), firstMessageMs);
    this.#visits.set(peer, { peer, socket, address, timer });
    peer.owner = this;
    peer.maxMessageBytes = maxRequestBytes;
  }

  onFrame(peer: Peer, frame: Buffer, binary: boolean): void {
    const visit = this.#visits.get(peer);
    if (!visit) return;
    const request = frame.length > this.#settings.maxRequestBytes ? undefined : parseRequest(frame, binary);
    const refused = request ? this.#serve(peer, request, visit.address) : "invalid_request";
    if (refused) this.#refuse(peer, refused);
    else this.#end(peer);
  }

  /** A stranger's message is refused half-way. */
  onOversized(peer: Peer): void {
    this.#refuse(peer, "invalid_request");
  }

  onGone(peer: Peer): void {
    this.#end(peer);
  }

  dismissAll(why: GoneReason): void {
    for (const peer of this.#visits.keys()) this.#dismiss(peer, why);
  }

  /**
   * A sender always counts against its address, but for one that takes back a room that is there and has not just done so; a
   * receiver only when it is refused: so guessing ends, and so does coming again and again to a room that has no place for it.
   */
  #serve(peer: Peer, request: Request, address: string): RefusalReason | undefined {
    const claim = request.type === "CREATE_ROOM" ? this.#claimIn(request) : undefined;
    if (request.type === "CREATE_ROOM" && claim) return this.#takeBack(peer, request, claim, address);
    if (!this.#limiter.allows(address)) return "rate_limited";
    const refused =
      request.type === "CREATE_ROOM" ? this.#create(peer, request, address) : this.#join(peer, request, address);
    if (refused === "room_not_found") this.#misses.count(address);
    if ((refused && refused !== "rate_limited") || request.type === "CREATE_ROOM") this.#limiter.count(address);
    return refused;
  }

  #create(peer: Peer, request: CreateRoom, address: string): RefusalReason | undefined {
    // With a wrong token: what it would take back is not there for it.
    if (request.reclaim_token !== undefined) return "room_not_found";
    const features = confirm(request.features, OF_SENDERS);
    const ttlMs = Math.min((request.ttl_seconds ?? Number.POSITIVE_INFINITY) * 1000, this.#settings.roomTtlMs);
    const options = { address, createdMs: Date.now(), ttlMs, ...abilitiesIn(features), failed: [] };
    const room = this.#rooms.create(peer, options);
    if (!room) return "too_many_rooms";
    // Clients of old get the answer of old, to the byte.
    const lifetime = features || request.ttl_seconds ? { expires_in: Math.floor(ttlMs / 1000) } : {};
    const { id: room_id, createdMs } = room;
    const token = features?.includes("reclaim") && this.#claims.token({ room: room_id, createdMs, ttlMs });
    peer.sendControl({
      type: "ROOM_CREATED",
      room_id,
      ...lifetime,
      ...(features && { features }),
      ...(token && { reclaim_token: token }),
    });
    return undefined;
  }

  #claimIn({ room_id, reclaim_token }: CreateRoom): Claim | undefined {
    if (room_id === undefined || reclaim_token === undefined) return undefined;
    return this.#claims.claimIn(reclaim_token, room_id);
  }

  #takeBack(peer: Peer, request: CreateRoom, claim: Claim, address: string): RefusalReason | undefined {
    const features = confirm(request.features, OF_SENDERS);
    const leftMs = this.#leftOf(claim);
    if (leftMs <= 0 || this.#rooms.hasEnded(claim)) return "room_not_found";
    // Where there is none it makes one, as any CREATE_ROOM does.
    const counts = !this.#rooms.has(claim) || this.#rooms.wasTakenBackWithin(AGAIN_MS, claim);
    if (counts && !this.#limiter.allows(address)) return "rate_limited";
    const room = this.#rooms.takeBack(peer, claim, {
      address,
      createdMs: claim.createdMs,
      ttlMs: leftMs,
      ...abilitiesIn(features),
      failed: request.failed ?? [],
    });
    // Its old connection is asked for a sign of life, and it asks again.
    if (counts && room !== "room_held") this.#limiter.count(address);
    if (typeof room === "string") return room;
    peer.sendControl({
      type: "ROOM_CREATED",
      room_id: claim.room,
      expires_in: Math.floor(leftMs / 1000),
      ...(features && { features }),
      reclaim_token: this.#claims.token(claim),
    });
    room.resumeTurns();
    return undefined;
  }

  /** What is left of a room's lifetime: a room that is there knows, whatever the clock says by now. */
  #leftOf({ room: id, createdMs, ttlMs }: Claim): number {
    const room = this.#rooms.find(id);
    if (room?.createdMs === createdMs) return room.leftMs;
    // However the clocks were set in between, it gets no more than it had.
    return Math.min(createdMs + ttlMs - Date.now(), ttlMs, this.#settings.roomTtlMs);
  }

  #join(peer: Peer, request: JoinRoom, address: string): RefusalReason | undefined {
    if (!this.#misses.allows(address)) return "rate_limited";
    const room = this.#rooms.find(request.room_id);
    if (!room) return "room_not_found";
    const refused = room.refusal(address);
    if (refused) return refused;
    const features = confirm(request.features, []);
    peer.sendControl({ type: "ROOM_JOINED", room_id: room.id, ...(features && { features }) });
    room.join(peer, address);
    return undefined;
  }

  #refuse(peer: Peer, reason: RefusalReason): void {
    const visit = this.#visits.get(peer);
    if (!visit) return;
    this.#emit({ event: "refused", why: reason, address: visit.address });
    peer.sendControl({ type: "ERROR", reason });
    this.#dismiss(peer, "refused");
  }

  #dismiss(peer: Peer, why: GoneReason): void {
    this.#end(peer);
    peer.close(why);
  }

  #end(peer: Peer): void {
    const visit = this.#visits.get(peer);
    if (!visit) return;
    this.#visits.delete(peer);
    clearTimeout(visit.timer);
    this.#silent.spoke(visit.socket);
  }
}
