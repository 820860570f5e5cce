/**
 * Which lines of a transcript make the conversation that the client goes on with, and how they follow one another.
 * Mostly each line names the one before it; but a compaction keeps some messages of before, and says only in its
 * boundary that they now follow the summary. The client joins them when it resumes, and this file does the same, to the
 * letter (Claude Code 2.1.197 and 2.1.332 do it alike). Then the lines can travel in an order in which each comes after the
 * one that it follows, and the conversation ends with the last of them.
 */
import type { FileHandle } from "node:fs/promises";
import { SpreadError } from "../errors.ts";
import { type PlacedLine, parseLine, placedLinesOf } from "./lines.ts";
import { pieces } from "./sessions.ts";
import { type Compaction, type LineLink, linkOf } from "./transcript-links.ts";
import { MAX_TURNS } from "./turns.ts";

/** Where a line is in its file, in bytes. */
interface LinePosition {
  readonly start: number;
  readonly bytes: number;
}

/** How the lines of a transcript are to be read, so that each follows one that was read before. */
export interface Thread {
  /** Of lines that follow another than they say, which: null for none. By the client's id. */
  readonly after: ReadonlyMap<string, string | null>;
  /** By the beginning of a line, those that are read before it, though they are further on in the file. */
  readonly early: ReadonlyMap<number, readonly LinePosition[]>;
  /** The beginnings of lines that are not read where they are: they are early, or last, or were written anew. */
  readonly elsewhere: ReadonlySet<number>;
  /** Read when all others are: what the conversation ends with. */
  readonly last: readonly LinePosition[];
}

/** @throws SpreadError `too-large` with too many lines */
export async function readThread(handle: FileHandle, size: number, signal?: AbortSignal): Promise<Thread> {
  const reader = new Reader();
  for await (const lines of placedLinesOf(pieces(handle, 0, size, signal))) for (const line of lines) reader.add(line);
  return reader.end();
}

interface Row extends LinePosition {
  readonly id: string;
  /** What it names as the line before it. */
  readonly parent: string | null;
  /** The row that `parent` is, or where it is a joint, the row before that. */
  readonly named: string | null;
  /** The row that the client takes for the one before it. */
  after: string | null;
  readonly said: boolean;
  readonly sidechain: boolean;
  readonly at: number;
  readonly compaction: Compaction | undefined;
}

type Rows = Map<string, Row>;

/** Where the row before is missing, the client takes the latest earlier row that is at most this much older, in ms. */
const FALLBACK_MS = 5000;

class Reader {
  /** In the order of the file; of rows with the same id the last, in the place of the first. */
  readonly #rows: Rows = new Map();
  readonly #joints = new Map<string, string | null>();
  readonly #rewritten: Row[] = [];
  /** The newest row of the conversation's own. */
  #newest: string | undefined;
  #checkpoint: string | undefined;
  #explicit = false;

  add({ line, start, bytes }: PlacedLine): void {
    const link = line && linkOf(parseLine(line));
    if (link === undefined) return;
    switch (link.is) {
      case "row":
        this.#addRow(link, { start, bytes });
        break;
      case "joint":
        this.#joints.set(link.id, this.#behindJoints(link.after));
        break;
      case "checkpoint":
        if (link.leaf !== null) this.#explicit = link.explicit || (this.#explicit && link.leaf === this.#checkpoint);
        else if (link.explicit) this.#explicit = false;
        if (link.leaf !== null || link.explicit) this.#checkpoint = link.leaf ?? undefined;
        break;
      default:
        link satisfies never;
    }
  }

