/** A patch that somebody sent: what a person needs to judge it. It is never applied here. */
import type { Repository } from "./repository.ts";

/** Files that are listed. A patch of ours has no more than fit into its bytes. */
const MAX_LISTED = 5_000;

/**
 * The command by which a person checks whether the patch would apply, for a POSIX shell. It changes nothing. At the
 * repository's top, because further down git silently passes over files that are elsewhere.
 * @param patch absolute.
 */
export function checkCommand(patch: string, { top }: Pick<Repository, "top">): string {
  return ["git", "-C", top, "apply", "--check", patch].map(quote).join(" ");
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * The files that the patch would write, as git itself understands it: a patch can be spelled in ways that a look at it does
 * not show. Texts of the sender. Undefined where git cannot read it as a patch.
 * @param patch absolute.
 * @throws SpreadError `cancelled`
 */
export async function touchedBy(
  patch: string,
  repository: Repository,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  const { ended, status, said } = await repository.ask(["apply", "--numstat", "-z", "--", patch], { signal });
  if (ended !== "itself" || status !== 0) return undefined;
  const records = said.toString().split("\0").slice(0, MAX_LISTED);
  return records.flatMap((record) => /^(?:\d+|-)\t(?:\d+|-)\t(.+)$/s.exec(record)?.[1] ?? []);
}
