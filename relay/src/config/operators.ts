/**
 * The one list of what an operator can set, by flag or environment variable, and of what was once on it. `--help`, the table
 * of relay/README.md and that of relay/deploy/.env.example are drawn from it (`npm run docs`). Defaults, and the reason of
 * each number, are in settings.ts.
 */
import { DOORS } from "../doors.ts";
import { LOG_LEVELS, MAX_STREAMS_PER_TUNNEL, MIN_SECRET_CHARS, type Settings, SWITCH } from "./settings.ts";
import {
  HOST,
  HOSTS,
  listOf,
  MS_PER_S,
  ORIGINS,
  oneOf,
  PATH,
  PROXIES,
  seconds,
  secretText,
  TOKENS,
  TOKENS_FILE,
  type ValueKind,
  whole,
} from "./values.ts";

/** Below, a relay would start and then fail every transfer: the largest frame of today's clients is 66,560 bytes. */
const MIN_MESSAGE_BYTES = 128 * 1024;
const GIB = 1024 ** 3;
const DAY_S = 24 * 60 * 60;

interface OperatorSetting extends ValueKind {
  readonly setting: keyof Settings;
  /** None for what no other user of the machine may see in the list of processes. */
  readonly flag?: string;
  readonly env: string;
  readonly what: string;
  /** What the README says besides, in Markdown. */
  readonly more?: string;
  /** What it is by default, in words, where the value itself says too little. */
  readonly standard?: string;
  /** Never shown, not even where it is wrong. */
  readonly secret?: true;
}

/** The longest time is a week, well within what a timer of Node can hold. */
export const OPERATOR_SETTINGS: readonly OperatorSetting[] = [
  { setting: "host", flag: "host", env: "RELAY_HOST", what: "address to listen on", ...HOST },
  { setting: "port", flag: "port", env: "RELAY_PORT", what: "TCP port; 0 takes any free one", ...whole(0, 65_535) },
  {
    setting: "tlsCert",
    flag: "tls-cert",
    env: "RELAY_TLS_CERT",
    what: "PEM file of the certificate with its chain",
    more: "with it and its key the relay speaks `wss://` itself",
    ...PATH,
  },
  { setting: "tlsKey", flag: "tls-key", env: "RELAY_TLS_KEY", what: "PEM file of its key", ...PATH },
  {
    setting: "doors",
    flag: "doors",
    env: "RELAY_DOORS",
    what: "the ways in that are open, of room, pair and tunnel",
    ...listOf(DOORS),
  },
  {
    setting: "trustProxy",
    flag: "trust-proxy",
    env: "RELAY_TRUST_PROXY",
    what: "how many proxies stand in front, or their networks",
    more: "their X-Forwarded-For is believed: `1`, or `127.0.0.1,10.0.0.0/8`",
    ...PROXIES,
  },
  {
    setting: "tokens",
    env: "RELAY_TOKENS",
    what: "bearer tokens, one of which every client needs, with commas between them",
    more: "16 characters or more each",
    secret: true,
    ...TOKENS,
  },
  {
    setting: "tokens",
    flag: "tokens-file",
    env: "RELAY_TOKENS_FILE",
    what: "a file of such tokens, one a line, # for remarks",
    // Somebody may have taken it for the token itself.
    secret: true,
    ...TOKENS_FILE,
  },
  {
    setting: "tunnelTokens",
    env: "RELAY_TUNNEL_TOKENS",
    what: "the same for agents and clients of tunnels",
    more: "without any, those of `RELAY_TOKENS` hold for them too",
    secret: true,
    ...TOKENS,
  },
  {
    setting: "tunnelTokens",
    flag: "tunnel-tokens-file",
    env: "RELAY_TUNNEL_TOKENS_FILE",
    what: "a file of such tokens, one a line, # for remarks",
    secret: true,
    ...TOKENS_FILE,
  },
  {
    setting: "allowedOrigins",
    flag: "allowed-origins",
    env: "RELAY_ALLOWED_ORIGINS",
    what: "web pages that may connect (https://example.org), with commas between them",
    ...ORIGINS,
  },
  {
    setting: "publicHosts",
    flag: "public-hosts",
    env: "RELAY_PUBLIC_HOSTS",
    what: "names by which it may be addressed, with commas between them",
    standard: "all",
    ...HOSTS,
  },
  {
    setting: "secret",
    env: "RELAY_SECRET",
    what: "32 characters or more, with which senders can take their rooms back after a restart",
    more: "also from other relays with the same one, see [`reclaim`](#the-room-protocol). `openssl rand -hex 16` makes one",
    secret: true,
    ...secretText(MIN_SECRET_CHARS),
  },
  {
    setting: "maxConnectionsPerAddress",
    flag: "max-connections-per-address",
    env: "RELAY_MAX_CONNECTIONS_PER_ADDRESS",
    what: "connections of one address at once",
    ...whole(1, 1_000_000),
  },
  {
    setting: "rateLimitMax",
    flag: "rate-limit-max",
    env: "RELAY_RATE_LIMIT_MAX",
    what: "counted requests of one address in 60 seconds",
    ...whole(1, 1_000_000_000),
  },
  {
    setting: "maxRooms",
    flag: "max-rooms",
    env: "RELAY_MAX_ROOMS",
    what: "rooms at once",
    ...whole(1, 1_000_000),
  },
  {
    setting: "roomTtlMs",
    flag: "room-ttl",
    env: "RELAY_ROOM_TTL",
    what: "lifetime of a room, up to a week",
    ...seconds(1, 7 * DAY_S),
  },
  {
    setting: "maxRoomBytes",
    flag: "max-room-bytes",
    env: "RELAY_MAX_ROOM_BYTES",
    what: "how much may go through one room in all, both ways",
    more: "one more ends the room with 4011",
    ...whole(MIN_MESSAGE_BYTES, 2 ** 49, "bytes"),
  },
  {
    setting: "maxMessageBytes",
    flag: "max-msg-size",
    env: "RELAY_MAX_MSG_SIZE",
    what: "largest message, from 131072 to 1 GiB",
    more: "clients of Claude Spread take none above 10 MiB",
    ...whole(MIN_MESSAGE_BYTES, GIB, "bytes"),
  },
  {
    setting: "maxPairs",
    flag: "max-pairs",
    env: "RELAY_MAX_PAIRS",
    what: "pairs at once",
    ...whole(1, 1_000_000),
  },
  {
    setting: "maxTunnels",
    flag: "max-tunnels",
    env: "RELAY_MAX_TUNNELS",
    what: "tunnels at once",
    ...whole(1, 1_000_000),
  },
  {
    setting: "maxStreamsPerTunnel",
    flag: "max-streams-per-tunnel",
    env: "RELAY_MAX_STREAMS_PER_TUNNEL",
    what: "clients of one tunnel at once, up to 4096",
    ...whole(1, MAX_STREAMS_PER_TUNNEL),
  },
  {
    setting: "drainMs",
    flag: "drain-seconds",
    env: "RELAY_DRAIN_SECONDS",
    what: "how long running transfers may go on once it is to stop",
    ...seconds(0, DAY_S),
  },
  {
    setting: "metricsPort",
    flag: "metrics-port",
    env: "RELAY_METRICS_PORT",
    what: "port on which Prometheus reads /metrics; 0 takes any free one",
    ...whole(0, 65_535),
  },
  {
    setting: "metricsHost",
    flag: "metrics-host",
    env: "RELAY_METRICS_HOST",
    what: "address to listen on for it",
    ...HOST,
  },
  {
    setting: "metricsTokens",
    env: "RELAY_METRICS_TOKENS",
    what: "bearer tokens, one of which opens /metrics, with commas between them",
    more: "without a port of its own that is then on the relay's",
    secret: true,
    ...TOKENS,
  },
  {
    setting: "metricsTokens",
    flag: "metrics-tokens-file",
    env: "RELAY_METRICS_TOKENS_FILE",
    what: "a file of such tokens, one a line, # for remarks",
    secret: true,
    ...TOKENS_FILE,
  },
  {
    setting: "log",
    flag: "log",
    env: "RELAY_LOG",
    what: "what is written to stdout: info or silent",
    ...oneOf(LOG_LEVELS),
  },
  {
    setting: "logDetail",
    flag: "log-detail",
    env: "RELAY_LOG_DETAIL",
    what: "whether lines name networks and the beginnings of room ids: off or on",
    ...oneOf(SWITCH),
  },
  {
    setting: "logDir",
    flag: "log-dir",
    env: "RELAY_LOG_DIR",
    what: "a folder of this relay alone, for the same lines and for counts of each day",
    ...PATH,
  },
];

