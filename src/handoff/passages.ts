/** What in a received text its receiver should know of, by all the rules there are: links that act, and steering. */
import { type CompiledRules, compileRules, Inspection, type Passage } from "./inspection.ts";
import { LINK_RULES, type LinkKind, linkWarnings } from "./links.ts";
import { steeringWarnings } from "./steering.ts";
import { STEERING_RULES, type SteeringKind } from "./steering-rules.ts";

/** More of a kind are not looked for: warnings name ten lines at most, and say that there are others. */
const MOST_OF_A_KIND = 11;

type Kind = LinkKind | SteeringKind;

/** Compiled at the first use, which a start need not wait for. */
let compiled: CompiledRules<Kind> | undefined;

/** @param firstLine the number of the text's first line in the file that the reader will open. */
export function inspectPassages(firstLine: number): Inspection<Kind> {
  compiled ??= compileRules<Kind>([...LINK_RULES, ...STEERING_RULES]);
  return new Inspection(compiled, firstLine, MOST_OF_A_KIND);
}

/** As sentences for the receiver, without a word of the sender's. */
export function passageWarnings(passages: readonly Passage<Kind>[]): string[] {
  return [...linkWarnings(passages), ...steeringWarnings(passages)];
}
