/**
 * Text in, in pieces cut anywhere; text out, with placeholders where secrets were and without the paths that say who and
 * where. What comes out depends on the text and not on how it was cut. Whatever is found stays in here: out go rules,
 * lines and placeholders.
 *
 *     pushed   ────────────────────────────┬──────────────────────────────────┐
 *                     done   │ context │     window                │  margin  │  waits
 *                                      └─ from here on ── up to a cut ─┘
 *
 * A window is scanned together with some context before it, and given out but for its last MARGIN_CHARS: no secret is
 * longer, so none that begins before the cut can end behind the window.
 */
import { createHash, randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { assignmentAt, type Found } from "./assignments.ts";
import { encodedTexts } from "./encoded.ts";
import type { KnownSecret } from "./known.ts";
import { MENTION_EFFORT, mentionsAt } from "./mentions.ts";
import { NAME_STARTS, nameAt } from "./names.ts";
import { type Place, placeAt, type Replacement } from "./paths.ts";
import { isMeant, JUDGED_CHARS, MAX_SECRET_CHARS, type Rule } from "./rule.ts";
import { RULES } from "./rules.ts";
import { columnsBelow, mayBeHeading } from "./tables.ts";
import { MIN_TRIGGER_CHARS, type Trigger, Triggers } from "./triggers.ts";
import { viewOf } from "./visible.ts";

export interface RedactorOptions {
  /** `redact` replaces secrets, `block` only reports them, so that the caller can refuse; `allow` does not look. */
  readonly secrets: "redact" | "block" | "allow";
  readonly known?: readonly KnownSecret[];
  /** Shared by texts in which the same secret is to have the same placeholder; by default the text has its own. */
  readonly placeholders?: Placeholders;
  /** What paths are shortened to; without it they stay as they are. */
  readonly places?: readonly Place[];
  /** Ends the work at the next turn. */
  readonly signal?: AbortSignal;
}

/** One secret that was found, without the secret. */
export interface Finding {
  readonly rule: string;
  /** In the text that was pushed, from 1 on. */
  readonly line: number;
  /** What stands in its place, or with `block` would. */
  readonly placeholder: string;
}

export interface Report {
  /** The first MAX_LISTED of them, in their order. */
  readonly findings: readonly Finding[];
  /** All of them, by rule. */
  readonly counts: ReadonlyMap<string, number>;
  readonly total: number;
  /** How many paths were shortened. */
  readonly paths: number;
}

/** So many findings are listed; all are counted. */
export const MAX_LISTED = 1_000;

const CONTEXT_CHARS = 4 * 1024;
/** More than a secret with its name can be long. */
const MARGIN_CHARS = MAX_SECRET_CHARS + 2 * CONTEXT_CHARS;
/** So much is scanned at a time: four times the margin, which is scanned twice. */
const WINDOW_CHARS = 96 * 1024;
/** So much is handled before others have a turn, in texts long and short: a window with its context. */
const MAX_STRETCH_CHARS = 128 * 1024;

/**
 * How much may be done for each BLOCK_CHARS of a text, in about as many steps as characters are looked at. A page of nothing
 * but settings takes less than half of it, and no block of 12,282 files of others took all of it. Where more is to be done,
 * somebody wants it to be: in the rest of that block nothing is looked for.
 */
const BLOCK_CHARS = 16 * 1024;
const BLOCK_EFFORT = 5 * BLOCK_CHARS;
/** Of a try that ends at once, as most do. */
const TRY_EFFORT = 4;
const JUDGE_EFFORT = 40;
const HEADING_EFFORT = 250;
/** Past this many different secrets the placeholders have no number: a list of them would grow with the text. */
const MAX_NUMBERED = 10_000;

type Target =
  | { readonly is: "rule"; readonly rank: number; readonly rule: Rule }
  | { readonly is: "known"; readonly secret: KnownSecret }
  | { readonly is: "name"; readonly word: string; readonly chars: number }
  | { readonly is: "place"; readonly place: Place };

/** What was found, and how well it is known: the lower the rank, the more its rule's name says. */
interface Ranked extends Found {
  readonly rank: number;
}

const KNOWN_RANK = RULES.length;
const NAME_RANK = KNOWN_RANK + 1;
const ENCODED_RANK = NAME_RANK + 1;
/** Base64 in base64 in base64: a file of settings in a manifest, which is a secret of another. */
const MAX_DEPTH = 3;

const PLACEHOLDER_START = "[redacted: ";
const PLACEHOLDER = /\[redacted: [a-z0-9-]{1,40}(?: #\d{1,5})?\]/g;

/** Which secret has which placeholder: the same one the same. */
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

/** How much was handled since the last turn, by all of them. */
let stretchChars = 0;

export class Redactor {
  readonly #secrets: RedactorOptions["secrets"];
  readonly #triggers: Triggers<Target>;
  readonly #placeholders: Placeholders;
  readonly #findings: Finding[] = [];
  readonly #counts = new Map<string, number>();
  #total = 0;
  #paths = 0;
  /** Pieces that wait, and how long they are together. */
  #waiting: string[] = [];
  #waitingChars = 0;
  /** The last characters that were given out, as they came in. */
  #context = "";
  #line = 1;
  readonly #signal: AbortSignal | undefined;

  constructor(options: RedactorOptions) {
    this.#secrets = options.secrets;
    this.#signal = options.signal;
    this.#placeholders = options.placeholders ?? new Placeholders();
    this.#triggers = triggersOf(options);
  }

  /** One at a time. @returns what is certain by now, redacted. It may be empty. @throws the signal's reason */
  async push(piece: string): Promise<string> {
    this.#waiting.push(piece);
    this.#waitingChars += piece.length;
    let out = "";
    if (this.#waitingChars < WINDOW_CHARS) return out;
    let text = this.#waiting.join("");
    while (text.length >= WINDOW_CHARS) {
      await this.#turn(WINDOW_CHARS + CONTEXT_CHARS);
      const { given, chars } = this.#window(text.slice(0, WINDOW_CHARS), false);
      out += given;
      text = text.slice(chars);
    }
    this.#waiting = [text];
    this.#waitingChars = text.length;
    return out;
  }

  /** @returns the rest, redacted. */
  async end(): Promise<string> {
    const text = this.#waiting.join("");
    this.#waiting = [];
    this.#waitingChars = 0;
    if (text === "") return "";
    await this.#turn(text.length + CONTEXT_CHARS);
    return this.#window(text, true).given;
  }

  /** Lets others have a turn, where this many characters more would be too long a stretch without. */
  async #turn(chars: number): Promise<void> {
    stretchChars += chars;
    if (stretchChars > MAX_STRETCH_CHARS) {
      stretchChars = chars;
      await setImmediate();
    }
    this.#signal?.throwIfAborted();
  }

  /** What was found so far. */
  get report(): Report {
    return { findings: this.#findings, counts: this.#counts, total: this.#total, paths: this.#paths };
  }

  /** Scans a window and redacts it up to a cut, or to its end if it is the last one. */
  #window(window: string, isLast: boolean): { given: string; chars: number } {
    const from = this.#context.length;
    const text = this.#context + window;
    const { secrets, shortened } = this.#scan(text);
    let cut = isLast ? text.length : cutBefore(text, text.length - MARGIN_CHARS);
    for (const { start, end } of [...secrets, ...shortened]) if (start < cut && end > cut) cut = end;

    const edits: Replacement[] = [];
    let counted = from;
    for (const secret of secrets) {
      if (secret.end <= from || secret.start >= cut) continue;
      // What began before the last cut went then, as far as it was seen.
      const start = Math.max(secret.start, from);
      this.#line += linesIn(text, counted, start);
      counted = start;
      const placeholder = this.#note(secret.rule, text.slice(start, secret.end));
      if (this.#secrets === "redact") edits.push({ start, end: secret.end, text: placeholder });
    }
    this.#line += linesIn(text, counted, cut);
    for (const path of shortened) {
      if (path.start < from || path.start >= cut) continue;
      this.#paths++;
      edits.push(path);
    }
    edits.sort((a, b) => a.start - b.start);
    let given = "";
    let at = from;
    for (const edit of edits) {
      given += text.slice(at, edit.start) + edit.text;
      at = edit.end;
    }
    given += text.slice(at, cut);
    this.#context = text.slice(Math.max(0, cut - CONTEXT_CHARS), cut);
    return { given, chars: cut - from };
  }

  /** Everything in a text that goes, as it stands and as it is read: no two of them overlap. */
  #scan(text: string): { secrets: Found[]; shortened: Replacement[] } {
    const view = viewOf(text);
    // Two readings of a text share what may be done for it.
    const effort = view === undefined ? BLOCK_EFFORT : BLOCK_EFFORT / 2;
    const { found, paths } = this.#findIn(text, effort);
    if (view !== undefined) {
      const seen = this.#findIn(view.text, effort);
      const placed = <T extends { start: number; end: number }>(one: T): T => ({
        ...one,
        start: view.place(one.start),
        end: view.place(one.end - 1) + 1,
      });
      for (const one of seen.found) found.push(placed(one));
      // Read right they are paths of their own: the letter that ends a colour is no part of a name.
      paths.unshift(...seen.paths.map(placed));
    }
    const secrets = merged(found, text);
    return { secrets, shortened: apart(paths, secrets) };
  }

  #findIn(text: string, effort = BLOCK_EFFORT, depth = 0): { found: Ranked[]; paths: Replacement[] } {
    const found: Ranked[] = [];
    const paths: Replacement[] = [];
    /** Up to where each rule has found something: what begins in there is part of it. */
    const behind = new Map<Rule, number>();
    let behindNames = 0;
    let behindTable = 0;
    let block = -1;
    let left = effort;
    this.#triggers.each(text, (at, { literal, what }) => {
      if (what.is === "place") {
        const path = placeAt(text, at, what.place);
        if (path) paths.push(path);
        return;
      }
      if (what.is === "known") {
        found.push({ rule: what.secret.rule, rank: KNOWN_RANK, start: at, end: at + literal.length });
        return;
      }
      if (block !== Math.floor(at / BLOCK_CHARS)) {
        block = Math.floor(at / BLOCK_CHARS);
        left = effort;
      }
      if (left <= 0) return;
      if (what.is === "name") {
        if (at < behindNames) return;
        left -= TRY_EFFORT;
        const name = nameAt(text, at, what.word, what.chars);
        if (name !== undefined) {
          const { secrets, effort: taken } = assignmentAt(text, name);
          left -= taken;
          for (const one of secrets) {
            behindNames = one.end;
            found.push({ ...one, rank: NAME_RANK });
          }
          // Of codes there is a list.
          if (secrets.length === 0 || name.kind === "code") {
            left -= MENTION_EFFORT;
            for (const one of mentionsAt(text, name)) found.push({ ...one, rank: NAME_RANK });
          }
        }
        if (at >= behindTable && mayBeHeading(text, at, what.chars)) {
          left -= HEADING_EFFORT;
          const { secrets, end } = columnsBelow(text, at);
          behindTable = Math.max(behindTable, end);
          for (const cell of secrets) found.push({ ...cell, rank: NAME_RANK });
        }
      } else if (at >= (behind.get(what.rule) ?? 0)) {
        const secret = matchAt(text, at, what.rule);
        left -= what.rule.effort ?? TRY_EFFORT;
        if (secret === undefined) return;
        left -= JUDGE_EFFORT + 2 * Math.min(secret.end - secret.start, JUDGED_CHARS);
        if (!secret.isMeant) return;
        behind.set(what.rule, secret.end);
        found.push({ rule: secret.rule, start: secret.start, end: secret.end, rank: what.rank });
      }
    });
    if (this.#secrets !== "allow" && depth < MAX_DEPTH) {
      for (const { start, end, text: decoded } of encodedTexts(text)) {
        const [secret] = this.#findIn(decoded, effort, depth + 1).found;
        if (secret) found.push({ rule: secret.rule, rank: ENCODED_RANK, start, end });
      }
    }
    return { found, paths };
  }

  #note(rule: string, secret: string): string {
    const placeholder = this.#placeholders.of(rule, secret);
    this.#total++;
    this.#counts.set(rule, (this.#counts.get(rule) ?? 0) + 1);
    if (this.#findings.length < MAX_LISTED) this.#findings.push({ rule, line: this.#line, placeholder });
    return placeholder;
  }
}

