/**
 * What has come, looked at where it came: are secrets in it, does a file try to steer its reader, does it belong to the
 * repository at hand, and how far is that from where the sender was? Nothing is changed, applied or run. Warnings are words
 * of ours alone: they call files by their number, and name no secret. What quotes the sender says so.
 */
import { open, readFile, stat } from "node:fs/promises";
import { DOCUMENT_ROLE, type KeptFile } from "../content/part.ts";
import { SpreadError } from "../errors.ts";
import { type HandoffRecord, MAX_RECORD_BYTES, parseRecord } from "../handoff/json.ts";
import { inspectPassages, MAX_INSPECTED_CHARS, passageWarnings } from "../inspection/passages.ts";
import { Redactor } from "../redact/redactor.ts";
import { compare } from "../repository/compare.ts";
import { checkCommand, touchedBy } from "../repository/received-patch.ts";
import { openRepository } from "../repository/repository.ts";
import { cleanLine, TextCleaner } from "../untrusted/clean.ts";
import { isToolConfiguration } from "../untrusted/file-name.ts";

const MIB = 1024 * 1024;
/** How much is searched, in bytes: about two seconds of it. */
const MAX_SEARCHED_BYTES = 64 * MIB;
/** A text can be made so that the search takes ten times as long: then it ends after this, in ms. */
const SEARCH_MS = 5_000;
/** The clock and the signal are asked before each of these: less than a window of the search. */
const READ_BYTES = 64 * 1024;
/** Files whose passages are reported one by one. */
const MAX_FILES_TOLD = 3;
/** Secrets, or files, that are named. */
const MAX_NAMED = 10;
/** A path that is shown, in UTF-16 units. */
const MAX_SHOWN_CHARS = 120;

interface Arrived {
  /** Absolute path of the bytes as they came. */
  readonly original: string;
  /** By absolute paths. */
  readonly files: readonly SearchedFile[];
}

export interface Look {
  readonly warnings: readonly string[];
  /**
   * How the sender's checkout and ours compare; undefined where one of them is none. The sentences are ours, the branches,
   * remotes and paths in them the sender's.
   */
  readonly repository: { readonly is: "same" | "other" | "unknown"; readonly sentences: readonly string[] } | undefined;
  /** Paths that the patch concerns and agents or tools obey: the sender's words, cleaned, MAX_NAMED at most. */
  readonly obeyed: readonly string[];
  /** A command line that tells whether the patch would apply, and changes nothing; undefined where that makes no sense. */
  readonly checkPatch: string | undefined;
}

/**
 * @param project the folder of the receiver's project; absolute.
 * @param searchMs how long the files may be searched.
 * @throws SpreadError `cancelled`
 */
export async function lookAt(
  { original, files }: Arrived,
  project: string,
  signal: AbortSignal,
  searchMs = SEARCH_MS,
): Promise<Look> {
  const warnings = await searched([{ role: DOCUMENT_ROLE, path: original }, ...files], searchMs, signal);
  const structure = files.find(({ role }) => role === "structure");
  const record = structure && (await recordIn(structure.path));
  if (structure && !record) {
    warnings.push("handoff.json is not what it should be; the document itself is not concerned.");
  }
  const patch = files.find(({ role }) => role === "patch");
  const judged = patch && (await judge(patch.path, signal));
  warnings.push(...(judged?.warnings ?? []));
  const obeyed = judged?.obeyed ?? [];
  const anchor = record?.anchor;
  const repository = anchor || patch ? await openRepository(project, signal) : undefined;
  if (repository?.state !== "checkout") return { warnings, repository: undefined, obeyed, checkPatch: undefined };
  const found = anchor && (await compare(anchor, record?.handoff?.files ?? [], repository, signal));
  return {
    warnings,
    repository: found && { is: found.repository, sentences: found.sentences },
    obeyed,
    checkPatch:
      patch && judged?.whole && found?.repository !== "other" ? checkCommand(patch.path, repository) : undefined,
  };
}

interface Judged {
  readonly warnings: readonly string[];
  readonly obeyed: readonly string[];
  /** Whether all of it was looked at. What was not is never said to be ready to be applied. */
  readonly whole: boolean;
}

/** A patch is applied by a person, who should know that it changes what agents and tools obey. */
async function judge(patch: string, signal: AbortSignal): Promise<Judged> {
  const touched = await touchedBy(patch, signal);
  if (touched === undefined) {
    return { warnings: ["The patch is none that git can read."], obeyed: [], whole: false };
  }
  const obeyed = touched.paths.filter(isToolConfiguration);
  return {
    warnings: [
      ...(obeyed.length > 0
        ? [`The patch concerns files that configure agents or tools, ${obeyed.length} of them: look there first.`]
        : []),
      ...(touched.links ? ["The patch makes symbolic links, which may lead into other folders."] : []),
      ...(touched.complete ? [] : ["The patch concerns so many files that not all of their names were looked at."]),
    ],
    obeyed: obeyed.slice(0, MAX_NAMED).map((path) => cleanLine(path, MAX_SHOWN_CHARS) || "?"),
    whole: touched.complete,
  };
}

