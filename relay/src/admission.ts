/**
 * Who may come in, decided on the HTTP request, before there is a WebSocket: which door it is for, and whether it opens. A
 * function of the request and of what the relay holds; it changes nothing. Refusals are a closed list, and HTTP says them.
 */
import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Settings } from "./config.ts";

/** The ways for two ends to find each other. */
export const DOORS = ["room", "pair"] as const;
export type Door = (typeof DOORS)[number];

/** Longest code of a pair, in characters. */
const MAX_PAIR_CODE_CHARS = 256;

export const REFUSALS = {
  "bad-pair-code": 400,
  unauthorized: 401,
  "foreign-origin": 403,
  "foreign-host": 403,
  "no-such-door": 404,
  "pair-full": 409,
  "too-many-connections": 429,
  "too-many-pairs": 503,
  draining: 503,
} as const;
export type Refusal = keyof typeof REFUSALS;

/** When it is worth asking again, in seconds, where time helps. */
export const RETRY_AFTER_S: Partial<Record<Refusal, number>> = {
  "too-many-connections": 60,
  "too-many-pairs": 60,
  draining: 10,
};

export type Admission =
  | { readonly door: "room" }
  | { readonly door: "pair"; readonly code: string }
  | { readonly door: "none"; readonly why: Refusal };

/** What the relay holds at the moment, as far as it decides who comes in. */
export interface Holdings {
  readonly draining: boolean;
  /** Whether this caller may have one more connection. */
  readonly roomForCaller: boolean;
  /** How many sides the pair has; undefined if there is none, and no more can be made. */
  pairSides(code: string): number | undefined;
}

type Rules = Pick<Settings, "doors" | "tokens" | "allowedOrigins" | "publicHosts">;

export function admit(request: IncomingMessage, rules: Rules, holdings: Holdings): Admission {
  const refused = (why: Refusal): Admission => ({ door: "none", why });
  const { origin, host, authorization } = request.headers;
  const url = targetOf(request);
  if (url?.pathname !== "/") return refused("no-such-door");
  if (holdings.draining) return refused("draining");
  // Other programs send no Origin; a browser always does, for whatever page it shows.
  if (origin !== undefined && !rules.allowedOrigins.includes(origin)) return refused("foreign-origin");
  if (rules.publicHosts.length > 0 && !rules.publicHosts.includes(hostName(host))) return refused("foreign-host");
  if (rules.tokens.length > 0 && !holdsToken(authorization, rules.tokens)) return refused("unauthorized");
  if (!holdings.roomForCaller) return refused("too-many-connections");

  const codes = url.searchParams.getAll("pair");
  const forPair = codes.length > 0 || !rules.doors.includes("room");
  if (!forPair) return { door: "room" };
  if (!rules.doors.includes("pair")) return refused("no-such-door");
  const [code = ""] = codes;
  const chars = [...code].length;
  if (codes.length !== 1 || chars < 1 || chars > MAX_PAIR_CODE_CHARS) return refused("bad-pair-code");
  const sides = holdings.pairSides(code);
  if (sides === undefined) return refused("too-many-pairs");
  return sides < 2 ? { door: "pair", code } : refused("pair-full");
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
function holdsToken(authorization: string | undefined, tokens: readonly string[]): boolean {
  const given = Buffer.from(/^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1] ?? "");
  let holds = false;
  for (const token of tokens) {
    const known = Buffer.from(token);
    if (known.length === given.length && timingSafeEqual(known, given)) holds = true;
  }
  return holds;
}
