/**
 * A text reduced to what a careless reader takes in: small Latin letters, digits and line ends, each with its place. Tags,
 * comments, the targets of links, blanks, signs and marks are read past, entities are decoded, and what looks like a Latin
 * letter is one (UTS 39, section 4).
 */
import { entityAt, lookalikes } from "./folding.ts";

export interface Skeleton {
  /** `a` to `z`, `0` to `9`, a line end, and OTHER for a letter that passes for none of these. */
  readonly letters: string;
  /** Where the letter at an index begins in the text, and where it ends; behind the last one, the text's end. */
  start(index: number): number;
  end(index: number): number;
}

const OTHER = "*";

/** The longest tag, comment or target of a link that is read past, in UTF-16 units. */
const MAX_HIDDEN_CHARS = 500;
/** A quoted attribute may hold the sign that ends a tag. */
const QUOTED_TAG = new RegExp(
  `<[/!?a-zA-Z](?:[^<>"'\\n]|"[^"\\n]{0,${MAX_HIDDEN_CHARS}}"|'[^'\\n]{0,${MAX_HIDDEN_CHARS}}'){0,${MAX_HIDDEN_CHARS}}>`,
  "y",
);
const TAG = new RegExp(`<[/!?a-zA-Z][^<>\\n]{0,${MAX_HIDDEN_CHARS}}>`, "y");
const LINK_TARGET = new RegExp(
  `\\](?:\\([^()\\n]{0,${MAX_HIDDEN_CHARS}}\\)|\\[[^[\\]\\n]{0,${MAX_HIDDEN_CHARS}}\\])`,
  "y",
);

/**
 * Of the letters of our marks, and `l`: what Unicode's confusables (version 15) add to the forms that NFKD and our own table
 * know, in lower case.
 */
const CONFUSABLES: Readonly<Record<string, string>> = {
  a: "⍺ɑαΛ∀Δаꭺᗅꓮ𖽀𐊠⍶",
  b: "ƅьꮟᑲᖯꞵβвᏼᗷꓐ𐊂𐊡𐌁ɓᑳƃбƀҍѣ",
  d: "ԁꮷᑯꓒꭰᗞᗪꓓɗɖƌđð₫",
  e: "ΣЄєƎǝ∃℮ꬲеҽ⋿εⴹꭼꓰ𑣆𑣎𐊆ɇҿ",
  f: "₣ꟻℲꬵꞙẝք𝈓ϝᖴꓝ𑣂𐊇𐊥𐔥ƒᵮ",
  g: "ɡᶃƍցԍꮐᏻꓖɠǥ",
  h: "һհꮒηⲏнꮋᕼꓧ𐋏ɦꚕᏺⱨңħћӊӈ",
  i: "⍳ıɪɩιіꙇӏꭵ𑣃⍸ɨᵻᵼ",
  l: "\u{5c0}∣⏽│\u{661}\u{6f1}𐌠\u{1e8c7}ɩǀιⲓіӏ\u{5d5}\u{5df}\u{627}\u{7ca}ⵏᛁꓲ𖼨𐊊𐌉𝈪ⳑꮮᒪꓡ𖼖𑣃𑣒𐑃𐔦łɭɨƚɫ\u{673}",
  n: "Ииոռνⲛꓠ𐔓𐆎ɳƞηɲᵰ",
  o: "°○●◯⚪⚫⭕०੦૦௦౦೦൦๐໐၀\u{665}\u{6f5}ᴏᴑꬽοσⲟоჿօ\u{5e1}\u{647}\u{6be}\u{6c1}\u{6d5}ഠဝ𐓪𑣈𑣗𐐬\u{7c0}০୦〇𑓐𑣠ⵔዐଠꓳ𑣕𐊒𐊫𐔖\u{6ff}øꬾⵁɵꝋөѳꮎꮻ⊖⊝⍬𝈚🜔θⴱꭴတ",
  r: "ꭇꭈᴦⲅгꮁ𝈖ʀꭱꮢ𐓜ᖇꓣ𖼵ɽɼɍғᵲ",
  s: "ꜱƽѕꮪ𑣁𐑈տꮥꓢ𖼺𐊖ʂᵴ",
  t: "⊤⟙🝨τⲧтꭲꓔ𖼊𑣜𐊗𐊱𐌕ƭ⍡ⱦʈҭ₮ŧᵵ",
};

/** Signs that pass for letters between two of these, and nowhere else: a table has bars, and an address its `@`. */
const SIGNS_FOR_LETTERS: Readonly<Record<string, string>> = { "|": "l", "!": "i", "@": "a", $: "s" };

const [LESS, AMPERSAND, BRACKET] = [0x3c, 0x26, 0x5d];

/** @param isMeant whether something that is hidden counts all the same, for what it says. */
export function skeletonOf(text: string, isMeant: (hidden: string) => boolean): Skeleton {
  const letters = new Letters(text.length);
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    const hiddenUntil = endOfUnmeant(text, at, isMeant);
    if (hiddenUntil > at) {
      at = hiddenUntil;
    } else if (code >= 0x80 || code === AMPERSAND) {
      const { written, end } = charactersAt(text, at);
      for (const letter of latinOf(written)) letters.add(letter.charCodeAt(0), at, end);
      at = end;
    } else {
      const letter = (ASCII[code] as number) || letterForSign(text, at);
      at += 1;
      if (letter !== 0) letters.add(letter, at - 1, at);
    }
  }
  return letters;
}

