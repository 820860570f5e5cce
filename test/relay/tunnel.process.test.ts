/** The tunnel door: a WebSocket server behind an agent, and clients that know only the relay. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { type Config, readConfig } from "../../relay/src/config.ts";
import { type Relay, startRelay } from "../../relay/src/relay.ts";
import type { Settings } from "../../relay/src/settings.ts";
import { encodeHeader, FLAG, TYPE } from "../../relay/src/yamux/frame.ts";
import { settled, until } from "../support/wait.ts";
import { type Client, harness, tinyFrame, upgradeRequest } from "./support.ts";

const AGENT = fileURLToPath(new URL("../../relay/dist/agent.js", import.meta.url));
const TOKEN = "0123456789abcdef";

const { relay, client, raw, undo } = harness();

/** A WebSocket server that says everything back, with what it saw of its clients. */
async function echo() {
  const http = createServer();
  const requests: IncomingMessage[] = [];
  const sockets = new Set<WebSocket>();
  const closes: number[] = [];
  const server = new WebSocketServer({
    server: http,
    maxPayload: 64 * 1024 * 1024,
    handleProtocols: (offered) => (offered.has("second") ? "second" : false),
    verifyClient: ({ req }, done) => done(req.url !== "/forbidden", 418, "no tea"),
  });
  server.on("connection", (ws, request) => {
    requests.push(request);
    sockets.add(ws);
    ws.on("error", () => {});
    ws.on("close", (code) => {
      closes.push(code);
      sockets.delete(ws);
    });
    ws.on("message", (data, binary) => {
      if (String(data) === "close 3001") ws.close(3001, "as asked");
      else ws.send(data, { binary });
    });
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  undo.push(() => {
    for (const ws of sockets) ws.terminate();
    http.closeAllConnections();
    http.close();
  });
  return { port: (http.address() as AddressInfo).port, requests, sockets, closes };
}

/** The real agent, as a process. */
function run(args: string[], env: Record<string, string> = {}) {
  const child: ChildProcess = spawn(process.execPath, [AGENT, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  undo.push(() => child.kill("SIGKILL"));
  const output = { stderr: "" };
  child.stderr?.on("data", (text) => {
    output.stderr += text;
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { child, output, ended };
}

async function connected(url: string, port: number, args: string[] = [], env: Record<string, string> = {}) {
  const agent = run(["--relay", url, "--room", "home", "--port", String(port), ...args], env);
  await until("the agent is connected", () => agent.output.stderr.includes("agent: connected\n"));
  return agent;
}

/** A relay with its tunnel door open, an echo server, and the agent between them. */
async function tunnel(settings: Partial<Settings> = {}) {
  const door = await relay({ doors: ["room", "pair", "tunnel"], ...settings });
  const server = await echo();
  const agent = await connected(door.url, server.port);
  return { url: door.url, door, server, agent };
}

const at = (url: string, path = "", query = "") => `${url}/client${path}?room=home${query}`;

async function refusal(url: string, options: ConstructorParameters<typeof WebSocket>[2] = {}) {
  const ws = new WebSocket(url, options);
  ws.on("error", () => {});
  const [, response] = (await once(ws, "unexpected-response")) as [unknown, IncomingMessage];
  const [body] = await once(response, "data");
  return [response.statusCode, String(body)];
}

/** Says a request, and waits for an answer that matches. */
async function exchange(socket: Socket, request: string, answer: RegExp): Promise<void> {
  let heard = "";
  socket.on("data", (bytes) => {
    heard += String(bytes);
  });
  socket.write(request, "latin1");
  await until(`an answer like ${answer}`, () => answer.test(heard));
}

async function tunnelsOf({ port }: Relay): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/health`);
  return ((await response.json()) as { tunnels: number }).tunnels;
}

/** Says 128 MiB. What kernels hold on the way is taken of it, and no more: the rest has not left its end. */
async function heldUp(ws: WebSocket): Promise<void> {
  const chunk = Buffer.alloc(1024 * 1024);
  let taken = 0;
  const pump = () =>
    ws.send(chunk, (lost) => {
      if (!lost && ++taken < 128) pump();
    });
  pump();
  await settled(() => taken);
  expect(taken).toBeLessThan(64);
}

async function echoes(visitor: Client, text: string): Promise<void> {
  visitor.send(text);
  expect(await visitor.text()).toBe(text);
}

describe("through a tunnel", () => {
  it("text, binary, pings, a subprotocol and a close code arrive as they are", async () => {
    const { url, server } = await tunnel();
    const ws = new WebSocket(at(url), ["first", "second"]);
    undo.push(() => ws.terminate());
    await once(ws, "open");
    expect(ws.protocol).toBe("second");

    for (const said of ["text", Buffer.from([0, 255, 10])]) {
      ws.send(said);
      const [data, binary] = await once(ws, "message");
      expect([data, binary]).toEqual([Buffer.from(said), typeof said !== "string"]);
    }
    ws.ping("marco");
    expect(String((await once(ws, "pong"))[0])).toBe("marco");
    const [there] = server.sockets;
    there?.ping("from there");
    expect(String((await once(ws, "ping"))[0])).toBe("from there");

    ws.send("close 3001");
    const [code, reason] = await once(ws, "close");
    expect([code, String(reason)]).toEqual([3001, "as asked"]);
  });

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

  it("a client that comes in the packet of the relay's own answer reaches the server", async () => {
    const { port, sockets } = await echo();
    const hasty = createServer();
    hasty.on("upgrade", ({ headers }, socket) => {
      undo.push(() => socket.destroy());
      socket.on("error", () => {});
      const accept = createHash("sha1").update(`${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
      const answer = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Accept: ${accept.digest("base64")}`,
      ].join("\r\n");
      const request = Buffer.from(upgradeRequest());
      const open = encodeHeader({ type: TYPE.data, flags: FLAG.syn, streamId: 2, length: request.length });
      const body = Buffer.concat([open, request]);
      // A server's binary frame with two bytes of length (RFC 6455, section 5.2).
      const header = Buffer.from([0x82, 126, body.length >> 8, body.length & 0xff]);
      socket.write(Buffer.concat([Buffer.from(`${answer}\r\n\r\n`), header, body]));
    });
    hasty.listen(0, "127.0.0.1");
    await once(hasty, "listening");
    undo.push(() => hasty.close());
    run(["--relay", `ws://127.0.0.1:${(hasty.address() as AddressInfo).port}`, "--room", "x", "--port", String(port)]);
    await until("the server has its client", () => sockets.size === 1);
  });

  it("X-Forwarded-For is continued where the proxy is trusted", async () => {
    const { url } = await relay({ doors: ["tunnel"], trustProxy: { hops: 1 }, tunnelTokens: [TOKEN] });
    const server = await echo();
    await connected(url, server.port, ["--token", TOKEN]);
    const headers = { Authorization: `Bearer ${TOKEN}`, "X-Forwarded-For": "1.1.1.1, 203.0.113.9" };
    await client(at(url), { headers });
    expect(server.requests[0]?.headers["x-forwarded-for"]).toBe("203.0.113.9, 127.0.0.1");
  });

  it("a message of 5 MiB comes back whole", async () => {
    const { url } = await tunnel();
    const visitor = await client(at(url));
    const large = Buffer.alloc(5 * 1024 * 1024, "0123456789");
    visitor.send(large);
    expect((await visitor.next()).data.equals(large)).toBe(true);
  });

  it("20 clients talk at once, each with its own answers", async () => {
    const { url } = await tunnel();
    const visitors = await Promise.all(Array.from({ length: 20 }, () => client(at(url))));
    await Promise.all(
      visitors.map(async (visitor, n) => {
        for (let i = 0; i < 50; i++) await echoes(visitor, `${n}: ${i}`);
      }),
    );
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
    const { url, server } = await tunnel({ stalledMs: 100 });
    const stalled = await client(at(url));
    stalled.ws.pause();
    const [there] = server.sockets;
    for (let i = 0; i < 64; i++) there?.send(Buffer.alloc(1024 * 1024));
    await until("it is cut", () => server.closes.length === 1);
    expect(server.closes).toEqual([1006]);
  });

  it("what the local server refuses is refused, and nothing that the client says then reaches it", async () => {
    const { url, door } = await tunnel({ lingerMs: 1000 });
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
    const other = run(["--relay", door.url, "--room", "other", "--port", String(port)]);
    await until("it hosts", () => other.output.stderr.includes("connected"));
    const socket = await raw(door.port);
    const smuggled = "GET /secret HTTP/1.1\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n";
    await exchange(socket, `${upgradeRequest("/client/x?room=other")}${smuggled}`, /^HTTP\/1\.1 200 OK.*hi$/s);
    socket.write(smuggled);
    // A server that keeps such a connection open does not hold a place in the tunnel with it.
    await once(socket, "close");
    await settled(() => heard.length);
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

  it("a local server that is not there is 502, one that says nothing 504", async () => {
    const { door } = await tunnel({ upgradeMs: 200 });
    const mute = createTcpServer((socket) => socket.on("error", () => {}).resume());
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    const { port } = mute.address() as AddressInfo;
    const agent = run(["--relay", door.url, "--room", "mute", "--port", String(port)]);
    await until("it hosts", () => agent.output.stderr.includes("connected"));
    expect(await refusal(`${door.url}/client?room=mute`)).toEqual([504, "late-answer"]);
    mute.close();
    await once(mute, "close");
    expect(await refusal(`${door.url}/client?room=mute`)).toEqual([502, "no-answer"]);
    expect(agent.output.stderr).toContain("ECONNREFUSED");
  });
});

describe("with tokens", () => {
  const bearing = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });
  const settings: Partial<Settings> = { doors: ["room", "tunnel"], tunnelTokens: [TOKEN] };

  it("agents and clients need one, other doors do not, and the local server never sees it", async () => {
    const { url } = await relay(settings);
    const server = await echo();
    const dir = await mkdtemp(join(tmpdir(), "tunnel-"));
    undo.push(() => rm(dir, { recursive: true }));
    await writeFile(join(dir, "token"), `${TOKEN}\n`);
    await connected(url, server.port, ["--token-file", join(dir, "token")]);
    for (const options of [{}, bearing("fedcba9876543210")])
      expect(await refusal(at(url), options)).toEqual([401, "unauthorized"]);
    await echoes(await client(at(url), bearing(TOKEN)), "let in");
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    expect((await (await client(url)).ask({ type: "CREATE_ROOM" })).type).toBe("ROOM_CREATED");
  });

  it("an agent with a wrong one says so and ends with 1; with the right one of its environment it hosts", async () => {
    const { url } = await relay(settings);
    const wrong = run(["--relay", url, "--room", "home", "--port", "1"], { RELAY_TUNNEL_TOKEN: "fedcba9876543210" });
    expect(await wrong.ended).toBe(1);
    expect(wrong.output.stderr).toContain("agent: refused by the relay: 401");
    expect(wrong.output.stderr).not.toContain("fedcba");
    await connected(url, 1, [], { RELAY_TUNNEL_TOKEN: TOKEN });
  });

  it("a relay that others can reach does not start without", async () => {
    const open = { RELAY_DOORS: "tunnel", RELAY_HOST: "0.0.0.0" };
    const config: Config = readConfig([], open);
    expect(config.kind === "wrong" && config.problems.join()).toContain("RELAY_TUNNEL_TOKENS");
    expect(readConfig([], { ...open, RELAY_TUNNEL_TOKENS: TOKEN }).kind).toBe("run");
    for (const host of ["127.0.0.1", "::1", "localhost"])
      expect(readConfig([], { ...open, RELAY_HOST: host }).kind).toBe("run");
    await expect(startRelay({ host: "0.0.0.0", port: 0, doors: ["tunnel"] })).rejects.toThrow("RELAY_TUNNEL_TOKENS");
  });
});

describe("the agent", () => {
  it("is lost, and its clients are cut; it comes back, and all works again", async () => {
    const { url, door, server, agent } = await tunnel();
    const visitors = [await client(at(url)), await client(at(url))];
    agent.child.kill("SIGKILL");
    for (const visitor of visitors) expect((await visitor.ended).code).toBe(1006);
    await until("its room is free", async () => (await tunnelsOf(door)) === 0);
    expect(await refusal(at(url))).toEqual([404, "no-agent"]);
    await connected(url, server.port);
    await echoes(await client(at(url)), "back");
  });

  it("tries again by itself: until another agent has left, and when the relay is back", async () => {
    const { url, door, server, agent } = await tunnel();
    const second = run(["--relay", url, "--room", "home", "--port", String(server.port)]);
    await until("it is told", () => second.output.stderr.includes("refused by the relay: 409"));
    agent.child.kill("SIGTERM");
    expect(await agent.ended).toBe(0);
    await until("it has the room", () => second.output.stderr.includes("agent: connected\n"));
    const visitor = await client(at(url));
    const { port } = door;
    await door.stop();
    expect((await visitor.ended).code).toBe(1006);
    await relay({ doors: ["tunnel"], port });
    await until("it has the room again", () => second.output.stderr.split("agent: connected\n").length === 3);
    await echoes(await client(at(url)), "again");
  });

  it.each(["SIGTERM", "SIGINT"] as const)("ends with 0 on %s, also while it waits for a relay", async (signal) => {
    const { agent } = await tunnel();
    agent.child.kill(signal);
    expect(await agent.ended).toBe(0);
    const lonely = run(["--relay", "ws://127.0.0.1:1", "--room", "home", "--port", "1"]);
    await until("it waits", () => lonely.output.stderr.includes("next try in 0."));
    lonely.child.kill(signal);
    expect(await lonely.ended).toBe(0);
  });

  it("takes its settings from the environment, and names all that are wrong", async () => {
    const { url } = await relay({ doors: ["tunnel"] });
    const { output } = run([], { RELAY_URL: url, ROOM_ID: "home", LOCAL_PORT: "1" });
    await until("it hosts", () => output.stderr.includes("agent: connected\n"));
    const wrong = run(["--relay", "http://x", "--room", "a b", "--port", "70000"]);
    expect(await wrong.ended).toBe(2);
    expect(wrong.output.stderr).toContain("agent: missing or wrong: --relay, --room, --port\n");
  });
});

test("a relay that stops cuts every client and agent, and leaves nothing open", async () => {
  const { url, door } = await tunnel();
  const visitor = await client(at(url));
  const other = new WebSocket(`${url}/agent?room=other`);
  await once(other, "open");
  const began = Date.now();
  const closed = once(other, "close");
  await door.drain();
  expect(Date.now() - began).toBeLessThan(3000);
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
