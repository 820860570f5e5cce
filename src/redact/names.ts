/**
 * Whether a word of name-words.ts is in the name of a secret, and where that name begins and ends. What stands behind it is
 * looked at in assignments.ts, mentions.ts and tables.ts.
 */
import {
  ENGLISH_WORDS,
  JOINED_BEFORE_PASS,
  KINDS,
  NAME_TAIL,
  type NameKind,
  NO_OWNER,
  NO_SECRET,
  NO_SECRET_KEY,
  OWNER_BEFORE_PASS,
  SECRET_KEY,
  SECRET_KEY_END,
  SHORT_WORDS,
  SPOKEN_OWNER,
  TOKEN_FOR,
  VAGUE_KEY,
} from "./name-words.ts";
import { isWords } from "./words.ts";

const isLatin = (word: string) => /^[\x20-\xff]+$/.test(word);
const isAscii = (word: string) => /^[\x20-\x7e]+$/.test(word);

/** In a script without blanks, a word of two characters is looked for together with what may stand behind it. */
const SHORT_WORD_ENDS = [..."：:=是为為改はをが\"'`*|)）]」』“「\t \u3000은는이가을를"];
const ENDS = [...":=\"'`| -\n"];

interface Start {
  readonly literal: string;
  readonly exact: boolean;
  readonly word: string;
}

/** The literals at which `nameAt` is to be asked, each with the word that it stands for. */
export const NAME_STARTS: readonly Start[] = [...KINDS.keys()].flatMap((word): Start[] => {
  if (SHORT_WORDS.includes(word)) return ENDS.map((end) => ({ literal: word + end, exact: false, word }));
  if (isAscii(word)) return [{ literal: word, exact: false, word }];
  if (word.length < 3) return SHORT_WORD_ENDS.map((end) => ({ literal: word + end, exact: true, word }));
  // The low bytes of Latin letters tell no case either; those of others do.
  if (isLatin(word))
    return [...new Set([word, word.normalize("NFD")])].map((literal) => ({ literal, exact: false, word }));
  const spellings = [word, word.charAt(0).toUpperCase() + word.slice(1), word.toUpperCase()];
  const composed = spellings.flatMap((spelling) => [spelling, spelling.normalize("NFD")]);
  return [...new Set(composed)].map((literal) => ({ literal, exact: true, word }));
});

/** How much of a name is looked at, in characters. */
const MAX_NAME_CHARS = 64;
/** The longest ending of a word in another language. */
const MAX_ENDING_CHARS = 6;
/** Shorter ones are parts of other words: mdp in cmdpath, clave in enclave. */
const MIN_INFLECTED_CHARS = 5;
const MIN_JOINED_CHARS = 6;

export interface Name {
  readonly kind: NameKind;
  readonly start: number;
  readonly end: number;
}

/** The secret's name that has this word in it, if it is one. @param length how long the word is in the text */
export function nameAt(text: string, at: number, word: string, length: number): Name | undefined {
  const kind = KINDS.get(word);
  if (kind === undefined) return undefined;
  if (word.length <= MAX_SHORT_CHARS && isAscii(word) && isByChance(text, at, length)) return undefined;
  if (!ENGLISH_WORDS.has(word)) return foreignName(text, at, word, kind, length);
  const { start, end } = nameAround(text, at, length);
  const tail = text.slice(at + length, end);
  const head = text.slice(Math.max(start, at - MAX_NAME_CHARS), at);
  if (isSecretsName({ text, start, at, word, head, tail }, kind)) return { kind, start, end };
  return word === "key" && isVagueKey(text, start, head, tail) ? { kind: "vague", start, end } : undefined;
}

/** A word of so many letters at most stands in some megabytes of base64, in any mix of capitals and small letters. */
const MAX_SHORT_CHARS = 6;
/** Of so many, in each of them, also in letters that somebody could have meant. */
const MAX_SHORTEST_CHARS = 4;
/** How far before it a run of base64 is looked for, in characters. */
const RUN_CHARS = 12;

