/**
 * A text without what nobody sees in it: terminal escapes, control characters, zero-width ones. A colour or a soft hyphen
 * within a secret would keep every pattern from it, and the receiver's cleaning takes them out again. Places in this view
 * are told as places in the text as it is.
 */

import { SEQUENCE } from "../untrusted/escapes.ts";

export interface View {
  readonly text: string;
  /** Where a character of the view stands in the text. */
  place(at: number): number;
  /** How much of the text before a place is in the view. */
  seenBefore(place: number): number;
}

/** Whole, or only its beginning where it does not end. */
const ESCAPE = `${SEQUENCE}|\\x1b[[\\]PX^_]?`;
/** Line ends and tabs are seen. So is a NUL in a line of its own: texts that are cleaned in one go have it between them. */
const UNSEEN =
  "[\\x01-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\ufff9-\\ufffb\\p{Default_Ignorable_Code_Point}\\p{Noncharacter_Code_Point}]|" +
  "(?<!\\n)\\0|\\0(?!\\n)";
const HIDDEN = new RegExp(`${ESCAPE}|${UNSEEN}`, "uy");

/** @returns undefined for a text in which all is seen, as in nearly all texts. */
export function viewOf(text: string): View | undefined {
  const pieces: string[] = [];
  /** Places in the view before which something was taken out, and how much up to there. */
  const gaps: number[] = [];
  const taken: number[] = [];
  let seen = 0;
  let end = 0;
  for (let index = nextHidden(text, 0); index < text.length; index = nextHidden(text, end)) {
    pieces.push(text.slice(end, index));
    seen += index - end;
    end = HIDDEN.lastIndex;
    if (gaps.at(-1) === seen) taken[taken.length - 1] = end - seen;
    else {
      gaps.push(seen);
      taken.push(end - seen);
    }
  }
  if (gaps.length === 0) return undefined;
  pieces.push(text.slice(end));
  const place = (at: number) => at + (taken[gapsUpTo(gaps, at) - 1] ?? 0);
  const seenBefore = (whole: number) => {
    const ends = gaps.map((gap, run) => gap + (taken[run] ?? 0));
    const before = gapsUpTo(ends, whole);
    return Math.min(whole - (taken[before - 1] ?? 0), gaps[before] ?? seen + text.length - end);
  };
  return { text: pieces.join(""), place, seenBefore };
}

/** How many characters of a text are hidden. */
export function hiddenIn(text: string): number {
  let chars = 0;
  for (let at = nextHidden(text, 0); at < text.length; at = nextHidden(text, HIDDEN.lastIndex))
    chars += HIDDEN.lastIndex - at;
  return chars;
}

/** How many of these, which are in order, are no greater. */
function gapsUpTo(gaps: readonly number[], at: number): number {
  let low = 0;
  let high = gaps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((gaps[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** By UTF-16 unit: a table takes a tenth of the time that the pattern takes on text that is not Latin-1. */
let suspects: Uint8Array | undefined;

/** Where the next one begins that is hidden, or the text's end; HIDDEN.lastIndex is behind it. */
function nextHidden(text: string, from: number): number {
  suspects ??= makeSuspects();
  for (let at = from; at < text.length; at++) {
    if (suspects[text.charCodeAt(at)] !== 1) continue;
    HIDDEN.lastIndex = at;
    if (HIDDEN.test(text)) return at;
  }
  return text.length;
}

/** What may be hidden, and the first halves of the pairs that may: U+1BCA0, U+1D173, U+E0000 and their like. */
function makeSuspects(): Uint8Array {
  const table = new Uint8Array(0x1_0000);
  const units = Array.from(table, (_, unit) => String.fromCharCode(unit)).join("");
  for (const { index } of units.matchAll(new RegExp(UNSEEN, "gu"))) table[index] = 1;
  for (const half of [0xd82f, 0xd834, 0xdb40, 0xdb41, 0xdb42, 0xdb43]) table[half] = 1;
  return table;
}
