/** A user and the password beside it. */
import type { Found } from "./found.ts";
import { LINE_REACH_CHARS, SENTENCE_END, type TextLine } from "./lines.ts";
import { RULE_OF } from "./name-words.ts";
import { isOpaque } from "./opaque.ts";
import { isTyped } from "./typed.ts";
import { isDigest } from "./values.ts";

/** A user, what parts it from the password, and that. */
const LOGIN =
  /(?:^|[\s:("'`=/])(?<user>[\w.@+-]{2,40})["'`*]{0,2} ?(?:\/\/|[/:|,;]|and|with|mit|avec|con|com|met|med|und|et|y|e|en|i|och|ve|и|—|–|-|password|pw|pass|passwort)[: ]{0,2}["'`*]{0,2}(?<value>[^\s"'`<>|]{8,64})/diu;

/** Alone behind a label, with a blank between them: "access to the printer: ann …" */
const AFTER_LABEL = /[:：]\s?(?<user>[\w.@+-]{2,40}) (?<value>[^\s"'`<>|]{8,64})\s{0,4}$/du;

/** Right behind a user whose name is known. */
const AFTER_USER =
  /^["'`*]{0,2}(?: ?: ?| [/|] | with |\/(?=[^\s/]{8,64}(?:\s|$)))["'`*]{0,2}(?<value>[^\s"'`<>|]{8,64})/d;

/** "use ann:… for basic auth" */
const LOGIN_BEFORE =
  /(?:^|[\s"'`(])[\w.@+-]{2,40}:(?<value>[^\s"'`<>|]{8,64})["'`)]{0,2} (?:for|as|on|in|to|with|für|als|per|para|pour|comme|como) (?:\p{L}+ ){0,3}$/diu;

/** The password of a user who is named. */
export function passwordOf(rest: TextLine): Found[] {
  return pairIn([[rest, AFTER_USER]]);
}

/** A user's name and password, before what calls them so, behind it, or in the next line. */
export function pairAt(before: TextLine, rest: TextLine, next: TextLine | undefined): Found[] {
  const announced = next !== undefined && /[:?]\W*$/.test(rest.text) ? [[next, LOGIN] as const] : [];
  return pairIn([[before, LOGIN_BEFORE], [rest, LOGIN], [rest, AFTER_LABEL], ...announced]);
}

/** The first password that stands beside a user's name in one of these lines. */
function pairIn(lines: readonly (readonly [TextLine, RegExp])[]): Found[] {
  for (const [line, form] of lines) {
    const found = passwordIn(line, form);
    if (found !== undefined) return [found];
  }
  return [];
}

/** So many pairs of words are looked at: the first one of a line may be of its label. */
const MAX_PAIRS = 6;

function passwordIn({ text, start }: TextLine, form: RegExp): Found | undefined {
  const line = text.slice(0, LINE_REACH_CHARS);
  let from = 0;
  for (let pair = 0; pair < MAX_PAIRS; pair++) {
    const match = form.exec(line.slice(from));
    const value = match?.groups?.value?.replace(/[.,;:)]+$/, "");
    const [offset] = match?.indices?.groups?.value ?? [];
    if (match === null || value === undefined || offset === undefined) return undefined;
    const at = from + offset;
    const before = line.slice(0, at);
    if (SENTENCE_END.test(before)) return undefined;
    const isBeside = /\w(?: ?: ?| \/ )$/.test(before) && (isOpaque(value) || isDigest(value));
    const isLast =
      (form === LOGIN || form === AFTER_LABEL) &&
      /^[.\s]*$/.test(line.slice(at + value.length)) &&
      isTyped(value, "said");
    if (isBeside || isLast || isTyped(value, "near"))
      return { rule: RULE_OF.login, start: start + at, end: start + at + value.length };
    from = at;
  }
  return undefined;
}
