/** A limit on waiting: cuts a link that shows no progress, so that every call that hangs on it fails with the reason. */
import type { SpreadError } from "../errors.ts";
import type { Link } from "../transport/link.ts";

export class Watchdog implements Disposable {
  readonly #timer: NodeJS.Timeout;

  /** @param limitMs the longest silence, in ms. @param reason made when it bites. */
  constructor(link: Link, limitMs: number, reason: () => SpreadError) {
    this.#timer = setTimeout(() => link.abort(reason()), limitMs);
  }

  /** Something moved: the silence begins anew. */
  progress(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
