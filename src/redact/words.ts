/** Whether a value is made of words, as people make them, or by chance: which of the two explains its letters better. */

/** So much of a value is judged. */
const MAX_WORDS_CHARS = 512;

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
export const WORDS_BITS = -3;

/** Numbers that belong to a word. */
const NUMBERED = /(base|utf|sha|md|aes|oauth|http|ipv|int|uint|float|ed|curve|secp|rs|es|hs)[-_]?\d{1,5}/gi;

/** Whether it is words of a language or names of things, rather than what chance makes: which of the two explains it better. */
export function isWords(value: string): boolean {
  const bare = value.slice(0, MAX_WORDS_CHARS).replace(/^[?!$@%#]|[?!:]$/g, "");
  return wordBits(bare.replace(NUMBERED, "$1")) > WORDS_BITS;
}

/** How much more likely it is that words have this than that chance has, in bits. */
export function wordBits(value: string): number {
  const isMixed = /[a-z]/.test(value) && /[A-Z]/.test(value);
  let bits = 0;
  let digits = 0;
  let before = "";
  let last: Sign = "separator";
  for (const char of value) {
    const is = classOf(char);
    digits = is === "digit" ? digits + 1 : 0;
    if (is === "small" || is === "capital") bits += letterBits(before, last, char, is, isMixed);
    else bits += signBits(last, is, digits);
    before = char;
    last = is;
  }
  return bits;
}

type Sign = "small" | "capital" | "digit" | "separator" | "sign" | "other";

const isLetter = (sign: Sign) => sign === "small" || sign === "capital";

/** What another sign tells. @param digits how many there are in a row, up to here */
function signBits(last: Sign, is: Sign, digits: number): number {
  if (is === "sign") return SIGN_BITS;
  if (is === "separator") return isLetter(last) || last === "digit" ? SEPARATOR_BITS : -SEPARATOR_BITS;
  if (is !== "digit") return 0;
  if (isLetter(last)) return TO_DIGIT_BITS;
  return digits > 4 ? MANY_DIGITS_BITS : 0;
}

/** What a letter tells behind another sign. */
function letterBits(before: string, last: Sign, char: string, is: Sign, isMixed: boolean): number {
  if (last === "small" && is === "capital") return NEW_WORD_BITS;
  if (last === "digit") return FROM_DIGIT_BITS;
  if (last === "sign") return -1;
  if (!isLetter(last)) return 0;
  const bits = followBits(before, char);
  if (!isMixed) return bits;
  return bits + (last === "capital" && is === "capital" ? CAPITALS_BITS : SMALL_BITS);
}

function classOf(char: string): Sign {
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
