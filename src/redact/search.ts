/**
 * Everything in one text that goes: secrets by their form, by their name, in tables, word by word, in base64; and paths. What
 * this takes is bounded for each block of the text.
 */
import { assignmentAt } from "./assignments.ts";
import { encodedTexts } from "./encoded.ts";
import { apart, type Found, merged, type Ranked, type Span } from "./found.ts";
import type { KnownSecret } from "./known.ts";
import { mentionsAt } from "./mentions.ts";
import { mayEndLabel, NAME_STARTS, nameAt } from "./names.ts";
import { type Place, placeAt, type Replacement } from "./paths.ts";
import { isMeant, JUDGED_CHARS, type Rule } from "./rule.ts";
import { RULES } from "./rules.ts";
import { columnsBelow, mayBeHeading, type Table } from "./tables.ts";
import { MIN_TRIGGER_CHARS, type Trigger, Triggers } from "./triggers.ts";
import { type View, viewOf } from "./visible.ts";

/**
 * How much may be done for each BLOCK_CHARS of a text, in about as many steps as characters are looked at. A page of nothing
 * but settings takes less than half of it, and no block of 12,282 files of others took all of it. Where more is to be done,
 * somebody wants it to be: in the rest of that block only what takes a short try is looked for, as all tokens with a form of
 * their own do, which can never be too many.
 */
const BLOCK_CHARS = 16 * 1024;
const BLOCK_EFFORT = 5 * BLOCK_CHARS;
/** Of a try that ends at once, as most do. */
const TRY_EFFORT = 4;
const JUDGE_EFFORT = 40;
const HEADING_EFFORT = 250;

type Target =
  | { readonly is: "rule"; readonly rank: number; readonly rule: Rule }
  | { readonly is: "known"; readonly secret: KnownSecret }
  | { readonly is: "name"; readonly word: string; readonly chars: number }
  | { readonly is: "place"; readonly place: Place };

const KNOWN_RANK = RULES.length;
const NAME_RANK = KNOWN_RANK + 1;
const ENCODED_RANK = NAME_RANK + 1;
/** Base64 in base64 in base64: a file of settings in a manifest, which is a secret of another. */
const MAX_DEPTH = 3;

/** What a text has in it. No two secrets or paths overlap. */
export interface Scan {
  readonly secrets: readonly Found[];
  readonly shortened: readonly Replacement[];
  readonly tables: readonly Table[];
  /** The text as it is seen; undefined where all is. */
  readonly view: View | undefined;
}

interface Searched {
  /** Without it only paths are looked for. */
  readonly secrets: boolean;
  readonly known: readonly KnownSecret[];
  readonly places: readonly Place[];
}

/** Looks for the same things in many texts. */
export class Searcher {
  readonly #triggers: Triggers<Target>;
  readonly #wantsSecrets: boolean;

  constructor({ secrets, known, places }: Searched) {
    this.#wantsSecrets = secrets;
    this.#triggers = new Triggers(secrets ? allTriggers(known, places) : placeTriggers(places));
  }

  /** As it stands, and as it is read. @param isSeen where it is known that nothing in it is hidden */
  scan(text: string, isSeen = false): Scan {
    const view = isSeen ? undefined : viewOf(text);
    // Two readings of a text share what may be done for it.
    const effort = view === undefined ? BLOCK_EFFORT : BLOCK_EFFORT / 2;
    const { found, paths, tables } = this.#search(text, effort, 0);
    if (view !== undefined) {
      const seen = this.#search(view.text, effort, 0);
      const placed = <T extends Span>(one: T): T => ({
        ...one,
        start: view.place(one.start),
        end: view.place(one.end - 1) + 1,
      });
      for (const one of seen.found) found.push(placed(one));
      for (const one of seen.tables) tables.push({ ...placed(one), rows: view.place(one.rows) });
      // Read right they are paths of their own: the letter that ends a colour is no part of a name.
      paths.unshift(...seen.paths.map(placed));
    }
    const secrets = merged(found, text);
    return { secrets, shortened: apart(paths, secrets), tables, view };
  }

  #search(text: string, effort: number, depth: number): Reading {
    const reading = new Reading(text, effort);
    this.#triggers.each(text, (at, trigger) => reading.take(at, trigger));
    if (!this.#wantsSecrets || depth === MAX_DEPTH) return reading;
    for (const { start, end, text: decoded } of encodedTexts(text)) {
      const [secret] = this.#search(decoded, effort, depth + 1).found;
      if (secret) reading.found.push({ rule: secret.rule, rank: ENCODED_RANK, start, end });
    }
    return reading;
  }
}

