/**
 * Fuzzing as tests: each property is tried with new inputs for FUZZ_SECONDS (one, unless somebody asks for more), in
 * rounds that have a seed each. A failure names the seed of its round: FUZZ_SEED begins with it. An input that holds
 * up the process is a failure too, and one that never ends is named by a thread of its own. How inputs are made is
 * not known here.
 */
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { expect, test } from "vitest";

const SECONDS = Number(process.env.FUZZ_SECONDS || 1);
const SEED = Number(process.env.FUZZ_SEED || Math.floor(Math.random() * 2 ** 31));

/** Inputs of a round, unless a property's take long. */
const ROUND_INPUTS = 100;
/**
 * What one input may cost of the processor, in ms: all take less than ten, and a slow parser of a few KB takes
 * seconds.
 */
const MAX_COST_MS = 1_000;
/** How long one input may take that waits for a socket or a process, in ms. */
const MAX_WAIT_MS = 15_000;
/** After so long without a next input, in ms, the process hangs. */
const HUNG_MS = 30_000;
/** What the process may grow by during one property, in bytes: garbage that nobody has collected yet, and not more. */
const MAX_GROWTH_BYTES = 512 * 1024 * 1024;
/** For making a counterexample small, and for what a property opens and closes, in ms. */
const SPARE_MS = 120_000;
/** A counterexample is shown up to here. */
const MAX_SHOWN_CHARS = 1_500;

export interface Fuzz<T> {
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
  test(name, { timeout: SECONDS * 1000 + SPARE_MS }, async () => {
    using watch = new Watch(name);
    const property = fc.asyncProperty(inputs, async (input) => {
      watch.step();
      const before = process.cpuUsage();
      await holds(input);
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1000, "one input's cost in ms").toBeLessThan(MAX_COST_MS);
    });
    const rssBefore = process.memoryUsage.rss();
    const end = performance.now() + SECONDS * 1000;
    for (let seed = SEED; seed === SEED || performance.now() < end; seed += 1) {
      watch.seed = seed;
      const examples = seed === SEED ? known.map((input): [T] => [input]) : [];
      const numRuns = round + examples.length;
      const outcome = await fc.check(property, { seed, numRuns, examples, timeout: MAX_WAIT_MS });
      if (outcome.failed) throw broken(name, outcome);
      expect(Object.keys(Object.prototype), "what all objects inherit").toEqual([]);
    }
    expect(process.memoryUsage.rss() - rssBefore, "memory that was taken").toBeLessThan(MAX_GROWTH_BYTES);
  });
}

function broken<T>(name: string, { seed, counterexample, counterexamplePath, errorInstance }: fc.RunDetails<[T]>) {
  const again = `FUZZ_SEED=${seed} npx vitest run test/fuzz -t ${JSON.stringify(name)}`;
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
    this.#guard = new Worker(GUARD, { eval: true, workerData: { state: this.#state, name, hungMs: HUNG_MS } });
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
