/** Which proxy a relay is reached by, and proxies that no real one can be told to be. The real one is in test/mcp/proxy.test.ts. */
import { getEventListeners, once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startRelay } from "../../relay/src/relay.ts";
import { SpreadError } from "../../src/errors.ts";
import { HANDSHAKE_MS } from "../../src/limits.ts";
import type { Link } from "../../src/transport/link.ts";
import { namedProxy } from "../../src/transport/named-proxy.ts";
import { proxyFor } from "../../src/transport/proxy.ts";
import { createRoom, joinRoom } from "../../src/transport/relay.ts";
import { Arrivals } from "../support/arrivals.ts";
import { settled, until } from "../support/wait.ts";

/** Names that nothing resolves (RFC 6761): who asks for one asked the proxy. */
const RELAY = "ws://relay.invalid";
const SECURE_RELAY = "wss://relay.invalid";

const forever = () => new AbortController().signal;
const closers: (() => unknown)[] = [];
beforeEach(() => {
  for (const name of ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]) {
    vi.stubEnv(name, undefined);
    vi.stubEnv(name.toUpperCase(), undefined);
  }
});
afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  for (const close of closers.splice(0).reverse()) await close();
});

describe("the proxy for a relay", () => {
  const found = (relay: string) => {
    const named = namedProxy(new URL(relay));
    return named === "" ? undefined : proxyFor(new URL(relay), named);
  };
  const proxyOf = (relay: string) => found(relay)?.url.href;

  it.each([
    [SECURE_RELAY, "HTTPS_PROXY", "http://proxy:3128", "http://proxy:3128/"],
    [SECURE_RELAY, "https_proxy", "http://proxy:3128", "http://proxy:3128/"],
    [SECURE_RELAY, "HTTPS_PROXY", "https://proxy", "https://proxy/"],
    [SECURE_RELAY, "HTTPS_PROXY", "proxy:3128", "http://proxy:3128/"],
    [SECURE_RELAY, "ALL_PROXY", "http://proxy:3128", "http://proxy:3128/"],
    [SECURE_RELAY, "HTTP_PROXY", "http://proxy:3128", undefined],
    [RELAY, "HTTP_PROXY", "http://proxy:3128", "http://proxy:3128/"],
    [RELAY, "http_proxy", "proxy:3128", "http://proxy:3128/"],
    [RELAY, "HTTPS_PROXY", "http://proxy:3128", undefined],
  ])("%s with %s=%s: %s", (relay, name, value, proxy) => {
    vi.stubEnv(name, value);
    expect(proxyOf(relay)).toBe(proxy);
  });

  it.each([
    ["relay.invalid", undefined],
    [".invalid", undefined],
    ["*", undefined],
    ["other, relay.invalid:443", undefined],
    ["relay.invalid:444", "http://proxy/"],
    ["elsewhere", "http://proxy/"],
  ])("is none, or stays, with NO_PROXY=%s: %s", (except, proxy) => {
    vi.stubEnv("HTTPS_PROXY", "http://proxy");
    vi.stubEnv("NO_PROXY", except);
    expect(proxyOf(SECURE_RELAY)).toBe(proxy);
  });

  it("has no credentials in its address; they are for its eyes alone", () => {
    vi.stubEnv("HTTPS_PROXY", "http://me:hunt%40er2@proxy:3128");
    const proxy = found(SECURE_RELAY);
    expect(proxy?.url.href).toBe("http://proxy:3128/");
    expect(proxy?.authorization).toBe(`Basic ${Buffer.from("me:hunt@er2").toString("base64")}`);
  });

  it.each([
    ["socks5://hunter2:1080", "HTTPS_PROXY or ALL_PROXY must begin with http:// or https://"],
    ["http://", "HTTPS_PROXY or ALL_PROXY is not the address of a proxy"],
    ["http://hunter2:port", "HTTPS_PROXY or ALL_PROXY is not the address of a proxy"],
    [
      "http://me:100%hunter2@proxy",
      "HTTPS_PROXY or ALL_PROXY has a name or a password in which a % is not written as %25",
    ],
  ])("is refused, and not quoted: %s", (value, message) => {
    vi.stubEnv("ALL_PROXY", value);
    expect(() => found(SECURE_RELAY)).toThrow(expect.objectContaining({ code: "bad-config", message }));
  });
});

