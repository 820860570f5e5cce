/**
 * The content of a share, frozen when the share is made: what is delivered next week is what was offered today, whatever
 * has become of the file. Small content stays in memory, large content in a file without a name. No path is judged here.
 */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { SpreadError, systemCode } from "../errors.ts";
import { MAX_SHARE_BYTES } from "../limits.ts";
import { homeError, homeFolder, isOwnedName, ownedName } from "./home.ts";
import { unfinishedBytes } from "./utf8.ts";

/** Closing it frees the content; a reader that is under way then ends with `cancelled`. */
export interface Snapshot extends AsyncDisposable {
  /** 1 to MAX_SHARE_BYTES. */
  readonly bytes: number;
  /** Of exactly these bytes, in lower-case hex. */
  readonly sha256: string;
  /** Whether brotli is worth its time: a probe of it saved a third. */
  readonly compressible: boolean;
  /** The name in the home's spool of the file that it lies in, as long as that has one. */
  readonly file?: string | undefined;
  /**
   * The content from one of its bytes on, or from the start, in pieces of at most SNAPSHOT_READ_BYTES that must not be
   * written to. A piece holds until the next but one is asked for; then its memory is used again. Any number of readers at
   * once.
   */
  read(from?: number): AsyncIterable<Uint8Array>;
}

/** Few enough bytes that many readers fit in memory, so many that the system calls are nothing. */
export const SNAPSHOT_READ_BYTES = 256 * 1024;

/** The piece being read, the one being used, and the one before, of which a chunk can be left. */
const READ_BUFFERS = 3;

/** Up to this many bytes stay in memory: nearly every hand-off does. It is also what is read from a source at a time. */
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
 * Freezes text that was given as such.
 * @throws SpreadError `not-text` (a NUL, or a lone surrogate, which UTF-8 cannot say), `empty`, `too-large`
 */
export async function snapshotText(text: string): Promise<Snapshot> {
  if (/\p{Surrogate}/u.test(text)) throw new SpreadError("not-text", "the content has half a surrogate pair in it");
  if (text.includes("\0")) throw hasNul();
  if (!/\S/u.test(text)) throw new SpreadError("empty", "the content is empty");
  if (Buffer.byteLength(text) > MAX_SHARE_BYTES) throw tooLarge();
  const content = Buffer.from(text);
  return freeze(inMemory(content), content.length, createHash("sha256").update(content).digest("hex"));
}

/**
 * Reads a file once, from its start to its end, and freezes what was read.
 * @param source closed in any case, when this settles.
 * @param options.home where large content is spooled.
 * @param options.named whether the spooled file keeps its name, so that another process can take it over.
 * @throws SpreadError `not-text`, `empty`, `too-large` (also by growing meanwhile), `path-unreadable`, `disk-full`,
 *   `home-unwritable`, `cancelled`. Nothing is left open or on disk then.
 */
export async function snapshotFile(
  source: FileHandle,
  { home, signal, named = false }: { readonly home: string; readonly signal: AbortSignal; readonly named?: boolean },
): Promise<Snapshot> {
  await using _closed = source;
  const hash = createHash("sha256");
  const check = new TextCheck();
  const buffer = Buffer.allocUnsafe(TextCheck.CARRY_BYTES + MEMORY_BYTES);
  const kept: Buffer[] = [];
  let spool: Spool | undefined;
  let bytes = 0;
  try {
    for (;;) {
      if (signal.aborted) throw cancelled(signal.reason);
      // The bytes of an unfinished character go before the piece that finishes it, so that both are checked in place.
      const start = check.carryTo(buffer);
      const { bytesRead } = await source.read(buffer, start, MEMORY_BYTES, bytes).catch((cause: unknown) => {
        throw new SpreadError("path-unreadable", `the file cannot be read (${systemCode(cause) ?? "unknown"})`, {
          cause,
        });
      });
      if (bytesRead === 0) break;
      bytes += bytesRead;
      if (bytes > MAX_SHARE_BYTES) throw tooLarge();
      check.next(buffer.subarray(0, start + bytesRead));
      const piece = buffer.subarray(start, start + bytesRead);
      hash.update(piece);
      if (bytes <= MEMORY_BYTES) {
        kept.push(Buffer.from(piece));
        continue;
      }
      if (spool === undefined) {
        spool = await openSpool(home, named);
        for (const early of kept.splice(0)) await spool.append(early);
      }
      await spool.append(piece);
    }
    check.end();
    return await freeze(spool ?? inMemory(Buffer.concat(kept)), bytes, hash.digest("hex"));
  } catch (thrown) {
    await spool?.close();
    throw thrown;
  }
}

