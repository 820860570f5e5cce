/**
 * One at a time: whoever puts something among the client's files, or takes it out, does so alone in this home, be it in
 * another process. Between the look whether a thing is there and the moment when it is, nobody else may come.
 */
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SpreadError, systemCode } from "../errors.ts";
import { homeError, homeFolder } from "./folders.ts";
import { hasLostOwner, ownedName } from "./owner.ts";

/** How long, in ms, whoever was killed, or of whom nothing is known here, can hold it: no installation takes that long. */
const HELD_MS = 10 * 60_000;

/** @throws SpreadError `plan-changed` while somebody else is at it; `home-unwritable`, `disk-full`; and as `work` */
export async function withInstallLock<T>(home: string, work: () => Promise<T>): Promise<T> {
  const path = join(await homeFolder(home, "installed"), "at-work");
  const own = ownedName();
  try {
    // Two that find the same leftover in the same moment may both take it for theirs.
    if (await isLeftover(path)) await rm(path, { force: true });
    await writeFile(path, own, { flag: "wx", mode: 0o600 });
  } catch (cause) {
    if (systemCode(cause) !== "EEXIST") throw homeError(home, cause);
    throw new SpreadError("plan-changed", "something else is being installed or taken out right now", { cause });
  }
  try {
    return await work();
  } finally {
    if ((await readFile(path, "utf8").catch(() => "")) === own) await rm(path, { force: true }).catch(() => {});
  }
}

async function isLeftover(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return false;
  if (Date.now() - found.mtimeMs > HELD_MS) return true;
  return hasLostOwner(await readFile(path, "utf8").catch(() => ""), found.mtimeMs);
}
