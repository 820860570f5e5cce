/**
 * Secrets that have no form of their own and are known by the name before them: `DB_PASSWORD=…`, `"apiKey": "…"`,
 * `<secret>…</secret>`, `| token | … |`, `--password …`. A name that ends as a secret's does, a separator, and a value that
 * the judgement of values.ts lets pass. Nothing here looks further than a bound in either direction.
 */
import { bareEnd, type Groups, quotedEnd, type Surroundings } from "./ends.ts";
import type { Found } from "./found.ts";
import { type NameKind, RULE_OF } from "./name-words.ts";
import type { Name } from "./names.ts";
import { holdsPlaceholder } from "./placeholders.ts";
import { isTyped } from "./typed.ts";
import {
  entropyBits,
  isCode,
  isDigest,
  isGroups,
  isPattern,
  isPlain,
  looksChosen,
  looksRandom,
  mixesCases,
  standsForValue,
} from "./values.ts";
import { isWords } from "./words.ts";

/** How far before a session's name "cookie" may stand. */
const COOKIE_REACH_CHARS = 600;

/** What stands between name and value, from the name's end on; each of these is a group of SEPARATOR. */
const SEPARATORS: Readonly<Record<string, string>> = {
  /** `"name": "TOKEN", "value": "…"`, `key="token" value="…"`, `variable "token" { default = "…"` */
  pair:
    "(?:\\\\?[\"'](?: \\{)?[,;]?\\s{0,24}(?:(?=[a-z\"']|\\d{1,5}→)[^\\n{}]{0,60}(?:\\n|, ?)\\s{0,24}){0,3}?|[,;]?\\s{0,24}|:?[ \\t]{0,8}\\r?\\n\\s{0,24}(?:[a-z][^\\n{}]{0,60}\\n\\s{0,24}){0,3}?)(?:\\d{1,5}(?:→|\\t)\\s{0,24})?\\\\?[\"']?(?<![\\w-])" +
    "(?:value|default|val|content)\\\\?[\"']?\\s{0,12}[:=]\\s{0,4}",
  /** `<string name="token">…<`, `<key>token</key><string>…<`, `<th>token</th><td>…<` */
  node: "(?:[\"'][^<>\\n]{0,80}>\\s{0,24}(?:<value>)?|\\s?</(?:key|th|td|dt|name|b|strong|label)>:?\\s{0,24}<(?:string|td|dd|value|code|span|input)[^<>\\n]{0,40}>)(?:<code>)?",
  /** `token: string = "…"` */
  typed:
    "(?:\\??: ?| )(?:str(?:ing)?|String|\\[\\](?:byte|const u8)|&str|Optional\\[str\\])(?: \\| (?:null|None|undefined))? ?= ?",
  /** The value is alone in the next line. */
  below:
    "[ \\t]{0,8}(?:=|:|->|：)?[ \\t]{0,8}[|>\\\\]?-?[ \\t]{0,4}\\r?\\n[ \\t>#*]{0,24}(?=[^\\s\"']{8,1024}[ \\t]{0,8}\\\\?(?:\\r?\\n|$))",
  sign:
    "[ \\t]{0,30}(?:\\.{3,30}:?(?= )|=>|:=|\\?=|\\|\\|=?|\\?\\?=?|->|→|={1,3}|!={1,2}|:-|:(?:\\*\\*|__|:)?|：|—|–)" +
    "[ \\t\\u3000]{0,30}(?:\\\\?\\r?\\n[ \\t]{1,24}(?=[\"']))?",
  /** A table's cell ends where the next one begins. */
  table: "[ \\t]{0,40}\\|[ \\t]{0,40}",
  /** Behind a quoted name: `getenv("TOKEN", "…")` */
  comma: "(?<=[\"'`]),[ \\t]{0,24}",
  /** `setPassword("…")` */
  call: "(?:\\)?\\.(?:sendKeys|send_keys|type|fill|setValue))?\\((?=[\"'`])",
  /** `<token>…</token>` */
  tag: ">",
  says:
    "(?: (?:for|of|to|für|de|pour|per|para|voor|von) [\\w@ ./-]{1,40}?)?" +
    "(?: (?:is|was|are|ist|war|lautet|es|est|era|è|é|je|jest|är|er|on|to|este|is nu|adalah|ialah|là|หือ|है|هي|هو|است|это|—|–|-|=)" +
    "(?: now| still| set to| jetzt| currently| the following)?:? )",
  /** In a script without blanks. */
  saysShort: "[ \\u3000]?(?:是|为|為|は|が|는|은|이|คือ)[:：]?[ \\u3000]?",
  space: "[ \\t]{1,4}",
};

