/** The proxy that this process's environment names for a relay, as written there. It is neither checked nor dialled here. */
import { getProxyForUrl } from "proxy-from-env";

/** @returns "" for none. It can contain a password. */
export function namedProxy(relay: URL): string {
  const named = getProxyForUrl(relay.href.replace(/^ws/, "http"));
  // `proxy:3128` gets the scheme of its target from proxy-from-env; a proxy so named speaks plain HTTP, as to curl.
  return Object.values(process.env).includes(named) ? named : named.replace(/^https?:/, "http:");
}
