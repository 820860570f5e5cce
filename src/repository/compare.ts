/**
 * A received anchor held against the receiver's checkout: is this the place, how far is it from there, and are the files that
 * the hand-off speaks of as it says? Both anchor and paths are another person's words: they are looked up literally,
 * never followed out of the checkout, and shown as cleaned lines.
 */
import { lstat, realpath } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { cleanLine } from "../untrusted/clean.ts";
import { type Anchor, readRemotes, readStatus } from "./anchor.ts";
import { sameRemote, tellableRemote } from "./remote.ts";
import type { Repository } from "./repository.ts";

/** A file of the hand-off: its path from the sender's project, and what is said to have become of it. */
export interface NamedFile {
  readonly path: string;
  readonly action: "created" | "changed" | "renamed" | "deleted";
}

export interface Comparison {
  /** `unknown` where neither address nor commit can tell. */
  readonly repository: "same" | "other" | "unknown";
  /** Whether the sender's commit is in this checkout; undefined where the sender had none. */
  readonly commitKnown: boolean | undefined;
  /** Of this checkout from the sender's commit, in commits; undefined where it is not known. */
  readonly distance: { readonly ahead: number; readonly behind: number } | "unrelated" | undefined;
  /** Undefined where one of the two is on no branch. */
  readonly sameBranch: boolean | undefined;
  /** Files of this checkout that are not committed; undefined where git could not say. */
  readonly uncommitted: number | undefined;
  readonly files: {
    /** Not there, though they should be. */
    readonly missing: readonly string[];
    /** There, though they were deleted. */
    readonly present: readonly string[];
    /** Other than in the sender's commit. */
    readonly changed: readonly string[];
    /** Paths that lead out of the project, or are none: not looked up. */
    readonly refused: readonly string[];
  };
  /** All of that for a person, with cleaned names. */
  readonly sentences: readonly string[];
}

/** Names in one sentence. */
const MAX_SHOWN = 10;
const MAX_SHOWN_CHARS = 120;

/** Paths looked up, whatever the caller has. */
const MAX_LOOKED_UP = 300;

/** Paths in one command line, in UTF-16 units: Windows takes 32,767 in all. */
const MAX_COMMAND_CHARS = 16_000;

/** @throws SpreadError `cancelled` */
export async function compare(
  anchor: Anchor,
  named: readonly NamedFile[],
  repository: Repository,
  signal: AbortSignal,
): Promise<Comparison> {
  const [status, remotes, commitKnown] = await Promise.all([
    readStatus(repository, signal),
    readRemotes(repository, signal),
    anchor.commit === undefined ? undefined : isKnown(repository, anchor.commit, signal),
  ]);
  const { branch, commit } = status?.head ?? {};
  const commitHere = commitKnown ? anchor.commit : undefined;
  const distance =
    commitHere === undefined || commit === undefined
      ? undefined
      : await distanceOf(repository, commitHere, commit, signal);
  const found = {
    repository: commitKnown
      ? ("same" as const)
      : byRemotes(
          anchor,
          remotes.map(({ address }) => address),
        ),
    commitKnown,
    distance,
    sameBranch: anchor.branch === undefined || branch === undefined ? undefined : anchor.branch === branch,
    uncommitted: status?.uncommitted.count,
  };
  // In another repository the same path is another file.
  const files =
    found.repository === "other"
      ? { missing: [], present: [], changed: [], refused: [] }
      : await lookUp(named.slice(0, MAX_LOOKED_UP), anchor, commitHere, repository, signal);
  const shown = (text: string) => cleanLine(text, MAX_SHOWN_CHARS) || "?";
  const sentences = [
    ...placeSentences(found, anchor, branch, repository, shown),
    ...fileSentences(files, anchor, shown),
  ];
  return { ...found, files, sentences };
}

async function isKnown(repository: Repository, commit: string, signal: AbortSignal): Promise<boolean> {
  return (await repository.ask(["cat-file", "-e", `${commit}^{commit}`], { signal })).status === 0;
}

