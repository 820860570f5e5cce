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
import { wordlist } from "@scure/bip39/wordlists/english.js";
import type { Found, Span } from "./found.ts";
import { type Name, type NameKind, RULE_OF } from "./names.ts";
import { ALGORITHM, isDigest, isGroups, isPlain, isTyped, looksRandom, standsForValue } from "./values.ts";

/** How far behind its name, and before it, a value may stand. */
const REACH_CHARS = 280;
const BEFORE_CHARS = 120;
/** A phrase of 24 words with their numbers, each in a line of its own. */
const PHRASE_REACH_CHARS = 640;
/** A list of recovery codes. */
const LIST_REACH_CHARS = 800;
/** How far into its own line. */
const LINE_REACH_CHARS = 160;
const MIN_RANDOM_CHARS = 16;

/** What looking at one takes, in characters that are looked at. */
export const MENTION_EFFORT = 60;

/** Also as it is written in a string. */
const BREAK = /\\r\\n|\\n|\r?\n/g;
const FIRST_BREAK = new RegExp(BREAK.source);

/** A digit, capitals where words have none, or many words: without, nothing here is a secret. */
const HAS_CHANCE = /\d|[a-z][A-Z][a-z]?[A-Z]|(?:[a-z]{3,}-){4}/;

interface Line {
  readonly text: string;
  readonly start: number;
}

/** The secrets that this name speaks of. */
export function mentionsAt(text: string, name: Name): Found[] {
  const { kind } = name;
  if (kind === "session" || isInName(text, name)) return [];
  if (kind === "pin") return pinAt(text, name);
  if (kind === "phrase") return phraseIn(text, name.end);
  const reach = kind === "code" ? LIST_REACH_CHARS : REACH_CHARS;
  // What a placeholder stands for was spoken of; what is behind that was not.
  const [after = ""] = text.slice(name.end, name.end + reach).split("[redacted: ", 1);
  const found = (line: Line, value: Span): Found => ({
    rule: RULE_OF[kind],
    start: line.start + value.start,
    end: line.start + value.end,
  });
  const before = lineBefore(text, name.start);
  if (!HAS_CHANCE.test(after) && kind !== "login") return kind === "user" ? [] : valueBefore(before, name);
  const lineEnd = after.search(FIRST_BREAK);
  const same = { text: lineEnd < 0 ? after : after.slice(0, lineEnd), start: name.end };
  if (kind === "user") return pairIn([[same, AFTER_USER]]);
  const below = () => linesOf(after, name.end).slice(1);
  if (kind === "login") {
    const earlier = { text: before, start: name.start - before.length };
    const next = /[:?]\W*$/.test(same.text) ? below().slice(0, 1) : [];
    return pairIn([[earlier, LOGIN_BEFORE], [same, LOGIN], ...next.map((line) => [line, LOGIN] as const)]);
  }
  if (kind !== "output" && kind !== "pass") {
    const values = [...valuesIn(same.text, kind, before)];
    if (values.length > 0) return values.map((value) => found(same, value));
    const earlier = valueBefore(before, name);
    if (earlier.length > 0) return earlier;
  }
  const announced = announcing(before, same.text, kind);
  if (kind === "pass" && !PROMPT.test(before)) return [];
  if (announced === undefined) return [];
  return belowLabel(below(), kind, before + same.text, announced).map(([line, value]) => found(line, value));
}

/** arn:aws:secretsmanager:…:secret:name, [redacted: command-line-password #1] */
const isInName = (text: string, { start, end }: Name) =>
  (text.charAt(start - 1) === ":" && text.charAt(end) === ":") ||
  text.slice(Math.max(0, start - 11), start) === "[redacted: ";

function linesOf(text: string, offset: number): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (const { index, 0: mark } of text.matchAll(BREAK)) {
    lines.push({ text: text.slice(start, index), start: offset + start });
    start = index + mark.length;
  }
  lines.push({ text: text.slice(start), start: offset + start });
  return lines;
}

function lineBefore(text: string, at: number): string {
  const before = text.slice(Math.max(0, at - BEFORE_CHARS), at);
  const escaped = before.lastIndexOf("\\n");
  return before.slice(
    Math.max(before.lastIndexOf("\n") + 1, escaped < 0 ? 0 : escaped + 2, before.lastIndexOf("[redacted: ") + 1),
  );
}

