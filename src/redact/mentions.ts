/**
 * Secrets that are spoken of: a name, and the value further on in its sentence, in the answer to it, or alone in a line below.
 *
 *     the token for staging is a8f…       same line: what chance made, or a password that somebody chose
 *     what's the admin password?          the answer: the next line, with whoever says it before it
 *     Backup codes:                       below: alone in its line, past fences, rules and blank lines; a list of codes
 *     $ openssl rand -hex 32              what a command printed
 *     a8f… is our new token               before the name
 *
 * Nothing but blanks ties the two together: so a value has to look like one by itself, the more the farther away it is, and
 * a number that may as well be of a commit or a request is one only where nothing says so. What has a separator behind its
 * name is found by assignments.ts.
 */
import { codesBelow, codesBeside, pinAt } from "./codes.ts";
import type { Found, Span } from "./found.ts";
import {
  firstLine,
  LINE_REACH_CHARS,
  lineBefore,
  linesBelow,
  SENTENCE_END,
  type TextLine,
  upToPlaceholder,
} from "./lines.ts";
import { pairAt, passwordOf } from "./logins.ts";
import { type NameKind, RULE_OF } from "./name-words.ts";
import type { Name } from "./names.ts";
import { hasChance, isOpaque } from "./opaque.ts";
import { phraseIn } from "./phrases.ts";
import { isWithinPlaceholder } from "./placeholders.ts";
import { BEHIND_CHARS } from "./reach.ts";
import { isTyped } from "./typed.ts";
import { isDigest, standsForValue } from "./values.ts";
import { isWords } from "./words.ts";

/** What looking at one takes at least, in characters that are looked at. */
const MIN_EFFORT = 20;
/** What looking for a value takes beyond the characters that are looked through. */
const VALUE_EFFORT = 40;

interface Mentions {
  readonly secrets: readonly Found[];
  /** What finding them took, in characters that were looked at. */
  readonly effort: number;
}

const NONE: Mentions = { secrets: [], effort: MIN_EFFORT };

/** The secrets that this name speaks of. */
export function mentionsAt(text: string, name: Name): Mentions {
  const { kind } = name;
  if (kind === "session" || isInName(text, name)) return NONE;
  const reach = kind === "code" ? BEHIND_CHARS.list : BEHIND_CHARS.mention;
  const after = upToPlaceholder(text.slice(name.end, name.end + reach));
  const before = lineBefore(text, name.start);
  const secrets = spokenOf(text, name, before, after);
  return secrets === undefined ? NONE : { secrets, effort: VALUE_EFFORT + after.length };
}

/** @returns undefined where nothing was looked for */
function spokenOf(text: string, name: Name, before: string, after: string): readonly Found[] | undefined {
  const { kind } = name;
  if (kind === "pin") return pinAt(text, name);
  if (kind === "phrase") return phraseIn(text, name.end);
  const rest = firstLine(after, name.end);
  if (kind === "login") {
    const earlier = { text: before, start: name.start - before.length };
    const [next] = linesBelow(after, name.end);
    return pairAt(earlier, rest, next);
  }
  if (!hasChance(after) && !APP_PASSWORD.test(after)) return hasChance(before) ? valueBefore(before, name) : undefined;
  if (kind === "user") return passwordOf(rest);
  if (kind === "code") return codesOf(before, rest, after, name);
  const beside = appPassword(after, name) ?? valueBeside(rest, kind, before) ?? valueBefore(before, name);
  return beside.length > 0 ? beside : valueBelow(before, rest.text, after, name);
}

