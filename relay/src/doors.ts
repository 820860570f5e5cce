/**
 * The doors of a relay: what it asks of each, and the closed lists of how what comes to them ends before and beside a
 * WebSocket, which HTTP, metrics and log share. How a connection of the room and pair doors ends is in wire.ts.
 */
import { SESSION_ENDS } from "./yamux/session.ts";

/** The ways for two ends to find each other. */
export const DOORS = ["room", "pair", "tunnel"] as const;
export type Door = (typeof DOORS)[number];

/** Those where a connection is a peer, whose frames are forwarded to another; a tunnel carries streams of bytes. */
export const PEER_DOORS = ["room", "pair"] as const satisfies readonly Door[];
export type PeerDoor = (typeof PEER_DOORS)[number];

/** What the relay asks of a door, whatever is behind it. */
export interface Entrance<Arrival> {
  /** How many rooms, pairs or tunnels there are. */
  readonly size: number;
  /** Takes somebody who was admitted. */
  enter(arrival: Arrival): void;
  /**
   * The relay is stopping: ends whatever serves nobody. Called again and again, until there is nothing left to wait for.
   * @returns whether somebody is still served whose end is worth waiting for
   */
  drain(): boolean;
  /** Ends everything. What was forwarded before still arrives. */
  end(): void;
}

/** What an agent may call its tunnel. Also what an agent asks of its own settings. */
export const TUNNEL_ID = /^[\w-]{1,128}$/;

/** Why a request is not let in, with its HTTP status. */
export const REFUSALS = {
  "bad-pair-code": 400,
  "bad-tunnel-id": 400,
  "no-websocket": 400,
  unauthorized: 401,
  "foreign-origin": 403,
  "foreign-host": 403,
  "no-such-door": 404,
  "no-agent": 404,
  "pair-full": 409,
  "second-agent": 409,
  "too-many-connections": 429,
  /** The agent, or its local server, hung up before it had answered. */
  "no-answer": 502,
  "too-many-pairs": 503,
  "too-many-tunnels": 503,
  "too-many-streams": 503,
  draining: 503,
  "late-answer": 504,
} as const;
export type Refusal = keyof typeof REFUSALS;

/** Why a tunnel is over. */
export const TUNNEL_ENDS = [...SESSION_ENDS, "restart"] as const;
export type TunnelEnd = (typeof TUNNEL_ENDS)[number];

/** Why a client that was let in is gone. */
export const CLIENT_ENDS = [
  /** It and the server have both said all they had to say. */
  "done",
  /** The server answered, and not with 101. */
  "turned-down",
  "client-lost",
  "server-lost",
  "agent-lost",
  "restart",
  "stalled",
  "half-open",
  "no-answer",
  "late-answer",
  "too-many-streams",
  "no-agent",
] as const;
export type ClientEnd = (typeof CLIENT_ENDS)[number];
