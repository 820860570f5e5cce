/**
 * Secrets that have no form of their own and are known by the name before them: `DB_PASSWORD=…`, `"apiKey": "…"`,
 * `<secret>…</secret>`, `| token | … |`, `--password …`. A name that ends as a secret's does, a separator, and a value that
 * the judgement of values.ts lets pass. Nothing here looks further than a bound in either direction.
 */
import { looksChosen, looksRandom, standsForValue } from "./values.ts";

export interface Found {
  readonly rule: string;
  /** Where the value alone begins and ends. */
  readonly start: number;
  readonly end: number;
}

/** How much of a name, and how long a value, is looked at, in characters. */
const MAX_NAME_CHARS = 64;
const MAX_VALUE_CHARS = 1024;
/** How far before a session's name "cookie" may stand. */
const COOKIE_REACH_CHARS = 600;

type Kind = "password" | "secret" | "key" | "phrase" | "session";

/** The words by which names give a secret away. A `key` needs a word before it that says so. */
const WORDS: Readonly<Record<string, Kind>> = {
  password: "password",
  passwd: "password",
  passphrase: "password",
  devopspat: "secret",
  passwort: "password",
  kennwort: "password",
  contraseña: "password",
  "mot de passe": "password",
  pwd: "password",
  passcode: "password",
  pass: "password",
  secret: "secret",
  token: "secret",
  credential: "secret",
  apikey: "secret",
  key: "key",
  auth: "key",
  _pat: "key",
  "-pat": "key",
  mnemonic: "phrase",
  "seed phrase": "phrase",
  seed_phrase: "phrase",
  sess: "session",
  sid: "session",
  remember: "session",
};

/** The literals at which `assignmentAt` is to be asked. */
export const ASSIGNMENT_STARTS = Object.keys(WORDS);

const RULE: Readonly<Record<Kind, string>> = {
  password: "password-assignment",
  secret: "secret-assignment",
  key: "secret-assignment",
  phrase: "secret-assignment",
  session: "session-cookie",
};

/** What may follow the word in a secret's name: SECRET_KEY_BASE, password2, tokenProd. Not: tokenizer, password_hash. */
const TAIL_WORDS =
  "key keys base value val prod production dev staging stage live test local primary secondary main old new current " +
  "default admin root user db api app b64 plain text string str raw access rw ro ci";
/** One digit at a time: any number of them, in any number of ways, would be a pattern that never ends. */
const TAIL = new RegExp(`^s?(?:[_-]?(?:${TAIL_WORDS.replaceAll(" ", "|")}|[0-9]))*$`, "i");
/** The last word before it, when the name is no secret's: nextPageToken, publicKey. */
const NO_SECRET = new Set(
  (
    "next prev previous page paging pagination continuation cancelation cancellation cancel sync cursor " +
    "resume public publishable site anon eos bos pad unk sep cls mask stop start end cache primary foreign " +
    "sort partition idempotency row object index translation max min num total input output prompt completion " +
    "cached per forgot reset show hide toggle no has is bad wrong invalid missing change confirm generate " +
    "design color colour syntax lexer first last keyboard shortcut hot error"
  ).split(" "),
);
/** The last word before "key" that makes it a secret one. */
const SECRET_KEY = new Set(
  (
    "api access secret private auth authorization authentication signing signature encryption encrypt crypto " +
    "cipher aes hmac master account service license licence app application admin write ingest client server " +
    "deploy shared session cookie subscription function functions storage consumer integration routing " +
    "project security webhook jwt stripe openai anthropic mistral cohere datadog dd pagerduty algolia fastly " +
    "honeycomb team segment sendgrid mailgun postmark azure heroku cloudflare newrelic relic rails django " +
    "flask laravel host management maps rest global developer user restricted live test prod"
  ).split(" "),
);
const SECRET_KEY_END = /(?:api|secret|access|private|license)$/;

/** What stands between name and value, from the name's end on; each of these is a group of SEPARATOR. */
const SEPARATORS: Readonly<Record<string, string>> = {
  /** `"name": "TOKEN", "value": "…"`, `key="token" value="…"` */
  pair: "\\\\?[\"']?[,;]?\\s{0,24}\\\\?[\"']?(?<![\\w-])value\\\\?[\"']?\\s{0,4}[:=]\\s{0,4}",
  /** `token: string = "…"` */
  typed: "\\??: ?(?:str(?:ing)?|String|\\[\\]byte|&str|Optional\\[str\\])(?: \\| (?:null|None|undefined))? ?= ?",
  sign:
    "[ \\t]{0,30}(?:=>|:=|\\?=|\\|\\|=?|\\?\\?=?|->|→|={1,3}|!={1,2}|:-|:(?:\\*\\*|__|:)?|：)" +
    "[ \\t]{0,30}(?:\\n[ \\t]{1,24}(?=[\"']))?",
  /** A table's cell ends where the next one begins. */
  table: "[ \\t]{0,40}\\|[ \\t]{0,40}",
  /** Behind a quoted name: `getenv("TOKEN", "…")` */
  comma: "(?<=[\"'`]),[ \\t]{0,8}",
  /** `setPassword("…")` */
  call: "\\((?=[\"'`])",
  /** `<token>…</token>` */
  tag: ">",
  says: "(?: for [\\w@ .-]{1,40}?)? (?:is|was|ist|lautet|es|est|=)(?: now| still| set to)?:? ",
  space: "[ \\t]{1,4}",
};
type Groups = Readonly<Record<string, string | undefined>>;

