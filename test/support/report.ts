/** What the runner does not say by itself: which tests were skipped, and why; and which files took longest. */
import type { Reporter, TestCase, TestModule } from "vitest/node";

const SLOWEST = 10;

export default class Report implements Reporter {
  readonly #skipped = new Map<string, number>();

  onTestCaseResult(test: TestCase): void {
    const result = test.result();
    if (result.state !== "skipped") return;
    const why = result.note ?? "no reason is given";
    this.#skipped.set(why, (this.#skipped.get(why) ?? 0) + 1);
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const seconds = (module: TestModule) => module.diagnostic().duration / 1000;
    const slowest = [...modules].sort((a, b) => seconds(b) - seconds(a)).slice(0, SLOWEST);
    console.log("Slowest files, in seconds:");
    for (const module of slowest) console.log(`${seconds(module).toFixed(1).padStart(8)}  ${module.relativeModuleId}`);
    const reasons = [...this.#skipped].sort(([, a], [, b]) => b - a);
    console.log(`Skipped tests: ${reasons.reduce((all, [, count]) => all + count, 0)}`);
    for (const [why, count] of reasons) console.log(`${String(count).padStart(8)}  ${why}`);
  }
}
