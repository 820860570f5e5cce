/**
 * Text that somebody else wrote, made safe to show: to a person in a terminal, and to a model. What acts on a terminal,
 * reorders a line or cannot be seen is taken out; every letter, mark and emoji of every language stays as it came.
 * Whether the text is true, or means well, is not decided here: `fence.ts` says whose it is.
 */
import { isAscii, isUtf8 } from "node:buffer";
import { CSI, MAX_ESCAPE_CHARS, SEQUENCE, STRING } from "./escapes.ts";
import { unfinishedBytes } from "./utf8.ts";

/** How much was taken out, by kind. */
export interface Findings {
  /** Terminal escape sequences, whole or broken off. */
  escapes: number;
  /** Control characters besides them. */
  controls: number;
  /** Characters that embed, override or isolate a direction of writing. */
  bidi: number;
  /**
   * Invisible characters where no writing needs them: tags, variation selectors, zero-width ones, soft hyphens, noncharacters;
   * and those for private use, which are invisible or anything in one font and another.
   */
  hidden: number;
  /** Ill-formed UTF-8 sequences, each replaced by U+FFFD. */
  invalid: number;
}

/** How many UTF-16 units after an invisible character may decide on it: a subdivision flag has six tags of two. */
const LOOKAHEAD_CHARS = 12;

/** A character that has to be looked at. Between two of these, text passes untouched. */
const SUSPECT =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufff9-\ufffb\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\p{Co}]/uy;

const ESCAPE = new RegExp(`^(?:${SEQUENCE})`);
/** What may still become one when more text comes. */
const ESCAPE_BEGUN = new RegExp(`^(?:${CSI}|${STRING}\\x1b?|\\x1b[ -/]*)$`);
const ESCAPE_INTRODUCER = /^(?:\x1b[[\]PX^_]|\x1b|[\x90\x98\x9b\x9d-\x9f])/;

/** A letter or mark of a script whose letters can be joined or kept apart. In the others a joiner has nothing to do. */
const JOINING =
  /(?![\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Bopomofo}\p{sc=Hangul}\p{sc=Common}\p{scx=Inherited}]|[\u0300-\u036f])[\p{L}\p{M}]|\u0640/u;

/**
 * The invisible characters that writing needs, and the only places where they stay: `what` with what must follow it, at
 * once after a character `after`. None can follow one of its own kind, so that they cannot be piled up to carry data.
 */
const NEEDED: readonly { readonly what: RegExp; readonly after: RegExp }[] = [
  // The three marks of direction, which concern only their neighbours.
  { what: /[\u061c\u200e\u200f]/y, after: /^[^\u061c\u200e\u200f]?$/u },
  // ZWNJ and ZWJ: Persian plurals, Sinhala and Indic conjuncts, Arabic letters that show their joined form.
  { what: /[\u200c\u200d]/y, after: JOINING },
  // Text or emoji style, keycaps.
  { what: /[\ufe0e\ufe0f]/y, after: /[\p{Emoji}\p{Extended_Pictographic}\p{S}]/u },
  // ZWJ in families, professions, flags.
  { what: /\u200d(?=\p{Extended_Pictographic})/uy, after: /[\p{Extended_Pictographic}\p{Emoji_Modifier}]|\ufe0f/u },
  // Standardised variants of ideographs, mathematical signs, full-width punctuation, hieroglyphs, Myanmar, and of zero.
  {
    what: /[\ufe00-\ufe06]/y,
    after: /(?![\p{ASCII}\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}])[\p{L}\p{N}\p{P}\p{S}]|0/u,
  },
  // Ideographic variants: names of people and places in Japanese.
  { what: /[\u{e0100}-\u{e01ef}]/uy, after: /\p{sc=Han}/u },
  // Where a line may break, in scripts without spaces.
  { what: /\u200b/y, after: /[\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}\p{sc=Tibetan}]/u },
  // Mongolian variants and vowel separator.
  { what: /[\u180b-\u180f]/y, after: /(?=\p{L})\p{sc=Mongolian}/u },
  // Places of missing letters in a syllable of old Hangul.
  { what: /\u115f(?=[\u1161-\u11ff\ud7b0-\ud7fb]|\u1160[\u11a8-\u11ff\ud7cb-\ud7fb])/y, after: /^/ },
  { what: /\u1160/y, after: /[\u1100-\u115f\ua960-\ua97c]/ },
  // The flags of England, Scotland and Wales: a black flag, the tags of its name, the tag that ends it.
  {
    what: /\u{e0067}\u{e0062}(?:\u{e0065}\u{e006e}\u{e0067}|\u{e0073}\u{e0063}\u{e0074}|\u{e0077}\u{e006c}\u{e0073})\u{e007f}/uy,
    after: /\u{1f3f4}/u,
  },
];

/** Line and paragraph separator. */
const OTHER_LINE_ENDS = "\u2028\u2029";

const BIDI = /[\u202a-\u202e\u2066-\u2069]/;

