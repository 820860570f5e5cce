/**
 * Takes out what was installed, exactly that. What the user or the client has changed since is theirs: it is kept and named,
 * unless the caller asks for it too.
 */
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { systemCode } from "../errors.ts";
import { syncFolder } from "../home/folders.ts";
import { withInstallLock } from "../home/lock.ts";
import { writeError } from "./folders.ts";
import { digest, readIndex, replaceIndex, sectionMark } from "./install-memory.ts";
import { INDEX } from "./memory.ts";
import { memoryEnds, memoryHeading } from "./notes.ts";
import {
  findInstallation,
  type Installation,
  type InstalledState,
  type OwnFile,
  removeRecord,
  type Section,
  stateOf,
  writeRecord,
} from "./record.ts";

export interface Uninstalled {
  readonly record: Installation;
  /** Absolute paths; that of MEMORY.md stands for the part of it that was ours. */
  readonly removed: string[];
  readonly kept: { readonly path: string; readonly why: string }[];
}

interface UninstallOptions {
  /** Also what was changed, or gone on with, since. */
  readonly changedToo?: boolean;
}

/**
 * What is kept stays written down, so that it can be taken out later.
 * @throws SpreadError `invalid-input` where nothing is installed under this id; `plan-changed` while something else is
 * being installed or taken out; `path-unreadable`, `home-unwritable`
 */
export async function uninstall(home: string, id: string, options: UninstallOptions = {}): Promise<Uninstalled> {
  await findInstallation(home, id); // or else nothing is made in the home
  return withInstallLock(home, () => takeOut(home, id, options));
}

async function takeOut(home: string, id: string, options: UninstallOptions): Promise<Uninstalled> {
  const record = await findInstallation(home, id);
  const done: Pick<Uninstalled, "removed" | "kept"> = { removed: [], kept: [] };
  let files: OwnFile[];
  let section: Section | undefined;
  try {
    // First what the client reads in every conversation.
    section = await takeOutSection(record, options, done);
    files = await takeOutFiles(record, options, done);
    for (const folder of new Set(done.removed.map(dirname))) await syncFolder(folder).catch(ignoreMissing);
  } catch (cause) {
    throw writeError(cause);
  }
  if (done.kept.length === 0) {
    await removeRecord(home, id);
  } else {
    const { section: _, ...rest } = record;
    await writeRecord(home, { ...rest, files, ...(section && { section }) });
  }
  return { record, ...done };
}

/** @returns the section, if it is kept. */
async function takeOutSection(
  { id, section }: Installation,
  options: UninstallOptions,
  { removed, kept }: Pick<Uninstalled, "removed" | "kept">,
): Promise<Section | undefined> {
  if (section === undefined) return undefined;
  const done = await removeSection(section, id, options);
  if (done === "removed") removed.push(section.path);
  if (done === "removed" || done === "gone") return undefined;
  kept.push({ path: section.path, why: WHY[done] });
  return section;
}

/** @returns the files that are kept. */
async function takeOutFiles(
  { files }: Installation,
  options: UninstallOptions,
  { removed, kept }: Pick<Uninstalled, "removed" | "kept">,
): Promise<OwnFile[]> {
  const left: OwnFile[] = [];
  for (const file of files) {
    const state = await stateOf(file);
    if (state === "unchanged" || (options.changedToo === true && CHANGED.has(state))) {
      await rm(file.path, { force: true });
      removed.push(file.path);
    } else if (state !== "gone") {
      left.push(file);
      kept.push({ path: file.path, why: WHY[state] });
    }
  }
  return left;
}

const CHANGED: ReadonlySet<InstalledState> = new Set(["continued", "changed"]);

const WHY = {
  continued: "it was gone on with since",
  changed: "it was changed since",
  replaced: "something else is in its place",
  unmarked: `its part of ${INDEX} has lost a mark, or is there twice: take it out by hand`,
};

type Done = "removed" | "gone" | "changed" | "unmarked";

async function removeSection(section: Section, id: string, options: UninstallOptions): Promise<Done> {
  const folder = dirname(section.path);
  const own = await readIndex(folder);
  if (own === undefined) return "gone";
  if (!own.includes(id)) return "gone";
  const begin = own.indexOf(sectionMark("begin", id));
  const mark = `${sectionMark("end", id)}\n`;
  const end = own.indexOf(mark, begin);
  if (begin < 0 || end < 0) return "unmarked";
  const after = end + mark.length;
  // A copy of the part has its note, or a mark, in it; a mere link to one of its files has neither.
  if (speaksOf(own.slice(0, begin) + own.slice(after), id)) return "unmarked";
  if (digest(own.slice(begin, after)) !== section.sha256 && options.changedToo !== true) return "changed";
  const before = own.slice(0, begin);
  const lead = before.endsWith(section.lead) ? section.lead.length : 0;
  const rest = before.slice(0, before.length - lead) + own.slice(after);
  await replaceIndex(folder, own, section.madeFile && rest === "" ? undefined : rest);
  return "removed";
}

function speaksOf(text: string, id: string): boolean {
  return [sectionMark("begin", id), sectionMark("end", id), memoryHeading(id), memoryEnds(id)].some((it) =>
    text.includes(it),
  );
}

function ignoreMissing(cause: unknown): void {
  if (systemCode(cause) !== "ENOENT") throw cause;
}
