/**
 * Who has how many of the relay's places, for rooms or for pairs. Addresses and the networks around them have a limit each.
 * Once all places are taken, this decides whose is given up for a newcomer who has few. A place is held until nothing is left
 * of its holder.
 */
import { CircleCounts } from "./counts.ts";
import { networkOf } from "./networks.ts";

/** Places of one address, however few there are in all: an office behind one router. */
const MIN_OF_ADDRESS = 64;
/** The part of all places that one address may have, where that is more. */
const PART_OF_ADDRESS = 1 / 16;

/**
 * A network's fair share grows with the addresses that hold places in it, up to this many. IPv4 addresses cost money, and many
 * people can share a /24 of a company or a carrier; the /64s of a /48 cost nothing.
 */
const MAX_WEIGHT_IPV4 = 128;
const MAX_WEIGHT_IPV6 = 16;

/** What is left of a holder that has ended, such as peers that have not taken everything, or do not answer a close. */
export interface Remains {
  /** Settles once there is nothing left. Never rejects. */
  readonly closed: Promise<unknown>;
  cut(): void;
}

/** Those of one address, the oldest first. */
type Held<Holder> = Set<Holder>;

export class Places<Holder> {
  readonly #max: number;
  readonly #counts = new CircleCounts();
  /** By network, then by address. */
  readonly #networks = new Map<string, Map<string, Held<Holder>>>();
  readonly #addresses = new Map<Holder, string>();
  /** Of holders that have ended, and still hold their places. */
  readonly #remains = new Map<Holder, Remains>();

  /** @param max how many places there are. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether all are taken. */
  get full(): boolean {
    return this.#addresses.size >= this.#max;
  }

  /** Whether this address, and every network around it, may have one more. */
  allows(address: string): boolean {
    const ofAddress = Math.max(MIN_OF_ADDRESS, Math.ceil(this.#max * PART_OF_ADDRESS));
    return this.#counts.allows(address, ofAddress);
  }

  /** Until it is freed, or has ended and nothing is left of it. */
  take(holder: Holder, address: string): void {
    this.#addresses.set(holder, address);
    this.#counts.add(address);
    const network = networkOf(address);
    const addresses = this.#networks.get(network) ?? new Map<string, Held<Holder>>();
    this.#networks.set(network, addresses);
    const held = addresses.get(address) ?? new Set();
    addresses.set(address, held.add(holder));
  }

  free(holder: Holder): void {
    const address = this.#addresses.get(holder);
    if (address === undefined) return;
    this.#addresses.delete(holder);
    this.#remains.delete(holder);
    this.#counts.remove(address);
    const network = networkOf(address);
    const addresses = this.#networks.get(network);
    const held = addresses?.get(address);
    held?.delete(holder);
    if (held?.size === 0) addresses?.delete(address);
    if (addresses?.size === 0) this.#networks.delete(network);
  }

  /** It belongs to another address now. */
  move(holder: Holder, address: string): void {
    if (this.#addresses.get(holder) === address) return;
    this.free(holder);
    this.take(holder, address);
  }

  /** It has ended. What is left of it costs as much as before, and counts against the same address until it is closed. */
  end(holder: Holder, remains: Remains): void {
    this.#remains.set(holder, remains);
    void remains.closed.then(() => this.free(holder));
  }

  /** Whether one that has ended could give up its place for one more of this address. */
  hasRemains(address: string): boolean {
    return this.#endedFor(address) !== undefined;
  }

  /** Cuts at once what is left of one that has ended, and frees its place for one more of this address. @returns false for none */
  cutRemains(address: string): boolean {
    const ended = this.#endedFor(address);
    if (ended === undefined) return false;
    this.#remains.get(ended)?.cut();
    this.free(ended);
    return true;
  }

  #endedFor(address: string): Holder | undefined {
    return this.#remains.size === 0 ? undefined : this.toDisplace(address, (holder) => this.#remains.has(holder));
  }

  /**
   * Whose place is to be given up, now that all are taken, for one more of this address: in the network that is furthest above
   * its fair share, of the address that has most, the oldest of those that may go. Nobody's, if the network of this address
   * already has half of its fair share: a holder has given the name of its place to others, and a newcomer can go elsewhere.
   */
  toDisplace(address: string, mayGo: (holder: Holder) => boolean): Holder | undefined {
    const own = networkOf(address);
    const ownAddresses = this.#networks.get(own);
    const ownSize = (ownAddresses?.size ?? 0) + (ownAddresses?.has(address) ? 0 : 1);
    const ownWeight = weightOf(own, ownSize);
    const fairPlaces = this.#max / (ownWeight + this.#weightOfOthers(own));
    const ownPlaces = this.#counts.of(own) + 1;
    if (ownPlaces > Math.max(1, (fairPlaces * ownWeight) / 2)) return undefined;
    for (const addresses of this.#above(own, fairPlaces, ownPlaces / ownWeight)) {
      for (const held of [...addresses.values()].sort((a, b) => b.size - a.size)) {
        for (const holder of held) if (mayGo(holder)) return holder;
      }
    }
    return undefined;
  }

  #weightOfOthers(own: string): number {
    let weights = 0;
    for (const [network, { size }] of this.#networks) if (network !== own) weights += weightOf(network, size);
    return weights;
  }

  /**
   * The addresses of networks above their fair share, the furthest above it first, that would still have no less for their
   * weight than this network if they gave up one place.
   */
  #above(own: string, fairPlaces: number, ownRatio: number): Map<string, Held<Holder>>[] {
    return [...this.#networks]
      .map(([network, addresses]) => {
        const weight = weightOf(network, addresses.size);
        return { network, addresses, weight, places: this.#counts.of(network) };
      })
      .filter(
        ({ network, weight, places }) =>
          network !== own && places > fairPlaces * weight && (places - 1) / weight >= ownRatio,
      )
      .sort((a, b) => b.places / b.weight - a.places / a.weight)
      .map(({ addresses }) => addresses);
  }

  /** How many networks hold places. */
  get size(): number {
    return this.#networks.size;
  }
}

function weightOf(network: string, addresses: number): number {
  return Math.min(addresses, network.endsWith("/24") ? MAX_WEIGHT_IPV4 : MAX_WEIGHT_IPV6);
}