/** A number that operators could once set. A program that calls `startRelay` still can. */
export interface FixedSetting {
  readonly setting: keyof Settings;
  readonly flag: string;
  readonly env: string;
  readonly what: string;
  readonly unit: string;
  /** How many of our own units one of those is. */
  readonly scale: number;
}

function fixed(setting: keyof Settings, flag: string, unit: string, what: string): FixedSetting {
  const env = `RELAY_${flag.toUpperCase().replaceAll("-", "_")}`;
  return { setting, flag, env, what, unit, scale: unit === "seconds" ? MS_PER_S : 1 };
}

/** No operator should have to know these: the defaults fit slow lines and fast ones, and a wrong value breaks transfers. */
export const FIXED_SETTINGS: readonly FixedSetting[] = [
  fixed("rateLimitWindowMs", "rate-limit-window", "seconds", "in which the requests of one address are counted"),
  fixed("maxFailedJoins", "max-failed-joins", "requests", "of these, JOIN_ROOMs that get `room_not_found`"),
  fixed("reclaimMs", "reclaim-seconds", "seconds", "for which a room is kept for a sender that is lost"),
  fixed("maxKeptPerAddress", "max-kept-per-address", "rooms", "that are kept for lost senders of one address"),
  fixed("pairTtlMs", "pair-ttl", "seconds", "for which one side of a pair may wait alone"),
  fixed("maxWaiting", "max-waiting", "receivers", "that may wait in one room"),
  fixed("maxWaitingPerAddress", "max-waiting-per-address", "receivers", "of one address that may wait in one room"),
  fixed(
    "upgradeMs",
    "upgrade-seconds",
    "seconds",
    "for the HTTP request, and for the server behind a tunnel to answer",
  ),
  fixed("firstMessageMs", "first-message-seconds", "seconds", "for the first message after that"),
  fixed("quietReceiverMs", "quiet-seconds", "seconds", "for which a receiver may say nothing at its turn"),
  fixed("idlePairMs", "idle-seconds", "seconds", "for which a sender and its receiver may both say nothing after that"),
  fixed("stalledMs", "stalled-seconds", "seconds", "for which a peer may take nothing of what is there for it"),
  fixed("pingMs", "ping-seconds", "seconds", "between two pings"),
  fixed("maxMissedPings", "max-missed-pings", "ping", "without a sign of life; at the next one the peer is cut"),
  fixed("highWaterBytes", "max-buffered-bytes", "bytes", "kept for a slow peer before the other one is not read"),
];
