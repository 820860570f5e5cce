/** How much of the corpus is found, and what is found where nothing is. */
import { redactText } from "../../../src/redact/redactor.ts";
import { friendlyTexts } from "./friendly.ts";
import { plants } from "./plants.ts";

/** So many characters of a secret in a row give something of it away. */
const TELLING_CHARS = 6;

interface Tally {
  /** How many texts there are, and in how many of them the rules did right. */
  all: number;
  right: number;
}

/** By kind: plants of which nothing is left, and friendly texts in which nothing was found. */
export interface Figures {
  readonly plants: Map<string, Tally>;
  readonly friendly: Map<string, Tally>;
}

/** A piece of the secret that is still in the text, or undefined. Words of our own placeholders and of a PEM's frame tell nothing. */
export function leftOf(secret: string, redacted: string): string | undefined {
  const text = redacted.replace(/\[redacted: [^\]]*\]/g, "\0");
  for (const line of secret.split("\n")) {
    if (/^-----|^Version: /.test(line)) continue;
    for (let at = 0; at + TELLING_CHARS <= line.length; at++) {
      const piece = line.slice(at, at + TELLING_CHARS);
      if (text.includes(piece)) return piece;
    }
  }
  return undefined;
}

/** @param heldOut the part that was kept apart while the rules were written, or the other one */
export async function measure(heldOut: boolean): Promise<Figures> {
  const figures: Figures = { plants: new Map(), friendly: new Map() };
  for (const { kind, secret, text } of plants().filter((plant) => plant.heldOut === heldOut)) {
    const redacted = await redactText(text, { secrets: "redact" });
    count(figures.plants, kind, redacted.report.total > 0 && leftOf(secret, redacted.text) === undefined);
  }
  for (const { kind, text } of friendlyTexts().filter((friendly) => friendly.heldOut === heldOut)) {
    count(figures.friendly, kind, (await redactText(text, { secrets: "redact" })).text === text);
  }
  return figures;
}

export function sum(tallies: Iterable<Tally>): Tally {
  const whole = { all: 0, right: 0 };
  for (const { all, right } of tallies) {
    whole.all += all;
    whole.right += right;
  }
  return whole;
}

function count(tallies: Map<string, Tally>, kind: string, right: boolean): void {
  const tally = tallies.get(kind) ?? { all: 0, right: 0 };
  tallies.set(kind, tally);
  tally.all++;
  if (right) tally.right++;
}
