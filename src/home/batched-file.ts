/** Files that come in small pieces and have to be on the disk at the end: written in batches, synced as they grow. */
import type { FileHandle } from "node:fs/promises";

/** Bytes that are gathered before they are written: 64 KiB chunks come by the thousand. */
const BATCH_BYTES = 256 * 1024;

/**
 * After this many bytes they are synced to the disk while more come: otherwise all of it waits for the end, when nothing else
 * is left to do.
 */
const SYNC_BYTES = 16 * 1024 * 1024;

/** An open file that is written in batches: one is written while the next one is gathered. */
export class BatchedFile {
  readonly #file: FileHandle;
  #batch = Buffer.allocUnsafe(BATCH_BYTES);
  #spare = Buffer.allocUnsafe(BATCH_BYTES);
  #used = 0;
  /** Of the batch before. Its failure is thrown by the next call. */
  #writing: Promise<void> = Promise.resolve();
  /** Of what was written up to its start. Its failure is thrown by the next one, or by `finish`: the system reports it once. */
  #syncing: Promise<void> = Promise.resolve();
  #unsynced = 0;
  #open = true;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async add(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const part = bytes.subarray(from, from + BATCH_BYTES - this.#used);
      this.#batch.set(part, this.#used);
      this.#used += part.length;
      from += part.length;
      if (this.#used === BATCH_BYTES) await this.#flush();
    }
  }

  /** Everything to the disk itself, then closed. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#writing;
    await this.#syncing;
    await this.#file.sync();
    await this.close();
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await Promise.allSettled([this.#writing, this.#syncing]);
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    await this.#writing;
    const full = this.#batch.subarray(0, this.#used);
    [this.#batch, this.#spare] = [this.#spare, this.#batch];
    this.#used = 0;
    this.#writing = this.#file.writeFile(full); // from where the last one ended
    this.#writing.catch(() => {});
    this.#unsynced += full.length;
    if (this.#unsynced >= SYNC_BYTES) await this.#beginSync();
  }

  async #beginSync(): Promise<void> {
    this.#unsynced = 0;
    await this.#syncing;
    this.#syncing = this.#file.datasync();
    this.#syncing.catch(() => {});
  }
}
