/**
 * How an operator sets the relay's numbers: flags and environment, read by the list of operators.ts. Nothing else reads the
 * environment or the command line.
 */
import { parseArgs } from "node:util";
import { FIXED_SETTINGS, type FixedSetting, OPERATOR_SETTINGS } from "./operators.ts";
import { conflictIn, DEFAULTS, type Settings } from "./settings.ts";
import { defaultInWords } from "./tables.ts";

export type RelayConfig =
  | { kind: "run"; settings: Partial<Settings> }
  /** Asks a relay how it is: the one at the URL, or the one that these settings would start. */
  | { kind: "healthcheck"; url: string | undefined; settings: Partial<Settings> }
  | { kind: "help" }
  /** One line for everything that is wrong, so that one start reports all of it. */
  | { kind: "wrong"; problems: string[] };

/** What was given, and by which name; without a text it is a flag that lacks its value. */
interface Given {
  readonly name: string;
  readonly text: string | undefined;
}

type Flags = ReadonlyMap<string, string | undefined>;

/** A flag beats the environment; an environment variable that is empty counts as unset; --help beats whatever is wrong. */
export function readConfig(argv: string[], env: NodeJS.ProcessEnv): RelayConfig {
  const problems: string[] = [];
  const checked = argv[0] === "healthcheck" ? { url: argv[1]?.startsWith("-") ? undefined : argv[1] } : undefined;
  const flags = readFlags(argv.slice(checked ? (checked.url ? 2 : 1) : 0), problems);
  if (flags.has("help")) return { kind: "help" };

  const settings = readSettings(flags, env, problems);
  problems.push(...FIXED_SETTINGS.flatMap((fixed) => changesOf(fixed, flags, env)));
  const conflict = problems.length === 0 ? conflictIn({ ...DEFAULTS, ...settings }) : undefined;
  if (conflict) problems.push(conflict);
  if (problems.length > 0) return { kind: "wrong", problems };
  return checked ? { kind: "healthcheck", url: checked.url, settings } : { kind: "run", settings };
}

function readSettings(flags: Flags, env: NodeJS.ProcessEnv, problems: string[]): Partial<Settings> {
  const settings: Record<string, unknown> = {};
  for (const { setting, flag, env: variable, schema, must, secret } of OPERATOR_SETTINGS) {
    const given = fromFlag(flag, flags) ?? fromVariable(variable, env);
    if (!given) continue;
    const value = schema.safeParse(given.text);
    if (value.success) settings[setting] = value.data;
    else problems.push(`${given.name} must be ${must}${complaint(given.text, secret)}`);
  }
  return settings;
}

function fromFlag(flag: string | undefined, flags: Flags): Given | undefined {
  return flag !== undefined && flags.has(flag) ? { name: `--${flag}`, text: flags.get(flag) } : undefined;
}

function fromVariable(name: string, env: NodeJS.ProcessEnv): Given | undefined {
  return env[name] ? { name, text: env[name] } : undefined;
}

/** Somebody relied on this value, and would not notice that it has no effect any more. Its default changes nothing. */
function changesOf(fixed: FixedSetting, flags: Flags, env: NodeJS.ProcessEnv): string[] {
  const given = [fromFlag(fixed.flag, flags), fromVariable(fixed.env, env)].filter((it) => it !== undefined);
  const isDefault = ({ text = "" }: Given) =>
    /^\d+$/.test(text) && Number(text) * fixed.scale === DEFAULTS[fixed.setting];
  return given
    .filter((it) => !isDefault(it))
    .map(({ name }) => `${name} can no longer be set: it is fixed at ${defaultInWords(fixed)}. Remove it`);
}

function complaint(given: string | undefined, secret = false): string {
  if (!given) return ", but has no value";
  return secret ? "" : `, not "${given}"`;
}

/** The value of every known flag, if it has one. `strict` would stop at the first mistake. */
function readFlags(argv: string[], problems: string[]): Flags {
  const named = [...OPERATOR_SETTINGS, ...FIXED_SETTINGS].flatMap(({ flag }) => flag ?? []);
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
