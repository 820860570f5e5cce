/**
 * What is not committed in a checkout, as a patch against its last commit: staged, unstaged and new files together. Nothing
 * is written into the repository; new files are made known to git by an index of our own.
 */
import type { Stats } from "node:fs";
import { copyFile, lstat, mkdtemp, rm, stat, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { openForReading } from "../files.ts";
import { cleanLine } from "../untrusted/clean.ts";
import { MAX_INPUT_BYTES } from "./git.ts";
import { type FilePatch, type LeftOutFile, MAX_FILE_PATCH_BYTES, PatchReader, type Why } from "./patch.ts";
import type { Repository } from "./repository.ts";

/** What git may say about a change before it is stopped, in bytes: the files after that are not even named. */
const MAX_READ_BYTES = 64 * 1024 * 1024;

/** New files that are looked at. More are not the work of a session, but a folder that git should ignore. */
const MAX_NEW_FILES = 1_000;

/** Mode, hash and stage of a file, as an index takes it, in bytes. */
const MAX_INDEX_FIELDS_BYTES = 128;

/** Files that are not in the patch, by name. */
const MAX_LEFT_NAMED = 100;
const MAX_LEFT_CHARS = 200;

export interface Change {
  /** Whole files; those that did not fit are in `left`, never a part of one. */
  readonly files: readonly FilePatch[];
  readonly left: readonly LeftOutFile[];
  /** There is more, and it was not read. */
  readonly cut: boolean;
}

/** Every setting that changes how a patch looks is answered here, so that it can be applied wherever it comes. */
const DIFF = [
  "diff",
  "--patch",
  "--no-color",
  "--no-ext-diff",
  "--no-textconv",
  "--no-relative",
  "--full-index",
  "--submodule=short",
  "--ignore-submodules=dirty",
  "--find-renames",
  "-l400",
  "--unified=3",
  "--inter-hunk-context=0",
  "--diff-algorithm=myers",
  "--src-prefix=a/",
  "--dst-prefix=b/",
  "-O/dev/null",
];

/**
 * Undefined where git could not say.
 * @param withheld whether a file, by its path from the top, must not leave: files that hold secrets by their names.
 * @throws SpreadError `cancelled`
 */
export async function readChange(
  repository: Repository,
  withheld: (path: string) => boolean,
  signal: AbortSignal,
): Promise<Change | undefined> {
  const say = async (args: readonly string[]) => {
    const { status, said } = await repository.ask(args, { signal });
    return status === 0 ? said.toString().replace(/\n$/, "") : undefined;
  };
  const [indexPath, head, emptyFolder, emptyFile] = await Promise.all([
    say(["rev-parse", "--git-path", "index"]),
    say(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]),
    // Only computed, not written: which hashes this repository has. Before the first commit all files are new.
    say(["hash-object", "-t", "tree", "--stdin"]),
    say(["hash-object", "-t", "blob", "--stdin"]),
  ]);
  const base = head ?? emptyFolder;
  const added = await newFiles(repository, withheld, signal);
  if (indexPath === undefined || base === undefined || emptyFile === undefined || !added) return undefined;

  const scratch = await mkdtemp(join(tmpdir(), "claude-spread-index-")).catch(() => undefined);
  if (scratch === undefined) return undefined;
  try {
    const index = join(scratch, "index");
    if (!(await copyIndex(resolve(repository.top, indexPath), index))) return undefined;
    const environment = { GIT_INDEX_FILE: index };
    // Any content will do: git looks at the file itself, since nothing is noted of its size and time.
    const input = added.files.map(({ path, mode }) => `${mode} ${emptyFile} 0\t${path}\0`).join("");
    const known = await repository.ask(["update-index", "-z", "--index-info"], { environment, input, signal });
    if (known.status !== 0) return undefined;
    const reader = new PatchReader(withheld);
    const { ended, status } = await repository.ask([...DIFF, base, "--"], {
      environment,
      maxBytes: MAX_READ_BYTES,
      take: (piece) => reader.push(piece),
      signal,
    });
    const cut = ended === "too-long";
    if (!cut && (ended !== "itself" || status !== 0)) return undefined;
    if (!cut) reader.end(); // else its last change is not whole
    return { files: reader.files, left: [...reader.left, ...added.left], cut: cut || added.cut };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const REASONS = {
  binary: "binary",
  "not-text": "not UTF-8",
  "too-long": "too long",
  withheld: "may hold secrets, or paths of this machine",
  folder: "a repository of its own",
  unreadable: "may not be read",
} as const satisfies Record<Why, string>;

/** What is not in the patch, and why: a clean line each, for the sender and for the patch itself. */
export function leftOut({ left, cut }: Pick<Change, "left" | "cut">): string[] {
  const named = left.slice(0, MAX_LEFT_NAMED);
  const lines = named.map(({ path, why }) => `${cleanLine(path, MAX_LEFT_CHARS) || "?"} (${REASONS[why]})`);
  if (left.length > named.length) lines.push(`${left.length - named.length} more files`);
  if (cut) lines.push("further changes, too many to be read");
  return lines;
}

/**
 * The patch; `git apply` takes it at the repository's top. Before its first file it says what it lacks: git reads past that,
 * and a person who applies it should know.
 */
export function patchText(change: Change): string {
  const lacks = leftOut(change).map((line) => `# Not in this patch: ${line}\n`);
  return [...lacks, ...change.files.map(({ text }) => text)].join("");
}

interface NewFiles {
  readonly files: { readonly path: string; readonly mode: string }[];
  readonly left: LeftOutFile[];
  readonly cut: boolean;
}

/** What git neither knows nor ignores: ordinary files, and links as links. */
async function newFiles(
  repository: Repository,
  withheld: (path: string) => boolean,
  signal: AbortSignal,
): Promise<NewFiles | undefined> {
  const { ended, status, said } = await repository.ask(["ls-files", "--others", "--exclude-standard", "-z"], {
    signal,
  });
  if (ended !== "too-long" && (ended !== "itself" || status !== 0)) return undefined;
  const paths = said.toString().split("\0").slice(0, -1);
  const files: NewFiles["files"] = [];
  const left: LeftOutFile[] = [];
  let inputBytes = 0;
  for (const path of paths.slice(0, MAX_NEW_FILES)) {
    if (path.endsWith("/")) {
      left.push({ path, why: "folder" }); // a repository of its own
      continue;
    }
    const found = await lstat(join(repository.top, path)).catch(() => undefined);
    if (!found) continue; // gone by now, or a name that is not UTF-8
    inputBytes += Buffer.byteLength(path) + MAX_INDEX_FIELDS_BYTES;
    const why = await whyNot(join(repository.top, path), found, withheld(path), inputBytes);
    if (why !== undefined) left.push({ path, why });
    else files.push({ path, mode: modeOf(found) });
  }
  return { files, left, cut: ended === "too-long" || paths.length > MAX_NEW_FILES };
}

/** As git writes it. */
function modeOf(file: Stats): string {
  if (file.isSymbolicLink()) return "120000";
  return file.mode & 0o100 ? "100755" : "100644";
}

async function whyNot(file: string, found: Stats, isWithheld: boolean, inputBytes: number): Promise<Why | undefined> {
  if (isWithheld) return "withheld";
  if (inputBytes > MAX_INPUT_BYTES || (found.isFile() && found.size > MAX_FILE_PATCH_BYTES)) return "too-long";
  if (found.isSymbolicLink()) return undefined;
  // Git gives up altogether at the first file that it may not read.
  const handle = await openForReading(file, "follow").catch(() => undefined);
  await handle?.close();
  return handle ? undefined : "unreadable";
}

/**
 * Before anything was ever added there is no index. A pipe in its place would never end. The copy keeps its time, or an
 * earlier one: a file that was written after that may be another one with the same size, and git looks into it.
 */
async function copyIndex(file: string, to: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) return found === undefined;
  const second = Math.floor(found.mtimeMs / 1_000);
  return await copyFile(file, to)
    .then(() => utimes(to, second, second))
    .then(
      () => true,
      () => false, // no space
    );
}
