/**
 * A received session, put where the client looks for sessions to resume: under a new id, in the project at hand,
 * whole or not at all. Nothing of it is taken over unread: lines are parsed, and what the client gets is written anew
 * from the parts.
 */

import { createHash, randomUUID } from "node:crypto";
import { link, lstat, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { abortReason } from "../abort.ts";
import { SpreadError, systemCode } from "../errors.ts";
import { syncFolder } from "../home/folders.ts";
import { isOwnedName, ownedName } from "../home/owner.ts";
import { MAX_TITLE_CHARS } from "../limits.ts";
import { cleanLine } from "../untrusted/clean.ts";
import { inSessionsFolder, realProject, writeError } from "./folders.ts";
import { Texts } from "./foreign-texts.ts";
import { disarm } from "./marks.ts";
import { makeId, sessionBegins, sessionEnds } from "./notes.ts";

import { showPlaces } from "./paths.ts";
import { claimLine, type Installation, type Origin, removeRecord, senderLine, writeRecord } from "./record.ts";
import { fileOf } from "./transcript.ts";
import { TranscriptWriter } from "./transcript-writer.ts";
import {
  type LeftOutCounts,
  mapTexts,
  readSessions,
  type SessionEnd,
  type SessionHeader,
  type SessionPart,
  type TextChange,
} from "./turns.ts";

export interface ReceivedSession {
  /** Which of those that came together. */
  readonly id: string;
  readonly title: string;
  readonly branch: string | undefined;
  readonly turns: number;
  readonly bytes: number;
  readonly leftOut: LeftOutCounts;
}

/** What came, for the receiver to pick from. @throws SpreadError `not-understood` */
export async function receivedSessions(pieces: AsyncIterable<Uint8Array>): Promise<ReceivedSession[]> {
  const all: ReceivedSession[] = [];
  let header: SessionHeader | undefined;
  for await (const parts of readSessions(pieces)) {
    for (const part of parts) {
      if (part.is === "header") header = part.header;
      if (part.is === "end" && header) all.push(received(header, part.end, part.bytes));
    }
  }
  return all;
}

function received(header: SessionHeader, { turns, left_out: leftOut }: SessionEnd, bytes: number): ReceivedSession {
  const { id, title, branch } = header;
  return {
    id,
    title: cleanLine(title, MAX_TITLE_CHARS),
    branch: branch === undefined ? undefined : cleanLine(branch, MAX_TITLE_CHARS),
    turns,
    bytes,
    leftOut,
  };
}

interface SessionTarget {
  /** The client's configuration folder. */
  readonly config: string;
  /** DISTILL_HOME, where it is written down. */
  readonly home: string;
  /** The user's home folder, which is put where the sender's was named. */
  readonly userHome: string;
  readonly project: string;
  readonly origin: Origin;
  /** Which of the sessions that came together; not needed where it is one. */
  readonly pick?: string;
  readonly signal?: AbortSignal;
}

/** The name, while it is written, of a file that the client does not look at. */
const UNFINISHED = ".claude-spread-";
/** What was left unfinished is removed when it is so old, in ms: no installation takes that long. */
const LEFTOVER_MS = 24 * 60 * 60_000;
const BATCH_CHARS = 256 * 1024;

interface InstalledSession {
  readonly record: Installation;
  /** What was taken out of the texts, as sentences. */
  readonly warnings: readonly string[];
}

/**
 * @returns with the record what it is resumed by: `record.session` is for `claude --resume`.
 * @throws SpreadError `not-understood` for what is no session, `invalid-input` where none was picked, `path-unreadable`,
 * `home-unwritable`, `disk-full`. Nothing is installed then.
 */
export async function installSession(pieces: AsyncIterable<Uint8Array>, to: SessionTarget): Promise<InstalledSession> {
  const project = await realProject(to.project);
  return inSessionsFolder(to.config, project, (folder) => installIn(folder, pieces, { ...to, project }));
}

async function installIn(
  folder: string,
  pieces: AsyncIterable<Uint8Array>,
  to: SessionTarget,
): Promise<InstalledSession> {
  await sweep(folder);
  const session = randomUUID();
  const staged = join(folder, `${UNFINISHED}${ownedName()}`);
  try {
    const written = await write(staged, pieces, to, session);
    const path = join(folder, fileOf(session));
    const { id, title, bytes, sha256, warnings } = written;
    const record: Installation = {
      version: 1,
      id,
      kind: "session",
      installedAt: new Date().toISOString(),
      project: to.project,
      sender: senderLine(to.origin),
      title: claimLine(title),
      sha256: to.origin.sha256,
      ...(to.pick !== undefined && { picked: to.pick }),
      session,
      files: [{ path, bytes, sha256 }],
    };
    await writeRecord(to.home, record);
    try {
      await place(staged, path);
    } catch (cause) {
      await removeRecord(to.home, id);
      throw cause;
    }
    await syncFolder(folder);
    return { record, warnings };
  } catch (cause) {
    throw writeError(cause);
  } finally {
    await rm(staged, { force: true }).catch(() => {});
  }
}

interface WrittenSession {
  readonly id: string;
  readonly title: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly warnings: readonly string[];
}

/** Writes the session that was picked to a new file, which is on the disk then. */
async function write(
  staged: string,
  pieces: AsyncIterable<Uint8Array>,
  to: SessionTarget,
  session: string,
): Promise<WrittenSession> {
  await using file = await open(staged, "wx", 0o600);
  const hash = createHash("sha256");
  let bytes = 0;
  const transcriber = new Transcriber(to, session);
  const flush = async () => {
    const piece = Buffer.from(transcriber.take());
    hash.update(piece);
    bytes += piece.length;
    await file.writeFile(piece); // from where the last one ended
  };
  for await (const parts of readSessions(pieces)) {
    if (to.signal?.aborted) throw abortReason(to.signal);
    for (const part of parts) {
      await transcriber.add(part);
      if (transcriber.chars >= BATCH_CHARS) await flush();
    }
  }
  const { id, title, warnings } = transcriber;
  if (title === undefined)
    throw new SpreadError("invalid-input", "the session that was picked is not among those that came");
  await flush();
  await file.sync();
  return { id, title, bytes, sha256: hash.digest("hex"), warnings };
}

/** Turns the parts of received sessions into lines of one transcript: those of the session that was picked. */
class Transcriber {
  /** Of the installation; our notes around the conversation have it. */
  readonly id = makeId();
  readonly #to: SessionTarget;
  readonly #writer: TranscriptWriter;
  readonly #texts = new Texts();
  /** The sender's, cleaned; undefined until the session has begun. */
  #title: string | undefined;
  /** What becomes of each text; undefined outside of the session that was picked. */
  #change: TextChange | undefined;
  #lines = "";

  constructor(to: SessionTarget, session: string) {
    this.#to = to;
    this.#writer = new TranscriptWriter({ session, project: to.project });
  }

  get title(): string | undefined {
    return this.#title;
  }

  /** What was taken out of the texts, as sentences. */
  get warnings(): readonly string[] {
    return this.#texts.warnings;
  }

  /** How much there is to take, in UTF-16 units. */
  get chars(): number {
    return this.#lines.length;
  }

  take(): string {
    const lines = this.#lines;
    this.#lines = "";
    return lines;
  }

  /** @throws SpreadError `invalid-input` where none was picked of several, `not-understood` where two have the same id */
  async add(part: SessionPart): Promise<void> {
    switch (part.is) {
      case "header":
        this.#begin(part.header);
        break;
      case "turn":
        if (this.#change) this.#lines += this.#writer.turn(await mapTexts(part.turn, this.#change));
        break;
      case "end":
        if (this.#change) this.#end(part.end);
        break;
      default:
        part satisfies never;
    }
  }

  #begin(header: SessionHeader): void {
    const { project, userHome, origin, pick } = this.#to;
    if (pick === undefined && this.#title !== undefined) {
      throw new SpreadError("invalid-input", "several sessions came: say which one is to be installed");
    }
    if (pick !== undefined && header.id !== pick) return;
    if (this.#title !== undefined) throw new SpreadError("not-understood", "two of the sessions have the same id");
    const title = cleanLine(header.title, MAX_TITLE_CHARS);
    const show = showPlaces({ project, home: userHome }, header.places);
    this.#title = title;
    this.#change = (text) => disarm(this.#texts.clean(show(text)));
    this.#lines += this.#writer.begin({ text: sessionBegins(this.id, title, origin), at: this.#receivedAt });
  }

  #end({ left_out: leftOut }: SessionEnd): void {
    this.#lines += this.#writer.end({ text: sessionEnds(this.id, leftOut), at: this.#receivedAt });
    this.#change = undefined;
  }

  get #receivedAt(): string {
    return this.#to.origin.receivedAt.toISOString();
  }
}

/**
 * Under a name that nobody has: a link is made or refused, where a rename would replace. Some file systems have none.
 */
async function place(staged: string, path: string): Promise<void> {
  try {
    await link(staged, path);
  } catch (cause) {
    if (!["EPERM", "ENOTSUP", "ENOSYS", "EMLINK"].includes(systemCode(cause) ?? "")) throw cause;
    const taken = await lstat(path).catch(() => undefined);
    if (taken !== undefined) throw cause;
    await rename(staged, path);
  }
}

/** What installations left that were killed. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(UNFINISHED) || !isOwnedName(name.slice(UNFINISHED.length))) continue;
    const path = join(folder, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isFile() && Date.now() - found.mtimeMs > LEFTOVER_MS) await rm(path, { force: true }).catch(() => {});
  }
}
