/**
 * A typed hand-off as the one Markdown document that it always becomes, in the sections that the skill distill-share writes
 * by hand. Its texts are Markdown too, of a page at most: they keep lists, emphasis and code, and lose what would begin
 * a part of the document, so that its headings are ours alone.
 */

import { MAX_TITLE_CHARS } from "../limits.ts";
import type { Anchor } from "../repository/anchor.ts";
import { cleanLine } from "../untrusted/clean.ts";
import { cleanHandoff } from "./json.ts";
import type { Handoff } from "./schema.ts";

/** Files that were not committed, by name. The record has more of them. */
const MAX_SHOWN_FILES = 20;

/** The longest thing that is shown as code within a line, in UTF-16 units: the longest path, and most commands. */
const MAX_CODE_CHARS = 4_096;

/** What the hand-off is about, in one line. */
export function titleOf({ goal }: Pick<Handoff, "goal">): string {
  return cleanLine(goal.trim().split(/[\r\n]/, 1)[0] ?? "", MAX_TITLE_CHARS) || "Hand-off";
}

/** The same text for the same hand-off; it ends with a line end. */
export function renderHandoff(handoff: Handoff, anchor?: Anchor): string {
  const it = cleanHandoff(handoff);
  const parts = [
    [`# ${label(titleOf(it))}`],
    place(anchor),
    section("Goal", safeLines(it.goal)),
    section("Summary", safeLines(it.summary)),
    section(
      "Completed",
      each(it.completed, (text) => point("", text)),
    ),
    section(
      "Key decisions",
      each(it.decisions, ({ decision, rationale }) => point(`**${label(decision)}**: `, rationale)),
    ),
    section(
      "Tried, and failed",
      each(it.dead_ends, ({ tried, why_not }) => point(`${label(tried)}: `, why_not)),
    ),
    section(
      "File changes",
      each(it.files, ({ path, action, note }) => point(`${code(path)}: ${action}${note ? "; " : ""}`, note ?? "")),
    ),
    section("Current state", stateLines(it.state)),
    section(
      "Open questions",
      each(it.open_questions, (text) => point("", text)),
    ),
    section(
      "To do",
      each(it.todos, (text) => point("[ ] ", text)),
    ),
    section("Context for the next session", safeLines(it.next_context ?? "")),
  ];
  const full = parts.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${full.join("\n\n")}\n`;
}

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`## ${heading}`, "", ...lines];
}

function each<T>(points: readonly T[] | undefined, lines: (point: T) => string[]): string[] {
  return (points ?? []).flatMap((point) => lines(point));
}

function stateLines({ build, tests, commands = [] }: NonNullable<Handoff["state"]> = {}): string[] {
  return [
    ...(build === undefined ? [] : point("Build: ", build)),
    ...(tests === undefined ? [] : point("Tests: ", tests)),
    ...(commands.length === 0 ? [] : ["- Commands:"]),
    ...commands.flatMap((command) => indented(point("", command.includes("\n") ? block(command) : code(command)))),
  ];
}

/** Where in a repository the hand-off was written, as points below the title. */
function place({ remote, folder, branch, commit, upstream, uncommitted }: Anchor = {}): string[] {
  const where = [remote && code(remote), folder && `folder ${code(folder)}`].filter(Boolean);
  const at = [branch ? code(branch) : commit && "none", commit && `commit ${code(commit)}`].filter(Boolean);
  const away = upstream && `${upstream.ahead} ahead of ${code(upstream.branch)}, ${upstream.behind} behind`;
  return [
    ...(where.length > 0 ? [`- Repository: ${where.join(", ")}`] : []),
    ...(at.length > 0 ? [`- Branch: ${at.join(", ")}${away ? ` (${away})` : ""}`] : []),
    ...(uncommitted ? uncommittedLines(uncommitted) : []),
  ];
}

function uncommittedLines({ count, files }: NonNullable<Anchor["uncommitted"]>): string[] {
  const shown = files.slice(0, MAX_SHOWN_FILES);
  const more = count - shown.length;
  return [
    `- Not committed: ${count} ${count === 1 ? "file" : "files"}`,
    ...shown.map(({ path, change, from }) => `  - ${code(path)}: ${change}${from ? ` from ${code(from)}` : ""}`),
    ...(more > 0 ? [`  - and ${more} more`] : []),
  ];
}

