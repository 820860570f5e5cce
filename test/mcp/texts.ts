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

/** So long, in bytes, that no buffers on the way hold all of it: whoever sends it is in the middle of it as long as a wire holds. */
export const BEYOND_BUFFERS = 40 * 1024 * 1024;

/** Longer than what a wire lets pass, and hardly compressible. @returns its path. */
export async function longFile(folder: string, bytes = 1024 * 1024): Promise<string> {
  const path = join(folder, "long.md");
  await writeFile(path, noise(bytes));
  return path;
}
