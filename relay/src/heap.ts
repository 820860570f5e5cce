/** A setting of V8 that the processes of this package make for themselves, and that a library leaves to its program. */
import { setFlagsFromString } from "node:v8";

/**
 * How much V8's heap may grow between two full collections. Left to itself V8 takes the 64 KiB buffers that pass through
 * for growth of a small heap, and collects all of it for every few dozen of them: that doubled the cost of a large frame.
 */
const HEAP_GROWTH_PERCENT = 400;

export function collectLessOften(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
}
