/** The tunnel door: what passes and who is let in, with an agent in this process. The real one is in tunnel.process.test.ts. */
import { once } from "node:events";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { describe, expect, it, test } from "vitest";
import { WebSocket } from "ws";
import { type RelayConfig, readConfig } from "../../relay/src/config/config.ts";
import type { Settings } from "../../relay/src/config/settings.ts";
import { startRelay } from "../../relay/src/relay.ts";
import { settled, until } from "../support/wait.ts";
import { NEVER_MS, PATIENT, pass, stopClock } from "./clock.ts";
import { harness, tinyFrame, upgradeRequest } from "./support.ts";
import { at, echo, echoes, exchange, heldUp, host, refusal, TOKEN, tunnel as tunnelOf, tunnelsOf } from "./tunnel.ts";

const doors = harness();
const { relay, client, raw, undo } = doors;
const tunnel = (settings?: Partial<Settings>) => tunnelOf(doors, settings);

describe("through a tunnel", () => {
  it("what a client says together with its request arrives, once the server has answered", async () => {
    const { door } = await tunnel();
    const request = `${upgradeRequest("/client?room=home")}${tinyFrame(1, "hasty").toString("latin1")}`;
    await exchange(await raw(door.port), request, /^HTTP\/1\.1 101 .*hasty$/s);
  });

  it("a client's close code arrives too, and its connection to the server ends", async () => {
    const { url, server } = await tunnel();
    const visitor = await client(at(url));
    await visitor.close(3002);
    await until("the server saw it", () => server.closes.length === 1);
    expect(server.closes).toEqual([3002]);
  });

  it.each([
    ["/client?room=home", "/"],
    ["/client/?room=home", "/"],
    ["/client/doc/1?a=1&room=home&b=%20x", "/doc/1?a=1&b=%20x"],
    ["/client/a%2Fb?room=home", "/a%2Fb"],
  ])("%s arrives as %s", async (asked, seen) => {
    const { url, server } = await tunnel();
    await client(`${url}${asked}`);
    expect(server.requests[0]?.url).toBe(seen);
  });

  it("headers arrive, but for those of the hop, and Host is the client's", async () => {
    const { door, server } = await tunnel();
    const headers = [
      "Cookie: kept=1",
      "Keep-Alive: timeout=5",
      "Proxy-Authorization: Basic eA==",
      "X-Hop: mine",
      "X-Forwarded-For: 198.51.100.7",
      "X-Real-IP: 198.51.100.7",
      "X-Real_IP: 198.51.100.7",
      "X-Forwarded_For: 198.51.100.7",
      "True-Client-IP: 198.51.100.7",
      "Forwarded: for=198.51.100.7",
      "Connection: Upgrade, X-Hop, Host",
      "Host: another.test",
    ].join("\r\n");
    const request = upgradeRequest("/client?room=home").replace("Connection: Upgrade", headers);
    await exchange(await raw(door.port), request, /^HTTP\/1\.1 101 /);
    const seen = server.requests[0]?.headers ?? {};
    expect(seen).toMatchObject({
      host: "relay.test",
      cookie: "kept=1",
      connection: "Upgrade",
      upgrade: "websocket",
    });
    for (const gone of ["keep-alive", "proxy-authorization", "x-hop"]) expect(seen).not.toHaveProperty(gone);
    expect(JSON.stringify(seen)).not.toContain("198.51.100.7");
    // Anybody can send one: without trust it says who really came.
    expect(seen["x-forwarded-for"]).toBe("127.0.0.1");
  });

  it("X-Forwarded-For is continued where the proxy is trusted", async () => {
    const { url } = await relay({ doors: ["tunnel"], trustProxy: { hops: 1 }, tunnelTokens: [TOKEN] });
    const server = await echo(doors);
    await host(doors, url, server.port, "home", TOKEN);
    const headers = { Authorization: `Bearer ${TOKEN}`, "X-Forwarded-For": "1.1.1.1, 203.0.113.9" };
    await client(at(url), { headers });
    expect(server.requests[0]?.headers["x-forwarded-for"]).toBe("203.0.113.9, 127.0.0.1");
  });

  it("a client that takes nothing slows no other one down", async () => {
    const { url, server } = await tunnel();
    const stalled = await client(at(url));
    stalled.ws.pause();
    await heldUp([...server.sockets][0] as WebSocket);
    const other = await client(at(url));
    for (let i = 0; i < 20; i++) await echoes(other, `still ${i}`);
    stalled.ws.resume();
    for (let i = 0; i < 128; i++) expect((await stalled.next()).data.length).toBe(1024 * 1024);
  });

  it("a client of which the server takes nothing is held up, and no other one", async () => {
    const { url, server } = await tunnel();
    const { ws } = await client(at(url));
    const [there] = server.sockets;
    there?.pause();
    await heldUp(ws);
    await echoes(await client(at(url)), "not held up");
  });

  it("a client that takes nothing for stalledMs is cut, and the server told", async () => {
    const { url, server } = await tunnel({ stalledMs: 20 });
    const stalled = await client(at(url));
    stalled.ws.pause();
    const [there] = server.sockets;
    for (let i = 0; i < 64; i++) there?.send(Buffer.alloc(1024 * 1024));
    await until("it is cut", () => server.closes.length === 1);
    expect(server.closes).toEqual([1006]);
  });

  it("what the local server refuses is refused, and nothing that the client says then reaches it", async () => {
    stopClock();
    const { url, door } = await tunnel({ ...PATIENT, lingerMs: 1_000 });
    expect(await refusal(at(url, "/forbidden"))).toEqual([418, "no tea"]);

    const heard: string[] = [];
    const plain = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        heard.push(String(bytes));
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
      });
    });
    plain.listen(0, "127.0.0.1");
    await once(plain, "listening");
    undo.push(() => plain.close());
    const { port } = plain.address() as AddressInfo;
    await host(doors, door.url, port, "other");
    const socket = await raw(door.port);
    const smuggled = "GET /secret HTTP/1.1\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n";
    await exchange(socket, `${upgradeRequest("/client/x?room=other")}${smuggled}`, /^HTTP\/1\.1 200 OK.*hi$/s);
    socket.write(smuggled);
    await settled(() => heard.length);
    // A server that keeps such a connection open does not hold a place in the tunnel with it.
    const closed = once(socket, "close");
    pass(1_000);
    await closed;
    expect(heard.join("")).not.toContain("secret");
  });
});

