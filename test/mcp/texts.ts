/** Documents, files and codes for the tests of the tools. */

import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { noise } from "../support/noise.ts";

export const DOCUMENT = "# Fix the pump\n\nThe valve is open. Näxt: close it. 🚰\n";

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The code with its last word exchanged for another one of the list. */
export function wrong(code = ""): string {
  const words = code.split("-");
  const index = wordlist.indexOf(words.at(-1) ?? "");
  return [...words.slice(0, -1), wordlist[(index + 1) % wordlist.length]].join("-");
}

/** Of a long file, in bytes: more than all buffers on the way hold, so that its sender is in the middle of it as long as a wire holds. */
const LONG = 40 * 1024 * 1024;
/** More than what a wire lets pass: enough where it does not matter how much has left the sender. */
export const SHORT = 1024 * 1024;

let text: string | undefined;

/** Hardly compressible. @returns its path. */
export async function longFile(folder: string, bytes = LONG): Promise<string> {
  const path = join(folder, "long.md");
  text ??= noise(LONG);
  await writeFile(path, text.slice(0, bytes));
  return path;
}
