/** Texts that somebody else wrote, many of them, cleaned one by one; what was taken out is counted over all. */
import { type Findings, TextCleaner, warningsOf } from "../untrusted/clean.ts";

export class Texts {
  readonly #found: Findings = { escapes: 0, controls: 0, bidi: 0, hidden: 0, invalid: 0 };

  clean(text: string): string {
    const bytes = Buffer.from(text);
    const cleaner = new TextCleaner();
    if (cleaner.passes(bytes)) return text;
    const cleaned = cleaner.push(bytes) + cleaner.end();
    for (const kind of Object.keys(this.#found) as (keyof Findings)[]) this.#found[kind] += cleaner.findings[kind];
    return cleaned;
  }

  /** What was taken out, as sentences. */
  get warnings(): string[] {
    return warningsOf(this.#found);
  }
}