describe("before the upgrade", () => {
  it.each([
    ["/agent", [400, "bad-tunnel-id"]],
    ["/client", [400, "bad-tunnel-id"]],
    ["/client?room=", [400, "bad-tunnel-id"]],
    ["/client?room=a%20b", [400, "bad-tunnel-id"]],
    ["/client?room=home&room=home", [400, "bad-tunnel-id"]],
    [`/client?room=${"x".repeat(129)}`, [400, "bad-tunnel-id"]],
    [`/client?room=${"x".repeat(128)}`, [404, "no-agent"]],
    ["/client?room=other", [404, "no-agent"]],
    ["/clients?room=home", [404, "no-such-door"]],
    ["/agent?room=home", [409, "second-agent"]],
  ])("%s is %j", async (path, answer) => {
    const { url, server } = await tunnel();
    expect(await refusal(`${url}${path}`)).toEqual(answer);
    await echoes(await client(at(url)), "others notice nothing");
    expect(server.requests.length).toBe(1);
  });

  it("what is no WebSocket is 400", async () => {
    const { door } = await tunnel();
    const socket = await raw(door.port);
    const request = "GET /client?room=home HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    await exchange(socket, request, /^HTTP\/1\.1 400 .*no-websocket$/s);
  });

  it("the door is closed unless asked for", async () => {
    const { url } = await relay();
    for (const path of ["/agent?room=home", "/client?room=home"])
      expect(await refusal(`${url}${path}`)).toEqual([404, "no-such-door"]);
  });

  it("there are as many tunnels, and clients of one, as there may be", async () => {
    const { url } = await tunnel({ maxTunnels: 1, maxStreamsPerTunnel: 2 });
    expect(await refusal(`${url}/agent?room=other`)).toEqual([503, "too-many-tunnels"]);
    const [first] = [await client(at(url)), await client(at(url))];
    expect(await refusal(at(url))).toEqual([503, "too-many-streams"]);
    await first?.close();
    await until("there is room again", async () => {
      const ws = new WebSocket(at(url));
      undo.push(() => ws.terminate());
      ws.on("error", () => {});
      return Promise.race([once(ws, "open").then(() => true), once(ws, "unexpected-response").then(() => false)]);
    });
  });

  it("a client counts as a connection of its address for as long as it is there", async () => {
    const { url } = await tunnel({ maxConnectionsPerAddress: 2 });
    const visitor = await client(at(url));
    expect(await refusal(at(url))).toEqual([429, "too-many-connections"]);
    visitor.ws.terminate();
    await until("it is free again", async () => {
      const ws = new WebSocket(at(url));
      undo.push(() => ws.terminate());
      ws.on("error", () => {});
      return Promise.race([once(ws, "open").then(() => true), once(ws, "unexpected-response").then(() => false)]);
    });
  });
});

it("a relay that others can reach does not start without", async () => {
  const open = { RELAY_DOORS: "tunnel", RELAY_HOST: "0.0.0.0" };
  const config: RelayConfig = readConfig([], open);
  expect(config.kind === "wrong" && config.problems.join()).toContain("RELAY_TUNNEL_TOKENS");
  expect(readConfig([], { ...open, RELAY_TUNNEL_TOKENS: TOKEN }).kind).toBe("run");
  for (const host of ["127.0.0.1", "::1", "localhost"])
    expect(readConfig([], { ...open, RELAY_HOST: host }).kind).toBe("run");
  await expect(startRelay({ host: "0.0.0.0", port: 0, doors: ["tunnel"] })).rejects.toThrow("RELAY_TUNNEL_TOKENS");
});

test("a relay that stops cuts every client and agent, and leaves nothing open", async () => {
  // It waits for nobody: what goes through a tunnel has no end.
  const { url, door } = await tunnel({ drainMs: NEVER_MS, stopMs: NEVER_MS });
  const visitor = await client(at(url));
  const other = new WebSocket(`${url}/agent?room=other`);
  await once(other, "open");
  const closed = once(other, "close");
  await door.drain();
  expect((await visitor.ended).code).toBe(1006);
  expect(String((await closed)[1])).toBe("restart");
});

test("an agent that speaks no yamux is cut, and so are its clients", async () => {
  const { url, door } = await tunnel();
  const other = new WebSocket(`${url}/agent?room=other`);
  await once(other, "open");
  const waiting = refusal(`${url}/client?room=other`);
  await once(other, "message");
  other.send(Buffer.from("this is no frame of yamux"));
  expect(await waiting).toEqual([502, "no-answer"]);
  await once(other, "close");
  await until("it is forgotten", async () => (await tunnelsOf(door)) === 1);
});
