/**
 * Transcripts as the client writes them, made by hand; a config folder of the client's, and what comes out of an
 * export.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exportSession } from "../../src/claude/export.ts";
import { projectName } from "../../src/claude/folders.ts";
import type { Origin } from "../../src/claude/record.ts";
import { findSessions } from "../../src/claude/sessions.ts";
import type { Redact, SessionEnd, SessionHeader, Turn } from "../../src/claude/turns.ts";
import { scratch } from "../support/scratch.ts";

export const ORIGIN: Origin = {
  sender: "Ann",
  sha256: "ab".repeat(32),
  receivedAt: new Date("2026-11-20T12:00:00Z"),
};

export const SESSION = "11111111-2222-4333-8444-555555555555";

/** A machine with a user, a project and a client. */
export interface Machine extends AsyncDisposable {
  readonly userHome: string;
  readonly project: string;
  readonly config: string;
  /** DISTILL_HOME */
  readonly home: string;
}

export async function machine(projectPath = "work/the project"): Promise<Machine> {
  const { path, ...rest } = await scratch();
  const userHome = join(path, "ann");
  const project = join(userHome, projectPath);
  await mkdir(project, { recursive: true });
  const config = join(userHome, ".claude");
  await mkdir(join(config, "projects"), { recursive: true });
  return { userHome, project, config, home: join(userHome, ".claude-spread"), ...rest };
}

export function uuid(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
}

export type Fields = { readonly [name: string]: unknown };

/** Line n, behind the one before it. */
function line(n: number, fields: Fields): Fields {
  return {
    parentUuid: n === 0 ? null : uuid(n - 1),
    isSidechain: false,
    uuid: uuid(n),
    timestamp: new Date(Date.UTC(2026, 10, 20, 8, 0, n)).toISOString(),
    sessionId: SESSION,
    version: "2.1.197",
    ...fields,
  };
}

export function user(n: number, content: unknown, fields: Fields = {}): Fields {
  return line(n, { type: "user", message: { role: "user", content }, ...fields });
}

export function assistant(n: number, content: unknown, fields: Fields = {}): Fields {
  const blocks = typeof content === "string" ? [{ type: "text", text: content }] : content;
  return line(n, { type: "assistant", message: { id: `msg_${n}`, role: "assistant", content: blocks }, ...fields });
}

export function attachment(n: number, it: unknown): Fields {
  return line(n, { type: "attachment", attachment: it });
}

export const call = (id: string, input: object = {}, name = "Bash") => ({ type: "tool_use", id, name, input });
export const result = (id: string, content: unknown) => ({ type: "tool_result", tool_use_id: id, content });

/** Writes a transcript of the machine's project; strings are lines as they stand. */
export async function write(at: Machine, lines: readonly (object | string)[], session = SESSION): Promise<string> {
  const folder = join(at.config, "projects", projectName(at.project));
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${session}.jsonl`);
  const text = lines.map((it) => (typeof it === "string" ? it : JSON.stringify({ cwd: at.project, ...it })));
  await writeFile(path, `${text.join("\n")}\n`);
  return path;
}

interface Exported {
  readonly bytes: Buffer;
  readonly header: SessionHeader;
  readonly turns: Turn[];
  readonly end: SessionEnd;
}

export async function exported(
  from: Machine,
  options: { thinking?: boolean; images?: boolean; redact?: Redact } = {},
): Promise<Exported> {
  const [session] = await findSessions(from.config, [SESSION]);
  if (session === undefined) throw new Error("the session is not there");
  const pieces = [];
  for await (const piece of exportSession(session, { userHome: from.userHome, ...options })) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  const [header, ...rest] = bytes
    .toString()
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text));
  return { bytes, header, turns: rest.slice(0, -1), end: rest.at(-1) };
}

/** The texts of all turns, each a line. */
export function textOf(turns: readonly Turn[]): string {
  return turns.flatMap(({ content }) => content.map((block) => (block.type === "text" ? block.text : "-"))).join("\n");
}

/** In pieces that end anywhere. */
export async function* inPieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** The line that a compaction leaves; what comes behind it is the summary. */
export function boundary(n: number, compactMetadata?: object, fields: Fields = {}): Fields {
  const subtype = "compact_boundary";
  return line(n, {
    type: "system",
    subtype,
    content: "Conversation compacted",
    parentUuid: null,
    compactMetadata,
    ...fields,
  });
}

/** Where a received session is installed: on a machine, from ORIGIN. */
export const target = (at: Machine, more = {}) => ({
  config: at.config,
  home: at.home,
  userHome: at.userHome,
  project: at.project,
  origin: ORIGIN,
  ...more,
});

/** The lines of a transcript. */
export async function installedLines(path = "") {
  const text = await readFile(path, "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** When all lines of these were written. */
export const AT = "2026-11-20T08:00:00.000Z";

export const said = (id: string, parentUuid: string | null): Fields => ({
  ...{ type: "user", uuid: id, parentUuid, timestamp: AT, message: { role: "user", content: "hi" } },
});
export const unsaid = (id: string, parentUuid: string | null): Fields => ({
  ...{ type: "attachment", uuid: id, parentUuid, timestamp: AT, attachment: { type: "date" } },
});
export const many = (count: number, line: (n: number) => Fields) => Array.from({ length: count }, (_, n) => line(n));
