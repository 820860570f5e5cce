/** Random ids that people read aloud and type. */
import { randomInt } from "node:crypto";

/** Without what a reader could mix up: 0 o 1 l i. Just under 5 bits each. */
const LETTERS = "23456789abcdefghjkmnpqrstuvwxyz";

/** @param length in characters. */
export function readableId(length: number): string {
  return Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join("");
}
