/** How the rules of passages are written down in a table. */
import type { PassageRule } from "./inspection.ts";

/** A regular expression's source over several lines. */
export function re(source: TemplateStringsArray, ...parts: string[]): string {
  return String.raw(source, ...parts).replace(/\n\s*/g, "");
}

/** Beginnings over several lines. */
export function words(source: TemplateStringsArray): string {
  return String.raw(source).trim().replace(/\n\s*/g, " ");
}

/** A passage that begins in one way and goes on in one. */
export function rule<Kind extends string>(
  kind: Kind,
  begins: string,
  goesOn: string,
  options: Pick<PassageRule<Kind>, "order" | "atLineStart"> = {},
): PassageRule<Kind> {
  return { kind, begins, goesOn, ...options };
}

/** A rule for each way in which passages of one beginning go on. */
export function each<Kind extends string>(
  kind: Kind,
  begins: string,
  endings: readonly string[],
  options: Pick<PassageRule<Kind>, "order" | "atLineStart"> = {},
): PassageRule<Kind>[] {
  return endings.map((goesOn) => rule(kind, begins, goesOn, options));
}