/** Where what is hidden ends that begins at a place; the place itself if nothing does, or if it counts all the same. */
function endOfUnmeant(text: string, at: number, isMeant: (hidden: string) => boolean): number {
  const code = text.charCodeAt(at);
  if (code !== LESS && code !== BRACKET) return at;
  const end = endOfHidden(text, at);
  // What is hidden from one reader is plain to another: whoever reads the source sees a comment.
  return isMeant(text.slice(at, end)) ? at : end;
}

/** One character that is not ASCII, or what an entity writes; and where it ends. */
function charactersAt(text: string, at: number): { readonly written: string; readonly end: number } {
  const entity = entityAt(text, at);
  if (entity !== undefined) return { written: entity.text, end: entity.end };
  const written = String.fromCodePoint(text.codePointAt(at) as number);
  return { written, end: at + written.length };
}

/** Letters with their places, as many as come: a ligature is more letters than it has units of UTF-16. */
class Letters implements Skeleton {
  #letters: Buffer;
  #starts: Uint32Array<ArrayBuffer>;
  #ends: Uint32Array<ArrayBuffer>;
  #count = 0;
  #text: string | undefined;

  readonly #textLength: number;

  constructor(textLength: number) {
    this.#textLength = textLength;
    this.#letters = Buffer.allocUnsafe(textLength);
    this.#starts = new Uint32Array(textLength);
    this.#ends = new Uint32Array(textLength);
  }

  add(letter: number, start: number, end: number): void {
    if (this.#count === this.#letters.length) this.#grow();
    this.#letters[this.#count] = letter;
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#count += 1;
  }

  get letters(): string {
    this.#text ??= this.#letters.toString("latin1", 0, this.#count);
    return this.#text;
  }

  #grow(): void {
    const length = 2 * this.#count + 16;
    const longer = (places: Uint32Array) => {
      const all = new Uint32Array(length);
      all.set(places);
      return all;
    };
    this.#letters = Buffer.concat([this.#letters], length);
    this.#starts = longer(this.#starts);
    this.#ends = longer(this.#ends);
  }

  start(index: number): number {
    return index < this.#count ? (this.#starts[index] as number) : this.#textLength;
  }

  end(index: number): number {
    return index < this.#count ? (this.#ends[index] as number) : this.#textLength;
  }
}

/** What a sign within a word passes for; 0 for any other character. */
function letterForSign(text: string, at: number): number {
  const letter = SIGNS_FOR_LETTERS[text.charAt(at)];
  if (letter === undefined || !isLetter(text, at - 1) || !isLetter(text, at + 1)) return 0;
  return letter.charCodeAt(0);
}

const isLetter = (text: string, at: number) => /[a-z0-9]/i.test(text.charAt(at));

/** Where a tag, a comment or a link's target ends that begins at a place; the place itself if none does. */
function endOfHidden(text: string, at: number): number {
  const comment = endOfComment(text, at);
  if (comment > at) return comment;
  for (const pattern of [QUOTED_TAG, TAG, LINK_TARGET]) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) return at + found[0].length;
  }
  return at;
}

/** A comment ends where it first says so, whatever begins in it. */
function endOfComment(text: string, at: number): number {
  if (!text.startsWith("<!--", at)) return at;
  const inside = text.slice(at + 4, at + 4 + MAX_HIDDEN_CHARS + 3);
  const length = inside.indexOf("-->");
  return length < 0 || inside.slice(0, length).includes("\n") ? at : at + 4 + length + 3;
}

/** By its code: the letter or digit in lower case, a line end, and 0 for everything that is read past. */
const ASCII = Uint8Array.from({ length: 0x80 }, (_, code) => {
  const character = String.fromCharCode(code).toLowerCase();
  return /[a-z0-9\n]/.test(character) ? character.charCodeAt(0) : 0;
});

/** What a character passes for, in small Latin letters and digits; nothing if it is no letter, OTHER if it is a foreign one. */
export function latinOf(character: string): string {
  let latin = known.get(character);
  if (latin === undefined) {
    latin = Array.from(
      character.normalize("NFKD").replace(/[\p{M}\p{Default_Ignorable_Code_Point}]/gu, ""),
      latinLetter,
    ).join("");
    if (known.size < MAX_KNOWN) known.set(character, latin);
  }
  return latin;
}

function latinLetter(letter: string): string {
  confusables ??= makeConfusables();
  const latin = confusables.get(letter) ?? confusables.get(letter.toLowerCase()) ?? letter.toLowerCase();
  if (/^[a-z0-9]$/.test(latin)) return latin;
  return /[\p{L}\p{N}]/u.test(letter) ? OTHER : "";
}

const known = new Map<string, string>();
/** Characters that are remembered: those of any text that people write. */
const MAX_KNOWN = 20_000;

/** Made at the first use. */
let confusables: ReadonlyMap<string, string> | undefined;

function makeConfusables(): ReadonlyMap<string, string> {
  const pairs = Object.entries(CONFUSABLES).flatMap(([latin, all]) => Array.from(all, (it) => [it, latin] as const));
  return new Map([...pairs, ...lookalikes()]);
}
