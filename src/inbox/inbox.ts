/**
 * What was received, kept whole or not at all. The files are written beside each other where nobody looks, and appear in
 * the inbox together, by one rename: `original.md`, exactly the bytes that came, `handoff.md`, clean and fenced, for
 * reading, what came along (companions.ts), and what we say of it all (received.ts). The digest of it all is not checked
 * here: who calls `commit` has done so.
 */
import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import {
  access,
  type FileHandle,
  lstat,
  mkdir,
  open,
  rename,
  rm,
  rmdir,
  stat,
  statfs,
  writeFile,
} from "node:fs/promises";
import { basename, join } from "node:path";
import { DOCUMENT_ROLE, type KeptFile, type Kind } from "../content/part.ts";
import { SpreadError, systemCode } from "../errors.ts";
import { BatchedFile } from "../home/batched-file.ts";
import { homeError, homeFolder, syncFolder } from "../home/folders.ts";
import { ownedName } from "../home/owner.ts";
import { readableId } from "../ids.ts";
import { inspectPassages, MAX_INSPECTED_CHARS, passageWarnings } from "../inspection/passages.ts";
import { MAX_SHARE_BYTES, MAX_TITLE_CHARS } from "../limits.ts";
import { cleanLine, TextCleaner, warningsOf } from "../untrusted/clean.ts";
import {
  excerpt,
  type Fence,
  fence,
  INLINE_CHARS,
  isoTime,
  lineEnd,
  Outline,
  type Provenance,
} from "../untrusted/fence.ts";
import { MarkerGuard, markerWarning } from "../untrusted/markers.ts";
import { type Companion, CompanionFiles } from "./companions.ts";
import { formatReceived, RECEIVED_FILE } from "./received.ts";

export interface Delivered {
  /** The name of its folder in the inbox. */
  readonly id: string;
  /** Absolute path of `handoff.md`. */
  readonly savedTo: string;
  /** Absolute path of `original.md`. */
  readonly original: string;
  /** What to give to the model: the fenced document, or if it is longer than INLINE_CHARS an excerpt. */
  readonly document: string;
  /** Whether that is all of it. */
  readonly whole: boolean;
  /** UTF-16 units of the clean text. */
  readonly chars: number;
  /** What came along with it, by absolute paths. */
  readonly files: readonly Companion[];
  /** What was taken out of it, and what in it the user should see first, as sentences. */
  readonly warnings: string[];
}

/** What is about to come. The provenance is the document's, whose bytes come first. */
export interface Incoming extends Provenance {
  readonly kind: Kind;
  /** Of all bytes that come, in lower-case hex. */
  readonly digest: string;
  readonly companions: readonly Companion[];
}

/**
 * One document on its way in. Calls do not overlap: each is awaited before the next. Closing it removes everything that
 * was not committed.
 */
interface Delivery extends AsyncDisposable {
  /**
   * Takes the next bytes, which may be used again once this settles; awaiting it is the backpressure.
   * @throws SpreadError `disk-full`, `home-unwritable`, `tampered` if a file that came along is not what was offered
   */
  write(chunk: Uint8Array): Promise<void>;

  /**
   * All bytes have come and are the right ones: all files go to the disk, and then into the inbox together.
   * @throws SpreadError `disk-full`, `home-unwritable`, `tampered`. Nothing is in the inbox once this is closed.
   */
  commit(): Promise<Delivered>;
}

/** Bytes that become one string: those of more than 128 KiB cost V8 a mapping of memory each, which triples the time. */
const TEXT_BYTES = 32 * 1024;

const LONG_WARNING = "Only its first 4 million characters were searched for passages that steer, and for links.";

/** What is needed beyond the content, in bytes: head, tail, folders. */
const SPARE_BYTES = 1024 * 1024;

const MAX_SLUG_CHARS = 40;
/** A folder's name is read aloud, as a room is. */
const SUFFIX_CHARS = 4;
const MAX_NAMES_TRIED = 16;

