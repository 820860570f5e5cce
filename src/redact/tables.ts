/** Columns of secrets: in a table of Markdown, of a database's shell or of commas, what stands below a heading that says so. */
import type { Found } from "./assignments.ts";
import { isCode, isPattern, isPlain, isWords, looksChosen } from "./values.ts";

/** How much of a table is read, in characters and rows. */
const MAX_TABLE_CHARS = 8 * 1024;
const MAX_ROWS = 100;
const MAX_HEADING_CHARS = 400;

const HEADING =
  /^[\s*_`"']*(?:[\p{L}\p{N}_.-]+[ _-]){0,2}(?:passw(?:or[dt]|d)s?|passphrase|passcode|pwd|pass|secrets?|tokens?|api[ _-]?keys?|secret[ _-]?keys?|access[ _-]?keys?|credentials?|kennwort|contraseña|mot de passe|senha|пароль|密码|密碼|パスワード|비밀번호|wachtwoord|şifre|hasło|heslo)[\s*_`"']*$/iu;

/** Whether a cell may begin before this word and end behind it. */
export function mayBeHeading(text: string, at: number, length: number): boolean {
  return /[|,;\t\n]/.test(text.slice(at + length, at + length + 12)) && text.indexOf("\n", at) - at < MAX_HEADING_CHARS;
}

interface Columns {
  readonly secrets: readonly Found[];
  /** Up to where the table was read: no heading stands in there. */
  readonly end: number;
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
  const headings = heading.split(separator);
  if (separator !== "|" && headings.some((name) => name.trim() === "")) return none;
  const columns = headings.flatMap((name, column) => (HEADING.test(name) ? [column] : []));
  if (columns.length === 0 || headings.length < 2 || columnAt(heading, separator, at - lineStart) !== columns[0])
    return none;

  const secrets: Found[] = [];
  let rowStart = lineStart + heading.length + 1;
  let isRuled = false;
  for (let row = 0; row < MAX_ROWS && rowStart < text.length && rowStart - lineStart < MAX_TABLE_CHARS; row++) {
    const line = lineAt(text, rowStart);
    const cells = line.split(separator);
    if (row === 0 && /^[\s|:+=-]+$/.test(line) && line.includes("-")) isRuled = true;
    else {
      // Without a rule below its headings, a table has as many cells in each row.
      if (separator !== "|" && !isRuled && cells.length !== headings.length) break;
      if (cells.length < 2 || (separator === "|" && !isRuled)) break;
      let cellStart = rowStart;
      for (const [column, cell] of cells.entries()) {
        if (columns.includes(column)) {
          const value = cell.replace(/^[\s`*"']+|[\s`*"']+$/g, "");
          const start = cellStart + cell.indexOf(value);
          if (isSecretCell(value) && (isRuled || /\d/.test(value))) {
            secrets.push({ rule: "password-assignment", start, end: start + value.length });
          }
        }
        cellStart += cell.length + separator.length;
      }
    }
    rowStart += line.length + 1;
  }
  return { secrets, end: rowStart };
}

function isSecretCell(value: string): boolean {
  if (value.length < 6 || /\s/.test(value) || value.includes("[redacted:") || isPlain(value) || isPattern(value))
    return false;
  return (
    looksChosen(value, "code") ||
    (value.length >= 8 && !isWords(value) && !isCode(value) && looksChosen(value, "settings"))
  );
}

function separatorOf(line: string): string | undefined {
  if (line.includes("|")) return "|";
  if (line.includes("\t")) return "\t";
  return [",", ";"].find((sign) => line.includes(sign) && /^[\w .,;"'-]+$/.test(line));
}

function columnAt(line: string, separator: string, at: number): number {
  return line.slice(0, at).split(separator).length - 1;
}

function lineAt(text: string, start: number): string {
  const line = text.slice(start, start + MAX_TABLE_CHARS);
  const end = line.indexOf("\n");
  return end < 0 ? line : line.slice(0, end);
}
