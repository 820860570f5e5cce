/** Starts the hub as a process that belongs to nobody: no signal for whoever starts it, and no end of theirs, reaches it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { homeError, homeFolder } from "../home/folders.ts";

/** How long a hub may take until it listens, in ms. */
const START_MS = 10_000;

/** Of hub.log. A longer one begins anew: it is there for the last failure, not for history. */
export const MAX_LOG_BYTES = 256 * 1024;

/** Where the hub says that it listens, as a file descriptor. */
export const READY_FD = 3;

/**
 * All that a hub gets of an environment: where things are, how text is written, and what Node itself trusts. What a relay
 * needs comes with each share, and nothing secret is for a process that lives on.
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
 * Until it listens, or has ended, as it does where another one was faster.
 * @param entry the program whose argument `hub` makes it the hub.
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
  child.once("error", () => settled.abort()); // Node itself is gone, by an update perhaps
  // The pipe ends with the process, if that says nothing.
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