/** What becomes of a suspect: how many units it is, and what stays of them, or that more text must come first. */
type SuspectVerdict = { readonly units: number; readonly put: "itself" | "\n" | "" } | "undecided";

/**
 * Cleans one document that comes in pieces. However the bytes are cut, the result and the findings are the same, and
 * cleaning a clean text changes nothing. Line ends become `\n`. It keeps back at most MAX_ESCAPE_CHARS.
 */
export class TextCleaner {
  readonly #findings: Findings = { escapes: 0, controls: 0, bidi: 0, hidden: 0, invalid: 0 };
  #bytes: Uint8Array = new Uint8Array();
  #chars = "";
  /** The last character that was let through. */
  #before = "";
  #atStart = true;

  /** What was found up to here; complete after `end`. */
  get findings(): Readonly<Findings> {
    return this.#findings;
  }

  /**
   * The quick way past `push`: true if the bytes are clean already, and then they count as pushed. It knows plain
   * ASCII alone, with `\n` as its line end, which costs a twentieth of what `push` does.
   */
  passes(bytes: Uint8Array): boolean {
    const last = bytes.at(-1);
    if (last === undefined || this.#bytes.length > 0 || this.#chars !== "" || !isPlain(view(bytes))) return false;
    this.#before = String.fromCharCode(last);
    this.#atStart = false;
    return true;
  }

  /** @returns the clean text that is certain by now. The bytes are not kept. */
  push(bytes: Uint8Array): string {
    return this.#clean(this.#decode(bytes, false), false);
  }

  /** @returns what is left of the clean text. */
  end(): string {
    return this.#clean(this.#decode(new Uint8Array(), true), true);
  }

  #decode(bytes: Uint8Array, last: boolean): string {
    const all = this.#bytes.length === 0 ? view(bytes) : Buffer.concat([this.#bytes, bytes]);
    const whole = last ? all : all.subarray(0, all.length - unfinishedBytes(all));
    this.#bytes = Uint8Array.prototype.slice.call(all, whole.length);
    if (isAscii(whole)) return whole.toString("latin1");
    const text = whole.toString("utf8");
    if (!isUtf8(whole)) this.#findings.invalid += count(text, "\ufffd") - count(whole, REPLACEMENT);
    return text;
  }

  #clean(text: string, last: boolean): string {
    const input = this.#withoutByteOrderMark(this.#chars + text);
    this.#chars = "";
    const out: string[] = [];
    let passed = 0; // up to here, input is in `out`
    let at = 0; // up to here, it is decided on
    for (;;) {
      at = nextSuspect(input, at);
      const before = at > passed ? lastCharacter(input, at) : this.#before;
      const verdict = at === input.length ? "undecided" : this.#judge(input, at, before, last);
      if (verdict === "undecided") {
        this.#chars = input.slice(at);
        this.#before = before;
        const rest = input.slice(passed, at);
        return out.length === 0 ? rest : out.join("") + rest; // most pieces pass whole, and are not copied
      }
      if (verdict.put !== "itself") {
        out.push(input.slice(passed, at), verdict.put);
        this.#before = verdict.put === "" ? before : verdict.put;
        passed = at + verdict.units;
      }
      at += verdict.units;
    }
  }

  #withoutByteOrderMark(input: string): string {
    if (!this.#atStart || input === "") return input;
    this.#atStart = false;
    return input.startsWith("\ufeff") ? input.slice(1) : input;
  }

  #judge(input: string, at: number, before: string, last: boolean): SuspectVerdict {
    const suspect = String.fromCodePoint(input.codePointAt(at) ?? 0);
    const left = last ? Number.POSITIVE_INFINITY : input.length - at;
    if (suspect === "\r") {
      if (left < 2) return "undecided";
      return { units: input[at + 1] === "\n" ? 2 : 1, put: "\n" };
    }
    if (OTHER_LINE_ENDS.includes(suspect)) return { units: 1, put: "\n" };

    if (suspect <= "\x9f") return this.#judgeControl(input, at, left);
    if (left < LOOKAHEAD_CHARS) return "undecided";
    for (const { what, after } of NEEDED) {
      what.lastIndex = at;
      if (what.test(input) && after.test(before)) return { units: what.lastIndex - at, put: "itself" };
    }
    return this.#takeOut(BIDI.test(suspect) ? "bidi" : "hidden", suspect.length);
  }

  /** @param left UTF-16 units from `at` on; infinite where no more text comes. */
  #judgeControl(input: string, at: number, left: number): SuspectVerdict {
    const introducer = ESCAPE_INTRODUCER.exec(input.slice(at, at + 2))?.[0];
    if (introducer === undefined) return this.#takeOut("controls", 1);
    const ahead = input.slice(at, at + MAX_ESCAPE_CHARS);
    const sequence = ESCAPE.exec(ahead)?.[0];
    if (sequence !== undefined) return this.#takeOut("escapes", sequence.length);
    if (left < MAX_ESCAPE_CHARS && ESCAPE_BEGUN.test(ahead)) return "undecided";
    return this.#takeOut("escapes", introducer.length);
  }

  #takeOut(kind: keyof Findings, units: number): SuspectVerdict {
    this.#findings[kind] += 1;
    return { units, put: "" };
  }
}

