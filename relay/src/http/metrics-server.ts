/** A port of its own for Prometheus, which is for the operator alone. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { targetOf } from "./admission.ts";
import { METRICS_PATH } from "./server.ts";
import { urlHost } from "./url.ts";

/** Scrapers at once. */
const MAX_CONNECTIONS = 32;
/** How long one may take for its request, in ms. */
const REQUEST_MS = 10_000;

export interface MetricsServer {
  /** `http://host:port/metrics`. */
  readonly url: string;
  close(): Promise<void>;
}

/** @throws the system's error if the address cannot be listened on. */
export async function serveMetrics(host: string, port: number, scrape: RequestListener): Promise<MetricsServer> {
  const server = createServer(
    { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: REQUEST_MS / 4 },
    (request, response) => {
      // One request a connection, as in server.ts: answers that nobody takes would pile up.
      response.setHeader("connection", "close");
      if (request.method === "GET" && targetOf(request)?.pathname === METRICS_PATH) scrape(request, response);
      else response.writeHead(404).end();
    },
  );
  server.on("checkExpectation", (_request, response) => response.writeHead(417, { connection: "close" }).end());
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(port, host);
  await once(server, "listening");
  // As in relay.ts: one connection that could not be accepted is no reason to drop the others.
  server.on("error", () => {});
  const at = `${urlHost(host)}:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${at}${METRICS_PATH}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
