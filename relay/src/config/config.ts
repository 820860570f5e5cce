/**
 * How an operator sets the relay's numbers, by flag or environment: the table of names and units, and how it is read. What
 * they are, and why, stands in settings.ts. Nothing else reads the environment or the command line.
 */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import proxyAddr from "proxy-addr";
import * as z from "zod";
import { DOORS } from "../doors.ts";
import {
  conflictIn,
  DEFAULTS,
  LOG_LEVELS,
  MAX_STREAMS_PER_TUNNEL,
  MIN_SECRET_CHARS,
  type Settings,
  SWITCH,
  type TrustedProxies,
} from "./settings.ts";

const MS_PER_S = 1000;

/** Below, a relay would start and then fail every transfer: the largest frame of today's clients is 66,560 bytes. */
const MIN_MESSAGE_BYTES = 128 * 1024;

/** A whole number as operators write it: the value in `unit`, times `scale` in our own. */
function whole(min: number, max: number, unit: string, scale = 1) {
  const schema = z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .transform((value) => value * scale);
  return { schema, must: `a whole number from ${min} to ${max}${unit && ` (${unit})`}`, unit, scale };
}

function oneOf(values: readonly string[]) {
  return { schema: z.enum(values), must: values.join(" or ") };
}

/** Several of one kind, with commas between them. */
function list<T extends string>(item: z.ZodType<T, string>, must: string) {
  const parts = z.string().transform((text) => text.split(",").map((part) => part.trim()));
  return { schema: parts.pipe(z.array(item).min(1)), must: `${must}, with commas between them` };
}

const hostName = { schema: z.string().regex(/^\S+$/), must: "an IP address or a host name" };

const TrustedProxiesText = z.string().transform((text, context): TrustedProxies => {
  if (/^\d{1,2}$/.test(text)) return { hops: Number(text) };
  const trusted = { networks: text.split(",").map((part) => part.trim()) };
  try {
    proxyAddr.compile(trusted.networks);
    return trusted;
  } catch {
    context.addIssue({ code: "custom", message: "no network" });
    return z.NEVER;
  }
});

/** Shorter ones can be guessed: `openssl rand -hex 16` makes one of 32. */
const MIN_TOKEN_CHARS = 16;
const Token = z.string().regex(new RegExp(`^[\\x21-\\x2b\\x2d-\\x7e]{${MIN_TOKEN_CHARS},}$`));
const mustBeTokens = `tokens of at least ${MIN_TOKEN_CHARS} printable characters without blanks`;

/** One token a line; what begins with # is a remark. */
const TokensFile = z.string().transform((path, context): string[] => {
  try {
    const lines = readFileSync(path, "utf8")
      .split("\n")
      .map((line) => line.trim());
    return z
      .array(Token)
      .min(1)
      .parse(lines.filter((line) => line !== "" && !line.startsWith("#")));
  } catch {
    context.addIssue({ code: "custom", message: "no tokens" });
    return z.NEVER;
  }
});

interface Operator {
  readonly setting: keyof Settings;
  /** None for what no other user of the machine may see in the list of processes. */
  readonly flag?: string;
  readonly env: string;
  readonly what: string;
  readonly schema: z.ZodType;
  readonly must: string;
  readonly unit?: string;
  readonly scale?: number;
  /** Never shown, not even where it is wrong. */
  readonly secret?: true;
}

