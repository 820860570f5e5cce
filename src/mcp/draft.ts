/** The input that distill_share and distill_preview have in common: something to share, of one kind, and how it is cleaned. */
import { homedir } from "node:os";
import * as z from "zod";
import type { Config } from "../config.ts";
import { KINDS } from "../content/part.ts";
import { SpreadError } from "../errors.ts";
import { Handoff } from "../handoff/schema.ts";
import { MAX_ATTACHMENTS } from "../limits.ts";
import type { Cleaned, Cleaning, CleaningOptions } from "../outgoing/cleaning.ts";
import type { OutgoingParts } from "../outgoing/parts.ts";

/** As many as a receiver accepts. */
const MAX_SESSION_IDS = 100;

export const DRAFT = {
  kind: z
    .enum(KINDS)
    .default("distillation")
    .describe(
      "distillation (default): a hand-off document. memory: what is remembered of this project. sessions: conversations.",
    ),
  session_ids: z
    .array(z.string())
    .max(MAX_SESSION_IDS)
    .default([])
    .describe("With kind sessions: those that the user has picked, by their ids in distill_sessions."),
  raw: z
    .boolean()
    .default(false)
    .describe(
      "With kind memory: the client's files as they are. Default: false, and content is what you distilled of them.",
    ),
  thinking: z
    .boolean()
    .default(false)
    .describe("With kind sessions: whether the model's thoughts go along, as text. Only if the user asks for it."),
  handoff: Handoff.optional().describe(
    "The hand-off in parts, rendered to one Markdown form. Preferred for a distillation. One of handoff, content and path.",
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

const DraftInput = z.object(DRAFT);
type DraftInput = z.output<typeof DraftInput>;

/** A file that comes along with the document. */
export const OfferedFile = z.object({ role: z.string(), name: z.string(), bytes: z.int(), sha256: z.string() });

export const CleanedView = z.object({
  secrets: z.int().describe("How many were replaced by placeholders."),
  by_rule: z.record(z.string(), z.int()),
  paths: z.int().describe("How many paths were shortened."),
});

interface PreparedDraft extends OutgoingParts {
  readonly cleaning: Cleaning;
}

/** @throws SpreadError as `partsOf`, `memoryParts` and `sessionParts`; `no-such-session`, `invalid-input`. */
export async function prepare(
  draft: DraftInput & { readonly title?: string | undefined },
  config: Config,
  { documentOnly = false, signal }: { readonly documentOnly?: boolean; readonly signal: AbortSignal },
): Promise<PreparedDraft> {
  checkKind(draft, documentOnly);
  const prepared = await preparedOf(draft, config, documentOnly, signal);
  if (draft.title === undefined) return prepared;
  try {
    return { ...prepared, title: await prepared.cleaning.text("the title", draft.title) };
  } catch (thrown) {
    await prepared[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function preparedOf(
  draft: DraftInput,
  { project, roots, home }: Config,
  documentOnly: boolean,
  signal: AbortSignal,
): Promise<PreparedDraft> {
  const { secrets, paths } = draft;
  const userHome = homedir();
  const options = { secrets, paths, project, home, userHome };
  if (draft.kind !== "distillation") return prepareOwn(draft, options, signal);
  const [cleaning, { partsOf }] = await Promise.all([begin(options, signal), import("../outgoing/parts.ts")]);
  const { content, path, handoff, attachments, include_diff: includeDiff, repository: anchored } = draft;
  const origin = { project, roots, cwd: project };
  const outgoing = await partsOf(
    { content, path, handoff, attachments, includeDiff, anchored, documentOnly },
    origin,
    cleaning,
    signal,
  );
  return { ...outgoing, cleaning };
}

/** Drafts of what the client itself keeps: memory and sessions. */
async function prepareOwn(draft: DraftInput, options: CleaningOptions, signal: AbortSignal): Promise<PreparedDraft> {
  const { configFolder } = await import("../claude/folders.ts");
  const config = configFolder(process.env);
  const { project, userHome } = options;
  if (draft.kind === "memory") {
    const [cleaning, { memoryParts }] = await Promise.all([begin(options, signal), import("../outgoing/memory.ts")]);
    const outgoing = await memoryParts(draft.raw ? undefined : draft.content, { config, project }, cleaning);
    return { ...outgoing, cleaning };
  }
  const [{ findSessions }, { sessionParts }] = await Promise.all([
    import("../claude/sessions.ts"),
    import("../outgoing/sessions.ts"),
  ]);
  const sessions = await findSessions(config, draft.session_ids);
  const others = sessions.flatMap((it) => it.project ?? []);
  const cleaning = await begin({ ...options, others }, signal);
  return { ...(await sessionParts({ sessions, thinking: draft.thinking, userHome }, cleaning)), cleaning };
}

async function begin(options: CleaningOptions, signal: AbortSignal): Promise<Cleaning> {
  const { Cleaning } = await import("../outgoing/cleaning.ts");
  return Cleaning.begin(options, signal);
}

/** Refuses arguments of another kind instead of ignoring them: the caller meant something by them. @throws SpreadError `invalid-input` */
function checkKind(draft: DraftInput, legacy: boolean): void {
  const { kind, content, path, handoff, attachments, include_diff, session_ids, raw, thinking } = draft;
  const given: [name: string, isGiven: boolean, kinds: readonly DraftInput["kind"][]][] = [
    ["content", content !== undefined, ["distillation", "memory"]],
    ["path", path !== undefined, ["distillation"]],
    ["handoff", handoff !== undefined, ["distillation"]],
    ["attachments", attachments.length > 0, ["distillation"]],
    ["include_diff", include_diff, ["distillation"]],
    ["legacy", legacy, ["distillation"]],
    ["raw", raw, ["memory"]],
    ["session_ids", session_ids.length > 0, ["sessions"]],
    ["thinking", thinking, ["sessions"]],
  ];
  const wrong = given.filter(([, isGiven, kinds]) => isGiven && !kinds.includes(kind)).map(([name]) => name);
  if (wrong.length > 0) throw new SpreadError("invalid-input", `not with kind ${kind}: ${wrong.join(", ")}`);
  if (kind === "memory" && raw === (content !== undefined)) {
    throw new SpreadError("invalid-input", "with kind memory, either content or raw: true must be given, and not both");
  }
  if (kind === "sessions" && session_ids.length === 0) {
    throw new SpreadError("invalid-input", "with kind sessions, session_ids must name at least one");
  }
  if (new Set(session_ids).size < session_ids.length) {
    throw new SpreadError("invalid-input", "session_ids names a session twice");
  }
}

export function viewCleaned({ secrets, counts, paths }: Cleaned): z.input<typeof CleanedView> {
  return { secrets, by_rule: Object.fromEntries(counts), paths };
}
