/**
 * Searches a received text for passages that the receiver should know of before anything is done with it. The rules say what
 * such a passage is (steering.ts, links.ts); here they are matched with the text, in one pass and bounded memory. The text is
 * not changed, and no word of it gets into a warning: warnings are read as our words.
 */
import { fold, foldLetters } from "../untrusted/folding.ts";

/** One way to write what is reported. */
export interface PassageRule<Kind extends string> {
  readonly kind: Kind;
  /** What it may begin with, in small letters, with ` | ` between them. A Latin letter at the front begins a word. */
  readonly begins: string;
  /**
   * What must follow that, as the source of a regular expression for folded text. In it `\p{L}` is a letter or digit, a
   * space means whatever may come between two words of a sentence, and ` .. ` up to eight words more.
   */
  readonly goesOn: string;
  /** Whether nothing but Markdown's own signs may come before it on its line. */
  readonly atLineStart?: boolean;
  /** Whether "never", "do not" and the like in front of it turn it into its opposite. */
  readonly order?: boolean;
}

export interface Passage<Kind extends string> {
  readonly kind: Kind;
  /** Counted from the `firstLine` of the inspection. */
  readonly line: number;
}

/**
 * How much is looked at in one go, in UTF-16 units, and how much of it again with what follows: a passage is found if no
 * more than this lies between its first word and its last.
 */
const WINDOW_CHARS = 32 * 1024;
const OVERLAP_CHARS = 1024;

/** How many UTF-16 units before a passage may decide on it. */
const BEFORE_CHARS = 32;