/** What is the operator's to set. The longest time is a week, well within what a timer of Node can hold. */
const OPERATORS: readonly Operator[] = [
  {
    setting: "host",
    flag: "host",
    env: "RELAY_HOST",
    what: "address to listen on",
    ...hostName,
  },
  { setting: "port", flag: "port", env: "RELAY_PORT", what: "TCP port, 0 takes any free one", ...whole(0, 65_535, "") },
  {
    setting: "tlsCert",
    flag: "tls-cert",
    env: "RELAY_TLS_CERT",
    what: "PEM file of the certificate with its chain",
    schema: z.string(),
    must: "a path",
  },
  {
    setting: "tlsKey",
    flag: "tls-key",
    env: "RELAY_TLS_KEY",
    what: "PEM file of its key",
    schema: z.string(),
    must: "a path",
  },
  {
    setting: "doors",
    flag: "doors",
    env: "RELAY_DOORS",
    what: "ways in",
    ...list(z.enum(DOORS), `of ${DOORS.join(", ")}`),
  },
  {
    setting: "trustProxy",
    flag: "trust-proxy",
    env: "RELAY_TRUST_PROXY",
    what: "proxies whose X-Forwarded-For is believed",
    schema: TrustedProxiesText,
    must: "how many proxies stand in front, or their networks (127.0.0.1,10.0.0.0/8)",
  },
  {
    setting: "tokens",
    env: "RELAY_TOKENS",
    what: "bearer tokens, one of which every client needs",
    secret: true,
    ...list(Token, mustBeTokens),
  },
  {
    setting: "tokens",
    flag: "tokens-file",
    env: "RELAY_TOKENS_FILE",
    what: "a file of such tokens, one a line",
    // Somebody may have taken it for the token itself.
    secret: true,
    schema: TokensFile,
    must: `a file of ${mustBeTokens}, one a line`,
  },
  {
    setting: "tunnelTokens",
    env: "RELAY_TUNNEL_TOKENS",
    what: "the same for agents and clients of tunnels",
    secret: true,
    ...list(Token, mustBeTokens),
  },
  {
    setting: "tunnelTokens",
    flag: "tunnel-tokens-file",
    env: "RELAY_TUNNEL_TOKENS_FILE",
    what: "a file of such tokens, one a line",
    secret: true,
    schema: TokensFile,
    must: `a file of ${mustBeTokens}, one a line`,
  },
  {
    setting: "allowedOrigins",
    flag: "allowed-origins",
    env: "RELAY_ALLOWED_ORIGINS",
    what: "web pages that may connect",
    ...list(
      z
        .string()
        .toLowerCase()
        .regex(/^https?:\/\/[^/\s]+$/),
      "origins such as https://example.org",
    ),
  },
  {
    setting: "publicHosts",
    flag: "public-hosts",
    env: "RELAY_PUBLIC_HOSTS",
    what: "names by which it may be addressed",
    ...list(
      z
        .string()
        .toLowerCase()
        .regex(/^[^\s:/]+$/),
      "host names without port",
    ),
  },
  {
    setting: "maxConnectionsPerAddress",
    flag: "max-connections-per-address",
    env: "RELAY_MAX_CONNECTIONS_PER_ADDRESS",
    what: "connections of one address at once",
    ...whole(1, 1_000_000, ""),
  },
  {
    setting: "maxRooms",
    flag: "max-rooms",
    env: "RELAY_MAX_ROOMS",
    what: "rooms at once",
    ...whole(1, 1_000_000, ""),
  },
  {
    setting: "maxRoomBytes",
    flag: "max-room-bytes",
    env: "RELAY_MAX_ROOM_BYTES",
    what: "bytes that may go through one room in all",
    ...whole(MIN_MESSAGE_BYTES, 2 ** 49, "bytes"),
  },
  {
    setting: "maxPairs",
    flag: "max-pairs",
    env: "RELAY_MAX_PAIRS",
    what: "pairs at once",
    ...whole(1, 1_000_000, ""),
  },
  {
    setting: "maxTunnels",
    flag: "max-tunnels",
    env: "RELAY_MAX_TUNNELS",
    what: "tunnels at once",
    ...whole(1, 1_000_000, ""),
  },
  {
    setting: "maxStreamsPerTunnel",
    flag: "max-streams-per-tunnel",
    env: "RELAY_MAX_STREAMS_PER_TUNNEL",
    what: "clients of one tunnel at once",
    ...whole(1, MAX_STREAMS_PER_TUNNEL, ""),
  },
  {
    setting: "roomTtlMs",
    flag: "room-ttl",
    env: "RELAY_ROOM_TTL",
    what: "lifetime of a room",
    ...whole(1, 7 * 24 * 60 * 60, "seconds", MS_PER_S),
  },
  {
    setting: "secret",
    env: "RELAY_SECRET",
    what: "keys the tokens by which senders take rooms back",
    secret: true,
    schema: z.string().min(MIN_SECRET_CHARS),
    must: `at least ${MIN_SECRET_CHARS} characters`,
  },
  {
    setting: "reclaimMs",
    flag: "reclaim-seconds",
    env: "RELAY_RECLAIM_SECONDS",
    what: "how long a room is kept for a sender that is lost",
    ...whole(0, 24 * 60 * 60, "seconds", MS_PER_S),
  },
  {
    setting: "maxKeptPerAddress",
    flag: "max-kept-per-address",
    env: "RELAY_MAX_KEPT_PER_ADDRESS",
    what: "rooms that are kept for lost senders of one address",
    ...whole(0, 1_000_000, ""),
  },
  {
    setting: "pairTtlMs",
    flag: "pair-ttl",
    env: "RELAY_PAIR_TTL",
    what: "how long one side of a pair may wait alone",
    ...whole(1, 7 * 24 * 60 * 60, "seconds", MS_PER_S),
  },
  {
    setting: "maxMessageBytes",
    flag: "max-msg-size",
    env: "RELAY_MAX_MSG_SIZE",
    what: "largest message",
    ...whole(MIN_MESSAGE_BYTES, 1024 ** 3, "bytes"),
  },
  {
    setting: "rateLimitMax",
    flag: "rate-limit-max",
    env: "RELAY_RATE_LIMIT_MAX",
    what: "counted requests of one address in a window",
    ...whole(1, 1_000_000_000, ""),
  },
  {
    setting: "maxFailedJoins",
    flag: "max-failed-joins",
    env: "RELAY_MAX_FAILED_JOINS",
    what: "joins of no room of one address in a window",
    ...whole(1, 1_000_000_000, ""),
  },
  {
    setting: "rateLimitWindowMs",
    flag: "rate-limit-window",
    env: "RELAY_RATE_LIMIT_WINDOW",
    what: "length of that window",
    ...whole(1, 24 * 60 * 60, "seconds", MS_PER_S),
  },
  {
    setting: "maxWaiting",
    flag: "max-waiting",
    env: "RELAY_MAX_WAITING",
    what: "receivers that may wait in one room",
    ...whole(1, 100_000, ""),
  },
  {
    setting: "maxWaitingPerAddress",
    flag: "max-waiting-per-address",
    env: "RELAY_MAX_WAITING_PER_ADDRESS",
    what: "the same of one address",
    ...whole(1, 100_000, ""),
  },
  {
    setting: "upgradeMs",
    flag: "upgrade-seconds",
    env: "RELAY_UPGRADE_SECONDS",
    what: "how long the HTTP request may take",
    ...whole(1, 3600, "seconds", MS_PER_S),
  },
  {
    setting: "firstMessageMs",
    flag: "first-message-seconds",
    env: "RELAY_FIRST_MESSAGE_SECONDS",
    what: "for the HTTP request, and again for the first message",
    ...whole(1, 3600, "seconds", MS_PER_S),
  },
  {
    setting: "quietReceiverMs",
    flag: "quiet-seconds",
    env: "RELAY_QUIET_SECONDS",
    what: "how long a receiver may say nothing at its turn",
    ...whole(1, 3600, "seconds", MS_PER_S),
  },
  {
    setting: "idlePairMs",
    flag: "idle-seconds",
    env: "RELAY_IDLE_SECONDS",
    what: "how long a sender and its receiver may both say nothing",
    ...whole(1, 24 * 60 * 60, "seconds", MS_PER_S),
  },
  {
    setting: "stalledMs",
    flag: "stalled-seconds",
    env: "RELAY_STALLED_SECONDS",
    what: "how long a peer may take nothing of what is there for it",
    ...whole(1, 3600, "seconds", MS_PER_S),
  },
  {
    setting: "pingMs",
    flag: "ping-seconds",
    env: "RELAY_PING_SECONDS",
    what: "between two pings",
    ...whole(1, 3600, "seconds", MS_PER_S),
  },
  {
    setting: "maxMissedPings",
    flag: "max-missed-pings",
    env: "RELAY_MAX_MISSED_PINGS",
    what: "of these that may go by without a sign of life",
    ...whole(1, 1000, "pings"),
  },
  {
    setting: "highWaterBytes",
    flag: "max-buffered-bytes",
    env: "RELAY_MAX_BUFFERED_BYTES",
    what: "kept for a slow peer before the other one is not read",
    ...whole(64 * 1024, 1024 ** 3, "bytes"),
  },
  {
    setting: "drainMs",
    flag: "drain-seconds",
    env: "RELAY_DRAIN_SECONDS",
    what: "how long transfers that run may go on once it is to stop",
    ...whole(0, 24 * 60 * 60, "seconds", MS_PER_S),
  },
  {
    setting: "metricsPort",
    flag: "metrics-port",
    env: "RELAY_METRICS_PORT",
    what: "port on which Prometheus reads /metrics, 0 takes any free one",
    ...whole(0, 65_535, ""),
  },
  {
    setting: "metricsHost",
    flag: "metrics-host",
    env: "RELAY_METRICS_HOST",
    what: "address to listen on for it",
    ...hostName,
  },
  {
    setting: "metricsTokens",
    env: "RELAY_METRICS_TOKENS",
    what: "bearer tokens for /metrics, which without a port of its own is on the relay's",
    secret: true,
    ...list(Token, mustBeTokens),
  },
  {
    setting: "metricsTokens",
    flag: "metrics-tokens-file",
    env: "RELAY_METRICS_TOKENS_FILE",
    what: "a file of such tokens, one a line",
    secret: true,
    schema: TokensFile,
    must: `a file of ${mustBeTokens}, one a line`,
  },
  { setting: "log", flag: "log", env: "RELAY_LOG", what: "what is written to stdout", ...oneOf(LOG_LEVELS) },
  {
    setting: "logDetail",
    flag: "log-detail",
    env: "RELAY_LOG_DETAIL",
    what: "whether that names networks and the beginnings of room ids",
    ...oneOf(SWITCH),
  },
  {
    setting: "logDir",
    flag: "log-dir",
    env: "RELAY_LOG_DIR",
    what: "folder for the same lines and for counts of each day",
    schema: z.string(),
    must: "a path",
  },
];

