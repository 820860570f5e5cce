/**
 * Where in a repository a hand-off was written: enough for a receiver to find the same place, and nothing that is private to
 * the sender's machine. It is read here from a checkout, and the shape here is what is believed of another person's.
 */
import * as z from "zod";
import { cleanLine } from "../untrusted/clean.ts";
import { MAX_REMOTE_CHARS, tellableRemote } from "./remote.ts";
import type { Repository } from "./repository.ts";

/** Changed files that are named. More than these are counted. */
export const MAX_NAMED = 200;

/** A path in a repository, in UTF-16 units. A longer one is cut. */
const MAX_PATH_CHARS = 1_024;
const MAX_BRANCH_CHARS = 255;

const path = z.string().min(1).max(MAX_PATH_CHARS);
const branch = z.string().min(1).max(MAX_BRANCH_CHARS);
const count = z.int().min(0).max(1_000_000_000);

export const Anchor = z.strictObject({
  /** Without credentials. Absent where there is none that others could reach. */
  remote: z.string().min(1).max(MAX_REMOTE_CHARS).optional(),
  /** Absent where HEAD is detached. */
  branch: branch.optional(),
  /** Absent before the first commit. SHA-1 or SHA-256. */
  commit: z
    .string()
    .regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/)
    .optional(),
  /** As far as the sender had fetched. */
  upstream: z.strictObject({ branch, ahead: count, behind: count }).optional(),
  /** The project's folder from the repository's top; absent where it is the top. Paths of the hand-off begin there. */
  folder: path.optional(),
  /** What was not committed; absent where nothing. Paths begin at the repository's top. */
  uncommitted: z
    .strictObject({
      /** At least. */
      count,
      files: z
        .array(
          z.strictObject({
            path,
            change: z.enum(["added", "changed", "deleted", "renamed", "conflicting", "untracked"]),
            /** Of a renamed one. */
            from: path.optional(),
          }),
        )
        .min(1)
        .max(MAX_NAMED),
    })
    .optional(),
});

export type Anchor = z.infer<typeof Anchor>;
type Uncommitted = NonNullable<Anchor["uncommitted"]>["files"][number];

/**
 * Undefined where git could not say: the tree is too large, or damaged.
 * @throws SpreadError `cancelled`
 */
export async function readAnchor(repository: Repository, signal: AbortSignal): Promise<Anchor | undefined> {
  const [status, remotes] = await Promise.all([readStatus(repository, signal), readRemotes(repository, signal)]);
  if (!status) return undefined;
  const { head, upstream, uncommitted } = status;
  const line = (text: string, max: number) => cleanLine(text, max) || "\ufffd";
  const remote = choose(remotes, upstream?.branch);
  const named = uncommitted.files.map(({ path, change, from }) => ({
    path: line(path, MAX_PATH_CHARS),
    change,
    ...(from !== undefined && { from: line(from, MAX_PATH_CHARS) }),
  }));
  return {
    ...(remote !== undefined && { remote }),
    ...(head.branch !== undefined && { branch: line(head.branch, MAX_BRANCH_CHARS) }),
    ...(head.commit !== undefined && { commit: head.commit }),
    ...(upstream && { upstream: { ...upstream, branch: line(upstream.branch, MAX_BRANCH_CHARS) } }),
    ...(repository.folder !== "" && { folder: line(repository.folder, MAX_PATH_CHARS) }),
    ...(uncommitted.count > 0 && { uncommitted: { count: uncommitted.count, files: named } }),
  };
}

interface Status {
  readonly head: { readonly branch?: string; readonly commit?: string };
  readonly upstream: Anchor["upstream"];
  readonly uncommitted: { readonly count: number; readonly files: readonly Uncommitted[] };
}

