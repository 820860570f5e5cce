/** The nginx and Caddy files that ship, under the real nginx and Caddy, with the relay behind them and TLS in front. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { get as getSecure } from "node:https";
import type { AddressInfo } from "node:net";
import { platform } from "node:os";
import { text } from "node:stream/consumers";
import { connect as connectTls, type SecureVersion } from "node:tls";
import { beforeEach, describe, expect, it } from "vitest";
import { until } from "../../support/wait.ts";
import { PATIENT } from "../clock.ts";
import { harness } from "../support.ts";
import { DOMAIN, type Front, freePort, has, relayProcess, type StartProxy, startCaddy, startNginx } from "./support.ts";

const { relay, client, undo } = harness();

interface Kind {
  readonly name: string;
  readonly there: () => boolean;
  readonly start: StartProxy;
}
export const NGINX: Kind = {
  name: "nginx",
  there: () => has("nginx", "-v") || has("/usr/sbin/nginx", "-v"),
  start: startNginx,
};
export const CADDY: Kind = { name: "caddy", there: () => has("caddy", "version"), start: startCaddy };

/** What keeps its tests from running. */
export function missingFor({ name, there }: Kind): string | undefined {
  if (platform() !== "linux") return "needs Linux, for several addresses on loopback";
  return there() && has("openssl", "version") ? undefined : `needs ${name} and openssl`;
}

const CHUNK_BYTES = 64 * 1024;
const CHUNKS = 48;

/** A sender and its receiver, each from an address of its own. */
async function pairThrough(proxy: Front) {
  const sender = await client(proxy.url, proxy.tls("127.0.0.2"));
  const { room_id } = await sender.ask({ type: "CREATE_ROOM" });
  const receiver = await client(proxy.url, proxy.tls("127.0.0.3"));
  expect(await receiver.ask({ type: "JOIN_ROOM", room_id })).toEqual({ type: "ROOM_JOINED", room_id });
  expect(await sender.json()).toMatchObject({ type: "PEER_JOINED" });
  return { sender, receiver };
}

/** What one visitor from this address gets for a CREATE_ROOM, where one is allowed a minute. */
async function create(proxy: Front, from: string, headers: Record<string, string> = {}): Promise<string> {
  const visitor = await client(proxy.url, { ...proxy.tls(from), headers });
  const answer = await visitor.ask({ type: "CREATE_ROOM" });
  return answer.reason ?? answer.type;
}

async function request(proxy: Front, path: string): Promise<{ status: number | undefined; body: string }> {
  const [response] = (await once(
    getSecure({ ...proxy.tls(), host: DOMAIN, port: proxy.port, path, agent: false }),
    "response",
  )) as [IncomingMessage];
  return { status: response.statusCode, body: await text(response) };
}

