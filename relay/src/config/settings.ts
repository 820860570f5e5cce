/**
 * Everything about a relay that can be set, with its default and its reason: some of it by the operator (operators.ts), all of
 * it by a program or test that starts a relay of its own. A number that nobody sets is in the file that uses it.
 */
import { isIPv4 } from "node:net";
import type { Door } from "../doors.ts";

/** How many proxies stand in front, or which addresses they have. */
export type TrustedProxies = { readonly hops: number } | { readonly networks: readonly string[] };

/** Of an operator's secret: `openssl rand -hex 16` makes one of 32. */
export const MIN_SECRET_CHARS = 32;

/** More are of no use: an agent of ours takes no more. */
export const MAX_STREAMS_PER_TUNNEL = 4096;

export const LOG_LEVELS = ["info", "silent"] as const;
export const SWITCH = ["off", "on"] as const;

export const DEFAULTS = {
  /** All IPv4 interfaces: a relay is there to be reached. */
  host: "0.0.0.0",
  /** 0 takes any free port. */
  port: 9784,
  /** PEM files: of the certificate with its chain, and of its key. With both, the relay speaks TLS itself. */
  tlsCert: "",
  tlsKey: "",
  /** Where Prometheus reads, if there is a port: what it reads is the operator's, and not for the world to reach. */
  metricsHost: "127.0.0.1",
  metricsPort: undefined as number | undefined,
  /** One of them opens /metrics; without a port of its own that is on the relay's. */
  metricsTokens: [] as readonly string[],
  /** What the process writes to stdout. A program that starts a relay of its own listens to its events instead. */
  log: "info" as (typeof LOG_LEVELS)[number],
  /** Whether its lines name networks and the beginnings of room ids. */
  logDetail: "off" as (typeof SWITCH)[number],
  /** A folder for the same lines, and for counts of each day. */
  logDir: "",
  /** The ways in that are open. A tunnel leads to a server that somebody runs at home: its operator asks for it. */
  doors: ["room", "pair"] as readonly Door[],
  /** Whose X-Forwarded-For is believed. Nobody's: a relay may have no proxy, and anybody can send one. */
  trustProxy: { hops: 0 } as TrustedProxies,
  /** One of them opens the relay; without any it is open to everybody. */
  tokens: [] as readonly string[],
  /** The same for agents and clients of tunnels; without any, `tokens` hold for them too. */
  tunnelTokens: [] as readonly string[],
  /** Web pages that may connect. None: clients of ours are no pages, and a page of anybody's would run in its visitors' networks. */
  allowedOrigins: [] as readonly string[],
  /** Names by which the relay may be addressed; without any, all. */
  publicHosts: [] as readonly string[],
  /** Bytes that may go through one room in all, both ways; without any, as many as they like. */
  maxRoomBytes: undefined as number | undefined,
  /** Connections of one address at once. */
  maxConnectionsPerAddress: 256,
  maxRooms: 1000,
  maxPairs: 1000,
  maxTunnels: 100,
  /** Clients of one tunnel at once, of which one that takes nothing costs a window of 256 KiB. */
  maxStreamsPerTunnel: 256,
  /** How long the first side of a pair may wait for the second, in ms, and how often that is looked at. */
  pairTtlMs: 5 * 60_000,
  sweepIntervalMs: 30_000,
  /** How long transfers that run may go on once the relay is to stop, in ms: most take seconds. */
  drainMs: 30_000,
  /** Keys the tokens by which senders take their rooms back. Without one, they are good until the relay ends. */
  secret: "",
  /** How long a room whose sender is lost is kept for it, in ms: a laptop changing networks needs less. */
  reclaimMs: 60_000,
  /** How many are kept for senders of one address: an office that lost its line, and too few to take all that there are. */
  maxKeptPerAddress: 64,
  /** How long the sender of a room that is to be taken back may take to show that it is still there, in ms. */
  challengeMs: 2_000,
  /** How long a room takes receivers, in ms: half an hour is enough to tell somebody a code. */
  roomTtlMs: 30 * 60_000,
  /** The largest message of a peer: a whole share of the first clients travels in one of 10 MiB. */
  maxMessageBytes: 10 * 1024 * 1024,
  /** CREATE_ROOMs, and JOIN_ROOMs that are refused, of one address in a window: more than a person needs, too few to guess rooms. */
  rateLimitMax: 20,
  /** Of these, JOIN_ROOMs of no room: a person mistypes twice; there are 887 million ids. */
  maxFailedJoins: 10,
  rateLimitWindowMs: 60_000,

  /** Receivers that may wait in one room. */
  maxWaiting: 64,
  /** The same of one address: an office behind one router, and too few for one visitor to close a room to all others. */
  maxWaitingPerAddress: 16,
  /** What a waiting receiver may say before its turn: a handshake's first message many times over. */
  maxBacklogBytes: 64 * 1024,
  /** The same in frames, because an empty one costs memory too. */
  maxBacklogFrames: 1024,
  /** A request, in bytes: the longest known one has less than two hundred. */
  maxRequestBytes: 16 * 1024,
  /** Connections that have asked nothing yet, about 20 KB each: the longest silent one gives way to the next. */
  maxSilent: 10_000,
  /** How long a connection may take for its HTTP request, TLS before it included, and the server behind a tunnel to answer, in ms. */
  upgradeMs: 10_000,
  /** How long it may take for its first message after that, in ms. */
  firstMessageMs: 10_000,
  /** How long a receiver may say nothing at its turn, in ms: it speaks first in every protocol of ours, unprompted. */
  quietReceiverMs: 15_000,
  /**
   * How long a pair may say nothing in either direction after that, in ms: more than the 300 s for which a sender waits for
   * a receipt, since the receiver may be writing a large document to a slow disk.
   */
  idlePairMs: 330_000,
  /** How long a peer may take nothing while there is something to take, in ms: a laptop changing networks needs less. */
  stalledMs: 60_000,
  /**
   * How long one read of a peer or an agent, of up to 64 KiB, may take to handle before the next has to wait for all others, in ms: ten
   * times what a large frame takes. Of tiny ones a read brings 10,000, and without this there are 32 reads in a row.
   */
  readMs: 1,
  /**
   * How long all of them together may be read in one turn of the event loop, in ms, before none is read a second time in it:
   * left alone each brings up to 2 MiB, so a hundred of them delay a peer with a few bytes to say by a quarter of a second.
   */
  turnMs: 10,
  /** Between two pings, in ms: below the 30 s after which the strictest middleboxes forget an idle connection. */
  pingMs: 25_000,
  /** Pings in a row that a peer may leave without a sign of life: the next one it was to answer finds it dead. */
  maxMissedPings: 1,
  /** What may wait for one peer before the other is paused: hides a round trip at 100 Mbit/s, and costs 1 GB in 1000 rooms. */
  highWaterBytes: 1024 * 1024,
  /** The same in frames: a tiny one costs some 500 bytes of bookkeeping. */
  highWaterFrames: 4096,
  /** How long a peer that was sent no data may take to answer a close, in ms. */
  closeMs: 2_000,
  /** The same for one that was: the close comes after everything that the kernels of both ends still hold for it. */
  lingerMs: 30_000,
  /** How long a peer that still takes may need for the last of its data once the other has gone, in ms: 10 MiB at 280 kbit/s. */
  flushMs: 5 * 60_000,
  /** How long a transfer may go on after the end of its room's lifetime, in ms: 1 GiB at 1.2 Mbit/s. */
  overtimeMs: 2 * 60 * 60_000,
  /** How long peers get to answer the close of a relay that stops, in ms: with all else, less than the 5 s it promises. */
  stopMs: 2_000,
};
export type Settings = Readonly<typeof DEFAULTS>;

/** What is wrong with settings that are each right; undefined for nothing. */
export function conflictIn({ doors, host, trustProxy, tunnelTokens, tlsCert, tlsKey }: Settings): string | undefined {
  if ((tlsCert === "") !== (tlsKey === "")) {
    return "RELAY_TLS_CERT and RELAY_TLS_KEY must both be given, or neither";
  }
  const behindProxy = !("hops" in trustProxy) || trustProxy.hops > 0;
  if (!doors.includes("tunnel") || tunnelTokens.length > 0 || (isLoopback(host) && !behindProxy)) return undefined;
  return "the tunnel door needs RELAY_TUNNEL_TOKENS, unless RELAY_HOST is a loopback address (127.0.0.1) and no proxy is trusted";
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}