export type Config =
  | { kind: "run"; settings: Partial<Settings> }
  /** Asks a relay how it is: the one at the URL, or the one that these settings would start. */
  | { kind: "healthcheck"; url: string | undefined; settings: Partial<Settings> }
  | { kind: "help" }
  /** One line for everything that is wrong, so that one start tells it all. */
  | { kind: "wrong"; problems: string[] };

/** A flag beats the environment; an environment variable that is empty counts as unset; --help beats whatever is wrong. */
export function readConfig(argv: string[], env: NodeJS.ProcessEnv): Config {
  const problems: string[] = [];
  const checked = argv[0] === "healthcheck" ? { url: argv[1]?.startsWith("-") ? undefined : argv[1] } : undefined;
  const flags = readFlags(argv.slice(checked ? (checked.url ? 2 : 1) : 0), problems);
  if (flags.has("help")) return { kind: "help" };

  const settings: Record<string, unknown> = {};
  for (const { setting, flag = "", env: variable, schema, must, secret } of OPERATORS) {
    const [name, given] = flags.has(flag) ? [`--${flag}`, flags.get(flag)] : [variable, env[variable] || undefined];
    if (name === variable && given === undefined) continue;
    const value = schema.safeParse(given);
    if (value.success) settings[setting] = value.data;
    else problems.push(`${name} must be ${must}${complaint(given, secret)}`);
  }
  const conflict = problems.length === 0 ? conflictIn({ ...DEFAULTS, ...settings }) : undefined;
  if (conflict) problems.push(conflict);
  if (problems.length > 0) return { kind: "wrong", problems };
  return checked ? { kind: "healthcheck", url: checked.url, settings } : { kind: "run", settings };
}

