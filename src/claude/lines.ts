/**
 * Bytes as lines, and a line as JSON that can do no harm: bounded in length, depth and number of parts before it is
 * parsed.
 */

/** The longest line that is read, in bytes: an image that a model may be shown, kept twice, fits. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** How deep a line may be nested, and how many values it may hold: a tool's arguments are a handful of levels. */
const MAX_DEPTH = 64;
const MAX_VALUES = 200_000;

/** A line without its end; undefined is one that was too long, and was not kept. */
export type Line = Buffer | undefined;

/** A line, and where its first byte is in the stream that it was read from. */
export interface PlacedLine {
  readonly line: Line;
  readonly start: number;
  /** Without its end. */
  readonly bytes: number;
}

/**
 * The lines of each piece that comes, all together, since a turn of the event loop for each would cost more than
 * reading it. Empty lines are left out. A line is a copy, or a view of its piece.
 */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>, max = MAX_LINE_BYTES): AsyncGenerator<Line[]> {
  for await (const lines of placedLinesOf(pieces, max)) yield lines.map(({ line }) => line);
}

/** The same lines, each with its place. */
export async function* placedLinesOf(
  pieces: AsyncIterable<Uint8Array>,
  max = MAX_LINE_BYTES,
): AsyncGenerator<PlacedLine[]> {
  let begun: Buffer[] = [];
  let length = 0;
  let start = 0;
  const add = (bytes: Buffer) => {
    length += bytes.length;
    if (length <= max) begun.push(bytes);
    else begun = [];
  };
  const end = (): PlacedLine => {
    const [only, ...more] = begun;
    const line = length > max ? undefined : more.length === 0 ? only : Buffer.concat(begun);
    const placed = { line, start, bytes: length };
    begun = [];
    start += length;
    length = 0;
    return placed;
  };
  for await (const piece of pieces) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const lines: PlacedLine[] = [];
    let from = 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
      if (at > from) add(bytes.subarray(from, at));
      from = at + 1;
      if (length > 0) lines.push(end());
      start += 1;
    }
    // A copy: the piece may be used again.
    if (from < bytes.length) add(Buffer.from(bytes.subarray(from)));
    if (lines.length > 0) yield lines;
  }
  if (length > 0) yield [end()];
}

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
/** JSON has no other word that begins with this letter than `true`. */
const LETTER_T = 0x74;

/** What a line says; undefined where it is no JSON, or would take too much to hold. */
export function parseLine(line: Buffer): unknown {
  if (!isModest(line)) return undefined;
  try {
    return JSON.parse(line.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Whether a line may be parsed. Looked at before: what is nested a million times would be in memory by then. */
export function isModest(line: Buffer): boolean {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < line.length; at += 1) {
    const byte = line[at];
    if (byte === QUOTE) {
      at = endOfString(line, at + 1);
      continue;
    }
    const nesting = nestingOf(byte);
    depth += nesting;
    if (nesting > 0 || byte === COMMA) values += 1;
    if (depth > MAX_DEPTH || values > MAX_VALUES) return false;
  }
  return true;
}

/** How much deeper it is after this byte: 1 for a bracket or brace that opens, -1 for one that closes. */
function nestingOf(byte: number | undefined): -1 | 0 | 1 {
  if (byte === 0x7b || byte === 0x5b) return 1;
  return byte === 0x7d || byte === 0x5d ? -1 : 0;
}

interface Fields {
  [name: string]: string | true;
}

/**
 * Some fields of a line, without parsing the rest of it, which may be a hundred times as long: strings without escapes,
 * and what is true. However the JSON is spaced.
 */
export function fieldsOf(line: Buffer, names: readonly string[]): Fields {
  const fields: Fields = {};
  let depth = 0;
  let name: string | undefined; // of the value that comes next
  for (let at = 0; at < line.length; at += 1) {
    const byte = line[at];
    if (byte === QUOTE) {
      const end = endOfString(line, at + 1);
      if (name !== undefined) fields[name] = shortText(line, at + 1, end);
      name = depth === 1 ? nameIn(line, at + 1, end, names) : undefined;
      at = end;
      continue;
    }
    if (byte === LETTER_T && name !== undefined) fields[name] = true;
    if (endsName(byte)) name = undefined;
    depth += nestingOf(byte);
  }
  return fields;
}

/** Whether what comes after this byte is no longer the value of the name before: after a bracket, a comma, or `true`. */
function endsName(byte: number | undefined): boolean {
  return byte === COMMA || byte === LETTER_T || nestingOf(byte) !== 0;
}

/** The longest name or value that is looked at, in bytes. */
const MAX_FIELD_BYTES = 64;

/** What is between two quotes; nothing if it is longer than MAX_FIELD_BYTES. */
function shortText(line: Buffer, start: number, end: number): string {
  return end - start < MAX_FIELD_BYTES ? line.toString("latin1", start, end) : "";
}

/** A string that is one of the names: a colon comes after the quote at `end`. */
function nameIn(line: Buffer, start: number, end: number, names: readonly string[]): string | undefined {
  let at = end + 1;
  while (line[at] === 0x20 || line[at] === 0x09) at += 1;
  const text = line[at] === COLON ? shortText(line, start, end) : "";
  return names.includes(text) ? text : undefined;
}

/** Where the string ends that began before `from`; the line's length if it does not. */
function endOfString(line: Buffer, from: number): number {
  for (let at = line.indexOf(QUOTE, from); at >= 0; at = line.indexOf(QUOTE, at + 1)) {
    let slashes = 0;
    while (line[at - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return line.length;
}
