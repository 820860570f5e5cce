/** A user and the password beside it. */
import type { Found } from "./found.ts";
import { LINE_REACH_CHARS, type Line, SENTENCE_END } from "./lines.ts";
import { RULE_OF } from "./names.ts";
import { isOpaque } from "./opaque.ts";
import { isDigest, isTyped } from "./values.ts";

/** A user, what parts it from the password, and that. */
const LOGIN =
  /(?:^|[\s:("'`=/])(?<user>[\w.@+-]{2,40})["'`*]{0,2} ?(?:[/:|,;]|and|und|et|y|e|en|i|och|ve|и|—|–|-|password|pw|pass|passwort)[: ]{0,2}["'`*]{0,2}(?<value>[^\s"'`<>|]{8,64})/diu;

/** Right behind a user whose name is known. */
const AFTER_USER = /^["'`*]{0,2}(?: ?: ?| [/|] |\/(?=[^\s/]{8,64}(?:\s|$)))["'`*]{0,2}(?<value>[^\s"'`<>|]{8,64})/d;

/** "use ann:… for basic auth" */
const LOGIN_BEFORE =
  /(?:^|[\s"'`(])[\w.@+-]{2,40}:(?<value>[^\s"'`<>|]{8,64})["'`)]{0,2} (?:for|as|on|in|to|with|für|als|per|para|pour|comme|como) (?:\p{L}+ ){0,3}$/diu;

/** The password of a user who is named. */
export function passwordOf(rest: Line): Found[] {
  return pairIn([[rest, AFTER_USER]]);
}

/** A user's name and password, before what calls them so, behind it, or in the next line. */
export function pairAt(before: Line, rest: Line, next: Line | undefined): Found[] {
  const announced = next !== undefined && /[:?]\W*$/.test(rest.text) ? [[next, LOGIN] as const] : [];
  return pairIn([[before, LOGIN_BEFORE], [rest, LOGIN], ...announced]);
}

/** The first password that stands beside a user's name in one of these lines. */
function pairIn(lines: readonly (readonly [Line, RegExp])[]): Found[] {
  for (const [{ text, start }, form] of lines) {
    const line = text.slice(0, LINE_REACH_CHARS);
    const match = form.exec(line);
    const value = match?.groups?.value?.replace(/[.,;:)]+$/, "");
    const [at] = match?.indices?.groups?.value ?? [];
    if (value === undefined || at === undefined || SENTENCE_END.test(line.slice(0, at))) continue;
    const isBeside = /\w(?: ?: ?| \/ )$/.test(line.slice(0, at)) && (isOpaque(value) || isDigest(value));
    if (isBeside || isTyped(value, "near"))
      return [{ rule: RULE_OF.login, start: start + at, end: start + at + value.length }];
  }
  return [];
}
