/**
 * A document on its way to us, over as many links as it takes. When one breaks, the sender is looked for again by every way
 * until the share's time is over; both ends prove themselves anew, and the document continues where it stopped.
 */
import { abortReason } from "../abort.ts";
import { type ErrorCode, SpreadError, toSpreadError } from "../errors.ts";
import type { AbortReason } from "../protocol/messages.ts";
import { PeerError } from "../protocol/stream.ts";
import { bindSignal } from "../transport/link.ts";
import type { Path } from "./race.ts";
import { NoSender, type Sender } from "./search.ts";
import type { Arrival } from "./version.ts";

/** How long one search may take, in ms, waiting for our turn in a room included; then all ways are tried again. */
const SEARCH_MS = 30_000;
/** The first pause between searches, in ms; it doubles up to the longest, which relays that count failed JOIN_ROOMs accept. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 15_000;
/** Each pause is up to this share longer or shorter, so that the receivers of a relay that restarts do not return as one. */
const JITTER = 0.25;

/**
 * How long to retry a peer that closed right after our HELLO, in ms: a sender whose machine is changing networks is back by
 * then, and a peer that closes every time is no sender.
 */
const HUNG_UP_MS = 10_000;
/** How long to look for a sender that has not said how long its share lives, in ms. */
const UNKNOWN_LIFE_MS = 5 * 60_000;
/** How long to go on while every way answers that nobody is there, in ms: relays and senders that come back take less. */
const NOBODY_MS = 5 * 60_000;
/** The longest life of a share that a sender is believed, in seconds: no relay holds a room for longer. */
const MAX_LIFE_S = 7 * 24 * 60 * 60;
/** The same two limits, in ms, once we have the document and only its receipt is open: a sender that knows is likely gone. */
const RECEIPT_MS = 60_000;
const RECEIPT_NOBODY_MS = 5_000;

/** How many links in a row may bring nothing and end by tampering or an ABORT: an accident is not that persistent. */
export const MAX_FRUITLESS_LINKS = 5;

/** Failures of a link that another link can make good. */
const BROKEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["link-lost", "stalled", "timed-out", "expired"]);
/** The same for data altered on the way, but only MAX_FRUITLESS_LINKS times in a row. */
const ALTERED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["tampered", "bad-message"]);
/** The same for a relay that lets no more through, which it repeats at once: there may be another way. */
const LIMITED: ErrorCode = "relay-refused";
/** Reasons for which a sender gives up a link but not the transfer. */
const PASSING: ReadonlySet<AbortReason | undefined> = new Set(["stalled", "tampered", "internal"] as const);

interface Patience {
  /** Altogether. */
  readonly ms: number;
  /** While every way answers that nobody is there. */
  readonly nobodyMs: number;
}

/** What a reception is given from outside. */
interface Means {
  /** Looks for the sender, by every way. */
  find(timeoutMs: number, signal: AbortSignal): Promise<Sender>;
  /** Called when the sender is looked for again. @param until when the search is given up. */
  waiting(until: Date): void;
}

export class Reception implements AsyncDisposable {
  readonly #means: Means;
  readonly #signal: AbortSignal;
  /** Ends a search whose result is no longer wanted. */
  readonly #over = new AbortController();
  /** Set by `begin`, before anybody else sees this. */
  #sender!: Sender;
  /** When the share expires, by `performance.now()`, which does not jump; undefined if the sender has not said. */
  #expiry: number | undefined;
  /** Since the last chunk. */
  #searches = 0;
  #fruitlessLinks = 0;

  private constructor(means: Means, signal: AbortSignal) {
    this.#means = means;
    this.#signal = AbortSignal.any([signal, this.#over.signal]);
  }

  /**
   * Finds the sender.
   * @param timeoutMs for that.
   * @param signal cancels it, and all that follows.
   * @throws as `findSender`.
   */
  static async begin(means: Means, timeoutMs: number, signal: AbortSignal): Promise<Reception> {
    const reception = new Reception(means, signal);
    const end = performance.now() + timeoutMs;
    const sender = await means.find(timeoutMs, signal).catch((thrown: unknown) => {
      const unanswered = thrown instanceof NoSender ? thrown.unanswered : [];
      if (!(thrown instanceof NoSender) || unanswered.length === 0) throw thrown;
      // A peer that answered, proved nothing and has gone was not our sender.
      const begun = unanswered.some((it) => it.begun && it.code === "link-lost");
      const last = begun ? end : Math.min(end, performance.now() + HUNG_UP_MS);
      return reception.#search(thrown, last, Number.POSITIVE_INFINITY);
    });
    reception.#take(sender);
    return reception;
  }

  /** What was offered. */
  get arrival(): Arrival {
    return this.#sender.arrival;
  }

  /** The path of the current link. */
  get path(): Path {
    return this.#sender.path;
  }

