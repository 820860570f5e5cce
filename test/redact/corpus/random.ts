/** Chance with a seed: the corpus is the same in every run, and no token of it stands in any file. */

export interface Chance {
  /** A whole number from 0 to `below` - 1. */
  whole(below: number): number;
  between(low: number, high: number): number;
  pick<T>(of: readonly T[]): T;
  chars(alphabet: string, count: number): string;
}

export const LOWER = "abcdefghijklmnopqrstuvwxyz";
export const UPPER = LOWER.toUpperCase();
export const DIGITS = "0123456789";
export const HEX = `${DIGITS}abcdef`;
export const ALNUM = LOWER + UPPER + DIGITS;
export const BASE64 = `${ALNUM}+/`;
export const BASE64URL = `${ALNUM}-_`;

/** Mulberry32. */
export function chance(seed: number): Chance {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (below: number) => Math.floor(next() * below);
  return {
    whole,
    between: (low, high) => low + whole(high - low + 1),
    pick: (of) => {
      const one = of[whole(of.length)];
      if (one === undefined) throw new Error("nothing to pick from");
      return one;
    },
    chars: (alphabet, count) => Array.from({ length: count }, () => alphabet[whole(alphabet.length)]).join(""),
  };
}

export function uuid({ chars, pick }: Chance): string {
  return `${chars(HEX, 8)}-${chars(HEX, 4)}-4${chars(HEX, 3)}-${pick([..."89ab"])}${chars(HEX, 3)}-${chars(HEX, 12)}`;
}

const WORDS = (
  "order invoice parser build deploy queue worker cache session retry stream handler client server module config schema " +
  "migration release branch review upload report billing search index filter layout widget editor cursor account profile"
).split(" ");

export function word({ pick }: Chance): string {
  return pick(WORDS);
}

export function sentence(by: Chance): string {
  const { pick } = by;
  return pick([
    `The ${word(by)} ${word(by)} was moved out of the ${word(by)} so that it can be tested alone.`,
    `We tried to keep the ${word(by)} in memory, but the ${word(by)} grew without a bound.`,
    `Next: finish the ${word(by)} ${word(by)}, then look at why the ${word(by)} is slow.`,
    `Der ${word(by)} läuft jetzt, nur der ${word(by)} fehlt noch.`,
    `Fixed in ${word(by)}/${word(by)}.ts; the ${word(by)} needed one more check.`,
  ]);
}
