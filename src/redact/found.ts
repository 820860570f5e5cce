/** What was found in a text in more than one way, or overlaps something else. Places are in characters. */
import { placeholdersIn } from "./placeholders.ts";

/** Where something stands in a text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What was found, by the name of its rule. */
export interface Found extends Span {
  readonly rule: string;
}

/** And how well it is known: the lower the rank, the more its rule's name says. */
export interface Ranked extends Found {
  readonly rank: number;
}

/** Findings that overlap are one, by the name that says most. What is a placeholder already is none, nor part of one. */
export function merged(found: Ranked[], text: string): Found[] {
  found.sort((a, b) => a.start - b.start || a.rank - b.rank);
  const one: Ranked[] = [];
  for (const next of found) {
    const last = one.at(-1);
    if (last === undefined || next.start >= last.end) {
      one.push(next);
      continue;
    }
    const { rule, rank } = next.rank < last.rank ? next : last;
    one[one.length - 1] = { rule, rank, start: last.start, end: Math.max(last.end, next.end) };
  }
  return around(one, placeholdersIn(text));
}

/** Less than this beside a placeholder is what stood around the secret that is gone: a quote, a separator. */
const MIN_REST_CHARS = 4;

/** What of these is in none of the others. Both in their order, each apart. */
function around(these: readonly Found[], others: readonly Span[]): Found[] {
  const rest: Found[] = [];
  let other = 0;
  for (const { rule, start, end } of these) {
    while ((others[other]?.end ?? Number.POSITIVE_INFINITY) <= start) other++;
    let from = start;
    let next = other;
    for (let hole = others[next]; hole !== undefined && hole.start < end; hole = others[++next]) {
      if (hole.start - from >= MIN_REST_CHARS) rest.push({ rule, start: from, end: hole.start });
      from = hole.end;
    }
    const isCut = next > other;
    if (end - from >= (isCut ? MIN_REST_CHARS : 1)) rest.push({ rule, start: from, end });
  }
  return rest;
}

/** Those that touch none of the others, and not each other: the first one stays. Both in the order of their starts, the others apart. */
export function apart<T extends Span>(these: readonly T[], others: readonly Span[]): T[] {
  const kept: T[] = [];
  let other = 0;
  let behind = 0;
  for (const one of [...these].sort((a, b) => a.start - b.start)) {
    while ((others[other]?.end ?? Number.POSITIVE_INFINITY) <= one.start) other++;
    const touches = (others[other]?.start ?? Number.POSITIVE_INFINITY) < one.end;
    if (touches || one.start < behind) continue;
    kept.push(one);
    behind = one.end;
  }
  return kept;
}
