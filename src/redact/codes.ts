/** Codes: lists of groups that open an account again, and numbers that open something. */
import type { Found, Span } from "./found.ts";
import { LINE_REACH_CHARS, lineBefore, linesBelow, SENTENCE_END, type TextLine } from "./lines.ts";
import { RULE_OF } from "./name-words.ts";
import type { Name } from "./names.ts";
import { isGroups } from "./values.ts";

/** Groups of letters and digits, one or many in a line. */
const CODE =
  /(?<![\w-])[a-zA-Z2-7]{4}(?: [a-zA-Z2-7]{4}){3,15}(?![\w-])|(?<![\w/.:-])[A-Z2-7]{16,64}(?![\w/:-])|(?<![\w-])\d{3,4} \d{3,4}(?![\w-])|(?<![\w/.:-])[A-Za-z0-9]{4,16}(?:-[A-Za-z0-9]{4,12}){0,11}(?![\w/:-])/g;

/** @param like how the codes before were grouped: what is grouped as they are is one, whatever its letters */
function* codesIn(line: string, like?: string): Generator<Span> {
  for (const { index, 0: code } of line.matchAll(CODE)) {
    if (isGroups(code) || groupsOf(code) === like) yield { start: index, end: index + code.length };
  }
}

/** `5-5` for `a8f2k-9b3cd`; nothing for what is in one piece. */
function groupsOf(code: string): string {
  const groups = code.split("-").map((group) => group.length);
  return groups.length < 2 ? code : groups.join("-");
}

/** The codes in the rest of their name's line. @param isElsewhere whether what stands before speaks of other numbers */
export function codesBeside(
  { text, start }: TextLine,
  isElsewhere: (between: string) => boolean,
  isSaid: (between: string) => boolean,
): Found[] {
  const [first] = codesIn(text);
  if (first === undefined) return [];
  const between = text.slice(0, first.start);
  if (SENTENCE_END.test(between) || isElsewhere(between)) return [];
  if (/^[0-9a-f]+$/.test(text.slice(first.start, first.end)) && !isSaid(between)) return [];
  return [...codesIn(text)].map((code) => ({ rule: RULE_OF.code, start: start + code.start, end: start + code.end }));
}

/** Those in the lines below: nothing but codes, their numbers and boxes. @param isSkipped whether a line may stand between */
export function codesBelow(text: string, offset: number, isSkipped: (line: string) => boolean): Found[] {
  const found: Found[] = [];
  let like: string | undefined;
  for (const line of linesBelow(text, offset)) {
    if (isSkipped(line.text)) continue;
    const codes = [...codesIn(line.text, like)];
    const [first] = codes;
    if (first === undefined || /[\p{L}/@#]{2}/u.test(without(line.text, codes).replace(/\\[nt]/g, ""))) break;
    like ??= groupsOf(line.text.slice(first.start, first.end));
    for (const { start, end } of codes)
      found.push({ rule: RULE_OF.code, start: line.start + start, end: line.start + end });
  }
  return found;
}

function without(line: string, spans: readonly Span[]): string {
  let rest = "";
  let at = 0;
  for (const { start, end } of spans) {
    rest += line.slice(at, start);
    at = end;
  }
  return rest + line.slice(at);
}

/** A number that opens something: right behind its name. */
const PIN =
  /^s?(?: (?:of|for|to|für|vom|von|zum|zur|der|des|du|de|del|della|do|da|van|av|для|от) [\p{L}\w '’-]{1,30}?)?(?: ?[:=：] ?| (?:is|ist|lautet|est|es|è|é|är|to|jest|—|–|-)[: ] ?|是|は| )["'`*]{0,2}(?<value>\d{4,10})(?![\d\w]|[-.:/]\d)/diu;
const PIN_BEFORE =
  /(?<![\d.:/-])(?<value>\d{6,10}) (?:as|is|ist|als|est|es|è|é) (?:(?:your|the|my|our|ihr|dein|der|die|das|votre|su|tu) )?(?:\p{L}+ )?$/diu;
/** Fewer digits may be anything, unless its name is written as an abbreviation. */
const MIN_PIN_CHARS = 6;

export function pinAt(text: string, { start, end }: Name): Found[] {
  const after = PIN.exec(text.slice(end, end + LINE_REACH_CHARS));
  const before = lineBefore(text, start);
  const match = after ?? PIN_BEFORE.exec(before);
  const [from, to] = match?.indices?.groups?.value ?? [];
  if (match === null || from === undefined || to === undefined) return [];
  if (to - from < MIN_PIN_CHARS && !/^(?:PIN|PUK)$/.test(text.slice(start, end))) return [];
  const offset = match === after ? end : start - before.length;
  return [{ rule: RULE_OF.pin, start: offset + from, end: offset + to }];
}
