/**
 * Finds tags of given names in a text in each spelling that a careless reader takes for one: with look-alikes of letters and
 * brackets, as entities and escapes, with other signs between the words. Each bracket is read from to the end of a name at
 * most, and never over the next bracket, so the work grows with the length of the text alone.
 */
import { entityAt } from "./folding.ts";
import { latinOf } from "./skeleton.ts";

export interface TagName {
  /** In lower case, its words parted by `-` or `_`. */
  readonly name: string;
  /**
   * Found even without anything between its words, and if its tag is never closed. Others would meet code then, such as
   * `List<CommandName>` and `used < total_tokens`.
   */
  readonly anyhow?: boolean;
  /** The tag is one only with this attribute; without it the word is anybody's. */
  readonly attribute?: string;
}

/** A place in a text, in UTF-16 units: that of a name, without its brackets. */
interface FoundTag {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** How many signs may come between two letters, or before the first. */
const MAX_SIGNS = 8;

const OPENING =
  "<\u02c2\u1438\u2039\u00ab\u2329\u226a\u226e\u227a\u276c\u276e\u2770\u27e8\u27ea\u29fc\u3008\u300a\ufe64\uff1c";
const CLOSING =
  ">\u02c3\u1433\u203a\u00bb\u232a\u226b\u226f\u227b\u276d\u276f\u2771\u27e9\u27eb\u29fd\u3009\u300b\ufe65\uff1e";
const BRACKETS = new Set(OPENING + CLOSING);

/** An ampersand, however often it was encoded, and what follows it up to the end of an entity. */
const AMPERSAND = "&(?:(?:amp|#0{0,6}38|#x0{0,6}26);?){0,4}";
/** `&lt;`, `\u003c` and their like, by the character that they write. */
function encoded(names: string, character: string): string {
  const code = character.charCodeAt(0);
  const hex = code.toString(16);
  return `${AMPERSAND}(?:(?:${names});?|#0{0,6}${code};?|#x0{0,6}${hex};?)|\\\\u(?:00${hex}|\\{0{0,4}${hex}\\})|\\\\x${hex}|%${hex}`;
}

const OPENS = new RegExp(`[${OPENING}]|${encoded("lt|lang|langle|lsaquo|laquo", "<")}`, "gi");
const CLOSES = `[${CLOSING}]|${encoded("gt|rang|rangle|rsaquo|raquo", ">")}`;
/** What ends the name of a tag: the tag's end, or an attribute. */
const NAME_ENDS = new RegExp(`\\s{0,8}[/\\\\]?\\s{0,8}(?:${CLOSES})|\\s{1,8}[a-z_:][a-z0-9_:.-]{0,40}\\s{0,8}=`, "iy");
const EQUALS = /\s{0,8}=/y;

/** Read past between the letters of a name; before them also what begins a tag that closes, or a declaration. */
const BETWEEN = /[-_\s.:*=~\\]/;
const BEFORE = /[\s/\\!?]/;
/** Tags that no reader sees between two letters, and comments. */
const UNSEEN_TAG = /<(?:\/?(?:b|i|u|s|em|strong|code|kbd|sup|sub|mark|small|span|wbr)\s?\/?|!--[^<>]{0,40}--)>/iy;
const ESCAPE = /\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|[nrt])/iy;

/** Digits, signs and letters that pass for another letter; names are spelled so too before they are compared. */
const SAME: Readonly<Record<string, string>> = {
  ...{ "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", l: "i" },
  ...{ "|": "i", "!": "i", "@": "a", $: "s" },
};
const same = (letter: string) => SAME[letter] ?? letter;

/** The names as a tree, a letter each step. */
interface Node {
  readonly next: Map<string, Node>;
  ends: TagName | undefined;
}

export class TagFinder {
  readonly #root: Node = { next: new Map(), ends: undefined };

  constructor(names: readonly TagName[]) {
    for (const tag of names) {
      let node = this.#root;
      for (const letter of lettersOf(tag)) {
        const next = node.next.get(letter) ?? { next: new Map(), ends: undefined };
        node.next.set(letter, next);
        node = next;
      }
      node.ends = tag;
    }
  }

  /** In the order of the text; none overlaps another. */
  find(text: string): FoundTag[] {
    const found: FoundTag[] = [];
    for (const { index, 0: bracket } of text.matchAll(OPENS)) {
      const tag = this.#nameAt(text, index + bracket.length);
      if (tag !== undefined) found.push(tag);
    }
    return found;
  }

