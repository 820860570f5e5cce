/**
 * The caps that are more than a comparison: requests and connections per address, connections that have not asked for
 * anything yet, and what all of them together make us keep. Clocks are passed in; nothing here holds a timer.
 */

import type { Socket } from "node:net";
import { CircleCounts, Counts } from "./counts.ts";
import { circlesOf } from "./networks.ts";

/** Addresses that are remembered at once, about 100 bytes each. Beyond, the one whose window began first is forgotten. */
export const MAX_ADDRESSES = 10_000;

interface Window {
  began: number;
  count: number;
}

/** At most `max` counted requests of one address in a window, which begins with its first. */
export class RateLimiter {
  readonly #max: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  /** In the order in which the windows began: those that are over come first. */
  readonly #windows = new Map<string, Window>();

  constructor(max: number, windowMs: number, now: () => number) {
    this.#max = max;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  allows(key: string): boolean {
    this.#sweep();
    return (this.#windows.get(key)?.count ?? 0) < this.#max;
  }

  count(key: string): void {
    this.#sweep();
    const window = this.#windows.get(key);
    if (window) {
      window.count++;
      return;
    }
    for (const oldest of this.#windows.keys()) {
      if (this.#windows.size < MAX_ADDRESSES) break;
      this.#windows.delete(oldest);
    }
    this.#windows.set(key, { began: this.#now(), count: 1 });
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#windows.size;
  }

  #sweep(): void {
    const over = this.#now() - this.#windowMs;
    for (const [key, window] of this.#windows) {
      if (window.began > over) return;
      this.#windows.delete(key);
    }
  }
}

/**
 * The same for an address and for each network around it, so that addresses that cost nothing do not help: a /56 may make
 * four times as many requests as one address, a /24 or /48 sixteen times. An address that had to be forgotten, because
 * there are too many, is still counted with its network.
 */
export class NetworkRateLimiter {
  /** By the width of the circle. */
  readonly #limiters: readonly RateLimiter[];

  constructor(max: number, windowMs: number, now: () => number) {
    this.#limiters = [1, 4, 16].map((times) => new RateLimiter(times * max, windowMs, now));
  }

  allows(address: string): boolean {
    return circlesOf(address).every(({ key, width }) => this.#limiters[width]?.allows(key));
  }

  count(address: string): void {
    for (const { key, width } of circlesOf(address)) this.#limiters[width]?.count(key);
  }
}

/** One place of an address. Releasing it twice is releasing it once. */
export class HeldPlace {
  readonly #address: string;
  #held: Pick<Counts, "remove"> | undefined;

  /** @param held how many places each address has. */
  constructor(held: Pick<Counts, "remove">, address: string) {
    this.#held = held;
    this.#address = address;
  }

  release(): void {
    this.#held?.remove(this.#address);
    this.#held = undefined;
  }
}

/** What one address may have at once: an office behind one router, and too few to take all that a relay has. */
export class AddressLimiter {
  readonly #max: number;
  readonly #held = new Counts();

  constructor(max: number) {
    this.#max = max;
  }

  allows(key: string): boolean {
    return this.#held.of(key) < this.#max;
  }

  /** Takes one more place, which is held until it is released. */
  hold(key: string): HeldPlace {
    this.#held.add(key);
    return new HeldPlace(this.#held, key);
  }

  /** How many addresses are remembered: never more than is held. */
  get size(): number {
    return this.#held.size;
  }
}

/** The same for an address and for each network around it. */
export class NetworkLimiter {
  readonly #max: number;
  readonly #held = new CircleCounts();

  /** @param max of one address. */
  constructor(max: number) {
    this.#max = max;
  }

  allows(address: string): boolean {
    return this.#held.allows(address, this.#max);
  }

  /** Takes one more place, which is held until it is released. */
  hold(address: string): HeldPlace {
    this.#held.add(address);
    return new HeldPlace(this.#held, address);
  }
}

/**
 * The connections that have not asked for anything yet, from the accepted socket to the first request. When there are too
 * many, the one that has been silent longest is cut: a client with something to ask does so within a round trip or two.
 */
export class SilentSockets {
  readonly #max: number;
  readonly #cut: () => void;
  /** By its two ends: a TLS connection has one socket when it is accepted, and another when it asks. */
  readonly #sockets = new Map<string, { socket: Socket; forget: () => void }>();

  /** @param cut called for each that had to give way. */
  constructor(max: number, cut: () => void) {
    this.#max = max;
    this.#cut = cut;
  }

  add(socket: Socket): void {
    for (const [name, oldest] of this.#sockets) {
      if (this.#sockets.size < this.#max) break;
      this.#sockets.delete(name);
      oldest.socket.destroy();
      this.#cut();
    }
    const name = nameOf(socket);
    const forget = () => {
      if (this.#sockets.get(name)?.socket === socket) this.#sockets.delete(name);
    };
    this.#sockets.set(name, { socket, forget });
    socket.on("close", forget);
  }

  /** It has asked: from here on, other limits hold. */
  spoke(socket: Socket): void {
    const name = nameOf(socket);
    const silent = this.#sockets.get(name);
    if (!silent) return;
    this.#sockets.delete(name);
    // A connection may live for hours from here on, and keep whatever listens to it.
    silent.socket.off("close", silent.forget);
  }

  destroyAll(): void {
    for (const { socket } of this.#sockets.values()) socket.destroy();
  }
}

/** How much all holders of a pool may keep together, in bytes: 25 messages of the largest that any client sends. */
const MAX_POOL_BYTES = 256 * 1024 * 1024;

/**
 * Bytes that many holders keep in our memory. Each stays within its own limit, but together a few addresses could have all of
 * it: when it is too much, the one that has kept some longest gives way.
 */
export class Pool<Holder> {
  readonly #maxBytes: number;
  readonly #giveWay: (holder: Holder) => void;
  /** In the order in which they began. */
  readonly #held = new Map<Holder, number>();
  #bytes = 0;

  constructor(maxMessageBytes: number, giveWay: (holder: Holder) => void) {
    this.#maxBytes = Math.max(MAX_POOL_BYTES, 2 * maxMessageBytes);
    this.#giveWay = giveWay;
  }

  /** It keeps this many now. */
  holds(holder: Holder, bytes: number): void {
    this.#bytes += bytes - (this.#held.get(holder) ?? 0);
    this.#held.set(holder, bytes);
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.frees(oldest);
      this.#giveWay(oldest);
    }
  }

  /** It keeps none any more. */
  frees(holder: Holder): void {
    this.#bytes -= this.#held.get(holder) ?? 0;
    this.#held.delete(holder);
  }
}

function nameOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