/** Whether a short word is one by chance: in letters that nobody would write it with, or at the end of a run of base64. */
function isByChance(text: string, at: number, length: number): boolean {
  const spelling = text.slice(at, at + length).replace(/[^A-Za-z]/g, "");
  if (!/^(?:[a-z]+|[A-Z]+|[A-Z][a-z]+|[A-Za-z][a-z]{2,}[A-Z][a-z]+)$/.test(spelling)) return true;
  if (length > MAX_SHORTEST_CHARS) return false;
  const first = text.charAt(at) === " " ? at + 1 : at;
  // AT+APPKEY=…: a modem's command.
  const ahead = text.slice(Math.max(0, first - RUN_CHARS), first).replace(/\bAT\+/, " ");
  const before = /[A-Za-z0-9+/]*$/.exec(ahead)?.[0] ?? "";
  const after = /^[A-Za-z0-9+/]*/.exec(text.slice(at + length, at + length + RUN_CHARS))?.[0] ?? "";
  if (isMixed(before) || isMixed(after) || /[+/][A-Za-z0-9]/.test(after)) return true;
  if (before === "" || before === before.toUpperCase()) return false;
  // dbpwd, db/pwd, dbPwd, userPWD
  return !(spelling === spelling.toLowerCase() ? /[a-z/]$/ : /[a-z]{2}$/).test(before);
}

/** Capitals among small letters, digits and signs of base64, and no words of a name. */
function isMixed(run: string): boolean {
  if (run.includes("+") || /[A-Za-z].*\d.*[A-Za-z/]/.test(run)) return true;
  if (!/[A-Z]/.test(run) || !/[a-z0-9+/]/.test(run)) return false;
  const words = run.split(/(?=[A-Z])/);
  const isKnown = (word: string) => JOINED_BEFORE_PASS.test(word) || SECRET_KEY.has(word.toLowerCase());
  // Of three letters, chance makes words as well: one is let pass beside one that it hardly makes.
  const unknown = words.filter((word) => !isKnown(word) && !(/^[A-Za-z]{4,}$/.test(word) && isWords(word)));
  const isBesideKnown =
    unknown.length === 1 &&
    /^(?!add|get|set|new|has|use|put|del)[a-z]{3}$/i.test(unknown[0] ?? "") &&
    words.length === 2;
  return unknown.length > 0 && !isBesideKnown;
}

function foreignName(text: string, at: number, word: string, kind: NameKind, length: number): Name | undefined {
  const { start } = nameAround(text, at, length);
  const end = at + length;
  if (isCjk(word)) return { kind, start, end };
  if (/\p{L}$/u.test(text.slice(Math.max(0, at - 2), at)) && !isCompound(text, at, word)) return undefined;
  const after = text.slice(end, end + MAX_ENDING_CHARS + 1);
  const ending = word.length < MIN_INFLECTED_CHARS ? "" : (/^[\p{Ll}\p{M}]*/u.exec(after)?.[0] ?? "");
  if (
    ending.length > MAX_ENDING_CHARS ||
    /^[\p{L}\p{N}_]/u.test(text.slice(end + ending.length, end + ending.length + 1))
  )
    return undefined;
  return { kind, start, end: end + ending.length };
}

/** Datenbankpasswort, wifilösenord: words are written together in some languages. */
const isCompound = (text: string, at: number, word: string) =>
  /^[\p{sc=Hebrew}\p{sc=Arabic}]/u.test(word) ||
  (word.length >= MIN_JOINED_CHARS && /\p{Ll}/u.test(text.charAt(at - 1)) && /\p{Ll}/u.test(text.charAt(at)));