function complaint(given: string | undefined, secret = false): string {
  if (!given) return ", but has no value";
  return secret ? "" : `, not "${given}"`;
}

export function usage(): string {
  const rows = OPERATORS.map(({ setting, flag, env, what, unit = "", scale = 1 }) => {
    const value = DEFAULTS[setting];
    const standard = typeof value === "number" ? `${value / scale}${unit && ` ${unit}`}` : inWords(value);
    return `  ${(flag === undefined ? "" : `--${flag}`).padEnd(30)} ${env.padEnd(34)} ${what} [${standard}]`;
  });
  const head = `  ${"flag".padEnd(30)} environment`;
  const first = ["usage: node relay/dist/index.js [flags]", "       node relay/dist/index.js healthcheck [url]"];
  return [...first, "", head, ...rows, ""].join("\n");
}

function inWords(value: string | readonly string[] | TrustedProxies | undefined): string {
  if (typeof value === "string") return value || "none";
  return Array.isArray(value) && value.length > 0 ? value.join(",") : "none";
}

/** The value of every known flag, if it has one. `strict` would stop at the first mistake. */
function readFlags(argv: string[], problems: string[]): Map<string, string | undefined> {
  const named = OPERATORS.flatMap(({ flag }) => flag ?? []);
  const options = Object.fromEntries(named.map((flag) => [flag, { type: "string" as const }]));
  // parseArgs would take the flag that follows for the value that is missing, and hide what is wrong with it.
  const lacksValue = (arg: string, next = "") =>
    Object.hasOwn(options, arg.slice(2)) && arg.startsWith("--") && next.startsWith("--");
  const { tokens } = parseArgs({
    args: argv.map((arg, at) => (lacksValue(arg, argv[at + 1]) ? `${arg}=` : arg)),
    options: { ...options, help: { type: "boolean" } },
    strict: false,
    tokens: true,
  });
  const flags = new Map<string, string | undefined>();
  for (const token of tokens) {
    if (token.kind === "positional") problems.push(`unexpected argument "${token.value}"`);
    if (token.kind !== "option") continue;
    if (Object.hasOwn(options, token.name) || token.name === "help") flags.set(token.name, token.value);
    else problems.push(`unknown flag ${token.rawName}`);
  }
  return flags;
}
