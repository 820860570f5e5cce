/** What a hand-off is, as both ends know it: of a kind, and of at least one part, its document. */
import * as z from "zod";
import { MAX_SHARE_BYTES } from "../limits.ts";

/** What is handed over. */
export const KINDS = ["distillation", "memory", "sessions"] as const;
export type Kind = (typeof KINDS)[number];

/** The longest name on the wire, in UTF-16 units; whoever receives it makes a file name of it. */
const MAX_WIRE_NAME_CHARS = 255;

export const Part = z.object({
  role: z.string().min(1).max(32),
  name: z.string().min(1).max(MAX_WIRE_NAME_CHARS),
  bytes: z.int().nonnegative().max(MAX_SHARE_BYTES),
  /** Lower-case hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Part = z.infer<typeof Part>;

/** The role of the first part, and of no other. */
export const DOCUMENT_ROLE = "document";

/** Whether these are the parts of a document of so many bytes. */
export function isValidPartList(parts: readonly Part[], bytes: number): boolean {
  const [first, ...others] = parts;
  const sum = parts.reduce((before, part) => before + part.bytes, 0);
  return sum === bytes && first?.role === DOCUMENT_ROLE && others.every(({ role }) => role !== DOCUMENT_ROLE);
}
