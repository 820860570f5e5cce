/**
 * Failed attempts to prove the code of one room, by the network that made them. Only the sender knows which attempts failed,
 * and only the relay knows networks: so a network gets a tag, which says nothing to anybody outside this room.
 */
import { createHmac, randomBytes } from "node:crypto";
import { networkOf } from "../limits/networks.ts";

/** Of a tag, and of the key that makes a room's tags. */
const TAG_BYTES = 8;
const TAG_KEY_BYTES = 16;

/** After this many failed attempts a network gets no more turns. */
const MAX_FAILED = 3;

export class Attempts {
  /** Made when it is first needed. */
  #tagKey: Buffer | undefined;
  #failedTags: readonly string[];

  /** @param failedTags a tag for each failed attempt so far */
  constructor(failedTags: readonly string[]) {
    this.#failedTags = failedTags;
  }

  /** Two rooms never have the same tag for one network: what one sender knows of its visitors says nothing to another. */
  tagOf(address: string): string {
    this.#tagKey ??= randomBytes(TAG_KEY_BYTES);
    const mac = createHmac("sha256", this.#tagKey).update(networkOf(address));
    return mac.digest().subarray(0, TAG_BYTES).toString("hex");
  }

  /** The sender's list of all attempts that failed, one tag for each. */
  replace(failedTags: readonly string[]): void {
    this.#failedTags = failedTags;
  }

  /** Whether the network of this address has failed at all: its receivers are served last. */
  hasFailed(address: string): boolean {
    return this.#failuresOf(address) > 0;
  }

  /** Whether the network of this address has failed too often. */
  isBarred(address: string): boolean {
    return this.#failuresOf(address) >= MAX_FAILED;
  }

  #failuresOf(address: string): number {
    if (this.#failedTags.length === 0) return 0;
    const tag = this.tagOf(address);
    return this.#failedTags.filter((failed) => failed === tag).length;
  }
}
