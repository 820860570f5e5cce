/**
 * Whether the repository that git found for a checkout is the checkout's own. A folder from elsewhere can hold a `.git`
 * that names any repository of this machine, whose files would then leave as if they were the folder's.
 */
import { lstat, readFile, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { foldersUpFrom, isWithin } from "../files.ts";

/** A file that only names a folder or a reference, in bytes: no system has paths as long. */
const MAX_POINTER_BYTES = 8 * 1024;

/** What of a repository tells of files, history and remotes. */
const TELLING = ["HEAD", "index", "config", "config.worktree", "packed-refs", "refs", "reftable", "objects"];

/** References that name another one, after which git gives up. */
const MAX_REFERENCES = 6;

/** What git found; absolute, without links. */
interface CheckoutFolders {
  readonly top: string;
  readonly gitDir: string;
  /** Where history and settings are: another folder than `gitDir` in a linked worktree. */
  readonly commonDir: string;
  /** Git's `core.worktree`, as it is written in the repository. */
  readonly worktree: string | undefined;
  /** Files that its remotes and branches are defined in, as git names them, from the top. */
  readonly sources: ReadonlySet<string>;
}

/** All that git reads of it lies within the checkout, or says of itself that it is of this checkout. */
export async function belongs(found: CheckoutFolders): Promise<boolean> {
  const { top, gitDir, commonDir } = found;
  // A setting can have moved the top away from the `.git` by which the repository was found.
  if ((await leadsTo(join(top, ".git"))) !== gitDir) return false;
  const isInside = isWithin(top, gitDir) && isWithin(top, commonDir);
  return (isInside || (await isLinkedWorktree(found)) || (await isSubmodule(found))) && (await isWhole(found));
}

/** Made by `git worktree add`: the repository keeps a note of each, and the note says where. */
async function isLinkedWorktree({ top, gitDir, commonDir }: CheckoutFolders): Promise<boolean> {
  if (commonDir !== dirname(dirname(gitDir)) || basename(dirname(gitDir)) !== "worktrees") return false;
  const note = await pointer(join(gitDir, "gitdir"));
  return note !== undefined && (await real(resolve(gitDir, note.trimEnd()))) === join(top, ".git");
}

/** Its repository lies in the one around it, and says where its files are. */
async function isSubmodule({ top, gitDir, commonDir, worktree }: CheckoutFolders): Promise<boolean> {
  if (commonDir !== gitDir || worktree === undefined || (await real(resolve(gitDir, worktree))) !== top) return false;
  for (const folder of foldersUpFrom(top)) {
    if (folder === top) continue;
    const around = await leadsTo(join(folder, ".git"));
    if (around !== undefined) return isWithin(join(around, "modules"), gitDir);
  }
  return false;
}

/**
 * Whether no link in it, and no file that its settings include, makes another repository a part of it. It may borrow
 * objects (`git clone --shared`): without a reference to one, nobody gets at it.
 */
async function isWhole(found: CheckoutFolders): Promise<boolean> {
  const { top, gitDir, commonDir, sources } = found;
  const references = await referencesOfHead(found);
  if (!references) return false;
  const folders = [gitDir, commonDir];
  const paths = [...TELLING, ...references].flatMap((name) => folders.map((folder) => join(folder, name)));
  for (const source of sources) paths.push(resolve(top, source));
  const places = await Promise.all(paths.map(real));
  return places.every((place) => place === undefined || [top, ...folders].some((folder) => isWithin(folder, place)));
}

/** Those through which HEAD names its commit. Undefined where they lead to something else than a branch. */
async function referencesOfHead({ gitDir, commonDir }: CheckoutFolders): Promise<string[] | undefined> {
  const names: string[] = [];
  for (let name = "HEAD"; names.length < MAX_REFERENCES; ) {
    names.push(name);
    const place = await real(join(name === "HEAD" ? gitDir : commonDir, name));
    if (place === undefined) return names; // packed, or not there yet
    const said = await pointer(place);
    if (said !== undefined && !said.startsWith("ref:")) return names;
    const [, next] = /^ref:[ \t\r\n]*(refs\/heads\/[^\s\0]+)[ \t\r\n]*$/.exec(said ?? "") ?? [];
    if (next === undefined) return undefined;
    name = next;
  }
  return undefined;
}

/** The folder that a `.git` is, or names. */
async function leadsTo(dotGit: string): Promise<string | undefined> {
  const stats = await lstat(dotGit).catch(() => undefined);
  if (!stats?.isFile()) return stats && (await real(dotGit));
  const said = await pointer(dotGit);
  const mark = "gitdir: ";
  return said?.startsWith(mark) ? await real(resolve(dirname(dotGit), said.slice(mark.length).trimEnd())) : undefined;
}

/** What such a file says. Undefined where we could understand it in another way than git. */
async function pointer(path: string): Promise<string | undefined> {
  try {
    const stats = await lstat(path);
    if (!stats.isFile() || stats.size > MAX_POINTER_BYTES) return undefined;
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await readFile(path));
  } catch {
    return undefined;
  }
}

function real(path: string): Promise<string | undefined> {
  return realpath(path).catch(() => undefined);
}
