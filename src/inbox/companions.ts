/**
 * The files that come along with a document: each is kept under a name of ours, beside it, and is what was offered or is
 * refused. Their sizes, digests and names are known before the first byte.
 */
import { createHash, type Hash } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { CompanionRole, KeptFile, Part } from "../content/part.ts";
import { SpreadError } from "../errors.ts";
import { BatchedFile } from "../home/batched-file.ts";
import { syncFolder } from "../home/folders.ts";
import { FileNames } from "../untrusted/file-name.ts";

/** Where attachments lie, so that none can take the place of a file of ours. */
const ATTACHMENTS = "files";
type OwnRole = Exclude<CompanionRole, "attachment">;

/** The names of those that a hand-off has one of. */
const OWN_NAMES: Record<OwnRole, string> = {
  structure: "handoff.json",
  patch: "changes.patch",
  memory: "memory.json",
  sessions: "sessions.jsonl",
};

/** One that is kept, or will be. Its path has a clean name of ours; it is seen from the document until that is in place. */
export interface Companion extends Readonly<KeptFile> {
  readonly role: CompanionRole;
  /** Its own name is one that agents or tools obey, and is not used. */
  readonly renamed: boolean;
}

/** Where each part is to be kept: those of the same name get different ones. @param parts without the document. */
export function companionsOf(parts: readonly Part[]): Companion[] {
  const names = new FileNames();
  const taken = new Set<string>();
  return parts.map(({ role, name, bytes, sha256 }) => {
    const own = OWN_NAMES[role as OwnRole];
    if (Object.hasOwn(OWN_NAMES, role) && !taken.has(role)) {
      taken.add(role);
      return { role: role as OwnRole, path: own, bytes, sha256, renamed: false };
    }
    const kept = names.take(name);
    return { role: "attachment", path: `${ATTACHMENTS}/${kept.name}`, bytes, sha256, renamed: kept.renamed };
  });
}

/** Writes them, one after another. Closing it closes what is open; it removes nothing. */
export class CompanionFiles implements AsyncDisposable {
  readonly #folder: string;
  readonly #left: Companion[];
  #hasFolder = false;
  #current:
    | { readonly companion: Companion; readonly file: BatchedFile; readonly hash: Hash; left: number }
    | undefined;

  /** @param folder where the document lies; it is there. */
  constructor(folder: string, companions: readonly Companion[]) {
    this.#folder = folder;
    this.#left = [...companions];
  }

  /** @throws SpreadError `tampered` if a file is not what was offered; or the system's error. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0; ) {
      const current = this.#current ?? (await this.#begin());
      const piece = rest.subarray(0, current.left);
      current.hash.update(piece);
      await current.file.add(piece);
      current.left -= piece.length;
      rest = rest.subarray(piece.length);
      if (current.left === 0) await this.#end();
    }
  }

  /** All bytes have come: those that have none are made, too. @throws as `write`. */
  async finish(): Promise<void> {
    while (this.#current || this.#left.length > 0) {
      if (!this.#current) await this.#begin();
      await this.#end();
    }
    if (this.#hasFolder) await syncFolder(join(this.#folder, ATTACHMENTS));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current?.file.close();
  }

  async #begin() {
    const companion = this.#left.shift();
    if (!companion) throw new SpreadError("internal", "more came than was offered");
    const path = join(this.#folder, companion.path);
    if (companion.role === "attachment" && !this.#hasFolder) {
      await mkdir(join(this.#folder, ATTACHMENTS), { mode: 0o700 }); // where the document's folder has gone, it must fail
      this.#hasFolder = true;
    }
    const file = new BatchedFile(await open(path, "wx", 0o600));
    this.#current = { companion, file, hash: createHash("sha256"), left: companion.bytes };
    return this.#current;
  }

  async #end(): Promise<void> {
    if (!this.#current) return;
    const { companion, file, hash, left } = this.#current;
    if (left > 0 || hash.digest("hex") !== companion.sha256) {
      throw new SpreadError("tampered", "a file that came along is not the one that was offered");
    }
    await file.finish();
    this.#current = undefined;
  }
}