/** One text, read once from its beginning to its end. */
class Reading {
  readonly found: Ranked[] = [];
  readonly paths: Replacement[] = [];
  readonly tables: Table[] = [];
  readonly #text: string;
  readonly #effort: number;
  /** Up to where each rule has found something: what begins in there is part of it. */
  readonly #behind = new Map<Rule, number>();
  #behindNames = 0;
  #behindTable = 0;
  #behindCodes = 0;
  /** What each block of the last table has to pay for reading that. */
  #owed = 0;
  #block = -1;
  /** Of what may be done for this block. */
  #left = 0;

  constructor(text: string, effort: number) {
    this.#text = text;
    this.#effort = effort;
  }

  take(at: number, { literal, what }: Trigger<Target>): void {
    if (what.is === "place") {
      const path = placeAt(this.#text, at, what.place);
      if (path) this.paths.push(path);
      return;
    }
    if (what.is === "known") {
      this.found.push({ rule: what.secret.rule, rank: KNOWN_RANK, start: at, end: at + literal.length });
      return;
    }
    const block = Math.floor(at / BLOCK_CHARS);
    if (block !== this.#block) {
      this.#block = block;
      this.#left = this.#effort - (at < this.#behindTable ? this.#owed : 0);
    }
    if (this.#left <= 0 && !(what.is === "rule" && what.rule.effort === undefined)) return;
    if (what.is === "rule") this.#tryRule(at, what.rule, what.rank);
    else if (at >= this.#behindNames) {
      this.#tryName(at, what.word, what.chars);
      if (at >= this.#behindTable && mayEndLabel(what.word) && mayBeHeading(this.#text, at, what.chars))
        this.#tryTable(at);
    }
  }

  #tryName(at: number, word: string, chars: number): void {
    this.#left -= TRY_EFFORT;
    const name = nameAt(this.#text, at, word, chars);
    if (name === undefined) return;
    const { secrets, effort } = assignmentAt(this.#text, name);
    this.#left -= effort;
    for (const one of secrets) {
      this.#behindNames = one.end;
      this.found.push({ ...one, rank: NAME_RANK });
    }
    // Of codes there is a list, which may have their name in it again.
    const isList = name.kind === "code";
    if (isList ? at < this.#behindCodes : secrets.length > 0) return;
    const mentions = mentionsAt(this.#text, name);
    this.#left -= mentions.effort;
    for (const one of mentions.secrets) this.found.push({ ...one, rank: NAME_RANK });
    if (isList) this.#behindCodes = mentions.secrets.at(-1)?.end ?? 0;
  }

  #tryTable(at: number): void {
    this.#left -= HEADING_EFFORT;
    const columns = columnsBelow(this.#text, at);
    if (columns === undefined) return;
    const { table, judged } = columns;
    this.#behindTable = table.end;
    // What it took is owed by all blocks that it is in.
    this.#owed = (judged * JUDGE_EFFORT * BLOCK_CHARS) / Math.max(table.end - table.start, BLOCK_CHARS);
    this.#left -= this.#owed;
    this.tables.push(table);
    for (const cell of columns.secrets) this.found.push({ ...cell, rank: NAME_RANK });
  }

  #tryRule(at: number, rule: Rule, rank: number): void {
    if (at < (this.#behind.get(rule) ?? 0)) return;
    if (rule.head !== undefined && !standsAt(this.#text, at, rule.head)) {
      this.#left -= TRY_EFFORT;
      return;
    }
    const secret = matchAt(this.#text, at, rule);
    this.#left -= rule.effort ?? TRY_EFFORT;
    if (secret === undefined) return;
    const { start, end } = secret;
    this.#left -= JUDGE_EFFORT + 2 * Math.min(end - start, JUDGED_CHARS);
    if ((rule.isWeak && isInBase64(this.#text, start, end)) || !isMeant(rule, this.#text.slice(start, end))) return;
    this.#behind.set(rule, end);
    this.found.push({ rule: rule.id, start, end, rank });
  }
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

function standsAt(text: string, at: number, pattern: RegExp): boolean {
  pattern.lastIndex = at;
  return pattern.test(text);
}

function matchAt(text: string, at: number, rule: Rule): Span | undefined {
  rule.pattern.lastIndex = at;
  const match = rule.pattern.exec(text);
  if (match === null) return undefined;
  const taken = Object.values(match.indices?.groups ?? {}).filter((place) => place !== undefined);
  if (taken.length === 0) return { start: at, end: at + match[0].length };
  return { start: Math.min(...taken.map(([first]) => first)), end: Math.max(...taken.map(([, last]) => last)) };
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
