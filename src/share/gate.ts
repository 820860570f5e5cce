/**
 * Who may try a share, and who may have it: failed attempts and slots, counted. No sockets and no clocks: every rule of
 * the design's section on counting is a line here, and can be read and tested alone.
 */
import { isIP } from "node:net";
import { addressGroup } from "../address.ts";
import type { RefusedReason } from "../protocol/messages.ts";
import type { AttemptVerdict, Gate } from "../protocol/visit.ts";

/** Failed attempts altogether, after which the share is burned: a guess at a code is then worth one in 859 million. */
export const MAX_FAILED_ATTEMPTS = 10;
/** Failed attempts of one address, so that one clumsy neighbour does not burn everybody's share. */
export const MAX_FAILED_ATTEMPTS_PER_ADDRESS = 3;

/** One of the share's slots, of which each receiver uses one: held by a transfer, then committed or released, once. */
export interface Slot {
  /** All content was handed to the link: the slot counts as spent, whatever follows. Its receipt is awaited. */
  commit(): void;
  /** The right receipt came. Only after `commit`. */
  deliver(): void;
  /** Nobody will come back for it. It is free again if it was not committed; otherwise its receipt is no longer awaited. */
  release(): void;
}

export interface SlotCounts {
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

  get counts(): SlotCounts {
    return { failedAttempts: this.#failed, held: this.#held, spent: this.#spent, delivered: this.#delivered };
  }

  get burned(): boolean {
    return this.#failed >= MAX_FAILED_ATTEMPTS;
  }

  /** Visitors without an address get no more attempts. */
  get barsStrangers(): boolean {
    return this.#failedBy(undefined) >= MAX_FAILED_ATTEMPTS_PER_ADDRESS;
  }

  /** Every slot was used. */
  get usedUp(): boolean {
    return this.#spent >= this.#receivers;
  }

  /** No slot is free. */
  get full(): boolean {
    return this.#held + this.#spent >= this.#receivers;
  }

  /** Spent slots whose receipt may still come, also over another link. */
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

  judge(address: string | undefined, verify: () => boolean): AttemptVerdict {
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

  /** For somebody who is proven. @returns undefined if no slot is free. */
  acquire(): Slot | undefined {
    return this.full ? undefined : this.#acquire();
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

  #acquire(): Slot {
    this.#held += 1;
    let at: "held" | "spent" | "delivered" | "released" = "held";
    return {
      commit: () => {
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
