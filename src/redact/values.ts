/**
 * What a value looks like: a secret, or something that merely stands where one could. The formats of services are known by
 * their form (rules.ts); here is the judgement on all that has none.
 */
import { isOfWordsAlone, isPassphrase } from "./passphrases.ts";
import { isWords, WORDS_BITS, wordBits } from "./words.ts";

/** Words that are somebody's whole password only in examples. */
const WHOLE_WORDS =
  "123456789 987654321 password passw0rd pass passwd pwd secret token key apikey test testing user root admin none null " +
  "nil true false undefined yes no";

/** Words that say, between others, that a value is still to come: your-token, insert_key_here. */
const PART_WORDS =
  "your my our some insert enter replace put fill paste choose change dummy fake sample example placeholder mock stub " +
  "foo bar foobar todo fixme tbd here lorem invalid redacted removed hidden masked censored fixture";

/** The same, where nothing sets them apart. */
const INNER_WORDS =
  "change[-_]?me change[-_]?it replaceme placeholder yourpass yourtoken yoursecret yourkey yourapi mysecret mypass " +
  "mytoken example";

const anyOf = (words: string) => `(?:${words.replaceAll(" ", "|")})`;

/** What stands for a value in documentation, templates and code. */
const STANDS_FOR = [
  /^\W*$/, // ***, ..., ------
  // ${TOKEN}, {{ token }}, $(cmd), <% token %>, %{token}, {token}, %TOKEN%
  /[$#%]\{[A-Za-z_]\w{2,}|[$#%]\{[\w.]+\}|\{\{-? ?[\w.$"'(]{2,}.*\}\}|\{\{ |\$\([^()]*\)|\$\([a-z]+ |^\$\([\w./-]*$|<%[-= ]?\w{2,}.*%>|^\{[\w.!:]*\}$|\{[a-z_]{3,}\}|^\$[a-z_]{1,16}-?$|^%[A-Za-z_]+%$/i,
  /^(?:pk_(?:live|test)_|arn:aws|ENC[[(]|\$ANSIBLE_VAULT)/, // public, or of no use to anybody else
  /^<.*>$|^\[[^\]]*\]$|^&lt;/, // <your-token>, [token]
  /^(?:process\.env|import\.meta|ENV\b|(?:os|env|secrets|vars?|local|data|module|self|this|config|settings)\.)/,
  /\[redacted|redacted\]|\*{4}|^\*{3}|\*{3}$|\u2022{3}|\u2026|\.{3}/i,
  /x{5}|^x+$|(?:^|[\W_])x{3,}(?:[\W_]|$)/i,
  // One sign again and again; but numbers in base64 begin with zeros.
  /^(?!A{9}).{0,24}?(\w)\1{6}/i,
  /^(?:0x)?(?:0?1234567|abcdef|abc123|12345)/i,
  new RegExp(`^${anyOf(WHOLE_WORDS)}\\d{0,3}!?$`, "i"),
  new RegExp(`(?:^|[-_.:/ ])${anyOf(PART_WORDS)}(?:[-_.:/ ]|\\d{0,3}$)`, "i"),
  new RegExp(anyOf(INNER_WORDS), "i"),
];

/** Names of what is elsewhere: they are references if what they are made of is words. */
const REFERENCE = /^(?:\$\w+|@[\w.-]+|:\w+(?::\w*)*|![A-Za-z]\w*(?: .*)?|[*&][\w-]+)$/;

/** Longer ones are no placeholder, whatever is in them. */
const MAX_JUDGED_CHARS = 512;

/** Whether it merely stands for a secret: `<your-token>`, `changeme`, `${TOKEN}`, `***`, or a placeholder of ours. */
export function standsForValue(value: string): boolean {
  if (value.length > MAX_JUDGED_CHARS) return false;
  return (
    STANDS_FOR.some((form) => form.test(value)) || (REFERENCE.test(value) && isWords(value) && !/\d{2}\W*$/.test(value))
  );
}

/** Shannon's, in bits a character, over the characters' own frequencies. */
export function entropyBits(value: string): number {
  const counts = new Map<string, number>();
  for (const char of value) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length);
  return bits;
}

/** Below this many bits a character, what has 16 characters or more was not drawn at random: hex of 16 has 3 as a rule. */
const RANDOM_BITS = 2.7;

/** A key or token with no form of its own: long enough, drawn by chance, of letters and mostly digits too, and no words. */
export function looksRandom(value: string, minChars = 16): boolean {
  if (value.length < minChars || !/^[\w+/.~:%$!@#^&*-]+={0,3}$/.test(value)) return false;
  if (!/\d/.test(value) && !mixesCases(value)) return false;
  if (!/[a-z]/i.test(value) || standsForValue(value) || isNaming(value) || isWords(value)) return false;
  return entropyBits(value.slice(0, MAX_JUDGED_CHARS)) >= RANDOM_BITS;
}

/** Code in which a value is computed: a call, a subscript, a type, or operators among words. */
export function isCode(value: string): boolean {
  const named = /^([A-Za-z_$][\w.$]*)(?:[([<].*[)\]>])?[([<].*[)\]>]$|^([A-Za-z_$][\w.$]*)[([]$/.exec(value);
  if (named !== null) {
    const head = named[1] ?? named[2] ?? "";
    return /^[a-z_]\w*\.[a-z]\w*$/i.test(head) || isWords(head);
  }
  return /[\w\])][([][^\s]*[)\]]|=>|&&|\|\||::|->|\?\./.test(value) && isOfWords(value);
}

/** Whether most of its letters are of words of four and more, and these are likely. */
function isOfWords(value: string): boolean {
  const pieces = value.match(/[A-Za-z]+/g) ?? [];
  const words = pieces.filter((piece) => piece.length >= 4);
  const letters = pieces.join("").length;
  return words.length > 0 && words.join("").length >= letters * 0.6 && wordBits(words.join(" ")) > words.length;
}

/** A hash or an id as well as a key: hex of the usual lengths, or a UUID. */
export function isDigest(value: string): boolean {
  return /^(?:0x)?(?:[0-9a-f]{28,128}|[0-9A-F]{28,128})$|^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value);
}

/** Groups of letters and digits, as codes for recovery and keys of products are: no word, no year. */
export function isGroups(value: string): boolean {
  if (value.length < 8 || value.length > 120 || isDigest(value))
    return value.length >= 16 && /^[0-9a-f]+$/i.test(value);
  if (/^(?=.*\d)(?:[a-z2-7]{4} ){3,15}[a-z2-7]{4}$/i.test(value)) return true;
  if (
    /^(?=.*\d)(?=.*[A-Za-z])([A-Za-z0-9]{4,6})(?:-[A-Za-z0-9]{4,6}){2,7}$/.test(value) &&
    new Set(value.split("-").map((group) => group.length)).size === 1
  )
    return !standsForValue(value);
  if (/^\d{4} \d{4}$|^\d{3} \d{3}$|^\d{8,10}$/.test(value)) return true;
  if (/^\d{4}-\d\d-\d\d$|^\d{3}-\d{3,4}-\d{4}$/.test(value)) return false;
  if (/^(?:\d{4,6}-){2,}\d{4,6}$/.test(value)) return true;
  return (
    /^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*$/.test(value) &&
    /\d/.test(value) &&
    /[A-Za-z]/.test(value) &&
    !isNaming(value) &&
    !standsForValue(value)
  );
}

/** A pattern for values, which is none. */
export function isPattern(value: string): boolean {
  return PATTERN.test(value);
}

const PATTERN =
  /\(\?[:<!=]|\[\^?[^\]\s]{0,60}(?:a-z|A-Z|0-9|a-f|A-F|\\[wsd])[^\]]{0,60}\]|\[\^[^\]\s]{1,6}\][*+{]|\\[sdwSDWb](?:[*+{\\[(]|$)|\)\?["']|\\\(.*\\\)|\\\||\.[*+]\?\)|[\])]\{\d{1,4},\d{0,4}\}/;

const HOST_LABELS = "(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.){1,8}";
/** Data that is no secret wherever it stands. */
const PLAIN = [
  /^[+-]?[\d.,_]+(?:e[+-]?\d+)?\s?(?:%|[kmgt]i?b?|[mun]?s|min|h|d|w|y|px|em|rem|hz|[km]?bps|m)?$/i, // numbers, with units
  /^v?\d+(?:\.\d+){1,3}(?:[-+.][\w.+-]{1,40})?$|^[~^<>=]{1,2}v?\d[\w.-]*$/, // versions, IPv4
  /^\d{4}-\d\d-\d\d(?:[T ]?\d\d:?\d\d(?::?\d\d)?(?:[.,]\d{1,9})?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?$|^\d\d?:\d\d(?::\d\d)?/i,
  /^\d\d?[./]\d\d?[./]\d{4}$/,
  /^#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$|^(?:rgb|hsl)a?\(/i,
  /^0x[0-9a-f]{1,8}$/i,
  /^[YyMDdHhmsSZaAE]{1,6}(?:[-/.:, T]{1,3}[YyMDdHhmsSZaAE]{1,6})+$/, // formats of dates
  /^[a-z]{2,3}[-_][a-z]{2}(?:[-_.@][\w.-]+)?$/i, // de_DE.UTF-8
  /^[\w.+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}$/i,
  new RegExp(
    `^(?:${HOST_LABELS}(?:[a-z]{2,24}|[A-Z]{2,24})|localhost|(?:\\d{1,3}\\.){3}\\d{1,3})(?::\\d{1,5})?(?:/[\\w./-]*)?$`,
  ),
  /^\[?(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}\]?(?:\/\d{1,3})?$|^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i, // IPv6, MAC
  /^(?:[\w-]+[/\\])*[\w.-]+\.(?:js|ts|mjs|json|ya?ml|toml|md|txt|pem|crt|key|env|sh|py|go|rb|php|java|sql|db|sqlite3?|log|csv|xml|html|conf|cfg|ini|png|jpe?g|svg|pdf|zip|gz|pub)$/i,
  /^(?!.*:\/\/[^/\s]*:[^/\s]*@)[a-z][a-z0-9+.-]{1,20}:\/\/[\w./:@*[\]?&=,#%~+!;$()'-]*$/i, // addresses without credentials
  /^(?:sha\d{1,3}|md5)[:-]/i, // digests, fingerprints
];

const PATH = /^(?:~|\.{1,2})?\/[\w.@~+-]*(?:\/[\w.@~+-]*)*$|^[a-z]:[/\\][\w\\/. -]*$/i;

/** `--option`, `--option=value`, `NAME=value`: what is a name in it is words. */
function isNamed(value: string): boolean {
  const name = /^--?([a-z][a-z-]+)(?:=|$)|^-[A-Z][a-z]+=|^([A-Z]+(?:_[A-Z0-9]+)+|[A-Z]{5,})=/.exec(value);
  return name !== null && isWords(name[1] ?? name[2] ?? "name");
}

const ROOT =
  /^\/(?:usr|var|etc|opt|home|srv|run|tmp|mnt|app|data|root|dev|proc|sys|lib|bin|Users|Volumes|workspace|src|code|secrets|config|certs?|keys?)\//;

/** Whether its form says that it is a number, date, colour, version, host, path, address, option or digest. */
export function isPlain(value: string): boolean {
  return (
    PLAIN.some((form) => form.test(value)) ||
    (PATH.test(value) && (isWords(value) || ROOT.test(value))) ||
    isNamed(value)
  );
}

/** Small and capital letters alternate as no camel case does. */
export function mixesCases(value: string): boolean {
  const changes = value.match(/[a-z](?=[A-Z])/g)?.length ?? 0;
  return changes >= 3 && changes >= value.length / 9;
}

/** Values that stand behind such a name in schemas, forms and code. */
const WORDS = new Set(
  (
    "string number boolean integer text required optional hidden default undefined password passphrase username " +
    "contraseña kennwort passwort geheimnis " +
    "postgres postgresql mysql mariadb redis rabbitmq guest minio minioadmin elastic docker development production staging " +
    "disabled enabled private public internal external bearer basic cookie session header query opaque encrypted " +
    "incorrect expired missing unknown mismatch confirm confirmation forgotten function promise object buffer array"
  ).split(" "),
);

/** Where a URL or a command has a password, what stands for one in examples. */
export const NOT_A_PASSWORD =
  /(?:^|:)anoncvs$|^user@|^(?:pass(?:word|wd)?|pwd|pw|secret|token|postgres|root|admin|user|guest|test|x-oauth-basic|\w{1,3}|\d{1,5}|port)$/i;

/** Nobody types more. */
const MAX_CHOSEN_CHARS = 200;

/** A password that a person or a generator chose: not a word of schemas, not a name of something, not code. */
export function looksChosen(value: string, among: "code" | "settings"): boolean {
  if (value.length < 6 || value.length > MAX_CHOSEN_CHARS || /[\s\p{Cc}]/u.test(value)) return false;
  if (standsForValue(value) || WORDS.has(value.toLowerCase().replace(/\W+$/, "")) || isCode(value)) return false;
  if (/^\d+$/.test(value)) return among === "settings" && value.length >= 8;
  if (isPlain(value) || isPattern(value) || /^[\w$.]+\($|\(\)/.test(value)) return false;
  if (/^\p{L}+$/u.test(value)) return isChosenOfLetters(value, among);
  // What has digits or signs in it is a password as a rule, unless it names something: user_password, auth.token, app-secret-v2.
  if (!isNaming(value) || isPassphrase(value)) return true;
  return among === "settings" && (/[^\w.:/-]/.test(value) || isOfWordsAlone(value));
}

function isChosenOfLetters(value: string, among: "code" | "settings"): boolean {
  if (among === "code") return mixesCases(value) && !isWords(value);
  return value.length >= 8 && !(isWords(value) && /[a-z][A-Z]/.test(value));
}

/** One word of a name: letters, then at most two digits or a version. */
const WORD = /^(?:\d?[a-z]{2,20}\d{0,2}|[a-z]|\d{1,4}|v\d+|i18n|k8s|s3|ec2|sha\d+|md5|base64|utf8|oauth2|http2)$/i;
const MAX_NAME_CHARS = 80;
/** With digits and without a separator, a longer one is no name unless most of it is words. */
const MIN_JUDGED_NAME_CHARS = 10;

/** Whether it is a name rather than a value: words in snake, kebab or camel case, dotted or as a path. */
export function isNaming(value: string): boolean {
  if (value.length > MAX_NAME_CHARS || !/^[\w$@/.][\w$.:/@-]*(?<!@|[_@.-]{2}\d{1,4})$/.test(value)) return false;
  const words = value
    .replace(/([a-z0-9])(?=[A-Z])/g, "$1 ")
    .split(/[\s_$.:/@-]+/)
    .filter(Boolean);
  if (words.length === 0 || !words.every((word) => WORD.test(word) && isWord(word))) return false;
  // Chance makes short pieces, people make words.
  if (value.length / words.length < 3) return false;
  if (value.length < MIN_JUDGED_NAME_CHARS || !/^[A-Za-z0-9]*$/.test(value) || !/\d/.test(value)) return true;
  const letters = words.map((word) => word.replace(/\d/g, "").length);
  const sum = (counts: readonly number[]) => counts.reduce((all, one) => all + one, 0);
  return sum(letters.filter((count) => count >= 4)) * 2 >= sum(letters);
}

function isWord(word: string): boolean {
  const letters = word.replace(/\d/g, "");
  if (letters.length <= 3) return true;
  return (
    /^(?:[A-Z]?[a-z]+|[A-Z]+)$/.test(letters) &&
    /[aeiouy]/i.test(letters) &&
    wordBits(letters.toLowerCase()) > WORDS_BITS
  );
}
