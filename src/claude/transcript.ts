/**
 * The client's transcript: its files, and what any line of it looks like. It was learned from what Claude Code 2.1.197 and
 * 2.1.332 write and read, and it may change. What is not known is counted, and never guessed at.
 *
 * A line is an object with a `type`. `user` and `assistant` are the conversation; each has a `uuid` and names in
 * `parentUuid` the line before it, of whatever type. The client goes back from the last line of the file, so what was
 * undone, or summed up, is a branch that it does not come by. One answer of the model may be several lines with the same
 * `message.id`. Besides these there are `attachment`, what the client puts next to a prompt; `system`, its own messages, one of
 * which is the boundary that a compaction leaves; and bookkeeping.
 *
 *     transcript-content.ts  what was said in a line         transcript-links.ts   how lines hang together
 *     session-metadata.ts    what lines tell about a session transcript-writer.ts  a turn, written as a line
 */
import { z } from "zod";

/** The version of the client whose transcripts these are; written into the lines that we make. */
export const CLIENT_VERSION = "2.1.197";

/** How much of a name, such as a file's or a branch's, is looked at, in UTF-16 units. */
export const MAX_NAME_CHARS = 4096;
/** An id is kept for each line; a longer one counts as none. In UTF-16 units. */
export const MAX_ID_CHARS = 128;

const SESSION_FILE = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.jsonl$/;

/** The session whose transcript a file is, by its name; the transcripts of sub-agents have other names. */
export function sessionOf(fileName: string): string | undefined {
  return SESSION_FILE.exec(fileName)?.[1];
}

/** Where the conversations of a session's sub-agents lie, beside its transcript; and whether a file there is one. */
export function subagentsFolder(session: string): readonly string[] {
  return [session, "subagents"];
}

export function isSubagent(fileName: string): boolean {
  return /^agent-.+\.jsonl$/.test(fileName);
}

export function fileOf(session: string): string {
  return `${session}.jsonl`;
}

const Name = z.string().max(MAX_NAME_CHARS).optional().catch(undefined);
const AnId = z.string().max(MAX_ID_CHARS).optional().catch(undefined);

/** What is looked at in any line; the rest is the client's own business. */
const AnyLine = z.looseObject({
  type: z.string(),
  uuid: AnId,
  parentUuid: AnId.nullable().catch(undefined),
  timestamp: z.iso.datetime().optional().catch(undefined),
  isSidechain: z.boolean().optional().catch(undefined),
  isMeta: z.boolean().optional().catch(undefined),
  isApiErrorMessage: z.boolean().optional().catch(undefined),
  cwd: Name,
  gitBranch: Name,
});

export type TranscriptLine = z.infer<typeof AnyLine>;

export const Message = z.looseObject({
  id: AnId,
  content: z.union([z.string(), z.array(z.unknown())]),
});

export const TextBlock = z.looseObject({ type: z.literal("text"), text: z.string() });

/** @param value a line's JSON. @returns undefined for what is no line of a transcript. */
export function parseTranscriptLine(value: unknown): TranscriptLine | undefined {
  return typeof typeOf(value) === "string" ? AnyLine.safeParse(value).data : undefined;
}

export function typeOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
}
