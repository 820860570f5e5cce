/**
 * A received memory among the project's own: first a plan that says all that would change, then, when somebody has
 * read it, the same and nothing else. Files come under new names beside the others; what was in MEMORY.md becomes a
 * part of it, between marks. Nothing that is there is altered.
 */
import { createHash } from "node:crypto";
import { chmod, lstat, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { SpreadError, systemCode } from "../errors.ts";
import { syncFolder } from "../home/folders.ts";
import { ownedName } from "../home/owner.ts";
import { inMemoryFolder, memoryPath, openOwn, realProject, writeError } from "./folders.ts";
import { INDEX, INDEX_BYTES, INDEX_LINES, MAX_FILE_BYTES, type Memory, quoted, sameName } from "./memory.ts";
import { day, disarmMarkdown, makeId, memoryBegins, memoryEnds, memoryHeading } from "./notes.ts";
import { type Installation, type Origin, removeRecord, type Section, senderLine, writeRecord } from "./record.ts";

/** All that an installation does; made once, shown, and carried out as it is. */
export interface MemoryPlan {
  readonly id: string;
  /** The project, and the client's folder of its memory. */
  readonly project: string;
  readonly folder: string;
  readonly origin: Origin;
  /** Files that come new, with the names that they were sent with. */
  readonly files: readonly { readonly name: string; readonly sentAs: string; readonly text: string }[];
  /** What comes to the end of MEMORY.md. */
  readonly section: string;
  /** SHA-256 of MEMORY.md when the plan was made; undefined where there is none. */
  readonly before: string | undefined;
  /** What the user should know, as sentences. */
  readonly warnings: readonly string[];
}

/** The longest MEMORY.md that is touched, in bytes: many times what the client reads of it. */
const MAX_INDEX_BYTES = 4 * MAX_FILE_BYTES;

/** The longest name of a file that every file system of today takes; letters may have four of them each. */
const MAX_NAME_BYTES = 255;

/** @throws SpreadError `path-unreadable`, `memory-full` where MEMORY.md would be too long */
export async function planMemory(memory: Memory, to: MemoryTarget): Promise<MemoryPlan> {
  const project = await realProject(to.project);
  const folder = await memoryPath(to.config, project);
  const id = makeId();
  const taken = new Set((await readdir(folder).catch(() => [])).map(sameName));
  const index = memory.files.find(({ name }) => sameName(name) === sameName(INDEX));
  const others = memory.files.filter((file) => file !== index);
  const files = others.map(({ name, text }, n) => {
    const whole = `received-${id}-${name}`;
    const fresh = Buffer.byteLength(whole) <= MAX_NAME_BYTES ? whole : `received-${id}.${n + 1}.md`;
    if (taken.has(sameName(fresh))) throw new SpreadError("internal", "a random name was taken");
    return { name: fresh, sentAs: name, text: fileText(id, text, to.origin) };
  });
  const section = sectionText(id, index?.text, files, to.origin);
  const own = await readIndex(folder);
  const whole = (own ?? "") + separator(own) + section;
  if (Buffer.byteLength(whole) > MAX_INDEX_BYTES) throw new SpreadError("memory-full", `${INDEX} would be too long`);
  const warnings: string[] = [];
  if (whole.split("\n").length - 1 > INDEX_LINES || Buffer.byteLength(whole) > INDEX_BYTES) {
    warnings.push(
      `The client reads ${INDEX_LINES} lines and ${INDEX_BYTES} bytes of ${INDEX}: with this it is longer.`,
    );
  }
  return { id, project, folder, origin: to.origin, files, section, before: own && digest(own), warnings };
}

interface MemoryTarget {
  readonly config: string;
  readonly project: string;
  readonly origin: Origin;
}

/**
 * Carries the plan out, all of it or nothing.
 * @throws SpreadError `plan-changed` where MEMORY.md has changed since the plan was made; `path-unreadable`,
 * `home-unwritable`, `disk-full`
 */
export async function installMemory(plan: MemoryPlan, to: { config: string; home: string }): Promise<Installation> {
  return inMemoryFolder(to.config, plan.project, (folder) => installIn(folder, plan, to.home));
}

async function installIn(folder: string, plan: MemoryPlan, home: string): Promise<Installation> {
  const own = await readIndex(folder);
  if ((own && digest(own)) !== plan.before) {
    throw new SpreadError("plan-changed", `${INDEX} has changed since the plan was made`);
  }
  const record = recordOf(plan, folder, own);
  await writeRecord(home, record);
  const made: string[] = [];
  try {
    for (const { name, text } of plan.files) {
      const path = join(folder, name);
      await using file = await open(path, "wx", 0o600);
      made.push(path);
      await file.writeFile(text);
      await file.sync();
    }
    await replaceIndex(folder, own, (own ?? "") + separator(own) + plan.section);
    await syncFolder(folder);
    return record;
  } catch (cause) {
    for (const path of made) await rm(path, { force: true }).catch(() => {});
    await removeRecord(home, plan.id);
    throw writeError(cause);
  }
}

function recordOf(plan: MemoryPlan, folder: string, own: string | undefined): Installation {
  const files = plan.files.map(({ name, text }) => ({
    path: join(folder, name),
    bytes: Buffer.byteLength(text),
    sha256: digest(text),
  }));
  return {
    version: 1,
    id: plan.id,
    kind: "memory",
    installedAt: new Date().toISOString(),
    project: plan.project,
    sender: senderLine(plan.origin),
    title: `${files.length === 1 ? "1 file" : `${files.length} files`} and a part of ${INDEX}`,
    sha256: plan.origin.sha256,
    files,
    section: {
      path: join(folder, INDEX),
      sha256: digest(plan.section),
      lead: separator(own),
      madeFile: own === undefined,
    },
  };
}

/**
 * Between comments that a person finds in the file, and words that the model gets to read; every line marked as not
 * ours.
 */
function sectionText(id: string, text: string | undefined, files: MemoryPlan["files"], origin: Origin): string {
  const names = new Map(files.map(({ name, sentAs }) => [sentAs, name]));
  const links = files.map(({ name, sentAs }) => `> - [${sentAs}](${encodeURI(name)})`);
  return [
    sectionMark("begin", id),
    `## ${memoryHeading(id)} (${day(origin.receivedAt)})`,
    "",
    memoryBegins(id, origin),
    ...(text === undefined ? [] : ["", quoted(disarmMarkdown(relinked(text, names)))]),
    ...(links.length === 0 ? [] : ["", "Its files:", ...links]),
    "",
    memoryEnds(id),
    `${sectionMark("end", id)}\n`,
  ].join("\n");
}

export function sectionMark(which: "begin" | "end", id: string): string {
  return `<!-- claude-spread: ${which} ${id} -->`;
}

/** Links to files that came along lead to their new names. */
function relinked(text: string, names: ReadonlyMap<string, string>): string {
  return text.replace(/\]\(([^()\s]{1,400})\)/g, (link, target: string) => {
    const name = names.get(target) ?? names.get(decoded(target));
    return name === undefined ? link : `](${encodeURI(name)})`;
  });
}