function nameAround(text: string, at: number, length: number): { start: number; end: number } {
  let start = at;
  while (start > 0 && at - start < MAX_NAME_CHARS && isNameCode(text.charCodeAt(start - 1))) start--;
  let end = at + length;
  while (end < text.length && end - at < MAX_NAME_CHARS && isNameCode(text.charCodeAt(end))) end++;
  // "-->" and "token." are no part of a name, and a sentence's end is none either.
  while (end > at + length && /[.-]/.test(text.charAt(end - 1))) end--;
  while (start < at && /[.-]/.test(text.charAt(start))) start++;
  return { start, end };
}

/** A letter, a digit, or one of "_-.". */
function isNameCode(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 45 ||
    code === 46
  );
}

/** A word in a text, and what is written together with it: the name's beginning and end. */
interface Within {
  readonly text: string;
  readonly start: number;
  readonly at: number;
  readonly word: string;
  readonly head: string;
  readonly tail: string;
}

/** Of each of these kinds, whether the word with what is around it is a name; the others are judged by the word before it. */
const IS_NAME: Readonly<Partial<Record<NameKind, (name: Within) => boolean>>> = {
  session: () => true,
  output: () => true,
  login: ({ head, tail }) => head === "" && /^(?:s|-?in)?$/.test(tail),
  user: ({ head, tail }) => head === "" && /^(?:s|-?in)?$/.test(tail),
  pin: ({ head, tail }) => NAME_TAIL.test(tail) && (head === "" || /[._-]$/.test(head)),
  code: ({ tail }) => NAME_TAIL.test(tail),
  phrase: ({ tail }) => NAME_TAIL.test(tail),
};

/** The same of single words, behind which nothing else may stand. */
const IS_WORD: Readonly<Record<string, (name: Within) => boolean>> = {
  _pat: ({ tail }) => tail === "",
  "-pat": ({ tail }) => tail === "",
  ".pat": ({ tail }) => tail === "",
  " pat": ({ text, at, tail }) =>
    tail === "" && (text.startsWith("PAT", at + 1) || /[:=]/.test(text.charAt(at + " pat".length))),
  auth: ({ text, at, head, tail }) => tail === "" && (/[_-]$/.test(head) || /[?&]$/.test(text.charAt(at - 1))),
  salt: ({ text, at, head }) =>
    /[A-Za-z][_-]$|[a-z]$/.test(head) && (head.endsWith("_") || head.endsWith("-") || text.charAt(at) === "S"),
};

function isSecretsName(name: Within, kind: NameKind): boolean {
  const { text, start, at, word, head, tail } = name;
  if (SHORT_WORDS.includes(word)) return tail === "" && isShortName(name);
  const isName = IS_NAME[kind];
  if (isName !== undefined) return isName(name);
  if (!NAME_TAIL.test(tail) && !(word === "secret" && /^_?id$/i.test(tail))) return false;
  // "API key: …" is written with a space.
  const before = wordBefore(head === "" ? text.slice(Math.max(0, at - 16), at) : head);
  if (NO_SECRET.has(before) && !(word === "token" && TOKEN_FOR.has(before))) return false;
  if (kind !== "password" && NO_SECRET_KEY.has(before)) return false;
  const isWord = IS_WORD[word];
  if (isWord !== undefined) return isWord(name);
  if (kind === "pass") return isPassName(text, start, head, tail, at);
  return kind !== "key" || SECRET_KEY.has(before) || SECRET_KEY_END.test(before);
}

/** `pw` is too short to be looked for within words. */
function isShortName({ text, at, head }: Within): boolean {
  if (head === "") return !/\p{L}$/u.test(text.slice(Math.max(0, at - 2), at));
  return /[._-]$/.test(head) || JOINED_BEFORE_PASS.test(head.replace(/([a-z])(?=[A-Z])/g, "$1_"));
}

