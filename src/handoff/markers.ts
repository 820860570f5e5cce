/**
 * The sender's look-alikes of the two marker lines (document.ts), put out of action where everybody sees it. The token
 * alone keeps the real marks apart from them, but a reader who does not compare 32 digits would be misled. What is
 * written between the marks besides, be it "Saved to" or "Warning:", stays: a log is full of such lines.
 */
import { lookalikesOf } from "./folding.ts";

/**
 * How far a look-alike may reach to either side of its "HAND", in UTF-16 units: fifteen letters as HTML entities, and
 * what may stand between them.
 */
const REACH_CHARS = 384;

/** Three of these make the rule in front of a marker; of the weak ones, which are Markdown's own too, five. */
const RULE = String.raw`[-=_~<>+\u00ad\p{Pd}\u2212\u02d7\u2043\u2500-\u257f\u23af\u30fc\u4e00\u00af\u203e]`;
const RULE_ENTITY = "&(?:#0{0,4}45|#[xX]0{0,4}2[dD]|hyphen|dash|ndash|mdash|horbar|minus|lowbar|equals);?";
const WEAK_RULE = "[*#.|]";
/** The digits that pass for a letter. */
const DIGITS: Readonly<Record<string, string>> = { a: "4", b: "8", e: "3", g: "69", i: "1", o: "0", s: "5", t: "7" };

/** What readers pass over, as entities. None is a letter: an entity can then be read in one way only, in linear time. */
const GAP_ENTITY =
  "&(?:nbsp|e[nm]sp|thinsp|zwn?j|[lr]lm|shy|hyphen|[nm]?dash|minus|horbar|lowbar|bsol|period|ast|Tab|NewLine" +
  "|#0{0,4}(?:[1-5]?[0-9]|6[0-4]|160|173|82[0-9]{2})|#[xX]0{0,4}(?:[0-3]?[0-9a-fA-F]|[aA][0dD]|20[0-9a-fA-F]{2}));";
/** The same between two letters, or two words. */
const GAP = String.raw`(?:[^\p{L}\p{N}\n&]|${GAP_ENTITY}){0,12}?`;
/** What may stand behind the words instead of a rule before them: a token, or a rule. */
const BEHIND = new RegExp(`^${GAP}(?:[0-9a-fA-F\\p{Nd}]{16}|(?:(?:${RULE}|${RULE_ENTITY})[\\s\\\\]{0,2}){3})`, "u");

/** What is put in a look-alike's place. It holds no word of the markers, so that nothing around it makes a new one. */
const DEFUSED = { begin: "[look-alike of our first marker]", end: "[look-alike of our last marker]" } as const;

interface Patterns {
  /** "HAND-OFF", written in any way. */
  readonly handOff: RegExp;
  /** To be matched where that begins, backwards: "BEGIN" or "END", and a rule before it if there is one. */
  readonly before: RegExp;
}

/** A text that comes in pieces, without look-alikes. However it is cut, the result is the same. */
export class MarkerGuard {
  #text = "";
  /** Where in `#text` the next "HAND" is looked for; before it, all is decided. */
  #next = 0;
  #defused = 0;

  /** How many were found up to here; complete after `end`. */
  get defused(): number {
    return this.#defused;
  }

  /** @returns the text that is certain by now. It keeps back at most 2 * REACH_CHARS of an unfinished line. */
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
    const decided = last ? all.length : Math.max(lineStart, all.length - REACH_CHARS);
    const kept = last ? all.length : Math.max(lineStart, all.length - 2 * REACH_CHARS, 0);
    const { handOff, before } = patternsFor(all);
    const out: string[] = [];
    let passed = 0; // up to here, `all` is in `out`
    handOff.lastIndex = this.#next;
    for (let found = handOff.exec(all); found !== null && found.index < decided; found = handOff.exec(all)) {
      const reach = Math.max(passed, found.index - REACH_CHARS);
      const from = reach + all.slice(reach, found.index).lastIndexOf("\n") + 1;
      const near = all.slice(from, found.index);
      before.lastIndex = near.length;
      const ahead = before.exec(near)?.groups;
      const end = found.index + found[0].length;
      const [behind = ""] = all.slice(end, end + REACH_CHARS).split("\n", 1);
      if (!ahead?.words || !(ahead.rule || BEHIND.test(behind))) {
        handOff.lastIndex = found.index + 1;
        continue;
      }
      this.#defused += 1;
      const start = startOfRule(near, near.length - ahead.words.length);
      out.push(all.slice(passed, from + start), DEFUSED[ahead.end === undefined ? "begin" : "end"]);
      passed = end;
    }
    const cut = Math.max(kept, passed);
    this.#next = Math.max(0, decided - cut);
    this.#text = all.slice(cut);
    if (out.length === 0) return cut === all.length ? all : all.slice(0, cut);
    return out.join("") + all.slice(passed, cut);
  }
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

const RULE_BEFORE = new RegExp(`(?:${RULE}|${WEAK_RULE}|[\\\\ ])$`, "u");

/** The rule may be longer than what proves it one. */
function startOfRule(text: string, proved: number): number {
  let start = proved;
  while (start > 0 && RULE_BEFORE.test(text.slice(start - 1, start))) start -= 1;
  while (text[start] === " ") start += 1; // which parts it from the word before
  return start;
}

/** Made at the first use. Text of ASCII alone has fewer ways to write a letter, which triples the speed. */
const made: { ascii?: Patterns; any?: Patterns } = {};

function patternsFor(text: string): Patterns {
  if (/[^\0-\x7f]/.test(text)) {
    made.any ??= patterns(lookalikesOf);
    return made.any;
  }
  made.ascii ??= patterns((letter) => [letter, letter.toUpperCase()]);
  return made.ascii;
}

function patterns(spellings: (letter: string) => readonly string[]): Patterns {
  const letter = (it: string) => {
    const codes = [it.charCodeAt(0), it.toUpperCase().charCodeAt(0)];
    const decimal = `0{0,4}(?:${codes.join("|")})`;
    const digits = codes.map((code) => code.toString(16).replace(/[a-f]/, (d) => `[${d}${d.toUpperCase()}]`));
    const hex = `[xX]0{0,4}(?:${digits.join("|")})`;
    return `(?:[${spellings(it).join("")}${DIGITS[it] ?? ""}]|&#(?:${decimal}|${hex});?)`;
  };
  const word = (it: string) => Array.from(it, letter).join(GAP);
  const strong = `(?:(?:${RULE}|${RULE_ENTITY})[\\s\\\\]{0,2}){3}`;
  const rule = `${strong}|(?:${WEAK_RULE}[\\s\\\\]{0,2}){5}|\u2e3b|[\u2014\u2015\u2e3a]{2}`;
  const little = `(?:(?:[oO][fF]|[tT][hH][eE])${GAP}){0,2}`;
  const which = `(?:(?<end>${word("end")})|${word("begin")}|${word("start")})`;
  return {
    handOff: new RegExp(word("handoff"), "gu"),
    before: new RegExp(`(?<=(?<words>(?<rule>(?:${rule})${GAP})?${which}${GAP}${little}))`, "uy"),
  };
}
