/**
 * The folder on disk that is ours (DISTILL_HOME): how its rooms are made, what its failures are called, and who cleans
 * up after a process that was killed. It knows nothing of what is kept there.
 *
 *     <home>/inbox/     what was received, whole
 *     <home>/staging/   what is being received              both: named by their owners (owner.ts), so that a later start
 *     <home>/spool/     large documents being shared        can tell what still has one
 *     <home>/preview/   what would be shared, for its sender to look at
 *     <home>/installed/ what was put among the client's own files (src/claude/record.ts)
 *     <home>/hub/       the hub's socket, and what it remembers (src/hub/README.md)
 */
import { createHash } from "node:crypto";
import { lstat, mkdir, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { SpreadError, systemCode, toSpreadError } from "../errors.ts";
import { hasLostOwner, isOwnedName, ownedName } from "./owner.ts";

type HomeFolder = "inbox" | "staging" | "spool" | "preview" | "installed" | "hub";

/** How the name of a file begins that is about to replace another one; its owner's name follows. */
const REPLACED = /^[\w-]+\.json\./;

/** Tells the hubs of one machine from another's; not the host name itself, since a home may be shown or copied. */
export const machine = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);

/**
 * The absolute path of a folder in the home, made with mode 0700 if it was missing.
 * @throws SpreadError `home-unwritable`, `disk-full`
 */
export async function homeFolder(home: string, folder: HomeFolder): Promise<string> {
  const path = resolve(home, folder);
  try {
    const made = await mkdir(path, { recursive: true, mode: 0o700 });
    if (made !== undefined) await syncFolder(resolve(home));
    await refuseForeign(home);
    await refuseForeign(path);
  } catch (cause) {
    throw homeError(home, cause);
  }
  return path;
}

/**
 * The owner of a folder can replace our files. In a folder that is open to all, such as /tmp, somebody else may have made ours
 * first. A folder of root's is trusted by all, and root, in a container for instance, works in the folders of others.
 */
async function refuseForeign(folder: string): Promise<void> {
  const own = process.getuid?.() ?? 0; // Windows has no such owners
  const { uid } = await stat(folder);
  if (own !== 0 && uid !== own && uid !== 0) {
    throw new SpreadError("home-unwritable", `${folder} belongs to another user`);
  }
}

/** A failure of the file system in the home, in our words. What is a `SpreadError` already stays as it is. */
export function homeError(home: string, cause: unknown): SpreadError {
  const code = systemCode(cause);
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new SpreadError("disk-full", `there is no space left for ${home}`, { cause });
    case "EACCES":
    case "EPERM":
    case "EROFS":
    case "ENOTDIR":
    case "EISDIR":
    case "EEXIST":
    case "ENOENT":
    case "ELOOP":
    case "EXDEV":
    case "ENAMETOOLONG":
      return new SpreadError("home-unwritable", `nothing can be kept in ${home} (${code})`, { cause });
    default:
      return toSpreadError(cause);
  }
}

/** Puts a file, for the user alone, in the place of another one or of none: a reader sees the one or the other, whole. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.${ownedName()}`;
  try {
    await writeFile(fresh, text, { flag: "wx", mode: 0o600 });
    await rename(fresh, path);
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => {});
    throw cause;
  }
}

/** Makes the names in a folder survive a power cut, where the platform can open and sync a folder. */
export async function syncFolder(path: string): Promise<void> {
  try {
    await using folder = await open(path, "r");
    await folder.sync();
  } catch (cause) {
    // Windows cannot open a folder, and some file systems cannot sync one. What is left is a failing disk.
    if (systemCode(cause) === "EIO") throw cause;
  }
}

/**
 * Removes what processes that are gone left in staging/, spool/ and preview/, and of files that they were replacing, never
 * what a living one holds. For the start of a server; it never throws: a leftover must not block startup.
 */
export async function sweepHome(home: string): Promise<void> {
  for (const folder of ["staging", "spool", "preview", "hub", "."]) {
    const path = resolve(home, folder);
    for (const name of await readdir(path).catch(() => [])) {
      if (await isLeftover(path, name)) await rm(join(path, name), { recursive: true, force: true }).catch(() => {});
    }
  }
}

async function isLeftover(folder: string, name: string): Promise<boolean> {
  const owner = name.replace(REPLACED, "");
  if (!isOwnedName(owner)) return false;
  const found = await lstat(join(folder, name)).catch(() => undefined);
  return found !== undefined && hasLostOwner(owner, found.mtimeMs);
}
