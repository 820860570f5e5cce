/**
 * Which lines of a transcript make the conversation that the client goes on with, and how they follow one another.
 * Mostly each line names the one before it; but a compaction keeps some messages of before, and says only in its
 * boundary that they now follow the summary. The client joins them when it resumes, and this file does the same, to the
 * letter (Claude Code 2.1.197 and 2.1.332 do it alike). Then the lines can travel in an order in which each comes after the
 * one that it follows, and the conversation ends with the last of them.
 */
import type { FileHandle } from "node:fs/promises";
import { SpreadError } from "../errors.ts";
import { joinKept } from "./kept.ts";
import { type PlacedLine, parseLine, placedLinesOf } from "./lines.ts";
import { Pace, sorted } from "./pace.ts";
import { endsOf, LastSaid, LatestBefore, type LinePosition, liveRow, pathTo, type Row } from "./rows.ts";
import { pieces } from "./sessions.ts";
import { type LineLink, linkOf } from "./transcript-links.ts";
import { MAX_TURNS } from "./turns.ts";

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

/**
 * Others have a turn each STRETCH_STEPS lines.
 * @throws SpreadError `too-large` with too many lines, `cancelled`
 */
export async function readThread(handle: FileHandle, size: number, signal?: AbortSignal): Promise<Thread> {
  const reader = new Reader(new Pace(signal));
  for await (const lines of placedLinesOf(pieces(handle, 0, size, signal))) for (const line of lines) reader.add(line);
  return reader.end();
}

class Reader {
  readonly #pace: Pace;
  /** In the order of the file; of rows with the same id the last, in the place of the first. */
  readonly #rows = new Map<string, Row>();
  readonly #joints = new Map<string, string | null>();
  readonly #rewritten: Row[] = [];
  /** The newest row of the conversation's own. */
  #newest: string | undefined;
  #checkpoint: string | undefined;
  #explicit = false;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

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
    const row = { id, parent: link.after, named: after, after, said, sidechain, at, compaction, gone: false, ...place };
    this.#rows.set(id, row);
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

