/** The lines of a transcript as rows that follow one another, and what can be asked of them. Each answer costs each row once. */
import { type Pace, sorted } from "./pace.ts";
import type { Compaction } from "./transcript-links.ts";

/** Where a line is in its file, in bytes. */
export interface LinePosition {
  readonly start: number;
  readonly bytes: number;
}

export interface Row extends LinePosition {
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
  /** Summed up by a compaction: it travels, but the client does not come by it. */
  gone: boolean;
}

export type Rows = ReadonlyMap<string, Row>;

/** The row with an id, unless it is gone. */
export function liveRow(rows: Rows, id: string | null | undefined): Row | undefined {
  const row = id === null || id === undefined ? undefined : rows.get(id);
  return row?.gone === false ? row : undefined;
}

/** A live row, the one before it, and so on, up to the first that is missing, or came already. */
export async function pathTo(rows: Rows, row: Row, pace: Pace): Promise<Set<Row>> {
  const path = new Set<Row>();
  for (let at: Row | undefined = row; at !== undefined && !path.has(at); at = liveRow(rows, at.after)) {
    path.add(at);
    await pace.step();
  }
  return path;
}

/** For each row that it is asked about, itself or the nearest before it in which somebody spoke. Remembers every answer. */
export class LastSaid {
  readonly #rows: Rows;
  readonly #pace: Pace;
  readonly #known = new Map<Row, Row | undefined>();

  constructor(rows: Rows, pace: Pace) {
    this.#rows = rows;
    this.#pace = pace;
  }

  async of(row: Row): Promise<Row | undefined> {
    const path: Row[] = [];
    let at: Row | undefined = row;
    while (at !== undefined && !at.said && !this.#known.has(at)) {
      this.#known.set(at, undefined); // what leads in a circle leads nowhere
      path.push(at);
      at = liveRow(this.#rows, at.after);
      await this.#pace.step();
    }
    const found = at?.said ? at : at && this.#known.get(at);
    if (found === undefined) return undefined;
    for (const it of path) {
      this.#known.set(it, found);
      await this.#pace.step();
    }
    return found;
  }
}

/** The rows that conversations end with. */
export async function endsOf(rows: Rows, lastSaid: LastSaid, pace: Pace): Promise<Set<Row>> {
  const followed = new Set<string>();
  const answered = new Set<string>();
  for (const { after, said, gone } of rows.values()) {
    await pace.step();
    if (after === null || gone) continue;
    followed.add(after);
    if (said) answered.add(after);
  }
  const ends = new Set<Row>();
  for (const row of rows.values()) {
    await pace.step();
    if (row.gone || followed.has(row.id)) continue;
    const end = await lastSaid.of(row);
    if (end !== undefined && !answered.has(end.id)) ends.add(end);
  }
  return ends;
}

/** Where the row before is missing, the client takes the latest earlier row that is at most this much older, in ms. */
const FALLBACK_MS = 5000;

/** The live rows by time, made at the first use; those of a growing path are passed over, each once. */
export class LatestBefore {
  readonly #rows: Rows;
  readonly #path: ReadonlySet<Row>;
  readonly #pace: Pace;
  #lists: { readonly [sidechain in "true" | "false"]: TimedRows } | undefined;

  /** @param path rows that are not looked for; it may only grow. */
  constructor(rows: Rows, path: ReadonlySet<Row>, pace: Pace) {
    this.#rows = rows;
    this.#path = path;
    this.#pace = pace;
  }

  /** The row to come before one whose own is missing. */
  async of(row: Row): Promise<Row | undefined> {
    this.#lists ??= { true: await this.#listOf(true), false: await this.#listOf(false) };
    const found = this.#lists[`${row.sidechain}`].latestUpTo(row.at, this.#path);
    return found !== undefined && row.at - found.at <= FALLBACK_MS ? found : undefined;
  }

  async #listOf(sidechain: boolean): Promise<TimedRows> {
    const list: Row[] = [];
    for (const row of this.#rows.values()) {
      if (!row.gone && row.sidechain === sidechain && !Number.isNaN(row.at)) list.push(row);
      await this.#pace.step();
    }
    return new TimedRows(await sorted(list, (a, b) => b.at - a.at, this.#pace));
  }
}

class TimedRows {
  /** The latest first, of the same time the first of the file. */
  readonly #rows: readonly Row[];
  /** From each row on, where the next one is that was not passed over; itself, if it was not. */
  readonly #next: Int32Array;

  constructor(rows: readonly Row[]) {
    this.#rows = rows;
    this.#next = Int32Array.from({ length: rows.length + 1 }, (_, at) => at);
  }

  latestUpTo(time: number, path: ReadonlySet<Row>): Row | undefined {
    let [low, high] = [0, this.#rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#rows[middle]?.at ?? 0) <= time) high = middle;
      else low = middle + 1;
    }
    // What is not a time is before none and after none.
    return Number.isNaN(time) ? undefined : this.#rows[this.#free(low, path)];
  }

  #free(from: number, path: ReadonlySet<Row>): number {
    const next = this.#next;
    let at = from;
    for (let row = this.#rows[at]; row !== undefined; row = this.#rows[at]) {
      const to = next[at] as number;
      if (to !== at) at = to;
      else if (path.has(row)) next[at] = at + 1;
      else break;
    }
    for (let it = from; it < at; ) {
      const to = next[it] as number;
      next[it] = at;
      it = to;
    }
    return at;
  }
}
