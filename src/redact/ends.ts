/** Where a value ends: in quotes, at the end of a word, a cell, an element or a line. */
import { isCode } from "./values.ts";
import { isWords } from "./words.ts";

/** How long a value is looked at, in characters. */
const MAX_VALUE_CHARS = 1024;
/** Where a quote is not the same again. */
const QUOTE_ENDS: Readonly<Record<string, string>> = { "「": "」", "『": "』", "“": "”", "„": "“", "«": "»", "‘": "’" };

export function quotedEnd(text: string, start: number, opened: string): number | undefined {
  const quote = QUOTE_ENDS[opened] ?? opened;
  const limit = Math.min(text.length, start + MAX_VALUE_CHARS);
  for (let at = start; at < limit; at++) {
    const code = text.charCodeAt(at);
    if (code === 10 || code === 13) return undefined;
    if (text.startsWith(quote, at)) return at;
    // In a string that is not itself escaped, a backslash and what follows it belong to the value.
    if (code === 92 && quote.length === 1) at++;
  }
  // It was cut off; what is there goes.
  return limit === text.length ? limit : undefined;
}

/** Up to what ends a word, or a line's end that is written as such, as in a JSON string. */
const BARE = /(?:[^\s"'`,;|&<>(){}[\]\\]|\\(?![nrt])){1,1024}/y;
/** Outside of a query an ampersand is a password's, unless it stands where a value ends anyway, or the next name follows. */
const BARE_AMPERSAND =
  /(?:[^\s"'`,;|&<>(){}[\]\\]|\\(?![nrt]))(?:[^\s"'`,;|&<>(){}[\]\\]|\\(?![nrt])|&(?![\s"'`,;|&<>(){}[\]]|[\w.%-]{1,64}[=;]|$)){0,1023}/y;
const BARE_SETTING = /[^\s"'`|<>]{1,1024}/y;
/** All of a line's rest, if there is no blank in it. */
const LINE_RUN = /(?!\\[nrt"'])[^\s"'`](?:[^\s\\]|\\(?![nrt"'])){0,1023}/y;
const LINE_END = /[ \t]{0,24}(?:\r?\n|$|[ \t]#)/y;
const BARE_CELL = /[^\s`|]{1,400}(?=[ \t]{0,60}(?:\||\n|$))/y;
const BARE_ELEMENT = /[^\s<>]{1,1000}(?=<\/)/y;
const BARE_BELOW = /\S{8,1024}/y;

/** Of a name that has a bare value behind it. */
export interface Surroundings {
  readonly nameStart: number;
  /** Written as one of the environment. */
  readonly isSetting: boolean;
  readonly isQuery: boolean;
  /** Whether it begins its line. */
  readonly isLine: boolean;
}

/** What parts the name from the value: the group of that in SEPARATOR. */
export type Groups = Readonly<Record<string, string | undefined>>;

export function bareEnd(text: string, start: number, groups: Groups, around: Surroundings): number | undefined {
  if (groups.below !== undefined) return start + (matchEnd(BARE_BELOW, text, start) ?? "").replace(/\\$/, "").length;
  const isShell = around.isSetting && groups.sign === "=";
  return (
    headerEnd(text, start, groups, around) ??
    lineEnd(text, start, groups, around, isShell) ??
    wordEnd(text, start, groups, around, isShell)
  );
}

/** "Name: value", as headers are given to commands. */
function headerEnd(text: string, start: number, groups: Groups, { nameStart }: Surroundings): number | undefined {
  const opened = groups.sign !== undefined ? text.charAt(nameStart - 1) : "";
  const end = /["'`]/.test(opened) ? quotedEnd(text, start, opened) : undefined;
  if (end === undefined || /[\s\\]|[&;][A-Za-z_]\w{2,30}=/.test(text.slice(start, end))) return undefined;
  return end;
}

/** A value that is all of its line's rest. */
function lineEnd(text: string, start: number, groups: Groups, { isLine }: Surroundings, isShell: boolean) {
  const line = isLine && groups.sign !== undefined ? restOfLine(text, start) : undefined;
  if (line === undefined) return undefined;
  const next = /[&;]([A-Za-z_][\w.]{2,30})=/.exec(line)?.[1];
  if ((next && isWords(next)) || isCode(line)) return undefined;
  const value = isShell ? line : line.replace(/(?:[;,]|\.(?=$))$/, "");
  return /[([{]$/.test(value) && isWords(value.slice(0, -1)) ? undefined : start + value.length;
}

function formOf(groups: Groups, isShell: boolean, bare: RegExp): RegExp {
  if (groups.table !== undefined) return BARE_CELL;
  if ((groups.tag ?? groups.node) !== undefined) return BARE_ELEMENT;
  return isShell ? BARE_SETTING : bare;
}

function wordEnd(text: string, start: number, groups: Groups, { isQuery }: Surroundings, isShell: boolean) {
  const bare = isQuery ? BARE : BARE_AMPERSAND;
  const form = formOf(groups, isShell, bare);
  const match = matchEnd(form, text, start);
  if (match === undefined) return undefined;
  let end = start + match.length;
  // A call, a subscript or a template is code.
  if (form === bare && /^[([{]/.test(text.slice(end, end + 1))) return undefined;
  const escaped = form === bare ? -1 : match.search(/\\[nrt]/);
  if (escaped >= 0) end = start + escaped;
  const isSaid = groups.says !== undefined && !isShell;
  while (end > start && (isSaid ? ENDS_SENTENCE : ENDS_CLAUSE).test(text.charAt(end - 1))) end--;
  return end;
}

/** What is no part of a value at its end: where it is said in a sentence, also that sentence's mark. */
const ENDS_CLAUSE = /[.;,:\\)。、，；」』]/;
const ENDS_SENTENCE = /[.;,:?!\\)。、，；」』]/;

function restOfLine(text: string, start: number): string | undefined {
  const line = matchEnd(LINE_RUN, text, start);
  LINE_END.lastIndex = start + (line?.length ?? 0);
  return LINE_END.test(text) ? line : undefined;
}

function matchEnd(form: RegExp, text: string, start: number): string | undefined {
  form.lastIndex = start;
  return form.exec(text)?.[0];
}