/** What closes a quoted name, a subscript, an argument. */
const CLOSE = "(?:\\\\{0,3}[\"'`*\\]]){0,3}\\)?";
const SEPARATOR = new RegExp(
  Object.entries(SEPARATORS)
    .map(([group, source]) => `${group === "pair" ? "" : CLOSE}(?<${group}>${source})`)
    .join("|"),
  "iy",
);

const QUOTE =
  /(?:[brfu@$]|rb|\(|\[|\{ ?|(?:\[\]byte|Buffer\.from|bytes|SecretStr|new Secret\w{0,12})\()?(?<quote>\\{0,3}["'`]|\*\*|&quot;)/iy;

/**
 * The secret whose name has the word at this place in it.
 * @param word in small letters, one of ASSIGNMENT_STARTS
 */
export function assignmentAt(text: string, at: number, word: string): Found | undefined {
  const kind = WORDS[word];
  if (kind === undefined) return undefined;
  const name = nameAround(text, at, word.length);
  if (!isSecretsName(text, name, at, word, kind)) return undefined;

  SEPARATOR.lastIndex = name.end;
  const groups = SEPARATOR.exec(text)?.groups;
  if (groups === undefined) return undefined;
  QUOTE.lastIndex = SEPARATOR.lastIndex;
  const quote = QUOTE.exec(text)?.groups?.quote;
  const start = quote === undefined ? SEPARATOR.lastIndex : QUOTE.lastIndex;
  if (!isAssigned(text, name.start, groups, quote)) return undefined;

  const whole = text.slice(name.start, name.end);
  const isSetting = /^[A-Z][A-Z0-9_]*$/.test(whole);
  const isQuery = /[?&;]/.test(text.charAt(name.start - 1));
  const end =
    quote === undefined ? bareEnd(text, start, groups, { isSetting, isQuery }) : quotedEnd(text, start, quote);
  if (end === undefined || end <= start) return undefined;
  const value = text.slice(start, end);
  // Words in a sentence, and what a function is called with, are judged as code is: most name something.
  const isSpoken =
    groups.call !== undefined ||
    (groups.space !== undefined ? quote === "`" : groups.says !== undefined && quote === undefined);
  const isData = !isSpoken && (quote !== undefined || isSetting || groups.tag !== undefined);
  if (!isSecret(value, kind, isData ? "settings" : "code")) return undefined;
  // f("password", "saltsalt"): two arguments, more often than a name and its value.
  if (groups.comma !== undefined && /^[a-z]+$/i.test(value)) return undefined;
  if (kind === "session" && !isCookie(text, name.start, whole)) return undefined;
  return { rule: RULE[kind], start, end };
}

/** Whether the separator is one between a name and its value, by what is before the name and behind the separator. */
function isAssigned(text: string, nameStart: number, groups: Groups, quote: string | undefined): boolean {
  const before = text.slice(Math.max(0, nameStart - 8), nameStart);
  if (groups.tag !== undefined) return before.endsWith("<");
  // `--password x`, `ENV PASSWORD x`, the password `x`
  if (groups.space !== undefined)
    return /(?<![\w-])--?$/.test(before) || quote === "`" || /\t/.test(groups.space) || declares(text, nameStart);
  if (groups.call !== undefined) return quote !== undefined;
  // Only a quoted name has a comma and a quoted value behind it.
  if (groups.comma !== undefined) return quote !== undefined && /["'`]$/.test(before);
  if (groups.table !== undefined) return quote !== undefined || /\|[ `*]*$/.test(before);
  if (/^\s*(?:\|\||\?\?)/.test(groups.sign ?? "")) return quote !== undefined;
  // "arn:aws:…:secret:name"
  return !(before.endsWith(":") && groups.sign === ":");
}

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

function isSecretsName(
  text: string,
  name: { start: number; end: number },
  at: number,
  word: string,
  kind: Kind,
): boolean {
  const tail = text.slice(at + word.length, name.end);
  const head = text.slice(Math.max(name.start, at - MAX_NAME_CHARS), at);
  if (kind === "session") return true;
  if (!TAIL.test(tail)) return false;
  // "API key: …" is written with a space.
  const before = wordBefore(head === "" ? text.slice(Math.max(0, at - 16), at) : head);
  if (NO_SECRET.has(before)) return false;
  if (word === "_pat" || word === "-pat") return tail === "";
  // smtp_pass, mailPass; not: bypass, compass.
  if (word === "pass") return /^\d?$/.test(tail) && (/(?:^|[._-])$/.test(head) || text.charAt(at) === "P");
  if (word === "auth") return tail === "" && (/[_-]$/.test(head) || /[?&]$/.test(text.charAt(at - 1)));
  if (kind === "key") return SECRET_KEY.has(before) || SECRET_KEY_END.test(before);
  return true;
}

/** The last word of a name's beginning, in small letters. */
function wordBefore(head: string): string {
  const words = head.replace(/([a-z0-9])(?=[A-Z])/g, "$1 ").toLowerCase();
  return /([a-z]{1,20})[_. -]?$/.exec(words)?.[1] ?? "";
}

/** `ENV NAME value`, `setx NAME value`: a name in capitals with no more than a space behind it. */
function declares(text: string, nameStart: number): boolean {
  return /(?:^|\s)(?:ENV|ARG|setx|set|setenv|SetEnv|fastcgi_param|export|secrets?|put|add|config:set|variable set)\s+$/.test(
    text.slice(Math.max(0, nameStart - 16), nameStart),
  );
}

function quotedEnd(text: string, start: number, quote: string): number | undefined {
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

const BARE = /[^\s"'`,;|&<>(){}[\]]{1,1024}/y;
/** Outside of a query an ampersand is a password's, unless it stands where a value ends anyway, or the next name follows. */
const BARE_AMPERSAND =
  /[^\s"'`,;|&<>(){}[\]](?:[^\s"'`,;|&<>(){}[\]]|&(?![\s"'`,;|&<>(){}[\]]|[\w.%-]{1,64}[=;]|$)){0,1023}/y;
const BARE_SETTING = /[^\s"'`|<>]{1,1024}/y;
const BARE_CELL = /[^\s`|]{1,400}(?=[ \t]{0,60}(?:\||\n|$))/y;
const BARE_ELEMENT = /[^\s<>]{1,1000}(?=<)/y;

function bareEnd(
  text: string,
  start: number,
  groups: Groups,
  { isSetting, isQuery }: { isSetting: boolean; isQuery: boolean },
): number | undefined {
  const bare = isQuery ? BARE : BARE_AMPERSAND;
  const isShell = isSetting && /^=$/.test(groups.sign ?? "");
  const form =
    groups.table !== undefined ? BARE_CELL : groups.tag !== undefined ? BARE_ELEMENT : isShell ? BARE_SETTING : bare;
  form.lastIndex = start;
  const match = form.exec(text);
  if (match === null) return undefined;
  let end = form.lastIndex;
  // A call, a subscript or a template is code.
  if (form === bare && /^[([{]/.test(text.slice(end, end + 1))) return undefined;
  if (/^\\[nrt"']/.test(text.slice(end - 2, end))) end -= 2;
  // A line end that is written as such, as in a JSON string.
  const escaped = match[0].search(/\\[nrt]/);
  if (escaped >= 0) end = start + escaped;
  while (end > start && /[.;,:?!\\)]/.test(text.charAt(end - 1)) && !(isShell && /[!?]/.test(text.charAt(end - 1)))) {
    if (/[!?]/.test(text.charAt(end - 1)) && groups.says === undefined) break;
    end--;
  }
  return end;
}

/** The shortest of each kind, in characters. */
const MIN_KEY_CHARS = 16;
const MIN_SECRET_CHARS = 12;
const MIN_MIXED_CHARS = 10;
const SEED_WORDS = /^(?:[a-z]{3,8}[ ,]{1,2}){11,23}[a-z]{3,8}$/;

function isSecret(value: string, kind: Kind, among: "code" | "settings"): boolean {
  if (value.includes("[redacted:")) return false;
  switch (kind) {
    case "password":
      return isPassword(value, among);
    case "secret":
      if (looksRandom(value, MIN_SECRET_CHARS) || isMixed(value)) return true;
      return (
        among === "settings" &&
        /\d|[^\w.:/-]/.test(value) &&
        value.length >= 8 &&
        looksChosen(value, "settings") &&
        !/^\d+$/.test(value)
      );
    case "key":
      return looksRandom(value, MIN_KEY_CHARS) || isMixed(value);
    case "phrase":
      return SEED_WORDS.test(value.trim());
    case "session":
      return looksRandom(value, MIN_KEY_CHARS) && !/^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(value);
  }
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
  "^(?:JSESSIONID|PHPSESSID|ASPSESSIONID\\w*|ASP\\.NET_SessionId|connect\\.sid|sessionid|_?session_id|[\\w-]*_session|" +
    "_gh_sess|(?:__(?:Secure|Host)-)?(?:next-auth|authjs)\\.session-token|wordpress_(?:sec|logged_in)_\\w*|" +
    "remember_(?:me|token|user_token|web_\\w*))$",
  "i",
);

/** Whether it is a cookie's: by its name and an equals sign, or because cookies are spoken of shortly before, on this line. */
function isCookie(text: string, nameStart: number, name: string): boolean {
  const after = text.charAt(nameStart + name.length);
  if (COOKIE_NAMES.test(name) && after === "=") return true;
  const before = text.slice(Math.max(0, nameStart - COOKIE_REACH_CHARS), nameStart);
  return /cookie/i.test(before.slice(before.lastIndexOf("\n") + 1));
}
