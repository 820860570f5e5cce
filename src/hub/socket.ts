/**
 * Where the hub listens, and how exactly one is chosen: "Where it is" and "One, for sure" in README.md. What is said over
 * the socket is in ops.ts.
 */
import { createHash, randomBytes, randomInt } from "node:crypto";
import { link, lstat, mkdir, readdir, realpath, unlink } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SpreadError, systemCode } from "../errors.ts";
import { homeError, homeFolder, machine } from "../home/folders.ts";

/** Below the limits of macOS (104 bytes) and Linux (108). */
const MAX_SOCKET_PATH_BYTES = 100;
/** Losing this often means hubs keep starting and dying: give up. */
const MAX_TRIES = 100;
/** The longest pause, in ms, of a candidate that has met a rival. */
const MAX_PAUSE_MS = 50;
/** How long a socket may take to answer, in ms. A slower one is busy, and therefore alive. */
const ANSWER_MS = 1_000;

const NUMBERED = /^(?<machine>[0-9a-f]{8})\.(?<number>[1-9]\d{0,9})$/;
const PENDING = new RegExp(`^${machine}\\.new-[0-9a-f]{8}$`);

const WINDOWS = process.platform === "win32";

/**
 * @returns the address of the last hub, alive or not; undefined if there has been none.
 * @throws SpreadError `hub-unreachable` if another user could be listening there.
 */
export async function findSocket(home: string): Promise<string | undefined> {
  if (WINDOWS) return pipeOf(home);
  const folder = await socketFolder(home);
  if (folder === undefined || !(await isOurs(folder))) return undefined;
  const { own, others } = await numberedIn(folder);
  const named = own === 0 ? undefined : nameOf(folder, own);
  if (others.length === 0 || (named !== undefined && (await answers(named)))) return named;
  return (await livingOf(folder, others)) ?? named;
}

/**
 * Makes the server listen as the one hub of this home. It must answer nobody before this has settled.
 * @returns its address; undefined if there is a hub already.
 * @throws SpreadError `hub-unreachable`, `home-unwritable`, `disk-full`; close the server even then, it may be listening.
 */
export async function claimSocket(server: Server, home: string): Promise<string | undefined> {
  try {
    await homeFolder(home, "hub");
    return WINDOWS ? await takePipe(server, pipeOf(home)) : await takeNumber(server, await ownFolder(home));
  } catch (cause) {
    throw homeError(home, cause);
  }
}

async function takeNumber(server: Server, folder: string): Promise<string | undefined> {
  const pending = join(folder, `${machine}.new-${randomBytes(4).toString("hex")}`);
  await listen(server, pending);
  try {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const { own: highest, others } = await numberedIn(folder);
      if (highest > 0 && (await answers(nameOf(folder, highest)))) return undefined;
      if (await livingOf(folder, others)) return undefined;
      const own = nameOf(folder, highest + 1);
      if (!(await linked(pending, own))) continue;
      const after = await numberedIn(folder);
      if (after.own === highest + 1 && !(await livingOf(folder, after.others))) {
        await removeOld(folder, highest, pending);
        return own;
      }
      await unlink(own).catch(() => {}); // the higher one may have done it
      // Two candidates under different host names may have seen each other and both given way: avoid a second meeting.
      if (after.others.length > 0) await delay(randomInt(MAX_PAUSE_MS));
    }
  } finally {
    await unlink(pending).catch(() => {});
  }
  throw new SpreadError("hub-unreachable", "hubs come and go too fast");
}

async function linked(existing: string, name: string): Promise<boolean> {
  try {
    await link(existing, name);
    return true;
  } catch (cause) {
    if (systemCode(cause) === "EEXIST") return false;
    throw cause;
  }
}

/** Removes lower numbers, and the sockets of candidates that were killed. */
async function removeOld(folder: string, upTo: number, own: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const old = PENDING.test(name)
      ? path !== own && !(await answers(path))
      : numberOf(name) > 0 && numberOf(name) <= upTo;
    if (old) await unlink(path).catch(() => {});
  }
}

/** The highest number under the current host name, and the sockets under other host names. */
async function numberedIn(folder: string): Promise<{ own: number; others: string[] }> {
  const names = await readdir(folder);
  const others = names.filter((name) => NUMBERED.test(name) && numberOf(name) === 0);
  return { own: Math.max(0, ...names.map(numberOf)), others };
}

/** The number of a socket of this machine; 0 for any other file. */
function numberOf(name: string): number {
  const found = NUMBERED.exec(name)?.groups;
  return found?.machine === machine ? Number(found.number) : 0;
}

/**
 * A living hub under another name of this host: the name has changed, or each process sees its own, as in containers. A
 * socket that accepts is on this kernel; that of another machine, on a shared drive, refuses.
 */
async function livingOf(folder: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) if (await answers(join(folder, name))) return join(folder, name);
  return undefined;
}

function nameOf(folder: string, number: number): string {
  return join(folder, `${machine}.${number}`);
}

/** Whether a process is listening there. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (living: boolean) => {
      socket.destroy();
      resolve(living);
    };
    socket.setTimeout(ANSWER_MS, () => settle(true));
    socket.once("connect", () => settle(true));
    socket.once("error", (cause) => {
      settle(!["ECONNREFUSED", "ENOENT", "ENOTSOCK"].includes(systemCode(cause) ?? ""));
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** The system creates a named pipe only once, and removes it with its process. */
async function takePipe(server: Server, pipe: string): Promise<string | undefined> {
  try {
    await listen(server, pipe);
    return pipe;
  } catch (cause) {
    if (systemCode(cause) === "EADDRINUSE") return undefined;
    throw cause;
  }
}

function pipeOf(home: string): string {
  return `\\\\.\\pipe\\claude-spread-${hashOf(`${userInfo().username}\0${home.toLowerCase()}`)}`;
}

/** Undefined if the home does not exist yet. */
async function socketFolder(home: string): Promise<string | undefined> {
  const real = await realpath(home).catch((cause: unknown) => {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw homeError(home, cause);
  });
  if (real === undefined) return undefined;
  const near = join(real, "hub");
  const longest = join(near, `${machine}.new-01234567`);
  if (Buffer.byteLength(longest) <= MAX_SOCKET_PATH_BYTES) return near;
  // Not the temporary folder of the environment, which may be another one in another session.
  return join("/tmp", `claude-spread-${process.geteuid?.()}-${hashOf(real)}`);
}

/** The socket folder, created if it is missing. */
async function ownFolder(home: string): Promise<string> {
  const folder = (await socketFolder(home)) ?? "";
  await mkdir(folder, { mode: 0o700 }).catch((cause: unknown) => {
    if (systemCode(cause) !== "EEXIST") throw cause;
  });
  await isOurs(folder);
  return folder;
}

/** False if the folder does not exist. @throws SpreadError `hub-unreachable` if other users can reach into it. */
async function isOurs(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch((cause: unknown) => {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw homeError(folder, cause);
  });
  if (found === undefined) return false;
  if (!found.isDirectory() || found.uid !== process.geteuid?.() || (found.mode & 0o077) !== 0) {
    throw new SpreadError("hub-unreachable", `${folder} is not a folder that is yours alone`);
  }
  return true;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
