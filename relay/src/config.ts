/**
 * Every number of the relay that can be set, with its default and its reason: by the operator, by flag or environment, or
 * by a program or test that starts a relay of its own. Nothing else reads the environment or the command line. A number
 * that nobody sets stands in the file that uses it.
 */
import { parseArgs } from "node:util";
import * as z from "zod";

export const DEFAULTS = {
  /** All IPv4 interfaces: a relay is there to be reached. */
  host: "0.0.0.0",
  /** 0 takes any free port. */
  port: 9784,
  maxRooms: 1000,
  /** How long a room takes receivers, in ms: half an hour is enough to tell somebody a code. */
  roomTtlMs: 30 * 60_000,
  /** The largest message of a peer: a whole share of the first clients travels in one of 10 MiB. */
  maxMessageBytes: 10 * 1024 * 1024,
  /** CREATE_ROOMs, and JOIN_ROOMs of no room, of one address in a window: more than a person needs, too few to guess rooms. */
  rateLimitMax: 20,
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
  /** How long a connection may take for its HTTP request, and again for its first message, in ms. */
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
   * How long one read of a peer, of up to 64 KiB, may take to handle before the next has to wait for all others, in ms: ten
   * times what a large frame takes. Of tiny ones a read brings 10,000, and without this there are 32 reads in a row.
   */
  readMs: 1,
  /** Between two pings, in ms: below the 30 s after which the strictest middleboxes forget an idle connection. */
  pingMs: 25_000,
  /** What may wait for one peer before the other is paused: hides a round trip at 100 Mbit/s, and costs 1 GB in 1000 rooms. */
  highWaterBytes: 1024 * 1024,
  /** The same in frames: a tiny one costs some 500 bytes of bookkeeping. */
  highWaterFrames: 4096,
  /** How long a peer that was handed no data may take to answer a close, in ms. */
  closeMs: 2_000,
  /** The same for one that was: the close stands behind whatever the kernels of both ends still hold for it. */
  lingerMs: 30_000,
  /** How long a peer that still takes may need for the last of its data once the other has gone, in ms: 10 MiB at 280 kbit/s. */
  flushMs: 5 * 60_000,
  /** How long a transfer may go on after the end of its room's lifetime, in ms: 1 GiB at 1.2 Mbit/s. */
  overtimeMs: 2 * 60 * 60_000,
  /** How long peers get to answer the close of a relay that stops, in ms: with all else, less than the 5 s it promises. */
  stopMs: 2_000,
};
export type Settings = Readonly<typeof DEFAULTS>;

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

/** What is the operator's to set. The longest time is a week, well within what a timer of Node can hold. */
const OPERATORS = {
  host: {
    flag: "host",
    env: "RELAY_HOST",
    what: "address to listen on",
    schema: z.string().regex(/^\S+$/),
    must: "an IP address or a host name",
    unit: "",
    scale: 1,
  },
  port: { flag: "port", env: "RELAY_PORT", what: "TCP port, 0 takes any free one", ...whole(0, 65_535, "") },
  maxRooms: { flag: "max-rooms", env: "RELAY_MAX_ROOMS", what: "rooms at once", ...whole(1, 1_000_000, "") },
  roomTtlMs: {
    flag: "room-ttl",
    env: "RELAY_ROOM_TTL",
    what: "lifetime of a room",
    ...whole(1, 7 * 24 * 60 * 60, "seconds", MS_PER_S),
  },
  maxMessageBytes: {
    flag: "max-msg-size",
    env: "RELAY_MAX_MSG_SIZE",
    what: "largest message",
    ...whole(MIN_MESSAGE_BYTES, 1024 ** 3, "bytes"),
  },
  rateLimitMax: {
    flag: "rate-limit-max",
    env: "RELAY_RATE_LIMIT_MAX",
    what: "counted requests of one address in a window",
    ...whole(1, 1_000_000_000, ""),
  },
  rateLimitWindowMs: {
    flag: "rate-limit-window",
    env: "RELAY_RATE_LIMIT_WINDOW",
    what: "length of that window",
    ...whole(1, 24 * 60 * 60, "seconds", MS_PER_S),
  },
} as const;

type Key = keyof typeof OPERATORS;
const KEYS = Object.keys(OPERATORS) as Key[];

export type Config =
  | { kind: "run"; settings: Partial<Settings> }
  | { kind: "help" }
  /** One line for everything that is wrong, so that one start tells it all. */
  | { kind: "wrong"; problems: string[] };

/** A flag beats the environment; an environment variable that is empty counts as unset; --help beats whatever is wrong. */
export function readConfig(argv: string[], env: NodeJS.ProcessEnv): Config {
  const problems: string[] = [];
  const flags = readFlags(argv, problems);
  if (flags.has("help")) return { kind: "help" };

  const settings: Record<string, unknown> = {};
  for (const key of KEYS) {
    const { flag, env: variable, schema, must } = OPERATORS[key];
    const [name, given] = flags.has(flag) ? [`--${flag}`, flags.get(flag)] : [variable, env[variable] || undefined];
    if (name === variable && given === undefined) continue;
    const value = schema.safeParse(given);
    if (value.success) settings[key] = value.data;
    else problems.push(`${name} must be ${must}, ${given ? `not "${given}"` : "but has no value"}`);
  }
  return problems.length > 0 ? { kind: "wrong", problems } : { kind: "run", settings };
}

export function usage(): string {
  const rows = KEYS.map((key) => {
    const { flag, env, what, unit, scale } = OPERATORS[key];
    const value = DEFAULTS[key];
    const standard = typeof value === "number" ? value / scale : value;
    return `  --${flag.padEnd(18)} ${env.padEnd(24)} ${what} [${standard}${unit && ` ${unit}`}]`;
  });
  return ["usage: node relay/dist/index.js [flags]", "", "  flag                 environment", ...rows, ""].join("\n");
}

/** The value of every known flag, if it has one. `strict` would stop at the first mistake. */
function readFlags(argv: string[], problems: string[]): Map<string, string | undefined> {
  const options = Object.fromEntries(KEYS.map((key) => [OPERATORS[key].flag, { type: "string" as const }]));
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
