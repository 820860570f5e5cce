/** What a test, or a file of tests, has opened is closed after it: the last one first, and all of them, whichever fails. */

const afterTest: (() => unknown)[] = [];
const afterFile: (() => unknown)[] = [];

/** @param lasting after the last test of the file, instead of after this one. */
export function later(step: () => unknown, lasting = false): void {
  (lasting ? afterFile : afterTest).push(step);
}

/** For the runner's hooks (setup.ts). */
export const closeTest = () => undo(afterTest);
export const closeFile = () => undo(afterFile);

async function undo(steps: (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps.splice(0).reverse()) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, "not everything could be put away");
}