describe("a relay by way of a proxy", () => {
  it("is asked for by CONNECT, with the credentials, and gets both ends of a share", async () => {
    const { relay, asked } = await proxiedRelay("me:hunter2@");
    const visitors = new Arrivals<Link>();
    const life = forever();
    const room = await createRoom({ url: new URL(RELAY) }, 600, visitors.put, life);
    const receiver = await joinRoom({ url: new URL(RELAY) }, room.id, life);
    const sender = await visitors.next();
    await receiver.send("to the sender");
    expect(String(Buffer.from((await sender.receive()) ?? ""))).toBe("to the sender");
    await sender.send(Buffer.alloc(65_536, 7));
    expect(await receiver.receive()).toHaveLength(65_536);
    await receiver.close();
    await room.close();
    expect(getEventListeners(life, "abort")).toEqual([]);
    const authorization = `Basic ${Buffer.from("me:hunter2").toString("base64")}`;
    expect(asked).toEqual(Array(2).fill({ target: "relay.invalid:80", host: "relay.invalid:80", authorization }));
    await relay.stop();
  });

  it("is named with brackets and port if it is an IPv6 address", async () => {
    const { asked } = await proxiedRelay();
    const joined = joinRoom({ url: new URL("ws://[2001:db8::1]:9784") }, "zzzzzz", forever());
    await expect(joined).rejects.toMatchObject({ code: "room-not-found" });
    expect(asked).toMatchObject([{ target: "[2001:db8::1]:9784", host: "[2001:db8::1]:9784" }]);
  });

  it.each([RELAY, SECURE_RELAY])("has the time of a handshake to answer, too: %s", async (relay) => {
    const { come, open } = await proxy((socket) => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    vi.stubEnv("HTTP_PROXY", process.env.HTTPS_PROXY);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const failed = expect(joinRoom({ url: new URL(relay) }, "zzzzzz", forever())).rejects.toMatchObject({
      code: "relay-unreachable",
      message: "the relay gave no answer",
    });
    await once(await come.next(), "data");
    vi.advanceTimersByTime(HANDSHAKE_MS);
    await failed;
    vi.useRealTimers();
    await until("the socket is gone", () => open.size === 0);
  });

  it("is told apart from the proxy by its errors", async () => {
    const { relay } = await proxiedRelay();
    await expect(joinRoom({ url: new URL(RELAY) }, "zzzzzz", forever())).rejects.toMatchObject({
      code: "room-not-found",
    });
    await relay.stop();
    await expect(joinRoom({ url: new URL(RELAY) }, "zzzzzz", forever())).rejects.toMatchObject({
      code: "proxy-failed",
      message: "the proxy has not reached the relay (HTTP 502)",
    });
  });

  it("is not looked for at a proxy if it is on this machine", async () => {
    vi.stubEnv("HTTP_PROXY", "http://proxy.invalid");
    const relay = await startRelay({ host: "127.0.0.1", port: 0 });
    closers.push(() => relay.stop());
    await expect(joinRoom({ url: new URL(relay.url) }, "zzzzzz", forever())).rejects.toMatchObject({
      code: "room-not-found",
    });
  });
});

describe("proxy-failed", () => {
  const join = (signal = forever()) => joinRoom({ url: new URL(SECURE_RELAY) }, "zzzzzz", signal);
  const failsWith = (message: string | RegExp) =>
    expect(join()).rejects.toMatchObject({ code: "proxy-failed", message: expect.stringMatching(message) });

  it("says that nothing listens there", async () => {
    const { close } = await proxy(() => {});
    close();
    await failsWith(/^the proxy cannot be reached \(ECONNREFUSED\)$/);
  });

  it("says that there is no such name", async () => {
    vi.stubEnv("HTTPS_PROXY", "http://me:hunter2@proxy.invalid:3128");
    await failsWith(/^the proxy cannot be reached \((?:ENOTFOUND|EAI_AGAIN)\)$/);
  });

  it.each([
    [407, "asks for a name and a password, or for other ones"],
    [403, "does not let us through to the relay"],
    [301, "does not let us through to the relay"],
    [502, "has not reached the relay"],
    [503, "has not reached the relay"],
    [504, "has not reached the relay"],
  ])("says what HTTP %i means: the proxy %s", async (status, what) => {
    const { open } = await proxy((socket) => socket.write(`HTTP/1.1 ${status} hunter2\r\nX: hunter2\r\n\r\nhunter2`));
    await failsWith(`^the proxy ${what} \\(HTTP ${status}\\)$`);
    await until("the socket is gone", () => open.size === 0);
  });

  it.each([
    ["no HTTP", (socket: Socket) => socket.write("220 hunter2 ESMTP\r\n"), /does not speak HTTP$/],
    ["a head without end", flood, /does not speak HTTP$/],
    ["nothing, and hangs up", (socket: Socket) => socket.end(), /^the proxy cannot be reached \(ECONNRESET\)$/],
  ])("is said where the answer is %s", async (_what, answer, message) => {
    const { open } = await proxy(answer);
    await failsWith(message);
    await until("the socket is gone", () => open.size === 0);
  });

  it("is said of an https:// proxy that speaks no TLS, and whose own name it was called by", async () => {
    let hello: Buffer | undefined;
    const { url } = await proxy((socket, said) => {
      hello = said;
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
    });
    vi.stubEnv("HTTPS_PROXY", url.replace("http://127.0.0.1", "https://localhost"));
    await failsWith(/^the proxy cannot be reached \(E[A-Z_]+\)$/);
    expect(hello?.includes("localhost")).toBe(true);
    expect(hello?.includes("relay.invalid")).toBe(false);
  });

  it("is said after HANDSHAKE_MS of silence, and no socket stays", async () => {
    const { open, come } = await proxy(() => {});
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const failed = failsWith(/^the proxy did not answer in time$/);
    await come.next();
    vi.advanceTimersByTime(HANDSHAKE_MS - 1);
    expect(open.size).toBe(1);
    vi.advanceTimersByTime(1);
    await failed;
    vi.useRealTimers();
    await until("the socket is gone", () => open.size === 0);
  });

  it("is said when the call's time is over while the proxy is silent", async () => {
    const { open, come } = await proxy(() => {});
    const life = new AbortController();
    const failed = expect(join(life.signal)).rejects.toMatchObject({ code: "proxy-failed" });
    await come.next();
    life.abort(new SpreadError("timed-out", "the call's time is over"));
    await failed;
    await until("the socket is gone", () => open.size === 0);
  });
});

describe("a call that is cancelled", () => {
  it.each([
    ["while the proxy is silent", ""],
    ["while the relay behind it is silent about TLS", "HTTP/1.1 200 OK\r\n\r\n"],
  ])("ends at once, and closes its socket, %s", async (_when, answer) => {
    const { open, come } = await proxy((socket) => socket.write(answer));
    const life = new AbortController();
    const failed = expect(joinRoom({ url: new URL(SECURE_RELAY) }, "zzzzzz", life.signal)).rejects.toMatchObject({
      code: "cancelled",
    });
    const socket = await come.next();
    // Behind an answer, what comes next is TLS.
    if (answer !== "") await once(socket, "data");
    life.abort();
    await failed;
    await until("the socket is gone", () => open.size === 0);
  });

  it("asks no proxy if it was cancelled before", async () => {
    let asked = false;
    const { open } = await proxy(() => {
      asked = true;
    });
    await expect(joinRoom({ url: new URL(SECURE_RELAY) }, "zzzzzz", AbortSignal.abort())).rejects.toMatchObject({
      code: "cancelled",
    });
    await settled(() => open.size);
    expect({ asked, open: open.size }).toEqual({ asked: false, open: 0 });
  });
});

/** A proxy in both variables, that does as it is told once it was asked. `come` has its sockets, each once asked. */
async function proxy(answer: (socket: Socket, asked: Buffer) => unknown) {
  const open = new Set<Socket>();
  const come = new Arrivals<Socket>();
  const server = createTcpServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => {});
    socket.once("data", (asked) => {
      answer(socket, asked);
      come.put(socket);
    });
  });
  const url = await listening(server);
  vi.stubEnv("HTTPS_PROXY", url);
  const close = () => {
    for (const socket of open) socket.destroy();
    server.close();
  };
  closers.push(close);
  return { url, open, come, close };
}

/** Writes for as long as somebody reads. */
function flood(socket: Socket): void {
  socket.write("HTTP/1.1 200 OK\r\n");
  const more = () => {
    if (!socket.destroyed) socket.write(`X: ${"x".repeat(1000)}\r\n`, more);
  };
  more();
}

/** A relay, and a proxy that takes every name for it. */
async function proxiedRelay(credentials = "") {
  const relay = await startRelay({ host: "127.0.0.1", port: 0 });
  closers.push(() => relay.stop());
  const asked: unknown[] = [];
  const server = createServer().on("connect", ({ url: target, headers }, socket: Socket) => {
    asked.push({ target, host: headers.host, authorization: headers["proxy-authorization"] });
    const onward = connect(relay.port, "127.0.0.1");
    onward.once("connect", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(onward).pipe(socket);
    });
    onward.on("error", () => socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"));
    socket.on("error", () => onward.destroy());
  });
  const url = await listening(server);
  closers.push(() => server.close());
  vi.stubEnv("HTTP_PROXY", url.replace("//", `//${credentials}`));
  return { relay, asked };
}

async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
