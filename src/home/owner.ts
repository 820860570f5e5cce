/**
 * Whose something in the home is: its name tells, so that a later start can see whether its owner is still at it.
 *
 *     <pid>-<8 hex digits>-<16 hex digits>
 *
 * The digits are, in this order: the boot of the kernel (7) and the pid namespace (4) in which the pid means something; the
 * machine (6), for after a restart; when the process started (4), since pids are used again; and a count of its own (3).
 * Names of versions before had a hash of the host's name and random digits, which nothing here is equal to: of those owners
 * nothing is known.
 */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { systemCode } from "../errors.ts";

/**
 * How old, in ms, something may get of whose owner nothing is known. A home can be shared (by containers, by NFS), and
 * whether a process lives cannot be seen from elsewhere; no transfer of 1 GiB that moves at all takes a week.
 */
const UNKNOWN_OWNER_MS = 7 * 24 * 60 * 60_000;

const OWNED =
  /^(?<pid>[1-9]\d{0,9})-(?<boot>[0-9a-f]{7})(?<namespace0>[0-9a-f])-(?<namespace>[0-9a-f]{3})(?<machine>[0-9a-f]{6})(?<start>[0-9a-f]{4})[0-9a-f]{3}$/;

interface Here {
  readonly boot: string;
  readonly namespace: string;
  readonly machine: string;
  readonly start: string;
  /** Whether /proc tells of the processes that our pids mean. */
  readonly hasProc: boolean;
}

let count = 0;
let here: Here | undefined;

/** A name, unused so far, that says whose it is. */
export function ownedName(): string {
  here ??= lookAround();
  const digits = here.boot + here.namespace + here.machine + here.start + hex(count++, 3);
  return `${process.pid}-${digits.slice(0, 8)}-${digits.slice(8)}`;
}

/** Whether `ownedName` could have made it, here or anywhere; then it is a name and no path. */
export function isOwnedName(name: string): boolean {
  return OWNED.test(name);
}

/**
 * Whether nobody holds what has this name any more; false for what is no such name.
 * @param changedMs when it was last changed, in ms since 1970
 */
export async function hasLostOwner(name: string, changedMs: number): Promise<boolean> {
  here ??= lookAround();
  const owner = OWNED.exec(name)?.groups;
  if (owner === undefined) return false;
  const namespace = `${owner.namespace0}${owner.namespace}`;
  if (owner.boot === here.boot && namespace === here.namespace) {
    return !(await isAlive(Number(owner.pid), here.hasProc ? owner.start : undefined));
  }
  if (owner.machine === here.machine && owner.boot !== here.boot) return true; // it was restarted since
  return Date.now() - changedMs > UNKNOWN_OWNER_MS;
}

/** @param start of the process that is meant; undefined where that cannot be seen. */
async function isAlive(pid: number, start: string | undefined): Promise<boolean> {
  if (start === undefined) {
    try {
      return process.kill(pid, 0);
    } catch (cause) {
      return systemCode(cause) !== "ESRCH"; // EPERM: it lives, and belongs to somebody else
    }
  }
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => undefined);
  if (stat === undefined) return false;
  // Linux keeps the pid of a process that has ended until its parent asks, which in a container may be never.
  const { state, startTicks } = parseStat(stat);
  return state !== "Z" && startOf(startTicks) === start;
}

function lookAround(): Here {
  try {
    const boot = digest(readFileSync("/proc/sys/kernel/random/boot_id", "latin1"), 7);
    const namespace = digest(readlinkSync("/proc/self/ns/pid"), 4);
    // A /proc of another namespace, as a sandbox may have it, speaks of other processes.
    const hasProc = readlinkSync("/proc/self") === String(process.pid);
    const start = startOf(parseStat(readFileSync("/proc/self/stat", "latin1")).startTicks);
    return { boot, namespace, machine: digest(`${machineId()}\0${hostname()}`, 6), start, hasProc };
  } catch {
    // Not Linux: there are no namespaces, and Node does not tell when a process started.
    const name = hostname();
    return { boot: digest(name, 7), namespace: "0000", machine: digest(name, 6), start: "0000", hasProc: false };
  }
}

/** Made at the installation of a system, so that it tells machines apart whose hosts have one name. */
function machineId(): string {
  try {
    return readFileSync("/etc/machine-id", "latin1");
  } catch {
    return "";
  }
}

/** proc(5): what follows the name in brackets, which may hold any others. */
function parseStat(stat: string): { readonly state: string; readonly startTicks: number } {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", startTicks: Number(fields[19]) };
}

function startOf(ticks: number): string {
  return hex(ticks, 4);
}

/** The lowest digits of a number. */
function hex(number: number, digits: number): string {
  return (number % 16 ** digits).toString(16).padStart(digits, "0");
}

function digest(text: string, digits: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digits);
}