/** A whole text at once. */
export async function redactText(text: string, options: RedactorOptions): Promise<{ text: string; report: Report }> {
  const redactor = new Redactor(options);
  const redacted = (await redactor.push(text)) + (await redactor.end());
  return { text: redacted, report: redactor.report };
}

/** What is in a text that came from somebody else: rules and lines, nothing replaced. */
export async function scanText(text: string): Promise<Report> {
  return (await redactText(text, { secrets: "block" })).report;
}

/** Made once for the options of many texts, and once for all that have none of their own. */
const triggersByOptions = new WeakMap<RedactorOptions, Triggers<Target>>();
let ownTriggers: Triggers<Target> | undefined;

function triggersOf(options: RedactorOptions): Triggers<Target> {
  const { secrets, known = [], places = [] } = options;
  if (secrets !== "allow" && known.length === 0 && places.length === 0) {
    ownTriggers ??= new Triggers(allTriggers([], []));
    return ownTriggers;
  }
  const made = triggersByOptions.get(options);
  if (made) return made;
  const triggers = new Triggers(secrets === "allow" ? placeTriggers(places) : allTriggers(known, places));
  triggersByOptions.set(options, triggers);
  return triggers;
}

function placeTriggers(places: readonly Place[]): Trigger<Target>[] {
  return places.map((place) => ({ literal: place.literal, exact: place.exact, what: { is: "place", place } }));
}

