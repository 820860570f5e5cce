/**
 * The content of a share, frozen when the share is made: what is delivered next week is what was offered today, whatever
 * has become of the file. Small content stays in memory, large content in a file without a name. No path is judged here.
 */
import { createHash } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { SpreadError } from "../errors.ts";
import { openForReading } from "../files.ts";
import { homeError, homeFolder } from "../home/folders.ts";
import { isOwnedName, ownedName } from "../home/owner.ts";
import { MAX_PARTS, MAX_SHARE_BYTES } from "../limits.ts";
import { bytesOf, cancelled, DOCUMENT, type Material } from "./material.ts";
import { isValidPartList, type Part } from "./part.ts";

/** Closing it frees the content; a reader that is under way then ends with `cancelled`. */
export interface Snapshot extends AsyncDisposable {
  /** 1 to MAX_SHARE_BYTES. */
  readonly bytes: number;
  /** Of exactly these bytes, in lower-case hex. */
  readonly sha256: string;
  /** Whether brotli is worth its time: a probe of it saved a third. */
  readonly compressible: boolean;
  /** The first is the document itself. One after another they are the content. */
  readonly parts: readonly Part[];
  /** The name, in the home's spool, of the file that holds it, while that has one. */
  readonly file?: string | undefined;
  /**
   * The content from one of its bytes on, or from the start, in pieces of at most SNAPSHOT_READ_BYTES that must not be
   * written to. A piece holds until the next but one is asked for; then its memory is used again. Any number of readers at
   * once.
   */
  read(from?: number): AsyncIterable<Uint8Array>;
}

/** How much is read at once: little enough for many readers in memory, enough that system calls cost nothing. */
export const SNAPSHOT_READ_BYTES = 256 * 1024;

/** The piece being read, the one being used, and the one before, part of which may still be in a chunk. */
const READ_BUFFERS = 3;

/** Up to this many bytes stay in memory: nearly every hand-off does. */
const MEMORY_BYTES = 1024 * 1024;

/** Below this, in bytes, compression saves less than a packet. */
const PROBE_FROM_BYTES = 512;
const PROBE_SAMPLE_BYTES = 64 * 1024;
/** Middling, and the one that transfers use. */
const PROBE_QUALITY = 4;
/**
 * What compressing has to save, as a share that may remain: text shrinks to a quarter. What shrinks less than this, such as
 * base64, made transfers on a fast network two and a half times slower.
 */
const PROBE_WORTH = 2 / 3;

/**
 * Freezes a text, in memory.
 * @throws SpreadError `not-text`, `empty`, `too-large`
 */
