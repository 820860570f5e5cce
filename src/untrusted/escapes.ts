/** Terminal escape sequences as of ECMA-48, as sources of patterns: what cleaning takes out and redaction looks through. */

/**
 * The longest escape sequence that is recognised, in UTF-16 units: the longest links fit. What does not end within it,
 * or within its line, loses its introducer only, so that no unterminated sequence hides the rest of a document.
 */
export const MAX_ESCAPE_CHARS = 4096;

const UP_TO_MAX = `{0,${MAX_ESCAPE_CHARS}}`;

/** CSI without its last character. */
export const CSI = `(?:\\x1b\\[|\\x9b)[0-?]${UP_TO_MAX}[ -/]${UP_TO_MAX}`;
/** OSC, DCS, SOS, PM and APC without their end. */
export const STRING = `(?:\\x1b[\\]PX^_]|[\\x90\\x98\\x9d-\\x9f])[^\\x07\\n\\r\\x18\\x1a\\x1b\\x80-\\x9f\\u2028\\u2029]${UP_TO_MAX}`;
/** A whole sequence: CSI; a string up to ST, or to the BEL that xterm allows; ESC x. */
export const SEQUENCE = `${CSI}[@-~]|${STRING}(?:\\x07|\\x1b\\\\|\\x9c)|\\x1b(?![[\\]PX^_])[ -/]${UP_TO_MAX}[0-~]`;
