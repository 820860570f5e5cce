/**
 * What has come, looked at where it came: are secrets in it, does it belong to the repository at hand, and how far is that
 * from where the sender was? Nothing is changed, applied or run; what is said names no secret, and only cleaned names.
 */
import { open, readFile, stat } from "node:fs/promises";
import type { Companion } from "../handoff/companions.ts";
import { isToolConfiguration } from "../handoff/file-name.ts";
import { cleanLine } from "../handoff/untrusted.ts";
import { Redactor } from "../redact/redactor.ts";
import { compare } from "../repository/compare.ts";
import { checkCommand, touchedBy } from "../repository/received.ts";
import { openRepository, type Repository } from "../repository/repository.ts";
import { type HandoffRecord, MAX_RECORD_BYTES, parseRecord } from "../typed/record.ts";

/** How much is searched for secrets, in bytes: about two seconds of it. */
const MAX_SCANNED_BYTES = 64 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;
/** Secrets, or files, that are named. */
const MAX_NAMED = 10;
/** A path that is shown, in UTF-16 units. */
const MAX_SHOWN_CHARS = 120;

export interface Arrived {
  /** Absolute path of the bytes as they came. */
  readonly original: string;
  /** By absolute paths. */
  readonly files: readonly Pick<Companion, "role" | "path" | "bytes">[];
}

export interface Look {
  readonly warnings: readonly string[];
  /** How the sender's checkout and ours compare; undefined where one of them is none. */
  readonly repository: { readonly is: "same" | "other" | "unknown"; readonly sentences: readonly string[] } | undefined;
  /** A command line that tells whether the patch would apply, and changes nothing; undefined where that makes no sense. */
  readonly checkPatch: string | undefined;
}

/** @param project the folder of the receiver's project; absolute. @throws SpreadError `cancelled` */
export async function lookAt({ original, files }: Arrived, project: string, signal: AbortSignal): Promise<Look> {
  const warnings = await secretsIn([original, ...files.map(({ path }) => path)], signal);
  const structure = files.find(({ role }) => role === "structure");
  const record = structure && (await recordIn(structure.path));
  if (structure && !record) {
    warnings.push("handoff.json is not what it should be; the document itself is not concerned.");
  }
  const patch = files.find(({ role }) => role === "patch");
  const anchor = record?.anchor;
  const repository = anchor || patch ? await openRepository(project, signal) : undefined;
  if (repository?.state !== "checkout") return { warnings, repository: undefined, checkPatch: undefined };
  const found = anchor && (await compare(anchor, record?.handoff?.files ?? [], repository, signal));
  if (patch) warnings.push(...(await configuredBy(patch.path, repository, signal)));
  return {
    warnings,
    repository: found && { is: found.repository, sentences: found.sentences },
    checkPatch: patch && found?.repository !== "other" ? checkCommand(patch.path, repository) : undefined,
  };
}

/** A patch is applied by a person, who should know that it changes what agents and tools obey. */
async function configuredBy(patch: string, repository: Repository, signal: AbortSignal): Promise<string[]> {
  const touched = await touchedBy(patch, repository, signal);
  if (touched === undefined) return ["The patch is none that git can read."];
  const obeyed = touched.filter(isToolConfiguration).map((path) => cleanLine(path, MAX_SHOWN_CHARS) || "?");
  if (obeyed.length === 0) return [];
  const more = obeyed.length > MAX_NAMED ? ` and ${obeyed.length - MAX_NAMED} more` : "";
  const named = obeyed.slice(0, MAX_NAMED).join(", ");
  return [`The patch would change files that configure agents or tools: ${named}${more}. Look at them first.`];
}

/** Undefined where it is none. */
async function recordIn(path: string): Promise<HandoffRecord | undefined> {
  try {
    if ((await stat(path)).size > MAX_RECORD_BYTES) return undefined;
    return parseRecord(await readFile(path));
  } catch {
    return undefined;
  }
}

async function secretsIn(paths: readonly string[], signal: AbortSignal): Promise<string[]> {
  const named: string[] = [];
  let total = 0;
  let left = MAX_SCANNED_BYTES;
  for (const [at, path] of paths.entries()) {
    const redactor = new Redactor({ secrets: "block" });
    left -= await readInto(redactor, path, left, signal);
    const { findings, total: found } = redactor.report;
    const where = at === 0 ? "" : ` of file ${at}`;
    named.push(...findings.slice(0, MAX_NAMED).map(({ rule, line }) => `${rule} in line ${line}${where}`));
    total += found;
  }
  const shown = named.slice(0, MAX_NAMED);
  const more = total > shown.length ? `, and ${total - shown.length} more` : "";
  return [
    ...(total === 0
      ? []
      : [`What looks like secrets is in it: ${shown.join(", ")}${more}. Its sender may want to know.`]),
    ...(left > 0 ? [] : ["Only the first 64 MiB were searched for secrets."]),
  ];
}

/** @returns how many bytes were read: at most `most`. */
async function readInto(redactor: Redactor, path: string, most: number, signal: AbortSignal): Promise<number> {
  await using file = await open(path, "r");
  const decoder = new TextDecoder("utf-8");
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let read = 0;
  while (read < most) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, Math.min(READ_BYTES, most - read), read);
    if (bytesRead === 0) break;
    read += bytesRead;
    await redactor.push(decoder.decode(buffer.subarray(0, bytesRead), { stream: true }));
  }
  await redactor.push(decoder.decode());
  await redactor.end();
  return read;
}
