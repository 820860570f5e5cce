/**
 * Text in, in pieces cut anywhere; text out, with placeholders where secrets were and without the paths that say who and
 * where. What comes out depends on the text and not on how it was cut. Whatever is found stays in here: out go rules,
 * lines and placeholders.
 *
 *     pushed   ────────────────────────────┬──────────────────────────────────┐
 *                     done   │ context │     window                │  margin  │  waits
 *                                      └─ from here on ── up to a cut ─┘
 *
 * A window is scanned together with some context before it, and given out but for a margin: how long these have to be, so
 * that nothing is lost at a cut, is in reach.ts. Of a table that goes on behind a cut, the headings are in the context.
 */
import { setImmediate } from "node:timers/promises";
import type { KnownSecret } from "./known.ts";
import type { Place, Replacement } from "./paths.ts";
import { Placeholders } from "./placeholders.ts";
import { CONTEXT_CHARS, MARGIN_CHARS, MAX_HIDDEN_CHARS, WINDOW_CHARS } from "./reach.ts";
import { type Scan, Searcher } from "./search.ts";
import { hiddenIn } from "./visible.ts";

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

/** So much is handled before others have a turn, in texts long and short: a window with its context. */
const MAX_STRETCH_CHARS = 128 * 1024;

/** How much was handled since the last turn, by all of them. */
let stretchChars = 0;

export class Redactor {
  readonly #secrets: RedactorOptions["secrets"];
  readonly #searcher: Searcher;
  readonly #placeholders: Placeholders;
  readonly #findings: Finding[] = [];
  readonly #counts = new Map<string, number>();
  #total = 0;
  #paths = 0;
  /** Pieces that wait, and how long they are together. */
  #waiting: string[] = [];
  #waitingChars = 0;
  /** How long they have to be for a window. */
  #wanted = WINDOW_CHARS;
  /** The last characters that were given out, as they came in. */
  #context = "";
  /** Whether nothing in them is hidden. */
  #isContextSeen = true;
  #line = 1;
  readonly #signal: AbortSignal | undefined;

  constructor(options: RedactorOptions) {
    this.#secrets = options.secrets;
    this.#signal = options.signal;
    this.#placeholders = options.placeholders ?? new Placeholders();
    this.#searcher = searcherOf(options);
  }

  /** One at a time. @returns what is certain by now, redacted. It may be empty. @throws the signal's reason */
  async push(piece: string): Promise<string> {
    this.#waiting.push(piece);
    this.#waitingChars += piece.length;
    let out = "";
    if (this.#waitingChars < this.#wanted) return out;
    let text = this.#waiting.join("");
    for (;;) {
      const next = windowOf(text);
      this.#wanted = next.chars;
      if (text.length < this.#wanted) break;
      await this.#turn(this.#wanted + CONTEXT_CHARS);
      const { given, chars } = this.#window(text.slice(0, this.#wanted), next.isSeen);
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
    return this.#window(text).given;
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

  /** Scans a window and redacts it up to a cut, or to its end if it is the last one. @param isSeen undefined for the last one */
  #window(window: string, isSeen?: boolean): { given: string; chars: number } {
    const from = this.#context.length;
    const text = this.#context + window;
    const scan = this.#searcher.scan(text, isSeen === true && this.#isContextSeen);
    const cut = isSeen === undefined ? text.length : cutOf(text, scan);
    this.#isContextSeen = scan.view === undefined;
    const edits = this.#editsOf(text, scan, from, cut);
    let given = "";
    let at = from;
    for (const edit of edits) {
      given += text.slice(at, edit.start) + edit.text;
      at = edit.end;
    }
    given += text.slice(at, cut);
    this.#context = contextOf(text, scan, cut);
    return { given, chars: cut - from };
  }

  /** What changes between two places, in order; each secret is noted. */
  #editsOf(text: string, { secrets, shortened }: Scan, from: number, cut: number): Replacement[] {
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
    return edits.sort((a, b) => a.start - b.start);
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
const searcherByOptions = new WeakMap<RedactorOptions, Searcher>();
let ownSearcher: Searcher | undefined;

function searcherOf(options: RedactorOptions): Searcher {
  const { known = [], places = [] } = options;
  const secrets = options.secrets !== "allow";
  if (secrets && known.length === 0 && places.length === 0) {
    ownSearcher ??= new Searcher({ secrets, known, places });
    return ownSearcher;
  }
  const made = searcherByOptions.get(options) ?? new Searcher({ secrets, known, places });
  searcherByOptions.set(options, made);
  return made;
}

/** How many characters of a text are a window: WINDOW_CHARS that are seen. More than the text has, if it has too few. */
function windowOf(text: string): { chars: number; isSeen: boolean } {
  let counted = 0;
  let hidden = 0;
  let chars = WINDOW_CHARS;
  while (text.length >= chars && hidden < MAX_HIDDEN_CHARS) {
    hidden += hiddenIn(text.slice(counted, chars));
    counted = chars;
    if (WINDOW_CHARS + hidden <= chars) break;
    // Few at a time would be counted many times.
    chars = WINDOW_CHARS + Math.min(Math.max(hidden, chars + HIDDEN_STEP_CHARS - WINDOW_CHARS), MAX_HIDDEN_CHARS);
  }
  return { chars, isSeen: hidden === 0 };
}

const HIDDEN_STEP_CHARS = 8 * 1024;

/** Where a text is cut: before its margin, and in nothing that was found. */
function cutOf(text: string, { secrets, shortened, view }: Scan): number {
  const seen = view === undefined ? text.length - MARGIN_CHARS : view.place(view.text.length - MARGIN_CHARS);
  let cut = cutBefore(text, Math.max(seen, text.length - MARGIN_CHARS - MAX_HIDDEN_CHARS / 2));
  for (const { start, end } of [...secrets, ...shortened]) if (start < cut && end > cut) cut = end;
  return cut;
}

/** What is looked at again: what is before the cut, and the headings of a table that goes on behind it. */
function contextOf(text: string, { tables, view }: Scan, cut: number): string {
  const seen = view === undefined ? cut - CONTEXT_CHARS : view.place(view.seenBefore(cut) - CONTEXT_CHARS);
  const start = Math.max(0, seen, cut - CONTEXT_CHARS - MAX_HIDDEN_CHARS / 4);
  const table = tables.find((one) => one.start < start && one.end > cut);
  if (table === undefined) return text.slice(start, cut);
  const row = text.indexOf("\n", Math.max(start, table.rows) - 1) + 1;
  return text.slice(table.start, table.rows) + (row > 0 && row < cut ? text.slice(row, cut) : "");
}

/** The same place, or one before, where no surrogate pair is cut. */
function cutBefore(text: string, at: number): number {
  const code = text.charCodeAt(at - 1);
  return code >= 0xd800 && code <= 0xdbff ? at - 1 : at;
}

function linesIn(text: string, from: number, to: number): number {
  // Without the slice, a text of one line would be searched to its end each time.
  const piece = text.slice(from, to);
  let lines = 0;
  for (let at = piece.indexOf("\n"); at >= 0; at = piece.indexOf("\n", at + 1)) lines++;
  return lines;
}
