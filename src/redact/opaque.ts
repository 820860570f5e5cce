/** Values that chance made, where nothing but a word near them says what they are. */
import { ALGORITHM, isPlain, looksRandom } from "./values.ts";

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
