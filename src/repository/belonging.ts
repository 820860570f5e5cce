/**
 * Whether the repository that git found for a checkout is the checkout's own. A folder from elsewhere can hold a `.git` that
 * names any repository of this machine, whose files would then leave as if they were the folder's.
 */
import { lstat, readFile, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";

/** A file that only names a folder, in bytes: no system has paths as long. */
const MAX_POINTER_BYTES = 8 * 1024;

/** What git found; absolute, without links. */
export interface Found {
  readonly top: string;
  readonly gitDir: string;
  /** Where history and settings are: another folder than `gitDir` in a linked worktree. */
  readonly commonDir: string;
  /** Git's `core.worktree`, as it is written in the repository. */
  readonly worktree: string | undefined;
}

/** All that git reads of it lies within the checkout, or says of itself that it is of this checkout. */
export async function belongs(found: Found): Promise<boolean> {
  const { top, gitDir, commonDir } = found;
  // A setting can have moved the top away from the `.git` by which the repository was found.
  if ((await leadsTo(join(top, ".git"))) !== gitDir) return false;
  if (isWithin(top, gitDir) && isWithin(top, commonDir)) return true;
  return (await isLinkedWorktree(found)) || (await isSubmodule(found));
}

/** Whether a path is a folder, or in it. Both absolute, without links. */
export function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** Made by `git worktree add`: the repository keeps a note of each, and the note says where. */
async function isLinkedWorktree({ top, gitDir, commonDir }: Found): Promise<boolean> {
  if (commonDir !== dirname(dirname(gitDir)) || basename(dirname(gitDir)) !== "worktrees") return false;
  const note = await pointer(join(gitDir, "gitdir"));
  return note !== undefined && (await real(resolve(gitDir, note))) === join(top, ".git");
}

/** Its repository lies in the one around it, and says where its files are. */
async function isSubmodule({ top, gitDir, commonDir, worktree }: Found): Promise<boolean> {
  if (commonDir !== gitDir || worktree === undefined || (await real(resolve(gitDir, worktree))) !== top) return false;
  for (let folder = top; folder !== dirname(folder); ) {
    folder = dirname(folder);
    const around = await leadsTo(join(folder, ".git"));
    if (around !== undefined) return isWithin(join(around, "modules"), gitDir);
  }
  return false;
}

/** The folder that a `.git` is, or names. */
async function leadsTo(dotGit: string): Promise<string | undefined> {
  const stats = await lstat(dotGit).catch(() => undefined);
  if (!stats?.isFile()) return stats && (await real(dotGit));
  const said = await pointer(dotGit);
  const mark = "gitdir: ";
  return said?.startsWith(mark) ? await real(resolve(dirname(dotGit), said.slice(mark.length))) : undefined;
}

/** What such a file says. */
async function pointer(path: string): Promise<string | undefined> {
  try {
    const stats = await lstat(path);
    return stats.isFile() && stats.size <= MAX_POINTER_BYTES ? (await readFile(path, "utf8")).trimEnd() : undefined;
  } catch {
    return undefined;
  }
}

function real(path: string): Promise<string | undefined> {
  return realpath(path).catch(() => undefined);
}
