/**
 * When the next visitor's turn begins in a sender's room. Failed attempts make the turns after them wait, so that guessing
 * takes time whoever guesses. No sockets here; the clock is `performance.now()`.
 */

/**
 * After a failed attempt the next turn begins this much later, in ms; after each further one twice as much, up to the longest.
 * Ten failed attempts therefore take at least 90 s. Every visitor waits, since a relay's word on who is who is worth nothing.
 */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
/** How long the next visitor waits, in ms, for the verdict on one that hung up right after its proof. */
const JUDGING_MS = 2_000;

interface PendingVisitor {
  /** Whether it may have sent a wrong proof that is not judged yet. */
  readonly mayHoldProof: boolean;
}

export class TurnPacer {
  readonly #failedTags: string[] = [];
  #failures = 0;
  /** When the next turn may begin, by `performance.now()`. */
  #notBefore = 0;
  /** The last visitor, while it may have failed an attempt that has not been reported yet. */
  #unjudged: PendingVisitor | undefined;
  /** Begins the next turn; set while that has to wait, for time or for a verdict. */
  #next: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** The relay's tags of visitors that failed an attempt, if it gives tags. */
  get failedTags(): readonly string[] {
    return this.#failedTags;
  }

  /** How long the next turn still has to wait because of failed attempts, in ms; not above 0 if it need not. */
  get pauseMs(): number {
    return this.#notBefore - performance.now();
  }

  attemptFailed(tag: string | undefined): void {
    if (tag !== undefined) this.#failedTags.push(tag);
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures += 1;
    this.#notBefore = performance.now() + pauseMs;
  }

  /** Calls `turn` as soon as it may begin: at once, after the pause, or after the verdict on the last visitor. */
  schedule(turn: () => void): void {
    this.#next = turn;
    if (this.#unjudged === undefined) {
      this.#beginInTime();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#unjudged = undefined;
      this.#beginInTime();
    }, JUDGING_MS);
  }

  /** This end is done with the visitor: if it failed an attempt, that has been reported. */
  settled(visitor: PendingVisitor): void {
    if (this.#unjudged !== visitor) return;
    this.#unjudged = undefined;
    this.#beginInTime();
  }

  /** The visit is over at the relay, and a turn that was scheduled for it is void. */
  visitEnded(visitor: PendingVisitor | undefined): void {
    const hadBegun = this.#next === undefined;
    this.cancel();
    this.#unjudged = hadBegun && visitor?.mayHoldProof ? visitor : undefined;
  }

  /** Forgets the turn that waits, if one does. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#next = undefined;
  }

  #beginInTime(): void {
    clearTimeout(this.#timer);
    const { pauseMs } = this;
    if (pauseMs > 0 && this.#next) {
      this.#timer = setTimeout(() => this.#beginInTime(), pauseMs);
      return;
    }
    const turn = this.#next;
    this.#next = undefined;
    turn?.();
  }
}