/** @param commit and `head` are hashes. */
async function distanceOf(
  repository: Repository,
  commit: string,
  head: string,
  signal: AbortSignal,
): Promise<Comparison["distance"]> {
  const base = await repository.ask(["merge-base", commit, head], { signal });
  // A history that was cut off may just not reach back far enough.
  if (base.status === 1) return repository.shallow ? undefined : "unrelated";
  if (base.status !== 0) return undefined;
  const { status, said } = await repository.ask(["rev-list", "--left-right", "--count", `${commit}...${head}`, "--"], {
    signal,
  });
  const [, behind, ahead] = /^(\d+)\t(\d+)\n$/.exec(said.toString()) ?? [];
  return status === 0 && ahead !== undefined && behind !== undefined
    ? { ahead: Number(ahead), behind: Number(behind) }
    : undefined;
}

/** Any of ours counts: a fork has its origin in one place and its source in another. */
function byRemotes(anchor: Anchor, ours: readonly string[]): Comparison["repository"] {
  const theirs = anchor.remote;
  if (theirs === undefined) return "unknown";
  const answers = ours.map((address) => sameRemote(theirs, address));
  if (answers.includes(true)) return "same";
  return answers.includes(false) ? "other" : "unknown";
}

async function lookUp(
  named: readonly NamedFile[],
  anchor: Anchor,
  commit: string | undefined,
  repository: Repository,
  signal: AbortSignal,
): Promise<Comparison["files"]> {
  const files = { missing: [] as string[], present: [] as string[], changed: [] as string[], refused: [] as string[] };
  const there: { readonly path: string; readonly fromTop: string }[] = [];
  for (const { path, action } of named) {
    const fromTop = pathFromTop(anchor.folder, path);
    const state = fromTop === undefined ? "refused" : await look(repository.top, fromTop);
    const surprise = surpriseAt(state, action);
    if (surprise !== undefined) files[surprise].push(path);
    else if (fromTop !== undefined && state === "there") there.push({ path, fromTop });
  }
  if (commit === undefined) return files;
  const changed = await changedSince(
    commit,
    there.map(({ fromTop }) => fromTop),
    repository,
    signal,
  );
  for (const { path, fromTop } of there) {
    if (changed.some((name) => name === fromTop || name.startsWith(`${fromTop}/`))) files.changed.push(path);
  }
  return files;
}

/** What is not as the hand-off says; undefined where a file is there or gone as it should be. */
function surpriseAt(
  state: FileState,
  action: NamedFile["action"],
): Exclude<keyof Comparison["files"], "changed"> | undefined {
  if (state === "refused") return "refused";
  if (state === "there") return action === "deleted" ? "present" : undefined;
  return action === "deleted" ? undefined : "missing";
}

/** In git's form, from the repository's top; undefined for what is not plainly a path within the project. */
function pathFromTop(folder: string | undefined, path: string): string | undefined {
  const names = [folder, path]
    .flatMap((part) => part?.replace(/\/+$/, "").split("/") ?? [])
    .filter((name) => name !== ".");
  // A backslash or a colon lets Windows see folders, drives and streams where others see a name.
  const plain = names.every((name) => !/^(?:|\.\.|\.git[. ]*|git~\d)$/i.test(name) && !/[\0-\x1f\\:]/.test(name));
  return plain && names.length > 0 ? names.join("/") : undefined;
}

type FileState = "there" | "missing" | "refused";

/** A link is what it is, and its target is not looked at; one on the way must stay in the checkout. */
async function look(top: string, path: string): Promise<FileState> {
  const full = join(top, path);
  const folder = await realpath(dirname(full)).catch(() => undefined);
  if (folder === undefined) return "missing";
  const within = relative(top, folder);
  if (within === ".." || within.startsWith(`..${sep}`) || join(top, within) !== folder) return "refused";
  if (within.split(sep)[0]?.toLowerCase() === ".git") return "refused";
  return lstat(full).then(
    () => "there" as const,
    () => "missing" as const,
  );
}

/** Those of the paths, or files below them, whose content here is another than in the commit. */
async function changedSince(
  commit: string,
  paths: readonly string[],
  repository: Repository,
  signal: AbortSignal,
): Promise<string[]> {
  const changed: string[] = [];
  for (const some of batches(paths)) {
    const { said } = await repository.ask(
      [
        "diff",
        "--name-only",
        "-z",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--no-relative",
        "--ignore-submodules=dirty",
        commit,
        "--",
        ...some,
      ],
      { signal },
    );
    changed.push(...said.toString().split("\0").slice(0, -1));
  }
  return changed;
}