const NEGATED = /(?:\b(?:not|never|cannot|can't|won't)|n['’]t)[^\p{L}\p{N}.!?;]{1,4}(?:ever |just |simply )?$/u;
const LINE_BEGUN = /(?:^|\n)[\s>#*_~\-+[(<|`"'\d.)\]]*$/;
const LATIN = /^[a-z]/;

/** The passages of one text that comes in pieces: of each kind the first `most`, however the text is cut. */
export class Inspection<Kind extends string> {
  readonly #rules: CompiledRules<Kind>;
  readonly #most: number;
  readonly #found = new Map<Kind, Set<number>>();
  #line: number;
  #text = "";
  #first = true;
  #over = false;

  constructor(rules: CompiledRules<Kind>, firstLine: number, most: number) {
    this.#rules = rules;
    this.#line = firstLine;
    this.#most = most;
  }

  push(text: string): void {
    if (this.#over) return;
    this.#text += text;
    while (this.#text.length > WINDOW_CHARS + OVERLAP_CHARS) {
      const window = this.#text.slice(0, WINDOW_CHARS + OVERLAP_CHARS);
      this.#look(window);
      this.#line += newlines(window.slice(0, WINDOW_CHARS));
      this.#text = this.#text.slice(WINDOW_CHARS);
    }
  }

  /** @returns what was found, by kind and then by line. */
  end(): Passage<Kind>[] {
    if (!this.#over) this.#look(this.#text);
    this.#text = "";
    this.#over = true;
    return [...this.#found].flatMap(([kind, lines]) =>
      [...lines].sort((a, b) => a - b).map((line) => ({ kind, line })),
    );
  }

  #look(window: string): void {
    const { trigger, byBeginning, kinds } = this.#rules;
    const text = fold(window);
    const flat = flatten(text);
    let line = this.#line;
    let counted = 0;
    trigger.lastIndex = 0;
    for (let begun = trigger.exec(flat); begun !== null; begun = trigger.exec(flat)) {
      const [beginning] = begun;
      const at = begun.index;
      trigger.lastIndex = at + 1; // another may begin within it
      if (!this.#first && at < BEFORE_CHARS) continue; // seen in the window before, with what comes before it
      for (const rule of byBeginning.get(beginning) ?? []) {
        if (this.#full(rule.kind) || !rule.meets(text, at)) continue;
        line += newlines(text.slice(counted, at));
        counted = at;
        const lines = this.#found.get(rule.kind) ?? new Set();
        this.#found.set(rule.kind, lines.add(line));
      }
    }
    this.#first = false;
    this.#over = kinds.every((kind) => this.#full(kind));
  }

  #full(kind: Kind): boolean {
    return (this.#found.get(kind)?.size ?? 0) >= this.#most;
  }
}

interface CompiledRule<Kind extends string> {
  readonly kind: Kind;
  meets(text: string, at: number): boolean;
}

export interface CompiledRules<Kind extends string> {
  readonly kinds: readonly Kind[];
  readonly trigger: RegExp;
  readonly byBeginning: ReadonlyMap<string, readonly CompiledRule<Kind>[]>;
}

export function compileRules<Kind extends string>(rules: readonly PassageRule<Kind>[]): CompiledRules<Kind> {
  const byBeginning = new Map<string, CompiledRule<Kind>[]>();
  for (const rule of rules) {
    const compiled = compileRule(rule);
    for (const begin of beginningsOf(rule)) {
      const others = byBeginning.get(begin) ?? [];
      byBeginning.set(begin, [...others, compiled(begin)]);
    }
  }
  const longerFirst = [...byBeginning.keys()].sort().reverse();
  // Where one is the start of another, the longer one is found in the text, and triggers the rules of both.
  for (const it of longerFirst) {
    const starts = Array.from(it, (_, length) => it.slice(0, length + 1));
    byBeginning.set(
      it,
      starts.flatMap((start) => byBeginning.get(start) ?? []),
    );
  }
  const words = longerFirst.filter((it) => LATIN.test(it)).map(literal);
  const others = longerFirst.filter((it) => !LATIN.test(it)).map(literal);
  const trigger = new RegExp(`\\b(?:${words.join("|")})|${others.join("|")}`, "g");
  return { kinds: [...new Set(rules.map(({ kind }) => kind))], trigger, byBeginning };
}

function compileRule<Kind extends string>(rule: PassageRule<Kind>): (begin: string) => CompiledRule<Kind> {
  const { kind, order = false, atLineStart = false } = rule;
  const goesOn = new RegExp(sourceOf(rule.goesOn), "sy");
  return (begin) => ({
    kind,
    meets(text, at) {
      goesOn.lastIndex = at + begin.length;
      if (!goesOn.test(text)) return false;
      if (!order && !atLineStart) return true;
      const before = text.slice(Math.max(0, at - BEFORE_CHARS), at);
      return !(order && NEGATED.test(before)) && !(atLineStart && !LINE_BEGUN.test(before));
    },
  });
}

/**
 * What comes between words, and what they are made of. With Unicode's own classes each rule would take a millisecond to
 * compile.
 */
const BETWEEN =
  "[\\s!-/:-@\\x5b-\\x60{-~\\xa0-\\xbf" +
  "\\u2010-\\u2027\\u2030-\\u205e\\u3001-\\u3020\\uff01-\\uff0f\\uff1a-\\uff20]";
const LETTER = BETWEEN.replace("[", "[^");

/** A rule's words as a regular expression for folded text, which has no letters but small ones and nothing to ignore. */
function sourceOf(words: string): string {
  return foldLetters(words)
    .replaceAll(" .. ", String.raw`(?:[^\p{L}.!?]{1,8}\p{L}{1,32}){0,8}?[^\p{L}.!?]{1,8}`)
    .replaceAll(" ", String.raw`(?:(?![.!?]\s)[^\p{L}]){1,8}`)
    .replace(/\[\^\\p\{L\}([^\]]*)\]/g, (_, but: string) => (but === "" ? BETWEEN : `(?:(?![${but}])${BETWEEN})`))
    .replaceAll(String.raw`\p{L}`, LETTER);
}

function beginningsOf({ begins }: PassageRule<string>): string[] {
  return begins.split(" | ").map((it) => flatten(foldLetters(it)));
}

/** A line may end between two words, and to a regular expression "_" would belong to the word after it. */
function flatten(text: string): string {
  return text.replaceAll("\n", " ").replaceAll("_", " ");
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function newlines(text: string): number {
  let n = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) n += 1;
  return n;
}

/** "Lines 3, 9 and 14 of handoff.md", or with more than may be named "Lines 3, 9, 14 and others of handoff.md". */
export function linesOf(lines: readonly number[], most: number, file = "handoff.md"): string {
  const named = lines.slice(0, most).map(String);
  const last = lines.length > most ? "others" : named.pop();
  return `${lines.length === 1 ? "Line" : "Lines"} ${[named.join(", "), last].filter(Boolean).join(" and ")} of ${file}`;
}
