/** Starts the hub as a detached process: neither signals to the process that starts it nor that process's end reach it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { homeError, homeFolder } from "../home/folders.ts";

/** How long a hub may take to start listening, in ms. */
const START_MS = 10_000;

/** The longest hub.log. A longer one is emptied: it is for the last failure, not for history. */
export const MAX_LOG_BYTES = 256 * 1024;

/** The file descriptor on which the hub reports that it is listening. */
export const READY_FD = 3;

/**
 * The whole environment of a hub: where things are, how text is written, and what Node trusts. What a relay needs comes with
 * each share, and a process that lives on is given nothing secret.
 */
const INHERITED = [
  "PATH",
  "HOME",
  "LANG",
  "LC_ALL",
  "TZ",
  "TMPDIR",
  "DISTILL_LOG",
  "NODE_USE_SYSTEM_CA",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  // Windows needs these for a process to run at all.
  "SystemRoot",
  "USERPROFILE",
  "USERNAME",
  "APPDATA",
  "LOCALAPPDATA",
  "TEMP",
  "TMP",
];

/**
 * Settles when the hub is listening, or has ended because another one was faster, or after START_MS.
 * @param entry the program that becomes a hub when run with the argument `hub`.
 * @throws SpreadError `home-unwritable`, `disk-full`.
 */
export async function startHub(home: string, entry: string): Promise<void> {
  await homeFolder(home, "hub");
  await using log = await open(join(home, "hub.log"), APPEND, 0o600).catch((cause: unknown) => {
    throw homeError(home, cause);
  });
  if ((await log.stat()).size > MAX_LOG_BYTES) await log.truncate();
  const child = spawn(process.execPath, [entry, "hub"], {
    cwd: home,
    env: environment(home),
    detached: true,
    stdio: ["ignore", "ignore", log.fd, "pipe"],
    windowsHide: true,
  });
  const ready = child.stdio[READY_FD] as Readable;
  ready.on("error", () => {});
  const settled = new AbortController();
  const timer = setTimeout(() => settled.abort(), START_MS);
  child.once("error", () => settled.abort()); // Node itself is gone, perhaps by an update
  // If the process says nothing, the pipe closes when it ends.
  const { signal } = settled;
  await Promise.race([once(ready, "data", { signal }), once(ready, "close", { signal })]).catch(() => {});
  clearTimeout(timer);
  settled.abort();
  ready.destroy();
  child.unref();
}

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

function environment(home: string): NodeJS.ProcessEnv {
  const inherited = INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return { ...Object.fromEntries(inherited), DISTILL_HOME: home };
}
