/**
 * What was put among the client's own files, written down in `<home>/installed/<id>.json`, so that exactly that can
 * be taken out again. A record is there before anything is installed, and goes when nothing of it is left.
 */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, lstat, open, readdir, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { SpreadError, systemCode } from "../errors.ts";
import { homeError, homeFolder, replaceFile } from "../home/folders.ts";
import { MAX_TITLE_CHARS } from "../limits.ts";
import { cleanLine } from "../untrusted/clean.ts";
import { openOwn } from "./folders.ts";

/** Where a received session or memory comes from: what its sender claims, and what is certain. */
export interface Origin {
  /** What the sender says of itself; one line, cleaned here. */
  readonly sender: string;
  /** SHA-256 of what was received, in lower-case hex. */
  readonly sha256: string;
  readonly receivedAt: Date;
}

/** The most records that are looked at. */
const MAX_RECORDS = 1000;
/** All of a memory's files, with the longest paths there are. */
const MAX_RECORD_BYTES = 2 * 1024 * 1024;
const MAX_PATH_CHARS = 8192;

const Digest = z.string().regex(/^[0-9a-f]{64}$/);
const Path = z.string().min(1).max(MAX_PATH_CHARS);
const RECORD_ID = /^[0-9a-z]{8}$/;

/** A file that begins with what we wrote: this many bytes, with this digest. */
const OwnFile = z.strictObject({ path: Path, bytes: z.int().min(0), sha256: Digest });
export type OwnFile = z.infer<typeof OwnFile>;

/**
 * A part of a file of the user's: the text from one mark of ours to the other, and the line ends that were put before
 * it.
 */
const Section = z.strictObject({
  path: Path,
  sha256: Digest,
  lead: z.enum(["", "\n", "\n\n"]),
  madeFile: z.boolean(),
});
export type Section = z.infer<typeof Section>;

export const Installation = z.strictObject({
  version: z.literal(1),
  id: z.string().regex(RECORD_ID),
  kind: z.enum(["session", "memory"]),
  installedAt: z.iso.datetime(),
  /** The project that it was installed into: its real path. */
  project: Path,
  sender: z.string().max(MAX_TITLE_CHARS),
  title: z.string().max(MAX_TITLE_CHARS),
  /** Of what was received. */
  sha256: Digest,
  /** Of several sessions that came together: which one. */
  picked: z.uuid().optional(),
  /** What `claude --resume` is given. */
  session: z.uuid().optional(),
  files: z.array(OwnFile).max(MAX_RECORDS),
  section: Section.optional(),
});
export type Installation = z.infer<typeof Installation>;

/** @throws SpreadError `home-unwritable`, `disk-full` */
export async function writeRecord(home: string, record: Installation): Promise<void> {
  try {
    const folder = await homeFolder(home, "installed");
    await replaceFile(
      join(folder, `${record.id}.json`),
      `${JSON.stringify(Installation.parse(record), undefined, 1)}\n`,
    );
  } catch (cause) {
    throw homeError(home, cause);
  }
}

export async function removeRecord(home: string, id: string): Promise<void> {
  await rm(join(await homeFolder(home, "installed"), `${id}.json`), { force: true }).catch((cause: unknown) => {
    throw homeError(home, cause);
  });
}

/** What is installed, the newest first. What is no record of ours is passed over. */
export async function installations(home: string): Promise<Installation[]> {
  const folder = resolve(home, "installed");
  const names = await readdir(folder).catch(() => []);
  const records = [];
  for (const name of names.slice(0, MAX_RECORDS)) {
    const record = name.endsWith(".json") ? await readRecord(folder, name) : undefined;
    if (record) records.push(record);
  }
  return records.sort((a, b) => (a.installedAt < b.installedAt ? 1 : -1));
}

/** @throws SpreadError `invalid-input` where nothing is installed under this id */
export async function findInstallation(home: string, id: string): Promise<Installation> {
  const record = RECORD_ID.test(id) ? await readRecord(resolve(home, "installed"), `${id}.json`) : undefined;
  if (record === undefined) throw new SpreadError("invalid-input", "nothing is installed under this id");
  return record;
}

async function readRecord(folder: string, name: string): Promise<Installation | undefined> {
  try {
    await using handle = await open(join(folder, name), "r");
    if ((await handle.stat()).size > MAX_RECORD_BYTES) return undefined;
    const record = Installation.parse(JSON.parse(await handle.readFile("utf8")));
    return `${record.id}.json` === name ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Quotation marks of every script and what looks like one, or several at once. */
const QUOTES =
  /["'\u02b9-\u02bd\u02dd\u02ee\u05f4\u2032-\u2037\u201a\u201e\u275b-\u275e\u3003\u301d-\u301f\uff02\p{Pi}\p{Pf}]+/gu;

/** What the sender calls something, as one line that ends no quotation of ours. */
export function claimLine(claim: string): string {
  return cleanLine(claim, MAX_TITLE_CHARS).replace(QUOTES, "'");
}

export function senderLine({ sender }: Origin): string {
  return claimLine(sender) || "somebody who gave no name";
}

/** How an own file is now, beside how it was made. */
export type InstalledState = "unchanged" | "continued" | "changed" | "replaced" | "gone";

const READ_BYTES = 256 * 1024;

/** "continued" is what the client does to a session that the user goes on with: it appends to what is there. */
export async function stateOf(file: OwnFile): Promise<InstalledState> {
  const there = await lstat(file.path).catch((cause: unknown) => {
    if (systemCode(cause) === "ENOENT" || systemCode(cause) === "ENOTDIR") return undefined;
    throw new SpreadError("path-unreadable", "an installed file cannot be read", { cause });
  });
  if (there === undefined) return "gone";
  if (!there.isFile()) return "replaced"; // by a folder or a link, which is not ours to remove
  await using handle = await openOwn(dirname(file.path), basename(file.path));
  const hash = createHash("sha256");
  await readInto(handle, file.bytes, hash);
  if (hash.digest("hex") !== file.sha256) return "changed";
  return (await handle.stat()).size === file.bytes ? "unchanged" : "continued";
}

async function readInto(handle: FileHandle, bytes: number, hash: Hash): Promise<void> {
  const piece = Buffer.allocUnsafe(READ_BYTES);
  for (let at = 0; at < bytes; ) {
    const { bytesRead } = await handle.read(piece, 0, Math.min(piece.length, bytes - at), at);
    if (bytesRead === 0) return;
    hash.update(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
}
