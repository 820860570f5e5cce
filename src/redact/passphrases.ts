/** Passwords that people make of words. */

/** How people make passwords of words, and names are seldom written. Signs at its edges are left aside. */
const PASSPHRASES = [
  /^(?=.*\p{Lu})(?=.*\p{Ll}{2})(?:\p{L}{3,}[-_.+]){1,5}\p{L}{2,}[-_.+=]?\d{1,6}$/u, // Maple-Otter-42
  /^\d{2,4}[-_.]?(?:\p{Lu}\p{Ll}{2,}[-_.]?){2,5}$/u, // 42Maple_Otter
  /^(?:\p{Lu}\p{Ll}{3,}|\p{Ll}{3,}(?=\p{Lu}))(?:\p{Lu}\p{Ll}{3,}){1,3}[-_.]?\d{2,4}$/u, // MapleOtter42
  /^\p{Lu}\p{Ll}{1,}(?:\p{Lu}\p{Ll}+){2,4}\d{1,4}$/u, // MyOtterIsMaple3
  /^\p{Lu}\p{Ll}{2,}[-_.]\d{3,8}$|^\p{Lu}\p{Ll}{3,}\d{4}$/u, // Maple_1987, Maple1987
  /^(?:\p{Ll}{4,}[-_. ]){2,}(?:\p{Ll}{4,}[-_. ]?)?\d{2,3}$/u, // maple-otter-harbor-42
  /^\p{Ll}{2}\d{2}\p{Lu}\p{Ll}{4,}$/u, // mq42Otter
  /^(?=(?:.*[-_.])?\p{Ll}+\d*(?:[-_.]|$))(?=.*\p{Lu})(?=.*\d{2})(?:\p{L}{3,}\d{0,4}[-_.]){1,4}\p{L}{3,}\d{0,4}$/u, // maple-Otter42-harbor
  /^\p{Lu}\p{Ll}{3,}[-_.]\d{2,6}(?=\w*[A-Za-z])[A-Za-z\d]{2,6}$/u, // Maple-2749kXz
  /^\p{L}{4,}\d{2,4}[-_.](?=\w*\p{Lu})(?=\w*[\p{Ll}\d])[A-Za-z\d]{4,8}$/u, // maple719.vYLG7V
];
/** With a sign before or behind it, or right behind "the password is", also these. */
export const SIGNED_PASSPHRASES = [
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
const MIN_FEW_WORDS_CHARS = 16;

/** Whether it is a password of words alone, where one is said to stand. */
export function isOfWordsAlone(value: string): boolean {
  if (WORDS_ONLY.test(value)) return true;
  return value.length >= MIN_FEW_WORDS_CHARS && FEW_WORDS.test(value) && !NAMING_WORDS.test(value);
}

/** Digits and signs that stand for letters within words: W1nt3r is Winter. */
const LEET: Readonly<Record<string, string>> = { 0: "o", 1: "i", 3: "e", 4: "a", 5: "s", 7: "t", "@": "a", $: "s" };
/** Of words that were written so, which have had their digits. */
const LEET_PASSPHRASE = /^(?:\p{Lu}\p{Ll}+){3,}$/u;
const asWords = (value: string) =>
  value.replace(/(?<=\p{L})[013457@$]+(?=\p{L}|[-_.+]\p{L}|[-_.+]\d)|(?<=^|[-_.+])[013457@$](?=\p{Ll}{2})/gu, (signs) =>
    [...signs].map((sign) => LEET[sign] ?? sign).join(""),
  );

/** Without signs before and behind it: Maple42!, Maple42.x */
const inner = (value: string) => value.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$|(?<=\d)[.]\p{Ll}$/gu, "");

export function isPassphrase(value: string, forms = PASSPHRASES): boolean {
  const bare = inner(value);
  const words = asWords(bare);
  return forms.some((form) => form.test(bare) || (words !== bare && (form.test(words) || LEET_PASSPHRASE.test(words))));
}
