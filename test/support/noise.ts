/** Text that hardly compresses, and in which nothing looks like a secret: it has to arrive as it was made. */
import { randomBytes } from "node:crypto";

/** Random words of twelve letters. @param chars how many of ASCII */
export function noise(chars: number): string {
  let text = randomBytes(chars).toString("base64");
  // Without vowels and p chance makes no names of secrets, whose values would be replaced: of many megabytes, some.
  for (const [letter = "", other = ""] of ["ab", "ec", "if", "og", "uh", "pq"]) {
    text = text.replaceAll(letter, other).replaceAll(letter.toUpperCase(), other.toUpperCase());
  }
  return text.replace(/.{12}/g, "$& ").slice(0, chars);
}
