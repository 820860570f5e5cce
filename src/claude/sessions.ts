/** Lists the sessions of this machine, newest first, by reading both ends of each file. */

import type { Stats } from "node:fs";
import { type FileHandle, lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { abortReason } from "../abort.ts";
import { SpreadError } from "../errors.ts";
import { openOwn, projectName, projectsFolder, realProject } from "./folders.ts";
import { Texts } from "./foreign-texts.ts";
import { linesOf, parseLine } from "./lines.ts";
import { collectMetadata, isMessage, type SessionMetadata } from "./session-metadata.ts";
import { isSubagent, sessionOf, subagentsFolder } from "./transcript.ts";

export interface Session {
  readonly id: string;
  /**
   * The name it was given, or the first prompt, or nothing. Secrets may be in it, and several lines: it is cut only when
   * those are out of it, since of half a secret nobody can tell that it is one.
   */
  readonly title: string;
  /** Where the client was started; undefined where the file does not tell. Not cleaned: it is a path. */
  readonly project: string | undefined;
  /** As the title, secrets and all. */
  readonly branch: string | undefined;
  /** Lines of the conversation: prompts, answers and results of tools. */
  readonly messages: number;
  /** Of a very long session they are estimated, by the part that was counted. */
  readonly counted: boolean;
  readonly bytes: number;
  readonly modifiedAt: Date;
  /** The client's folder that it lies in, absolute. */
  readonly folder: string;
}

interface Sessions {
  readonly sessions: Session[];
  /** How many files there are in all; more than were looked into. */
  readonly files: number;
}

interface Search {
  /** The most sessions to tell of, 1 to MAX_LISTED. */
  readonly limit?: number;
  /** Only those of this project. */
  readonly project?: string;
  readonly signal?: AbortSignal;
}

const MAX_LISTED = 500;
const LISTED = 50;

/** More folders and files than that are not looked at: somebody's script made them. */
const MAX_FOLDERS = 10_000;
const MAX_FILES = 50_000;

/** What is read of a file to tell what it is, in bytes at each end: a prompt with some attachments fits. */
const END_BYTES = 128 * 1024;

/** How much is read to count messages, in bytes: of one file, and of all files. A second of reading. */
const COUNT_BYTES = 64 * 1024 * 1024;
const COUNT_ALL_BYTES = 512 * 1024 * 1024;

const READ_BYTES = 256 * 1024;
/** Files that are looked at side by side. */
const AT_ONCE = 16;

/** @throws SpreadError `path-unreadable` where there is no folder of sessions. */
export async function listSessions(config: string, search: Search = {}): Promise<Sessions> {
  const limit = Math.min(search.limit ?? LISTED, MAX_LISTED);
  const files = await sessionFiles(config, search);
  files.sort((a, b) => b.found.mtimeMs - a.found.mtimeMs || (a.id < b.id ? -1 : 1));
  const sessions: Session[] = [];
  let budget = COUNT_ALL_BYTES;
  for (let at = 0; at < files.length && sessions.length < limit; at += AT_ONCE) {
    if (search.signal?.aborted) throw abortReason(search.signal);
    const told = await Promise.all(
      files.slice(at, at + AT_ONCE).map(async (file) => {
        const count = Math.min(COUNT_BYTES, budget);
        budget -= Math.min(count, file.found.size);
        return tell(file, count).catch(skipped);
      }),
    );
    // What nobody has said a word in is of no use to anyone.
    for (const session of told) if (session && session.messages > 0) sessions.push(session);
  }
  return { sessions: sessions.slice(0, limit), files: files.length };
}

/**
 * Sessions of this machine, in the order of their ids.
 * @throws SpreadError `no-such-session`, `path-unreadable`
 */
export async function findSessions(config: string, ids: readonly string[]): Promise<Session[]> {
  const files = new Map((await sessionFiles(config, {})).map((file) => [file.id, file]));
  const sessions: Session[] = [];
  for (const [at, id] of ids.entries()) {
    const file = files.get(id);
    if (file === undefined) throw new SpreadError("no-such-session", `id ${at + 1} is of no session of this machine`);
    sessions.push(await tell(file, COUNT_BYTES));
  }
  return sessions;
}

/** It vanished, or may not be read: the others are there all the same. */
function skipped(thrown: unknown): undefined {
  if (!(thrown instanceof SpreadError)) throw thrown;
}

interface SessionFile {
  readonly id: string;
  readonly folder: string;
  readonly name: string;
  readonly found: Stats;
}

async function sessionFiles(config: string, { project, signal }: Search): Promise<SessionFile[]> {
  const root = await projectsFolder(config);
  const wanted = project === undefined ? undefined : projectName(await realProject(project));
  const files: SessionFile[] = [];
  for (const folder of await names(root, MAX_FOLDERS, (entry) => entry.isDirectory())) {
    if (signal?.aborted) throw abortReason(signal);
    if (wanted !== undefined && folder !== wanted) continue;
    const path = join(root, folder);
    const found = await names(path, MAX_FILES - files.length, (entry) => entry.isFile());
    const known = found.flatMap((name) => ({ id: sessionOf(name), name }));
    for (let at = 0; at < known.length; at += AT_ONCE) {
      const looked = known.slice(at, at + AT_ONCE).map(async ({ id, name }) => {
        const stats = id === undefined ? undefined : await lstat(join(path, name)).catch(() => undefined);
        if (id !== undefined && stats?.isFile()) files.push({ id, folder: path, name, found: stats });
      });
      await Promise.all(looked);
    }
  }
  return files;
}

/** A link is neither a folder nor a file here. */
async function names(
  folder: string,
  max: number,
  wanted: (entry: { isFile(): boolean; isDirectory(): boolean }) => boolean,
) {
  const found: string[] = [];
  try {
    for await (const entry of await opendir(folder)) {
      if (found.length >= max) break;
      if (wanted(entry)) found.push(entry.name);
    }
  } catch {
    // It vanished, or may not be read.
  }
  return found;
}

async function tell(file: SessionFile, countBytes: number): Promise<Session> {
  await using handle = await openOwn(file.folder, file.name);
  const { size, mtime } = await handle.stat();
  const about: SessionMetadata = {
    cwd: undefined,
    branch: undefined,
    name: undefined,
    summary: undefined,
    firstPrompt: undefined,
  };
  for (const line of await lines(handle, 0, Math.min(size, END_BYTES))) collectMetadata(about, line && parseLine(line));
  if (size > END_BYTES) {
    const from = Math.max(END_BYTES, size - END_BYTES);
    // The first line most likely began before that, and then it is no JSON.
    for (const line of await lines(handle, from, size - from)) collectMetadata(about, line && parseLine(line));
  }
  const { messages, bytes } = await count(handle, Math.min(size, countBytes));
  const counted = bytes >= size;
  // What cannot be seen goes first: in the midst of a secret it would hide that.
  const texts = new Texts();
  const title = texts.clean(about.name ?? about.summary ?? about.firstPrompt ?? "");
  return {
    id: file.id,
    title,
    project: about.cwd,
    branch: about.branch === undefined ? undefined : texts.clean(about.branch),
    messages: counted || bytes === 0 ? messages : Math.round((messages * size) / bytes),
    counted,
    bytes: size,
    modifiedAt: mtime,
    folder: file.folder,
  };
}

async function lines(handle: FileHandle, from: number, bytes: number): Promise<(Buffer | undefined)[]> {
  const all = [];
  for await (const some of linesOf(pieces(handle, from, bytes))) {
    for (const line of some) all.push(line);
  }
  return all;
}

async function count(handle: FileHandle, limit: number): Promise<{ messages: number; bytes: number }> {
  let messages = 0;
  for await (const some of linesOf(pieces(handle, 0, limit))) {
    for (const line of some) if (line === undefined || isMessage(line)) messages += 1;
  }
  return { messages, bytes: limit };
}

/** How many conversations of sub-agents there are beside a session. */
export async function countSubagents({ folder, id }: Session): Promise<number> {
  let path = folder;
  for (const name of subagentsFolder(id)) {
    path = join(path, name);
    if (!(await lstat(path).catch(() => undefined))?.isDirectory()) return 0;
  }
  return (await names(path, MAX_FILES, (entry) => entry.isFile())).filter(isSubagent).length;
}

/** The bytes of an open file, as they are now, up to what is asked for. Each piece is its own. */
export async function* pieces(
  handle: FileHandle,
  from: number,
  bytes: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let at = from; at < from + bytes; ) {
    if (signal?.aborted) throw abortReason(signal);
    const piece = Buffer.allocUnsafe(Math.min(READ_BYTES, from + bytes - at));
    const { bytesRead } = await handle.read(piece, 0, piece.length, at);
    if (bytesRead === 0) return; // it has become shorter
    yield piece.subarray(0, bytesRead);
    at += bytesRead;
  }
}