/** Of Google and Apple: four groups of four letters. */
const APP_PASSWORD =
  /^["'`*]{0,3}(?: (?:for|of|für|pour|para|per) [\p{L}\d .-]{1,30}?| ?\([^()\n]{1,40}\))?(?:\s?[:=] ?| (?:is|ist|lautet|est|es|è|é)[: ] ?)["'`*]{0,3}(?<value>[a-z]{4}(?: [a-z]{4}){3})(?! ?[a-z])/du;

function appPassword(after: string, { kind, end: nameEnd }: Name): Found[] | undefined {
  if (kind !== "password") return undefined;
  const [start, end] = APP_PASSWORD.exec(after)?.indices?.groups?.value ?? [];
  if (start === undefined || end === undefined || isWords(after.slice(start, end))) return undefined;
  return [{ rule: RULE_OF.password, start: nameEnd + start, end: nameEnd + end }];
}

function codesOf(before: string, rest: TextLine, after: string, { kind, end }: Name): Found[] {
  const codes = codesBeside(
    rest,
    (between) => ELSEWHERE.test(between),
    (between) => SAYS.test(between),
  );
  if (codes.length > 0 || announcing(before, rest.text, kind) === undefined) return codes;
  return codesBelow(after, end, (line) => SKIPPED.test(line));
}

/** In a line below, if this one announces it. */
function valueBelow(before: string, rest: string, after: string, { kind, end }: Name): Found[] {
  if (kind === "pass" && !PROMPT.test(before) && !SPEAKER.test(before)) return [];
  const announced = announcing(before, rest, kind);
  if (announced === undefined) return [];
  // What somebody says is answered in the next line, with a question's mark or without.
  const isTalk = SPEAKER.test(before);
  const label: Label = { kind, text: before + rest, announced: isTalk ? "surely" : announced };
  const isSkipped = (line: string) => SKIPPED.test(line) || (isTalk && NOT_YET.test(line.replace(LEAD, "")));
  let skipped = 0;
  for (const line of linesBelow(after, end)) {
    if (isSkipped(line.text)) {
      if (++skipped > MAX_SKIPPED) break;
      continue;
    }
    const value = answerIn(line.text, label);
    if (value) return [{ rule: RULE_OF[kind], start: line.start + value.start, end: line.start + value.end }];
    // What a command printed may have a line before it that says so.
    if (kind !== "output" || ++skipped > MAX_SKIPPED) break;
  }
  return [];
}

/** arn:aws:secretsmanager:…:secret:name, -----END PRIVATE KEY-----, [redacted: command-line-password #1] */
const isInName = (text: string, { start, end }: Name) =>
  (text.charAt(start - 1) === ":" && text.charAt(end) === ":") ||
  /^(?: BLOCK)? ?-{4}/.test(text.slice(end, end + 12)) ||
  isWithinPlaceholder(text, start);

/** Quoted, up to the quote's end; bare, up to what ends a word. */
const VALUE =
  /(?<open>["'`“„«「『‘](?: ?))(?<quoted>[!-~\u00c0-\u024f]{4,400}?)(?: ?)["'`”“»」』’]|(?<bare>[!-~\u00c0-\u024f]{6,1200})/gu;
/** A bare one has none of these in it: code and sentences do. */
const BARE = /[^\s"'`“”„«»「」『』‘’<>()[\]{},;|]{6,1200}/g;

/** All that may be a value, with the text between it and the line's beginning. */
function* candidates(line: string): Generator<PossibleValue> {
  for (const match of line.slice(0, LINE_REACH_CHARS + 1200).matchAll(VALUE)) {
    const { open = "", quoted, bare } = match.groups ?? {};
    if (match.index > LINE_REACH_CHARS) return;
    if (quoted !== undefined) {
      const start = match.index + open.length;
      yield { start, end: start + quoted.length, value: quoted, between: line.slice(0, match.index), isQuoted: true };
      continue;
    }
    for (const { index, 0: word } of (bare ?? "").matchAll(BARE)) {
      const value = word
        .replace(/[.:\\]+$/, "")
        .replace(/^(?<mark>\*{1,2}|__)(?<bold>.*?)\k<mark>$/, "$<bold>")
        .replace(/^:+/, "");
      const start = match.index + index + word.indexOf(value);
      // A call or a subscript is code.
      if (value.length >= 6 && !/^[([]/.test(line.slice(start + value.length, start + value.length + 1)))
        yield { start, end: start + value.length, value, between: line.slice(0, start), isQuoted: false };
    }
  }
}

/** What joins a name and its value in a sentence, right before the value. */
const SAYS =
  /(?:^|[\s"'`*)\]])(?:is|was|to|are|be|one|now|it's|its|heißt|jetzt|still|currently|hâlâ|ahora|maintenant|adesso|c'est|à|bei|ser|será|siendo|gesetzt|ist|war|lautet|auf|est|sera|es|era|a|è|in|é|para|para o|je|jest|to|na|är|till|er|til|on|este|olarak|adalah|là|это|на|—|–|-|->|=>|→)[:]? ?["'`*]{0,2}$|(?:是|为|為|は|を|が|成|到|成了|는|은|이)[:：]?\s?$|[:=：→]\s*["'`*]{0,2}$|^[^\p{L}\p{N}]{0,12}$/iu;
const MAX_WORDS = 9;

/** What a number is of that is no secret: right before it or between, and where nothing else is spoken of. */
const NUMBER_OF =
  /(?:^|[^\p{L}])(?:commits?|sha-?\d*|md5|hash(?:es|ed)?|digest|checksum|integrity|fingerprint|thumbprint|\w*[_-]?ids?|uuid|guid|requests?|req|trace\w*|span|correlation|rev|revision|head|etag|image|layer|build|version|object|blob|tree|branch|merged?|tag|users?|tenant|account|order|run|job|event|message|session|device|instance|resource|node|pod|volume|public|contract|tx|transaction|address|block|cache|pr|issue|ticket|nonce|bucket|container|kid|jti|sub|aud|cursor|key ?id|secure)(?![\p{L}])/iu;
/** What a line is about in which such a number is another one. */
const ELSEWHERE =
  /(?:^|[^\p{L}])(?:commit|git|sha-?\d*(?:sum)?|md5(?:sum)?|digest|dgst|hash\w*|checksum|fingerprint|thumbprint|etag|trace[ _-]?id|request[ _-]?id|docker|image)(?![\p{L}])/iu;
const PUBLIC =
  /ssh-(?:rsa|ed25519|dss)|ecdsa-sha2|public|publishable|fingerprint|integrity|secure:|(?:^|[^\w])(?:id|kid|etag|nonce)["'`]?\s*[:=]?\s*["'`]?$/i;

const mayBeValue = (value: string) => hasChance(value) && !standsForValue(value);

interface PossibleValue extends Span {
  readonly value: string;
  readonly between: string;
  readonly isQuoted: boolean;
}

/** The first value in the rest of the name's line; undefined where there is none. */
function valueBeside(rest: TextLine, kind: NameKind, before: string): Found[] | undefined {
  if (kind === "output" || kind === "pass") return [];
  if (!hasChance(rest.text)) return undefined;
  for (const one of candidates(rest.text)) {
    if (!mayBeValue(one.value) || !isMentioned(one, kind, before)) continue;
    return [{ rule: RULE_OF[kind], start: rest.start + one.start, end: rest.start + one.end }];
  }
  return undefined;
}

function isMentioned(one: PossibleValue, kind: NameKind, before: string): boolean {
  const { value, between, isQuoted } = one;
  // What is written together with the name is a part of it.
  if ((between === "" && !isQuoted) || PUBLIC.test(between)) return false;
  const words = between.trim().split(/\s+/).length;
  const isSaid = isSaidBehind(one, words);
  const bare = value.replace(/[?!]+$/, "");
  if (BITLOCKER.test(bare)) return true;
  if (isDigest(bare)) {
    const isMeant = kind === "vague" ? isVaguelySaid(one, words) : isSaid || kind !== "password";
    return isMeant && !ELSEWHERE.test(before) && !isOfSomething(between);
  }
  const isNear = words <= MAX_WORDS && !SENTENCE_END.test(between.trimEnd().replace(/[:?]$/, ""));
  if (isOpaque(bare)) return kind !== "vague" || (isNear && !HAS_DIGEST.test(value));
  return isNear && kind !== "vague" && isTypedBeside(value, kind, isSaid);
}

const isTypedBeside = (value: string, kind: NameKind, isSaid: boolean) =>
  kind === "password" ? isTyped(value, isSaid ? "said" : "near") : isSaid && isTyped(value, "near");

const isVaguelySaid = ({ between, isQuoted }: PossibleValue, words: number) =>
  / (?:is|ist|est|es|è|é) ["'`]?$/.test(between) || (isQuoted && words <= 1);

/** Whether a number is of something else, or of another sentence. */
const isOfSomething = (between: string) => NUMBER_OF.test(between) || SENTENCE_END.test(between);

/** Of digits alone. */
const BITLOCKER = /^(?:\d{6}-){7}\d{6}$/;

/** Whether what stands between says that the value is that of the name. */
function isSaidBehind({ value, between, isQuoted }: PossibleValue, words: number): boolean {
  // f("password", "saltsalt"): two arguments, more often than a name and its value.
  if (/^["'`],/.test(between) && !/^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)/.test(value)) return false;
  const isJoined = SAYS.test(between) && !/[<>{};]|\(.*\w|[:=].*[:=]/.test(between);
  return isJoined || (isQuoted && words <= 3);
}

/** npm-3fb83282…: the key of a cache. */
const HAS_DIGEST = /[0-9a-f]{32}/i;

/** What says it, after a connective, and then the secret's name. */
const CALLED =
  /(?<quote>["'`“„«*]{0,2})(?<value>(?:[^\s"'`“”„«»<>()[\]{},;|*]|\*(?=[^\s*])){8,400})["'`”“»*]{0,2}(?:(?<note>[\])};, ]{0,6}(?: \| base64 (?:-d|-D|--decode))?\s{1,8}(?:\/\/|#|--|\/\*|<-+)\s?(?:[\p{L}\d'-]{1,16} ){0,4})|,? (?:\p{L}{5,14} )?(?:в качестве|is|as|was|ist|als|war|est|comme|es|como|è|come|é|är|som|to|jako|это|как)(?: [\p{L}\d'-]{1,16}){0,4} ?|(?:[\s)]{0,4}where \w{1,20} ?= ?["'])|(?<beside> ))$/iu;

function valueBefore(before: string, { kind, start }: Name): Found[] {
  if (!hasChance(before) || kind === "code" || kind === "output" || kind === "user") return [];
  const match = CALLED.exec(before);
  const { quote = "", beside, note } = match?.groups ?? {};
  const value = match?.groups?.value?.replace(/^(?<value>.{8,}?)[?]$/, "$<value>");
  if (match === null || value === undefined || standsForValue(value)) return [];
  if (beside !== undefined && quote === "") return [];
  const isNoted = note !== undefined && isDigest(value) && !NUMBER_OF.test(note);
  if (!isNoted && !isOpaque(value) && !(kind === "password" && isTyped(value, beside === undefined ? "said" : "near")))
    return [];
  const from = start - before.length + match.index + quote.length;
  return [{ rule: RULE_OF[kind], start: from, end: from + value.length }];
}

/** At a prompt. */
const PROMPT = /^\s*(?:[\w.@~/:\\\- ()[\]]{0,60})?(?:[$❯➜#%>]|PS [^>\n]{0,60}>)\s/;

/** Whether a line announces what is below: it ends with the name, with a colon or a question, or is a command. */
type Announced = "surely" | "perhaps" | undefined;

function announcing(before: string, rest: string, kind: NameKind): Announced {
  if (kind === "output") return "surely";
  if (/^(?:s)?[\s"'`*_:：)>\]?？|-]{0,8}$/.test(rest)) return "surely";
  if (/[:?：？][\s"'`*_)]{0,4}$/.test(rest)) return "surely";
  if (PROMPT.test(before) || /(?:^|[\s>])(?:here(?:'s| is| are)|this is|hier ist|voici|ecco|aquí está)/i.test(before))
    return "surely";
  if (kind === "code") return rest.length < MAX_LABEL_REST_CHARS ? "surely" : undefined;
  return rest.length < MAX_LABEL_REST_CHARS && !SENTENCE_END.test(rest) ? "perhaps" : undefined;
}

/** Of a line that announces, behind the name. */
const MAX_LABEL_REST_CHARS = 100;

/** Lines that may stand between: blank, a fence, a rule, who speaks and when. */
const SKIPPED =
  /^[\s>|*_`~=+#-]*(?:[a-z]{2,10})?\s*$|^\W{0,4}\p{L}[\p{L} .]{0,24}\W{1,6}\d\d?:\d\d(?::\d\d)?\W*(?:[AP]M\W*)?$/iu;
const MAX_SKIPPED = 3;
/** What is said before an answer comes, behind who says it. */
const NOT_YET =
  /^(?:sure|ok|okay|yes|yep|yeah|of course|one (?:sec|moment)|sec|1 sec|moment|hang on|hold on|let me (?:look|check))\b[a-z, ]{0,20}[.!,:…]*$/i;
/** A bullet, a number, a time, who speaks. */
const LEAD =
  /^[\s>*+•-]*(?:\d{1,2}[.):] {0,2})?(?:\[[^\]\n]{1,24}\] ?)?(?:\d\d:\d\d(?::\d\d)? )?(?:<?@?[\p{L}\d][\p{L}\d .@_-]{0,24}>?(?: ?[([][^)\]\n]{1,20}[)\]])?(?::|>|：) ?|[\p{L}\d][\p{L}\d ._-]{0,24} ?\[\d\d?:\d\d\] )?/iu;
const SPEAKER = /^(?:\[[^\]\n]{1,12}\] ?)?@?\p{L}[\p{L} .]{0,20}: /u;
/** "Sure, it is", "yes:", before an answer. */
const MAX_ANSWER_WORDS = 5;

interface Label {
  readonly kind: NameKind;
  readonly text: string;
  readonly announced: "surely" | "perhaps";
}

/** What in a line below a label is the value that it announced. */
function answerIn(line: string, label: Label): Span | undefined {
  if (!hasChance(line)) return undefined;
  const lead = LEAD.exec(line)?.[0].length ?? 0;
  const rest = line.slice(lead);
  const isRow = /^\s*\|/.test(line);
  const maxWords = isRow ? Number.POSITIVE_INFINITY : MAX_ANSWER_WORDS;
  for (const one of candidates(rest)) {
    if (wordsBefore(one) > maxWords) return undefined;
    if (!mayBeValue(one.value) || PUBLIC.test(line.slice(0, lead + one.start))) continue;
    const isApart = isRow || standsAlone(one, rest);
    const isSaid = isApart || isSaidBelow(one);
    if (!NUMBER_OF.test(one.between) && isAnswer(one.value, label, isSaid, lead > 0 || isApart))
      return { start: lead + one.start, end: lead + one.end };
  }
  return undefined;
}

const standsAlone = ({ between, end }: PossibleValue, line: string) =>
  between.trim() === "" && isAlone(line.slice(end));

const wordsBefore = ({ between }: PossibleValue) => between.trim().split(/\s+/).length;

const isSaidBelow = ({ between, isQuoted }: PossibleValue) => isQuoted || ANSWERS.test(between) || SAYS.test(between);

/** "sure, …", "here:", before an answer. */
const ANSWERS = /^\s*(?:\p{L}+[,、]|yes|yep|yeah|sure|ok|here|ja|sí|oui|si|da|да) ?$|[:=]\s?$/iu;

function isAnswer(value: string, { kind, text, announced }: Label, isSaid: boolean, isApart: boolean): boolean {
  const isSure = announced === "surely";
  const isVague = kind === "vague";
  if (isDigest(value)) return isSaid && isSure && !isVague && !ELSEWHERE.test(text);
  if (isOpaque(value)) return (isSaid || isSure) && !(isVague && HAS_DIGEST.test(value));
  return isSaid && isApart && !isVague && isTypedBelow(value, kind, isSure);
}

function isTypedBelow(value: string, kind: NameKind, isSure: boolean): boolean {
  const isPassword = kind === "password" || kind === "pass" || kind === "output";
  return isSure ? isTyped(value, isPassword ? "said" : "near") : isPassword && isTyped(value, "near");
}

const isAlone = (rest: string) => /^["'`”»*_.,;!)|=:\\]{0,4}\s*(?:$|\(|#|<-|--|—|and|but|same|works)/.test(rest);
