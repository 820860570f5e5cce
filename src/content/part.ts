/**
 * What a hand-off is, as both ends know it: of a kind, and of at least one part, its document. A part is one file. It is a
 * `Material` until it is read (material.ts), a `Part` on its way, and a `KeptFile` once it is on a disk.
 */
import * as z from "zod";
import { MAX_SHARE_BYTES } from "../limits.ts";

/** What is handed over. */
export const KINDS = ["distillation", "memory", "sessions"] as const;
export type Kind = (typeof KINDS)[number];

/** The role of the first part, and of no other. */
export const DOCUMENT_ROLE = "document";

/** What the other parts are for (src/protocol/README.md, "Parts"). */
export const COMPANION_ROLES = ["structure", "patch", "memory", "sessions", "attachment"] as const;
export type CompanionRole = (typeof COMPANION_ROLES)[number];

const ROLES = [DOCUMENT_ROLE, ...COMPANION_ROLES] as const;
export type Role = (typeof ROLES)[number];

/** The longest name on the wire, in UTF-16 units; the receiver makes a file name of it. */
const MAX_WIRE_NAME_CHARS = 255;

/** A part as its sender describes it. A role that this version does not know is not refused: it makes an attachment. */
export const Part = z.object({
  role: z.string().min(1).max(32),
  name: z.string().min(1).max(MAX_WIRE_NAME_CHARS),
  bytes: z.int().nonnegative().max(MAX_SHARE_BYTES),
  /** Lower-case hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Part = z.infer<typeof Part>;

/** A part as it is kept: under a path, and with a role that this version knows. */
export const KeptFile = z.object({
  role: z.enum(ROLES),
  /** Absolute, or seen from the folder of the hand-off, with `/`. */
  path: z.string(),
  bytes: Part.shape.bytes,
  sha256: Part.shape.sha256,
});
export type KeptFile = z.infer<typeof KeptFile>;

/** Whether these parts make up a hand-off of this many bytes, and the first of them alone is the document. */
export function isValidPartList(parts: readonly Part[], bytes: number): boolean {
  const [first, ...others] = parts;
  const sum = parts.reduce((before, part) => before + part.bytes, 0);
  return sum === bytes && first?.role === DOCUMENT_ROLE && others.every(({ role }) => role !== DOCUMENT_ROLE);
}
