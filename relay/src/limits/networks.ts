/** Whom a limit counts as one: an address, or the networks around it. */
import { isIPv4, isIPv6 } from "node:net";

/** Whom a limit counts: an IPv4 address, or the /64 of an IPv6 one, because a single host is given a whole /64. */
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

/** Callers who are counted together: one address, or a network around it. */
interface Circle {
  readonly key: string;
  /** 0 for an address, 1 for an IPv6 /56, which one customer is given, 2 for an IPv4 /24 or an IPv6 /48. */
  readonly width: 0 | 1 | 2;
}

/** The circles around a key of `addressKey`, the narrowest first. */
export function circlesOf(address: string): readonly Circle[] {
  const own: Circle = { key: address, width: 0 };
  const network: Circle = { key: networkOf(address), width: 2 };
  if (!address.endsWith("::/64")) return [own, network];
  const [a, b, c, d = "0"] = address.split(":");
  const site = (Number.parseInt(d, 16) & 0xff00).toString(16);
  return [own, { key: `${a}:${b}:${c}:${site}::/56`, width: 1 }, network];
}

/** The IPv4 /24 or IPv6 /48 that a key of `addressKey` is in: a neighbourhood or a company, not a house. */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address.replace(/\d+$/, "0/24");
  return `${address.split(":").slice(0, 3).join(":")}::/48`;
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
