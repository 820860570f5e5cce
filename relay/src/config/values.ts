/** How operators spell what they set, in flags, variables and files of tokens: each kind of value with its check. */
import { readFileSync } from "node:fs";
import proxyAddr from "proxy-addr";
import * as z from "zod";
import type { TrustedProxies } from "./settings.ts";

/** A kind of value, as an operator writes it. */
export interface ValueKind {
  /** Text to a setting. */
  readonly schema: z.ZodType;
  /** What it must be, after "must be". */
  readonly must: string;
  /** Of a number as operators write it. */
  readonly unit?: string;
  /** How many of our own units that is. */
  readonly scale?: number;
}

export const MS_PER_S = 1000;

/** A whole number as operators write it: the value in `unit`, times `scale` in our own. */
export function whole(min: number, max: number, unit = "", scale = 1): ValueKind {
  const schema = z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .transform((value) => value * scale);
  return { schema, must: `a whole number from ${min} to ${max}${unit && ` (${unit})`}`, unit, scale };
}

/** The same for a time, which is in ms among the settings. */
export function seconds(min: number, max: number): ValueKind {
  return whole(min, max, "seconds", MS_PER_S);
}

export function oneOf(values: readonly string[]): ValueKind {
  return { schema: z.enum(values), must: values.join(" or ") };
}

/** Several of one kind, with commas between them. */
function list<T extends string>(item: z.ZodType<T, string>, must: string): ValueKind {
  const parts = z.string().transform((text) => text.split(",").map((part) => part.trim()));
  return { schema: parts.pipe(z.array(item).min(1)), must: `${must}, with commas between them` };
}

export function listOf(values: readonly string[]): ValueKind {
  return list(z.enum(values), `of ${values.join(", ")}`);
}

export function secretText(minChars: number): ValueKind {
  return { schema: z.string().min(minChars), must: `at least ${minChars} characters` };
}

export const PATH: ValueKind = { schema: z.string(), must: "a path" };

export const HOST: ValueKind = { schema: z.string().regex(/^\S+$/), must: "an IP address or a host name" };

export const HOSTS = list(
  z
    .string()
    .toLowerCase()
    .regex(/^[^\s:/]+$/),
  "host names without port",
);

export const ORIGINS = list(
  z
    .string()
    .toLowerCase()
    .regex(/^https?:\/\/[^/\s]+$/),
  "origins such as https://example.org",
);

export const PROXIES: ValueKind = {
  schema: z.string().transform((text, context): TrustedProxies => {
    if (/^\d{1,2}$/.test(text)) return { hops: Number(text) };
    const trusted = { networks: text.split(",").map((part) => part.trim()) };
    try {
      proxyAddr.compile(trusted.networks);
      return trusted;
    } catch {
      context.addIssue({ code: "custom", message: "no network" });
      return z.NEVER;
    }
  }),
  must: "how many proxies stand in front, or their networks (127.0.0.1,10.0.0.0/8)",
};

/** Shorter ones can be guessed: `openssl rand -hex 16` makes one of 32. */
const MIN_TOKEN_CHARS = 16;
const Token = z.string().regex(new RegExp(`^[\\x21-\\x2b\\x2d-\\x7e]{${MIN_TOKEN_CHARS},}$`));
const mustBeTokens = `tokens of at least ${MIN_TOKEN_CHARS} printable characters without blanks`;

export const TOKENS = list(Token, mustBeTokens);

/** One token a line; a line that begins with # is a remark. */
export const TOKENS_FILE: ValueKind = {
  schema: z.string().transform((path, context): string[] => {
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
  }),
  must: `a file of ${mustBeTokens}, one a line`,
};
