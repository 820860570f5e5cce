/**
 * One installation at a time in this home, over all processes: between the check whether something is installed and the moment
 * when it is, nobody else may install or take out anything.
 */
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SpreadError, systemCode } from "../errors.ts";
import { homeError, homeFolder } from "./folders.ts";
import { hasLostOwner, ownedName } from "./owner.ts";

/** After this many ms the lock of a process that was killed, or cannot be seen, is taken over: no installation takes that long. */
const HELD_MS = 10 * 60_000;

/** @throws SpreadError `plan-changed` while somebody else is at it; `home-unwritable`, `disk-full`; and as `work` */
export async function withInstallLock<T>(home: string, work: () => Promise<T>): Promise<T> {
  const path = join(await homeFolder(home, "installed"), "at-work");
  const own = ownedName();
  try {
    // Two processes that find the same leftover at the same moment may both take the lock.
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