/** `cosmos_primary_key`, `ACME_KEY`, "the Okta key": none of the keys that are known to be no secrets. */
function isVagueKey(text: string, start: number, head: string, tail: string): boolean {
  const before = wordBefore(head === "" ? text.slice(Math.max(0, start - 16), start) : head);
  // Turkey and monkeys have no keys.
  if (
    tail !== "" ||
    !(head === "" || /[_-]$/.test(head) || (/[a-z0-9]$/.test(head) && text.charAt(start + head.length) === "K"))
  )
    return false;
  return VAGUE_KEY.has(before) || !(NO_SECRET.has(before) || NO_SECRET_KEY.has(before) || NO_OWNER.has(before));
}

const isCjk = (word: string) => /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}]/u.test(word);

/** smtp_pass, MAIL_PASS, mailPass, "pass", pass=; not: bypass, compass, PASS: …, --pass: #fff, first_pass. */
function isPassName(text: string, start: number, head: string, tail: string, at: number): boolean {
  if (!/^\d?$/.test(tail)) return false;
  const around = text.slice(Math.max(0, start - 2), start);
  if (head === "") {
    const next = text.charAt(at + 4 + tail.length);
    return (
      (text.charAt(at) === "p" && SPOKEN_OWNER.test(text.slice(Math.max(0, start - 10), start))) ||
      (next === ":" &&
        /(?:^|\n|[/|,] ?)$/.test(text.slice(Math.max(0, start - 2), start)) &&
        text.charAt(at + 1) === "a") ||
      next === "=" ||
      (/(?:^|\n)$/.test(around) && text.startsWith(" = ", at + 4 + tail.length)) ||
      /^\n? - \S*\d/.test((around === "" || around.endsWith("\n") ? "\n" : "") + text.slice(at + 4, at + 40)) ||
      around.endsWith("$") ||
      /["'`]$/.test(around) ||
      (/--?$/.test(around) && next !== ":") ||
      (next === ":" && text.charAt(at) === "p")
    );
  }
  if (JOINED_BEFORE_PASS.test(head)) return true;
  return (
    OWNER_BEFORE_PASS.test(head.replace(/([a-z])(?=[A-Z])/g, "$1_")) && (/[._-]$/.test(head) || text.charAt(at) === "P")
  );
}

/** The last word of a name's beginning, in small letters. */
function wordBefore(head: string): string {
  let end = head.length;
  while (end > 0 && /[_. \d-]/.test(head.charAt(end - 1))) end--;
  let start = end;
  while (start > 0 && end - start < 20 && isLetter(head.charCodeAt(start - 1))) {
    start--;
    // A capital behind a small letter or a digit begins a word.
    if (start > 0 && head.charCodeAt(start) < 97 && !isCapital(head.charCodeAt(start - 1))) break;
  }
  return head.slice(start, end).toLowerCase();
}

const isCapital = (code: number) => code >= 65 && code <= 90;
const isLetter = (code: number) => isCapital(code) || (code >= 97 && code <= 122);

/** Behind these stand no secrets in a column, or too much else does. */
const UNLABELLED = new Set<NameKind>(["session", "login", "user", "output", "vague", "pin"]);
const LABEL_WORDS = [...KINDS]
  .filter(([word, kind]) => !UNLABELLED.has(kind) && !/^[_-]/.test(word) && !["key", "auth", "salt"].includes(word))
  .map(([word]) => word);

/** What a label says that stands alone: a heading of a table, a field's. */
const LABEL = new RegExp(
  `(?:^|[^\\p{L}])(?:${LABEL_WORDS.map((word) => word.trim()).join("|")}|api[ _-]?key|access[ _-]?key|secret[ _-]?key)s?[\\p{Ll}]{0,3}(?:\\s*[(/].*)?[\\s*_\`"':?]*$`,
  "iu",
);
const IN_LABELS = new Set([...LABEL_WORDS, "key"]);

/** Whether a label may end with this word of NAME_STARTS. */
export function mayEndLabel(word: string): boolean {
  return IN_LABELS.has(word);
}

const MAX_LABEL_CHARS = 48;

export function isSecretsLabel(label: string): boolean {
  return label.length <= MAX_LABEL_CHARS && LABEL.test(label.trim());
}
