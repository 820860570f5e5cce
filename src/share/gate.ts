/**
 * Who may try a share, and who may have it: failed attempts and places, counted. No sockets and no clocks: every rule of
 * the design's section on counting is a line here, and can be read and tested alone.
 */
import { isIP } from "node:net";
import { addressGroup } from "../address.ts";
import type { RefusedReason } from "../protocol/messages.ts";
import type { Gate, Verdict } from "../protocol/visit.ts";

/** Failed attempts in all, behind which the share is burned: a guess at a code is then worth one in 859 million. */
export const MAX_FAILED_ATTEMPTS = 10;
/** Failed attempts of one address, so that one clumsy neighbour does not burn everybody's share. */
export const MAX_FAILED_ATTEMPTS_PER_ADDRESS = 3;

/** A place of one of the share's receivers: held by a transfer, then spent or given back, once. */
export interface Place {
  /** All content was handed to the link: the place is used, whatever comes now. Its receipt is awaited. */
  spend(): void;
  /** The right receipt came. Only after `spend`. */
  deliver(): void;
  /** Nobody will come back for it. If it was not spent it is free again; if it was, no receipt is awaited any more. */
  release(): void;
}

export interface Counts {
  readonly failedAttempts: number;
  /** Places that transfers hold now, and have not spent. */
  readonly held: number;
  readonly spent: number;
  readonly delivered: number;
}

export class ShareGate implements Gate {
  readonly #receivers: number;
  readonly #strangersAreOne: boolean;
  readonly #failedByAddress = new Map<string, number>();
  #closed: RefusedReason | undefined;
  #failed = 0;
  #held = 0;
  #spent = 0;
  #delivered = 0;
  #awaited = 0;

  /**
   * @param receivers how many may have the share.
   * @param strangersAreOne whether visitors without an IP address, all that come through a relay, count as one address,
   *   whatever the relay says of them: version 1 gives them three attempts in all.
   */
  constructor(receivers: number, { strangersAreOne = false } = {}) {
    this.#receivers = receivers;
    this.#strangersAreOne = strangersAreOne;
  }

  get counts(): Counts {
    return { failedAttempts: this.#failed, held: this.#held, spent: this.#spent, delivered: this.#delivered };
  }

  get burned(): boolean {
    return this.#failed >= MAX_FAILED_ATTEMPTS;
  }

  /** Visitors without an address get no more attempts. */
  get barsStrangers(): boolean {
    return this.#failedBy(undefined) >= MAX_FAILED_ATTEMPTS_PER_ADDRESS;
  }

  /** Every place was used. */
  get usedUp(): boolean {
    return this.#spent >= this.#receivers;
  }

  /** No place is free. */
  get full(): boolean {
    return this.#held + this.#spent >= this.#receivers;
  }

  /** Spent places whose receipt may still come, be it over another link. */
  get awaited(): number {
    return this.#awaited;
  }

  /** From now on every visitor is sent away with this reason. */
  close(reason: RefusedReason): void {
    this.#closed ??= reason;
  }

  refusal(address: string | undefined): RefusedReason | undefined {
    if (this.burned) return "burned";
    // While receipts are awaited the receivers whose they are may come back, and must prove themselves for that.
    if (this.usedUp && this.#awaited === 0) return "used_up";
    if (this.#closed) return this.#closed;
    if (this.#failedBy(address) >= MAX_FAILED_ATTEMPTS_PER_ADDRESS) return "too_many_attempts";
    return undefined;
  }

  judge(address: string | undefined, verify: () => boolean): Verdict {
    const refusal = this.refusal(address);
    if (refusal !== undefined) return { proven: false, reason: refusal };
    if (!verify()) {
      this.#failed += 1;
      const group = this.#groupOf(address);
      if (group !== undefined) this.#failedByAddress.set(group, this.#failedBy(address) + 1);
      return { proven: false, reason: this.burned ? "burned" : "proof_failed" };
    }
    return { proven: true };
  }

  /** For somebody who is proven. @returns undefined if no place is free. */
  take(): Place | undefined {
    return this.full ? undefined : this.#take();
  }

  #failedBy(address: string | undefined): number {
    const group = this.#groupOf(address);
    return group === undefined ? 0 : (this.#failedByAddress.get(group) ?? 0);
  }

  /** Those who are counted together; undefined for a visitor whom only the ten in all count. */
  #groupOf(address: string | undefined): string | undefined {
    if (this.#strangersAreOne && (address === undefined || isIP(address) === 0)) return "";
    return address === undefined ? undefined : addressGroup(address);
  }

  #take(): Place {
    this.#held += 1;
    let at: "held" | "spent" | "delivered" | "released" = "held";
    return {
      spend: () => {
        if (at !== "held") return;
        at = "spent";
        this.#held -= 1;
        this.#spent += 1;
        this.#awaited += 1;
      },
      deliver: () => {
        if (at !== "spent") return;
        at = "delivered";
        this.#delivered += 1;
        this.#awaited -= 1;
      },
      release: () => {
        if (at === "held") this.#held -= 1;
        else if (at === "spent") this.#awaited -= 1;
        else return;
        at = "released";
      },
    };
  }
}
