/**
 * Who is asking. Behind a proxy the socket's address is the proxy's, and the caller's is in X-Forwarded-For. Anybody can send
 * that header, so only what trusted proxies have put there is read, as proxy-addr does for Express.
 */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import proxyAddr from "proxy-addr";
import type { TrustedProxies } from "../config/settings.ts";
import { addressKey } from "../limits/networks.ts";

/** @returns reads the key by which a caller is counted. @throws Error for a network that is none. */
export function callerKey(trusted: TrustedProxies): (request: IncomingMessage) => string {
  const trust = trustIn(trusted);
  return (request) => {
    const named = proxyAddr(request, trust);
    // A proxy that passes on what is no address has not said who it is: then the proxy is counted.
    return addressKey(isIP(named) ? named : (request.socket.remoteAddress ?? ""));
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
      .all(request, trust)
      .filter((address) => isIP(address))
      .reverse()
      .join(", ");
}

function trustIn(trusted: TrustedProxies): (address: string, hop: number) => boolean {
  return "hops" in trusted ? (_, hop) => hop < trusted.hops : proxyAddr.compile([...trusted.networks]);
}
