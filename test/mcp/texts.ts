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

/** Long enough that no buffers on the way hold all of it, and hardly compressible. @returns its path. */
export async function longFile(folder: string): Promise<string> {
  const path = join(folder, "long.md");
  await writeFile(path, noise(40 * 1024 * 1024));
  return path;
}
