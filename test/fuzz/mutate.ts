/**
 * Inputs for fuzzing, made from a corpus: right ones with a few things wrong. Random bytes alone end at the first
 * check of a parser; what is nearly right gets past it.
 */
import fc from "fast-check";
import { BAD_JSON, NASTY_BYTES, NASTY_KEYS, NASTY_VALUES } from "./corpus.ts";

type Edit = (bytes: Buffer) => Buffer;

const join = (...parts: Uint8Array[]) => Buffer.concat(parts);
const at = fc.nat({ max: 0xffff });
const place = (bytes: Buffer, index: number) => index % (bytes.length + 1);

const flip: fc.Arbitrary<Edit> = fc.record({ index: at, bit: fc.nat({ max: 7 }) }).map(({ index, bit }) => (bytes) => {
  const flipped = Buffer.from(bytes);
  const where = index % Math.max(1, bytes.length);
  if (where < flipped.length) flipped[where] = (flipped[where] ?? 0) ^ (1 << bit);
  return flipped;
});
const truncate: fc.Arbitrary<Edit> = at.map((index) => (bytes) => bytes.subarray(0, place(bytes, index)));
const behead: fc.Arbitrary<Edit> = at.map((index) => (bytes) => bytes.subarray(place(bytes, index)));
const cut: fc.Arbitrary<Edit> = fc.tuple(at, fc.nat({ max: 64 })).map(([index, length]) => (bytes) => {
  const where = place(bytes, index);
  return join(bytes.subarray(0, where), bytes.subarray(where + length));
});
const insert: fc.Arbitrary<Edit> = fc
  .tuple(at, fc.oneof(fc.constantFrom(...NASTY_BYTES), fc.uint8Array({ maxLength: 8 })))
  .map(([index, what]) => (bytes) => {
    const where = place(bytes, index);
    return join(bytes.subarray(0, where), what, bytes.subarray(where));
  });
const repeat: fc.Arbitrary<Edit> = fc
  .tuple(at, fc.nat({ max: 64 }), fc.integer({ min: 2, max: 50 }))
  .map(([index, length, times]) => (bytes) => {
    const where = place(bytes, index);
    const part = bytes.subarray(where, where + length);
    return join(bytes.subarray(0, where), ...Array<Buffer>(times).fill(part), bytes.subarray(where + length));
  });
const splice = (corpus: readonly Uint8Array[]): fc.Arbitrary<Edit> =>
  fc.tuple(at, fc.constantFrom(...corpus), at).map(([index, other, from]) => (bytes) => {
    const tail = Buffer.from(other);
    return join(bytes.subarray(0, place(bytes, index)), tail.subarray(place(tail, from)));
  });

/** Bytes of the corpus, most of them with up to four mistakes; and a few that nobody has thought of. */
export function mutants(corpus: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  const edit = fc.oneof(flip, truncate, behead, cut, insert, repeat, splice(corpus));
  const near = fc
    .tuple(fc.constantFrom(...corpus), fc.array(edit, { maxLength: 4 }))
    .map(([base, edits]) => edits.reduce<Buffer>((bytes, change) => change(bytes), Buffer.from(base)));
  return fc.oneof({ weight: 9, arbitrary: near }, { weight: 1, arbitrary: anyBytes });
}

const anyBytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

/** Text of the corpus with mistakes, as whoever reads it as UTF-8 gets it; and any UTF-16, lone surrogates included. */
export function mutantTexts(corpus: readonly string[]): fc.Arbitrary<string> {
  const decoded = mutants(corpus.map((text) => Buffer.from(text))).map((bytes) => bytes.toString());
  return fc.oneof({ weight: 6, arbitrary: decoded }, { weight: 1, arbitrary: anyText });
}

/** Any UTF-16: halves of surrogate pairs as well. */
export const anyText = fc
  .array(fc.nat({ max: 0xffff }), { maxLength: 30 })
  .map((units) => String.fromCharCode(...units));

/** Spellings of any JSON value, at most a few levels deep. */
const anyValue = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NASTY_VALUES) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)) },
);

/**
 * JSON objects whose fields are those of `valid` with changes: others' values, bad values, missing, repeated and
 * unknown fields, in any order. As spelled text, since no object can hold a field twice.
 */
function nearlyRight(valid: readonly object[]): fc.Arbitrary<string> {
  const fields = valid.flatMap((message) => Object.entries(message));
  const names = [...new Set(fields.map(([name]) => name)), ...NASTY_KEYS];
  const spelledValues = fields.map(([, value]) => JSON.stringify(value));
  const change = fc.record({
    name: fc.constantFrom(...names),
    value: fc.oneof(fc.constantFrom(...spelledValues), anyValue),
    how: fc.constantFrom("put", "put", "drop", "repeat", "first"),
  });
  return fc.tuple(fc.constantFrom(...valid), fc.array(change, { maxLength: 3 })).map(([message, changes]) => {
    let spelled = Object.entries(message).map(([name, value]) => [name, JSON.stringify(value)] as [string, string]);
    for (const { name, value, how } of changes) {
      if (how !== "repeat") spelled = spelled.filter(([other]) => other !== name);
      if (how === "first") spelled.unshift([name, value]);
      else if (how !== "drop") spelled.push([name, value]);
    }
    return `{${spelled.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
  });
}

/**
 * Each message as it is, with one field replaced by each bad value, left out or repeated, and with each bad piece
 * around it.
 */
export function knownFrames(valid: readonly object[]): Buffer[] {
  const frames = valid.flatMap((message) => {
    const spelled = Object.entries(message).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    const whole = Buffer.from(`{${spelled.join(",")}}`);
    const changed = Object.keys(message).flatMap((name, index) =>
      [
        [],
        [spelled[index], spelled[index]],
        ...NASTY_VALUES.map((value) => [`${JSON.stringify(name)}:${value}`]),
        ...NASTY_KEYS.map((key) => [spelled[index], `${JSON.stringify(key)}:{"polluted":true}`]),
      ].map((field) =>
        Buffer.from(`{${[...spelled.slice(0, index), ...field, ...spelled.slice(index + 1)].join(",")}}`),
      ),
    );
    return [whole, ...NASTY_BYTES.flatMap((bytes) => [join(bytes, whole), join(whole, bytes)]), ...changed];
  });
  return [...frames, ...BAD_JSON];
}

/** Frames of JSON: right, wrong in their fields, wrong in their bytes, and JSON that has nothing to do with it. */
export function jsonFrames(valid: readonly object[]): fc.Arbitrary<Buffer> {
  const spelled = valid.map((message) => Buffer.from(JSON.stringify(message)));
  return fc.oneof(
    { weight: 6, arbitrary: nearlyRight(valid).map((text) => Buffer.from(text)) },
    { weight: 3, arbitrary: mutants([...spelled, ...BAD_JSON]) },
    { weight: 1, arbitrary: anyValue.map((text) => Buffer.from(text)) },
  );
}

/** Arguments as a model may make them up: objects whose fields are nearly those of `valid`. */
export function nearlyRightObjects(valid: readonly object[]): fc.Arbitrary<Record<string, unknown>> {
  return nearlyRight(valid).map((text) => JSON.parse(text) as Record<string, unknown>);
}

/** Bytes cut into pieces anywhere. */
export function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const marks = [0, ...cuts.map((index) => place(bytes, index)), bytes.length].sort((a, b) => a - b);
  return marks.slice(1).map((end, index) => bytes.subarray(marks[index], end));
}

export const cuts = fc.array(at, { maxLength: 10 });