/**
 * A title, a name or an address as one clean line: white space of every kind becomes single spaces.
 * @param max UTF-16 units of the result; a longer one is cut between characters as readers see them, and ends in "…".
 */
export function cleanLine(text: string, max: number): string {
  const line = oneLine(text);
  if (line.length <= max) return line;
  const kept = line.slice(0, max);
  const boundary = new Intl.Segmenter("und").segment(line.slice(0, max * 2)).containing(max - 1)?.index ?? 0;
  // One "character" of piled-up marks can fill the whole line; then it is only kept from being no character at all.
  const cut = kept.slice(0, boundary > 0 ? boundary : wholeCharacters(kept, max - 1));
  // Once more: a joiner may now be the last of it, with nothing left to join.
  return `${oneLine(cut)}…`;
}

function oneLine(text: string): string {
  return cleanText(text).replace(/\s+/gu, " ").trim();
}

/** A whole text at once, where nobody asks what was taken out of it. */
export function cleanText(text: string): string {
  const cleaner = new TextCleaner();
  return cleaner.push(Buffer.from(text)) + cleaner.end();
}

/** `length`, or one less where it would cut a surrogate pair of `text`. */
export function wholeCharacters(text: string, length: number): number {
  return /^[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(length - 1, length + 1)) ? length - 1 : length;
}

/** What was taken out, as sentences for the receiver. */
export function warningsOf(findings: Readonly<Findings>): string[] {
  const say = (n: number, one: string, many: string) => (n === 0 ? [] : [n === 1 ? `1 ${one}` : `${n} ${many}`]);
  return [
    ...say(
      findings.escapes,
      "terminal escape sequence was taken out of the text.",
      "terminal escape sequences were taken out of the text.",
    ),
    ...say(
      findings.controls,
      "control character was taken out of the text.",
      "control characters were taken out of the text.",
    ),
    ...say(
      findings.bidi,
      "character that changes the direction of writing was taken out of the text.",
      "characters that change the direction of writing were taken out of the text.",
    ),
    ...say(
      findings.hidden,
      "invisible or private-use character was taken out of the text; such characters can hide instructions.",
      "invisible or private-use characters were taken out of the text; such characters can hide instructions.",
    ),
    ...say(
      findings.invalid,
      "ill-formed UTF-8 sequence was replaced by U+FFFD.",
      "ill-formed UTF-8 sequences were replaced by U+FFFD.",
    ),
  ];
}

/** SUSPECT among the ASCII characters. */
const SUSPECT_BYTES = Array.from({ length: 0x80 }, (_, byte) => byte).filter((byte) => {
  SUSPECT.lastIndex = 0;
  return SUSPECT.test(String.fromCharCode(byte));
});

/** Thirty native searches of a piece that is in the processor's cache take less time than one look at each byte here. */
function isPlain(bytes: Buffer): boolean {
  return isAscii(bytes) && !SUSPECT_BYTES.some((byte) => bytes.includes(byte));
}

const REPLACEMENT = Buffer.from("\ufffd");

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function count(where: string, what: string): number;
function count(where: Buffer, what: Buffer): number;
function count(where: string | Buffer, what: string | Buffer): number {
  let n = 0;
  let at = (where as string).indexOf(what as string);
  for (; at >= 0; at = (where as string).indexOf(what as string, at + what.length)) n += 1;
  return n;
}

/**
 * Where the next suspect of `text` begins, from `at` on; its length if there is none. One look at each unit: on text that
 * is not Latin-1, searching with SUSPECT takes five times as long.
 */
function nextSuspect(text: string, at: number): number {
  lookTable ??= makeLookTable();
  for (let next = at; next < text.length; next += 1) {
    const look = lookTable[text.charCodeAt(next)];
    if (look === PASS) continue;
    if (look === STOP) return next;
    SUSPECT.lastIndex = next;
    if (SUSPECT.test(text)) return next;
    next += 1;
  }
  return text.length;
}

const PASS = 0;
const STOP = 1;
const ASTRAL = 2;

/** What to do at each UTF-16 unit: SUSPECT as a table. Made at the first use, in 2 ms, which a start need not wait for. */
let lookTable: Uint8Array | undefined;

function makeLookTable(): Uint8Array {
  const table = new Uint8Array(0x1_0000);
  const units = Array.from(table, (_, unit) => String.fromCharCode(unit)).join("");
  for (const { index } of units.matchAll(new RegExp(SUSPECT, "gu"))) table[index] = STOP;
  return table.fill(ASTRAL, 0xd800, 0xdc00);
}

/** The character of `text` that ends at `end`. */
function lastCharacter(text: string, end: number): string {
  const low = text.charCodeAt(end - 1);
  return text.slice(low >= 0xdc00 && low <= 0xdfff ? end - 2 : end - 1, end);
}
