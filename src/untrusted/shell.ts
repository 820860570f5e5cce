/** Command lines that a person copies into a terminal, with names and paths in them that somebody else may have chosen. */

/** A text as one word of a POSIX shell, whatever it holds. A line end in it stays one. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