/** What closes a quoted name, a subscript, an argument. */
const CLOSE = "(?:\\\\{0,3}[\"'`*\\]」』）]){0,3}\\)?";
const { pair: PAIR, node: NODE, ...OTHERS } = SEPARATORS;
const SEPARATOR = new RegExp(
  `(?<pair>${PAIR})|(?<node>${NODE})|${CLOSE}(?:${Object.entries(OTHERS)
    .map(([group, source]) => `(?<${group}>${source})`)
    .join("|")})`,
  "iy",
);

const QUOTE =
  /(?:[brfuN@$]|rb|b?r#{1,3}|\(|\[|\{ ?|(?:\[\]byte|Buffer\.from|bytes|String::from|SecretStr|new Secret\w{0,12})\()?(?<quote>\\{0,3}["'`]|\*\*|&quot;|[「『“”„«‘])/iy;
/** The secrets behind a name: its value, and the one that it changes to. */
export function assignmentAt(
  text: string,
  name: Name,
): { readonly secrets: readonly Found[]; readonly effort: number } {
  const value = valueAt(text, name);
  if (value === undefined) return { secrets: [], effort: NO_VALUE_EFFORT };
  const effort = MIN_VALUE_EFFORT + value.end - value.start;
  if (!value.isSecret()) return { secrets: [], effort };
  const { rule, start, end } = value;
  CHANGES.lastIndex = end;
  const next = CHANGES.exec(text)?.groups?.next;
  if (next === undefined || !isSecret(next, name.kind, "settings")) return { secrets: [{ rule, start, end }], effort };
  const changed = { rule, start: CHANGES.lastIndex - next.length, end: CHANGES.lastIndex };
  return { secrets: [{ rule, start, end }, changed], effort };
}

/** `password = "…" -> "…"`, as plans say it. */
const CHANGES = /["'] ?(?:->|=>|→) ?["'](?<next>[^"'\n]{1,400})/y;

/** What judging a value takes at least, in characters that are looked at. */
const MIN_VALUE_EFFORT = 60;
/** What finding out takes that there is none. */
const NO_VALUE_EFFORT = 20;

interface Value extends Found {
  isSecret(): boolean;
}

/** Behind these nothing is assigned. */
const UNASSIGNED: ReadonlySet<NameKind> = new Set(["login", "user", "output", "pin"]);

function valueAt(text: string, name: Name): Value | undefined {
  const { kind } = name;
  if (UNASSIGNED.has(kind)) return undefined;
  const groups = separatorAt(text, name.end);
  if (groups === undefined) return undefined;
  const behind = SEPARATOR.lastIndex;
  const { quote, opened, start } = quoteAt(text, behind);
  if (!isAssigned(text, name.start, kind, groups, quote, behind)) return undefined;
  const around = {
    nameStart: name.start,
    isSetting: /^[A-Z][A-Z0-9_]*$/.test(text.slice(name.start, name.end)),
    isQuery: /[?&;]/.test(text.charAt(name.start - 1)),
    isLine: startsLine(text, name.start),
  };
  const end = quote === undefined ? bareEnd(text, start, groups, around) : quotedEnd(text, start, quote);
  if (end === undefined || end <= start) return undefined;
  // `credentials: { "name": …`: the next name, and no value.
  if (quote !== undefined && opened.startsWith("{") && isNameEnd(text, end + quote.length)) return undefined;
  const isSecretValue = () => isSecretBehind(text, name, text.slice(start, end), { groups, quote, around });
  return { rule: RULE_OF[kind], start, end, isSecret: isSecretValue };
}

