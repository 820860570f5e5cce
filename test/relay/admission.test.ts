/** Who is let in: by address, by token, from which page, under which name, and not while the relay is going down. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { readConfig } from "../../relay/src/config/config.ts";
import { callerKey } from "../../relay/src/http/caller.ts";
import type { RelayEvent } from "../../relay/src/observe/events.ts";
import { until } from "../support/wait.ts";
import { harness, upgradeRequest } from "./support.ts";

const { relay, client, sender, receiver, raw, undo } = harness();

type Options = ConstructorParameters<typeof WebSocket>[2];

async function refusal(url: string, options: Options = {}) {
  const ws = new WebSocket(url, options);
  ws.on("error", () => {});
  const [, response] = (await once(ws, "unexpected-response")) as [unknown, IncomingMessage];
  response.resume();
  return { status: response.statusCode, headers: response.headers };
}
const forwarded = (address: string): Options => ({ headers: { "X-Forwarded-For": address } });

describe("who is asking", () => {
  const request = (remoteAddress: string, forwardedFor?: string) =>
    ({
      socket: { remoteAddress },
      headers: forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor },
    }) as unknown as IncomingMessage;

  it.each<[string, Parameters<typeof callerKey>[0], string, string | undefined, string]>([
    ["the socket, where no proxy is trusted", { hops: 0 }, "192.0.2.1", "203.0.113.9", "192.0.2.1"],
    ["whom the one proxy names last", { hops: 1 }, "10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"],
    ["whom the first of two proxies names", { hops: 2 }, "10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"],
    ["the proxy, where it names nobody", { hops: 1 }, "10.0.0.1", undefined, "10.0.0.1"],
    ["the proxy, where it names no address", { hops: 1 }, "10.0.0.1", "unknown", "10.0.0.1"],
    ["whom a proxy of the network names", { networks: ["10.0.0.0/8"] }, "10.7.7.7", "203.0.113.9", "203.0.113.9"],
    ["a stranger himself, whatever he claims", { networks: ["10.0.0.0/8"] }, "192.0.2.1", "203.0.113.9", "192.0.2.1"],
    ["whom a proxy names with a port", { hops: 1 }, "10.0.0.1", "203.0.113.9:4711", "203.0.113.9"],
    [
      "whom a proxy names in brackets, with a port",
      { hops: 1 },
      "10.0.0.1",
      "[2001:db8:1:2::9]:4711",
      "2001:db8:1:2::/64",
    ],
    ["whom a proxy names in brackets", { hops: 1 }, "10.0.0.1", "[2001:db8:1:2::9]", "2001:db8:1:2::/64"],
    [
      "whom the first of two proxies names, the second with a port",
      { networks: ["10.0.0.0/8"] },
      "10.0.0.1",
      "1.1.1.1, 203.0.113.9:1, 10.0.0.2:65535",
      "203.0.113.9",
    ],
    ["the proxy, where it names a port alone", { hops: 1 }, "10.0.0.1", ":4711", "10.0.0.1"],
    ["IPv6 by its /64", { hops: 1 }, "10.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["an IPv4 client of an IPv6 socket", { networks: ["127.0.0.1"] }, "::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"],
  ])("is %s", (_who, trusted, remote, header, key) => {
    expect(callerKey(trusted, () => {})(request(remote, header))).toBe(key);
  });

  it("is told once where a proxy names what is no address", async () => {
    const events: RelayEvent[] = [];
    const { url } = await relay({ trustProxy: { hops: 1 }, onEvent: (event) => events.push(event) });
    for (const named of ["203.0.113.1:4711", "unknown", "_hidden"]) await client(url, forwarded(named));
    expect(events.filter(({ event }) => event === "caller-unnamed")).toHaveLength(1);
  });

  it("two users behind a trusted proxy have a limit each; a header without trust changes nothing", async () => {
    const trusting = await relay({ rateLimitMax: 1, trustProxy: { hops: 1 } });
    for (const address of ["203.0.113.1", "203.0.113.2"]) {
      const user = await client(trusting.url, forwarded(address));
      expect((await user.ask({ type: "CREATE_ROOM" })).type).toBe("ROOM_CREATED");
    }
    const again = await client(trusting.url, forwarded("203.0.113.1"));
    expect(await again.ask({ type: "CREATE_ROOM" })).toEqual({ type: "ERROR", reason: "rate_limited" });

    const plain = await relay({ rateLimitMax: 1 });
    await (await client(plain.url, forwarded("203.0.113.1"))).ask({ type: "CREATE_ROOM" });
    const other = await client(plain.url, forwarded("203.0.113.2"));
    expect(await other.ask({ type: "CREATE_ROOM" })).toEqual({ type: "ERROR", reason: "rate_limited" });
  });
});

it("what stands behind a thousand headers counts as much as what stands before them", async () => {
  const { port } = await relay({ trustProxy: { hops: 1 }, maxConnectionsPerAddress: 1 });
  const answer = async (header: string) => {
    const socket = await raw(port);
    socket.write(upgradeRequest().replace(/\r\n$/, `${"a:\r\n".repeat(1500)}${header}\r\n\r\n`));
    const [heard] = await once(socket, "data");
    return String(heard).slice(9, 12);
  };
  expect(await answer("X-Forwarded-For: 203.0.113.1")).toBe("101");
  expect(await answer("X-Forwarded-For: 203.0.113.1")).toBe("429");
  expect(await answer("X-Forwarded-For: 203.0.113.2")).toBe("101");
  expect(await answer("Origin: https://evil.example")).toBe("403");
});

describe("connections of one address", () => {
  it("are 2 where 2 are allowed; the third is 429 until one leaves, and others notice nothing", async () => {
    const { url } = await relay({ maxConnectionsPerAddress: 2, trustProxy: { hops: 1 } });
    const [first] = [await client(url, forwarded("203.0.113.1")), await client(url, forwarded("203.0.113.1"))];
    const { status, headers } = await refusal(url, forwarded("203.0.113.1"));
    expect([status, headers["retry-after"]]).toEqual([429, "60"]);
    await client(url, forwarded("203.0.113.2"));
    await first?.close();
    await client(url, forwarded("203.0.113.1"));
  });
});

describe("a private relay", () => {
  const tokens = ["0123456789abcdef", "fedcba9876543210"];
  const bearing = (token: string): Options => ({ headers: { Authorization: `Bearer ${token}` } });

  it("takes each of its tokens, and answers 401 to everything else", async () => {
    const { url } = await relay({ tokens });
    for (const token of tokens) await client(url, bearing(token));
    const { status, headers } = await refusal(url);
    expect([status, headers["www-authenticate"]]).toEqual([401, "Bearer"]);
    for (const wrong of ["", "x", tokens[0]?.slice(1) ?? "", `${tokens[0]}x`, tokens.join()]) {
      expect((await refusal(url, bearing(wrong))).status).toBe(401);
    }
    expect((await refusal(`${url}/?token=${tokens[0]}`)).status).toBe(401);
    expect((await fetch(`${url.replace("ws", "http")}/health`)).status).toBe(200);
  });

  it("has its tokens from the environment or a file, not from flags, and shows none that is wrong", async () => {
    const folder = await mkdtemp(join(tmpdir(), "relay-test-"));
    undo.push(() => rm(folder, { recursive: true }));
    const file = join(folder, "tokens");
    await writeFile(file, `# of the office\n${tokens[0]}\n\n ${tokens[1]} \n`);
    const read = (argv: string[], env: Record<string, string> = {}) => readConfig(argv, env);
    expect(read([], { RELAY_TOKENS: tokens.join(",") })).toEqual({ kind: "run", settings: { tokens } });
    expect(read(["--tokens-file", file])).toEqual({ kind: "run", settings: { tokens } });
    expect(read(["--tokens", tokens[0] ?? ""]).kind).toBe("wrong");
    const wrong = read([], { RELAY_TOKENS: "hunter2" });
    expect(wrong).toMatchObject({ kind: "wrong", problems: [expect.stringContaining("RELAY_TOKENS must be tokens")] });
    expect(JSON.stringify(wrong)).not.toContain("hunter2");
    await writeFile(file, "short\n");
    expect(read([], { RELAY_TOKENS_FILE: file }).kind).toBe("wrong");
    expect(read([], { RELAY_TOKENS_FILE: join(folder, "none") }).kind).toBe("wrong");
  });
});

describe("a web page", () => {
  it("is 403 unless its origin is allowed, to the letter", async () => {
    const { url } = await relay({ allowedOrigins: ["https://app.example"] });
    await client(url, { origin: "https://app.example" });
    for (const origin of ["https://evil.example", "https://app.example.evil", "http://app.example", "null"]) {
      expect((await refusal(url, { origin })).status).toBe(403);
    }
  });

  it("is 403 where nothing was allowed", async () => {
    const { url } = await relay();
    expect((await refusal(url, { origin: url.replace("ws", "http") })).status).toBe(403);
  });
});

it("a name that is not the relay's own is 403, where it has been told its own", async () => {
  const { url } = await relay({ publicHosts: ["relay.example"] });
  const named = (host: string): Options => ({ headers: { Host: host } });
  for (const host of ["relay.example", "RELAY.example:443"]) await client(url, named(host));
  for (const host of ["127.0.0.1", "relay.example.evil", ""]) {
    expect((await refusal(url, named(host))).status).toBe(403);
  }
});

describe("a relay that drains", () => {
  const healthOf = async (url: string) => {
    const response = await fetch(`${url.replace("ws", "http")}/health`);
    return { status: response.status, ...((await response.json()) as object) };
  };

  it("lets nobody in, lets the transfer that runs finish, and then stops", async () => {
    const { url, drain } = await relay({ drainMs: 3_600_000 });
    const { self: a, room } = await sender(url);
    const b = await receiver(url, room);
    await a.json(); // PEER_JOINED
    b.send("begun");
    expect(await a.text()).toBe("begun");
    const idle = await sender(url);
    const stopped = drain();
    expect((await idle.self.ended).code).toBe(4010);
    expect(await healthOf(url)).toEqual({ status: 503, ok: false, rooms: 1, pairs: 0, tunnels: 0, draining: true });
    expect(await refusal(url)).toMatchObject({ status: 503, headers: { "retry-after": "10" } });
    a.send("the rest");
    expect(await b.text()).toBe("the rest");
    await b.close();
    await stopped;
    expect((await a.ended).code).toBe(4010);
  });

  it("waits for a receiver that still takes the last of a room that has ended", async () => {
    const { url, drain } = await relay({ drainMs: 3_600_000, stopMs: 1, highWaterBytes: 1024 ** 3 });
    const { self: a, room } = await sender(url);
    const b = await receiver(url, room);
    await a.json(); // PEER_JOINED
    b.send("begun");
    await a.text();
    b.ws.pause();
    const [frames, bytes] = [20, 1024 * 1024];
    for (let i = 0; i < frames; i++) a.send(Buffer.alloc(bytes));
    await a.close(1000); // all of it is in the relay
    const stopped = drain();
    await until("it is said", async () => (await healthOf(url)).status === 503);
    b.ws.resume();
    for (let i = 0; i < frames; i++) expect((await b.next()).data.length).toBe(bytes);
    expect((await b.ended).code).toBe(1000);
    await stopped;
  });

  it("ends with 4010 what is not finished in time", async () => {
    const { url, drain } = await relay({ drainMs: 50 });
    const a = await client(`${url}/?pair=long`);
    const b = await client(`${url}/?pair=long`);
    await drain();
    expect([(await a.ended).code, (await b.ended).code]).toEqual([4010, 4010]);
  });

  it("is cut short by stop", async () => {
    const { url, drain, stop } = await relay({ drainMs: 3_600_000 });
    const a = await client(`${url}/?pair=long`);
    await client(`${url}/?pair=long`);
    const drained = drain();
    await stop();
    await drained;
    expect((await a.ended).code).toBe(4010);
    await until("nothing listens", () =>
      fetch(`${url.replace("ws", "http")}/health`).then(
        () => false,
        () => true,
      ),
    );
  });
});

it.each([
  ["RELAY_TRUST_PROXY", "2", { trustProxy: { hops: 2 } }],
  ["RELAY_TRUST_PROXY", "127.0.0.1, 10.0.0.0/8", { trustProxy: { networks: ["127.0.0.1", "10.0.0.0/8"] } }],
  ["RELAY_DOORS", "pair", { doors: ["pair"] }],
  [
    "RELAY_ALLOWED_ORIGINS",
    "https://a.example,http://b.example:8080",
    { allowedOrigins: ["https://a.example", "http://b.example:8080"] },
  ],
  ["RELAY_PUBLIC_HOSTS", "Relay.example", { publicHosts: ["relay.example"] }],
  ["RELAY_DRAIN_SECONDS", "0", { drainMs: 0 }],
  ["RELAY_MAX_CONNECTIONS_PER_ADDRESS", "7", { maxConnectionsPerAddress: 7 }],
])("%s takes %s", (name, value, settings) => {
  expect(readConfig([], { [name]: value })).toEqual({ kind: "run", settings });
});

it.each([
  ["RELAY_TRUST_PROXY", "yes"],
  ["RELAY_TRUST_PROXY", "10.0.0.0/99"],
  ["RELAY_DOORS", "room,window"],
  ["RELAY_ALLOWED_ORIGINS", "*"],
  ["RELAY_PUBLIC_HOSTS", "https://relay.example"],
])("%s refuses %s", (name, value) => {
  expect(readConfig([], { [name]: value })).toMatchObject({ kind: "wrong", problems: [expect.stringContaining(name)] });
});
