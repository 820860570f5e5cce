/**
 * Messages that a compaction kept: it says only in its boundary that they now follow the summary, and the client joins them
 * there when it resumes.
 */
import type { Pace } from "./pace.ts";
import { liveRow, pathTo, type Row, type Rows } from "./rows.ts";
import type { Compaction } from "./transcript-links.ts";

/**
 * Joins what the last compaction kept to what came of it; what it has summed up is gone then.
 * @returns whether rows were joined.
 */
export async function joinKept(rows: Rows, pace: Pace): Promise<boolean> {
  const all = [...rows.values()];
  // The client leaves rows as they are where none of the compactions kept any.
  if (!all.some(({ compaction }) => compaction !== undefined && compaction !== "kept nothing")) return false;
  const at = all.findLastIndex(({ compaction }) => compaction !== undefined);
  const compaction = all[at]?.compaction ?? "kept nothing";
  const kept = compaction === "kept nothing" ? [] : await keptIn(rows, compaction, pace);
  if (kept === undefined) return false; // the client cannot either
  const tail = kept.at(-1);
  if (tail !== undefined && compaction !== "kept nothing") await hangBehind(compaction.anchor, kept, tail, all, pace);
  await takeOutSummedUp(all.slice(0, at), kept, pace);
  if (tail === undefined) return false;
  for (const row of all) {
    if (!row.gone && row.said && row.after !== null && rows.get(row.after)?.gone) row.after = tail.id;
    await pace.step();
  }
  return true;
}

/** The rows that were kept; undefined where one is missing, or the way from the last to the first does not lead there. */
async function keptIn(
  rows: Rows,
  compaction: Exclude<Compaction, "kept nothing">,
  pace: Pace,
): Promise<readonly Row[] | undefined> {
  if ("kept" in compaction) {
    const kept = compaction.kept.flatMap((id) => rows.get(id) ?? []);
    return kept.length === compaction.kept.length ? kept : undefined;
  }
  const tail = liveRow(rows, compaction.tail);
  const path = tail === undefined ? [] : [...(await pathTo(rows, tail, pace))];
  const head = path.findIndex(({ id }) => id === compaction.head);
  return head < 0 ? undefined : path.slice(0, head + 1).reverse();
}

/** Puts the rows that were kept after the anchor, in their order, and what followed the anchor after the last of them. */
async function hangBehind(anchor: string, kept: readonly Row[], tail: Row, all: readonly Row[], pace: Pace) {
  let after = anchor;
  for (const row of kept) {
    row.after = after;
    after = row.id;
  }
  for (const row of all) {
    if (row.after === anchor && row !== kept[0]) row.after = tail.id;
    await pace.step();
  }
}

/** @param earlier rows up to the compaction. */
async function takeOutSummedUp(earlier: readonly Row[], kept: readonly Row[], pace: Pace): Promise<void> {
  const stay = new Set(kept);
  // What was summed up hangs on nothing that was kept: a client takes a result for one of the call that it hangs on.
  const beforeKept = new Map<string, string | null>();
  for (const { id, named } of kept) beforeKept.set(id, named === null ? null : (beforeKept.get(named) ?? named));
  for (const row of earlier) {
    await pace.step();
    if (stay.has(row)) continue;
    const next = row.after === null ? undefined : beforeKept.get(row.after);
    if (next !== undefined) row.after = next !== null && beforeKept.has(next) ? null : next;
    row.gone = true;
  }
}
