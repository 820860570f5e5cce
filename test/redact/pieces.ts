/** Texts in pieces: of several windows of a redactor, made of whatever it finds and leaves, and cut anywhere. */
import fc from "fast-check";
import { expect } from "vitest";
import { Redactor, type RedactorOptions } from "../../src/redact/redactor.ts";
import { friendlyTexts } from "./corpus/friendly.ts";
import { plants } from "./corpus/plants.ts";
import { chance } from "./corpus/random.ts";

const REDACT: RedactorOptions = { secrets: "redact" };

/** What a redactor makes of a text that comes in pieces. */
export async function inPieces(pieces: readonly string[], options: RedactorOptions) {
  const redactor = new Redactor(options);
  let text = "";
  for (const piece of pieces) text += await redactor.push(piece);
  text += await redactor.end();
  return { text, report: redactor.report };
}

export function cutAt(text: string, places: readonly number[]): string[] {
  const cuts = [0, ...places.filter((place) => place < text.length).sort((a, b) => a - b), text.length];
  return cuts.slice(1).map((end, at) => text.slice(cuts[at], end));
}

export async function expectSameInPieces(texts: number, chars: number): Promise<void> {
  const all = [...plants(), ...friendlyTexts()].map((one) => one.text);
  const seeds = fc.nat(2 ** 31);
  await fc.assert(
    fc.asyncProperty(seeds, fc.array(fc.nat(chars), { maxLength: 40 }), async (seed, cuts) => {
      const { pick } = chance(seed);
      let text = "";
      while (text.length < chars) text += `${pick(all)}\n`;
      expect(await inPieces(cutAt(text, cuts), REDACT)).toEqual(await inPieces([text], REDACT));
    }),
    { numRuns: texts },
  );
}
