/**
 * What the inbox says of a hand-off that is kept there: `received.json` beside its files, ours and not the sender's. It is
 * how something received is found again, by its folder's name, and how one sees that nobody has touched it since.
 */
import { type FileHandle, lstat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { KeptFile, KINDS } from "../content/part.ts";
import { SpreadError } from "../errors.ts";
import { openOrdinaryFile } from "../files.ts";
import { MAX_PARTS, MAX_TITLE_CHARS } from "../limits.ts";

export const RECEIVED_FILE = "received.json";

/** A folder of the inbox, as inbox.ts names them: never a path. */
const RECEIVED_ID = /^\d{4,6}-\d\d-\d\d-\d{6}-[a-z0-9]+(?:-[a-z0-9]+)*$/;
const MAX_ID_CHARS = 80;

/** Of MAX_PARTS files with the longest paths, several times over. */
const MAX_RECORD_BYTES = 64 * 1024;
const MAX_PATH_CHARS = 400;

/** Its path is seen from the folder. */
const FileInInbox = z.strictObject({ ...KeptFile.shape, path: z.string().min(1).max(MAX_PATH_CHARS) });

const ReceivedRecord = z.strictObject({
  format: z.literal("claude-spread/received"),
  version: z.literal(1),
  kind: z.enum(KINDS),
  /** The sender's words, one clean line. */
  title: z.string().max(MAX_TITLE_CHARS),
  /** The sender's claim. */
  sent_at: z.iso.datetime().optional(),
  received_at: z.iso.datetime(),
  via: z.string(),
  /** Of all its files as they came, one after another. */
  sha256: KeptFile.shape.sha256,
  /** The first is the document, as it came. */
  files: z.array(FileInInbox).min(1).max(MAX_PARTS),
});
export type ReceivedRecord = z.infer<typeof ReceivedRecord>;

export function formatReceived(record: ReceivedRecord): string {
  return `${JSON.stringify(record, undefined, 1)}\n`;
}

/** Something in the inbox. */
export interface InboxEntry {
  readonly id: string;
  /** Absolute. */
  readonly folder: string;
  readonly record: ReceivedRecord;
}

/** @throws SpreadError `invalid-input` where nothing was received under this id. */
export async function findReceived(home: string, id: string): Promise<InboxEntry> {
  const missing = (cause?: unknown) =>
    new SpreadError("invalid-input", "nothing that was received has this id", { cause });
  if (id.length > MAX_ID_CHARS || !RECEIVED_ID.test(id)) throw missing();
  const folder = join(resolve(home), "inbox", id);
  try {
    if (!(await lstat(folder)).isDirectory()) throw missing();
    await using file = await openReceived(folder, RECEIVED_FILE);
    if ((await file.stat()).size > MAX_RECORD_BYTES) throw missing();
    const record = ReceivedRecord.parse(JSON.parse(await file.readFile("utf8")));
    return { id, folder, record };
  } catch (cause) {
    throw missing(cause);
  }
}

/** An ordinary file of it, and no link; the caller closes it. @throws the system's error, or `path-unreadable` */
export function openReceived(folder: string, path: string): Promise<FileHandle> {
  return openOrdinaryFile(join(folder, path), "a received file");
}