/** One point of a list: what it begins with, which is one safe line, and a text, which goes on below it. */
function point(beginning: string, text: string): string[] {
  const [first = "", ...rest] = safeLines(text);
  // A block of code needs a line of its own, and a point without a text in front of it could be the line below a heading.
  const lines = first.startsWith(FENCE) ? [beginning || "Code:", first, ...rest] : [beginning + first, ...rest];
  const [opening = "", ...others] = lines;
  return [`- ${escapeStart(opening).trimEnd()}`, ...indented(others)];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => (line === "" ? "" : `  ${line}`));
}

const FENCE = "```";

/** A line that opens a block of code, or would close one. Nobody writes a longer line of marks. */
const FENCE_LINE = /^([ \t]*)(`{3,100}(?=[^`]*$)|~{3,100})(?!~)(.*)$/;

/**
 * A text as lines that begin no heading, and that leave nothing open after them: a block of code gets marks of ours, longer
 * than any in it, and ends with its text at the latest. What begins with a mark of ours is such a block.
 */
function safeLines(text: string): string[] {
  const lines: string[] = [];
  let open: { readonly indent: string; readonly mark: string; readonly language: string; body: string[] } | undefined;
  const close = () => {
    if (open) lines.push(...block(open.body.join("\n"), open.language).split("\n"));
    open = undefined;
  };
  for (const line of text === "" ? [] : text.split("\n")) {
    const [, indent = "", mark, info = ""] = FENCE_LINE.exec(line) ?? [];
    if (open) {
      if (mark?.startsWith(open.mark) && info.trim() === "") close();
      else open.body.push(withoutIndent(line, open.indent));
    } else if (mark === undefined) {
      lines.push(escapeStart(line.trimEnd()));
    } else {
      open = { indent, mark, language: /^[ \t]*([\w+#.-]{0,30})/.exec(info)?.[1] ?? "", body: [] };
    }
  }
  close();
  return lines;
}

function withoutIndent(line: string, indent: string): string {
  return line.startsWith(indent) ? line.slice(indent.length) : line;
}

/** A text as a block of code. */
function block(text: string, language = ""): string {
  const fence = "`".repeat(Math.max(FENCE.length, longestRun(text) + 1));
  return [`${fence}${language}`, text, fence].join("\n");
}

/** A text as code within a line. */
function code(text: string): string {
  const line = cleanLine(text, MAX_CODE_CHARS);
  const mark = "`".repeat(longestRun(line) + 1);
  const space = mark.length > 1 || line === "" ? " " : "";
  return mark + space + line + space + mark;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}

/** What may come before the beginning of a block: marks of quotes and lists, any number of them. */
const NESTING = /^(?:[ \t]*(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t])))*[ \t]*/;

/**
 * What begins, after those, a heading (also the line below one), a block of code, a block of HTML, which can hide what
 * follows, or the target of links elsewhere (CommonMark 4.2 to 4.7).
 */
const BLOCK_START = /^(?:#{1,6}(?:[ \t]|$)|`{3}|~{3}|=+[ \t]*$|-+[ \t]*$|<|\[[^\]]*\]:)/;

function escapeStart(line: string): string {
  const nesting = NESTING.exec(line)?.[0] ?? "";
  const rest = line.slice(nesting.length);
  return BLOCK_START.test(rest) ? `${nesting}\\${rest}` : line;
}

/** A text within a heading or in front of a colon: one line, whose marks of emphasis and code end within it. */
function label(text: string): string {
  const line = text.replace(/\s+/gu, " ").trim();
  const unpaired = (line.match(/`+/g) ?? []).length % 2 === 1 ? line.replaceAll("`", "\\`") : line;
  const plain = unpaired.replaceAll("**", "\\*\\*");
  return plain.endsWith("#") ? `${plain.slice(0, -1)}\\#` : plain;
}
