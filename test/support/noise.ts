/** Text that hardly compresses, and in which nothing looks like a secret: it has to arrive as it was made. */
import { randomBytes } from "node:crypto";

/** Base64's, without vowels and p: with them chance makes names of secrets, whose values would be replaced: of many megabytes, some. */
const SIGNS = Buffer.from("BBCDCFGHFJKLMNGQQRSTHVWXYZbbcdcfghfjklmngqqrsthvwxyz0123456789+/");
const WORD_CHARS = 12;

/** Random words of twelve signs. @param chars how many of ASCII */
export function noise(chars: number): string {
  const text = randomBytes(chars);
  for (let at = 0; at < chars; at++) {
    const sign = SIGNS[(text[at] ?? 0) % SIGNS.length] ?? 0;
    text[at] = at % (WORD_CHARS + 1) === WORD_CHARS ? 0x20 : sign;
  }
  return text.toString("latin1");
}