/** Texts are as git says them. Undefined where it cannot. */
export async function readStatus(repository: Repository, signal: AbortSignal): Promise<Status | undefined> {
  const { ended, status, said } = await repository.ask(
    [
      "status",
      "--porcelain=v2",
      "-z",
      "--branch",
      "--ahead-behind",
      "--find-renames",
      "--untracked-files=normal",
      // The content of a submodule is a repository of its own, with settings of its own.
      "--ignore-submodules=dirty",
    ],
    { signal },
  );
  // A very long answer begins with what matters most.
  if (ended !== "too-long" && (ended !== "itself" || status !== 0)) return undefined;
  const { headers, count, files } = readRecords(said.toString().split("\0").slice(0, -1));
  const branch = headers.get("branch.head");
  const commit = headers.get("branch.oid");
  return {
    head: {
      ...(branch !== undefined && branch !== "(detached)" && { branch }),
      ...(commit !== undefined && commit !== "(initial)" && { commit }),
    },
    upstream: upstreamIn(headers),
    uncommitted: { count, files },
  };
}

interface Records {
  /** What `git status` says of the branch, by its names for that. */
  readonly headers: ReadonlyMap<string, string>;
  /** Of all files that are not committed; MAX_NAMED of them at most are in `files`. */
  readonly count: number;
  readonly files: readonly Uncommitted[];
}

function readRecords(records: readonly string[]): Records {
  const headers = new Map<string, string>();
  const files: Uncommitted[] = [];
  let count = 0;
  for (let at = 0; at < records.length; at += 1) {
    const record = records[at] ?? "";
    const header = /^# (branch\.\w+) (.+)$/s.exec(record);
    if (header?.[1] !== undefined && header[2] !== undefined) {
      headers.set(header[1], header[2]);
      continue;
    }
    const from = record.startsWith("2 ") ? records[++at] : undefined;
    const file = uncommittedFile(record, from);
    if (!file) continue;
    count += 1;
    if (files.length < MAX_NAMED) files.push(file);
  }
  return { headers, count, files };
}

/** Without numbers the branch is configured, and does not exist. */
function upstreamIn(headers: Records["headers"]): Anchor["upstream"] {
  const branch = headers.get("branch.upstream");
  const [, ahead, behind] = /^\+(\d+) -(\d+)$/.exec(headers.get("branch.ab") ?? "") ?? [];
  if (branch === undefined || ahead === undefined || behind === undefined) return undefined;
  return { branch, ahead: Number(ahead), behind: Number(behind) };
}

/** How many fields come before the path, by the first one, which is the record's kind. */
const FIELDS: { readonly [kind: string]: number } = { "1": 8, "2": 9, u: 10, "?": 1 };

/** One record of `git status --porcelain=v2 -z`; in its second field a letter each for index and tree. */
function uncommittedFile(record: string, from: string | undefined): Uncommitted | undefined {
  const [kind = "", letters = "", ...others] = record.split(" ");
  const before = FIELDS[kind];
  if (before === undefined) return undefined;
  const path = [letters, ...others].slice(before - 1).join(" ");
  if (path === "") return undefined;
  if (kind === "?") return { path, change: "untracked" };
  if (kind === "u") return { path, change: "conflicting" };
  if (from !== undefined && letters.includes("R")) return { path, change: "renamed", from };
  if (letters.includes("D")) return { path, change: "deleted" };
  if (letters.includes("A") || letters.includes("C")) return { path, change: "added" };
  return { path, change: "changed" };
}

interface NamedRemote {
  readonly name: string;
  readonly address: string;
}

/** Those to fetch from, with the user's own shorthands written out. */
export async function readRemotes(repository: Repository, signal: AbortSignal): Promise<NamedRemote[]> {
  const { said } = await repository.ask(["remote", "--verbose"], { signal });
  return said
    .toString()
    .split("\n")
    .flatMap((line) => {
      const [, name, address] = /^([^\t]+)\t(.+) \(fetch\)(?: \[[^\]]*\])?$/.exec(line) ?? [];
      return name === undefined || address === undefined ? [] : [{ name, address }];
    });
}

/** That of `origin`, else the one that the branch follows, else the only one. */
function choose(remotes: readonly NamedRemote[], upstream: string | undefined): string | undefined {
  const chosen =
    remotes.find(({ name }) => name === "origin") ??
    remotes.find(({ name }) => upstream?.startsWith(`${name}/`)) ??
    (remotes.length === 1 ? remotes[0] : undefined);
  return chosen && tellableRemote(chosen.address);
}