/** Undefined where the file is no structured hand-off. */
async function recordIn(path: string): Promise<HandoffRecord | undefined> {
  try {
    if ((await stat(path)).size > MAX_RECORD_BYTES) return undefined;
    return parseRecord(await readFile(path));
  } catch {
    return undefined;
  }
}

type SearchedFile = Pick<KeptFile, "role" | "path">;

/** How far a search may go: in bytes, and by `performance.now()`. */
interface Limits {
  readonly bytes: number;
  readonly until: number;
}

interface Secret {
  readonly rule: string;
  readonly line: number | undefined;
}

/** What was found in a file. */
interface Seen {
  readonly bytes: number;
  /** Whether the limits let it be searched to its end. */
  readonly whole: boolean;
  /** Without lines where the file has none that a person reads. */
  readonly secrets: readonly Secret[];
  readonly total: number;
  /** Where it steers, as warnings. */
  readonly passages: readonly string[];
  /** Whether it was too long to be searched for those to its end. */
  readonly isLong: boolean;
}

/** A file that tries to steer its reader, and where, as warnings. */
interface SteeringFile {
  readonly file: string;
  readonly passages: readonly string[];
}

/** As warnings: where secrets are, and where attachments steer. All but the first one, the document, go by their number. */
async function searched(files: readonly SearchedFile[], searchMs: number, signal: AbortSignal): Promise<string[]> {
  const until = performance.now() + searchMs;
  const secrets: string[] = [];
  const steering: SteeringFile[] = [];
  const long: string[] = [];
  let total = 0;
  let bytes = 0;
  let whole = true;
  for (const [at, came] of files.entries()) {
    whole = at === 0 || (bytes < MAX_SEARCHED_BYTES && performance.now() < until);
    if (!whole) break;
    const seen = await lookInto(came, `file ${at}`, { bytes: MAX_SEARCHED_BYTES - bytes, until }, signal);
    bytes += seen.bytes;
    total += seen.total;
    secrets.push(...seen.secrets.slice(0, MAX_NAMED).map(({ rule, line }) => `${rule} in ${placeOf(line, at)}`));
    if (seen.passages.length > 0) steering.push({ file: `file ${at}`, passages: seen.passages });
    if (seen.isLong) long.push(`file ${at}`);
    whole = seen.whole;
    if (!whole) break;
  }
  return [
    ...secretWarnings(secrets, total),
    ...fileWarnings(steering),
    ...(long.length > 0
      ? [`Only the first 4 million characters of ${long.join(", ")} were searched for passages that steer.`]
      : []),
    ...(whole ? [] : [`No more than its ${beginning(bytes)} could be searched for secrets, and for files that steer.`]),
  ];
}

/** @param at which file, 0 being the document. */
function placeOf(line: number | undefined, at: number): string {
  return [line === undefined ? [] : `line ${line}`, at === 0 ? [] : `file ${at}`].flat().join(" of ");
}

function secretWarnings(secrets: readonly string[], total: number): string[] {
  if (total === 0) return [];
  const shown = secrets.slice(0, MAX_NAMED);
  const more = total > shown.length ? `, and ${total - shown.length} more` : "";
  return [`What looks like secrets is in it: ${shown.join(", ")}${more}. Its sender may want to know.`];
}

function fileWarnings(steering: readonly SteeringFile[]): string[] {
  const others = steering.slice(MAX_FILES_TOLD).map(({ file }) => file);
  return [
    ...new Set(steering.slice(0, MAX_FILES_TOLD).flatMap(({ passages }) => passages)),
    ...(others.length > 0 ? [`There are such passages in ${others.join(", ")} too.`] : []),
  ];
}

/**
 * A file as it is, or where it is JSON of ours, the texts in it.
 * @param name what it is called, in words of ours.
 */
async function lookInto(came: SearchedFile, name: string, limits: Limits, signal: AbortSignal): Promise<Seen> {
  if (came.role === "sessions") return lookIntoSessions(came, name, limits, signal);
  const memory = came.role === "memory" ? await lookIntoMemory(came.path, limits, signal) : undefined;
  return memory ?? lookIntoText(came, name, limits, signal);
}

/**
 * Sessions a few lines at a time, and in each what was said in it: in the JSON of a line, a quote that is written as `\\"` makes
 * secrets of what are none. A line that is none of a session is searched as it is.
 */
async function lookIntoSessions(came: SearchedFile, name: string, limits: Limits, signal: AbortSignal): Promise<Seen> {
  const [{ linesOf }, { pieces }, { spokenIn }] = await Promise.all([
    import("../claude/lines.ts"),
    import("../claude/sessions.ts"),
    import("../claude/turns.ts"),
  ]);
  await using file = await open(came.path, "r");
  const { size } = await file.stat();
  const bytes = Math.min(limits.bytes, size);
  const secrets: Secret[] = [];
  let total = 0;
  let before = 0; // lines that were searched
  let whole = bytes === size;
  for await (const lines of linesOf(pieces(file, 0, bytes, signal))) {
    const seen = await searchLines(lines, before, spokenIn, limits, signal);
    if (seen === undefined) return lookIntoText(came, name, limits, signal);
    secrets.push(...seen.secrets.slice(0, MAX_NAMED - secrets.length));
    total += seen.total;
    before += seen.searched;
    if (seen.searched === lines.length) continue;
    whole = false;
    break;
  }
  return { bytes, whole, secrets, total, passages: [], isLong: false };
}

