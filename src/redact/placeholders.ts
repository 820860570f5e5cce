/** What stands in the place of a secret: `[redacted: github-token #1]`. The same secret has the same number. */
import { createHash, randomBytes } from "node:crypto";
import { KNOWN_RULES } from "./known.ts";
import { RULE_OF } from "./name-words.ts";
import { RULES } from "./rules.ts";

/** Past this many different secrets the placeholders have no number: a list of them would grow with the text. */
const MAX_NUMBERED = 10_000;

const PLACEHOLDER_START = "[redacted: ";
/** Of a rule that there is: whatever else is written like a placeholder may be a secret. */
const IDS = [...new Set([...RULES.map(({ id }) => id), ...Object.values(RULE_OF), ...KNOWN_RULES])];
const PLACEHOLDER = new RegExp(`\\[redacted: (?:${IDS.join("|")})(?: #\\d{1,5})?\\]`, "g");

/** Also of one that was cut off. */
const BEGIN = new RegExp(`\\[redacted: (?:${IDS.join("|")})(?![\\w-])`);

/** Which secret has which placeholder. */
export class Placeholders {
  readonly #known = new Map<string, string>();
  readonly #lastNumber = new Map<string, number>();
  /** Secrets are told apart by a digest that nobody else can compute. */
  readonly #salt = randomBytes(16);

  of(rule: string, secret: string): string {
    const digest = createHash("sha256").update(this.#salt).update(secret, "utf16le").digest("base64");
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_NUMBERED) return `[redacted: ${rule}]`;
    const number = (this.#lastNumber.get(rule) ?? 0) + 1;
    this.#lastNumber.set(rule, number);
    const placeholder = `[redacted: ${rule} #${number}]`;
    this.#known.set(digest, placeholder);
    return placeholder;
  }
}

/** Where placeholders stand in a text already, in their order. */
export function placeholdersIn(text: string): { start: number; end: number }[] {
  if (!text.includes(PLACEHOLDER_START)) return [];
  return [...text.matchAll(PLACEHOLDER)].map(({ index, 0: { length } }) => ({ start: index, end: index + length }));
}

/** Whether what begins there is the name of a placeholder's rule. */
export function isWithinPlaceholder(text: string, at: number): boolean {
  if (!text.slice(Math.max(0, at - MAX_ID_CHARS), at).includes(PLACEHOLDER_START)) return false;
  const from = Math.max(0, at - MAX_ID_CHARS - PLACEHOLDER_START.length);
  return placeholdersIn(text.slice(from, at + 2 * MAX_ID_CHARS)).some(
    ({ start, end }) => from + start < at && at < from + end,
  );
}

/** Of the longest rule's name, at least. */
const MAX_ID_CHARS = 40;

/** Whether there is one in a value. */
export function holdsPlaceholder(value: string): boolean {
  return value.includes(PLACEHOLDER_START) && BEGIN.test(value);
}
