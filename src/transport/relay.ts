/**
 * Links through a relay's room: its protocol is in relay/README.md. The receiver joins a room and has one link; the sender
 * creates one (relay-room.ts). Nothing that a relay says is trusted beyond its use: it may lie about rooms and peers, and a
 * peer can send frames that look like the relay's.
 */
import { bindSignal, type Link, type LinkTaker, USUAL_BOUNDS } from "./link.ts";
import { Connection, type ConnectionSink, parseControl, type RelayAccess, refusal } from "./relay-connection.ts";
import { RelayLink } from "./relay-link.ts";
import { FEATURES, type RelayRoom, SenderRoom } from "./relay-room.ts";

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
    const sink: ConnectionSink = {
      onFrame: (bytes, text) => {
        const control = text ? parseControl(bytes) : undefined;
        // A peer that forges this message harms only itself.
        if (control?.type === "ERROR") link.end(refusal(control.reason));
        else link.deliver(bytes);
      },
      onGone: (reason) => link.end(reason),
    };
    return { value: link, sink };
  });
}

/**
 * Creates a room as the sender, and gives `take` a link for each receiver that comes. If the connection is lost later, the
 * room is reclaimed, where the relay can do that.
 * @param ttlSeconds how long the room is wanted; the relay may give less.
 * @param signal cancels the creation only.
 * @throws as `joinRoom`, but never `room-not-found`.
 */
export async function createRoom(
  relay: RelayAccess,
  ttlSeconds: number,
  take: LinkTaker,
  signal: AbortSignal,
  bounds = USUAL_BOUNDS,
): Promise<RelayRoom> {
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