  #addRow(link: Extract<LineLink, { is: "row" }>, place: LinePosition): void {
    const { id, said, sidechain, at, compaction, files } = link;
    if (this.#rows.size + this.#joints.size >= MAX_TURNS * 4) {
      throw new SpreadError("too-large", "the session has too many lines");
    }
    const after = this.#behindJoints(link.after);
    const before = this.#rows.get(id);
    if (before) this.#rewritten.push(before);
    this.#rows.set(id, { id, parent: link.after, named: after, after, said, sidechain, at, compaction, ...place });
    if (!sidechain && !files) {
      this.#newest = id;
      this.#explicit = false;
    }
    if (compaction !== undefined) {
      this.#checkpoint = undefined;
      this.#explicit = false;
    }
  }

  #behindJoints(id: string | null): string | null {
    return id === null ? null : (this.#joints.get(id) ?? (this.#joints.has(id) ? null : id));
  }

  end(): Thread {
    const live: Rows = new Map(this.#rows);
    const tail = joinKept(live);
    const leaf = this.#leaf(live, tail !== undefined);
    const ending = leaf === undefined ? [] : follow(live, leaf);
    return this.#thread(ending);
  }

  /** The row that the client goes on from. */
  #leaf(live: Rows, joined: boolean): Row | undefined {
    const checkpoint = this.#checkpoint === undefined ? undefined : live.get(this.#checkpoint);
    const newest = this.#newest === undefined ? undefined : live.get(this.#newest);
    const wentBack = this.#explicit && checkpoint?.sidechain === false;
    const left = !joined || wentBack ? this.#whereLeft(live, joined, checkpoint, newest) : undefined;
    if (left) return left;
    const ends = endsOf(live);
    if (ends.length > 1) {
      const from = checkpoint && ends.includes(checkpoint) ? checkpoint : newest;
      const said = from && lastSaid(live, from);
      if (said) return said;
    }
    const all = ends.length > 0 ? ends : [...live.values()].filter(({ said }) => said);
    return all.filter(({ sidechain }) => !sidechain).reduce<Row | undefined>(later, undefined);
  }

  /** At the checkpoint, or at the newest row where that came of it. */
  #whereLeft(live: Rows, joined: boolean, checkpoint: Row | undefined, newest: Row | undefined): Row | undefined {
    let from = checkpoint;
    if (from && newest && !this.#explicit && before(live, newest).includes(from)) from = newest;
    if (from === undefined && !joined) from = newest;
    return from && lastSaid(live, from);
  }

  /** @param ending the rows that the conversation ends with, each after the one before. */
  #thread(ending: readonly Row[]): Thread {
    const rows = this.#rows;
    const last = new Set(ending.map(({ id }) => id));
    const elsewhere = new Set([...this.#rewritten, ...ending].map(({ start }) => start));
    const early = new Map<number, LinePosition[]>();
    const done = new Set<string>();
    for (const row of rows.values()) {
      // Nothing can follow the last row: what did, and was undone, becomes a branch beside it.
      if (row.after !== null && last.has(row.after) && !last.has(row.id)) row.after = ending[0]?.after ?? null;
    }
    const inFile = [...rows.values()].sort((a, b) => a.start - b.start);
    for (const row of inFile) {
      if (last.has(row.id) || done.has(row.id)) continue;
      const path = before(rows, row, (it) => done.has(it.id) || last.has(it.id)).reverse();
      for (const { id } of path) done.add(id);
      const ahead = path.filter(({ id }) => id !== row.id);
      for (const { start } of ahead) elsewhere.add(start);
      if (ahead.length > 0) early.set(row.start, ahead.map(positionOf));
    }
    const changed = inFile.filter(({ after, parent }) => after !== parent);
    const after = new Map(changed.map((row) => [row.id, row.after]));
    return { after, early, elsewhere, last: ending.map(positionOf) };
  }
}

function positionOf({ start, bytes }: LinePosition): LinePosition {
  return { start, bytes };
}

/**
 * Joins what the last compaction kept to what came of it, and takes out of `rows` what it has summed up.
 * @returns the last row that was kept, if rows were joined.
 */
function joinKept(rows: Rows): Row | undefined {
  const all = [...rows.values()];
  // The client leaves rows as they are where none of the compactions kept any.
  if (!all.some(({ compaction }) => compaction !== undefined && compaction !== "kept nothing")) return undefined;
  const at = all.findLastIndex(({ compaction }) => compaction !== undefined);
  const compaction = all[at]?.compaction ?? "kept nothing";
  const kept = compaction === "kept nothing" ? [] : keptIn(rows, compaction);
  if (kept === undefined) return undefined; // the client cannot either
  const tail = kept.at(-1);
  if (tail !== undefined && compaction !== "kept nothing") hangBehind(compaction.anchor, kept, tail, all);
  const gone = takeOutSummedUp(rows, all.slice(0, at), kept);
  if (tail === undefined) return undefined;
  for (const row of rows.values()) if (row.said && row.after !== null && gone.has(row.after)) row.after = tail.id;
  return tail;
}

/** Puts the rows that were kept after the anchor, in their order, and what followed the anchor after the last of them. */
function hangBehind(anchor: string, kept: readonly Row[], tail: Row, all: readonly Row[]): void {
  let after = anchor;
  for (const row of kept) {
    row.after = after;
    after = row.id;
  }
  for (const row of all) if (row.after === anchor && row !== kept[0]) row.after = tail.id;
}