function decoded(target: string): string {
  try {
    return decodeURI(target);
  } catch {
    return target;
  }
}

const FRONT_MATTER = /^---\n(?:(?!---\n)[^\n]*\n){0,40}---\n/;
/** The fields of it that may come before our note on whose the file is. */
const FIELD = /^(name|description|type): .{1,200}$/u;

/**
 * `name`, `description` and `type` must be at the top for the client to see them; our note comes after them. Where anything
 * else is there too, all of it is repeated after our note.
 */
function fileText(id: string, text: string, origin: Origin): string {
  const harmless = disarmMarkdown(text);
  const front = FRONT_MATTER.exec(harmless)?.[0] ?? "";
  const fields = new Map(front.split("\n").map((line) => [FIELD.exec(line)?.[1], line]));
  fields.delete(undefined);
  const head = fields.size === 0 ? "" : `${["---", ...fields.values(), "---"].join("\n")}\n`;
  const rest = (head === front ? harmless.slice(front.length) : harmless).replace(/\n?$/, "\n");
  return `${head}${memoryBegins(id, origin)}\n\n${rest}\n${memoryEnds(id)}\n`;
}

/** One empty line between what was there and what comes. */
function separator(own: string | undefined): Section["lead"] {
  if (own === undefined || own === "") return "";
  return own.endsWith("\n") ? "\n" : "\n\n";
}

/**
 * MEMORY.md as it is; undefined where there is none.
 * @throws SpreadError `path-unreadable` for a link, or for a giant
 */
export async function readIndex(folder: string): Promise<string | undefined> {
  const found = await lstat(join(folder, INDEX)).catch((cause: unknown) => {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw new SpreadError("path-unreadable", `${INDEX} cannot be read`, { cause });
  });
  if (found === undefined) return undefined;
  await using handle = await openOwn(folder, INDEX);
  const { size } = await handle.stat();
  const bytes = size > MAX_INDEX_BYTES ? undefined : await handle.readFile();
  const text = bytes?.toString("utf8");
  // What is not read as it is would not be written as it was.
  if (bytes === undefined || !Buffer.from(text ?? "").equals(bytes)) {
    throw new SpreadError("path-unreadable", `${INDEX} is too long, or no UTF-8 text`);
  }
  return text;
}

/** Puts another text in the place of MEMORY.md, which stays as readable as it was; `text` undefined removes it. */
export async function replaceIndex(folder: string, own: string | undefined, text: string | undefined): Promise<void> {
  const path = join(folder, INDEX);
  if (text === undefined) return rm(path, { force: true });
  const fresh = join(folder, `.claude-spread-${ownedName()}`);
  try {
    const mode = own === undefined ? 0o600 : (await stat(path)).mode & 0o777;
    {
      await using file = await open(fresh, "wx", 0o600);
      await file.writeFile(text);
      await file.sync();
    }
    await chmod(fresh, mode);
    if ((await readIndex(folder)) !== own) throw new SpreadError("plan-changed", `${INDEX} has changed just now`);
    await rename(fresh, path);
  } finally {
    await rm(fresh, { force: true }).catch(() => {});
  }
}

export function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
