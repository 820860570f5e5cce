/**
 * The room protocol in one sitting: what a peer may ask, what the relay answers, and why a connection ends. Text becomes a
 * request here or is refused here. Once two peers are paired the relay reads nothing any more, so no other frame is listed.
 */
import * as z from "zod";

/** What a sender may ask for beyond the plain protocol. Asked for in `features`, and confirmed in the answer's. */
const FEATURES = ["turns", "reclaim", "tags"] as const;
export type Feature = (typeof FEATURES)[number];

const features = z.array(z.string()).optional();

/** Of networks, in a room. */
const Tags = z.array(z.string());

const Request = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("CREATE_ROOM"),
    ttl_seconds: z.int().positive().optional(),
    features,
    /** Both together: this room is the sender's, and it takes it back. */
    room_id: z.string().optional(),
    reclaim_token: z.string().optional(),
    /** As in NEXT. */
    failed: Tags.optional(),
  }),
  // Any string: a malformed id is simply the id of no room, and says nothing about which ones exist.
  z.object({ type: z.literal("JOIN_ROOM"), room_id: z.string(), features }),
]);
export type Request = z.infer<typeof Request>;

const Next = z.object({
  type: z.literal("NEXT"),
  /** With `tags`: one for each failed attempt in this room so far. */
  failed: Tags.optional().catch(undefined),
});
export type Next = z.infer<typeof Next>;

/**
 * The longest frame that is looked at for a NEXT, in bytes: four times the word itself, for spaces and fields to come; and with
 * `tags`, for twenty of these.
 */
const MAX_NEXT_BYTES = 64;
const MAX_NEXT_BYTES_WITH_TAGS = 512;

/** Why a request was refused, for the peer's program. */
export const REFUSED = [
  "room_not_found",
  "too_many_rooms",
  "rate_limited",
  "invalid_request",
  "sender_disconnected",
  "queue_full",
  /** It is to be taken back while its sender is still there. */
  "room_held",
  /** The sender has named this receiver's network for three failed attempts. */
  "too_many_attempts",
] as const;
export type RefusalReason = (typeof REFUSED)[number];

export type Answer =
  | { type: "ROOM_CREATED"; room_id: string; expires_in?: number; features?: Feature[]; reclaim_token?: string }
  | { type: "ROOM_JOINED"; room_id: string; features?: Feature[] }
  | { type: "PEER_JOINED"; peer_id: string; tag?: string; waiting?: number }
  | { type: "PEER_DISCONNECTED"; peer_id: string }
  | { type: "ERROR"; reason: RefusalReason };

/**
 * Why a connection ended: one word for close code, close reason and counter. Only a transfer that both ends finished is
 * 1000, so that a truncated one never looks clean; 4000-4999 is the private range (RFC 6455, section 7.4.2).
 */
export const CLOSE_CODE = {
  /** The sender closed with 1000 after all that it had to say, and all of it was forwarded. */
  done: 1000,
  /** The other peer went away in any way but with 1000, or before it had said anything to this one. */
  "peer-left": 4001,
  /** The room's lifetime is over. */
  expired: 4002,
  /** The request was refused; the ERROR before this close says why. */
  refused: 4003,
  /** A waiting receiver said more than the relay keeps for it. */
  "too-much": 4004,
  /** Nothing was asked in time. */
  "no-request": 4005,
  /** A receiver whose turn it was said nothing, or after its first word neither it nor the sender did. */
  quiet: 4006,
  /** The other peer took nothing while there was something to take. */
  stalled: 4007,
  /** The other peer no longer showed any life. */
  "dead-peer": 4008,
  /** The other peer sent a message over the limit. It was itself closed with 1009, the standard's code for that. */
  "too-big": 4009,
  /** The relay is stopping. */
  restart: 4010,
  /** More went through the room than one may have. */
  "used-up": 4011,
  /** The relay is full, and has given the room's place to a network that has fewer. */
  displaced: 4012,
} as const;
export type GoneReason = keyof typeof CLOSE_CODE;

/** The request in a connection's first frame, or undefined for anything else. */
export function parseRequest(frame: Buffer, binary: boolean): Request | undefined {
  return parse(Request, frame, binary);
}

/**
 * A `turns` sender's word that its next receiver may come, or undefined for anything else. Asked of everything that is dropped
 * until then, so a frame that cannot be one is recognised without parsing: that would cost us microseconds, and its sender six
 * bytes.
 */
export function parseNext(frame: Buffer, binary: boolean, withTags: boolean): Next | undefined {
  const maxBytes = withTags ? MAX_NEXT_BYTES_WITH_TAGS : MAX_NEXT_BYTES;
  if (frame.length > maxBytes || !frame.includes('"NEXT"')) return undefined;
  return parse(Next, frame, binary);
}

export function encode(answer: Answer): string {
  return JSON.stringify(answer);
}

/** Those of the asked features that this relay has; undefined for a peer that asked for none, whose answers stay as of old. */
export function confirm<Offered extends Feature>(asked: string[] | undefined, offered: readonly Offered[]) {
  return asked && offered.filter((feature) => asked.includes(feature));
}

function parse<T>(schema: z.ZodType<T>, frame: Buffer, binary: boolean): T | undefined {
  if (binary) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(frame.toString("utf8"));
  } catch {
    return undefined;
  }
  return schema.safeParse(json).data;
}
