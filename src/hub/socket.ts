/**
 * Where the hub listens, and how it is made sure that there is one: "Where it is" and "One, for sure" in README.md. What is
 * said there is no business of this room.
 */
import { createHash, randomBytes, randomInt } from "node:crypto";
import { link, lstat, mkdir, readdir, realpath, unlink } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SpreadError, systemCode } from "../errors.ts";
import { homeError, homeFolder, machine } from "../home/folders.ts";

/** In bytes: below the 104 that macOS has for it, and the 108 of Linux. */
const MAX_SOCKET_PATH_BYTES = 100;
/** Somebody is always faster only if somebody always ends. */
const MAX_TRIES = 100;
/** The longest pause, in ms, of a candidate that has met another one. */
const MAX_PAUSE_MS = 50;
/** How long a socket may take to answer, in ms. One that takes longer is busy, and so lives. */
const ANSWER_MS = 1_000;

const NUMBERED = /^(?<machine>[0-9a-f]{8})\.(?<number>[1-9]\d{0,9})$/;
const PENDING = new RegExp(`^${machine}\\.new-[0-9a-f]{8}$`);

const WINDOWS = process.platform === "win32";

/**
 * The address of the hub, whether it still lives or not; undefined if there was none.
 * @throws SpreadError `hub-unreachable` where somebody else could listen.
 */
export async function lastHub(home: string): Promise<string | undefined> {
  if (WINDOWS) return pipeOf(home);
  const folder = await socketFolder(home);
  if (folder === undefined || !(await isOurs(folder))) return undefined;
  const { own, others } = await numberedIn(folder);
  const named = own === 0 ? undefined : nameOf(folder, own);
  if (others.length === 0 || (named !== undefined && (await answers(named)))) return named;
  return (await livingOf(folder, others)) ?? named;
}

/**
 * Has the server listen as the one hub of this home. Answer nobody before this has settled.
 * @returns its address; undefined if there is a hub already.
 * @throws SpreadError `hub-unreachable`, `home-unwritable`, `disk-full`; the server may listen all the same, and is to be closed.
 */
export async function becomeHub(server: Server, home: string): Promise<string | undefined> {
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
      // Two of different host names may have seen each other, and both be gone now: they had better not meet again.
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

/** Lower numbers, and sockets of candidates that were killed. */
async function removeOld(folder: string, upTo: number, own: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const old = PENDING.test(name)
      ? path !== own && !(await answers(path))
      : numberOf(name) > 0 && numberOf(name) <= upTo;
    if (old) await unlink(path).catch(() => {});
  }
}

/** The highest number under the host's name as it is now, and the names of all sockets under other ones. */
async function numberedIn(folder: string): Promise<{ own: number; others: string[] }> {
  const names = await readdir(folder);
  const others = names.filter((name) => NUMBERED.test(name) && numberOf(name) === 0);
  return { own: Math.max(0, ...names.map(numberOf)), others };
}

/** 0 for what is not named after this machine. */
function numberOf(name: string): number {
  const found = NUMBERED.exec(name)?.groups;
  return found?.machine === machine ? Number(found.number) : 0;
}

/**
 * The hub under another name of this host: it has changed since, or the two see different ones, as containers do. What
 * accepts is on this kernel; another machine's socket on a shared drive refuses.
 */
async function livingOf(folder: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) if (await answers(join(folder, name))) return join(folder, name);
  return undefined;
}

function nameOf(folder: string, number: number): string {
  return join(folder, `${machine}.${number}`);
}

/** Whether somebody listens there. */
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

/** The system makes a pipe once, and takes it away with its process. */
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

/** Undefined where there is no home yet. */
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

/** The folder, made if it was missing. */
async function ownFolder(home: string): Promise<string> {
  const folder = (await socketFolder(home)) ?? "";
  await mkdir(folder, { mode: 0o700 }).catch((cause: unknown) => {
    if (systemCode(cause) !== "EEXIST") throw cause;
  });
  await isOurs(folder);
  return folder;
}

/** False where there is none. @throws SpreadError `hub-unreachable` if others can get at what is in it. */
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
