/** What every parser owes, whatever it is given: a value that is in its input, or a refusal in words of our own. */
import { expect } from "vitest";
import { type ErrorCode, SpreadError } from "../../src/errors.ts";

export function looseJson(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}

/** What a call came to. */
export type Outcome = { readonly value: unknown } | { readonly code: ErrorCode; readonly message: string };

/** What is thrown has to be a SpreadError. */
export function outcomeOf(call: () => unknown): Outcome {
  try {
    return { value: call() };
  } catch (thrown) {
    return refusal(thrown);
  }
}

export async function outcomeOfAsync(call: () => unknown): Promise<Outcome> {
  try {
    return { value: await call() };
  } catch (thrown) {
    return refusal(thrown);
  }
}

function refusal(thrown: unknown): Outcome {
  if (!(thrown instanceof SpreadError)) throw new Error(`not a SpreadError: ${thrown}`, { cause: thrown });
  return { code: thrown.code, message: thrown.message };
}

/**
 * Hears the words of refusals, numbers aside, and lets only so many different ones pass: words that came from the
 * input would be as many as there are inputs.
 */
export function wordings(max: number): (message: string) => void {
  const heard = new Set<string>();
  return (message) => {
    const words = message.replace(/\d+/g, "#");
    if (heard.size < max) heard.add(words);
    expect([...heard], "the words that an error can have of its own").toContain(words);
  };
}

/** The outcome is this value, or a refusal by this code in words of our own. */
export function judge(
  outcome: Outcome,
  expected: { value: unknown } | { code: ErrorCode },
  hear: (said: string) => void,
) {
  if ("message" in outcome) {
    hear(`${outcome.code}: ${outcome.message}`);
    expect({ code: outcome.code }).toEqual(expected);
  } else expect(outcome).toEqual(expected);
}

/**
 * A message that was read is in the JSON that it was read from, field by field, and is read again as the same; for
 * anything else there is undefined, or a refusal by one of these codes. Which messages are read is told elsewhere.
 */
export function expectFaithful(
  frame: Buffer,
  parse: (frame: Buffer) => object | undefined,
  refused: { codes: readonly ErrorCode[]; hear: (said: string) => void },
  decode: (frame: Buffer) => string = strictly,
): void {
  const outcome = outcomeOf(() => parse(frame));
  if ("message" in outcome) {
    expect(refused.codes).toContain(outcome.code);
    refused.hear(`${outcome.code}: ${outcome.message}`);
    return;
  }
  if (outcome.value === undefined) return;
  const { reason, ...fields } = outcome.value as { reason?: string };
  const said = JSON.parse(decode(frame));
  expect(said).toMatchObject(fields);
  // Reasons that are not known become one that is.
  if (reason !== undefined && reason !== said.reason) expect(reason).toMatch(/^[a-z_]+$/);
  const again = parse(Buffer.from(JSON.stringify({ ...fields, reason: said.reason })));
  expect(JSON.stringify(again)).toBe(JSON.stringify(outcome.value)); // -0 is spelled 0
}

/** @throws for what is no UTF-8; a byte order mark is left for JSON.parse to stumble over. */
function strictly(frame: Buffer): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(frame);
}