/** Quoted, up to the quote's end; bare, up to what ends a word. */
const VALUE =
  /(?<open>["'`“„«「『‘](?: ?))(?<quoted>[!-~\u00c0-\u024f]{4,400}?)(?: ?)["'`”“»」』’]|(?<bare>[!-~\u00c0-\u024f]{6,1200})/gu;
/** A bare one has none of these in it: code and sentences do. */
const BARE = /[^\s"'`“”„«»「」『』‘’<>()[\]{},;|]{6,1200}/g;

/** All that may be a value, with the text between it and the line's beginning. */
function* candidates(line: string): Generator<Span & { value: string; between: string; isQuoted: boolean }> {
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
const SENTENCE_END = /[.!?。！？](?:\s|$)/;
const MAX_WORDS = 9;

/** What a number is of that is no secret: right before it or between, and where nothing else is spoken of. */
const NUMBER_OF =
  /(?:^|[^\p{L}])(?:commits?|sha-?\d*|md5|hash(?:es|ed)?|digest|checksum|integrity|fingerprint|thumbprint|\w*[_-]?ids?|uuid|guid|requests?|req|trace\w*|span|correlation|rev|revision|head|etag|image|layer|build|version|object|blob|tree|branch|merged?|tag|users?|tenant|account|order|run|job|event|message|session|device|instance|resource|node|pod|volume|public|contract|tx|transaction|address|block|cache|pr|issue|ticket|nonce|bucket|container|kid|jti|sub|aud|cursor|key ?id|secure)(?![\p{L}])/iu;
/** What a line is about in which such a number is another one. */
const ELSEWHERE =
  /(?:^|[^\p{L}])(?:commit|git|sha-?\d*(?:sum)?|md5(?:sum)?|digest|dgst|hash\w*|checksum|fingerprint|thumbprint|etag|trace[ _-]?id|request[ _-]?id|docker|image)(?![\p{L}])/iu;
const PUBLIC =
  /ssh-(?:rsa|ed25519|dss)|ecdsa-sha2|public|publishable|fingerprint|integrity|secure:|(?:^|[^\w])(?:id|kid|etag|nonce)["'`]?\s*[:=]?\s*["'`]?$/i;

function* valuesIn(line: string, kind: NameKind, before: string): Generator<Span> {
  if (kind === "code") {
    const [first] = codesIn(line);
    if (
      first === undefined ||
      SENTENCE_END.test(line.slice(0, first.start)) ||
      ELSEWHERE.test(line.slice(0, first.start))
    )
      return;
    const value = line.slice(first.start, first.end);
    if (/^[0-9a-f]+$/.test(value) && !SAYS.test(line.slice(0, first.start))) return;
    yield* codesIn(line.slice(0, LIST_REACH_CHARS));
    return;
  }
  for (const one of candidates(line)) {
    if (!HAS_CHANCE.test(one.value) || standsForValue(one.value)) continue;
    if (isMentioned(one.value, one.between, one.isQuoted, kind, before)) {
      yield one;
      return;
    }
  }
}

function isMentioned(value: string, between: string, isQuoted: boolean, kind: NameKind, before: string): boolean {
  // What is written together with the name is a part of it.
  if ((between === "" && !isQuoted) || PUBLIC.test(between)) return false;
  const isFinished = SENTENCE_END.test(between.trimEnd().replace(/[:?]$/, ""));
  const words = between.trim().split(/\s+/).length;
  // f("password", "saltsalt"): two arguments, more often than a name and its value.
  const isArgument = /^["'`],/.test(between) && !/^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)/.test(value);
  const isJoined = SAYS.test(between) && !/[<>{};]|\(.*\w|[:=].*[:=]/.test(between);
  const isSaid = !isArgument && (isJoined || (isQuoted && words <= 3));
  if (isDigest(value)) {
    const isNumber = NUMBER_OF.test(between) || ELSEWHERE.test(before) || SENTENCE_END.test(between);
    if (kind === "vague")
      return !isNumber && (/ (?:is|ist|est|es|è|é) ["'`]?$/.test(between) || (isQuoted && words <= 1));
    return !isNumber && (isSaid || kind !== "password");
  }
  if (isRandom(value)) return kind !== "vague" || (!isFinished && words <= MAX_WORDS && !HAS_DIGEST.test(value));
  if (isFinished || words > MAX_WORDS || kind === "vague") return false;
  if (kind === "password") return isTyped(value, isSaid ? "said" : "near");
  return isSaid && isTyped(value, "near");
}

/** npm-3fb83282…: the key of a cache. */
const HAS_DIGEST = /[0-9a-f]{32}/i;

/** By chance, and no address, path or number of a known thing. */
function isRandom(value: string): boolean {
  return (
    looksRandom(value, MIN_RANDOM_CHARS) &&
    !/^[0-9a-f]+$/i.test(value) &&
    !/^(?:[0-9a-f]{2}:){3}|^#|a-z/i.test(value) &&
    !ALGORITHM.test(value) &&
    !isPlain(value) &&
    !/:\/\/|^[/.~]|\.\w{2,4}$|\/.*\/.*\./.test(value) &&
    !isIdentified(value)
  );
}

/** req_011C…, toolu_01…: a number that says of what. */
function isIdentified(value: string): boolean {
  return /^(?:req|msg|toolu|cus|pi|sub|evt|ch|acct|prod|price|in|usr|user|org|proj|team|run|job|build|img|call|chatcmpl|resp|thread|asst|file|batch|gen|trace|span|sess|conv)[_-]/i.test(
    value,
  );
}

/** What says it, after a connective, and then the secret's name. */
const CALLED =
  /(?<quote>["'`“„«*]{0,2})(?<value>[^\s"'`“”„«»<>()[\]{},;|*]{8,400})["'`”“»*]{0,2}(?:(?<note>[\])};, ]{0,6}(?: \| base64 (?:-d|-D|--decode))?\s{1,8}(?:\/\/|#|--|\/\*|<-+)\s?(?:[\p{L}\d'-]{1,16} ){0,4})|,? (?:is|as|was|ist|als|war|est|comme|es|como|è|come|é|är|som|to|jako|это|как)(?: [\p{L}\d'-]{1,16}){0,4} ?|(?:[\s)]{0,4}where \w{1,20} ?= ?["'])|(?<beside> ))$/iu;

function valueBefore(before: string, { kind, start }: Name): Found[] {
  if (!/\d/.test(before) || kind === "code" || kind === "output") return [];
  const match = CALLED.exec(before);
  const { quote = "", value, beside, note } = match?.groups ?? {};
  if (match === null || value === undefined || standsForValue(value)) return [];
  if (beside !== undefined && quote === "") return [];
  const isNoted = note !== undefined && isDigest(value) && !NUMBER_OF.test(note);
  if (!isNoted && !isRandom(value) && !(kind === "password" && isTyped(value, "near"))) return [];
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
const SKIPPED = /^[\s>|*_`~=+#-]*(?:[a-z]{2,10})?\s*$|^\W{0,4}\p{L}[\p{L} .]{0,24}\W{1,6}\d\d?:\d\d\W*(?:[AP]M\W*)?$/iu;
const MAX_SKIPPED = 3;
/** A bullet, a number, a time, who speaks. */
const LEAD =
  /^[\s>*+•-]*(?:\d{1,2}[.):] {0,2})?(?:\[[^\]\n]{1,24}\] ?)?(?:\d\d:\d\d(?::\d\d)? )?(?:<?@?[\p{L}\d][\p{L}\d .@_-]{0,24}>?(?: ?[([][^)\]\n]{1,20}[)\]])?(?::|>|：) ?|[\p{L}\d][\p{L}\d ._-]{0,24} ?\[\d\d?:\d\d\] )?/iu;
/** "Sure, it is", "yes:", before an answer. */
const MAX_ANSWER_WORDS = 5;

function belowLabel(
  lines: readonly Line[],
  kind: NameKind,
  label: string,
  announced: Announced,
): (readonly [Line, Span])[] {
  const found: (readonly [Line, Span])[] = [];
  let skipped = 0;
  for (const line of lines) {
    if (SKIPPED.test(line.text)) {
      skipped++;
      if (skipped > MAX_SKIPPED && kind !== "code") break;
      continue;
    }
    if (kind === "code") {
      const codes = [...codesIn(line.text)];
      // Nothing but codes, their numbers and boxes.
      const rest = codes.reduce((left, { start, end }) => left.replace(line.text.slice(start, end), ""), line.text);
      if (codes.length === 0 || /[\p{L}/@#]{2}/u.test(rest.replace(/\\[nt]/g, ""))) break;
      for (const code of codes) found.push([line, code]);
      continue;
    }
    const lead = LEAD.exec(line.text)?.[0].length ?? 0;
    const rest = line.text.slice(lead);
    const isRow = /^\s*\|/.test(line.text);
    for (const one of candidates(rest)) {
      const words = one.between
        .trim()
        .split(/\s+/)
        .filter((word) => word !== "");
      if (!isRow && words.length > MAX_ANSWER_WORDS) break;
      if (!HAS_CHANCE.test(one.value) || standsForValue(one.value) || PUBLIC.test(line.text.slice(0, lead + one.start)))
        continue;
      const isApart = words.length === 0 && isAlone(rest.slice(one.end));
      const isSaid = isApart || isRow || one.isQuoted || /[:=]\s?$/.test(one.between) || SAYS.test(one.between);
      if (
        isAnswer(one.value, kind, label, isSaid, announced, lead > 0 || isApart || isRow) &&
        !NUMBER_OF.test(one.between)
      ) {
        found.push([line, { start: lead + one.start, end: lead + one.end }]);
        break;
      }
    }
    // What a command printed may have a line before it that says so.
    if (found.length > 0 || kind !== "output" || ++skipped > MAX_SKIPPED) break;
  }
  return found;
}

function isAnswer(
  value: string,
  kind: NameKind,
  label: string,
  isSaid: boolean,
  announced: Announced,
  isApart: boolean,
): boolean {
  if (isDigest(value)) return isSaid && kind !== "vague" && announced !== "perhaps" && !ELSEWHERE.test(label);
  if (isRandom(value)) return (isSaid || announced === "surely") && !(kind === "vague" && HAS_DIGEST.test(value));
  if (!isSaid || !isApart || announced === undefined || kind === "vague") return false;
  const isPassword = kind === "password" || kind === "pass" || kind === "output";
  return announced === "surely" ? isTyped(value, isPassword ? "said" : "near") : isPassword && isTyped(value, "near");
}

const isAlone = (rest: string) => /^["'`”»*_.,;!)|=:\\]{0,4}\s*(?:$|\(|#|<-|--|—|and|but|same|works)/.test(rest);

/** Of recovery codes and keys: groups of letters and digits, one or many in a line. */
const CODE =
  /(?<![\w-])[a-zA-Z2-7]{4}(?: [a-zA-Z2-7]{4}){3,15}(?![\w-])|(?<![\w-])\d{3,4} \d{3,4}(?![\w-])|(?<![\w/.:-])[A-Za-z0-9]{4,16}(?:-[A-Za-z0-9]{4,12}){0,11}(?![\w/:-])/g;

function* codesIn(line: string): Generator<Span> {
  for (const { index, 0: code } of line.matchAll(CODE)) {
    if (isGroups(code)) yield { start: index, end: index + code.length };
  }
}

/** A number that opens something: right behind its name. */
const PIN =
  /^s?(?: (?:of|for|to|für|der|des|du|de|del|della|do|da|van|av|для|от) [\p{L}\w '’-]{1,30}?)?(?: ?[:=：] ?| (?:is|ist|lautet|est|es|è|é|är|to|jest|—|–|-)[: ] ?|是|は| )["'`*]{0,2}(?<value>\d{4,10})(?![\d\w]|[-.:/]\d)/diu;
const PIN_BEFORE =
  /(?<![\d.:/-])(?<value>\d{6,10}) (?:as|is|ist|als|est|es|è|é) (?:(?:your|the|my|our|ihr|dein|der|die|das|votre|su|tu) )?(?:\p{L}+ )?$/diu;
/** Fewer digits may be anything, unless its name is written as an abbreviation. */
const MIN_PIN_CHARS = 6;

function pinAt(text: string, { start, end }: Name): Found[] {
  const after = PIN.exec(text.slice(end, end + LINE_REACH_CHARS));
  const before = lineBefore(text, start);
  const match = after ?? PIN_BEFORE.exec(before);
  const [from, to] = match?.indices?.groups?.value ?? [];
  if (match === null || from === undefined || to === undefined) return [];
  if (to - from < MIN_PIN_CHARS && !/^(?:PIN|PUK)$/.test(text.slice(start, end))) return [];
  const offset = match === after ? end : start - before.length;
  return [{ rule: RULE_OF.pin, start: offset + from, end: offset + to }];
}

/** A user, what parts it from the password, and that. */
const LOGIN =
  /(?:^|[\s:("'`=/])(?<user>[\w.@+-]{2,40})["'`*]{0,2} ?(?:[/:|,;]|and|und|et|y|e|en|i|och|ve|и|—|–|-|password|pw|pass|passwort)[: ]{0,2}["'`*]{0,2}(?<value>[^\s"'`<>|]{8,64})/diu;

/** Right behind a user whose name is known. */
const AFTER_USER = /^["'`*]{0,2}(?: ?: ?| [/|] |\/(?=[^\s/]{8,64}(?:\s|$)))["'`*]{0,2}(?<value>[^\s"'`<>|]{8,64})/d;

/** "use ann:… for basic auth" */
const LOGIN_BEFORE =
  /(?:^|[\s"'`(])[\w.@+-]{2,40}:(?<value>[^\s"'`<>|]{8,64})["'`)]{0,2} (?:for|as|on|in|to|with|für|als|per|para|pour|comme|como) (?:\p{L}+ ){0,3}$/diu;

/** The first password that stands beside a user's name in one of these lines. */
function pairIn(lines: readonly (readonly [Line, RegExp])[]): Found[] {
  for (const [{ text, start }, form] of lines) {
    const line = text.slice(0, LINE_REACH_CHARS);
    const match = form.exec(line);
    const value = match?.groups?.value?.replace(/[.,;:)]+$/, "");
    const [at] = match?.indices?.groups?.value ?? [];
    if (value === undefined || at === undefined || SENTENCE_END.test(line.slice(0, at))) continue;
    const isBeside = /\w(?: ?: ?| \/ )$/.test(line.slice(0, at)) && (isRandom(value) || isDigest(value));
    if (isBeside || isTyped(value, "near"))
      return [{ rule: RULE_OF.login, start: start + at, end: start + at + value.length }];
  }
  return [];
}

const PHRASE_WORDS = new Set(wordlist);
/** Fewer are no phrase of a wallet. */
const MIN_PHRASE_WORDS = 12;
const MIN_DIFFERENT_WORDS = 10;
/** What may be between two words: numbers, quotes, ends of lines. */
const BETWEEN_WORDS = /^(?:\\n|[\s\d.,:;)"'|-]){1,12}$/;

/** Twelve words in a row, all of the list of BIP-39. */
function phraseIn(text: string, from: number): Found[] {
  let first = 0;
  let last = 0;
  let count = 0;
  for (const { index, 0: word } of text
    .slice(from, from + PHRASE_REACH_CHARS)
    .matchAll(/(?<=\\n|[^a-z]|^)[a-z]{3,8}(?![a-z])/g)) {
    const isNext = PHRASE_WORDS.has(word) && (count === 0 || BETWEEN_WORDS.test(text.slice(from + last, from + index)));
    if (!isNext && count >= MIN_PHRASE_WORDS) break;
    if (!PHRASE_WORDS.has(word)) count = 0;
    else {
      if (!isNext || count === 0) {
        count = 0;
        first = index;
      }
      count++;
      last = index + word.length;
    }
  }
  if (count < MIN_PHRASE_WORDS) return labelledPhrase(text, from);
  const words = new Set(text.slice(from + first, from + last).match(/[a-z]{3,8}/g));
  // "legal winner thank year …" is in every test.
  return words.size < MIN_DIFFERENT_WORDS ? [] : [{ rule: RULE_OF.phrase, start: from + first, end: from + last }];
}

/** As many words as a phrase has, in a line or string of their own right behind its label; not all lists are that of BIP-39. */
const LABELLED_PHRASE =
  /^[^\n]{0,60}?[:="'`\n>]\s{0,8}["'`]?(?<phrase>(?:[a-z]{3,10}[ ,]{1,2}){11,23}[a-z]{3,10})(?=["'`.]?\s{0,4}(?:$|\n|\\n|["'}]))/d;

function labelledPhrase(text: string, from: number): Found[] {
  const match = LABELLED_PHRASE.exec(text.slice(from, from + PHRASE_REACH_CHARS));
  const [start, end] = match?.indices?.groups?.phrase ?? [];
  const words = match?.groups?.phrase?.split(/[ ,]+/) ?? [];
  if (start === undefined || end === undefined || words.length % 3 !== 0) return [];
  const known = words.filter((word) => PHRASE_WORDS.has(word)).length;
  return known * 2 < words.length ? [] : [{ rule: RULE_OF.phrase, start: from + start, end: from + end }];
}
