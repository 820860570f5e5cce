/**
 * The code that one person tells another: `<room>-<word>-<word>-<word>`. It is made here and read here, forgiving in how
 * it is written and strict in what it says: a misspelt word is found before anything is dialled, so it costs no attempt.
 */
import { randomInt } from "node:crypto";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { SpreadError } from "../errors.ts";
import { readableId } from "../ids.ts";

const ROOM_LENGTH = 6;
const ROOM = /^[a-z0-9]{6}$/;
/** Three words of 2048 are 33 bits: with ten attempts a share, one chance in 859 million. */
const WORDS = 3;

/** Below this a passphrase falls to a few guesses from a list, and the sender may as well have none. */
const MIN_PASSPHRASE_CHARS = 6;
/** Below this the user is warned: ten guesses at what people choose are worth something. */
const STRONG_PASSPHRASE_CHARS = 12;
const MAX_PASSPHRASE_CHARS = 1024;

/** What is read as a code, in UTF-16 units: with blanks, quotes and line ends it has fifty. Reading takes the square of it. */
const MAX_CODE_CHARS = 256;

const MAX_SUGGESTIONS = 3;
const MAX_SUGGESTION_DISTANCE = 2;

export interface Code {
  readonly room: string;
  /** The three words, joined by `-`: the secret of the handshake. */
  readonly secret: string;
}

export function newRoom(): string {
  return readableId(ROOM_LENGTH);
}

/** @returns three words joined by `-`, 33 bits. */
export function newSecret(): string {
  return randomWords(WORDS);
}

export function formatCode({ room, secret }: Code): string {
  return `${room}-${secret}`;
}

/**
 * Reads a code as people type it: any case, blanks or dashes between the parts, quotes or a full stop around it.
 * @throws SpreadError `bad-code` if it has not the form, `unknown-word` with the nearest words if one is misspelt.
 */
export function parseCode(typed: string): Code {
  if (typed.length > MAX_CODE_CHARS) throw new SpreadError("bad-code", "that is too long for a code");
  const bare = typed.toLowerCase().replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
  const [room, ...words] = bare.split(/[\s\-\u2010-\u2015_.,]+/u);
  if (room === undefined || !ROOM.test(room)) {
    throw new SpreadError("bad-code", "a code begins with six letters and digits, and this does not");
  }
  if (words.length !== WORDS) {
    throw new SpreadError("bad-code", `a code ends with three words, and this has ${words.length} parts there`);
  }
  words.forEach((word, index) => {
    if (wordlist.includes(word)) return;
    const near = nearestWords(word);
    const hint = near.length > 0 ? `; the nearest words are: ${near.join(", ")}` : "";
    throw new SpreadError("unknown-word", `word ${index + 1} of the code is not in the word list${hint}`);
  });
  return { room, secret: words.join("-") };
}

/** Whether it is a code, or the words of one, however they are typed: the secret of a share of version 2. */
export function isOfCode(typed: string): boolean {
  return [typed, `aaaaaa-${typed}`].some((whole) => {
    try {
      parseCode(whole);
      return true;
    } catch {
      return false; // an ordinary passphrase
    }
  });
}

/** @throws SpreadError `bad-room`. */
export function parseRoom(typed: string): string {
  const room = typed.trim().toLowerCase();
  if (!ROOM.test(room)) throw new SpreadError("bad-room", "that is not a room");
  return room;
}

/**
 * A passphrase is taken as typed: blanks, quotes and line ends count.
 * @returns a warning, if it is short.
 * @throws SpreadError `weak-passphrase`, `invalid-input`.
 */
export function checkPassphrase(passphrase: string): string | undefined {
  const chars = [...passphrase.normalize("NFC")].length;
  if (chars > MAX_PASSPHRASE_CHARS) {
    throw new SpreadError("invalid-input", `the passphrase has more than ${MAX_PASSPHRASE_CHARS} characters`);
  }
  if (chars < MIN_PASSPHRASE_CHARS || passphrase.trim() === "") {
    throw new SpreadError("weak-passphrase", `the passphrase has fewer than ${MIN_PASSPHRASE_CHARS} characters`);
  }
  return chars < STRONG_PASSPHRASE_CHARS
    ? "The passphrase is short. Ten guesses end the share, but a made code is stronger than a short passphrase."
    : undefined;
}

/** Random words of the list, joined by `-`: 11 bits each. */
export function randomWords(count: number): string {
  return Array.from({ length: count }, () => wordlist[randomInt(wordlist.length)]).join("-");
}

/** Words of the list that a typing error away from `word`: at most three, the nearest first. */
function nearestWords(word: string): string[] {
  if (word.length > 12) return [];
  return wordlist
    .map((candidate) => ({ candidate, distance: typingDistance(word, candidate) }))
    .filter(({ distance }) => distance <= MAX_SUGGESTION_DISTANCE)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, MAX_SUGGESTIONS)
    .map(({ candidate }) => candidate);
}

/** Letters to insert, delete, replace, or swap with their neighbour (optimal string alignment). */
function typingDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, at(beforeLast, j - 2) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
