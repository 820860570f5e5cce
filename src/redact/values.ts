/**
 * What a value looks like: a secret, or something that merely stands where one could. The formats of services are known by
 * their form (rules.ts); here is the judgement on all that has none.
 */

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
  /[$%#]\{|\{\{|\}\}|\$\(|<%|^\$\w|^%\w+%$|^\{\w*\}$/, // ${TOKEN}, {{ token }}, $(cmd), $TOKEN, %TOKEN%, {token}
  /^@\w+$|^:\w+$|^![A-Za-z]/, // @token, :token, !vault
  /^<.*>$|^\[.*\]$|^&lt;/, // <your-token>, [token]
  /^(?:process\.env|import\.meta|ENV\b|(?:os|env|secrets|vars?|local|data|module|self|this|config|settings)\.)/,
  /\[redacted|redacted\]|\*{3}|\u2022{3}|\u2026|\.{3}/i,
  /x{5}|^x+$|(?:^|[\W_])x{3,}(?:[\W_]|$)|0{8}|(\w)\1{6}/i,
  /^(?:0x)?(?:0?1234567|abcdef|abc123|12345)/i,
  new RegExp(`^${anyOf(WHOLE_WORDS)}\\d{0,3}!?$`, "i"),
  new RegExp(`(?:^|[\\W_])${anyOf(PART_WORDS)}(?:[\\W_]|\\d{0,3}$)`, "i"),
  new RegExp(anyOf(INNER_WORDS), "i"),
];

/** Longer ones are no placeholder, whatever is in them. */
const MAX_JUDGED_CHARS = 512;

/** Whether it merely stands for a secret: `<your-token>`, `changeme`, `${TOKEN}`, `***`, or a placeholder of ours. */
export function standsForValue(value: string): boolean {
  if (value.length > MAX_JUDGED_CHARS) return false;
  return STANDS_FOR.some((form) => form.test(value));
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

/** A key or token with no form of its own: long enough, with letters and digits mixed as chance does it, and no words. */
export function looksRandom(value: string, minChars = 16): boolean {
  if (value.length < minChars || !/^[\w+/.~:%$!@#^&*-]+={0,3}$/.test(value)) return false;
  if (!/\d/.test(value) && !mixesCases(value)) return false;
  if (!/[a-z]/i.test(value) || standsForValue(value) || isNaming(value)) return false;
  return entropyBits(value.slice(0, MAX_JUDGED_CHARS)) >= RANDOM_BITS;
}

/** Small and capital letters alternate as no camel case does. */
function mixesCases(value: string): boolean {
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

/** Nobody types more. */
const MAX_CHOSEN_CHARS = 200;

/** A password that a person or a generator chose: not a word of schemas, not a name of something, not code. */
export function looksChosen(value: string, among: "code" | "settings"): boolean {
  if (
    value.length < 6 ||
    value.length > MAX_CHOSEN_CHARS ||
    standsForValue(value) ||
    WORDS.has(value.toLowerCase().replace(/\W+$/, ""))
  )
    return false;
  if (/^[\w$.]+\(|\(\)|=>|\?\.|\s|^[./~]+\/|^[a-z]:[/\\]|^[a-z]+:\/\//i.test(value)) return false;
  if (/^\d+$/.test(value)) return among === "settings" && value.length >= 8;
  if (/^\p{L}+$/u.test(value)) return mixesCases(value) || (among === "settings" && value.length >= 8);
  // What has digits or signs in it is a password as a rule, unless it names something: user_password, auth.token, app-secret-v2.
  return !isNaming(value) || (among === "settings" && /[^\w.:/-]/.test(value));
}

/** One word of a name: letters, then at most two digits or a version. */
const WORD = /^(?:\d?[a-z]{2,20}\d{0,2}|[a-z]|\d{1,4}|v\d+|i18n|k8s|s3|ec2|sha\d+|md5|base64|utf8|oauth2|http2)$/i;
const MAX_NAME_CHARS = 80;

/** Whether it is a name rather than a value: words in snake, kebab or camel case, dotted or as a path. */
export function isNaming(value: string): boolean {
  if (value.length > MAX_NAME_CHARS || !/^[\w$@/.][\w$.:/@-]*$/.test(value)) return false;
  const words = value
    .replace(/([a-z0-9])(?=[A-Z])/g, "$1 ")
    .split(/[\s_$.:/@-]+/)
    .filter(Boolean);
  if (words.length === 0 || !words.every((word) => WORD.test(word) && pronounceable(word))) return false;
  // Chance makes short pieces, people make words.
  return value.length / words.length >= 3;
}

/** Has a vowel where a word of its length would. */
function pronounceable(word: string): boolean {
  const letters = word.replace(/\d/g, "");
  if (letters.length <= 3) return true;
  return (
    /[aeiouy]/i.test(letters) &&
    /^(?:[A-Z]?[a-z]+|[A-Z]+)$/.test(letters) &&
    !/[bcdfghjklmnpqrstvwxz]{6}|[aeiou]{4}/i.test(letters)
  );
}
