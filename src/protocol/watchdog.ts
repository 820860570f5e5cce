/** Cuts a link that shows no progress in time, so that every call waiting on it fails with the reason. */
import type { SpreadError } from "../errors.ts";
import type { Link } from "../transport/link.ts";

export class Watchdog implements Disposable {
  readonly #timer: NodeJS.Timeout;

  /** @param limitMs the longest silence, in ms. @param reason called when the time is over. */
  constructor(link: Link, limitMs: number, reason: () => SpreadError) {
    this.#timer = setTimeout(() => link.abort(reason()), limitMs);
  }

  /** Something moved: the time starts again. */
  progress(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
