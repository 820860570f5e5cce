/**
 * The way to a relay through a company's proxy: HTTPS_PROXY for wss://, HTTP_PROXY for ws://, ALL_PROXY for both, NO_PROXY
 * for neither. Always by CONNECT, so the proxy forwards bytes, and of a wss:// relay it sees the name alone. CONNECT is
 * Node's own and not https-proxy-agent's: that one knows no time limit, keeps the socket of an attempt that was given up,
 * collects an answer without end, and writes the proxy's password into its debug log.
 */

import { type ClientRequest, type RequestOptions, request as requestByHttp } from "node:http";
import { request as requestByHttps } from "node:https";
import { isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { abortReason } from "../abort.ts";
import { SpreadError, systemCode } from "../errors.ts";
import { HANDSHAKE_MS } from "../limits.ts";
import { describeCertificateError } from "./certificate-error.ts";
import { bindSignal } from "./link.ts";

interface Proxy {
  readonly url: URL;
  /** The value of Proxy-Authorization. */
  readonly authorization: string | undefined;
}

/**
 * A connection to the relay by way of a proxy, wrapped in TLS for wss://, whose handshake the taker waits for.
 * @param named the proxy, as an environment names it.
 * @param ca whom to trust, on both legs; by default whom Node trusts.
 * @throws SpreadError `bad-config`, `proxy-failed`, or the signal's. None of them shows the proxy's address.
 */
export async function openTunnel(
  relay: URL,
  named: string,
  ca: string[] | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  const tunnel = await connectBy(proxyFor(relay, named), relay, ca, signal);
  return relay.protocol === "wss:" ? connectTls({ socket: tunnel, ...serverOf(relay), ...(ca && { ca }) }) : tunnel;
}

/** @throws SpreadError `bad-config`, without quoting what is set: there can be a password in it. */
export function proxyFor(relay: URL, named: string): Proxy {
  const variables = relay.protocol === "wss:" ? "HTTPS_PROXY or ALL_PROXY" : "HTTP_PROXY or ALL_PROXY";
  const bad = (what: string) => new SpreadError("bad-config", `${variables} ${what}`);
  let url: URL;
  try {
    url = new URL(named);
  } catch {
    throw bad("is not the address of a proxy");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") throw bad("must begin with http:// or https://");
  let credentials: string;
  try {
    credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  } catch {
    throw bad("has a name or a password in which a % is not written as %25");
  }
  const authorization = credentials === ":" ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`;
  url.username = "";
  url.password = "";
  return { url, authorization };
}

function connectBy(proxy: Proxy, relay: URL, ca: string[] | undefined, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const request = ask(proxy, `${relay.hostname}:${relay.port || (relay.protocol === "wss:" ? 443 : 80)}`, ca);
    const timer = setTimeout(() => request.destroy(silence()), HANDSHAKE_MS);
    const bound = bindSignal({ abort: (reason) => request.destroy(reason) }, signal);
    request.once("close", () => {
      clearTimeout(timer);
      bound[Symbol.dispose]();
    });
    request.once("connect", ({ statusCode = 0 }, socket, head) => {
      // The user of the socket learns of its end by "close".
      socket.on("error", () => {});
      if (statusCode >= 200 && statusCode < 300) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      } else {
        socket.destroy();
        reject(refusal(statusCode));
      }
    });
    request.once("error", (cause) => {
      const reason = signal.aborted ? abortReason(signal) : undefined;
      if (reason) reject(reason.code === "timed-out" ? silence() : reason);
      else reject(cause instanceof SpreadError ? cause : failure(cause));
    });
    request.end();
  });
}

/** @param target host and port of the relay. */
function ask({ url, authorization }: Proxy, target: string, ca: string[] | undefined): ClientRequest {
  const options: RequestOptions & { servername: string; ca?: string[] } = {
    ...serverOf(url),
    port: url.port || (url.protocol === "https:" ? 443 : 80),
    method: "CONNECT",
    path: target,
    headers: { Host: target },
    agent: false,
    ...(ca && { ca }),
  };
  const request = url.protocol === "https:" ? requestByHttps(options) : requestByHttp(options);
  // Not among the options: NODE_DEBUG prints those.
  if (authorization !== undefined) request.setHeader("Proxy-Authorization", authorization);
  return request;
}

/** The name that the certificate must have. Node would take it from the Host header, which names another server here. */
function serverOf(url: URL): { host: string; servername: string } {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return { host, servername: isIP(host) ? "" : host };
}

function silence(): SpreadError {
  return new SpreadError("proxy-failed", "the proxy did not answer in time");
}

function refusal(status: number): SpreadError {
  const what =
    status === 407
      ? "asks for a name and a password, or for other ones"
      : status >= 500
        ? "has not reached the relay"
        : "does not let us through to the relay";
  return new SpreadError("proxy-failed", `the proxy ${what} (HTTP ${status})`);
}

function failure(cause: Error): SpreadError {
  const wrong = describeCertificateError(cause);
  if (wrong) return new SpreadError("proxy-failed", `the proxy's certificate ${wrong}`, { cause });
  const why = systemCode(cause);
  const what = why?.startsWith("HPE_")
    ? "what answers as the proxy does not speak HTTP"
    : `the proxy cannot be reached${why ? ` (${why})` : ""}`;
  return new SpreadError("proxy-failed", what, { cause });
}
