/**
 * A patch as git writes it, taken apart by files: which it touches, and whether it can be sent. It is read piece by piece
 * and nothing is kept of what is too long. The content of a change is not judged here.
 */
import { isUtf8 } from "node:buffer";

/** The longest patch, in bytes: more is for a branch, not for a hand-off. */
export const MAX_PATCH_BYTES = 1024 * 1024;

/** The longest change of one file in it, in bytes. What is longer was made by a program, mostly. */
export const MAX_FILE_PATCH_BYTES = 256 * 1024;

/** How much of a change that is not kept is looked at for its name, in bytes: two quoted paths of the longest. */
const MAX_HEADER_BYTES = 64 * 1024;

/** Files in one patch; more are not read. */
const MAX_FILES = 5_000;

export type Why = "binary" | "not-text" | "too-long" | "withheld" | "folder" | "unreadable";

export interface FilePatch {
  /** From the repository's top. */
  readonly path: string;
  /** The path before, if it was another. */
  readonly from?: string;
  /** UTF-8 with line ends as they are; joined with the others it is the patch. */
  readonly text: string;
}

export interface LeftOutFile {
  readonly path: string;
  readonly why: Why;
}

const BEGIN = Buffer.from("diff --git ");
/** Not part of any change: git's word about a file whose merge is not done. */
const UNMERGED = Buffer.from("* Unmerged path ");
const MARK_BYTES = UNMERGED.length;
const LINE_END = 0x0a;

/** Takes the output of `git diff` in pieces. A line of content begins with one of ` +-\@`, so none is taken for a mark. */
export class PatchReader {
  readonly files: FilePatch[] = [];
  readonly left: LeftOutFile[] = [];
  /** Bytes of all that is kept. */
  bytes = 0;
  readonly #withheld: (path: string) => boolean;
  #section: Buffer[] = [];
  #sectionBytes = 0;
  #atLineStart = true;
  #beginning: Buffer = Buffer.alloc(0);

  /** @param withheld whether the change of this file is not to be kept, only named. */
  constructor(withheld: (path: string) => boolean) {
    this.#withheld = withheld;
  }

  push(piece: Buffer): void {
    const bytes = this.#beginning.length === 0 ? piece : Buffer.concat([this.#beginning, piece]);
    this.#beginning = Buffer.alloc(0);
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(LINE_END, at);
      if (this.#atLineStart) {
        if (end < 0 && bytes.length - at < MARK_BYTES) {
          this.#beginning = Buffer.from(bytes.subarray(at));
          return;
        }
        if (startsWith(bytes, at, BEGIN) || startsWith(bytes, at, UNMERGED)) this.#endSection();
      }
      const next = end < 0 ? bytes.length : end + 1;
      this.#add(bytes.subarray(at, next));
      this.#atLineStart = end >= 0;
      at = next;
    }
  }

  end(): void {
    this.#add(this.#beginning);
    this.#beginning = Buffer.alloc(0);
    this.#endSection();
  }

  #add(line: Buffer): void {
    if (this.#sectionBytes <= MAX_FILE_PATCH_BYTES) this.#section.push(Buffer.from(line));
    this.#sectionBytes += line.length;
  }

  #endSection(): void {
    const section = Buffer.concat(this.#section);
    const bytes = this.#sectionBytes;
    this.#section = [];
    this.#sectionBytes = 0;
    if (!startsWith(section, 0, BEGIN) || this.files.length + this.left.length === MAX_FILES) return;
    const header = headerOf(section);
    if (!header) return;
    const { path, from, binary } = header;
    const why = this.#whyNot(section, bytes, binary, [path, from ?? path]);
    if (why !== undefined) {
      this.left.push({ path, why });
      return;
    }
    this.files.push({ path, ...(from !== undefined && { from }), text: section.toString() });
    this.bytes += bytes;
  }

  #whyNot(section: Buffer, bytes: number, binary: boolean, paths: readonly string[]): Why | undefined {
    if (paths.some((path) => this.#withheld(path))) return "withheld";
    if (binary) return "binary";
    if (bytes > MAX_FILE_PATCH_BYTES || this.bytes + bytes > MAX_PATCH_BYTES) return "too-long";
    // What it replaces must be text too, for whatever scans it.
    return isUtf8(section) && !section.includes(0) ? undefined : "not-text";
  }
}

function startsWith(bytes: Buffer, at: number, mark: Buffer): boolean {
  return bytes.length - at >= mark.length && bytes.compare(mark, 0, mark.length, at, at + mark.length) === 0;
}

/** What comes before the first hunk. */
function headerOf(section: Buffer): { path: string; from?: string; binary: boolean } | undefined {
  const lines = section.subarray(0, MAX_HEADER_BYTES).toString().split("\n");
  const hunk = lines.findIndex((line) => line.startsWith("@@ "));
  const header = hunk < 0 ? lines : lines.slice(0, hunk);
  const after = (mark: string) => header.find((line) => line.startsWith(mark))?.slice(mark.length);
  const binary = header.some((line) => line.startsWith("Binary files ") || line === "GIT binary patch");
  const from = after("rename from ") ?? after("copy from ");
  const to = after("rename to ") ?? after("copy to ");
  if (from !== undefined && to !== undefined) return { path: unquote(to), from: unquote(from), binary };
  const path = twice(header[0]?.slice(BEGIN.length) ?? "");
  return path === undefined ? undefined : { path, binary };
}

/** The path of `a/path b/path`, or of the same in quotes: without a rename it is there twice. */
function twice(pair: string): string | undefined {
  const half = (pair.length - 1) / 2;
  const [a, b] = [pair.slice(0, half), pair.slice(half + 1)].map(unquote);
  if (!a?.startsWith("a/") || !b?.startsWith("b/") || a.slice(2) !== b.slice(2)) return undefined;
  return a.slice(2);
}

const ESCAPES: { readonly [letter: string]: string } = {
  a: "\x07",
  b: "\b",
  t: "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  '"': '"',
  "\\": "\\",
};

/** A path as git quotes it: as a string in C, other bytes than ASCII in octal. */
function unquote(path: string): string {
  if (!/^".*"$/.test(path)) return path;
  const bytes: Buffer[] = [];
  for (const [whole, octal, letter] of path.slice(1, -1).matchAll(/\\([0-3][0-7]{2})|\\(.)|[^\\]+/gu)) {
    if (octal !== undefined) bytes.push(Buffer.of(Number.parseInt(octal, 8)));
    else bytes.push(Buffer.from(letter === undefined ? whole : (ESCAPES[letter] ?? letter)));
  }
  return Buffer.concat(bytes).toString();
}
