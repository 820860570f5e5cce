/** Where a stream of UTF-8 may be cut. No content is judged here. */

/**
 * How many bytes at the end of `piece`, 0 to 3, begin a character that only the next piece can complete.
 * A cut before them never parts a well-formed character, and never changes how ill-formed bytes are read: what comes
 * before a lead byte is decided without it.
 */
export function unfinishedBytes(piece: Uint8Array): number {
  for (let back = 1; back <= 3; back += 1) {
    const byte = piece.at(-back);
    if (byte === undefined) return 0;
    if (byte >> 6 === 0b10) continue;
    const needs = characterBytes(byte);
    return needs > back ? back : 0;
  }
  return 0;
}

/** How many bytes a character has, 1 to 4, by its first one. */
export function characterBytes(lead: number): number {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc0 ? 2 : 1;
}
