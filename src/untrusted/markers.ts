/**
 * The sender's look-alikes of the two marker lines (fence.ts), put out of action where everybody sees it. The token
 * alone keeps the real marks apart from them, but a reader who does not compare 32 digits would be misled. Anything
 * else between the marks stays, "Saved to" or "Warning:" too: a log is full of such lines.
 */
import { entityAt } from "./folding.ts";
import { type Skeleton, skeletonOf } from "./skeleton.ts";

/** How far a look-alike may reach, and how far around it is looked, in UTF-16 units: what is wider apart is no mark to a reader. */
const REACH_CHARS = 1024;

/** The words of a mark, in the letters of a skeleton: digits pass for letters, and little words may come between. */
const WORDS = /(?:(?<end>[e3]nd)|[b8][e3][g69][i1l]n|[s5][t7][a4]r[t7])(?:[o0]f|[t7]h[e3]|l){0,3}h[a4]nd[o0]ff/g;
/** What every mark holds, and hardly another text, in plain ASCII. */
const PLAIN_HAND_OFF = new RegExp(["h", "[a4@]", "n", "d", "[o0]", "f", "f"].join("[^a-z0-9\\n]*"), "i");
/** A mark's token, as far as it has to be seen; `o` and `l` pass for digits. */
const TOKEN = /^[0-9a-flo]{16}/;

/** Three of these make a rule beside the words; of the weak ones, which are Markdown's own too, five; of the widest, one. */
const RULE = /[-=_~<>+\u00ad\p{Pd}\u2212\u02d7\u2043\u2500-\u257f\u23af\u30fc\u4e00\u00af\u203e]/gu;
const WEAK_RULE = /[*#.|]/g;
const WIDE_RULE = /[\u2014\u2015\u2e3a]{2}|\u2e3b/;

/**
 * What is put in a look-alike's place. It holds no word of the markers, and begins with a letter that continues neither a
 * word nor a token of theirs, so that nothing around it makes a new one.
 */
const DEFUSED = {
  begin: "[replaced look-alike of our first marker]",
  end: "[replaced look-alike of our last marker]",
} as const;

/** A text that comes in pieces, without look-alikes. However it is cut, the result is the same. */
export class MarkerGuard {
  #text = "";
  /** Where in `#text` the next look-alike may begin; before it, all is decided. */
  #next = 0;
  #defused = 0;

  /** How many were found up to here; complete after `end`. */
  get defused(): number {
    return this.#defused;
  }

  /** @returns the text that is certain by now. It keeps back at most 4 * REACH_CHARS of an unfinished line. */
  push(text: string): string {
    return this.#take(text, false);
  }

  /** @returns what is left. */
  end(): string {
    return this.#take("", true);
  }

  #take(text: string, last: boolean): string {
    const all = this.#text === "" ? text : this.#text + text;
    const lineStart = all.lastIndexOf("\n") + 1;
    // No look-alike goes over a line end. What a whole line holds is decided, and of an unfinished one all but its end.
    const decided = last ? all.length : Math.max(lineStart, all.length - 3 * REACH_CHARS);
    const kept = last ? all.length : Math.max(lineStart, all.length - 4 * REACH_CHARS);
    const out: string[] = [];
    let passed = 0; // up to here, `all` is in `out`
    for (const { start, end, which } of lookalikesIn(all)) {
      if (start < this.#next || start >= decided) continue;
      this.#defused += 1;
      out.push(all.slice(passed, Math.max(passed, startOfRule(all, passed, start))), DEFUSED[which]);
      passed = end;
    }
    const cut = Math.max(kept, passed);
    this.#next = Math.max(0, decided - cut);
    this.#text = all.slice(cut);
    if (out.length === 0) return cut === all.length ? all : all.slice(0, cut);
    return out.join("") + all.slice(passed, cut);
  }
}

interface Lookalike {
  readonly start: number;
  readonly end: number;
  readonly which: keyof typeof DEFUSED;
}

function lookalikesIn(text: string): Lookalike[] {
  if (!mayHoldOne(text)) return [];
  const skeleton = skeletonOf(text, (hidden) => PLAIN_HAND_OFF.test(hidden));
  const found: Lookalike[] = [];
  for (const { index, 0: words, groups } of skeleton.letters.matchAll(WORDS)) {
    const behind = index + words.length;
    const [start, end] = [skeleton.start(index), skeleton.end(behind - 1)];
    if (end - start > REACH_CHARS || !isMark(text, skeleton, index, behind)) continue;
    found.push({ start, end, which: groups?.end === undefined ? "begin" : "end" });
  }
  return found;
}

/** Almost no text does, and that is seen at once where all of it is plain. */
function mayHoldOne(text: string): boolean {
  return /[^\0-\x7f]|[<&]|\][([]/.test(text) || PLAIN_HAND_OFF.test(text);
}

/** Words beside a rule or a token, or alone on their line, are a mark; in a sentence they are not. */
function isMark(text: string, skeleton: Skeleton, from: number, to: number): boolean {
  const { letters } = skeleton;
  const [first, last] = [skeleton.start(from), skeleton.end(to - 1)];
  const ahead = text.slice(Math.max(from > 0 ? skeleton.end(from - 1) : 0, first - REACH_CHARS), first);
  const behind = text.slice(last, Math.min(skeleton.start(to), last + REACH_CHARS));
  // Not between the bars of a table.
  const isLine = !text.slice(first, last).includes("|");
  const isAlone =
    isLine && (from === 0 || letters[from - 1] === "\n") && (to === letters.length || letters[to] === "\n");
  return isAlone || isRule(ahead) || isRule(behind) || TOKEN.test(letters.slice(to, to + 16));
}

/** @param signs what is between letters: signs, blanks, tags and entities. */
function isRule(signs: string): boolean {
  const plain = decoded(signs.replace(/<[^<>]*>/g, ""));
  const count = (of: RegExp) => plain.match(of)?.length ?? 0;
  return count(RULE) >= 3 || count(WEAK_RULE) >= 5 || WIDE_RULE.test(plain);
}

function decoded(text: string): string {
  return text.replace(/&[^&;]*;?/g, (entity) => entityAt(entity, 0)?.text ?? entity);
}

/** A title or a name, which is one line, without look-alikes. */
export function withoutMarkers(line: string): string {
  const guard = new MarkerGuard();
  return guard.push(line) + guard.end();
}

/** What was done, as a sentence for the receiver; none if it was nothing. */
export function markerWarning(defused: number): string[] {
  if (defused === 0) return [];
  return [
    defused === 1
      ? "The sender's text held a look-alike of the marker lines around it, which was replaced by a note in its place."
      : `The sender's text held ${defused} look-alikes of the marker lines around it, replaced by notes in their places.`,
  ];
}

const SIGNS_BEFORE = /(?:&[#a-zA-Z0-9]{2,10};|[^\p{L}\p{N}\n;:,!?()"']){0,1024}$/u;

/** Where the rule before a place begins, without the blank that parts it from the word before. */
function startOfRule(text: string, from: number, words: number): number {
  const near = text.slice(Math.max(from, words - REACH_CHARS), words);
  const signs = SIGNS_BEFORE.exec(near)?.[0] ?? "";
  return words - signs.trimStart().length;
}
