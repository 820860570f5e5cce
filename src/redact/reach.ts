/**
 * How far from what gives it away a secret may stand, for each way of finding one, and what follows from it for a text that
 * comes in windows: how much of a text is looked at again before a cut, and how much is held back behind one. A way of
 * finding that looks further than is said here loses secrets at cuts. Columns of tables look as far as their table goes:
 * its headings go with the context (redactor.ts). All are characters that are seen: hidden ones do not count.
 */

/** The longest secret that a pattern takes: more than an RSA key of 16,384 bits. */
export const MAX_SECRET_CHARS = 16 * 1024;

/** Behind its name or mark, from where that begins to where the secret does. */
export const BEHIND_CHARS = {
  /** `NAME = value`, with what may stand between the two. */
  assignment: 512,
  /** A cookie, of which "cookie" was said before. */
  cookie: 640,
  /** In the name's sentence, in the answer to it, in a line below. */
  mention: 280,
  /** A list of recovery codes. */
  list: 2 * 1024,
  /** A phrase of 24 words with their numbers, each in a line of its own. */
  phrase: 640,
  /** What a rule's pattern asks for before a secret, the type of a key in JSON above all. */
  rule: 9 * 1024,
} as const;

/** Before its name or mark, from where the secret ends to where that does; or what has to stand behind it. */
export const BEFORE_CHARS = { mention: 120, rule: 8_100 } as const;

/** The longest name, in which what gives it away stands last. */
const NAME_CHARS = 128;

/** So much of what was given out is looked at again. */
export const CONTEXT_CHARS = Math.max(...Object.values(BEHIND_CHARS)) + NAME_CHARS;
/** So much waits for what comes: a secret that begins before a cut ends before this, with what has to stand behind it. */
export const MARGIN_CHARS = MAX_SECRET_CHARS + Math.max(...Object.values(BEFORE_CHARS)) + NAME_CHARS;
/** So much is scanned at a time: four times the margin, which is scanned twice. */
export const WINDOW_CHARS = 100 * 1024;

/**
 * Where more than this is hidden, it counts as if it were seen: a text of nothing else would have to wait in memory for ever.
 * A token whose letters stand as far apart as two thousand hidden ones each is still found.
 */
export const MAX_HIDDEN_CHARS = 256 * 1024;
