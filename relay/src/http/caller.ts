/**
 * Who is asking. Behind a proxy the socket's address is the proxy's, and the caller's is in X-Forwarded-For. Anybody can send
 * that header, so only what trusted proxies have put there is read, as proxy-addr does for Express.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { isIP } from "node:net";
import proxyAddr from "proxy-addr";
import type { TrustedProxies } from "../config/settings.ts";
import { addressKey } from "../limits/networks.ts";

/**
 * @param unnamed called the first time that a trusted proxy names somebody by what is no address.
 * @returns reads the key by which a caller is counted. @throws Error for a network that is none.
 */
export function callerKey(trusted: TrustedProxies, unnamed: () => void): (request: IncomingMessage) => string {
  const trust = trustIn(trusted);
  let told = false;
  return (request) => {
    const named = proxyAddr(withoutPorts(request), trust);
    if (isIP(named)) return addressKey(named);
    if (!told) unnamed();
    told = true;
    // It has not said who it is: then the proxy is counted.
    return addressKey(request.socket.remoteAddress ?? "");
  };
}

/**
 * The X-Forwarded-For for a server behind us: the caller, and the trusted proxies that it came by. What the caller itself
 * claims is left out. @throws Error for a network that is none.
 */
export function forwardedFor(trusted: TrustedProxies): (request: IncomingMessage) => string {
  const trust = trustIn(trusted);
  return (request) =>
    proxyAddr
      .all(withoutPorts(request), trust)
      .filter((address) => isIP(address))
      .reverse()
      .join(", ");
}

/** What proxy-addr reads of a request. Some proxies write `192.0.2.1:4711` and `[2001:db8::1]:4711`. */
function withoutPorts({ headers, socket }: IncomingMessage): IncomingMessage {
  const named = headers["x-forwarded-for"];
  if (named === undefined) return { headers: {}, socket } as IncomingMessage;
  const addresses = String(named).split(",").map(withoutPort);
  return { headers: { "x-forwarded-for": addresses.join(",") } as IncomingHttpHeaders, socket } as IncomingMessage;
}

const ADDRESS_AND_PORT = /^\[([0-9a-f:.]{2,45})\](?::\d{1,5})?$|^(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$/i;

function withoutPort(named: string): string {
  const bare = named.trim();
  const [, ipv6, ipv4] = ADDRESS_AND_PORT.exec(bare) ?? [];
  return ipv6 ?? ipv4 ?? bare;
}

function trustIn(trusted: TrustedProxies): (address: string, hop: number) => boolean {
  return "hops" in trusted ? (_, hop) => hop < trusted.hops : proxyAddr.compile([...trusted.networks]);
}
