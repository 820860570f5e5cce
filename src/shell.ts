/** Command lines that a person pastes into a POSIX shell. Nothing is run here. */

/** The text as one word of a shell, quoted where needed. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
