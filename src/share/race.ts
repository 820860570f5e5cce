/**
 * The ways to a sender, raced: the LAN and the relay are tried at once, and links are handed out one after another, the
 * LAN's first if it is there within a short head start. Nothing is sent over a link here. The caller says HELLO on one link
 * at a time, and takes the next one only if that has failed.
 */
import { abortReason } from "../abort.ts";
import { type Announcement, look, type ServiceType } from "../discovery/mdns.ts";
import { SpreadError, toSpreadError } from "../errors.ts";
import type { Link } from "../transport/link.ts";
import { joinRoom } from "../transport/relay.ts";
import type { RelayAccess } from "../transport/relay-connection.ts";
import { dialTcp } from "../transport/tcp.ts";
import type { Version } from "./version.ts";

/** How long a relay's link waits for the LAN's, in ms: the delay that RFC 8305 allows a preferred address. */
const HEAD_START_MS = 250;
/** How long a sender is looked for on the LAN, in ms: Wi-Fi may lose several questions, and nobody answers later than that. */
const LOOK_MS = 8_000;
/** The same if there is a relay too, which says sooner that nobody is there: still time to lose a few questions. */
const LOOK_BESIDE_RELAY_MS = 3_000;
/** How long to wait for others after the first sender is seen, in ms, where there must be only one. */
const GATHER_MS = 1_000;
/** Rooms named in the error for several senders. */
const MAX_ROOMS_NAMED = 10;

/** One way to the sender. */
export type Path =
  | { readonly by: "lan"; readonly host: string; readonly port: number }
  | { readonly by: "relay"; readonly relay: URL; readonly room: string };

/** Where on the LAN a sender may be: at an address, or anywhere. Without a room the only sender there is taken. */
type LanRoute = { readonly host: string; readonly port: number } | { readonly room: string | undefined };

/** Everything known about where the sender is; at least one of the two is set. */
export interface Route {
  readonly lan: LanRoute | undefined;
  readonly relay: { readonly access: RelayAccess; readonly room: string } | undefined;
}

/** A link to what may be the sender. Whoever receives it owns it. */
export interface Candidate {
  readonly path: Path;
  readonly link: Link;
  /** Whether no other candidate can follow. */
  readonly last: boolean;
}

/**
 * Yields each way once: a link, or why there is none. Links that were not handed out are cut when the caller leaves the loop.
 * @param signal rules the race, and the links that come of it for their whole life.
 */
export async function* race(
  route: Route,
  version: Version,
  signal: AbortSignal,
): AsyncGenerator<Candidate | SpreadError, void> {
  const { lan, relay } = route;
  const runners: Runner[] = [];
  // In order of preference: if both are there, the first is taken.
  if (lan)
    runners.push(new Runner((life) => reachLan(lan, version, relay ? LOOK_BESIDE_RELAY_MS : LOOK_MS, life), signal));
  if (relay) runners.push(new Runner((life) => reachRelay(relay, version, life), signal));
  try {
    const [first, second] = runners;
    if (first && second) await settledWithin(first.arrived, HEAD_START_MS);
    while (runners.length > 0) {
      const next = await Promise.race(runners.map((runner) => runner.arrived.then(() => runner)));
      runners.splice(runners.indexOf(next), 1);
      const came = await next.arrived;
      yield came instanceof SpreadError ? came : { ...came, last: runners.length === 0 };
    }
  } finally {
    for (const runner of runners) runner.stop();
  }
}

type Reached = Pick<Candidate, "path" | "link">;

/** The attempt to connect by one way. */
class Runner {
  /** Never rejects. */
  readonly arrived: Promise<Reached | SpreadError>;
  readonly #own = new AbortController();

  constructor(reach: (life: AbortSignal) => Promise<Reached>, signal: AbortSignal) {
    this.arrived = reach(AbortSignal.any([signal, this.#own.signal])).catch(toSpreadError);
  }

  /** Cancels the attempt at whatever step, and cuts its link. */
  stop(): void {
    this.#own.abort(new SpreadError("cancelled", "another way was faster"));
  }
}

async function reachRelay(
  { access, room }: { access: RelayAccess; room: string },
  { bounds }: Version,
  life: AbortSignal,
): Promise<Reached> {
  return { path: { by: "relay", relay: access.url, room }, link: await joinRoom(access, room, life, bounds) };
}

async function reachLan(route: LanRoute, version: Version, lookMs: number, life: AbortSignal): Promise<Reached> {
  if ("host" in route) return reachHost(route, version, life);
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), lookMs);
  const looking = AbortSignal.any([life, enough.signal]);
  let failure: SpreadError | undefined;
  try {
    for await (const { addresses, port } of announcements(version.service, route.room, looking)) {
      for (const host of addresses) {
        try {
          return await reachHost({ host, port }, version, life);
        } catch (error) {
          failure ??= toSpreadError(error); // of the address the answer came from; the others may lead nowhere
        }
      }
    }
  } finally {
    clearTimeout(timer);
  }
  // A look that finds nothing always ends by its time limit, so that one says nothing.
  if (life.aborted && abortReason(life).code !== "timed-out") throw abortReason(life);
  throw failure ?? new SpreadError("sender-not-found", "nobody on this network offers this share");
}

async function reachHost(
  { host, port }: { host: string; port: number },
  { bounds }: Version,
  life: AbortSignal,
): Promise<Reached> {
  return { path: { by: "lan", host, port }, link: await dialTcp(host, port, life, bounds) };
}

async function* announcements(
  service: ServiceType,
  room: string | undefined,
  looking: AbortSignal,
): AsyncGenerator<Announcement> {
  if (room === undefined) yield* onlySender(service, looking);
  else yield* look(service, looking, room);
}

/** @throws SpreadError `several-senders`, which names their rooms. */
async function* onlySender(service: ServiceType, looking: AbortSignal): AsyncGenerator<Announcement> {
  const gathering = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const seen: Announcement[] = [];
  try {
    for await (const announcement of look(service, AbortSignal.any([looking, gathering.signal]))) {
      seen.push(announcement);
      timer ??= setTimeout(() => gathering.abort(), GATHER_MS);
    }
  } finally {
    clearTimeout(timer);
  }
  const rooms = [...new Set(seen.map(({ room }) => room))];
  if (rooms.length > 1) {
    const named = rooms.slice(0, MAX_ROOMS_NAMED).join(", ");
    const more = rooms.length > MAX_ROOMS_NAMED ? ", and more" : "";
    throw new SpreadError("several-senders", `there are several senders on this network, in the rooms ${named}${more}`);
  }
  yield* seen;
}

/** Resolves when the promise has settled, or when the time is over. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const time = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, time]);
  clearTimeout(timer);
}