/**
 * The largest document, in bytes, that can be kept now. To be asked before a sender is: what it has sent is used up, whether
 * it could be kept or not.
 * @throws SpreadError `disk-full` where nothing can, `home-unwritable`
 */
export async function inboxCapacity(home: string): Promise<number> {
  const { inbox, staging } = await foldersOf(home);
  try {
    await access(inbox, constants.W_OK);
    // Permissions are not all that can forbid it: whether a folder can be written to shows when it is.
    const probe = join(staging, ownedName());
    await mkdir(probe, { mode: 0o700 });
    await rmdir(probe);
  } catch (cause) {
    throw homeError(home, cause);
  }
  // As if all of it were the document, which is written twice.
  const bytes = Math.floor((await freeBytes(staging)) / 2);
  if (bytes <= 0) throw new SpreadError("disk-full", `there is no space left for ${home}`);
  return Math.min(bytes, MAX_SHARE_BYTES);
}

/**
 * Makes the place for one document that is about to come.
 * @throws SpreadError `disk-full` (also when it can be foreseen), `home-unwritable`. Nothing is left then.
 */
export async function openDelivery(home: string, about: Incoming): Promise<Delivery> {
  const { inbox, staging } = await foldersOf(home);
  const folder = join(staging, ownedName());
  const handles: FileHandle[] = [];
  let made = false;
  try {
    const along = about.companions.reduce((sum, it) => sum + it.bytes, 0);
    if (2 * about.bytes + along > (await freeBytes(staging))) {
      throw new SpreadError("disk-full", `there is too little space for a hand-off of ${about.bytes + along} bytes`);
    }
    await mkdir(folder, { mode: 0o700 });
    made = true;
    for (const name of ["original.md", "handoff.md"]) handles.push(await open(join(folder, name), "wx", 0o600));
    const [original, handoff] = handles.map((handle) => new BatchedFile(handle));
    if (original === undefined || handoff === undefined) throw new SpreadError("internal", "two files became fewer");
    return new StagedDelivery({ home, inbox, folder, about, original, handoff });
  } catch (cause) {
    await Promise.all(handles.map((handle) => handle.close().catch(() => {})));
    // What cannot be removed now is removed by a later start.
    if (made) await rm(folder, { recursive: true, force: true }).catch(() => {});
    throw homeError(home, cause);
  }
}

class StagedDelivery implements Delivery {
  readonly #home: string;
  readonly #inbox: string;
  readonly #about: Incoming;
  readonly #original: BatchedFile;
  readonly #handoff: BatchedFile;
  readonly #companions: CompanionFiles;
  readonly #fence: Fence;
  readonly #cleaner = new TextCleaner();
  readonly #guard = new MarkerGuard();
  readonly #outline: Outline;
  readonly #passages: ReturnType<typeof inspectPassages>;
  /** Where the two files are, until they are the receiver's. */
  #folder: string | undefined;
  /** Of the document, where more comes along: the digest of it all, which the caller checks, is then another one. */
  #hash: Hash | undefined;
  #started = false;
  #bytes = 0;
  #chars = 0;
  #beginning = "";
  #lastCharacter = "\n";