function allTriggers(known: readonly KnownSecret[], places: readonly Place[]): Trigger<Target>[] {
  const triggers = placeTriggers(places);
  RULES.forEach((rule, rank) => {
    const exact = !rule.pattern.ignoreCase;
    for (const literal of rule.starts) triggers.push({ literal, exact, what: { is: "rule", rank, rule } });
  });
  for (const { literal, exact, word } of NAME_STARTS) {
    triggers.push({
      literal,
      exact,
      what: { is: "name", word, chars: literal.startsWith(word) ? word.length : literal.length },
    });
  }
  for (const secret of known) {
    for (const literal of secret.forms) {
      if (literal.length >= MIN_TRIGGER_CHARS) triggers.push({ literal, exact: true, what: { is: "known", secret } });
    }
  }
  return triggers;
}

function matchAt(text: string, at: number, rule: Rule): (Found & { readonly isMeant: boolean }) | undefined {
  rule.pattern.lastIndex = at;
  const match = rule.pattern.exec(text);
  if (match === null) return undefined;
  let start = at;
  let end = at + match[0].length;
  const taken = Object.values(match.indices?.groups ?? {}).filter((place) => place !== undefined);
  if (taken.length > 0) {
    start = Math.min(...taken.map(([first]) => first));
    end = Math.max(...taken.map(([, last]) => last));
  }
  const meant = !(rule.isWeak && isInBase64(text, start, end)) && isMeant(rule, text.slice(start, end));
  return { rule: rule.id, start, end, isMeant: meant };
}

