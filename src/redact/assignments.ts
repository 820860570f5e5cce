/**
 * Secrets that have no form of their own and are known by the name before them: `DB_PASSWORD=…`, `"apiKey": "…"`,
 * `<secret>…</secret>`, `| token | … |`, `--password …`. A name that ends as a secret's does, a separator, and a value that
 * the judgement of values.ts lets pass. Nothing here looks further than a bound in either direction.
 */
import {
  entropyBits,
  isCode,
  isPattern,
  isPlain,
  isWords,
  looksChosen,
  looksRandom,
  standsForValue,
} from "./values.ts";

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

type Kind = "password" | "pass" | "secret" | "key" | "phrase" | "session";

/**
 * The words by which names give a secret away, and the same in the languages that are written most. A `key` needs a word
 * before it that says so; `pass` is a verdict and a verb too.
 */
const NAMES: Readonly<Record<Kind, readonly string[]>> = {
  password: [
    ..."password passwd passphrase passcode pwd passwort kennwort contraseña senha wachtwoord passord".split(" "),
    ..."lösenord adgangskode salasana heslo hasło jelszó parola parolă şifre lozinka nenosiri slaptažodis".split(" "),
    ..."пароль парола лозинка κωδικός סיסמה סיסמא पासवर्ड পাসওয়ার্ড রہস্য پاسورڈ رمزعبور".split(" "),
    ..."密码 密碼 口令 パスワード 暗証番号 비밀번호 암호 รหัสผ่าน கடவுச்சொல் పాస్‌వర్డ్ ಪಾಸ್‌ವರ್ಡ್ પાસવર્ડ".split(" "),
    ..."mot de passe,kata sandi,kata laluan,mật khẩu,palavra-passe,palabra clave,clave de acceso".split(","),
    ..."parola d'ordine,كلمة المرور,كلمة السر,كلمه عبور,رمز عبور,گذرواژه,پاس ورڈ,pass phrase,pass code".split(","),
  ],
  pass: ["pass"],
  secret: [
    ..."secret token credential apikey devopspat authkey geheimnis jeton токен секрет トークン シークレット".split(" "),
    ..."令牌 密钥 密鑰 金鑰 秘钥 토큰 시크릿 トークン APIキー gizli टोकन".split(" "),
    ..."api-schlüssel,clé api,clé d'api,clave api,clave de api,clave secreta,chave de api,chave api,chave secreta".split(
      ",",
    ),
    ..."chiave api,chiave segreta,klucz api,api anahtarı,api-sleutel,api-nyckel,ключ api,api-ключ,api キー,api 키".split(
      ",",
    ),
    ..."secreto,segredo,sekret,khóa api,kunci api,مفتاح api,api कुंजी,секретный ключ,client_pw,bind_pw".split(","),
  ],
  key: ["key", "auth", "_pat", "-pat"],
  phrase: ["mnemonic", "seed phrase", "seed_phrase", "recovery phrase", "seedphrase"],
  session: ["sess", "sid", "remember"],
};

const KINDS = new Map<string, Kind>(
  Object.entries(NAMES).flatMap(([kind, words]) => words.map((word) => [word.toLowerCase(), kind as Kind] as const)),
);

/** In a script without blanks, a word of two characters is looked for together with what may stand behind it. */
const SHORT_WORD_ENDS = [..."：:=是为為は が\"'`*|)）]」』\t　은는이가"];
const ASCII_WORDS = new Set([...KINDS.keys()].filter((word) => /^[\x20-\x7e]+$/.test(word)));
const isAsciiWord = (word: string) => ASCII_WORDS.has(word);

interface Start {
  readonly literal: string;
  readonly exact: boolean;
  readonly word: string;
}

/** The literals at which `assignmentAt` is to be asked, each with the word that it stands for. */
export const ASSIGNMENT_STARTS: readonly Start[] = [...KINDS.keys()].flatMap((word): Start[] => {
  if (isAsciiWord(word)) return [{ literal: word, exact: false, word }];
  if (word.length < 3) return SHORT_WORD_ENDS.map((end) => ({ literal: word + end, exact: true, word }));
  const spellings = [word, word.charAt(0).toUpperCase() + word.slice(1), word.toUpperCase()];
  const composed = spellings.flatMap((spelling) => [spelling, spelling.normalize("NFD")]);
  return [...new Set(composed)].map((literal) => ({ literal, exact: true, word }));
});

