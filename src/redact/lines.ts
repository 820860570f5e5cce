/** The lines around a name, as they are written in a text or in a string: `\n`. */
import { placeholdersIn } from "./placeholders.ts";
import { BEFORE_CHARS } from "./reach.ts";

export interface TextLine {
  readonly text: string;
  readonly start: number;
}

/** How far into its own line a value may stand. */
export const LINE_REACH_CHARS = 160;

export const SENTENCE_END = /[.!?。！？](?:\s|$)/;

const BREAK = /\\r\\n|\\n|\r?\n/g;
const FIRST_BREAK = new RegExp(BREAK.source);

/** What stands before the first placeholder: what a placeholder stands for was spoken of, what is behind that was not. */
export function upToPlaceholder(text: string): string {
  const [first] = placeholdersIn(text);
  return first === undefined ? text : text.slice(0, first.start);
}

/** A text's first line. */
export function firstLine(text: string, offset: number): TextLine {
  const end = text.search(FIRST_BREAK);
  return { text: end < 0 ? text : text.slice(0, end), start: offset };
}

/** Those behind the first one. */
export function* linesBelow(text: string, offset: number): Generator<TextLine> {
  let start = -1;
  for (const { index, 0: mark } of text.matchAll(BREAK)) {
    if (start >= 0) yield { text: text.slice(start, index), start: offset + start };
    start = index + mark.length;
  }
  if (start >= 0) yield { text: text.slice(start), start: offset + start };
}

/** What is in the same line before a place, and behind a placeholder. */
export function lineBefore(text: string, at: number): string {
  const before = text.slice(Math.max(0, at - BEFORE_CHARS.mention), at);
  const escaped = before.lastIndexOf("\\n");
  const placeholder = placeholdersIn(before).at(-1);
  return before.slice(
    Math.max(
      before.lastIndexOf("\n") + 1,
      escaped < 0 ? 0 : escaped + 2,
      placeholder === undefined ? 0 : placeholder.start + 1,
    ),
  );
}
