/**
 * The structured form of a hand-off: one JSON text that travels beside the Markdown, and is kept as a file beside it. Where
 * it comes in it is hostile until `parseRecord` has read it, and nothing that is not in the shape gets past that.
 */
import { isUtf8 } from "node:buffer";
import * as z from "zod";
import { SpreadError } from "../errors.ts";
import { Anchor } from "../repository/anchor.ts";
import { cleanText } from "../untrusted/clean.ts";
import { Handoff } from "./schema.ts";

/** In bytes: a full hand-off in the script that takes most, three bytes a unit, twice as much for escapes, and an anchor. */
export const MAX_RECORD_BYTES = 2 * 1024 * 1024;

/**
 * Strict at the receiver's too: a field that this version does not know would lie in a file that a model reads, unjudged.
 * A sender that has more to say raises the version, and a receiver that cannot read that still has the Markdown.
 */
const Envelope = z.strictObject({
  format: z.literal("claude-spread/handoff"),
  version: z.literal(1),
  handoff: Handoff.optional(),
  anchor: Anchor.optional(),
});

export interface HandoffRecord {
  /** Undefined where the document was written freely. */
  readonly handoff?: Handoff | undefined;
  readonly anchor?: Anchor | undefined;
}

/**
 * The same bytes for the same hand-off, in whatever order its fields came: the schema's order, without empty lists, cleaned.
 * @throws SpreadError `invalid-input` if nothing that can be seen is left of a text that is needed.
 */
export function formatRecord({ handoff, anchor }: HandoffRecord): string {
  const record = Envelope.safeParse(
    cleaned({ format: "claude-spread/handoff", version: 1, ...(handoff && { handoff }), ...(anchor && { anchor }) }),
  );
  if (!record.success) throw new SpreadError("invalid-input", `the hand-off has no text at ${placesOf(record.error)}`);
  return `${JSON.stringify(record.data, null, 2)}\n`;
}

/**
 * What another person's record says, cleaned.
 * @throws SpreadError `bad-message`, `too-large`; never with a word of the record.
 */
export function parseRecord(bytes: Uint8Array): HandoffRecord {
  if (bytes.length > MAX_RECORD_BYTES) throw new SpreadError("too-large", "the structured hand-off is too long");
  const bad = (cause?: unknown) => new SpreadError("bad-message", "the structured hand-off is not one", { cause });
  if (!isUtf8(bytes)) throw bad();
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch (cause) {
    throw bad(cause);
  }
  // Its shape first, so that cleaning meets no depth or width that the shape does not have; then again what is left of it.
  const shaped = Envelope.safeParse(json);
  if (!shaped.success) throw bad(shaped.error);
  const record = Envelope.safeParse(cleaned(shaped.data));
  if (!record.success) throw bad(record.error);
  const { handoff, anchor } = record.data;
  return { ...(handoff && { handoff }), ...(anchor && { anchor }) };
}

/** A hand-off without anything that cannot be seen. What is then empty is left out of lists, and stays empty elsewhere. */
export function cleanHandoff(handoff: Handoff): Handoff {
  return cleaned(handoff) as Handoff;
}

/** Of plain data of bounded depth: all texts cleaned and trimmed, empty lists and objects and absent fields left out. */
function cleaned(part: unknown): unknown {
  if (typeof part === "string") return cleanText(part).trim();
  if (Array.isArray(part)) return part.map(cleaned).filter((point) => point !== "");
  if (typeof part !== "object" || part === null) return part;
  const fields = Object.entries(part).map(([name, inner]) => [name, cleaned(inner)] as const);
  return Object.fromEntries(fields.filter(([, inner]) => !isEmpty(inner)));
}

function isEmpty(part: unknown): boolean {
  if (part === undefined) return true;
  if (Array.isArray(part)) return part.length === 0;
  return typeof part === "object" && part !== null && Object.keys(part).length === 0;
}

/** Where, by our own field names and numbers alone. */
function placesOf(error: z.ZodError): string {
  return [...new Set(error.issues.map(({ path }) => path.join(".")))].slice(0, 5).join(", ");
}
