/**
 * Secrets that have no form of their own and are known by the name before them: `DB_PASSWORD=…`, `"apiKey": "…"`,
 * `<secret>…</secret>`, `| token | … |`, `--password …`. A name that ends as a secret's does, a separator, and a value that
 * the judgement of values.ts lets pass. Nothing here looks further than a bound in either direction.
 */
import type { Found } from "./found.ts";
import { type Name, type NameKind, RULE_OF } from "./names.ts";
import { holdsPlaceholder } from "./placeholders.ts";
import {
  entropyBits,
  isCode,
  isDigest,
  isGroups,
  isPattern,
  isPlain,
  isTyped,
  isWords,
  looksChosen,
  looksRandom,
  mixesCases,
  standsForValue,
} from "./values.ts";

/** How long a value is looked at, in characters. */
const MAX_VALUE_CHARS = 1024;
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
    "[ \\t]{0,30}(?:=>|:=|\\?=|\\|\\|=?|\\?\\?=?|->|→|={1,3}|!={1,2}|:-|:(?:\\*\\*|__|:)?|：|—|–)" +
    "[ \\t\\u3000]{0,30}(?:\\\\?\\r?\\n[ \\t]{1,24}(?=[\"']))?",
  /** A table's cell ends where the next one begins. */
  table: "[ \\t]{0,40}\\|[ \\t]{0,40}",
  /** Behind a quoted name: `getenv("TOKEN", "…")` */
  comma: "(?<=[\"'`]),[ \\t]{0,24}",
  /** `setPassword("…")` */
  call: "\\((?=[\"'`])",
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
type Groups = Readonly<Record<string, string | undefined>>;

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
/** Where it is not the same again. */
const QUOTE_ENDS: Readonly<Record<string, string>> = { "「": "」", "『": "』", "“": "”", "„": "“", "«": "»", "‘": "’" };

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