  constructor(parts: {
    home: string;
    inbox: string;
    folder: string;
    about: Incoming;
    original: BatchedFile;
    handoff: BatchedFile;
  }) {
    this.#home = parts.home;
    this.#inbox = parts.inbox;
    this.#folder = parts.folder;
    this.#about = parts.about;
    this.#original = parts.original;
    this.#handoff = parts.handoff;
    this.#companions = new CompanionFiles(parts.folder, parts.about.companions);
    if (parts.about.companions.length > 0) this.#hash = createHash("sha256");
    this.#fence = fence(parts.about);
    const firstLine = this.#fence.head.split("\n").length;
    this.#outline = new Outline(firstLine);
    this.#passages = inspectPassages(firstLine);
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      const ofDocument = chunk.subarray(0, this.#about.bytes - this.#bytes);
      this.#bytes += ofDocument.length;
      this.#hash?.update(ofDocument);
      await this.#original.add(ofDocument);
      for (let from = 0; from < ofDocument.length; from += TEXT_BYTES) {
        const piece = ofDocument.subarray(from, from + TEXT_BYTES);
        const clean = this.#cleaner.passes(piece) ? asciiText(piece) : this.#cleaner.push(piece);
        await this.#addText(this.#guard.push(clean));
      }
      const rest = chunk.subarray(ofDocument.length);
      if (rest.length === 0) return;
      this.#checkDocument();
      await this.#companions.write(rest);
    } catch (cause) {
      throw homeError(this.#home, cause);
    }
  }

  async commit(): Promise<Delivered> {
    const staged = this.#folder;
    if (staged === undefined || this.#bytes !== this.#about.bytes) {
      throw new SpreadError("internal", "a document was to be kept that is not complete");
    }
    try {
      this.#checkDocument();
      await this.#addText(this.#guard.push(this.#cleaner.end()) + this.#guard.end());
      this.#outline.end();
      await this.#handoff.add(Buffer.from(lineEnd(this.#lastCharacter) + this.#fence.tail));
      await this.#companions.finish();
      const record = writeFile(join(staged, RECEIVED_FILE), formatReceived(recordOf(this.#about)), OURS);
      await Promise.all([this.#original.finish(), this.#handoff.finish(), record]);
      await syncFolder(staged);
      const placed = await moveToFreeName(staged, this.#inbox, folderNames(this.#about));
      this.#folder = placed;
      await syncFolder(this.#inbox);
      this.#folder = undefined;
      return this.#delivered(placed);
    } catch (cause) {
      throw homeError(this.#home, cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#original.close(), this.#handoff.close(), this.#companions[Symbol.asyncDispose]()]);
    const folder = this.#folder;
    this.#folder = undefined;
    // What cannot be removed now is removed by a later start.
    if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => {});
  }

  /** Once it is complete. @throws SpreadError `tampered` */
  #checkDocument(): void {
    const digest = this.#hash?.digest("hex");
    this.#hash = undefined;
    if (digest !== undefined && digest !== this.#about.sha256) {
      throw new SpreadError("tampered", "the document that came is not the one that was offered");
    }
  }

  /** @param text clean, and without look-alikes of the marks. */
  async #addText(text: string): Promise<void> {
    if (!this.#started) {
      this.#started = true;
      await this.#handoff.add(Buffer.from(this.#fence.head));
    }
    if (text === "") return;
    this.#chars += text.length;
    this.#lastCharacter = text.slice(-1);
    if (this.#beginning.length < INLINE_CHARS) this.#beginning += text.slice(0, INLINE_CHARS - this.#beginning.length);
    this.#outline.push(text);
    if (this.#chars <= MAX_INSPECTED_CHARS) this.#passages.push(text);
    await this.#handoff.add(Buffer.from(text));
  }

  #delivered(folder: string): Delivered {
    const savedTo = join(folder, "handoff.md");
    const { head, tail } = this.#fence;
    const whole = this.#chars <= INLINE_CHARS;
    const { headings } = this.#outline;
    const text = { beginning: this.#beginning, headings, chars: this.#chars, savedTo };
    return {
      id: basename(folder),
      savedTo,
      original: join(folder, "original.md"),
      document: whole ? head + this.#beginning + lineEnd(this.#lastCharacter) + tail : excerpt(this.#fence, text),
      whole,
      chars: this.#chars,
      files: this.#about.companions.map((it) => ({ ...it, path: join(folder, it.path) })),
      warnings: [
        ...warningsOf(this.#cleaner.findings),
        ...markerWarning(this.#guard.defused),
        ...passageWarnings(this.#passages.end()),
        ...(this.#chars > MAX_INSPECTED_CHARS ? [LONG_WARNING] : []),
        ...renamedWarning(this.#about.companions),
      ],
    };
  }
}

/** Written once, for the user alone, and on the disk before its folder has a name. */
const OURS = { flag: "wx", mode: 0o600, flush: true };

function recordOf({ kind, title, sentAt, receivedAt, path, digest, bytes, sha256, companions }: Incoming) {
  const sent_at = isoTime(sentAt);
  const document: KeptFile = { role: DOCUMENT_ROLE, path: "original.md", bytes, sha256 };
  return {
    format: "claude-spread/received" as const,
    version: 1 as const,
    kind,
    title: cleanLine(title, MAX_TITLE_CHARS),
    ...(sent_at !== undefined && { sent_at }),
    received_at: receivedAt.toISOString(),
    via: path,
    sha256: digest,
    files: [document, ...companions.map(({ renamed: _, ...file }) => file)],
  };
}

/**
 * Moves a folder under the first of `names` that is free. Never replaces anything.
 * @returns where it is now.
 * @throws SpreadError `home-unwritable` when none is free; the system's error when it cannot be moved
 */
export async function moveToFreeName(folder: string, into: string, names: Iterable<string>): Promise<string> {
  for (const name of names) {
    const target = join(into, name);
    // Looked for first, because a rename silently replaces an empty folder.
    if (await exists(target)) continue;
    try {
      await rename(folder, target);
      return target;
    } catch (cause) {
      if (!(await exists(target))) throw cause; // else somebody else took the name just now
    }
  }
  throw new SpreadError("home-unwritable", "no free name is left in the inbox");
}

/** `2026-07-19-143005-fix-the-relay-x7kq`: when by the clock on the wall, what by the title, and a suffix. */
function* folderNames({ receivedAt, title }: Provenance): Iterable<string> {
  const two = (n: number) => String(n).padStart(2, "0");
  const day = [receivedAt.getFullYear(), two(receivedAt.getMonth() + 1), two(receivedAt.getDate())].join("-");
  const time = [receivedAt.getHours(), receivedAt.getMinutes(), receivedAt.getSeconds()].map(two).join("");
  for (let tried = 0; tried < MAX_NAMES_TRIED; tried += 1) {
    yield `${day}-${time}-${slugOf(title)}-${readableId(SUFFIX_CHARS)}`;
  }
}

/** A title as part of a file name on every system: a-z, 0-9 and single hyphens, at most 40 characters, never nothing. */
export function slugOf(title: string): string {
  const letters = cleanLine(title, MAX_SLUG_CHARS * 4)
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase();
  const words = letters.split(/[^a-z0-9]+/).filter((word) => word !== "");
  return words.join("-").slice(0, MAX_SLUG_CHARS).replace(/-$/, "") || "handoff";
}

function renamedWarning(companions: readonly Companion[]): string[] {
  const renamed = companions.filter((it) => it.renamed).length;
  if (renamed === 0) return [];
  return [`${renamed} of the files that came along had a name that agents or tools obey, and got another one.`];
}

function asciiText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** Both folders, made if they were missing. */
async function foldersOf(home: string): Promise<{ inbox: string; staging: string }> {
  const inbox = await homeFolder(home, "inbox");
  const staging = await homeFolder(home, "staging");
  // A link to a folder of the same disk is the user's choice; to another disk nothing can be moved in one step.
  if ((await stat(inbox)).dev !== (await stat(staging)).dev) {
    throw new SpreadError("home-unwritable", `the inbox is on another disk than the rest of ${home}`);
  }
  return { inbox, staging };
}

/** What may be written there, in bytes. */
async function freeBytes(folder: string): Promise<number> {
  const disk = await statfs(folder).catch(() => undefined);
  if (disk === undefined || disk.blocks === 0) return Number.POSITIVE_INFINITY; // some network file systems do not tell
  return disk.bavail * disk.bsize - SPARE_BYTES;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (cause: unknown) => {
      if (systemCode(cause) === "ENOENT") return false;
      throw cause;
    },
  );
}
