/**
 * The folder of the log, for an operator who wants one: for each day, in UTC, its lines and how often what happened. Nothing
 * waits for the disk: it is written to without blocking, and what it does not take in time is lost, and counted as lost.
 */
import { createWriteStream, type WriteStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";
import type { Sink } from "./sink.ts";

/** Lines of one day, in bytes: half a million of them. Nobody can fill the disk by making a relay log more. */
const MAX_DAY_BYTES = 64 * 1024 * 1024;
/** Lines that the disk has not taken yet, in bytes. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** For how many days lines are kept. Counts are small, and stay. */
const DAYS_KEPT = 30;
/** Between two writings of the counts, and two looks whether a disk that failed works again, in ms. */
const LOOK_MS = 60_000;
const MS_PER_DAY = 24 * 60 * 60_000;

/** Others of the operator's group may read: with RELAY_LOG_DETAIL there are networks in it. */
const FOLDER_MODE = 0o750;
const FILE_MODE = 0o640;

const OF_EVENTS = /^events-(\d{4}-\d\d-\d\d)\.jsonl$/;
const LOST = "line-lost";

const EventCounts = z.record(z.string(), z.int().nonnegative());
type EventCounts = z.infer<typeof EventCounts>;

const eventsOf = (day: string) => `events-${day}.jsonl`;
const countsOf = (day: string) => `counts-${day}.json`;
const utcDay = () => new Date().toISOString().slice(0, 10);

export class LogFolder implements Sink {
  readonly #path: string;
  readonly #today: () => string;
  readonly #looks: NodeJS.Timeout;
  #day: string;
  #events: WriteStream;
  #dayBytes: number;
  #counts: EventCounts;
  #changed = false;
  /** Files are written one after the other. */
  #saved: Promise<void> = Promise.resolve();
  #saving = 0;

  /**
   * Goes on with what is there of the day. One relay a folder.
   * @param today the day in UTC, `2026-11-20`
   * @throws the system's error if it cannot be made or written to
   */
  static async open(path: string, today: () => string = utcDay): Promise<LogFolder> {
    await mkdir(path, { recursive: true, mode: FOLDER_MODE });
    const day = today();
    const file = await open(join(path, eventsOf(day)), "a", FILE_MODE);
    const { size } = await file.stat();
    await file.close();
    return new LogFolder(path, today, day, size, await readCounts(join(path, countsOf(day))));
  }

  private constructor(path: string, today: () => string, day: string, dayBytes: number, counts: EventCounts) {
    this.#path = path;
    this.#today = today;
    this.#day = day;
    this.#dayBytes = dayBytes;
    this.#counts = counts;
    this.#events = this.#openEvents();
    this.#looks = setInterval(() => this.#look(), LOOK_MS);
    void this.#removeOld();
  }

  /** One more of it on this day. */
  count(what: string): void {
    this.#turn();
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
    this.#changed = true;
  }

  write(line: string): void {
    this.#turn();
    const bytes = Buffer.byteLength(line);
    const fits = this.#dayBytes + bytes <= MAX_DAY_BYTES && this.#events.writableLength < MAX_BUFFERED_BYTES;
    if (!fits || !this.#events.writable) {
      this.count(LOST);
      return;
    }
    this.#dayBytes += bytes;
    this.#events.write(line, (failed) => failed && this.count(LOST));
  }

  async close(ms: number): Promise<void> {
    clearInterval(this.#looks);
    const late = new AbortController();
    await Promise.race([this.#finish(), delay(ms, undefined, { signal: late.signal }).catch(() => {})]);
    late.abort();
    this.#events.destroy();
  }

  /** The counts last: what the disk did not take is among them. */
  async #finish(): Promise<void> {
    const events = this.#events;
    if (!events.destroyed) await new Promise<void>((closed) => events.once("close", closed).end());
    this.#save();
    await this.#saved;
  }

  /** A new day has files of its own. */
  #turn(): void {
    const today = this.#today();
    if (today === this.#day) return;
    this.#save();
    this.#events.end();
    this.#day = today;
    this.#dayBytes = 0;
    this.#counts = {};
    this.#events = this.#openEvents();
    void this.#removeOld();
  }

  #look(): void {
    this.#turn();
    if (this.#events.destroyed) {
      this.#events = this.#openEvents();
      // What failed may have left half a line.
      this.#events.write("\n");
    }
    if (this.#saving === 0) this.#save();
  }

  #openEvents(): WriteStream {
    const events = createWriteStream(join(this.#path, eventsOf(this.#day)), { flags: "a", mode: FILE_MODE });
    // It is destroyed then, and the next look opens it again.
    return events.on("error", () => {});
  }

  /** A reader finds the old counts or the new ones, never half of them. */
  #save(): void {
    if (!this.#changed) return;
    this.#changed = false;
    const path = join(this.#path, countsOf(this.#day));
    const text = `${JSON.stringify(this.#counts, undefined, 2)}\n`;
    this.#saving += 1;
    this.#saved = this.#saved
      .then(() => writeFile(`${path}.new`, text, { mode: FILE_MODE }))
      .then(() => rename(`${path}.new`, path))
      .catch(() => {
        this.#changed = true;
      })
      .finally(() => {
        this.#saving -= 1;
      });
  }

  async #removeOld(): Promise<void> {
    const first = new Date(Date.parse(this.#day) - DAYS_KEPT * MS_PER_DAY).toISOString().slice(0, 10);
    const names = await readdir(this.#path).catch(() => []);
    for (const name of names) {
      const [, day] = OF_EVENTS.exec(name) ?? [];
      if (day !== undefined && day < first) await rm(join(this.#path, name), { force: true }).catch(() => {});
    }
  }
}

/** None for a file that is not there, or that somebody else has written. */
async function readCounts(path: string): Promise<EventCounts> {
  try {
    return EventCounts.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return {};
  }
}
