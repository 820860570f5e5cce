/** A client's upgrade request, as the local server behind a tunnel is to see it. */
import type { IncomingMessage } from "node:http";
import type { Settings } from "../config/settings.ts";

/**
 * What is between the client and us only (RFC 9110, section 7.6.1), and what we write ourselves. Length and coding of a body are
 * among them, since a WebSocket handshake has none.
 */
const NOT_FORWARDED = new Set([
  "connection",
  "content-length",
  "forwarded",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // Other names for who is asking, by which a caller could claim to be another.
  "cf-connecting-ip",
  "true-client-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-forwarded-for",
  "x-real-ip",
]);

/** Servers that turn headers into variables (RFC 3875, section 4.1.18) cannot tell `_` from `-`. */
const nameOf = (said: string) => said.toLowerCase().replaceAll("_", "-");

interface Behind {
  readonly target: string;
  readonly forwardedFor: string;
  readonly settings: Pick<Settings, "tokens" | "tunnelTokens">;
}

export function requestBehind(request: IncomingMessage, { target, forwardedFor, settings }: Behind): Buffer {
  const named = (request.headers.connection ?? "").split(",").map((name) => nameOf(name.trim()));
  const dropped = new Set([...NOT_FORWARDED, ...named]);
  // Where the relay asks for a token, the header was for the relay, and the local server is not to know it.
  if (settings.tokens.length + settings.tunnelTokens.length > 0) dropped.add("authorization");
  // The Host that was let in, if there are several: and no Connection header can have it dropped.
  const lines = [`GET ${target} HTTP/1.1`, `Host: ${request.headers.host ?? ""}`];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at] as string;
    if (!dropped.has(nameOf(name))) lines.push(`${name}: ${request.rawHeaders[at + 1]}`);
  }
  lines.push("Connection: Upgrade", "Upgrade: websocket", `X-Forwarded-For: ${forwardedFor}`, "\r\n");
  // As Node has read them: one byte a character.
  return Buffer.from(lines.join("\r\n"), "latin1");
}
