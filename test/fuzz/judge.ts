/**
 * What a parser should say, told a second time and in another way: fields as rules in a table, JSON by Node's own
 * strict reading. And what every refusal must be like.
 */
import { isUtf8 } from "node:buffer";
import { expect } from "vitest";
import { type ErrorCode, SpreadError } from "../../src/errors.ts";

/** What a value is read as; undefined where it is wrong. */
export type Rule = (value: unknown) => unknown;
/** A field whose name ends in "?" may be absent. Fields that are not listed are read past. */
export type Shape = Readonly<Record<string, Rule>>;

export const is =
  (...allowed: readonly unknown[]): Rule =>
  (value) =>
    allowed.includes(value) ? value : undefined;
export const text =
  (max = Number.POSITIVE_INFINITY, min = 0): Rule =>
  (value) =>
    typeof value === "string" && value.length >= min && value.length <= max ? value : undefined;
/** So many of these characters. */
export const spelling =
  (letters: string, count: number): Rule =>
  (value) =>
    typeof value === "string" && value.length === count && [...value].every((it) => letters.includes(it))
      ? value
      : undefined;
export const hexOf = (bytes: number) => spelling("0123456789abcdef", bytes * 2);
export const roomId = spelling("abcdefghijklmnopqrstuvwxyz0123456789", 6);
export const whole =
  (min: number, max = Number.MAX_SAFE_INTEGER): Rule =>
  (value) =>
    Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max ? value : undefined;
export const texts =
  (max = Number.POSITIVE_INFINITY): Rule =>
  (value) =>
    Array.isArray(value) && value.length <= max && value.every((it) => typeof it === "string") ? value : undefined;

/** An object by its shape, with the listed fields alone; undefined where it does not fit. */
export function read(shape: Shape, json: unknown): object | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  const fields: [string, unknown][] = [];
  for (const [field, rule] of Object.entries(shape)) {
    const name = field.replace(/\?$/, "");
    if (!Object.hasOwn(json, name)) {
      if (field === name) return undefined;
      continue;
    }
    const value = rule((json as Record<string, unknown>)[name]);
    if (value === undefined) return undefined;
    fields.push([name, value]);
  }
  return Object.fromEntries(fields);
}

/** By the first shape that it fits. */
export function readAny(shapes: readonly Shape[], json: unknown): object | undefined {
  for (const shape of shapes) {
    const found = read(shape, json);
    if (found) return found;
  }
  return undefined;
}

/** JSON of well-formed UTF-8 without a byte order mark; undefined for anything else. */
export function strictJson(bytes: Buffer, maxBytes: number): unknown {
  return bytes.length <= maxBytes && isUtf8(bytes) ? looseJson(bytes.toString()) : undefined;
}

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
