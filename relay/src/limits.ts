/**
 * The caps that are more than a comparison: requests per address, and connections that have not asked for anything yet.
 * Clocks are passed in; nothing here holds a timer.
 */
import { isIPv6, type Socket } from "node:net";

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
  /** In the order in which the windows began: whatever is over stands in front. */
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

/** Whom the limiter counts: an IPv4 address, or the /64 of an IPv6 one, because a single host is given a whole /64. */
export function addressKey(address: string): string {
  if (!isIPv6(address)) return address;
  const groups = expand(address);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6);
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
}

/** The eight groups of a valid IPv6 address (RFC 4291, section 2.2), without its zone. */
function expand(address: string): number[] {
  const plain = address
    .replace(/%.*$/, "")
    .replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
      [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(":"),
    );
  const [head = [], tail] = plain
    .split("::")
    .map((part) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16))));
  if (!tail) return head;
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

/**
 * The connections that have not asked for anything yet, from the accepted socket to the first request. When there are too
 * many, the one that has been silent longest is cut: whoever has something to ask does so within a round trip or two.
 */
export class SilentSockets {
  readonly #max: number;
  readonly #sockets = new Set<Socket>();

  constructor(max: number) {
    this.#max = max;
  }

  add(socket: Socket): void {
    for (const oldest of this.#sockets) {
      if (this.#sockets.size < this.#max) break;
      this.#sockets.delete(oldest);
      oldest.destroy();
    }
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  /** It has asked: from here on, other limits hold. */
  spoke(socket: Socket): void {
    this.#sockets.delete(socket);
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
