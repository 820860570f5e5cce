/** How a line of a transcript hangs together with others, whatever is said in it. What lines mean together is in thread.ts. */
import { z } from "zod";
import { MAX_ID_CHARS, parseTranscriptLine } from "./transcript.ts";

export type LineLink =
  | {
      readonly is: "row";
      readonly id: string;
      readonly after: string | null;
      /** In the conversation; the client goes on only from such a row. */
      readonly said: boolean;
      readonly sidechain: boolean;
      /** In ms; NaN where the line does not tell. */
      readonly at: number;
      /** Of a boundary, which messages stayed as they were. */
      readonly compaction: Compaction | undefined;
      /** A record of files: the client goes on from no such row. */
      readonly files: boolean;
    }
  /** No row: what follows it follows the row before it. */
  | { readonly is: "joint"; readonly id: string; readonly after: string | null }
  /** Where the client goes on; null: from the beginning. Explicit: the user went back there. */
  | { readonly is: "checkpoint"; readonly leaf: string | null; readonly explicit: boolean };

/** Which earlier messages were kept, and now follow `anchor`: as a list, or from `head` to `tail`. */
export type Compaction =
  | { readonly anchor: string; readonly kept: readonly string[] }
  | { readonly anchor: string; readonly head: string; readonly tail: string }
  | "kept nothing";

const Uuid = z.string().max(MAX_ID_CHARS);
const Boundary = z.looseObject({
  compactMetadata: z
    .looseObject({
      preservedMessages: z.looseObject({ anchorUuid: Uuid, uuids: z.array(Uuid) }).nullish(),
      preservedSegment: z.looseObject({ headUuid: Uuid, anchorUuid: Uuid, tailUuid: Uuid }).nullish(),
    })
    // What is preserved in another way is not known here.
    .refine((it) => Object.keys(it).every((name) => !/^preserved(?!Messages$|Segment$)/.test(name)))
    .nullish(),
});

const LastPrompt = z.looseObject({ leafUuid: Uuid.nullable(), explicit: z.boolean().optional().catch(undefined) });

function isBoundary(line: { readonly [name: string]: unknown }): boolean {
  return line.type === "system" && line.subtype === "compact_boundary";
}

/** Whether a line is a compaction of a form that is not known here. */
export function isUnknownCompaction(line: { readonly [name: string]: unknown }): boolean {
  return isBoundary(line) && !Boundary.safeParse(line).success;
}

/** @param value a line's JSON; undefined for a line that is no JSON. */
export function linkOf(value: unknown): LineLink | undefined {
  const line = parseTranscriptLine(value);
  if (line === undefined) return undefined;
  const { type, uuid: id, parentUuid: after = null, timestamp, isSidechain: sidechain = false } = line;
  switch (type) {
    case "user":
    case "assistant":
    case "attachment":
    case "system": {
      if (id === undefined) return undefined;
      const said = type === "user" || type === "assistant";
      const compaction = isBoundary(line) ? compactionOf(line) : undefined;
      const files = type === "system" && line.subtype === "file_snapshot";
      return { is: "row", id, after, said, sidechain, at: Date.parse(timestamp ?? ""), compaction, files };
    }
    case "last-prompt": {
      const { data } = LastPrompt.safeParse(line);
      return data && { is: "checkpoint", leaf: data.leafUuid, explicit: data.explicit === true };
    }
    default:
      return id === undefined ? undefined : { is: "joint", id, after };
  }
}

function compactionOf(line: object): Compaction {
  const { preservedMessages: list, preservedSegment: segment } = Boundary.safeParse(line).data?.compactMetadata ?? {};
  if (list) return { anchor: list.anchorUuid, kept: list.uuids };
  return segment ? { anchor: segment.anchorUuid, head: segment.headUuid, tail: segment.tailUuid } : "kept nothing";
}
