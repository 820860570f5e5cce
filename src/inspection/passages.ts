/** What in a received text its receiver should know of, by all the rules there are: links that act, and steering. */
import { type CompiledRules, compileRules, Inspection, type Passage } from "./inspection.ts";
import { LINK_RULES, type LinkKind, linkWarnings } from "./links.ts";
import { steeringWarnings } from "./steering.ts";
import { STEERING_RULES, type SteeringKind } from "./steering-rules.ts";

/** More of a kind are not looked for: warnings name ten lines at most, and say that there are others. */
const MOST_OF_A_KIND = 11;

/**
 * How much of a text is searched for passages that its reader should know of, in UTF-16 units: a hundred times what is shown
 * at once. The search is the slowest that is done with a text, and a sender waits for a receiver that is slow.
 */
export const MAX_INSPECTED_CHARS = 4_000_000;

type PassageKind = LinkKind | SteeringKind;

/** Compiled at the first use, which a start need not wait for. */
let compiled: CompiledRules<PassageKind> | undefined;

/** @param firstLine the number of the text's first line in the file that the reader will open. */
export function inspectPassages(firstLine: number): Inspection<PassageKind> {
  compiled ??= compileRules<PassageKind>([...LINK_RULES, ...STEERING_RULES]);
  return new Inspection(compiled, firstLine, MOST_OF_A_KIND);
}

/**
 * As sentences for the receiver, without a word of the sender's.
 * @param file what the text is called in them, in words of ours; by default handoff.md.
 */
export function passageWarnings(passages: readonly Passage<PassageKind>[], file?: string): string[] {
  return [...linkWarnings(passages, file), ...steeringWarnings(passages, file)];
}