/**
 * Lines of sessions, as many as there is time for: the very first one in any case.
 * @param before how many came before these.
 * @param spokenIn what was said in a line; undefined for what is no line of a session.
 * @returns undefined where one is too long to be a line of ours.
 */
async function searchLines(
  lines: readonly (Buffer | undefined)[],
  before: number,
  spokenIn: (line: Buffer) => Promise<string[] | undefined>,
  { until }: Limits,
  signal: AbortSignal,
): Promise<(Pick<Seen, "secrets" | "total"> & { readonly searched: number }) | undefined> {
  const redactor = new Redactor({ secrets: "block", signal });
  const ends: number[] = []; // of each line, in lines of what was said
  for (const line of lines) {
    if (before + ends.length > 0 && performance.now() >= until) break;
    if (line === undefined) return undefined;
    const texts = (await spokenIn(line)) ?? [line.toString("utf8")];
    const text = [...texts, ""].join(BETWEEN);
    ends.push((ends.at(-1) ?? 0) + text.split("\n").length - 1);
    await redactor.push(text);
  }
  await redactor.end();
  const { findings, total } = redactor.report;
  const lineOf = (found: number) => before + 1 + ends.findIndex((end) => found <= end);
  const secrets = findings.map(({ rule, line }) => ({ rule, line: lineOf(line) }));
  return { secrets, total, searched: ends.length };
}

/** Between texts: no secret goes over it. */
const BETWEEN = "\n\0\n";

/** Undefined where the file is no memory, or too long for one. */
async function lookIntoMemory(path: string, limits: Limits, signal: AbortSignal): Promise<Seen | undefined> {
  const { MAX_MEMORY_BYTES, parseMemory } = await import("../claude/memory.ts");
  const { size: bytes } = await stat(path);
  if (bytes > Math.min(limits.bytes, 2 * MAX_MEMORY_BYTES)) return undefined;
  const redactor = new Redactor({ secrets: "block", signal });
  let whole = true;
  try {
    for (const [at, { name, text }] of parseMemory(await readFile(path)).files.entries()) {
      whole = at === 0 || performance.now() < limits.until;
      if (!whole) break;
      await redactor.push([name, text, ""].join(BETWEEN));
    }
  } catch (thrown) {
    if (thrown instanceof SpreadError) return undefined;
    throw thrown;
  }
  await redactor.end();
  const { findings, total } = redactor.report;
  const secrets = findings.map(({ rule }) => ({ rule, line: undefined }));
  return { bytes, whole, secrets, total, passages: [], isLong: false };
}

/**
 * At least one piece of it, or a slow machine would never find anything. The document is not searched for passages that
 * steer: it was when it was kept.
 */
async function lookIntoText(
  { role, path }: SearchedFile,
  name: string,
  limits: Limits,
  signal: AbortSignal,
): Promise<Seen> {
  const redactor = new Redactor({ secrets: "block", signal });
  const decoder = new TextDecoder("utf-8");
  const reader = role === "attachment" ? new PassageReader() : undefined;
  let bytes = 0;
  let whole = true;
  for await (const piece of piecesOf(path, signal)) {
    whole = bytes === 0 || (bytes < limits.bytes && performance.now() < limits.until);
    if (!whole) break;
    bytes += piece.length;
    reader?.push(piece);
    await redactor.push(decoder.decode(piece, { stream: true }));
  }
  await redactor.push(decoder.decode());
  await redactor.end();
  const { findings, total } = redactor.report;
  const passages = reader?.end(name) ?? [];
  return { bytes, whole, secrets: findings, total, passages, isLong: reader?.isLong === true };
}

/** In words, and never more than there was. */
const beginning = (bytes: number) => (bytes < MIB ? "beginning" : `first ${Math.floor(bytes / MIB)} MiB`);

/** Reads one file as it would be shown, so that nothing hides in characters that nobody sees. */
class PassageReader {
  readonly #cleaner = new TextCleaner();
  readonly #passages = inspectPassages(1);
  #chars = 0;

  push(bytes: Uint8Array): void {
    if (this.#chars <= MAX_INSPECTED_CHARS) this.#add(this.#cleaner.push(bytes));
  }

  /** @param file what it is called, in words of ours. */
  end(file: string): string[] {
    this.#add(this.#cleaner.end());
    return passageWarnings(this.#passages.end(), file);
  }

  /** Whether it was too long to be searched to its end. */
  get isLong(): boolean {
    return this.#chars > MAX_INSPECTED_CHARS;
  }

  #add(text: string): void {
    this.#passages.push(text.slice(0, Math.max(0, MAX_INSPECTED_CHARS - this.#chars)));
    this.#chars += text.length;
  }
}

/** A piece holds until the next one is asked for. */
async function* piecesOf(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  await using file = await open(path, "r");
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let position = 0; ; ) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
