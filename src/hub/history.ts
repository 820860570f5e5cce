/**
 * What is still known of shares when the process that kept them is gone: "What it leaves on the disk" in README.md. Nothing in
 * it is secret, and what is found there decides nothing.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { homeFolder, machine, replaceFile } from "../home/folders.ts";
import type { Logger } from "../log.ts";
import { ShareRecord } from "../service/views.ts";

/** As many as can live at once: what a hub that was killed has lost is told whole. */
const MAX_ENDED = 100;
const ENDED_MS = 7 * 24 * 60 * 60_000;
/** A hundred that live and a hundred that ended take less than half of it. */
const MAX_FILE_BYTES = 256 * 1024;

const File = z.object({ shares: z.array(ShareRecord) });

/** What an earlier process left: no share of it lives. Empty where there is nothing that can be read. */
export async function recall(home: string): Promise<ShareRecord[]> {
  try {
    const path = pathIn(home);
    if ((await stat(path)).size > MAX_FILE_BYTES) return [];
    const { shares } = File.parse(JSON.parse(await readFile(path, "utf8")));
    return lately(shares.map(afterwards));
  } catch {
    return [];
  }
}

/** Writes what is to be remembered, the newest state alone, one file after the other. */
export class Memory {
  readonly #home: string;
  readonly #log: Logger;
  #next: readonly ShareRecord[] | undefined;
  #writing: Promise<void> | undefined;

  constructor(home: string, log: Logger) {
    this.#home = home;
    this.#log = log;
  }

  /** @param shares the youngest last; only what `ShareRecord` names of them is written. */
  remember(shares: readonly ShareRecord[]): void {
    this.#next = shares;
    this.#writing ??= this.#write();
  }

  /** Until everything is written. Never throws. */
  async done(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    try {
      await homeFolder(this.#home, "hub");
      for (let shares = this.#next; shares !== undefined; shares = this.#next) {
        this.#next = undefined;
        await replaceFile(pathIn(this.#home), JSON.stringify(File.parse({ shares: lately(shares) })));
      }
    } catch {
      this.#log.error("what became of the shares cannot be written down");
    } finally {
      this.#writing = undefined;
    }
  }
}

function pathIn(home: string): string {
  return join(home, "hub", `${machine}.json`);
}

function afterwards(share: ShareRecord): ShareRecord {
  if (share.endedAt !== undefined) return share;
  const now = new Date().toISOString();
  return { ...share, state: "lost", endedAt: now < share.expiresAt ? now : share.expiresAt };
}

/** Those that live, and the last that ended, in the same order. */
export function lately<T extends ShareRecord>(shares: readonly T[]): T[] {
  const oldest = new Date(Date.now() - ENDED_MS).toISOString();
  const ended = shares.filter(({ endedAt }) => endedAt !== undefined && endedAt > oldest).slice(-MAX_ENDED);
  const kept = new Set(ended);
  return shares.filter((share) => share.endedAt === undefined || kept.has(share));
}
