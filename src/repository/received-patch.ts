/** A patch that somebody sent: what a person needs to judge it. It is never applied here. */
import { dirname } from "node:path";
import { shellWord } from "../shell.ts";
import { askGit } from "./git.ts";
import type { Repository } from "./repository.ts";

/** Files that are listed. A patch of ours has no more than fit into its bytes. */
const MAX_LISTED = 5_000;

/** What a patch does to files. */
interface Touched {
  /** Texts of the sender: files that it would write, remove, rename or copy, each once. */
  readonly paths: readonly string[];
  /** Whether it makes a symbolic link: what is written below that lands elsewhere. */
  readonly links: boolean;
  /** Whether the paths are all of them. */
  readonly complete: boolean;
}

/**
 * The command by which a person checks whether the patch would apply, for a POSIX shell. It changes nothing. At the
 * repository's top, because further down git silently passes over files that are elsewhere.
 * @param patch absolute.
 */
export function checkCommand(patch: string, { top }: Pick<Repository, "top">): string {
  return ["git", "-C", top, "apply", "--check", patch].map(shellWord).join(" ");
}

/**
 * What the patch would do, as git itself understands it: it can be spelled in ways that a look at it does not show. Git is
 * asked in no repository, because a folder of one would hide what is outside of it. Undefined where git cannot read it as a
 * patch.
 * @param patch absolute.
 * @throws SpreadError `cancelled`
 */
export async function touchedBy(patch: string, signal: AbortSignal): Promise<Touched | undefined> {
  const ask = (...how: string[]) =>
    askGit(dirname(patch), ["apply", ...how, "--numstat", "-z", "--", patch], { environment: NOWHERE, signal });
  // The other way round git names the files that something is renamed or copied from.
  const answers = await Promise.all([ask("--summary"), ask("--reverse")]);
  if (answers.some(({ ended, status }) => ended !== "too-long" && (ended !== "itself" || status !== 0))) {
    return undefined;
  }
  const records = answers.map(({ said }) => said.toString().split("\0"));
  const paths = records.flatMap((some) =>
    some.slice(0, MAX_LISTED).flatMap((record) => RECORD.exec(record)?.[1] ?? []),
  );
  return {
    paths: [...new Set(paths)],
    // The summary is lines, and comes after the last record. Names in it can only make it say more.
    links: / (?:create mode|=>) 120000 /.test(records[0]?.at(-1) ?? ""),
    complete:
      answers.every(({ ended }) => ended === "itself") && records.every((some) => some.length - 1 <= MAX_LISTED),
  };
}

/** Without this, git would look for a repository above the folder. */
const NOWHERE = { GIT_DIR: "/dev/null" } as const;
const RECORD = /^(?:\d+|-)\t(?:\d+|-)\t(.+)$/s;
