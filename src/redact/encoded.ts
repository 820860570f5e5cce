/**
 * Secrets in base64: a private key, a file of settings, a connection string. Only what decodes to text is looked at, and
 * random bytes do not.
 */

/** As long as `A=secret1` in base64 is, in characters. */
const MIN_RUN_CHARS = 24;
/** Of a run, so much is decoded. */
const MAX_RUN_CHARS = 16 * 1024;
/** So much is decoded first, to see whether it is text. */
const TASTE_CHARS = 24;

const PART = 1;
const parts = new Uint8Array(0x100);
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
  parts[char.charCodeAt(0)] = PART;

interface Encoded {
  readonly start: number;
  readonly end: number;
  /** What it says. */
  readonly text: string;
}

/** The runs of base64 that decode to text, also over several lines. */
export function* encodedTexts(text: string): Generator<Encoded> {
  let from = 0;
  // Of as many characters in a row as a run has at least, one is looked at here.
  for (let probe = MIN_RUN_CHARS - 1; probe < text.length; probe += MIN_RUN_CHARS) {
    if (probe < from || !isPart(text.charCodeAt(probe))) continue;
    let start = probe;
    while (start > from && isPart(text.charCodeAt(start - 1))) start--;
    from = probe + 1;
    while (from < text.length && isPart(text.charCodeAt(from))) from++;
    if (from - start < MIN_RUN_CHARS || !isText(text.slice(start, start + TASTE_CHARS))) continue;
    const end = runEnd(text, start, from);
    const decoded = decode(text.slice(start, Math.min(end, start + MAX_RUN_CHARS)));
    if (!UNPRINTABLE.test(decoded.slice(0, -2))) yield { start, end, text: decoded };
    from = end;
  }
}

const decode = (run: string) => Buffer.from(run.replace(/[^\w+/-]/g, ""), "base64").toString("latin1");

const UNPRINTABLE = /[^\t\n\r\x1b\x20-\x7e\x80-\xff]/;

function isPart(code: number): boolean {
  return code < 0x100 && parts[code] === PART;
}

function isText(run: string): boolean {
  return !/[^\t\n\r\x20-\x7e]/.test(Buffer.from(run, "base64").toString("latin1"));
}

const WRAP = /=*(?:\r?\n|\\n)[ \t>|"]{0,24}(?=[\w+/-]{4})/y;
/** Lines of base64 are as long as the first of them. */
const MIN_LINE_CHARS = 40;

function runEnd(text: string, start: number, firstEnd: number): number {
  const line = firstEnd - start;
  let end = firstEnd;
  while (line >= MIN_LINE_CHARS && end - start < MAX_RUN_CHARS) {
    WRAP.lastIndex = end;
    if (!WRAP.test(text)) break;
    let next = WRAP.lastIndex;
    const from = next;
    while (next < text.length && next - from <= line && isPart(text.charCodeAt(next))) next++;
    if (next - from > line) break;
    end = next;
    if (next - from < line) break;
  }
  while (text.charAt(end) === "=") end++;
  return end;
}
