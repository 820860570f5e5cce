/**
 * Who may come in, decided on the HTTP request, before there is a WebSocket: which door it is for, and whether it opens. A
 * function of the request and of what the relay holds; it changes nothing. Refusals are a closed list, and HTTP says them.
 */
import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Settings } from "../config/settings.ts";
import { type Refusal, TUNNEL_ID } from "../doors.ts";

/** Longest code of a pair, in characters. */
const MAX_PAIR_CODE_CHARS = 256;

/** Where the clients of tunnels come in; what follows is for the local server. */
const CLIENT_PATH = "/client";

/** When it is worth asking again, in seconds, where time helps. */
export const RETRY_AFTER_S: Partial<Record<Refusal, number>> = {
  "too-many-connections": 60,
  "too-many-pairs": 60,
  "too-many-tunnels": 60,
  "too-many-streams": 60,
  draining: 10,
};

export type Admission =
  | { readonly door: "room" }
  | { readonly door: "pair"; readonly code: string }
  | { readonly door: "agent"; readonly id: string }
  /** `target` is the path and query that its local server sees. */
  | { readonly door: "client"; readonly id: string; readonly target: string }
  | { readonly door: "none"; readonly why: Refusal };

/** What the relay has room for at the moment. */
interface Capacity {
  readonly draining: boolean;
  /** Whether this caller may have one more connection. */
  readonly roomForCaller: boolean;
  /** How many sides the pair has; undefined if there is none, and no more can be made. */
  pairSides(code: string): number | undefined;
  /** Whether there may be one more tunnel. */
  readonly roomForTunnel: boolean;
  /** Whether the tunnel has room for one more client; undefined if there is none. */
  tunnelHasRoom(id: string): boolean | undefined;
}

type Rules = Pick<Settings, "doors" | "tokens" | "tunnelTokens" | "allowedOrigins" | "publicHosts">;

const refused = (why: Refusal): Admission => ({ door: "none", why });

export function admit(request: IncomingMessage, rules: Rules, capacity: Capacity): Admission {
  const url = targetOf(request);
  const tunnelEnd = rules.doors.includes("tunnel") ? tunnelEndOf(url?.pathname) : undefined;
  if (!url || (url.pathname !== "/" && !tunnelEnd)) return refused("no-such-door");
  if (capacity.draining) return refused("draining");
  const why = strangerRefusal(request, rules, tunnelEnd !== undefined);
  if (why) return refused(why);
  if (!capacity.roomForCaller) return refused("too-many-connections");
  if (tunnelEnd) return admitToTunnel(tunnelEnd, request, url, capacity);
  return admitToPeers(url, rules, capacity);
}

/** Why somebody who is not known may not come in, whichever door it is for; undefined if it may. */
function strangerRefusal({ headers }: IncomingMessage, rules: Rules, forTunnel: boolean): Refusal | undefined {
  const { origin, host, authorization } = headers;
  // Other programs send no Origin; a browser always does, for whatever page it shows.
  if (origin !== undefined && !rules.allowedOrigins.includes(origin)) return "foreign-origin";
  if (rules.publicHosts.length > 0 && !rules.publicHosts.includes(hostName(host))) return "foreign-host";
  const tokens = forTunnel && rules.tunnelTokens.length > 0 ? rules.tunnelTokens : rules.tokens;
  return tokens.length > 0 && !holdsToken(authorization, tokens) ? "unauthorized" : undefined;
}

/** The room door, unless there is a code or no room door. */
function admitToPeers(url: URL, rules: Rules, capacity: Capacity): Admission {
  const codes = url.searchParams.getAll("pair");
  const forPair = codes.length > 0 || !rules.doors.includes("room");
  if (!forPair) return { door: "room" };
  if (!rules.doors.includes("pair")) return refused("no-such-door");
  const [code = ""] = codes;
  const chars = [...code].length;
  if (codes.length !== 1 || chars < 1 || chars > MAX_PAIR_CODE_CHARS) return refused("bad-pair-code");
  const sides = capacity.pairSides(code);
  if (sides === undefined) return refused("too-many-pairs");
  return sides < 2 ? { door: "pair", code } : refused("pair-full");
}

function tunnelEndOf(pathname = ""): "agent" | "client" | undefined {
  if (pathname === "/agent") return "agent";
  return pathname === CLIENT_PATH || pathname.startsWith(`${CLIENT_PATH}/`) ? "client" : undefined;
}

function admitToTunnel(end: "agent" | "client", request: IncomingMessage, url: URL, capacity: Capacity): Admission {
  const [id = "", ...more] = url.searchParams.getAll("room");
  if (!TUNNEL_ID.test(id) || more.length > 0) return refused("bad-tunnel-id");
  const takes = capacity.tunnelHasRoom(id);
  if (end === "agent") {
    if (takes !== undefined) return refused("second-agent");
    return capacity.roomForTunnel ? { door: "agent", id } : refused("too-many-tunnels");
  }
  // The relay does not look into what follows, so it has to be sure now of what that is.
  const isWebSocket = request.method === "GET" && request.headers.upgrade?.toLowerCase() === "websocket";
  if (!isWebSocket) return refused("no-websocket");
  if (takes === undefined) return refused("no-agent");
  return takes ? { door: "client", id, target: targetBehind(url) } : refused("too-many-streams");
}

/** What follows `/client`, without the room and otherwise as it came. */
function targetBehind(url: URL): string {
  const query = url.search
    .slice(1)
    .split("&")
    .filter((part) => part !== "" && !new URLSearchParams(part).has("room"));
  const path = url.pathname.slice(CLIENT_PATH.length) || "/";
  return query.length > 0 ? `${path}?${query.join("&")}` : path;
}

/** Path and query; undefined for what is none, such as `*`. */
export function targetOf(request: IncomingMessage): URL | undefined {
  const target = request.url ?? "";
  return target.startsWith("/") && URL.canParse(`http://relay${target}`) ? new URL(`http://relay${target}`) : undefined;
}

function hostName(host = ""): string {
  return host.replace(/:\d+$/, "").toLowerCase();
}

/** `Bearer <token>` (RFC 6750, section 2.1). All are compared, each in constant time, so that no time tells which it was. */
export function holdsToken(authorization: string | undefined, tokens: readonly string[]): boolean {
  const given = Buffer.from(/^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1] ?? "");
  let holds = false;
  for (const token of tokens) {
    const known = Buffer.from(token);
    if (known.length === given.length && timingSafeEqual(known, given)) holds = true;
  }
  return holds;
}