export async function snapshotText(text: string): Promise<Snapshot> {
  const content = bytesOf(text);
  if (content.length > MAX_SHARE_BYTES) throw tooLarge();
  const about = { bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") };
  return probed(inMemory(content), { ...about, parts: [{ ...DOCUMENT, ...about }] });
}

/**
 * Reads each material once, from its start to its end, and freezes what was read.
 * @param materials at least one, at most MAX_PARTS, the document first. Closed in any case, when this settles.
 * @param options.home where large content is spooled.
 * @param options.named whether the spooled file keeps its name, so that another process can take it over.
 * @throws SpreadError what a material throws, `too-large` (also by growing meanwhile), `disk-full`, `home-unwritable`,
 *   `cancelled`. Nothing is left open or on disk then.
 */
export async function snapshot(
  materials: readonly Material[],
  { home, signal, named = false }: { readonly home: string; readonly signal: AbortSignal; readonly named?: boolean },
): Promise<Snapshot> {
  const whole = createHash("sha256");
  const parts: Part[] = [];
  const store = new GrowingStore(() => openSpool(home, named));
  try {
    for (const material of materials) {
      const { role, name } = material;
      const hash = createHash("sha256");
      const before = store.bytes;
      for await (const piece of material.pieces(signal)) {
        if (signal.aborted) throw cancelled(signal.reason);
        hash.update(piece);
        if (materials.length > 1) whole.update(piece);
        await store.append(piece);
      }
      parts.push({ role, name, bytes: store.bytes - before, sha256: hash.digest("hex") });
    }
    const [only] = parts;
    const sha256 = parts.length === 1 && only ? only.sha256 : whole.digest("hex");
    return await probed(store.filled(), { bytes: store.bytes, sha256, parts });
  } catch (thrown) {
    await store.close();
    throw thrown;
  } finally {
    // A file that cannot be closed was read all the same.
    await Promise.allSettled(materials.map((material) => material[Symbol.asyncDispose]()));
  }
}

/** What a process needs to know to take a snapshot over. */
interface HandedFile {
  /** A name in the home's spool. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly compressible: boolean;
  readonly parts: readonly Part[];
}

/**
 * A copy of the snapshot for another process of this user, unless it has a name already. Taking it over removes its name;
 * so does closing it.
 * @throws SpreadError `disk-full`, `home-unwritable`, `cancelled`
 */
export async function handOver(content: Snapshot, home: string): Promise<HandedFile & AsyncDisposable> {
  const { bytes, sha256, compressible, parts, file } = content;
  const about = { bytes, sha256, compressible, parts };
  if (file !== undefined) return { ...about, file, [Symbol.asyncDispose]: async () => {} };
  const spool = await openSpool(home, true);
  try {
    for await (const piece of content.read()) await spool.append(piece);
  } catch (thrown) {
    await spool.close();
    throw thrown;
  }
  return { ...about, file: spool.file ?? "", [Symbol.asyncDispose]: () => spool.close() };
}

/**
 * Takes over what another process has handed over: opens the file, and takes its name away.
 * @throws SpreadError `path-unreadable` if it is not what `handOver` leaves
 */
export async function takeOver({ file, ...about }: HandedFile, home: string): Promise<Snapshot> {
  const refused = (cause?: unknown) => new SpreadError("path-unreadable", "there is no such spooled file", { cause });
  if (!isOwnedName(file) || about.parts.length > MAX_PARTS || !isValidPartList(about.parts, about.bytes))
    throw refused();
  const path = join(await homeFolder(home, "spool"), file);
  const handle = await openForReading(path).catch((cause: unknown) => {
    throw refused(cause);
  });
  try {
    const found = await handle.stat();
    const own = process.geteuid?.() ?? found.uid;
    if (!found.isFile() || found.uid !== own || found.nlink !== 1 || found.size !== about.bytes) throw refused();
    return frozen(await spoolOf(handle, path, home, false), about);
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

/** Where frozen bytes lie. */
interface Store {
  readonly file?: string | undefined;
  /** For one reader. What it gives holds until it is called for the third time after that. */
  reader(): ReadAt;
  close(): Promise<void>;
}

/** The bytes at `position`: `length` of them, all of which exist. @throws SpreadError `cancelled` once closed */
type ReadAt = (position: number, length: number) => Promise<Uint8Array>;

interface Spool extends Store {
  append(piece: Uint8Array): Promise<void>;
}

/** Bytes on their way into a store: in memory at first, and in a file once they are more than MEMORY_BYTES. */
class GrowingStore {
  bytes = 0;
  readonly #openSpool: () => Promise<Spool>;
  readonly #inMemory: Buffer[] = [];
  #spool: Spool | undefined;

  constructor(openSpool: () => Promise<Spool>) {
    this.#openSpool = openSpool;
  }

  /** @param piece copied. @throws SpreadError `too-large`, and as `openSpool` */
  async append(piece: Uint8Array): Promise<void> {
    this.bytes += piece.length;
    if (this.bytes > MAX_SHARE_BYTES) throw tooLarge();
    if (this.bytes <= MEMORY_BYTES) {
      this.#inMemory.push(Buffer.from(piece));
      return;
    }
    if (this.#spool === undefined) {
      this.#spool = await this.#openSpool();
      for (const early of this.#inMemory.splice(0)) await this.#spool.append(early);
    }
    await this.#spool.append(piece);
  }

  filled(): Store {
    return this.#spool ?? inMemory(Buffer.concat(this.#inMemory));
  }

  async close(): Promise<void> {
    await this.#spool?.close();
  }
}

type ContentSummary = Pick<Snapshot, "bytes" | "sha256" | "parts">;

async function probed(store: Store, about: ContentSummary): Promise<Snapshot> {
  return frozen(store, { ...about, compressible: await probe(store, about.bytes) });
}

function frozen(store: Store, about: ContentSummary & Pick<Snapshot, "compressible">): Snapshot {
  const { bytes } = about;
  let closed = false;
  return {
    ...about,
    file: store.file,
    async *read(from = 0) {
      const at = store.reader();
      const pieceAt = (position: number) => {
        const piece = at(position, Math.min(SNAPSHOT_READ_BYTES, bytes - position));
        piece.catch(() => {}); // a reader that stops early never asks how its last piece went
        return piece;
      };
      // One piece is read while the one before is used.
      let next = pieceAt(from);
      for (let behind = from + SNAPSHOT_READ_BYTES; behind < bytes; behind += SNAPSHOT_READ_BYTES) {
        const piece = await next;
        next = pieceAt(behind);
        yield piece;
        // What was read ahead is not given out any more.
        if (closed) throw cancelled();
      }
      yield await next;
    },
    [Symbol.asyncDispose]: () => {
      closed = true;
      return store.close();
    },
  };
}

function inMemory(content: Uint8Array): Store {
  let held: Uint8Array | undefined = content;
  return {
    reader: () => async (position, length) => {
      if (held === undefined) throw cancelled();
      return held.subarray(position, position + length);
    },
    close: async () => {
      held = undefined;
    },
  };
}

async function openSpool(home: string, named = false): Promise<Spool> {
  const path = join(await homeFolder(home, "spool"), ownedName());
  const file = await open(path, "wx+", 0o600).catch((cause: unknown) => {
    throw homeError(home, cause);
  });
  return spoolOf(file, path, home, named);
}

/**
 * @param keepsName otherwise the file loses its name at once, where the system allows it: then not even SIGKILL leaves it
 *   on the disk.
 */
async function spoolOf(file: FileHandle, path: string, home: string, keepsName: boolean): Promise<Spool> {
  const lose = () =>
    unlink(path).then(
      () => false,
      () => true,
    );
  let named = keepsName || (await lose());
  let closed = false;
  return {
    file: keepsName ? basename(path) : undefined,
    append: async (piece) => {
      try {
        await file.writeFile(piece); // from where the last one ended
      } catch (cause) {
        throw homeError(home, cause);
      }
    },
    reader: () => {
      const buffers: Buffer[] = [];
      return async (position, length) => {
        const spare = buffers.length < READ_BUFFERS ? undefined : buffers.shift();
        const buffer = spare ?? Buffer.allocUnsafeSlow(SNAPSHOT_READ_BYTES);
        buffers.push(buffer);
        for (let filled = 0; filled < length; ) {
          if (closed) throw cancelled();
          const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
          if (bytesRead === 0) throw new SpreadError("internal", "the spooled content is shorter than it was");
          filled += bytesRead;
        }
        return buffer.subarray(0, length);
      };
    },
    close: async () => {
      closed = true;
      await file.close(); // waits for the reads under way
      if (named) await unlink(path).catch(() => {});
      named = false;
    },
  };
}

/** Start, middle and end: a hand-off often begins as prose and goes on as something else. */
async function probe(store: Store, bytes: number): Promise<boolean> {
  if (bytes < PROBE_FROM_BYTES) return false;
  const whole = bytes <= 3 * PROBE_SAMPLE_BYTES;
  const starts = whole ? [0] : [0, Math.floor((bytes - PROBE_SAMPLE_BYTES) / 2), bytes - PROBE_SAMPLE_BYTES];
  const length = whole ? bytes : PROBE_SAMPLE_BYTES;
  const at = store.reader();
  const sample = Buffer.concat(await Promise.all(starts.map((start) => at(start, length))));
  const { brotliCompress, constants } = await import("node:zlib"); // only here, so that it does not slow the start
  const params = { [constants.BROTLI_PARAM_QUALITY]: PROBE_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: sample.length };
  return new Promise((done, failed) => {
    brotliCompress(sample, { params }, (cause, packed) => {
      if (cause) failed(cause);
      else done(packed.length <= sample.length * PROBE_WORTH);
    });
  });
}

function tooLarge(): SpreadError {
  return new SpreadError("too-large", "the content is larger than 1 GiB");
}