/** Whether it is part of a longer run of base64, or of a block of its lines. */
function isInBase64(text: string, start: number, end: number): boolean {
  if (/[+/]/.test(text.charAt(start - 1)) && /[A-Za-z0-9+/]{8}$/.test(text.slice(Math.max(0, start - 9), start - 1)))
    return true;
  if (/^[+/][A-Za-z0-9+/]{8}/.test(text.slice(end, end + 9))) return true;
  return (
    /[A-Za-z0-9+/]{56}[\s"',\\nr>]{1,24}[A-Za-z0-9+/]{0,80}$/.test(text.slice(Math.max(0, start - 160), start)) ||
    /^[A-Za-z0-9+/]{0,80}[\s"',\\nr>]{1,24}[A-Za-z0-9+/]{56}/.test(text.slice(end, end + 160))
  );
}

/** Findings that overlap are one, by the name that says most. What is a placeholder already is none, nor part of one. */
function merged(found: Ranked[], text: string): Found[] {
  found.sort((a, b) => a.start - b.start || a.rank - b.rank);
  const one: Ranked[] = [];
  for (const next of found) {
    const last = one.at(-1);
    if (last === undefined || next.start >= last.end) {
      one.push(next);
      continue;
    }
    const { rule, rank } = next.rank < last.rank ? next : last;
    one[one.length - 1] = { rule, rank, start: last.start, end: Math.max(last.end, next.end) };
  }
  const placeholders = !text.includes(PLACEHOLDER_START)
    ? []
    : [...text.matchAll(PLACEHOLDER)].map(({ index, 0: { length } }) => ({
        start: index,
        end: index + length,
      }));
  return around(one, placeholders);
}

/** Less than this beside a placeholder is what stood around the secret that is gone: a quote, a separator. */
const MIN_REST_CHARS = 4;

/** What of these is in none of the others. Both in their order, each apart. */
function around(these: readonly Found[], others: readonly { start: number; end: number }[]): Found[] {
  const rest: Found[] = [];
  let other = 0;
  for (const { rule, start, end } of these) {
    while ((others[other]?.end ?? Number.POSITIVE_INFINITY) <= start) other++;
    let from = start;
    let isCut = false;
    for (let next = other; next < others.length; next++) {
      const hole = others[next];
      if (hole === undefined || hole.start >= end) break;
      if (hole.start - from >= MIN_REST_CHARS) rest.push({ rule, start: from, end: hole.start });
      from = hole.end;
      isCut = true;
    }
    if (end - from >= (isCut ? MIN_REST_CHARS : 1)) rest.push({ rule, start: from, end });
  }
  return rest;
}

/** Those that touch none of the others, and not each other: the first one stays. Both in the order of their starts, the others apart. */
function apart<T extends { start: number; end: number }>(
  these: readonly T[],
  others: readonly { start: number; end: number }[],
): T[] {
  const kept: T[] = [];
  let other = 0;
  let behind = 0;
  for (const one of [...these].sort((a, b) => a.start - b.start)) {
    while ((others[other]?.end ?? Number.POSITIVE_INFINITY) <= one.start) other++;
    const touches = (others[other]?.start ?? Number.POSITIVE_INFINITY) < one.end;
    if (touches || one.start < behind) continue;
    kept.push(one);
    behind = one.end;
  }
  return kept;
}

/** The same place, or one before, where no surrogate pair is cut. */
function cutBefore(text: string, at: number): number {
  const code = text.charCodeAt(at - 1);
  return code >= 0xd800 && code <= 0xdbff ? at - 1 : at;
}

function linesIn(text: string, from: number, to: number): number {
  let lines = 0;
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}