function valueAt(text: string, name: Name): Value | undefined {
  const { kind } = name;
  if (kind === "login" || kind === "user" || kind === "output" || kind === "pin") return undefined;
  const groups = separatorAt(text, name.end);
  if (groups === undefined) return undefined;
  QUOTE.lastIndex = SEPARATOR.lastIndex;
  const opened = QUOTE.exec(text);
  let quote = opened?.groups?.quote;
  // A value may begin with what could have made it bold.
  if (quote === "**" && !/^[^\n]{1,200}?\*\*/.test(text.slice(QUOTE.lastIndex, QUOTE.lastIndex + 204)))
    quote = undefined;
  const start = quote === undefined ? SEPARATOR.lastIndex : QUOTE.lastIndex;
  if (!isAssigned(text, name.start, kind, groups, quote)) return undefined;

  const whole = text.slice(name.start, name.end);
  const isSetting = /^[A-Z][A-Z0-9_]*$/.test(whole);
  const isQuery = /[?&;]/.test(text.charAt(name.start - 1));
  const isLine = startsLine(text, name.start);
  const end =
    quote === undefined
      ? bareEnd(text, start, groups, { nameStart: name.start, isSetting, isQuery, isLine })
      : quotedEnd(text, start, quote);
  if (end === undefined || end <= start) return undefined;
  // `credentials: { "name": …`: the next name, and no value.
  if (
    quote !== undefined &&
    opened?.[0].startsWith("{") &&
    /^\s{0,3}(?::|=>)/.test(text.slice(end + quote.length, end + quote.length + 6))
  )
    return undefined;
  const isSecretValue = () => {
    const value = text.slice(start, end);
    // Words in a sentence, and what a function is called with, are judged as code is: most name something.
    const says = groups.says ?? groups.saysShort;
    const isSpoken =
      groups.call !== undefined ||
      (groups.space !== undefined ? quote === "`" : says !== undefined && quote === undefined);
    const isData =
      !isSpoken &&
      groups.below === undefined &&
      (quote !== undefined || isSetting || (groups.tag ?? groups.node) !== undefined);
    // Behind "the password is", in a script of its own: a rule for passwords.
    if (says !== undefined && quote === undefined && /[^\0-\u024f]/.test(value)) return false;
    if (!isSecret(value, kind, isData ? "settings" : "code")) return false;
    if (
      kind === "pass" &&
      ((quote === "`" && /^[a-f0-9]{7,40}$/.test(value)) ||
        (!isData && isWords(value) && value.length < MAX_WORD_CHARS && !/\d{2}/.test(value)))
    )
      return false;
    // "to set PSK identity": words of a sentence.
    if (groups.space !== undefined && quote === undefined && !/\d/.test(value) && isWords(value)) return false;
    // A setting in the next line is one of its own.
    if (groups.below !== undefined && (isWords(value) || /^[\w.-]{1,64}(?:[:：]|=(?!=?$))|^(?:-|\/\/|```)/.test(value)))
      return false;
    // f("password", "saltsalt"): two arguments, more often than a name and its value.
    if (
      groups.comma !== undefined &&
      ((isWords(value) && !/\d{3}/.test(value)) || (/^[a-z]+\d{0,4}$/i.test(value) && !mixesCases(value)))
    )
      return false;
    if (kind === "session" && !isCookie(text, name.start, whole, groups, isQuery)) return false;
    return true;
  };
  return { rule: RULE_OF[kind], start, end, isSecret: isSecretValue };
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
): boolean {
  const before = text.slice(Math.max(0, nameStart - 8), nameStart);
  if (groups.tag !== undefined) return before.endsWith("<");
  // `--password x`, `ENV PASSWORD x`, the password `x`
  if (groups.space !== undefined)
    return (
      /(?<![\w-])--?$/.test(before) ||
      (quote === "`" && kind !== "pass") ||
      (/\t/.test(groups.space) && /^\S*\d/.test(text.slice(SEPARATOR.lastIndex, SEPARATOR.lastIndex + 64))) ||
      declares(text, nameStart) ||
      (startsLine(text, nameStart) &&
        DIRECTIVE.test(text.slice(SEPARATOR.lastIndex, SEPARATOR.lastIndex + MAX_DIRECTIVE_CHARS)))
    );
  // Under a label without a sign: only where the label is alone too.
  if (groups.below !== undefined && !/[=:：>]/.test(groups.below)) return startsLine(text, nameStart);
  if (groups.call !== undefined) return quote !== undefined;
  // Only a quoted name has a comma and a quoted value behind it.
  if (groups.comma !== undefined) return quote !== undefined && /["'`]$/.test(before);
  if (groups.table !== undefined) return quote !== undefined || /\|[ `*]*$/.test(before);
  if (/^\s*(?:\|\||\?\?)/.test(groups.sign ?? "")) return quote !== undefined;
  if (/[—–]/.test(groups.sign ?? "")) return kind === "password";
  // "arn:aws:…:secret:name", "(?<password>…"
  return !(before.endsWith(":") && groups.sign === ":");
}

/** `ENV NAME value`, `setx NAME value`: a name in capitals with no more than a space behind it. */
function declares(text: string, nameStart: number): boolean {
  return /(?:^|\s)(?:ENV|ARG|#define|setx|set|setenv|SetEnv|fastcgi_param|export|secrets?|put|add|config:set|variable set)\s+$/.test(
    text.slice(Math.max(0, nameStart - 16), nameStart),
  );
}

function quotedEnd(text: string, start: number, opened: string): number | undefined {
  const quote = QUOTE_ENDS[opened] ?? opened;
  const limit = Math.min(text.length, start + MAX_VALUE_CHARS);
  for (let at = start; at < limit; at++) {
    const code = text.charCodeAt(at);
    if (code === 10 || code === 13) return undefined;
    if (code !== 92 && text.startsWith(quote, at)) return at;
    // In a string that is not itself escaped, a backslash and what follows it belong to the value.
    if (code === 92) {
      if (text.startsWith(quote, at)) return at;
      if (quote.length === 1) at++;
    }
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

function bareEnd(
  text: string,
  start: number,
  groups: Groups,
  {
    nameStart,
    isSetting,
    isQuery,
    isLine,
  }: { nameStart: number; isSetting: boolean; isQuery: boolean; isLine: boolean },
): number | undefined {
  if (groups.below !== undefined) return start + (matchEnd(BARE_BELOW, text, start) ?? "").replace(/\\$/, "").length;
  const isShell = isSetting && /^=$/.test(groups.sign ?? "");
  const around = groups.sign !== undefined ? text.charAt(nameStart - 1) : "";
  if (/["'`]/.test(around)) {
    // "Name: value", as headers are given to commands.
    const quoted = quotedEnd(text, start, around);
    if (quoted !== undefined && !/[\s\\]|[&;][A-Za-z_]\w{2,30}=/.test(text.slice(start, quoted))) return quoted;
  }
  if (isLine && groups.sign !== undefined) {
    const line = restOfLine(text, start);
    const next = /[&;]([A-Za-z_][\w.]{2,30})=/.exec(line ?? "")?.[1];
    if (line !== undefined && !(next && isWords(next)) && !isCode(line)) {
      const value = isShell ? line : line.replace(/(?:[;,]|\.(?=$))$/, "");
      if (!/[([{]$/.test(value) || !isWords(value.slice(0, -1))) return start + value.length;
    }
  }
  const bare = isQuery ? BARE : BARE_AMPERSAND;
  const form =
    groups.table !== undefined
      ? BARE_CELL
      : (groups.tag ?? groups.node) !== undefined
        ? BARE_ELEMENT
        : isShell
          ? BARE_SETTING
          : bare;
  form.lastIndex = start;
  const match = form.exec(text);
  if (match === null) return undefined;
  let end = form.lastIndex;
  // A call, a subscript or a template is code.
  if (form === bare && /^[([{]/.test(text.slice(end, end + 1))) return undefined;
  if (form !== bare) {
    const escaped = match[0].search(/\\[nrt]/);
    if (escaped >= 0) end = start + escaped;
  }
  while (
    end > start &&
    /[.;,:?!\\)。、，；」』]/.test(text.charAt(end - 1)) &&
    !(isShell && /[!?]/.test(text.charAt(end - 1)))
  ) {
    if (/[!?]/.test(text.charAt(end - 1)) && groups.says === undefined) break;
    end--;
  }
  return end;
}

function restOfLine(text: string, start: number): string | undefined {
  const line = matchEnd(LINE_RUN, text, start);
  LINE_END.lastIndex = start + (line?.length ?? 0);
  return LINE_END.test(text) ? line : undefined;
}

function matchEnd(form: RegExp, text: string, start: number): string | undefined {
  form.lastIndex = start;
  return form.exec(text)?.[0];
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
  if (COOKIE_NAMES.test(name) && (after === "=" || after === "\t" || groups.pair !== undefined)) return true;
  const before = text.slice(Math.max(0, nameStart - COOKIE_REACH_CHARS), nameStart);
  return /cookie|curl [^\n]{0,200}-b ?["']?[^"'\n]{0,200}$/i.test(before.slice(before.lastIndexOf("\n") + 1));
}
