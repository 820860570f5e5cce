/**
 * What is known of shares after their process has gone: "What it leaves on the disk" in README.md. Nothing in the file is
 * secret, and nothing is decided by what it says.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { homeFolder, machine, replaceFile } from "../home/folders.ts";
import type { Logger } from "../log.ts";
import { ShareRecord } from "../service/views.ts";

/** As many as can live at once, so that everything a killed hub has lost is listed. */
const MAX_ENDED = 100;
const ENDED_MS = 7 * 24 * 60 * 60_000;
/** 100 living and 100 ended shares take less than half of it. */
const MAX_FILE_BYTES = 256 * 1024;

const File = z.object({ shares: z.array(ShareRecord) });

/** The shares of an earlier process, all ended by now. Empty if the file is missing or cannot be read. */
export async function loadHistory(home: string): Promise<ShareRecord[]> {
  try {
    const path = pathIn(home);
    if ((await stat(path)).size > MAX_FILE_BYTES) return [];
    const { shares } = File.parse(JSON.parse(await readFile(path, "utf8")));
    return recent(shares.map(afterwards));
  } catch {
    return [];
  }
}

/** The file of this machine's hub. Writes never overlap, and only the newest state is written. */
export class HistoryFile {
  readonly #home: string;
  readonly #log: Logger;
  #next: readonly ShareRecord[] | undefined;
  #writing: Promise<void> | undefined;

  constructor(home: string, log: Logger) {
    this.#home = home;
    this.#log = log;
  }

  /** @param shares the newest last; only the fields of `ShareRecord` are written. */
  save(shares: readonly ShareRecord[]): void {
    this.#next = shares;
    this.#writing ??= this.#write();
  }

  /** Settles when everything is written. Never throws. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    try {
      await homeFolder(this.#home, "hub");
      for (let shares = this.#next; shares !== undefined; shares = this.#next) {
        this.#next = undefined;
        await replaceFile(pathIn(this.#home), JSON.stringify(File.parse({ shares: recent(shares) })));
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

/** The living shares and the last ones that ended, in the same order. */
export function recent<T extends ShareRecord>(shares: readonly T[]): T[] {
  const oldest = new Date(Date.now() - ENDED_MS).toISOString();
  const ended = shares.filter(({ endedAt }) => endedAt !== undefined && endedAt > oldest).slice(-MAX_ENDED);
  const kept = new Set(ended);
  return shares.filter((share) => share.endedAt === undefined || kept.has(share));
}
