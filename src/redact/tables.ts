/**
 * Columns of secrets: in a table of Markdown, of a database's shell, of commas, tabs or blanks, what stands below a heading
 * that says so. A table is read to its end, however long it is.
 */
import type { Found } from "./found.ts";
import { isSecretsLabel } from "./names.ts";
import { holdsPlaceholder } from "./placeholders.ts";
import { isTyped } from "./typed.ts";
import { isCode, isGroups, isPattern, isPlain, looksChosen } from "./values.ts";
import { isWords } from "./words.ts";

/** Longer lines are no headings, and no rows. */
const MAX_HEADING_CHARS = 400;
const MAX_ROW_CHARS = 2 * 1024;
/** Of the rest of a heading's cell. */
const MAX_CELL_REST_CHARS = 48;

/** A cell that ends with the word: an ending, a note in brackets, what makes it bold. */
const CELL_REST = /^\p{Ll}{0,4}(?:\s*[(/].*)?[\s*_`"':?]*(?:[|,;\t\n]| {2})/u;

/** Whether a heading's cell may end behind this word. */
export function mayBeHeading(text: string, at: number, length: number): boolean {
  const rest = text.slice(at + length, at + length + MAX_CELL_REST_CHARS);
  return CELL_REST.test(rest) && text.slice(at, at + MAX_HEADING_CHARS).includes("\n");
}

/** Where a table with such columns begins, where its rows do, and up to where it was read: no heading stands in there. */
export interface Table {
  readonly start: number;
  readonly rows: number;
  readonly end: number;
}

interface TableHeading {
  readonly start: number;
  readonly end: number;
  readonly separator: RegExp;
  /** How many cells it has, and which of them say that secrets are below. */
  readonly cells: number;
  readonly columns: readonly number[];
}

interface Cell {
  readonly text: string;
  readonly start: number;
}

/** All secrets in the columns whose heading is in the line of `at`, if that is the first of them; and how many cells were judged. */
export function columnsBelow(text: string, at: number): { secrets: Found[]; table: Table; judged: number } | undefined {
  const heading = headingAt(text, at);
  if (heading === undefined) return undefined;
  const secrets: Found[] = [];
  let rows = heading.end + 1;
  const rule = lineAt(text, rows);
  // The headings of a wiki stand between two bars each.
  let isRuled = text.startsWith("||", heading.start);
  if (rule !== undefined && /^[\s|:+=-]+$/.test(rule) && rule.includes("-")) {
    isRuled = true;
    rows += rule.length + 1;
  }
  let rowStart = rows;
  let judged = 0;
  while (rowStart < text.length) {
    const line = lineAt(text, rowStart);
    const cells = line === undefined ? [] : cellsOf(line, heading.separator);
    if (line === undefined || !isRow(cells, heading, isRuled)) break;
    judged += heading.columns.length;
    for (const column of heading.columns) {
      const cell = cells[column];
      const secret = cell && secretIn(cell, isRuled);
      if (secret) secrets.push({ ...secret, start: rowStart + secret.start, end: rowStart + secret.end });
    }
    rowStart += line.length + 1;
  }
  return { secrets, table: { start: heading.start, rows, end: rowStart }, judged };
}

/** The line of `at` as a heading, the first secret's column of which is there. */
function headingAt(text: string, at: number): TableHeading | undefined {
  const before = text.slice(Math.max(0, at - MAX_HEADING_CHARS), at);
  const start = at - before.length + before.lastIndexOf("\n") + 1;
  if (start > 0 && text.charCodeAt(start - 1) !== 10) return undefined;
  const line = lineAt(text, start);
  const separator = line === undefined || line.length > MAX_HEADING_CHARS ? undefined : separatorOf(line);
  if (line === undefined || separator === undefined) return undefined;
  // In code there are bars everywhere, but no rule below them.
  if (separator === SEPARATORS.bar && !line.startsWith("||") && !/[\s|:+=-]/.test(text.charAt(start + line.length + 1)))
    return undefined;
  const names = cellsOf(line, separator);
  if (names.length < 2) return undefined;
  if (separator !== SEPARATORS.bar && names.some((name) => name.text.trim() === "")) return undefined;
  const column = cellsOf(line.slice(0, at - start), separator).length - 1;
  if (!isSecretsLabel(names[column]?.text ?? "")) return undefined;
  const columns = names.flatMap((name, other) => (isSecretsLabel(name.text) ? [other] : []));
  if (columns[0] !== column) return undefined;
  return { start, end: start + line.length, separator, cells: names.length, columns };
}

/** Without a rule below its headings, a table has as many cells in each row. */
function isRow(cells: readonly Cell[], heading: TableHeading, isRuled: boolean): boolean {
  if (cells.length < 2) return false;
  return isRuled || (heading.separator !== SEPARATORS.bar && cells.length === heading.cells);
}

function secretIn(cell: Cell, isRuled: boolean): Found | undefined {
  const value = cell.text.replace(/^[\s`*"']+|[\s`*"']+$/g, "");
  if (!isSecretCell(value) || !(isRuled || /\d/.test(value))) return undefined;
  const start = cell.start + cell.text.indexOf(value);
  return { rule: "password-assignment", start, end: start + value.length };
}

function isSecretCell(value: string): boolean {
  if (value.length < 6 || holdsPlaceholder(value) || isPlain(value) || isPattern(value)) return false;
  if (isGroups(value)) return true;
  if (/\s/.test(value)) return false;
  if (isTyped(value, "said")) return true;
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

/** The line that begins there; none that is longer than a row. */
function lineAt(text: string, start: number): string | undefined {
  const line = text.slice(start, start + MAX_ROW_CHARS);
  const end = line.indexOf("\n");
  if (end >= 0) return line.slice(0, end);
  return line.length < MAX_ROW_CHARS ? line : undefined;
}