/** Instead of a relay: keeps what reaches it of a request to upgrade, and refuses it. */
async function recorder() {
  const seen: IncomingMessage[] = [];
  const server = createServer();
  server.on("upgrade", (incoming, socket) => {
    seen.push(incoming);
    socket.end("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, port: (server.address() as AddressInfo).port };
}

async function agreed(proxy: Front, version: SecureVersion): Promise<string | null> {
  const { ca } = proxy.tls();
  // Without the lowest level, OpenSSL would refuse the old version before the proxy can.
  const options = { minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" };
  const socket = connectTls({ host: "127.0.0.1", port: proxy.port, servername: DOMAIN, ca, ...options });
  undo.push(() => socket.destroy());
  await once(socket, "secureConnect");
  return socket.getProtocol();
}

/** All that a proxy is there for, but for what takes long. */
export function testProxy(kind: Kind): void {
  const { name, start } = kind;
  describe(`${name} in front of the relay`, () => {
    const missing = missingFor(kind);
    beforeEach(({ skip }) => skip(missing !== undefined, missing));

    it("carries 3 MiB each way through wss://, and the relay's close code", async () => {
      const proxy = await start(undo, await relayProcess(undo));
      const { sender, receiver } = await pairThrough(proxy);
      const sent = Array.from({ length: CHUNKS }, () => randomBytes(CHUNK_BYTES));
      for (const [from, to] of [
        [receiver, sender],
        [sender, receiver],
      ] as const) {
        for (const chunk of sent) from.send(chunk);
        for (const chunk of sent) expect((await to.next()).data.equals(chunk)).toBe(true);
      }
      await sender.close(1000);
      expect(await receiver.ended).toMatchObject({ code: 1000 });
    });

    it("tells a receiver that its sender was lost from one that finished", async () => {
      const proxy = await start(undo, await relayProcess(undo));
      const { sender, receiver } = await pairThrough(proxy);
      sender.send("the beginning");
      await receiver.next();
      sender.ws.terminate();
      expect(await receiver.ended).toEqual({ code: 4001, reason: "peer-left" });
    });

    it("hands on what an upgrade needs, and last in X-Forwarded-For who connected, whatever is claimed", async () => {
      const { seen, port } = await recorder();
      const proxy = await start(undo, port);
      const forged = { "X-Forwarded-For": "203.0.113.9" };
      for (const [from, headers] of [["127.0.0.2"], ["127.0.0.3", forged]] as const) {
        const refused = client(`${proxy.url}/?pair=x`, { ...proxy.tls(from), ...(headers && { headers }) });
        await expect(refused).rejects.toThrow("429");
      }
      for (const [at, from] of ["127.0.0.2", "127.0.0.3"].entries()) {
        const { headers, httpVersion, url } = seen[at] as IncomingMessage;
        expect(String(headers["x-forwarded-for"]).split(", ").at(-1)).toBe(from);
        expect({ httpVersion, url }).toEqual({ httpVersion: "1.1", url: "/?pair=x" });
        expect(headers.connection?.toLowerCase()).toBe("upgrade");
        expect(headers.upgrade?.toLowerCase()).toBe("websocket");
        expect(headers.host?.split(":")[0]).toBe(DOMAIN);
      }
    });

    it("without RELAY_TRUST_PROXY counts all visitors as one, whatever header they send", async () => {
      const proxy = await start(undo, await relayProcess(undo, { RELAY_RATE_LIMIT_MAX: "1" }));
      expect(await create(proxy, "127.0.0.2")).toBe("ROOM_CREATED");
      expect(await create(proxy, "127.0.0.3", { "X-Forwarded-For": "203.0.113.9" })).toBe("rate_limited");
    });

    it("with RELAY_TRUST_PROXY=1 counts each visitor, whatever header it sends", async () => {
      const settings = { RELAY_RATE_LIMIT_MAX: "1", RELAY_TRUST_PROXY: "1" };
      const proxy = await start(undo, await relayProcess(undo, settings));
      expect(await create(proxy, "127.0.0.2")).toBe("ROOM_CREATED");
      expect(await create(proxy, "127.0.0.3")).toBe("ROOM_CREATED");
      const forged = { "X-Forwarded-For": "203.0.113.9" };
      expect(await create(proxy, "127.0.0.2", forged)).toBe("rate_limited");
      expect(await create(proxy, "127.0.0.4", { "X-Forwarded-For": "127.0.0.2" })).toBe("ROOM_CREATED");
    });

    it("takes TLS 1.2 and 1.3, and nothing older", async () => {
      // Debian's OpenSSL would refuse it for nginx by itself: here, nginx's own setting has to.
      const lax = '$& ssl_ciphers "DEFAULT@SECLEVEL=0";';
      const proxy = await start(undo, await relayProcess(undo), (file) => file.replace(/ssl_protocols .*;/, lax));
      expect(await agreed(proxy, "TLSv1.3")).toBe("TLSv1.3");
      expect(await agreed(proxy, "TLSv1.2")).toBe("TLSv1.2");
      await expect(agreed(proxy, "TLSv1.1")).rejects.toThrow();
    });

    it("answers /health by https, and sends http there", async () => {
      const proxy = await start(undo, await relayProcess(undo));
      const { status, body } = await request(proxy, "/health");
      expect({ status, ...JSON.parse(body) }).toMatchObject({ status: 200, ok: true, rooms: 0 });
      const plain = await fetch(`http://127.0.0.1:${proxy.plainPort}/health`, { redirect: "manual" });
      expect([301, 308]).toContain(plain.status);
      expect(plain.headers.get("location")).toMatch(/^https:/);
    });

    it("writes no code and no address anywhere, with a relay and without one", async () => {
      const proxy = await start(undo, await freePort());
      expect((await request(proxy, "/?pair=secret-code")).status).toBe(502);
      await expect(client(`${proxy.url}/?pair=secret-code`, proxy.tls("127.0.0.7"))).rejects.toThrow("502");
      expect(proxy.said()).not.toMatch(/secret-code|127\.0\.0\.7/);
    });
  });
}

/** How it treats silence, which takes longer than it bears. */
export function testSilence(kind: Kind): void {
  const { name, start } = kind;
  describe(`${name} in front of the relay`, () => {
    const missing = missingFor(kind);
    beforeEach(({ skip }) => skip(missing !== undefined, missing));

    it("leaves an idle pair alone as long as the relay pings it, though it cuts what is silent for ten seconds", async () => {
      // The proxy goes by its own clock, so the pings come often: a busy machine may be late with many answers.
      const { port } = await relay({ ...PATIENT, pingMs: 200, maxMissedPings: 1000 });
      const proxy = await start(undo, port, (file) => file.replaceAll(/(_timeout) 600s/g, "$1 10s"));
      const { sender, receiver } = await pairThrough(proxy);
      let pings = 0;
      receiver.ws.on("ping", () => {
        pings++;
      });
      await until("that has been longer", () => {
        expect(receiver.ws.readyState).toBe(receiver.ws.OPEN);
        return pings > 60;
      });
      sender.send("still here");
      expect(await receiver.text()).toBe("still here");
    });
  });
}
