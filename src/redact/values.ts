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
  // ${TOKEN}, {{ token }}, $(cmd), <% token %>, %{token}, {token}, %TOKEN%
  /[$#%]\{[A-Za-z_]\w{2,}|[$#%]\{[\w.]+\}|\{\{-? ?[\w.$"'(]{2,}.*\}\}|\{\{ |\$\([^()]*\)|\$\([a-z]+ |<%[-= ]?\w{2,}.*%>|^\{[\w.!:]*\}$|\{[a-z_]{3,}\}|^\$[a-z_]{1,16}-?$|^%[A-Za-z_]+%$/i,
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

/**
 * How likely a letter follows another in words and names, beside mere chance: log2 of the ratio, as "a" for -5.5, "b" for -5
 * and so on. A row for each first letter, by the square roots of the counts of words in other people's code and texts.
 */
const FOLLOWS = (
  "flnmghkdlciomoalaonpjiggic oijjphddokcphhniammhobackd ofjgofbolanmfdqgaliolebaha nhhlqihfqdbkfgngakmhlfdcha " +
  "mhmokkiehfemlogkhpomfjhlhb ohhioncdqaamefpfamklmacaka mdgfqgkmocbljnmhaonimfeahg qcefqccbpaehihpdamilmbcaia " +
  "kkmllklbcafmlqnkbknockaibj pcgeqdcinegfabpfafqeohiada nggiqiijpeelfkljdhojjcjaja ogglqidcpbeoffohadlklgcama " +
  "qkdgqecaoafilenoadkgldaaha ndnoojpemdihfjmgbfopjidahc ijmnfijdidimnqkmaplmmklfed pcghpfejmaeneeomapknlddaja " +
  "gffgecaaicaigifccgjgqceaaa ogjkqgjcoaijkkohalnmjheaka ldleqgemoaijhgmmdfnqmcgaja ocjgqhcnqaajgfnhaomlkcgalc " +
  "kmkjmjkalaenmphmaooodcadcc qdfaqeccpabfgfmeaeiegafada qegipffopacjenoebnmgfbdcca mgnhoiegoaajiejqagkqgebgja " +
  "mjkinihfmeclmnmqakonhgjcfh odffqfakpaejgfogagffhcebjj"
).split(" ");
const FIRST_CODE = 97;
const LEAST_BITS = -5.5;

/** What each kind of neighbours tells, in bits: words in names are joined in few ways, and chance joins in all. */
const NEW_WORD_BITS = -2; // camelCase
const CAPITALS_BITS = -1.2; // beside each other, in a value that has small letters too
const SMALL_BITS = 0.5;
const TO_DIGIT_BITS = -2;
const FROM_DIGIT_BITS = -3;
const MANY_DIGITS_BITS = -2; // for each after the fourth
const SEPARATOR_BITS = 1;
const SIGN_BITS = -3;
/** Of random values of twelve characters one in two hundred has as much, of names and identifiers 98 in a hundred. */
const WORDS_BITS = -3;

/** Numbers that belong to a word. */
const NUMBERED = /(base|utf|sha|md|aes|oauth|http|ipv|int|uint|float|ed|curve|secp|rs|es|hs)[-_]?\d{1,5}/gi;

/** Whether it is words of a language or names of things, rather than what chance makes: which of the two explains it better. */
export function isWords(value: string): boolean {
  const bare = value.slice(0, MAX_JUDGED_CHARS).replace(/^[?!$@%#]|[?!:]$/g, "");
  return wordBits(bare.replace(NUMBERED, "$1")) > WORDS_BITS;
}

function wordBits(value: string): number {
  const isMixed = /[a-z]/.test(value) && /[A-Z]/.test(value);
  let bits = 0;
  let digits = 0;
  let before = "";
  let last: ReturnType<typeof classOf> = "separator";
  for (const char of value) {
    const is = classOf(char);
    const wasLetter = last === "small" || last === "capital";
    digits = is === "digit" ? digits + 1 : 0;
    if (is === "small" || is === "capital") {
      if (last === "small" && is === "capital") bits += NEW_WORD_BITS;
      else if (wasLetter) {
        bits += followBits(before, char);
        if (isMixed) bits += last === "capital" && is === "capital" ? CAPITALS_BITS : SMALL_BITS;
      } else if (last === "digit") bits += FROM_DIGIT_BITS;
      else if (last === "sign") bits -= 1;
    } else if (is === "digit") {
      if (wasLetter) bits += TO_DIGIT_BITS;
      else if (digits > 4) bits += MANY_DIGITS_BITS;
    } else if (is === "separator") bits += wasLetter || last === "digit" ? SEPARATOR_BITS : -SEPARATOR_BITS;
    else if (is === "sign") bits += SIGN_BITS;
    before = char;
    last = is;
  }
  return bits;
}

function classOf(char: string): "small" | "capital" | "digit" | "separator" | "sign" | "other" {
  const code = char.charCodeAt(0);
  if (code >= 97 && code <= 122) return "small";
  if (code >= 65 && code <= 90) return "capital";
  if (code >= 48 && code <= 57) return "digit";
  if (code > 127) return "other"; // letters of other scripts are not drawn by chance
  return "_-./:@ ".includes(char) ? "separator" : "sign";
}

function followBits(first: string, second: string): number {
  const row = FOLLOWS[first.toLowerCase().charCodeAt(0) - FIRST_CODE] ?? "";
  const step = row.charCodeAt(second.toLowerCase().charCodeAt(0) - FIRST_CODE) - FIRST_CODE;
  return step / 2 + LEAST_BITS;
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

/** How people make passwords of words, and names are seldom written. Signs at its edges are left aside. */
const PASSPHRASES = [
  /^(?=.*\p{Lu})(?=.*\p{Ll}{2})(?:\p{L}{3,}[-_.+]){1,5}\p{L}{2,}[-_.+=]?\d{1,6}$/u, // Maple-Otter-42
  /^\d{2,4}[-_.]?(?:\p{Lu}\p{Ll}{2,}[-_.]?){2,5}$/u, // 42Maple_Otter
  /^(?:\p{Lu}\p{Ll}{3,}|\p{Ll}{3,}(?=\p{Lu}))(?:\p{Lu}\p{Ll}{3,}){1,3}[-_.]?\d{2,4}$/u, // MapleOtter42
  /^\p{Lu}\p{Ll}{1,}(?:\p{Lu}\p{Ll}+){2,4}\d{1,4}$/u, // MyOtterIsMaple3
  /^\p{Lu}\p{Ll}{2,}[-_.]\d{3,8}$|^\p{Lu}\p{Ll}{3,}\d{4}$/u, // Maple_1987, Maple1987
  /^(?:\p{Ll}{4,}[-_. ]){2,}(?:\p{Ll}{4,}[-_. ]?)?\d{2,3}$/u, // maple-otter-harbor-42
  /^\p{Ll}{2}\d{2}\p{Lu}\p{Ll}{4,}$/u, // mq42Otter
];
/** With a sign before or behind it, or right behind "the password is", also these. */
const SIGNED_PASSPHRASES = [
  ...PASSPHRASES,
  /^\p{L}{4,}[-_.]?\d{2,4}$/u, // otter42!
  /^(?:\p{L}{3,}[-_.])+\p{L}{3,}[-_.]?\d{2,4}$|^(?=.*\p{Lu})(?:\p{L}{3,}[-_])+\p{L}{3,}\d$/u, // maple.otter42
  /^\p{L}{3,}\d{2,4}\p{L}{3,}$/u, // Otter42Maple
  /^(?:\p{Ll}{2})?\d{2,4}\p{Lu}\p{Ll}{3,}$/u, // 42Otter!, mq42Elch
  /^\p{Lu}\p{Ll}{3,}[-_.@]{2}\d{1,4}$/u, // Maple__6
  /^(?:\p{Lu}\p{Ll}{3,}){2}\d$/u, // MapleOtter6
  /^(?=.*\p{L}.*\d.*\p{L}.*\d|.*\d\p{Ll}{2,}\d)[\p{L}\d]{6,}$/u, // w1nter522
];
/** Of words alone, where a password is said to stand. */
const WORDS_ONLY = /^(?:\p{Ll}{3,}[-_ ]){4,}\p{Ll}{3,}$/u;
/** Three of them, if they are none that names and sentences are made of. */
const FEW_WORDS = /^(?:\p{Ll}{4,}[-_]){2,3}\p{Ll}{4,}$/u;
const NAMING_WORDS =
  /(?:^|[-_])(?:pass\w*|secrets?|tokens?|keys?|user\w*|admin\w*|names?|fields?|inputs?|forms?|reset|hash\w*|auth\w*|login|logins?|config\w*|values?|strings?|case|sensitive|required|based|encoded|encrypted|protected|generated|only|free|then|that|this|with|from|into|your|when|must|code|database|postgres\w*|mysql|redis|mongo\w*|docker|cluster|service|server|client|account|credential\w*|manager|store|vault|data|file|path|type|test|tests|testing|local|prod\w*|staging|master|root|default|example|change|update|forgot|confirm\w*|valid\w*|check|strength|policy|length|minimum|maximum|system|application|project|session|cookie|header|request|response|error|access|refresh|private|public|read|write|plain|text|basic|shared|common|super|random|strong|weak|temp\w*|none|null|true|false|button|label|dialog|page|view|screen|modal|icon|prompt|visible|hidden|toggle|show|hide|current|previous|first|last|email|mail|phone|number|grant|flow|rule|provider|github|gitlab|google|azure|amazon|helper|util\w*|module|plugin|package|version|build|deploy\w*|source|target|world|hello|sample|dummy|some|other|multi|word|words|time|long|term|well|known|self|hosted|built|open|end)(?=$|[-_])/;
const isFewWords = (value: string) =>
  FEW_WORDS.test(value) && !NAMING_WORDS.test(value) && value.length >= 16 && !standsForValue(value);

/** Digits and signs that stand for letters within words: W1nt3r is Winter. */
const LEET: Readonly<Record<string, string>> = { 0: "o", 1: "i", 3: "e", 4: "a", 5: "s", 7: "t", "@": "a", $: "s" };
/** Of words that were written so, which have had their digits. */
const LEET_PASSPHRASE = /^(?:\p{Lu}\p{Ll}+){3,}$/u;
const asWords = (value: string) =>
  value.replace(/(?<=\p{L})[013457@$]+(?=\p{L}|[-_.+]\p{L}|[-_.+]\d)|(?<=^|[-_.+])[013457@$](?=\p{Ll}{2})/gu, (signs) =>
    [...signs].map((sign) => LEET[sign] ?? sign).join(""),
  );

/** Signs that stand before and behind it. */
const inner = (value: string) => value.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");

function isPassphrase(value: string, forms = PASSPHRASES): boolean {
  const bare = inner(value);
  const words = asWords(bare);
  return forms.some((form) => form.test(bare) || (words !== bare && (form.test(words) || LEET_PASSPHRASE.test(words))));
}

const SIGNS = /[!@#$%^&*+?~]/;
/** Small and capital letters, and within them a sign that joins no names. */
const SIGNED_LETTERS = /^(?=.*[a-z].*[A-Z]|.*[A-Z].*[a-z])[A-Za-z]+[!@#$%^*+~][A-Za-z!@#$%^*+~]+$/;
const EDGE_SIGN = /^[!#$%^&*+?~_]|[!#$%^&*+?~_]$/;

/**
 * A password in a sentence: of letters and digits, and with a sign or words and a number as no name is written. `said` is what
 * stands right behind "the password is": there, what is neither words nor a name is one too.
 */
export function isTyped(value: string, how: "said" | "near"): boolean {
  if (value.length < 8 || value.length > 64) return false;
  // Of routers, in groups or not.
  if (/^\d{10,20}$/.test(value)) return how === "said" && !standsForValue(value);
  if (!/\p{L}/u.test(value) || ALGORITHM.test(value)) return false;
  if (how === "said" && WORDS_ONLY.test(value)) return !standsForValue(value);
  if (how === "said" && isFewWords(value)) return true;
  // An abbreviated commit; of a generator's, twelve digits are the least.
  if (/^[0-9a-f]+$/i.test(value) && (how === "near" || value.length < 12)) return false;
  if (!/\d/.test(value))
    return (
      how === "said" &&
      !isWords(value) &&
      !isNaming(value) &&
      ((value.length >= 12 && /^[\w.-]+$/.test(value) && mixesCases(value)) || SIGNED_LETTERS.test(value))
    );
  const bare = value.replace(/[!?.,]+$/, "");
  if (standsForValue(value) || isPlain(bare) || isPattern(value) || isCode(value)) return false;
  if (NO_TYPED.test(bare) || NO_TYPED_NAME.test(value.replace(/[.,?]+$/, ""))) return false;
  if (isPassphrase(value)) return true;
  if ((SIGNS.test(bare) || /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d).*=/.test(bare)) && !/\/./.test(value)) return true;
  const isSigned = EDGE_SIGN.test(value);
  if ((isSigned || how === "said") && isPassphrase(value, SIGNED_PASSPHRASES))
    return how === "said" || !/[?]$/.test(value);
  if (how === "near") return value.length >= 10 && mixesCases(value) && !isNaming(value) && !isWords(value);
  return !isNaming(value) && !isWords(value);
}

/** `name=value`, `repository#12`, `ann@host`, `package@1.2.3`, options, paths, markup, addresses in memory, files. */
const NO_TYPED =
  /^(?:[\w.-]+\/[\w.-]+)?#\d+$|^\w*[a-z]\$\d(?:\.\w+)?$|a-z|A-Z0-9|&\w{2,8}(?:;|$)|pbkdf2|hmac-?sha|^-{1,2}[a-z]|^[~.]{0,2}\/|:\/\/|^[<>&]|^[#@](?!\p{Lu}\p{Ll}{3,}_\d{2,4}$)|^\d+(?:password|factor)|^0x[\da-f]+$|\.(?:js|ts|py|md|json|ya?ml|sh|txt|com|org|net|io|dev)\b|^(?:sha|md|utf|base|aes|rsa|argon)[-_]?\d|\.(?:sha|md|base|utf)\d+$/iu;
/** What is called so: PBKDF2-HMAC-SHA-256. */
export const ALGORITHM =
  /^\W?(?:RSA|HMAC|AES|SHA|PBKDF|ECDS?A|ECDH|HKDF|PKCS|TLS|DES|GCM|EAX|ED25519|X25519)[A-Z]*[-_\d]/i;
const NO_TYPED_NAME =
  /^@?[a-z\d._-]*(?:\/[\w.-]+)*@[\^~]?v?\d[\w.-]*$|^(?:[a-z][a-z_.-]{2,}|[A-Z][A-Z_]{2,})=|^[A-Z]+(?:_[A-Z0-9]+)+$|^[a-z0-9._-]+@[a-z0-9.-]+(?::\S*)?$|[A-Z]\w*\.[a-z]\w*\(/;

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
  if (
    value.length < 6 ||
    value.length > MAX_CHOSEN_CHARS ||
    /[\s\p{Cc}]/u.test(value) ||
    standsForValue(value) ||
    WORDS.has(value.toLowerCase().replace(/\W+$/, "")) ||
    isCode(value)
  )
    return false;
  if (/^\d+$/.test(value)) return among === "settings" && value.length >= 8;
  if (isPlain(value) || isPattern(value) || /^[\w$.]+\($|\(\)/.test(value)) return false;
  if (/^\p{L}+$/u.test(value)) {
    const isName = isWords(value) && /[a-z][A-Z]/.test(value);
    return among === "settings" ? value.length >= 8 && !isName : mixesCases(value) && !isWords(value);
  }
  // What has digits or signs in it is a password as a rule, unless it names something: user_password, auth.token, app-secret-v2.
  return (
    !isNaming(value) ||
    (among === "settings" && /[^\w.:/-]/.test(value)) ||
    isPassphrase(value) ||
    (among === "settings" && (WORDS_ONLY.test(value) || isFewWords(value)))
  );
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
