/**
 * What happens in a relay, for the metrics, the log, and a program that starts a relay of its own. Every way for something to
 * end is here, with its reason from a closed table. There is no event for a single frame: those are only counted, in outbox.ts.
 */
import type { ClientEnd, PeerDoor, Refusal, TunnelEnd } from "../doors.ts";
import type { GoneReason, RefusalReason } from "../wire.ts";

/** Why a socket was cut before it was a WebSocket, or before its first request. */
export const CUTS = [
  /** Too many have not asked for anything yet, and it was silent longest. */
  "crowded",
  /** No whole HTTP request in time, or no TLS handshake before it. */
  "no-http-request",
  /** What came was no HTTP, or no TLS where the relay speaks it. */
  "bad-http-request",
  /** It was HTTP, and no WebSocket handshake. */
  "bad-upgrade",
] as const;
export type Cut = (typeof CUTS)[number];

/** `address` is whom the limits count: an IPv4 address, or the /64 of an IPv6 one. */
export type RelayEvent =
  | { readonly event: "listening"; readonly url: string; readonly metrics: string | undefined }
  | { readonly event: "cut"; readonly why: Cut }
  /** By an HTTP status, before the upgrade. */
  | { readonly event: "turned-away"; readonly why: Refusal; readonly address: string }
  /** By an ERROR of the room door. */
  | { readonly event: "refused"; readonly why: RefusalReason; readonly address: string }
  /** A connection of that door is over. */
  | { readonly event: "closed"; readonly door: PeerDoor; readonly why: GoneReason }
  | { readonly event: "room-ended"; readonly why: GoneReason; readonly room: string }
  /** Its sender is lost, for that reason, and the room waits for it. */
  | { readonly event: "room-kept"; readonly why: GoneReason; readonly room: string }
  /** Its sender is back. */
  | { readonly event: "room-reclaimed"; readonly room: string }
  /** Its code is in no event: who has it is the other side. */
  | { readonly event: "pair-ended"; readonly why: GoneReason }
  | { readonly event: "tunnel-ended"; readonly why: TunnelEnd }
  /** A client that was let in to a tunnel is gone. */
  | { readonly event: "client-ended"; readonly why: ClientEnd }
  /** A trusted proxy has named a caller by what is no address: all of these count as one, the proxy. Once. */
  | { readonly event: "caller-unnamed" }
  | { readonly event: "certificate-read" }
  | { readonly event: "draining" }
  /** With how many rooms ended for which reason since the start. */
  | { readonly event: "stopped"; readonly ended: ReadonlyMap<GoneReason, number> };

/** Takes each event as it happens, between two frames: it must be quick, and must not throw. */
export type Emit = (event: RelayEvent) => void;
