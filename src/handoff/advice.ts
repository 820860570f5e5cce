/**
 * What a typed hand-off lacks, for the model that wrote it: few sentences, each with the field and what to write there. They
 * refuse nothing; whether there is more to say, only the sender knows.
 */
import type { Anchor } from "../repository/anchor.ts";
import { charsOf, type Handoff } from "./schema.ts";

/** More would not be read. */
const MAX_SENTENCES = 5;

/** Below this, in UTF-16 units, a text says what was worked on, but not how far it is. */
const THIN_GOAL_CHARS = 20;
const THIN_SUMMARY_CHARS = 80;
const THIN_REASON_CHARS = 12;

/** Files named in one sentence. */
const MAX_SHOWN_FILES = 3;

/**
 * What a hand-off should cost its reader, in tokens: with a head and an anchor it is still given whole to the receiver's
 * model (INLINE_CHARS), and leaves that most of its attention.
 */
export const BUDGET_TOKENS = 6_000;

/** UTF-16 units of a token, about: English and code, and writing whose letters are not ASCII. */
const ASCII_CHARS_PER_TOKEN = 4;
const OTHER_CHARS_PER_TOKEN = 1.5;

/** Sentences for the sender, the most important first; none where nothing is missing. */
export function missing(handoff: Handoff, anchor?: Anchor): string[] {
  const { goal, summary, todos, state, dead_ends, decisions, files, next_context, completed } = handoff;
  const thin = decisions?.findIndex(({ rationale }) => rationale.length < THIN_REASON_CHARS) ?? -1;
  const unnamed = unnamedFiles(files, anchor);
  const lacks: [boolean, string][] = [
    [goal.length < THIN_GOAL_CHARS, "goal is very short: say what is to be reached, and how one would know."],
    [summary.length < THIN_SUMMARY_CHARS, "summary is very short: say in a few sentences where things stand."],
    [isEmpty(todos), "todos is empty: write what is to be done, the next step first."],
    [!state?.tests, "state.tests is missing: write which tests pass, which fail and how, or that they were not run."],
    [isEmpty(dead_ends), "dead_ends is empty: write what was tried and did not work, if anything was."],
    [isEmpty(decisions), "decisions is empty: write what was decided, and what was decided against."],
    [thin >= 0, `decisions[${thin}].rationale is very short: write why, and what was decided against.`],
    [isEmpty(files), "files is empty: write which files were created, changed or deleted, and why."],
    [!isEmpty(files) && unnamed !== "", `files leaves out what is not committed: ${unnamed}.`],
    [isEmpty(state?.commands), "state.commands is empty: write how to build, test and run."],
    [isEmpty(completed), "completed is empty: write what works now, and how that was seen."],
    [!next_context, "next_context is missing: write the constraints, conventions and traps that one must know."],
  ];
  return lacks
    .filter(([lacking]) => lacking)
    .map(([, sentence]) => sentence)
    .slice(0, MAX_SENTENCES);
}

/** A sentence where the rendered document is longer than its budget. */
export function overBudget(handoff: Handoff, rendered: string): string | undefined {
  const tokens = estimatedTokens(rendered);
  if (tokens <= BUDGET_TOKENS) return undefined;
  const [largest] = Object.entries(handoff)
    .map(([name, part]) => ({ name, chars: charsOf(part) }))
    .sort((a, b) => b.chars - a.chars);
  const most = largest
    ? ` Its largest part is ${largest.name}, with ${largest.chars} characters: shorten that first.`
    : "";
  return `The hand-off takes about ${tokens} tokens, and should take ${BUDGET_TOKENS} at most.${most}`;
}

/** How many tokens a text takes, to about a third. */
export function estimatedTokens(text: string): number {
  const others = text.replace(/[\0-\x7f]+/g, "").length;
  return Math.ceil((text.length - others) / ASCII_CHARS_PER_TOKEN + others / OTHER_CHARS_PER_TOKEN);
}

function isEmpty(list: readonly unknown[] | undefined): boolean {
  return list === undefined || list.length === 0;
}

/** Files with changes that are not committed, and that the hand-off does not name; both kinds of path end alike. */
function unnamedFiles(files: Handoff["files"], anchor: Anchor | undefined): string {
  const named = new Set((files ?? []).map(({ path }) => [anchor?.folder, path].filter(Boolean).join("/")));
  const left = (anchor?.uncommitted?.files ?? [])
    .filter(({ change }) => change !== "untracked")
    .map(({ path }) => path)
    .filter((path) => !named.has(path));
  const more = left.length > MAX_SHOWN_FILES ? ` and ${left.length - MAX_SHOWN_FILES} more` : "";
  return left.slice(0, MAX_SHOWN_FILES).join(", ") + more;
}
