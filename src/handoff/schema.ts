/**
 * A hand-off in parts, as the model fills it in: what it may hold and how much of it. Only the shape is here, because a
 * tool's input is made of it and every start loads it; `json.ts` keeps it, `markdown.ts` shows it, `advice.ts` reads it
 * for its sender.
 */
import * as z from "zod";

/** All texts of a hand-off together, in UTF-16 units: five times what a receiver is shown at once. */
export const MAX_HANDOFF_CHARS = 200_000;

/** A goal: a few sentences. */
const MAX_GOAL_CHARS = 4_000;
/** What may be a page: the summary, and the context for the next session. */
const MAX_PAGE_CHARS = 20_000;
/** A point of a list. One that is longer is a page. */
const MAX_POINT_CHARS = 4_000;
const MAX_COMMAND_CHARS = 2_000;
/** Longer than any path that ends up in a repository which Windows can check out. */
const MAX_PATH_CHARS = 1_024;
const MAX_POINTS = 100;
const MAX_FILES = 300;

const text = (max: number) => z.string().trim().min(1).max(max);
const points = () => z.array(text(MAX_POINT_CHARS)).max(MAX_POINTS).optional();

/**
 * Goal and summary are required: without either nobody could go on. Every other part can be honestly empty (nothing failed,
 * nothing is open), and a part that must be filled is filled with inventions; what is missing is asked for in `advice.ts`.
 * Within a point both halves are required where one alone says nothing: a decision without its reason will be taken again.
 */
export const Handoff = z
  .strictObject({
    goal: text(MAX_GOAL_CHARS).describe("What is to be reached, and how one would know. Its first line is the title."),
    summary: text(MAX_PAGE_CHARS).describe("Where things stand, in a few sentences."),
    completed: points().describe("What works now, and how that was seen."),
    decisions: z
      .array(
        z.strictObject({
          decision: text(MAX_POINT_CHARS).describe("One line."),
          rationale: text(MAX_POINT_CHARS).describe("Why, and what was decided against."),
        }),
      )
      .max(MAX_POINTS)
      .optional()
      .describe("Decisions that cannot be read off the code."),
    dead_ends: z
      .array(
        z.strictObject({
          tried: text(MAX_POINT_CHARS).describe("One line."),
          why_not: text(MAX_POINT_CHARS).describe("Why it did not work."),
        }),
      )
      .max(MAX_POINTS)
      .optional()
      .describe("What was tried and failed, so that nobody tries it again."),
    files: z
      .array(
        z.strictObject({
          path: text(MAX_PATH_CHARS).describe("From the project's root, with / between folders."),
          action: z.enum(["created", "changed", "renamed", "deleted"]),
          note: text(MAX_POINT_CHARS).optional().describe("What, and why."),
        }),
      )
      .max(MAX_FILES)
      .optional()
      .describe("Files of this work."),
    state: z
      .strictObject({
        build: text(MAX_POINT_CHARS).optional().describe("Passes, fails with ..., or not run."),
        tests: text(MAX_POINT_CHARS).optional().describe("Which pass, which fail and how."),
        commands: z
          .array(text(MAX_COMMAND_CHARS))
          .max(MAX_POINTS)
          .optional()
          .describe("How to build, test and run, each as it is typed."),
      })
      .optional(),
    open_questions: points().describe("What nobody has decided yet, and who could."),
    todos: points().describe("What is to be done, the next step first."),
    next_context: text(MAX_PAGE_CHARS)
      .optional()
      .describe("What one must know: constraints, conventions, people's wishes, traps."),
  })
  .refine((handoff) => charsOf(handoff) <= MAX_HANDOFF_CHARS, {
    error: `the parts together have more than ${MAX_HANDOFF_CHARS} characters`,
  });

export type Handoff = z.infer<typeof Handoff>;

/** UTF-16 units of all texts in a part, or in a whole hand-off. */
export function charsOf(part: unknown): number {
  if (typeof part === "string") return part.length;
  if (typeof part !== "object" || part === null) return 0;
  return Object.values(part).reduce((sum: number, inner) => sum + charsOf(inner), 0);
}
