/** What a rule is: a form by which a secret is known, and whether what has the form is meant as one. */
import { entropyBits } from "./values.ts";
import { isWords } from "./words.ts";

export interface Rule {
  /** Its name in placeholders and results. */
  readonly id: string;
  /** What it finds, for the table in the README. */
  readonly finds: string;
  /** Literals at which the pattern may begin, in any case if the pattern takes any. Three characters or more. */
  readonly starts: readonly string[];
  /** Sticky. What goes is what the groups took, from the first to the last of them; without groups, all of it. */
  readonly pattern: RegExp;
  /** Whether its mark is so short that random base64 has it: within a run or block of that it is none. */
  readonly isWeak?: boolean;
  /** Sticky. What has to stand there before the whole pattern is tried, where that takes much. */
  readonly head?: RegExp;
  /** What a try takes, in characters that are looked at; where it is not given, as many as most take. */
  readonly effort?: number;
  /** Whether this one is meant. Without it, what is an example or has no entropy is left. */
  readonly valid?: (secret: string) => boolean;
}

/** Random characters have more bits each; `AKIAAAAAAAAAAAAAAAAA` and `ghp_xxxxxxxx` have fewer. */
const MIN_BITS = 2.2;
/** So much of a match is judged. */
export const JUDGED_CHARS = 128;

export function isMeant(rule: Rule, secret: string): boolean {
  if (rule.valid) return rule.valid(secret);
  // Forty letters of one case are words run together.
  return (
    !PRETENDS.test(secret) &&
    !/^[a-z_.-]+$/.test(secret) &&
    !isWords(secret.slice(0, JUDGED_CHARS)) &&
    entropyBits(secret.slice(0, JUDGED_CHARS)) >= MIN_BITS
  );
}

/** A token of a service that is an example of one. */
const PRETENDS =
  /x{5}|0{8}|\*{3}|\.{3}|\u2026|example|placeholder|your[-_]|redacted|(?:0123456789|1234567890).{0,8}$|abcdefghij/i;

/** In which a hex number begins. */
export const HEX_DIGITS = [..."0123456789abcdef"];
/** For what has no other meaning, whatever its characters. */
export const always = () => true;

/**
 * Where a word may begin: behind anything that is no part of one. The letter of an escaped line end, a percent-encoded
 * sign and the end of a terminal's colour, or of its clearing of a line, are none.
 */
export const LEFT = "(?:(?<![A-Za-z0-9_-])|(?<=\\\\[nrtbf])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[(?:[0-9;:]{1,24}m|[0-2]?K)))";

/** In the notation of forms.ts. */
export const UUID = "~h{8}-~h{4}-~h{4}-~h{4}-~h{12}";

/** What a try takes where some hundred characters may follow. */
export const LONG_EFFORT = 30;