/** What a process needs to know to take a snapshot over. */
export interface HandedFile {
  /** A name in the home's spool. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly compressible: boolean;
}

/**
 * A copy of the snapshot for another process of this user, unless it has a name already. Whoever takes it over takes its
 * name away; closing it does so too.
 * @throws SpreadError `disk-full`, `home-unwritable`, `cancelled`
 */
export async function handOver(content: Snapshot, home: string): Promise<HandedFile & AsyncDisposable> {
  const { bytes, sha256, compressible, file } = content;
  if (file !== undefined) return { file, bytes, sha256, compressible, [Symbol.asyncDispose]: async () => {} };
  const spool = await openSpool(home, true);
  try {
    for await (const piece of content.read()) await spool.append(piece);
  } catch (thrown) {
    await spool.close();
    throw thrown;
  }
  return { file: spool.file ?? "", bytes, sha256, compressible, [Symbol.asyncDispose]: () => spool.close() };
}

/**
 * Takes over what another process has handed over: opens the file, and takes its name away.
 * @throws SpreadError `path-unreadable` if it is not what `handOver` leaves
 */
export async function takeOver({ file, bytes, sha256, compressible }: HandedFile, home: string): Promise<Snapshot> {
  const refused = (cause?: unknown) => new SpreadError("path-unreadable", "there is no such spooled file", { cause });
  if (!isOwnedName(file)) throw refused();
  const path = join(await homeFolder(home, "spool"), file);
  const handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)).catch(
    (cause: unknown) => {
      throw refused(cause);
    },
  );
  try {
    const found = await handle.stat();
    const own = process.geteuid?.() ?? found.uid;
    if (!found.isFile() || found.uid !== own || found.nlink !== 1 || found.size !== bytes) throw refused();
    return frozen(await spoolOf(handle, path, home, false), { bytes, sha256, compressible });
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

async function freeze(store: Store, bytes: number, sha256: string): Promise<Snapshot> {
  return frozen(store, { bytes, sha256, compressible: await probe(store, bytes) });
}

function frozen(store: Store, about: Pick<Snapshot, "bytes" | "sha256" | "compressible">): Snapshot {
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
 *   behind.
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

/** Whether bytes that come in pieces are text: well-formed UTF-8 without a NUL, and something other than white space. */
class TextCheck {
  /** The longest beginning of a character that lacks a byte. */
  static readonly CARRY_BYTES = 3;
  readonly #carry = Buffer.alloc(TextCheck.CARRY_BYTES);
  #carried = 0;
  #blank = true;

  /** Puts the unfinished character of the last piece in front of `buffer`, and says how many bytes that were. */
  carryTo(buffer: Buffer): number {
    return this.#carry.copy(buffer, 0, 0, this.#carried);
  }

  /** @param bytes what was carried, and the new piece behind it. @throws SpreadError `not-text` */
  next(bytes: Buffer): void {
    const whole = bytes.subarray(0, bytes.length - unfinishedBytes(bytes));
    if (!isUtf8(whole)) throw notUtf8();
    if (whole.includes(0)) throw hasNul();
    if (this.#blank) this.#blank = !/\S/u.test(whole.toString("utf8"));
    this.#carried = bytes.copy(this.#carry, 0, whole.length);
  }

  /** @throws SpreadError `not-text`, `empty` */
  end(): void {
    if (this.#carried > 0) throw notUtf8();
    if (this.#blank) throw new SpreadError("empty", "the file holds nothing but white space");
  }
}

function notUtf8(): SpreadError {
  return new SpreadError("not-text", "the content is not valid UTF-8");
}

function hasNul(): SpreadError {
  return new SpreadError("not-text", "the content has a NUL character in it");
}

function tooLarge(): SpreadError {
  return new SpreadError("too-large", "the content is larger than 1 GiB");
}

function cancelled(cause?: unknown): SpreadError {
  return new SpreadError("cancelled", "the content was closed before it was read to its end", { cause });
}