const RULE: Readonly<Record<Kind, string>> = {
  password: "password-assignment",
  pass: "password-assignment",
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
  /** The value is alone in the next line. */
  below:
    "[ \\t]{0,8}(?:=|:|->|：)?[ \\t]{0,8}[|>\\\\]?-?[ \\t]{0,4}\\r?\\n[ \\t>#*]{0,24}(?=[^\\s\"']{8,1024}[ \\t]{0,8}\\\\?(?:\\r?\\n|$))",
  sign:
    "[ \\t]{0,30}(?:=>|:=|\\?=|\\|\\|=?|\\?\\?=?|->|→|={1,3}|!={1,2}|:-|:(?:\\*\\*|__|:)?|：|—|–)" +
    "[ \\t\\u3000]{0,30}(?:\\\\?\\r?\\n[ \\t]{1,24}(?=[\"']))?",
  /** A table's cell ends where the next one begins. */
  table: "[ \\t]{0,40}\\|[ \\t]{0,40}",
  /** Behind a quoted name: `getenv("TOKEN", "…")` */
  comma: "(?<=[\"'`]),[ \\t]{0,8}",
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
const { pair: PAIR, ...OTHERS } = SEPARATORS;
const SEPARATOR = new RegExp(
  `(?<pair>${PAIR})|${CLOSE}(?:${Object.entries(OTHERS)
    .map(([group, source]) => `(?<${group}>${source})`)
    .join("|")})`,
  "iy",
);

const QUOTE =
  /(?:[brfu@$]|rb|\(|\[|\{ ?|(?:\[\]byte|Buffer\.from|bytes|SecretStr|new Secret\w{0,12})\()?(?<quote>\\{0,3}["'`]|\*\*|&quot;|[「『“”„«‘])/iy;
/** Where it is not the same again. */
const QUOTE_ENDS: Readonly<Record<string, string>> = { "「": "」", "『": "』", "“": "”", "„": "“", "«": "»", "‘": "’" };

/**
 * The secret whose name has the word at this place in it.
 * @param word one of those of ASSIGNMENT_STARTS, as long as `length` in the text
 */
export function assignmentAt(
  text: string,
  at: number,
  word: string,
  length: number,
): { readonly secret: Found | undefined; readonly effort: number } {
  const value = valueAt(text, at, word, length);
  if (value === undefined) return { secret: undefined, effort: 0 };
  if (value === "none") return { secret: undefined, effort: NO_VALUE_EFFORT };
  const effort = MIN_VALUE_EFFORT + value.end - value.start;
  return { secret: value.isSecret() ? { rule: value.rule, start: value.start, end: value.end } : undefined, effort };
}

/** What judging a value takes at least, in characters that are looked at. */
const MIN_VALUE_EFFORT = 50;
/** What finding out takes that there is none. */
const NO_VALUE_EFFORT = 20;

interface Value extends Found {
  isSecret(): boolean;
}

function valueAt(text: string, at: number, word: string, length: number): Value | "none" | undefined {
  const kind = KINDS.get(word);
  if (kind === undefined) return undefined;
  const name = nameAround(text, at, length);
  if (!isSecretsName(text, name, at, word, kind, length)) return undefined;

  SEPARATOR.lastIndex = name.end;
  const groups = SEPARATOR.exec(text)?.groups;
  if (groups === undefined) return "none";
  QUOTE.lastIndex = SEPARATOR.lastIndex;
  let quote = QUOTE.exec(text)?.groups?.quote;
  // A value may begin with what could have made it bold.
  if (quote === "**" && !/^[^\n]{1,200}?\*\*/.test(text.slice(QUOTE.lastIndex, QUOTE.lastIndex + 204)))
    quote = undefined;
  const start = quote === undefined ? SEPARATOR.lastIndex : QUOTE.lastIndex;
  if (!isAssigned(text, name.start, kind, groups, quote)) return "none";

  const whole = text.slice(name.start, name.end);
  const isSetting = /^[A-Z][A-Z0-9_]*$/.test(whole);
  const isQuery = /[?&;]/.test(text.charAt(name.start - 1));
  const isLine = startsLine(text, name.start);
  const end =
    quote === undefined
      ? bareEnd(text, start, groups, { nameStart: name.start, isSetting, isQuery, isLine })
      : quotedEnd(text, start, quote);
  if (end === undefined || end <= start) return "none";
  const isSecretValue = () => {
    const value = text.slice(start, end);
    // Words in a sentence, and what a function is called with, are judged as code is: most name something.
    const says = groups.says ?? groups.saysShort;
    const isSpoken =
      groups.call !== undefined ||
      (groups.space !== undefined ? quote === "`" : says !== undefined && quote === undefined);
    const isData =
      !isSpoken && groups.below === undefined && (quote !== undefined || isSetting || groups.tag !== undefined);
    if (!isSecret(value, kind, isData ? "settings" : "code")) return false;
    if (kind === "pass" && ((quote === "`" && /^[a-f0-9]{7,40}$/.test(value)) || (!isData && isWords(value))))
      return false;
    // A setting in the next line is one of its own.
    if (groups.below !== undefined && (isWords(value) || /^[\w.-]{1,64}(?:[:：]|=(?!=?$))|^(?:-|\/\/|```)/.test(value)))
      return false;
    // f("password", "saltsalt"): two arguments, more often than a name and its value.
    if (groups.comma !== undefined && (isWords(value) || /^[a-z]+\d{0,4}$/i.test(value))) return false;
    if (kind === "session" && !isCookie(text, name.start, whole, groups, isQuery)) return false;
    return true;
  };
  return { rule: RULE[kind], start, end, isSecret: isSecretValue };
}

/** Whether nothing but what marks a line's beginning is before it in its line. */
function startsLine(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 80), at);
  return /(?:^|\n|\\n)[ \t>#*+-]*(?:\/\/ ?)?(?:export |set |setx |- |ENV |ARG |\$env:)?["'`*]{0,2}$/.test(
    at > 80 ? before : `\n${before}`,
  );
}

/** Whether the separator is one between a name and its value, by what is before the name and behind the separator. */
function isAssigned(text: string, nameStart: number, kind: Kind, groups: Groups, quote: string | undefined): boolean {
  const before = text.slice(Math.max(0, nameStart - 8), nameStart);
  if (groups.tag !== undefined) return before.endsWith("<");
  // `--password x`, `ENV PASSWORD x`, the password `x`
  if (groups.space !== undefined)
    return (
      /(?<![\w-])--?$/.test(before) ||
      (quote === "`" && kind !== "pass") ||
      (/\t/.test(groups.space) && /^\S*\d/.test(text.slice(SEPARATOR.lastIndex, SEPARATOR.lastIndex + 64))) ||
      declares(text, nameStart)
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

/** Before "pass" alone: whose password it is. Other passes are runs, verdicts and verbs. */
const PASS_OF =
  /(?:smtp|e?mail|db|database|user|root|admin|my|mysql|sql|pg|postgres|redis|rabbitmq|mq|amqp|mongo|ftp|sftp|ssh|http|https|basic|auth|proxy|sudo|login|wifi|ldap|bind|app|api|account|svc|service|default|key|store|keystore|cert|client|server|host|imap|pop3?|irc|vpn|web|wp|ssl|p12|pfx|jwt|test|guest|owner|remote|backup|dev|prod|stage|staging|bot|oracle|mssql|sa|ora|es|elastic|kafka|nats|mqtt|broker|cache|registry|docker|git|npm|nexus)s?[._-]?$/i;

function isSecretsName(
  text: string,
  name: { start: number; end: number },
  at: number,
  word: string,
  kind: Kind,
  length: number,
): boolean {
  const tail = text.slice(at + length, name.end);
  const head = text.slice(Math.max(name.start, at - MAX_NAME_CHARS), at);
  if (!isAsciiWord(word))
    return !/^[\p{L}\p{M}]/u.test(text.slice(at + length, at + length + 2)) || word.length < 3 || isCjk(word);
  if (kind === "session") return true;
  if (tail !== "" && !TAIL.test(tail)) return false;
  // "API key: …" is written with a space.
  const before = wordBefore(head === "" ? text.slice(Math.max(0, at - 16), at) : head);
  if (NO_SECRET.has(before)) return false;
  if (word === "_pat" || word === "-pat") return tail === "";
  if (kind === "pass") return isPassName(text, name.start, head, tail, at);
  if (word === "auth") return tail === "" && (/[_-]$/.test(head) || /[?&]$/.test(text.charAt(at - 1)));
  if (kind === "key") return SECRET_KEY.has(before) || SECRET_KEY_END.test(before);
  return true;
}

const isCjk = (word: string) => /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}]/u.test(word);

/** smtp_pass, MAIL_PASS, mailPass, "pass", pass=; not: bypass, compass, PASS: …, --pass: #fff, first_pass. */
function isPassName(text: string, start: number, head: string, tail: string, at: number): boolean {
  if (!/^\d?$/.test(tail)) return false;
  const around = text.slice(Math.max(0, start - 2), start);
  if (head === "") {
    const next = text.charAt(at + 4 + tail.length);
    return (
      next === "=" ||
      /["'`]$/.test(around) ||
      (/--?$/.test(around) && next !== ":") ||
      (next === ":" && text.charAt(at) === "p")
    );
  }
  return PASS_OF.test(head.replace(/([a-z])(?=[A-Z])/g, "$1_")) && (/[._-]$/.test(head) || text.charAt(at) === "P");
}

/** The last word of a name's beginning, in small letters. */
function wordBefore(head: string): string {
  let end = head.length;
  if (end > 0 && /[_. -]/.test(head.charAt(end - 1))) end--;
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

/** `ENV NAME value`, `setx NAME value`: a name in capitals with no more than a space behind it. */
function declares(text: string, nameStart: number): boolean {
  return /(?:^|\s)(?:ENV|ARG|setx|set|setenv|SetEnv|fastcgi_param|export|secrets?|put|add|config:set|variable set)\s+$/.test(
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

const BARE = /[^\s"'`,;|&<>(){}[\]]{1,1024}/y;
/** Outside of a query an ampersand is a password's, unless it stands where a value ends anyway, or the next name follows. */
const BARE_AMPERSAND =
  /[^\s"'`,;|&<>(){}[\]](?:[^\s"'`,;|&<>(){}[\]]|&(?![\s"'`,;|&<>(){}[\]]|[\w.%-]{1,64}[=;]|$)){0,1023}/y;
const BARE_SETTING = /[^\s"'`|<>]{1,1024}/y;
/** All of a line's rest, if there is no blank in it. */
const BARE_LINE = /[^\s"'`]\S{0,1023}(?=[ \t]{0,24}(?:\r?\n|$|[ \t]#))/y;
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
    const line = matchEnd(BARE_LINE, text, start);
    const next = /[&;]([A-Za-z_][\w.]{2,30})=/.exec(line ?? "")?.[1];
    if (line !== undefined && !/\\[nrt"']/.test(line) && !(next && isWords(next)) && !isCode(line)) {
      const value = isShell ? line : line.replace(/(?:[;,]|\.(?=$))$/, "");
      if (!/[([{]$/.test(value) || !isWords(value.slice(0, -1))) return start + value.length;
    }
  }
  const bare = isQuery ? BARE : BARE_AMPERSAND;
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

function matchEnd(form: RegExp, text: string, start: number): string | undefined {
  form.lastIndex = start;
  return form.exec(text)?.[0];
}

/** The shortest of each kind, in characters. */
const MIN_KEY_CHARS = 16;
const MIN_MIXED_CHARS = 10;
const SEED_WORDS = /^(?:[a-z]{3,8}[ ,]{1,2}){11,23}[a-z]{3,8}$/;

/** Of a longer one, so much is judged. */
const MAX_JUDGED_CHARS = 200;
/** In a setting, and elsewhere. */
const MIN_CHANCE_CHARS = { settings: 8, code: 12 };
const MIN_CHANCE_BITS = 2;

function isSecret(value: string, kind: Kind, among: "code" | "settings"): boolean {
  if (value.includes("[redacted:")) return false;
  if (kind === "phrase") return SEED_WORDS.test(value.trim());
  if (kind === "session") return looksRandom(value, MIN_KEY_CHARS) && !/^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(value);
  if (isMadeByChance(value, MIN_CHANCE_CHARS[among])) return true;
  switch (kind) {
    case "password":
    case "pass":
      return isPassword(value, among);
    case "secret":
      return (
        isMixed(value) ||
        (among === "settings" &&
          value.length >= 8 &&
          /\d/.test(value) &&
          !/^\d+$/.test(value) &&
          looksChosen(value, "settings"))
      );
    case "key":
      return isMixed(value);
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
  if (isQuery && /^(?:\w{0,20}[_-])?(?:session|sid|sess|sessionid|session_?token)$/i.test(name)) return true;
  if (COOKIE_NAMES.test(name) && (after === "=" || groups.pair !== undefined)) return true;
  const before = text.slice(Math.max(0, nameStart - COOKIE_REACH_CHARS), nameStart);
  return /cookie|curl [^\n]{0,200}-b ?["']?[^"'\n]{0,200}$/i.test(before.slice(before.lastIndexOf("\n") + 1));
}