  async end(): Promise<Thread> {
    const joined = await joinKept(this.#rows, this.#pace);
    const leaf = await this.#leaf(joined);
    const ending = leaf === undefined ? [] : await this.#follow(leaf);
    return this.#thread(ending);
  }

  /** The row that the client goes on from. */
  async #leaf(joined: boolean): Promise<Row | undefined> {
    const lastSaid = new LastSaid(this.#rows, this.#pace);
    const checkpoint = liveRow(this.#rows, this.#checkpoint);
    const newest = liveRow(this.#rows, this.#newest);
    const wentBack = this.#explicit && checkpoint?.sidechain === false;
    if (!joined || wentBack) {
      const from = await this.#whereLeft(joined, checkpoint, newest);
      const left = from && (await lastSaid.of(from));
      if (left) return left;
    }
    const ends = await endsOf(this.#rows, lastSaid, this.#pace);
    if (ends.size > 1) {
      const from = checkpoint && ends.has(checkpoint) ? checkpoint : newest;
      const said = from && (await lastSaid.of(from));
      if (said) return said;
    }
    return this.#latest(ends.size > 0 ? ends : this.#rows.values());
  }

  /** The checkpoint, or the newest row where that came of it. */
  async #whereLeft(joined: boolean, checkpoint: Row | undefined, newest: Row | undefined): Promise<Row | undefined> {
    if (checkpoint === undefined) return joined ? undefined : newest;
    if (newest === undefined || this.#explicit) return checkpoint;
    return (await pathTo(this.#rows, newest, this.#pace)).has(checkpoint) ? newest : checkpoint;
  }

  /** The latest row of a conversation of the user's own. */
  async #latest(rows: Iterable<Row>): Promise<Row | undefined> {
    let found: Row | undefined;
    for (const row of rows) {
      await this.#pace.step();
      if (row.gone || !row.said || row.sidechain) continue;
      if (found === undefined || row.at > found.at) found = row;
    }
    return found;
  }

  /**
   * Finds a row to come before each one whose own is missing, and puts after the last row, one after another, what of the
   * client's hangs on it.
   * @returns the last row and those after it
   */
  async #follow(leaf: Row): Promise<Row[]> {
    const path = new Set<Row>();
    const latestBefore = new LatestBefore(this.#rows, path, this.#pace);
    for (let row: Row | undefined = leaf; row !== undefined; ) {
      path.add(row);
      if (row.after === null) break;
      const next = liveRow(this.#rows, row.after);
      const found: Row | undefined = next === undefined || path.has(next) ? await latestBefore.of(row) : next;
      row.after = found?.id ?? null;
      row = found;
      await this.#pace.step();
    }
    const ending = [leaf];
    for (const row of await this.#beside(leaf, path)) {
      row.after = ending.at(-1)?.id ?? null;
      ending.push(row);
    }
    return ending;
  }

  /** What hangs on a row and is no part of the conversation, such as a prompt that was typed meanwhile, by time. */
  async #beside(leaf: Row, path: ReadonlySet<Row>): Promise<Row[]> {
    const hanging = new Map<string, Row[]>();
    for (const row of this.#rows.values()) {
      await this.#pace.step();
      if (row.gone || row.said || row.after === null || path.has(row)) continue;
      const all = hanging.get(row.after);
      if (all === undefined) hanging.set(row.after, [row]);
      else all.push(row);
    }
    const found = new Set(hanging.get(leaf.id));
    for (const row of found) {
      for (const next of hanging.get(row.id) ?? []) found.add(next); // and those on these
      await this.#pace.step();
    }
    return sorted([...found], (a, b) => a.at - b.at || 0, this.#pace);
  }

  /** @param ending the rows that the conversation ends with, each after the one before. */
  async #thread(ending: readonly Row[]): Promise<Thread> {
    await this.#branchOff(ending);
    const elsewhere = new Set<number>();
    for (const { start } of this.#rewritten) elsewhere.add(start);
    for (const { start } of ending) elsewhere.add(start);
    const inFile = await sorted([...this.#rows.values()], (a, b) => a.start - b.start, this.#pace);
    const early = new Map<number, LinePosition[]>();
    const after = new Map<string, string | null>();
    /** Those that are read where they are, or before that; and the last. */
    const done = new Set<Row>(ending);
    for (const row of inFile) {
      await this.#pace.step();
      if (row.after !== row.parent) after.set(row.id, row.after);
      if (done.has(row)) continue;
      const ahead = await this.#ahead(row, done);
      for (const { start } of ahead) elsewhere.add(start);
      if (ahead.length > 0) early.set(row.start, ahead);
    }
    return { after, early, elsewhere, last: ending.map(positionOf) };
  }

  /** Nothing can follow the last row: what did, and was undone, becomes a branch beside it. */
  async #branchOff(ending: readonly Row[]): Promise<void> {
    const last = new Set(ending.map(({ id }) => id));
    const before = ending[0]?.after ?? null;
    for (const row of this.#rows.values()) {
      await this.#pace.step();
      if (row.after !== null && last.has(row.after) && !last.has(row.id)) row.after = before;
    }
  }

  /** The rows that one follows, itself or by others, and that are not done; the first to be read first. All are done then. */
  async #ahead(row: Row, done: Set<Row>): Promise<LinePosition[]> {
    const ahead: LinePosition[] = [];
    done.add(row);
    let at = row.after === null ? undefined : this.#rows.get(row.after);
    while (at !== undefined && !done.has(at)) {
      done.add(at);
      ahead.push(positionOf(at));
      at = at.after === null ? undefined : this.#rows.get(at.after);
      await this.#pace.step();
    }
    return ahead.reverse();
  }
}

function positionOf({ start, bytes }: LinePosition): LinePosition {
  return { start, bytes };
}
