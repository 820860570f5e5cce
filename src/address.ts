/** Addresses: as people type them, as they are shown, and as strangers are counted by them. */
import { BlockList, isIP, isIPv6 } from "node:net";
import { SpreadError } from "./errors.ts";

/** @throws SpreadError `bad-relay-url`, without quoting what was typed: there can be a password in it. */
export function parseRelayUrl(typed: string): URL {
  const bad = (what: string) => new SpreadError("bad-relay-url", `the relay address ${what}`);
  let url: URL;
  try {
    url = new URL(typed.trim());
  } catch {
    throw bad("is not a URL with a host");
  }
  if (url.protocol === "http:" || url.protocol === "https:")
    throw bad("begins with http: a relay speaks ws:// or wss://");
  if (url.protocol !== "ws:" && url.protocol !== "wss:") throw bad("does not begin with ws:// or wss://");
  if (url.hostname === "") throw bad("has no host");
  if (url.username !== "" || url.password !== "") throw bad("holds credentials, and would be shown to others");
  if (url.search !== "" || url.hash !== "")
    throw bad("has a query or a fragment; only host, port and path belong there");
  return url;
}

/** A relay's address as it is shown and typed: without the slash that URLs put behind a bare host. */
export function formatRelayUrl(url: URL): string {
  return url.pathname === "/" ? url.href.replace(/\/$/, "") : url.href;
}

/** Whether only this machine can reach the address. */
export function isLoopback(url: URL): boolean {
  return url.hostname === "localhost" || url.hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(url.hostname);
}

/**
 * What is not routed on the internet: this machine, private networks, link-local, and 100.64.0.0/10, where providers and
 * VPNs such as Tailscale number their own (RFC 1918, 3927, 4193, 4291, 6598). IPv4 in IPv6 is judged by its IPv4.
 */
const NEAR = new BlockList();
for (const [net, bits] of [
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
  ["100.64.0.0", 10],
] as const)
  NEAR.addSubnet(net, bits);
NEAR.addAddress("::1", "ipv6");
NEAR.addSubnet("fe80::", 10, "ipv6");
NEAR.addSubnet("fc00::", 7, "ipv6");

/** Names that only a local network gives: without a dot, or below one of the names reserved for it (RFC 6761, 6762, 8375). */
const NEAR_NAME = /^[^.]+\.?$|\.(?:localhost|local|internal|home\.arpa)\.?$/;

/** Whether the way to the address stays on this machine or its networks, as far as an address can tell. */
export function staysNear(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const family = isIP(host);
  return family === 0 ? NEAR_NAME.test(host) : NEAR.check(host, family === 6 ? "ipv6" : "ipv4");
}

/** What to tell the user of a share or a receipt by this relay: a warning if its wire is open to the internet. */
export function wireCautions(relay: URL | undefined): string[] {
  if (!relay || relay.protocol === "wss:" || staysNear(relay)) return [];
  return [
    "The connection to this relay is not encrypted (ws://). The document is, end to end; but listeners on the way see the room, times, sizes and addresses, and can disturb. A relay by wss:// keeps them out.",
  ];
}

/** `host:port`, an IPv6 address in brackets. @throws SpreadError `bad-host`. */
export function parseHost(typed: string): { host: string; port: number } {
  const match = /^(?:\[(?<v6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?<name>[\w.-]+)):(?<port>\d{1,5})$/.exec(typed.trim());
  const host = match?.groups?.v6 ?? match?.groups?.name;
  const port = Number(match?.groups?.port);
  const valid =
    host !== undefined && port >= 1 && port <= 65_535 && (match?.groups?.v6 === undefined || isIP(host) === 6);
  if (!valid) throw new SpreadError("bad-host", "that is not a host and a port");
  return { host, port };
}

export function formatHost(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What counts as one address: an IPv4 address, or an IPv6 /64, since a host can take as many addresses of it as it likes. */
export function addressGroup(address: string): string {
  if (!isIPv6(address)) return address;
  const plain = address.replace(/%.*$/, "");
  const [head = "", tail] = plain.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const behind = tail === "" ? [] : tail.split(":");
    // A dotted IPv4 tail stands for two groups.
    const length = behind.length + (behind.at(-1)?.includes(".") ? 1 : 0);
    while (groups.length + length < 8) groups.push("0");
    groups.push(...behind);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
