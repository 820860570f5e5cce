/**
 * A document on its way to us, over as many links as it takes. Where one breaks the sender is looked for again, by every way,
 * until the share's time is over; both ends prove themselves anew, and the document goes on behind what we have of it.
 */
import { abortReason } from "../abort.ts";
import { type ErrorCode, SpreadError, toSpreadError } from "../errors.ts";
import type { AbortReason } from "../protocol/messages.ts";
import { PeerError } from "../protocol/stream.ts";
import { bindSignal } from "../transport/link.ts";
import type { Path } from "./race.ts";
import { NoSender, type Sender } from "./search.ts";
import type { Arrival } from "./version.ts";

/** How long a sender may take that is looked for again, in ms, its turn in a room included; then all ways are tried again. */
const SEARCH_MS = 30_000;
/** Between two tries, in ms: twice as long each time up to the longest, which a relay that counts failed JOIN_ROOMs bears. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 15_000;
/** A pause is up to so much longer or shorter, so that the receivers of a relay that went away do not come back as one. */
const JITTER = 0.25;

/**
 * How long we come back to who has hung up on our first word, in ms: a sender whose machine changes its network is back by
 * then, and what hangs up each time is none.
 */
const HUNG_UP_MS = 10_000;
/** How long a sender is looked for that has not said how long its share lives, in ms. */
const UNKNOWN_LIFE_MS = 5 * 60_000;
/** The same for every sender while all ways answer that nobody is there: relays and senders that come back take less. */
const NOBODY_MS = 5 * 60_000;
/** Of what a sender says about its share's life no more is believed, in seconds: no relay holds a room for longer. */
const MAX_LIFE_S = 7 * 24 * 60 * 60;
/** We have the document, and only want to hear that the sender knows, in ms: if it knows it is most likely gone. */
const RECEIPT_MS = 60_000;
const RECEIPT_NOBODY_MS = 5_000;

/** Links that may end in a row by tampering or an ABORT, and bring nothing: a mishap is not so persistent. */
export const MAX_FRUITLESS_LINKS = 5;

/** How a link ends that another one can make good. */
const BROKEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["link-lost", "stalled", "timed-out", "expired"]);
/** The same by data that was altered on the way: not for ever. */
const ALTERED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["tampered", "bad-message"]);
/** The same by a relay that lets no more through, which it then says at once: another way may be there. */
const LIMITED: ErrorCode = "relay-refused";
/** Why a sender gives up one link, and not the transfer. */
const PASSING: ReadonlySet<AbortReason | undefined> = new Set(["stalled", "tampered", "internal"] as const);

interface Patience {
  /** In all. */
  readonly ms: number;
  /** While nobody is there. */
  readonly nobodyMs: number;
}

/** What a reception needs from outside. */
interface Means {
  /** Looks for the sender, by every way. */
  find(timeoutMs: number, signal: AbortSignal): Promise<Sender>;
  /** Called when the sender is looked for again, with the time at which that is given up. */
  waiting(until: Date): void;
}

export class Reception implements AsyncDisposable {
  readonly #means: Means;
  readonly #signal: AbortSignal;
  /** Ends a search that nobody waits for any more. */
  readonly #over = new AbortController();
  /** Set by `begin`, before anybody else sees this. */
  #sender!: Sender;
  /** By `performance.now()`, which does not jump: when the share's time is over; undefined if the sender has not said it. */
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
      // Who answered, and proved nothing, and is not there any more, was not our sender.
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

  /** By which it came last. */
  get path(): Path {
    return this.#sender.path;
  }

  /** All chunks, once. @throws SpreadError if they cannot be had any more. */
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

  /** Says that the document is kept. @returns whether the sender is known to know. Never throws. */
  async giveReceipt(): Promise<boolean> {
    const end = performance.now() + RECEIPT_MS;
    for (;;) {
      try {
        return await this.#sender.arrival.giveReceipt();
      } catch (thrown) {
        // To a sender that takes nothing up we would be somebody else, who wants the document again.
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

  /** Resolves when another link is there. @throws SpreadError if none can help, or none comes. */
  async #reconnect(broken: SpreadError, patience: Patience): Promise<void> {
    this.#mend(broken);
    this.#sender.link.abort(broken);
    const limited = { ms: Math.min(patience.ms, SEARCH_MS), nobodyMs: 0 };
    const { ms, nobodyMs } = broken.code === LIMITED ? limited : patience;
    this.#take(await this.#search(broken, performance.now() + ms, nobodyMs));
  }

  async #search(broken: SpreadError, end: number, nobodyMs: number): Promise<Sender> {
    if (end > performance.now()) this.#means.waiting(new Date(Date.now() + end - performance.now()));
    for (let nobodySince: number | undefined; ; ) {
      const pauseMs = this.#nextPauseMs();
      if (performance.now() + pauseMs >= end) throw gone(broken);
      await pause(pauseMs, this.#signal);
      try {
        return await this.#means.find(Math.min(SEARCH_MS, end - performance.now()), this.#signal);
      } catch (thrown) {
        if (this.#signal.aborted) throw abortReason(this.#signal);
        const error = toSpreadError(thrown);
        if (!(error instanceof NoSender)) this.#mend(error);
        const nobody = error instanceof NoSender && error.nobodyThere;
        nobodySince = nobody ? (nobodySince ?? performance.now()) : undefined;
        if (nobodySince !== undefined && performance.now() - nobodySince >= nobodyMs) throw gone(broken);
      }
    }
  }

  /** @throws the error, if no other link can make it good. */
  #mend(error: SpreadError): void {
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
