/** Passphrases of version 1: whoever recorded a transfer can test guesses at them without limit. */
import { SpreadError } from "../errors.ts";
import { checkPassphrase, isOfCode, randomWords } from "../share/code.ts";

/** 66 bits, which withstand that. */
const WORDS = 6;
/** Below this, in characters, the user is warned: whoever was on the way has as many guesses as they can pay for. */
const STRONG_PASSPHRASE_CHARS = 20;

export function newLegacyPassphrase(): string {
  return randomWords(WORDS);
}

/**
 * As `checkPassphrase`, for a share of version 1.
 * @returns a warning, if it is shorter than what a guesser who has a recording cannot try.
 * @throws SpreadError `weak-passphrase`, `invalid-input`.
 */
export function checkLegacyPassphrase(passphrase: string): string | undefined {
  checkPassphrase(passphrase);
  if (isOfCode(passphrase)) {
    throw new SpreadError(
      "weak-passphrase",
      "three words of the list are a code's, and no receiver takes them with legacy",
    );
  }
  return [...passphrase].length < STRONG_PASSPHRASE_CHARS
    ? "The passphrase is short for a legacy share: whoever records it on the way can try passphrases without limit. Leave it out, and six words are made."
    : undefined;
}
