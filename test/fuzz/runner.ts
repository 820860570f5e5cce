/**
 * Fuzzing as tests: each property is tried with new inputs in rounds that have a seed each. `npm test` has one round, and
 * the inputs that are known; the long project (fuzz.long.test.ts) has further ones, and `npm run fuzz` goes on for as
 * long as somebody likes (FUZZ_SECONDS). A failure names the seed of its round: FUZZ_SEED begins with it. An input that
 * costs the processor far more than others do is a failure too, and one that never ends is named by a thread of its own.
 * How inputs are made is not known here.
 */
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { expect, test } from "vitest";
import { costOf } from "../support/cost.ts";
import { WAIT_MS } from "../support/wait.ts";

const SECONDS = Number(process.env.FUZZ_SECONDS || 0);
const SEED = Number(process.env.FUZZ_SEED || Math.floor(Math.random() * 2 ** 31));

/** Inputs of a round, unless a property's take long. */
const ROUND_INPUTS = 100;
/** Rounds of the long project. */
const LONG_ROUNDS = 50;
/**
 * What one input may cost, in times of what `unit` costs on the same machine: all cost less than one, and a slow parser
 * of a few KB costs thousands.
 */
const MAX_UNITS = 200;
/** A counterexample is shown up to here. */
const MAX_SHOWN_CHARS = 1_500;

/** Some ms of what parsers do. */
const unit = () => JSON.parse(JSON.stringify(Array.from({ length: 50_000 }, (_, at) => `${at}`)));
let unitCost: number | undefined;
async function measureUnit(): Promise<number> {
  unit();
  return Math.max(await costOf(unit), await costOf(unit), await costOf(unit));
}

interface Fuzz<T> {
  readonly inputs: fc.Arbitrary<T>;
  /** Tried first, as they are. */
  readonly known?: readonly T[];
  /** Inputs of a round. */
  readonly round?: number;
}

/** @param holds throws, or rejects, where an input breaks what the name says. */
export function fuzz<T>(
  name: string,
  { inputs, known = [], round = ROUND_INPUTS }: Fuzz<T>,
  holds: (input: T) => unknown,
): void {
  test(name, async ({ task }) => {
    const further = task.file.projectName === "long";
    const rounds = further ? LONG_ROUNDS : 1;
    using watch = new Watch(name);
    unitCost ??= await measureUnit();
    const maxCost = MAX_UNITS * unitCost;
    const property = fc.asyncProperty(inputs, async (input) => {
      watch.step();
      expect(await costOf(() => holds(input)), "one input's cost in ms").toBeLessThan(maxCost);
    });
    const end = performance.now() + SECONDS * 1000;
    for (let count = 0; count < rounds || performance.now() < end; count += 1) {
      const seed = SEED + count;
      watch.seed = seed;
      const examples = count === 0 && !further ? known.map((input): [T] => [input]) : [];
      const outcome = await fc.check(property, { seed, numRuns: round + examples.length, examples });
      if (outcome.failed) throw broken(name, outcome);
      expect(Object.keys(Object.prototype), "what all objects inherit").toEqual([]);
    }
  });
}

function broken<T>(name: string, { seed, counterexample, counterexamplePath, errorInstance }: fc.RunDetails<[T]>) {
  const again = `FUZZ_SEED=${seed} npx vitest run --project '!long' test/fuzz -t ${JSON.stringify(name)}`;
  const why = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  const smallest = spelled(counterexample?.[0]).slice(0, MAX_SHOWN_CHARS);
  const message = `${why}\n\nSmallest input (path ${counterexamplePath}): ${smallest}\nAgain: ${again}`;
  return new Error(message, { cause: errorInstance });
}

/** Bytes as text in which every byte is one character, so that frames of JSON can be read. */
function spelled(input: unknown): string {
  const text = JSON.stringify(input, (_, value) => {
    const bytes = value?.type === "Buffer" && Array.isArray(value.data) ? Buffer.from(value.data) : value;
    return bytes instanceof Uint8Array ? `latin1:${Buffer.from(bytes).toString("latin1")}` : value;
  });
  return text ?? String(input);
}

const GUARD = `
const { workerData: { state, name, hungMs } } = require("node:worker_threads");
const { writeSync } = require("node:fs");
for (let seen = -1; Atomics.load(state, 0) !== seen; ) {
  seen = Atomics.load(state, 0);
  Atomics.wait(state, 2, 0, hungMs);
}
writeSync(2, "fuzz: " + name + ": hangs at FUZZ_SEED=" + Atomics.load(state, 1) + "\\n");
process.kill(process.pid, "SIGKILL");
`;

/** Sees from another thread whether inputs still follow each other. Who hangs cannot say so, and is killed. */
class Watch {
  readonly #state = new Int32Array(new SharedArrayBuffer(12));
  readonly #guard: Worker;

  constructor(name: string) {
    this.#guard = new Worker(GUARD, { eval: true, workerData: { state: this.#state, name, hungMs: WAIT_MS } });
    this.#guard.unref();
  }

  set seed(seed: number) {
    Atomics.store(this.#state, 1, seed);
  }

  step(): void {
    Atomics.add(this.#state, 0, 1);
  }

  [Symbol.dispose](): void {
    void this.#guard.terminate();
  }
}
