/**
 * Where any of many literals begins in a text, in one pass: eighty patterns that each looked at every character would
 * take eighty times as long. Three characters in a row are looked up at once; only where they begin a literal is it compared.
 */

export interface Trigger<T> {
  /** At least MIN_TRIGGER_CHARS. */
  readonly literal: string;
  /** Whether upper and lower case differ. */
  readonly exact: boolean;
  readonly what: T;
}

export const MIN_TRIGGER_CHARS = 3;

interface Prepared<T> extends Trigger<T> {
  /** The literal's low bytes, in small letters. */
  readonly low: Uint8Array;
}

/** A table of bytes, indexed by a hash of three characters: few enough to stay in the processor's cache. */
const TABLE_BITS = 15;
/** Knuth's multiplicative hash: 2^32 over the golden ratio. */
const HASH_FACTOR = 0x9e3779b1;
/** Sets the bit by which the lower-case letters of ASCII differ from the upper-case ones. */
const LOWER = 0x20;
const THREE_BYTES = 0xffffff;
/** Whether one of those that begin so has no fourth character. */
const SHORT = 1;
const LONG = 2;

export class Triggers<T> {
  /** What begins with three characters: nothing, SHORT or LONG. */
  readonly #perhaps = new Uint8Array(1 << TABLE_BITS);
  /** The same with four, of those that begin with three LONG ones. */
  readonly #perhapsFour = new Uint8Array(1 << TABLE_BITS);
  readonly #byStart = new Map<number, Prepared<T>[]>();
  /** The last text's bytes; the next one's are put into the same memory. */
  #bytes = Buffer.alloc(0);

  constructor(triggers: Iterable<Trigger<T>>) {
    for (const trigger of triggers) {
      const literal = trigger.exact ? trigger.literal : trigger.literal.toLowerCase();
      let start = 0;
      for (let at = 0; at < MIN_TRIGGER_CHARS; at++) start = (start << 8) | ((literal.charCodeAt(at) | LOWER) & 0xff);
      const isLong = literal.length > MIN_TRIGGER_CHARS && this.#perhaps[slot(start)] !== SHORT;
      this.#perhaps[slot(start)] = isLong ? LONG : SHORT;
      if (isLong) this.#perhapsFour[slotOfFour(start, literal.charCodeAt(MIN_TRIGGER_CHARS) & 0xff)] = 1;
      const same = this.#byStart.get(start);
      const low = Uint8Array.from({ length: literal.length }, (_, next) => (literal.charCodeAt(next) | LOWER) & 0xff);
      if (same) same.push({ ...trigger, literal, low });
      else this.#byStart.set(start, [{ ...trigger, literal, low }]);
    }
  }

  /** Calls `hit` for every literal that begins in the text, in the order of their places. */
  each(text: string, hit: (at: number, trigger: Trigger<T>) => void): void {
    const perhaps = this.#perhaps;
    const perhapsFour = this.#perhapsFour;
    // The low byte of each character, so that places in it are places in the text: five times as fast as the text itself.
    if (this.#bytes.length < text.length) this.#bytes = Buffer.allocUnsafeSlow(text.length);
    const bytes = this.#bytes;
    bytes.write(text, "latin1");
    let three = 0;
    for (let at = 0; at < text.length; at++) {
      three = ((three << 8) | ((bytes[at] ?? 0) | LOWER)) & THREE_BYTES;
      const length = perhaps[slot(three)];
      if (length === 0) continue;
      if (length === LONG && perhapsFour[slotOfFour(three, bytes[at + 1] ?? 0)] === 0) continue;
      if (at >= MIN_TRIGGER_CHARS - 1) this.#try(text, at - MIN_TRIGGER_CHARS + 1, three, hit);
    }
  }

  #try(text: string, start: number, three: number, hit: (at: number, trigger: Trigger<T>) => void): void {
    for (const candidate of this.#byStart.get(three) ?? []) {
      if (begins(text, this.#bytes, start, candidate)) hit(start, candidate);
    }
  }
}

function slot(three: number): number {
  return Math.imul(three, HASH_FACTOR) >>> (32 - TABLE_BITS);
}

function slotOfFour(three: number, fourth: number): number {
  return slot((three << 8) | fourth | LOWER);
}

/** @param bytes at least as many as the text has; what is behind those is left of another text. */
function begins<T>(text: string, bytes: Uint8Array, at: number, { literal, exact, low }: Prepared<T>): boolean {
  // The low bytes tell nearly all of them apart, and take no new string.
  for (let next = MIN_TRIGGER_CHARS; next < low.length; next++) {
    if (((bytes[at + next] ?? 0) | LOWER) !== low[next]) return false;
  }
  if (exact) return text.startsWith(literal, at);
  return text.slice(at, at + literal.length).toLowerCase() === literal;
}
