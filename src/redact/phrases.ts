/** Phrases of wallets: twelve words and more, behind what calls them so. */
import { wordlist } from "@scure/bip39/wordlists/english.js";
import type { Found } from "./found.ts";
import { RULE_OF } from "./name-words.ts";
import { BEHIND_CHARS } from "./reach.ts";

const PHRASE_WORDS = new Set(wordlist);
/** Fewer are no phrase of a wallet. */
const MIN_PHRASE_WORDS = 12;
const MIN_DIFFERENT_WORDS = 10;
/** What may be between two words: numbers, quotes, ends of lines. */
const BETWEEN_WORDS = /^(?:\\n|[\s\d.,:;)"'|-]){1,12}$/;

/** Twelve words in a row, all of the list of BIP-39. */
export function phraseIn(text: string, from: number): Found[] {
  let first = 0;
  let last = 0;
  let count = 0;
  for (const { index, 0: word } of text
    .slice(from, from + BEHIND_CHARS.phrase)
    .matchAll(/(?<=\\n|[^a-z]|^)[a-z]{3,8}(?![a-z])/g)) {
    const isNext = PHRASE_WORDS.has(word) && (count === 0 || BETWEEN_WORDS.test(text.slice(from + last, from + index)));
    if (!isNext && count >= MIN_PHRASE_WORDS) break;
    if (!PHRASE_WORDS.has(word)) count = 0;
    else {
      if (!isNext || count === 0) {
        count = 0;
        first = index;
      }
      count++;
      last = index + word.length;
    }
  }
  if (count < MIN_PHRASE_WORDS) return labelledPhrase(text, from);
  const words = new Set(text.slice(from + first, from + last).match(/[a-z]{3,8}/g));
  // "legal winner thank year …" is in every test.
  return words.size < MIN_DIFFERENT_WORDS ? [] : [{ rule: RULE_OF.phrase, start: from + first, end: from + last }];
}

/** As many words as a phrase has, in a line or string of their own right behind its label; not all lists are that of BIP-39. */
const LABELLED_PHRASE =
  /^[^\n]{0,60}?[:="'`\n>]\s{0,8}["'`]?(?<phrase>(?:[a-z]{3,10}[ ,]{1,2}){11,23}[a-z]{3,10})(?=["'`.]?\s{0,4}(?:$|\n|\\n|["'}]))/d;

function labelledPhrase(text: string, from: number): Found[] {
  const match = LABELLED_PHRASE.exec(text.slice(from, from + BEHIND_CHARS.phrase));
  const [start, end] = match?.indices?.groups?.phrase ?? [];
  const words = match?.groups?.phrase?.split(/[ ,]+/) ?? [];
  if (start === undefined || end === undefined || words.length % 3 !== 0) return [];
  const known = words.filter((word) => PHRASE_WORDS.has(word)).length;
  return known * 2 < words.length ? [] : [{ rule: RULE_OF.phrase, start: from + start, end: from + end }];
}
