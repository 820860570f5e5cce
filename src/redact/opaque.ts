/** Values that chance made, where nothing but a word near them says what they are. */
import { ALGORITHM } from "./typed.ts";
import { isPlain, looksRandom } from "./values.ts";

const MIN_RANDOM_CHARS = 16;

/** By chance, and no address, path or number of a known thing. */
export function isOpaque(value: string): boolean {
  return (
    looksRandom(value, MIN_RANDOM_CHARS) &&
    !/^[0-9a-f]+$/i.test(value) &&
    !/^(?:[0-9a-f]{2}:){3}|^#|a-z/i.test(value) &&
    !ALGORITHM.test(value) &&
    !isPlain(value) &&
    !/:\/\/|^[/.~]|\.\w{2,4}$|\/.*\/.*\./.test(value) &&
    !isIdentified(value)
  );
}

/** req_011C…, toolu_01…: a number that says of what. */
function isIdentified(value: string): boolean {
  return /^(?:req|msg|toolu|cus|pi|sub|evt|ch|acct|prod|price|in|usr|user|org|proj|team|run|job|build|img|call|chatcmpl|resp|thread|asst|file|batch|gen|trace|span|sess|conv)[_-]/i.test(
    value,
  );
}

/** How many words, joined by hyphens, are a phrase that somebody may have as a password. */
const MIN_JOINED_WORDS = 2;
const MIN_WORD_CHARS = 3;

/**
 * A digit, capitals where words have none, or many words: without, nothing here is a secret. Asked of every name; a pattern
 * takes five times as long.
 */
export function hasChance(text: string): boolean {
  let small = 0;
  let words = 0;
  /** The last four: 1 for a small letter, 2 for a capital, 0 for others, in two bits each. */
  let last = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isSmall(code)) {
      small++;
      last = (last << 2) | 1;
      continue;
    }
    last = (last << 2) | (isCapital(code) ? 2 : 0);
    words = isJoint(code) && small >= MIN_WORD_CHARS ? words + 1 : 0;
    if (isDigit(code) || alternates(last) || words === MIN_JOINED_WORDS) return true;
    if (small > 0 && isJoiningSign(code, text.charCodeAt(at + 1))) return true;
    small = 0;
  }
  return false;
}

const isSmall = (code: number) => code >= 97 && code <= 122;
const isCapital = (code: number) => code >= 65 && code <= 90;
const isDigit = (code: number) => code >= 48 && code <= 57;
/** A hyphen, an underscore. */
const isJoint = (code: number) => code === 45 || code === 95;

/** Between letters, a sign that joins no words. */
const JOINING_SIGNS = new Set([..."#$%*+@^"].map((sign) => sign.charCodeAt(0)));
const isJoiningSign = (sign: number, next: number) => JOINING_SIGNS.has(sign) && (isSmall(next) || isCapital(next));

/** aBB, aBaB */
const ABB = 0b01_10_10;
const ABAB = 0b01_10_01_10;
const alternates = (last: number) => (last & 0x3f) === ABB || (last & 0xff) === ABAB;
