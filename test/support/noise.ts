/** Text that hardly compresses, and in which nothing looks like a secret: it has to arrive as it was made. */
import { randomBytes } from "node:crypto";

/** Random words of twelve letters. @param chars how many of ASCII */
export function noise(chars: number): string {
  return randomBytes(chars).toString("base64").replace(/.{12}/g, "$& ").slice(0, chars);
}