  #nameAt(text: string, from: number): FoundTag | undefined {
    const walk = new Walk(this.#root);
    for (let at = from; at < text.length; ) {
      const unit = readUnit(text, at);
      const took = unit && walk.take(unit, at);
      if (took === undefined) return undefined;
      at = unit?.end ?? at;
      const tag = took === "letters" ? walk.ends : undefined;
      if (tag !== undefined && isTag(text, at, tag, walk.gaps)) return { start: walk.start, end: at, name: tag.name };
    }
    return undefined;
  }
}

/** The way from a bracket along the letters of a name, past the signs between them. */
class Walk {
  /** Where the first letter is. */
  start = 0;
  /** After how many letters there are signs. */
  readonly gaps = new Set<number>();
  #node: Node;
  #letters = 0;
  /** In a row. */
  #signs = 0;

  constructor(root: Node) {
    this.#node = root;
  }

  /** The name that is complete here. */
  get ends(): TagName | undefined {
    return this.#node.ends;
  }

  /** @returns what it was; undefined where it leads to no name. */
  take(unit: Unit, at: number): "letters" | "signs" | undefined {
    const latin = letterOf(unit.text, this.#node);
    if (latin === undefined) return this.#takeSign(unit);
    if (this.#letters === 0) this.start = at;
    this.#signs = 0;
    for (const letter of latin) {
      const next = this.#node.next.get(same(letter));
      if (next === undefined) return undefined;
      this.#node = next;
      this.#letters += 1;
    }
    return "letters";
  }

  #takeSign({ text, isUnseen }: Unit): "signs" | undefined {
    if (isUnseen) return "signs";
    const isReadPast = text > "\x7f" || (this.#letters === 0 ? BEFORE : BETWEEN).test(text);
    this.#signs += 1;
    if (!isReadPast || this.#signs > MAX_SIGNS) return undefined;
    this.gaps.add(this.#letters);
    return "signs";
  }
}

function lettersOf({ name, attribute = "" }: TagName): string[] {
  return Array.from((name + attribute).replace(/[-_]/g, ""), same);
}

function isTag(text: string, end: number, { name, anyhow, attribute }: TagName, gaps: ReadonlySet<number>): boolean {
  if (anyhow) return true;
  let letters = 0;
  for (const word of [...name.split(/[-_]/), ...(attribute === undefined ? [] : [attribute])]) {
    if (letters > 0 && !gaps.has(letters)) return false;
    letters += word.length;
  }
  const ends = attribute === undefined ? NAME_ENDS : EQUALS;
  ends.lastIndex = end;
  return ends.test(text);
}

/** What is read in one go: a character, or what an entity or an escape writes, or a tag that nobody sees. */
interface Unit {
  readonly text: string;
  readonly end: number;
  readonly isUnseen: boolean;
}

/** @returns undefined where another tag begins or ends */
function readUnit(text: string, at: number): Unit | undefined {
  const character = String.fromCodePoint(text.codePointAt(at) as number);
  UNSEEN_TAG.lastIndex = at;
  if (character === "<" && UNSEEN_TAG.test(text)) return { text: "", end: UNSEEN_TAG.lastIndex, isUnseen: true };
  const unit = written(text, at) ?? { text: character, end: at + character.length };
  return BRACKETS.has(unit.text) ? undefined : { ...unit, isUnseen: false };
}

function written(text: string, at: number): { readonly text: string; readonly end: number } | undefined {
  if (text.charAt(at) === "&") return entityAt(text, at);
  if (text.charAt(at) !== "\\") return undefined;
  ESCAPE.lastIndex = at;
  const found = ESCAPE.exec(text);
  if (found === null) return undefined;
  const code = found[1] ?? found[2];
  return { text: code === undefined ? " " : String.fromCharCode(Number.parseInt(code, 16)), end: ESCAPE.lastIndex };
}

/** The letters that a character passes for; undefined for a sign. */
function letterOf(character: string, node: Node): string | undefined {
  if (character > "\x7f") return latinOf(character) || undefined;
  const letter = character.toLowerCase();
  if (/^[a-z0-9]$/.test(letter)) return letter;
  // A sign passes for a letter only where that letter belongs.
  return letter in SAME && node.next.has(same(letter)) ? letter : undefined;
}