  /** All chunks, once. @throws SpreadError when there is no more hope of the rest. */
  async *chunks(): AsyncIterable<Uint8Array> {
    for (;;) {
      try {
        for await (const chunk of this.#sender.arrival.chunks()) {
          this.#searches = 0;
          this.#fruitlessLinks = 0;
          yield chunk;
        }
        return;
      } catch (thrown) {
        const left = this.#expiry === undefined ? UNKNOWN_LIFE_MS : this.#expiry - performance.now();
        await this.#reconnect(toSpreadError(thrown), { ms: left, nobodyMs: NOBODY_MS });
      }
    }
  }

  /** Tells the sender that the document is kept. @returns whether it has confirmed that. Never throws. */
  async giveReceipt(): Promise<boolean> {
    const end = performance.now() + RECEIPT_MS;
    for (;;) {
      try {
        return await this.#sender.arrival.giveReceipt();
      } catch (thrown) {
        // A sender that does not resume transfers would take us for another receiver that wants the document.
        const expiry = this.#expiry ?? 0;
        const patience = { ms: Math.min(end, expiry) - performance.now(), nobodyMs: RECEIPT_NOBODY_MS };
        const again = await this.#reconnect(toSpreadError(thrown), patience).then(
          () => true,
          () => false,
        );
        if (!again) return false;
      }
    }
  }

  /** Tells the sender why we give up, where that can be told. Never throws. */
  giveUp(error: SpreadError): Promise<void> {
    return this.#sender.arrival.giveUp(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#sender.link.close();
  }

  #take(sender: Sender): void {
    this.#sender = sender;
    const { expiresIn } = sender.arrival;
    this.#expiry = expiresIn === undefined ? undefined : performance.now() + Math.min(expiresIn, MAX_LIFE_S) * 1000;
  }

  /** Resolves when there is another link. @throws SpreadError if none can help, or none comes. */
  async #reconnect(broken: SpreadError, patience: Patience): Promise<void> {
    this.#checkMendable(broken);
    this.#sender.link.abort(broken);
    const limited = { ms: Math.min(patience.ms, SEARCH_MS), nobodyMs: 0 };
    const { ms, nobodyMs } = broken.code === LIMITED ? limited : patience;
    this.#take(await this.#search(broken, performance.now() + ms, nobodyMs));
  }

  /** @param end by `performance.now()`. @param nobodyMs how long it may stay that nobody is there. */
  async #search(broken: SpreadError, end: number, nobodyMs: number): Promise<Sender> {
    if (end > performance.now()) this.#means.waiting(new Date(Date.now() + end - performance.now()));
    for (let nobodySince: number | undefined; ; ) {
      const pauseMs = this.#nextPauseMs();
      if (performance.now() + pauseMs >= end) throw gone(broken);
      await pause(pauseMs, this.#signal);
      const found = await this.#tryFind(Math.min(SEARCH_MS, end - performance.now()));
      if (found !== "nobody" && found !== "nothing") return found;
      nobodySince = found === "nobody" ? (nobodySince ?? performance.now()) : undefined;
      if (nobodySince !== undefined && performance.now() - nobodySince >= nobodyMs) throw gone(broken);
    }
  }

  /**
   * One search by every way.
   * @returns the sender; "nobody" if all ways answer that it is not there, "nothing" if it was not found otherwise.
   * @throws SpreadError if another search would not help.
   */
  async #tryFind(timeoutMs: number): Promise<Sender | "nobody" | "nothing"> {
    try {
      return await this.#means.find(timeoutMs, this.#signal);
    } catch (thrown) {
      if (this.#signal.aborted) throw abortReason(this.#signal);
      const error = toSpreadError(thrown);
      if (error instanceof NoSender) return error.nobodyThere ? "nobody" : "nothing";
      this.#checkMendable(error);
      return "nothing";
    }
  }

  /** @throws SpreadError the error itself, if no other link can make it good. */
  #checkMendable(error: SpreadError): void {
    if (this.#signal.aborted) throw abortReason(this.#signal);
    if (error instanceof PeerError) {
      if (error.reason === "busy") return;
      if (!PASSING.has(error.reason)) throw error;
    } else if (BROKEN.has(error.code)) return;
    else if (!ALTERED.has(error.code) && error.code !== LIMITED) throw error;
    this.#fruitlessLinks += 1;
    if (this.#fruitlessLinks >= MAX_FRUITLESS_LINKS) throw error;
  }

  /** The first try is made at once. */
  #nextPauseMs(): number {
    const searched = this.#searches;
    this.#searches += 1;
    if (searched === 0) return 0;
    const ms = Math.min(FIRST_PAUSE_MS * 2 ** (searched - 1), MAX_PAUSE_MS);
    return ms * (1 - JITTER + 2 * JITTER * Math.random());
  }
}

/** @throws SpreadError the signal's. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let bound: Disposable | undefined;
  const over = new Promise<void>((resolve, reject) => {
    timer = setTimeout(resolve, ms);
    bound = bindSignal({ abort: reject }, signal);
  });
  await over.finally(() => {
    clearTimeout(timer);
    bound?.[Symbol.dispose]();
  });
}

function gone(broken: SpreadError): SpreadError {
  return new SpreadError(broken.code, `${broken.message}, and the sender could not be found again`, { cause: broken });
}
