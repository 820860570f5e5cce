/**
 * Opening files that somebody else may have put in the place of ours, without harm: nothing here waits for a writer, and a
 * link is not followed unless the caller wants it. Which files may be opened at all is decided elsewhere.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname, isAbsolute, relative, sep } from "node:path";
import { SpreadError } from "./errors.ts";

/** Without O_NONBLOCK, opening a FIFO waits until somebody writes to it. Windows has neither this flag nor the next. */
const FOLLOWING_LINKS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
const READ_ONLY = FOLLOWING_LINKS | (constants.O_NOFOLLOW ?? 0);

/** Opens anything for reading, at once; the caller closes it. @throws the system's error */
export function openForReading(path: string, links: "refuse" | "follow" = "refuse"): Promise<FileHandle> {
  return open(path, links === "follow" ? FOLLOWING_LINKS : READ_ONLY);
}

/**
 * Opens an ordinary file for reading, and nothing else; the caller closes it.
 * @param what names it in the error: "a received file".
 * @throws SpreadError `path-unreadable` for a folder, a FIFO or a device; the system's error otherwise, for a link too
 */
export async function openOrdinaryFile(path: string, what: string): Promise<FileHandle> {
  const file = await openForReading(path);
  try {
    if ((await file.stat()).isFile()) return file;
    throw new SpreadError("path-unreadable", `${what} is no ordinary file`);
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/** A folder and those around it, up to the root of the file system. @param folder absolute */
export function* foldersUpFrom(folder: string): Generator<string> {
  for (let at = folder; ; at = dirname(at)) {
    yield at;
    if (dirname(at) === at) return;
  }
}

/** Whether a path is a folder, or in it, by whole names: `/project-old` is not within `/project`. Both absolute. */
export function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