const isNameEnd = (text: string, at: number) => /^\s{0,3}(?::|=>)/.test(text.slice(at, at + 6));

/** The quote that opens a value, if one does; what stood before it is in `opened`. */
function quoteAt(text: string, at: number): { quote: string | undefined; opened: string; start: number } {
  QUOTE.lastIndex = at;
  const match = QUOTE.exec(text);
  const quote = match?.groups?.quote;
  // A value may begin with what could have made it bold.
  const isBold = quote === "**" && /^[^\n]{1,200}?\*\*/.test(text.slice(QUOTE.lastIndex, QUOTE.lastIndex + 204));
  if (match === null || quote === undefined || (quote === "**" && !isBold))
    return { quote: undefined, opened: "", start: at };
  return { quote, opened: match[0], start: QUOTE.lastIndex };
}

interface Assigned {
  readonly groups: Groups;
  readonly quote: string | undefined;
  readonly around: Surroundings;
}

function isSecretBehind(text: string, name: Name, value: string, { groups, quote, around }: Assigned): boolean {
  const { kind } = name;
  const isData = isDataIn(groups, quote, around);
  // Behind "the password is", in a script of its own: a rule for passwords.
  const isSaid = (groups.says ?? groups.saysShort) !== undefined && quote === undefined;
  if (isSaid && /[^\0-\u024f]/.test(value)) return false;
  if (!isSecret(value, kind, isData ? "settings" : "code")) return false;
  if (kind === "pass" && isVerdict(value, quote, isData)) return false;
  if (isOther(value, groups, quote)) return false;
  const whole = text.slice(name.start, name.end);
  return kind !== "session" || isCookie(text, name.start, whole, groups, around.isQuery);
}

/** Words in a sentence, and what a function is called with, are judged as code is: most name something. */
function isDataIn(groups: Groups, quote: string | undefined, { isSetting }: Surroundings): boolean {
  if (groups.call !== undefined || groups.below !== undefined) return false;
  if (groups.space !== undefined) return quote !== "`" && (quote !== undefined || isSetting);
  if (quote !== undefined) return true;
  if ((groups.says ?? groups.saysShort) !== undefined) return false;
  return isSetting || (groups.tag ?? groups.node) !== undefined;
}

