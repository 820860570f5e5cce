/**
 * Whose something in the home is: its name tells, so that a later start can see whether its owner is still at it.
 *
 *     <pid>-<8 hex digits>-<16 hex digits>
 *
 * The digits are, in this order: the boot of the kernel (5) and the pid namespace (4) in which the pid means something; the
 * machine (5), for after a restart; when the process started (4), since pids are used again; and a count of its own (6),
 * which no process gets through. In names of earlier versions the digits mean something else, and nothing here is equal to
 * them: of those owners nothing is known.
 */
import { createHash, randomUUID } from "node:crypto";
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
  /^(?<pid>[1-9]\d{0,9})-(?<boot>[0-9a-f]{5})(?<namespace0>[0-9a-f]{3})-(?<namespace>[0-9a-f])(?<machine>[0-9a-f]{5})(?<start>[0-9a-f]{4})[0-9a-f]{6}$/;

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
  const digits = here.boot + here.namespace + here.machine + here.start + hex(count++, 6);
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
    const boot = digest(readFileSync("/proc/sys/kernel/random/boot_id", "latin1"), 5);
    const namespace = digest(readlinkSync("/proc/self/ns/pid"), 4);
    // A /proc of another namespace, as a sandbox may have it, speaks of other processes.
    const hasProc = readlinkSync("/proc/self") === String(process.pid);
    const start = startOf(parseStat(readFileSync("/proc/self/stat", "latin1")).startTicks);
    return { boot, namespace, machine: digest(`${machineId()}\0${hostname()}`, 5), start, hasProc };
  } catch {
    const name = hostname();
    // On other systems there are no namespaces, and Node does not tell when a process started. On a Linux that hides /proc,
    // whose pids are which cannot be known: to all others, this process is one of a boot of its own, elsewhere.
    const boot = process.platform === "linux" ? randomUUID() : name;
    const machine = process.platform === "linux" ? boot : name;
    return { boot: digest(boot, 5), namespace: "0000", machine: digest(machine, 5), start: "0000", hasProc: false };
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
