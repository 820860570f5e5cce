/**
 * Columns of secrets: in a table of Markdown, of a database's shell, of commas, tabs or blanks, what stands below a heading
 * that says so.
 */
import type { Found } from "./assignments.ts";
import { isSecretsLabel } from "./names.ts";
import { isCode, isGroups, isPattern, isPlain, isWords, looksChosen } from "./values.ts";

/** How much of a table is read, in characters and rows. */
const MAX_TABLE_CHARS = 8 * 1024;
const MAX_ROWS = 100;
const MAX_HEADING_CHARS = 400;
/** Of the rest of a heading's cell. */
const MAX_CELL_REST_CHARS = 48;

/** Whether a cell may begin before this word and end behind it. */
export function mayBeHeading(text: string, at: number, length: number): boolean {
  const after = text.slice(at + length, at + length + MAX_CELL_REST_CHARS);
  return /[|,;\t\n]| {2}/.test(after) && text.indexOf("\n", at) - at < MAX_HEADING_CHARS;
}

interface Columns {
  readonly secrets: readonly Found[];
  /** Up to where the table was read: no heading stands in there. */
  readonly end: number;
}

interface Cell {
  readonly text: string;
  readonly start: number;
}

/** All secrets in the columns whose heading is in the line of `at`. */
export function columnsBelow(text: string, at: number): Columns {
  const none = { secrets: [], end: 0 };
  const before = text.slice(Math.max(0, at - MAX_HEADING_CHARS), at);
  const lineStart = at - before.length + before.lastIndexOf("\n") + 1;
  if (lineStart > 0 && text.charCodeAt(lineStart - 1) !== 10) return none;
  const heading = lineAt(text, lineStart);
  if (heading.length > MAX_HEADING_CHARS) return none;
  const separator = separatorOf(heading);
  if (separator === undefined) return none;
  const headings = cellsOf(heading, separator);
  if (separator !== SEPARATORS.bar && headings.some((name) => name.text.trim() === "")) return none;
  const columns = headings.flatMap((name, column) => (isSecretsLabel(name.text) ? [column] : []));
  if (
    columns.length === 0 ||
    headings.length < 2 ||
    cellsOf(heading.slice(0, at - lineStart), separator).length - 1 !== columns[0]
  )
    return none;

  const secrets: Found[] = [];
  let rowStart = lineStart + heading.length + 1;
  // The headings of a wiki stand between two bars each.
  let isRuled = heading.startsWith("||");
  for (let row = 0; row < MAX_ROWS && rowStart < text.length && rowStart - lineStart < MAX_TABLE_CHARS; row++) {
    const line = lineAt(text, rowStart);
    const cells = cellsOf(line, separator);
    if (row === 0 && /^[\s|:+=-]+$/.test(line) && line.includes("-")) isRuled = true;
    else {
      // Without a rule below its headings, a table has as many cells in each row.
      if (separator !== SEPARATORS.bar && !isRuled && cells.length !== headings.length) break;
      if (cells.length < 2 || (separator === SEPARATORS.bar && !isRuled)) break;
      for (const column of columns) {
        const cell = cells[column];
        const value = cell?.text.replace(/^[\s`*"']+|[\s`*"']+$/g, "") ?? "";
        if (cell === undefined || !isSecretCell(value) || !(isRuled || /\d/.test(value))) continue;
        const start = rowStart + cell.start + cell.text.indexOf(value);
        secrets.push({ rule: "password-assignment", start, end: start + value.length });
      }
    }
    rowStart += line.length + 1;
  }
  return { secrets, end: rowStart };
}

function isSecretCell(value: string): boolean {
  if (value.length < 6 || value.includes("[redacted:") || isPlain(value) || isPattern(value)) return false;
  if (isGroups(value)) return true;
  if (/\s/.test(value)) return false;
  return (
    looksChosen(value, "code") ||
    (value.length >= 8 && !isWords(value) && !isCode(value) && looksChosen(value, "settings"))
  );
}

const SEPARATORS = { bar: /\|{1,2}/g, tab: /\t/g, blanks: / {2,}/g, comma: /,/g, semicolon: /;/g } as const;

function separatorOf(line: string): RegExp | undefined {
  if (line.includes("|")) return SEPARATORS.bar;
  if (line.includes("\t")) return SEPARATORS.tab;
  if (/^\S[^\n]*\S {2,}\S/.test(line) && /^[\w .()/-]+$/.test(line)) return SEPARATORS.blanks;
  if (!/^[\w .,;"'-]+$/.test(line)) return undefined;
  return line.includes(",") ? SEPARATORS.comma : line.includes(";") ? SEPARATORS.semicolon : undefined;
}

function cellsOf(line: string, separator: RegExp): Cell[] {
  const cells: Cell[] = [];
  let start = 0;
  for (const { index, 0: sign } of line.matchAll(separator)) {
    cells.push({ text: line.slice(start, index), start });
    start = index + sign.length;
  }
  cells.push({ text: line.slice(start), start });
  return cells;
}

function lineAt(text: string, start: number): string {
  const line = text.slice(start, start + MAX_TABLE_CHARS);
  const end = line.indexOf("\n");
  return end < 0 ? line : line.slice(0, end);
}
