/** Which relay a call means, and the token for it. */
import { formatRelayUrl, parseRelayUrl } from "../address.ts";
import type { Config } from "../config.ts";
import type { RelayOrder } from "../service/views.ts";

/**
 * The relay that a call names, or else the configured one. The token is only for the configured relay, even if the call names
 * that one too: whoever chooses an address must not get it.
 * @throws SpreadError `bad-relay-url`.
 */
export function relayFor(named: string | undefined, { relay }: Config): RelayOrder | undefined {
  const url = named === undefined ? relay?.url : parseRelayUrl(named);
  if (url === undefined) return undefined;
  const token = url.href === relay?.url.href ? relay.token : undefined;
  return { url: formatRelayUrl(url), ...(token !== undefined && { token }) };
}