/** A commit that passed, or a word. */
const isVerdict = (value: string, quote: string | undefined, isData: boolean) =>
  (quote === "`" && /^[a-f0-9]{7,40}$/.test(value)) ||
  (!isData && isWords(value) && value.length < MAX_WORD_CHARS && !/\d{2}|[!#$%&*@^].*\d|\d.*[!#$%&*@^]/.test(value));

/** A value that is another one, by what parts it from the name. */
function isOther(value: string, groups: Groups, quote: string | undefined): boolean {
  // "to set PSK identity": words of a sentence.
  if (groups.space !== undefined && quote === undefined) return !/\d/.test(value) && isWords(value);
  // A setting in the next line is one of its own.
  if (groups.below !== undefined)
    return isWords(value) || /^[\w.-]{1,64}(?:[:：]|=(?!=?$))|^(?:-|\/\/|```)/.test(value);
  // f("password", "saltsalt"): two arguments, more often than a name and its value.
  if (groups.comma === undefined) return false;
  return (isWords(value) && !/\d{3}/.test(value)) || (/^[a-z]+\d{0,4}$/i.test(value) && !mixesCases(value));
}

const EQUALS: Groups = { sign: "=" };

/** What parts a name from its value; SEPARATOR.lastIndex is behind it then. */
function separatorAt(text: string, at: number): Groups | undefined {
  // Most are this one, and the pattern takes twenty times as long.
  if (text.charCodeAt(at) === 61 && /\w/.test(text.charAt(at + 1))) {
    SEPARATOR.lastIndex = at + 1;
    return EQUALS;
  }
  SEPARATOR.lastIndex = at;
  return SEPARATOR.exec(text)?.groups;
}

/** Whether nothing but what marks a line's beginning is before it in its line. */
function startsLine(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 80), at);
  return /(?:^|\n|\\n)[ \t>#*+-]*(?:\/\/ ?)?(?:export |set |setx |- |ENV |ARG |\$env:)?["'`*]{0,2}$/.test(
    at > 80 ? before : `\n${before}`,
  );
}

/** `bindpw 2oYUIm0K…`: nothing else is in the line, and the value is none of words. */
const DIRECTIVE = /^(?=\S*\d)[^\s"'`(){}]{8,200}[ \t]{0,8}(?:[;}#]|\r?\n|$)/;
const MAX_DIRECTIVE_CHARS = 220;

/** Whether the separator is one between a name and its value, by what is before the name and behind the separator. */
function isAssigned(
  text: string,
  nameStart: number,
  kind: NameKind,
  groups: Groups,
  quote: string | undefined,
  behind: number,
): boolean {
  const before = text.slice(Math.max(0, nameStart - 8), nameStart);
  const isQuoted = quote !== undefined;
  if (groups.tag !== undefined) return before.endsWith("<");
  // `--password x`, `ENV PASSWORD x`, the password `x`
  if (groups.space !== undefined)
    return (quote === "`" && kind !== "pass") || isArgument(text, nameStart, groups.space, behind);
  // Under a label without a sign: only where the label is alone too.
  if (groups.below !== undefined && !/[=:：>]/.test(groups.below)) return startsLine(text, nameStart);
  if (groups.call !== undefined) return isQuoted;
  // Only a quoted name has a comma and a quoted value behind it.
  if (groups.comma !== undefined) return isQuoted && /["'`]$/.test(before);
  if (groups.table !== undefined) return isQuoted || /\|[ `*]*$/.test(before);
  // ${PASSWORD:?a message}
  if (before.endsWith("${") && text.startsWith(":?", behind - 1)) return false;
  return isSign(groups.sign ?? "", kind, before, isQuoted);
}

function isSign(sign: string, kind: NameKind, before: string, isQuoted: boolean): boolean {
  if (/^\s*(?:\|\||\?\?)/.test(sign)) return isQuoted;
  if (/[—–]/.test(sign)) return kind === "password";
  // "arn:aws:…:secret:name", "(?<password>…"
  return !(before.endsWith(":") && sign === ":");
}

/** Behind nothing but a blank: an option, a tab, a declaration, a line of its own. */
function isArgument(text: string, nameStart: number, space: string, behind: number): boolean {
  if (/(?<![\w-])--?$/.test(text.slice(Math.max(0, nameStart - 8), nameStart))) return true;
  if (space.includes("\t") && /^\S*\d/.test(text.slice(behind, behind + 64))) return true;
  if (declares(text, nameStart)) return true;
  return startsLine(text, nameStart) && DIRECTIVE.test(text.slice(behind, behind + MAX_DIRECTIVE_CHARS));
}

/** `ENV NAME value`, `setx NAME value`: a name in capitals with no more than a space behind it. */
function declares(text: string, nameStart: number): boolean {
  return /(?:^|\s)(?:ENV|ARG|#define|setx|set|setenv|SetEnv|fastcgi_param|export|secrets?|put|add|config:set|variable set)\s+$/.test(
    text.slice(Math.max(0, nameStart - 16), nameStart),
  );
}

/** A longer one that is of words by its letters is so by chance: no verdict is as long. */
const MAX_WORD_CHARS = 32;
/** The shortest of each kind, in characters. */
const MIN_KEY_CHARS = 16;
const MIN_VAGUE_CHARS = 32;
const MIN_MIXED_CHARS = 10;
const SEED_WORDS = /^(?:[a-z]{3,8}[ ,]{1,2}){11,23}[a-z]{3,8}$/;

/** Of a longer one, so much is judged. */
const MAX_JUDGED_CHARS = 200;
/** In a setting, and elsewhere. */
const MIN_CHANCE_CHARS = { settings: 8, code: 12 };
const MIN_CHANCE_BITS = 2;

function isSecret(value: string, kind: NameKind, among: "code" | "settings"): boolean {
  if (holdsPlaceholder(value)) return false;
  if (kind === "phrase") return SEED_WORDS.test(value.trim());
  if (kind === "code") return isGroups(value);
  if (kind === "vague")
    return looksRandom(value, MIN_VAGUE_CHARS) && mixesCases(value) && !isDigest(value) && !isPlain(value);
  if (kind === "session") return looksRandom(value, MIN_KEY_CHARS) && !/^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(value);
  if (isMadeByChance(value, MIN_CHANCE_CHARS[among])) return true;
  switch (kind) {
    case "password":
    case "pass":
      return isPassword(value, among);
    case "secret":
      return (
        isMixed(value) ||
        (among === "settings" && isTyped(value, "near")) ||
        (among === "settings" &&
          value.length >= 8 &&
          /\d/.test(value) &&
          !/^\d+$/.test(value) &&
          looksChosen(value, "settings"))
      );
    default:
      return isMixed(value) || (among === "settings" && isTyped(value, "near"));
  }
}

/** Neither words, nor data of a known form, nor code: behind a name that says secret, nothing else is left. */
function isMadeByChance(whole: string, minChars: number): boolean {
  const value = whole.slice(0, MAX_JUDGED_CHARS);
  if (value.length < minChars || /[^\x21-\x7e]/.test(value) || /^[\d.,_-]+$/.test(value) || isWords(value))
    return false;
  return (
    !standsForValue(value) &&
    !isPlain(value) &&
    !isPattern(value) &&
    !isCode(value) &&
    entropyBits(value) >= MIN_CHANCE_BITS
  );
}

/** Too short for a key that was drawn at random, but of letters, digits and signs as no name is. */
function isMixed(value: string): boolean {
  return value.length >= MIN_MIXED_CHARS && /\d/.test(value) && /[!#%^&*]/.test(value) && looksChosen(value, "code");
}

function isPassword(value: string, among: "code" | "settings"): boolean {
  if (/\s/.test(value))
    return (
      among === "settings" &&
      /^(?=.*\d)\S+ \S+( \S+){0,3}$/.test(value) &&
      /[!@#$%^&*]/.test(value) &&
      !standsForValue(value)
    );
  return looksChosen(value, among);
}

const COOKIE_NAMES = new RegExp(
  "^(?:JSESSIONID|PHPSESSID|ASPSESSIONID\\w*|ASP\\.NET_SessionId|connect\\.sid|sessionid|_?session_id|[\\w-]*_sess(?:ion)?|" +
    "_gh_sess|(?:__(?:Secure|Host)-)?(?:next-auth|authjs)\\.session-token|wordpress_(?:sec|logged_in)_\\w*|" +
    "remember_(?:me|token|user_token|web_\\w*))$",
  "i",
);

/** Whether it is a cookie's: by its name, in a query, or because cookies are spoken of shortly before, on this line. */
function isCookie(text: string, nameStart: number, name: string, groups: Groups, isQuery: boolean): boolean {
  const after = text.charAt(nameStart + name.length);
  if ((isQuery || after === "\t") && /^(?:\w{0,20}[_-])?(?:session|sid|sess|sessionid|session_?token)$/i.test(name))
    return true;
  if (COOKIE_NAMES.test(name) && (after === "=" || after === "\t" || (groups.pair ?? groups.table) !== undefined))
    return true;
  const before = text.slice(Math.max(0, nameStart - COOKIE_REACH_CHARS), nameStart);
  return /cookie|curl [^\n]{0,200}-b ?["']?[^"'\n]{0,200}$/i.test(before.slice(before.lastIndexOf("\n") + 1));
}