/** @param earlier rows up to the compaction. @returns the ids of those that were taken out. */
function takeOutSummedUp(rows: Rows, earlier: readonly Row[], kept: readonly Row[]): Set<string> {
  const stay = new Set(kept);
  const gone = new Set(earlier.filter((row) => !stay.has(row)).map(({ id }) => id));
  // What was summed up hangs on nothing that was kept: a client takes a result for one of the call that it hangs on.
  const beforeKept = new Map<string, string | null>();
  for (const { id, named } of kept) beforeKept.set(id, named === null ? null : (beforeKept.get(named) ?? named));
  for (const id of gone) {
    const row = rows.get(id);
    const next = row?.after && beforeKept.get(row.after);
    if (row && next !== undefined) row.after = next !== null && beforeKept.has(next) ? null : next;
    rows.delete(id);
  }
  return gone;
}

/** The rows that were kept; undefined where one is missing, or the way from the last to the first does not lead there. */
function keptIn(rows: Rows, compaction: Exclude<Compaction, "kept nothing">): readonly Row[] | undefined {
  if ("kept" in compaction) {
    const kept = compaction.kept.flatMap((id) => rows.get(id) ?? []);
    return kept.length === compaction.kept.length ? kept : undefined;
  }
  const tail = rows.get(compaction.tail);
  const path = tail === undefined ? [] : before(rows, tail);
  const head = path.findIndex(({ id }) => id === compaction.head);
  return head < 0 ? undefined : path.slice(0, head + 1).reverse();
}

/** A row, the one before it, and so on, up to the first that is missing, came already, or is to `stop` at. */
function before(rows: Rows, row: Row, stop: (row: Row) => boolean = () => false): Row[] {
  const path = new Set<Row>();
  for (let at: Row | undefined = row; at !== undefined && !path.has(at) && !stop(at); ) {
    path.add(at);
    at = at.after === null ? undefined : rows.get(at.after);
  }
  return [...path];
}

/** The row, or the nearest before it, in which somebody spoke. */
function lastSaid(rows: Rows, row: Row): Row | undefined {
  const path = new Set<Row>();
  let at: Row | undefined = row;
  while (at !== undefined && !at.said && !path.has(at)) {
    path.add(at);
    at = at.after === null ? undefined : rows.get(at.after);
  }
  return at?.said ? at : undefined;
}

/** The rows that conversations end with. */
function endsOf(rows: Rows): Row[] {
  const followed = new Set<string>();
  const answered = new Set<string>();
  for (const { after, said } of rows.values()) {
    if (after === null) continue;
    followed.add(after);
    if (said) answered.add(after);
  }
  const ends = new Set<Row>();
  for (const row of rows.values()) {
    const end = followed.has(row.id) ? undefined : lastSaid(rows, row);
    if (end !== undefined && !answered.has(end.id)) ends.add(end);
  }
  return [...ends];
}

function later(a: Row | undefined, b: Row): Row {
  return a === undefined || b.at > a.at ? b : a;
}

/**
 * Finds a row to come before each one whose own is missing, and puts after the last row, one after another, what of the
 * client's hangs on it.
 * @returns the last row and those after it
 */
function follow(live: Rows, leaf: Row): Row[] {
  const path = new Set<Row>();
  for (let row: Row | undefined = leaf; row !== undefined; ) {
    path.add(row);
    if (row.after === null) break;
    const next = live.get(row.after);
    const found: Row | undefined = next === undefined || path.has(next) ? latestBefore(live, row, path) : next;
    row.after = found?.id ?? null;
    row = found;
  }
  const ending = [leaf, ...beside(live, leaf, path)];
  for (const [at, row] of ending.entries()) if (at > 0) row.after = ending[at - 1]?.id ?? null;
  return ending;
}

/** What hangs on a row and is no part of the conversation, such as a prompt that was typed meanwhile, by time. */
function beside(live: Rows, leaf: Row, path: ReadonlySet<Row>): Row[] {
  const hanging = new Map<string, Row[]>();
  for (const row of live.values()) {
    if (row.said || row.after === null || path.has(row)) continue;
    const all = hanging.get(row.after) ?? [];
    hanging.set(row.after, all);
    all.push(row);
  }
  const found = new Set(hanging.get(leaf.id));
  for (const row of found) for (const next of hanging.get(row.id) ?? []) found.add(next); // and those on these
  return [...found].sort((a, b) => a.at - b.at);
}

function latestBefore(live: Rows, row: Row, path: ReadonlySet<Row>): Row | undefined {
  let found: Row | undefined;
  for (const it of live.values()) {
    const older = row.at - it.at;
    if (path.has(it) || it.sidechain !== row.sidechain || !(older >= 0 && older <= FALLBACK_MS)) continue;
    if (found === undefined || it.at > found.at) found = it;
  }
  return found;
}
