/**
 * Where the client keeps what is its own: sessions and memory, a folder for each project. What lies in the files is
 * none of this room's business. A folder that the user made a link is the user's choice down to `projects`; below it
 * no link is followed, since what lies there may come from anywhere.
 *
 *     <config>/projects/<the project's path, every character but A-Z a-z 0-9 a "-">/<session id>.jsonl
 *     <config>/projects/<the same of the repository's root>/memory/MEMORY.md
 */
import { type FileHandle, lstat, mkdir, readFile, realpath, rmdir } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { SpreadError, systemCode, toSpreadError } from "../errors.ts";
import { foldersUpFrom, openOrdinaryFile } from "../files.ts";

/** The client cuts a longer name, and appends a hash; in UTF-16 units. */
const MAX_NAME_CHARS = 200;

/** What git writes into a `.git` that is a file, and into `commondir`, in bytes: one path. */
const MAX_POINTER_BYTES = 8192;

/** CLAUDE_CONFIG_DIR, or `~/.claude`. */
export function configFolder(env: NodeJS.ProcessEnv): string {
  const named = env.CLAUDE_CONFIG_DIR?.trim();
  return resolve(named === undefined || named === "" ? join(homedir(), ".claude") : named);
}

/** The folder name that the client gives a project. @param project its real path. */
export function projectName(project: string): string {
  const name = project.replace(/[^A-Za-z0-9]/g, "-");
  return name.length <= MAX_NAME_CHARS ? name : `${name.slice(0, MAX_NAME_CHARS)}-${hash(project)}`;
}

/** Of a path that is too long for a name: 32 bits, each character times 31 more than the next one, in base 36. */
function hash(text: string): string {
  let value = 0;
  for (let at = 0; at < text.length; at += 1) value = (Math.imul(value, 31) + text.charCodeAt(at)) | 0;
  return Math.abs(value).toString(36);
}

/** All projects' folders. @throws SpreadError `path-unreadable` where there is no such folder. */
export async function projectsFolder(config: string): Promise<string> {
  return realpath(join(config, "projects")).catch((cause: unknown) => {
    throw unreadable("the client's projects folder", cause);
  });
}

/**
 * Acts where the sessions of a project lie. What is missing of that folder is made for it, for the user alone; where the act
 * fails, it is taken away again.
 * @throws SpreadError `path-unreadable`; what `act` throws
 */
export async function inSessionsFolder<T>(
  config: string,
  project: string,
  act: (folder: string) => Promise<T>,
): Promise<T> {
  return inFolder(config, [projectName(await realProject(project))], act);
}

/**
 * Where the memory of a project lies: the one of the repository that it is in, all worktrees and subfolders together.
 */
export async function memoryPath(config: string, project: string): Promise<string> {
  const root = await repositoryRoot(await realProject(project));
  const projects = join(config, "projects");
  return join(await realpath(projects).catch(() => resolve(projects)), projectName(root), "memory");
}

/** The same in the folder of `memoryPath`. @throws SpreadError `path-unreadable`; what `act` throws */
export async function inMemoryFolder<T>(
  config: string,
  project: string,
  act: (folder: string) => Promise<T>,
): Promise<T> {
  return inFolder(config, [basename(dirname(await memoryPath(config, project))), "memory"], act);
}

async function inFolder<T>(config: string, names: readonly string[], act: (folder: string) => Promise<T>): Promise<T> {
  /** The outermost first. */
  const made: string[] = [];
  try {
    return await act(await makeFolder(config, names, made));
  } catch (cause) {
    // One that holds something by now is somebody's.
    for (const folder of made.reverse()) await rmdir(folder).catch(() => {});
    throw cause;
  }
}

/** @param made takes the folders that were missing. */
async function makeFolder(config: string, names: readonly string[], made: string[]): Promise<string> {
  try {
    const projects = resolve(config, "projects");
    const first = await mkdir(projects, { recursive: true, mode: 0o700 });
    if (first !== undefined) {
      for (const above of foldersUpFrom(projects)) if (above.length >= first.length) made.unshift(above);
    }
    let folder = await projectsFolder(config);
    for (const name of names) {
      folder = join(folder, name);
      try {
        await mkdir(folder, { mode: 0o700 });
        made.push(folder);
      } catch (cause) {
        if (systemCode(cause) !== "EEXIST") throw cause;
      }
      await refuseLink(folder);
    }
    return folder;
  } catch (cause) {
    throw unreadable("the client's projects folder", cause);
  }
}

/** The client names a project after its real path. @throws SpreadError `path-unreadable` */
export async function realProject(project: string): Promise<string> {
  return realpath(project).catch((cause: unknown) => {
    throw unreadable("the project", cause);
  });
}

/** @throws SpreadError `path-unreadable` where the path is a link, or is no folder. */
export async function refuseLink(folder: string): Promise<void> {
  const found = await lstat(folder).catch((cause: unknown) => {
    throw unreadable("a folder of the client's", cause);
  });
  if (!found.isDirectory())
    throw new SpreadError("path-unreadable", "a folder of the client's is a link, or no folder");
}

/**
 * An ordinary file in a folder of the client's that is itself no link; the caller closes the handle.
 * @throws SpreadError `path-unreadable`
 */
export async function openOwn(folder: string, name: string): Promise<FileHandle> {
  await refuseLink(folder);
  return openOrdinaryFile(join(folder, name), "a file of the client's").catch((cause: unknown) => {
    throw unreadable("a file of the client's", cause);
  });
}

/**
 * The root of the repository that a folder is in, of all its worktrees the first one's; the folder itself if it is in none.
 * It is found as the client finds it, without git.
 */
async function repositoryRoot(folder: string): Promise<string> {
  for (const at of foldersUpFrom(folder)) {
    const git = join(at, ".git");
    const found = await lstat(git).catch(() => undefined);
    if (found?.isDirectory()) return at;
    if (found?.isFile() && found.size <= MAX_POINTER_BYTES) return (await firstWorktree(at, git)) ?? at;
  }
  return folder;
}

/** `.git` of a worktree names its folder in the first one's `.git`, and `commondir` in there the way back to that. */
async function firstWorktree(worktree: string, git: string): Promise<string | undefined> {
  const pointer = /^gitdir: ([^\n]+)/.exec(await readFile(git, "utf8").catch(() => ""))?.[1];
  if (pointer === undefined) return undefined;
  const own = resolve(worktree, pointer.trim());
  const common = join(own, "commondir");
  const found = await lstat(common).catch(() => undefined);
  if (!found?.isFile() || found.size > MAX_POINTER_BYTES) return undefined; // a submodule's
  const shared = await realpath(resolve(own, (await readFile(common, "utf8").catch(() => "")).trim())).catch(() => "");
  return basename(shared) === ".git" ? dirname(shared) : undefined;
}

function unreadable(what: string, cause: unknown): SpreadError {
  if (cause instanceof SpreadError) return cause;
  return new SpreadError("path-unreadable", `${what} cannot be used (${systemCode(cause) ?? "unknown"})`, { cause });
}

/** A failure to write among the client's files, in our words. What is a `SpreadError` already stays as it is. */
export function writeError(cause: unknown): SpreadError {
  if (cause instanceof SpreadError) return cause;
  const code = systemCode(cause);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new SpreadError("disk-full", "there is no space left for the client's files", { cause });
  }
  return code === undefined ? toSpreadError(cause) : unreadable("the client's folder", cause);
}
