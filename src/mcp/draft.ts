/** What distill_share and distill_preview take alike: something to share, and how it is cleaned. */
import { homedir } from "node:os";
import * as z from "zod";
import type { Config } from "../config.ts";
import { MAX_ATTACHMENTS } from "../limits.ts";
import type { Cleaned, Cleaning } from "../outgoing/cleaning.ts";
import type { Outgoing } from "../outgoing/parts.ts";
import { Handoff } from "../typed/handoff.ts";

export const DRAFT = {
  handoff: Handoff.optional().describe(
    "The hand-off in parts, rendered to one Markdown form. Preferred. One of handoff, content and path.",
  ),
  content: z.string().optional().describe("The document itself, Markdown, where its form is the user's."),
  path: z
    .string()
    .optional()
    .describe(
      "A UTF-8 text file to share instead, absolute or from the project's root: in the project, a temporary folder or DISTILL_HOME.",
    ),
  attachments: z
    .array(z.string())
    .max(MAX_ATTACHMENTS)
    .default([])
    .describe("Paths of small files that come along, as path: 10 MiB each, 50 MiB in all."),
  include_diff: z
    .boolean()
    .default(false)
    .describe("Whether the uncommitted change of the git checkout comes along as a patch. Only if the user agrees."),
  repository: z
    .boolean()
    .default(true)
    .describe(
      "Whether it says where it was written: remote, branch, commit, names of uncommitted files. Default: true.",
    ),
  secrets: z
    .enum(["redact", "block", "allow"])
    .default("redact")
    .describe(
      "redact (default): secrets are replaced by placeholders. block: an error names rule and line. allow: they leave; only if the user asks for it.",
    ),
  paths: z
    .enum(["relative", "keep"])
    .default("relative")
    .describe("relative (default): home and project folder and the user's name go from paths. keep: as they are."),
};

const Draft = z.object(DRAFT);
export type Draft = z.output<typeof Draft>;

export const CleanedView = z.object({
  secrets: z.int().describe("How many were replaced by placeholders."),
  by_rule: z.record(z.string(), z.int()),
  paths: z.int().describe("How many paths were shortened."),
});

export interface Prepared extends Outgoing {
  readonly cleaning: Cleaning;
}

/** @throws SpreadError as `partsOf`. */
export async function prepare(
  draft: Draft,
  { project, roots, home }: Config,
  { alone = false, signal }: { readonly alone?: boolean; readonly signal: AbortSignal },
): Promise<Prepared> {
  const [{ Cleaning }, { partsOf }] = await Promise.all([
    import("../outgoing/cleaning.ts"),
    import("../outgoing/parts.ts"),
  ]);
  const { secrets, paths } = draft;
  const cleaning = await Cleaning.begin({ secrets, paths, project, home, userHome: homedir() }, signal);
  const { content, path, handoff, attachments, include_diff: includeDiff, repository: anchored } = draft;
  const origin = { project, roots, cwd: project };
  const outgoing = await partsOf(
    { content, path, handoff, attachments, includeDiff, anchored, alone },
    origin,
    cleaning,
    signal,
  );
  return { ...outgoing, cleaning };
}

export function viewCleaned({ secrets, counts, paths }: Cleaned): z.input<typeof CleanedView> {
  return { secrets, by_rule: Object.fromEntries(counts), paths };
}