function batches(paths: readonly string[]): string[][] {
  const all: string[][] = [];
  let chars = MAX_COMMAND_CHARS;
  for (const path of paths) {
    chars += path.length + 3;
    if (chars > MAX_COMMAND_CHARS) {
      all.push([]);
      chars = path.length;
    }
    all.at(-1)?.push(path);
  }
  return all;
}

type CheckoutComparison = Omit<Comparison, "files" | "sentences">;
type Show = (text: string) => string;

function placeSentences(
  found: CheckoutComparison,
  anchor: Anchor,
  branch: string | undefined,
  { shallow }: Repository,
  show: Show,
): string[] {
  if (found.repository === "other") {
    const remote = anchor.remote && tellableRemote(anchor.remote);
    return [`This checkout is of another repository: the hand-off is about ${remote ? show(remote) : "another one"}.`];
  }
  const isKnown = found.repository === "same";
  return [
    ...(isKnown ? [] : ["Whether this is the hand-off's repository cannot be told."]),
    ...commitSentences(found, anchor.commit?.slice(0, 12), shallow),
    ...branchSentences(found, anchor.branch, branch, show),
    ...uncommittedSentences(found, anchor),
  ];
}

/** @param short the sender's commit, as it is shown. */
function commitSentences(
  { commitKnown, distance }: CheckoutComparison,
  short: string | undefined,
  shallow: boolean,
): string[] {
  if (commitKnown === false) {
    return [
      shallow
        ? `The sender's commit ${short} is not in this clone, whose history was cut off: git fetch --unshallow may bring it.`
        : `The sender's commit ${short} is not in this checkout: fetch it, or ask the sender whether it was pushed.`,
    ];
  }
  if (distance === "unrelated") return [`This checkout and the sender's commit ${short} have no common history.`];
  if (distance) return distanceSentences(distance, short);
  return commitKnown ? [`How far this checkout is from the sender's commit ${short} cannot be told.`] : [];
}

function branchSentences(
  { sameBranch }: CheckoutComparison,
  theirs: string | undefined,
  ours: string | undefined,
  show: Show,
): string[] {
  if (sameBranch !== false || theirs === undefined || ours === undefined) return [];
  return [`The sender was on branch ${show(theirs)}; this checkout is on ${show(ours)}.`];
}

function uncommittedSentences({ uncommitted: ours }: CheckoutComparison, { uncommitted }: Anchor): string[] {
  const theirs = uncommitted?.count ?? 0;
  const sentences = theirs > 0 ? [`The sender had not committed ${files(theirs)}.`] : [];
  if (ours === undefined) sentences.push("What is not committed in this checkout could not be read.");
  else if (ours > 0) sentences.push(`In this checkout, ${files(ours)} ${ours === 1 ? "is" : "are"} not committed.`);
  return sentences;
}

function distanceSentences({ ahead, behind }: { ahead: number; behind: number }, short: string | undefined): string[] {
  if (ahead === 0 && behind === 0) return [`This checkout is at the sender's commit ${short}.`];
  const ways = [ahead > 0 && `${commits(ahead)} ahead of`, behind > 0 && `${commits(behind)} behind`].filter(Boolean);
  return [`This checkout is ${ways.join(" and ")} the sender's commit ${short}.`];
}

function fileSentences(
  { missing, present, changed, refused }: Comparison["files"],
  anchor: Anchor,
  show: Show,
): string[] {
  const list = (paths: readonly string[]) => {
    const more = paths.length - MAX_SHOWN;
    return [...paths.slice(0, MAX_SHOWN).map(show), ...(more > 0 ? [`${more} more`] : [])].join(", ");
  };
  const hadChanges = (anchor.uncommitted?.count ?? 0) > 0 ? " (the sender may not have committed it)" : "";
  return [
    ...(missing.length > 0 ? [`Named in the hand-off, and not here${hadChanges}: ${list(missing)}.`] : []),
    ...(present.length > 0 ? [`Deleted by the hand-off, and still here: ${list(present)}.`] : []),
    ...(changed.length > 0 ? [`Not as in the sender's commit: ${list(changed)}.`] : []),
    ...(refused.length > 0 ? [`Paths that lead out of the project, and were not looked at: ${list(refused)}.`] : []),
  ];
}

const files = (n: number) => (n === 1 ? "1 file" : `${n} files`);
const commits = (n: number) => (n === 1 ? "1 commit" : `${n} commits`);
