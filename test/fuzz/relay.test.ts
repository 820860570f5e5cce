/**
 * What comes to a relay before anything is paired: requests, targets and headers of HTTP, X-Forwarded-For, its own
 * settings.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect } from "vitest";
import { readConfig } from "../../relay/src/config/config.ts";
import { DEFAULTS } from "../../relay/src/config/settings.ts";
import { DOORS, REFUSALS } from "../../relay/src/doors.ts";
import { type Admission, admit, holdsToken } from "../../relay/src/http/admission.ts";
import { callerKey, forwardedFor } from "../../relay/src/http/caller.ts";
import { addressKey } from "../../relay/src/limits/networks.ts";
import { Claims } from "../../relay/src/rooms/reclaim.ts";
import { parseNext, parseRequest } from "../../relay/src/wire.ts";
import { REQUESTS } from "./corpus.ts";
import { anyText, jsonFrames, knownFrames, mutantTexts } from "./mutate.ts";
import { fuzz } from "./runner.ts";

describe("a reclaim token", () => {
  const claims = new Claims("the secret of this test, thirty-two characters");
  const claim = { room: "a7f3b2", createdMs: 1_795_000_000_000, ttlMs: 1_800_000 };
  const token = claims.token(claim);
  const others = [token, new Claims("").token(claim), claims.token({ ...claim, room: "aaaaaa" }), "1.1.x", ""];

  fuzz(
    "opens the room that it was made for, and no other text opens any",
    { inputs: fc.record({ given: mutantTexts(others), room: fc.oneof(fc.constant(claim.room), anyText) }) },
    ({ given, room }) => {
      expect(claims.claimIn(given, room)).toEqual(given === token && room === claim.room ? claim : undefined);
    },
  );
});

describe("a peer's first frame", () => {
  const frames = fc.record({ frame: jsonFrames(REQUESTS), binary: fc.boolean() });
  const known = knownFrames(REQUESTS).map((frame) => ({ frame, binary: false }));

  fuzz(
    "is a request as it is said, or none; parseRequest never throws",
    { inputs: frames, known },
    ({ frame, binary }) => {
      const request = parseRequest(frame, binary);
      if (request === undefined) return;
      expect(binary).toBe(false);
      expect(JSON.parse(frame.toString())).toMatchObject(request);
      expect(parseRequest(Buffer.from(JSON.stringify(request)), false)).toEqual(request);
    },
  );

  fuzz("is a NEXT only if it is short, and spells that type out", { inputs: frames, known }, ({ frame, binary }) => {
    if (parseNext(frame, binary, false) === undefined) return;
    expect([binary, frame.length <= 64]).toEqual([false, true]);
    expect(JSON.parse(frame.toString())).toMatchObject({ type: "NEXT" });
  });
});

const TOKEN = "0123456789abcdef";
const TUNNEL_TOKEN = "fedcba9876543210";

describe("a request for a connection", () => {
  const TARGETS = [
    "/",
    "/?pair=one",
    `/?pair=${"x".repeat(256)}`,
    "/?pair=%F0%9F%9A%80&pair=two",
    "/agent?room=home",
    "/client?room=home",
    "/client/path/../x?a=1&room=home&b=2",
    "/client/?r%6fom=home",
    "/client//host/x?room=home#part",
    "*",
    "//host/",
    "http://relay/",
    "/client?room=home&room=other",
    "/%2e%2e/agent?room=home",
    "/\\agent?room=home",
  ];
  /** As a request line can have it: Node's parser lets no blank and no control character through. */
  const target = mutantTexts(TARGETS).map((it) =>
    Array.from(it.replace(/[\0-\x20\x7f]/g, ""), (char) => (char <= "\xff" ? char : "?")).join(""),
  );
  const mostly = <T>(usual: T, ...others: T[]) => fc.constantFrom(...Array<T>(9).fill(usual), ...others);
  const header = (...corpus: string[]) => fc.option(mutantTexts(corpus), { nil: undefined, freq: 1 });
  const authorization = fc.oneof(
    fc.constantFrom(`Bearer ${TOKEN}`, `bearer   ${TOKEN}`, `Bearer ${TUNNEL_TOKEN}`),
    header(`Bearer ${TOKEN}`, `Bearer ${TUNNEL_TOKEN}`, `Basic ${TOKEN}`, `Bearer ${TOKEN},${TOKEN}`),
  );
  const inputs = fc.record({
    url: target,
    method: mostly("GET", "POST", "CONNECT"),
    headers: fc.record({
      authorization,
      origin: header("https://page.example", "null"),
      host: header("relay.example", "relay.example:443", "[::1]:1"),
      upgrade: mostly<string | undefined>("websocket", "WebSocket", "websocket, h2c", "h2c", undefined),
    }),
    doors: mostly<(typeof DOORS)[number][]>([...DOORS], ["room"], ["pair"], ["tunnel"]),
    tokens: fc.subarray([TOKEN]),
    tunnelTokens: fc.subarray([TUNNEL_TOKEN]),
    allowedOrigins: fc.subarray(["https://page.example"]),
    publicHosts: fc.subarray(["relay.example"]),
    draining: mostly(false, true),
    roomForCaller: mostly(true, false),
    sides: mostly<number | undefined>(1, undefined, 0, 2),
    roomForTunnel: mostly(true, false),
    takes: mostly<boolean | undefined>(true, false, undefined),
  });
  /** Whatever is asked for, nothing but the target can be wrong with it. */
  const known = TARGETS.map((url) => ({
    url,
    method: "GET",
    headers: { authorization: undefined, origin: undefined, host: undefined, upgrade: "websocket" },
    doors: [...DOORS],
    tokens: [],
    tunnelTokens: [],
    allowedOrigins: [],
    publicHosts: [],
    draining: false,
    roomForCaller: true,
    sides: 1,
    roomForTunnel: true,
    takes: true,
  }));

  type Asked = typeof inputs extends fc.Arbitrary<infer T> ? T : never;

  /** A token for this door where there are some, and an origin and a host that may be. */
  function expectAllowed({ headers: { authorization: given, origin, host }, ...it }: Asked, tunnel: boolean): void {
    const needed = tunnel && it.tunnelTokens.length > 0 ? it.tunnelTokens : it.tokens;
    if (needed.length > 0) {
      expect(needed.map((token) => `bearer ${token}`)).toContain(given?.replace(/^bearer +/i, "bearer "));
    }
    if (origin !== undefined) expect(it.allowedOrigins).toContain(origin);
    if (it.publicHosts.length > 0) expect(host).toMatch(/^relay\.example(?::\d+)?$/i);
  }

  /** A code or an id that may be, and room for one more behind this door. */
  function expectRoomAt(admission: Admission, it: Asked): void {
    if (admission.door === "pair") {
      expect([...admission.code].length).toBeGreaterThan(0);
      expect([...admission.code].length).toBeLessThanOrEqual(256);
      expect([0, 1]).toContain(it.sides);
    }
    if (admission.door === "agent" || admission.door === "client") expect(admission.id).toMatch(/^[\w-]{1,128}$/);
    if (admission.door === "agent") expect([it.takes, it.roomForTunnel]).toEqual([undefined, true]);
    if (admission.door === "client") {
      expect([it.takes, it.method, it.headers.upgrade?.toLowerCase()]).toEqual([true, "GET", "websocket"]);
      // What the local server gets stays one request line, and does not tell it the tunnel's name.
      expect(admission.target).toMatch(/^\/[\x21-\x7e]*$/);
      expect(new URL(`http://local${admission.target}`).searchParams.has("room")).toBe(false);
    }
  }

  fuzz(
    "is let in by an open door alone, with a token where there are some, and else refused by name",
    { inputs, known },
    (it) => {
      const request = { url: it.url, method: it.method, headers: it.headers } as unknown as IncomingMessage;
      const admission = admit(request, it, {
        ...it,
        pairSides: () => it.sides,
        tunnelHasRoom: () => it.takes,
      });
      if (admission.door === "none") return expect(REFUSALS).toHaveProperty(admission.why);

      const tunnel = admission.door === "agent" || admission.door === "client";
      expect(it.doors).toContain(tunnel ? "tunnel" : admission.door);
      expectAllowed(it, tunnel);
      expect([it.draining, it.roomForCaller]).toEqual([false, true]);
      expectRoomAt(admission, it);
    },
  );

  fuzz("holds a token only if it holds all of it", { inputs: authorization }, (given) => {
    const spelled = given?.toLowerCase().startsWith("bearer ") ? given.slice(7).replace(/^ +/, "") : undefined;
    expect(holdsToken(given, [TOKEN])).toBe(spelled === TOKEN);
  });
});

describe("who asks, behind proxies", () => {
  const list = mutantTexts(["203.0.113.7", "2001:db8::1, 10.0.0.1", "::ffff:192.0.2.1,unknown", "[::1]:80, 1.2.3.4:5"]);
  const inputs = fc.record({
    remote: fc.constantFrom("10.0.0.9", "::1", "::ffff:10.0.0.9", "fe80::1%eth0", undefined),
    forwarded: fc.option(list, { nil: undefined }),
    trusted: fc.constantFrom({ hops: 0 }, { hops: 1 }, { hops: 3 }, { networks: ["10.0.0.0/8", "::1/128"] }),
  });
  /** An IPv4 address, or an IPv6 /64; empty where the socket has gone and took its address with it. */
  const KEY = /^(?:\d+\.\d+\.\d+\.\d+|(?:[0-9a-f]{1,4}:){4}:\/64|)$/;

  fuzz(
    "is an address or a network, whatever stands in X-Forwarded-For; and only addresses are passed on",
    {
      inputs,
    },
    ({ remote, forwarded, trusted }) => {
      const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
      const socket = { remoteAddress: remote };
      const request = { headers, socket, connection: socket } as unknown as IncomingMessage;
      const key = callerKey(trusted, () => {})(request);
      expect(key).toMatch(KEY);
      if ("hops" in trusted && trusted.hops === 0) expect(key).toBe(addressKey(remote ?? ""));
      const passed = forwardedFor(trusted)(request);
      for (const address of passed.split(", ").filter((it) => it !== "")) expect(isIP(address)).toBeGreaterThan(0);
    },
  );

  fuzz("is the same network however its address is spelled", { inputs: fc.ipV6() }, (address) => {
    const url = new URL(`http://[${address}]/`).hostname.slice(1, -1);
    expect(addressKey(address)).toBe(addressKey(url));
    expect(addressKey(address)).toMatch(KEY);
    expect(addressKey(address.toUpperCase())).toBe(addressKey(url));
  });
});

describe("a relay's settings", () => {
  const folder = mkdtempSync(join(tmpdir(), "claude-spread-fuzz-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "tokens");

  const VALUES = [
    "0",
    "1",
    "9784",
    "65536",
    "1e3",
    "0x10",
    "٣",
    "on",
    "info",
    "room,pair",
    "tunnel",
    "127.0.0.1,10.0.0.0/8",
  ];
  const value = fc.oneof(
    mutantTexts([...VALUES, `${TOKEN},${TUNNEL_TOKEN}`, "https://page.example", "relay.example"]),
    fc.constant(file),
  );
  const FLAGS = ["host", "port", "doors", "trust-proxy", "tokens-file", "allowed-origins", "max-rooms", "room-ttl"];
  const MORE = ["max-msg-size", "metrics-port", "log", "log-detail", "max-missed-pings", "tls-cert", "tls-key"];
  const flag = fc.constantFrom(...FLAGS, ...MORE, "help", "tokens", "__proto__", "");
  const arg = fc.oneof(
    flag.map((name) => `--${name}`),
    fc.tuple(flag, value).map(([name, given]) => `--${name}=${given}`),
    value,
    fc.constantFrom("healthcheck", "--", "-", "-h", "--no-host"),
  );
  const SECRETS = ["RELAY_TOKENS", "RELAY_TUNNEL_TOKENS", "RELAY_METRICS_TOKENS", "RELAY_TOKENS_FILE"];
  const SHOWN = [...FLAGS, ...MORE].map((name) => `RELAY_${name.toUpperCase().replaceAll("-", "_")}`);
  const secret = fc.oneof(
    value.map((it) => `hush~${it}`),
    fc.constant(file),
  );
  const some = (names: readonly string[], values: fc.Arbitrary<string>) =>
    fc.dictionary(fc.constantFrom(...names), values, { maxKeys: 3, noNullPrototype: true });
  const inputs = fc.record({
    argv: fc.array(arg, { maxLength: 4 }),
    env: some(SHOWN, value),
    secrets: some(SECRETS, secret),
    tokens: mutantTexts([`${TOKEN}\n# remark\n${TUNNEL_TOKEN}\n`, `\ufeff${TOKEN}\r\n`]),
  });

  fuzz(
    "are each by their rule, or all that is wrong is named and no secret shown",
    { inputs },
    ({ argv, env, secrets, tokens }) => {
      writeFileSync(file, tokens);
      const config = readConfig(argv, { ...env, ...secrets });
      if (config.kind === "help") return expect(argv.join(" ")).toContain("--help");
      if (config.kind === "wrong") {
        expect(config.problems.length).toBeGreaterThan(0);
        expect(config.problems.join("\n")).not.toContain("hush");
        return;
      }
      for (const [name, set] of Object.entries(config.settings)) {
        expect(DEFAULTS).toHaveProperty(name);
        if (typeof set === "number") expect(Number.isSafeInteger(set) && set >= 0, name).toBe(true);
      }
      const { doors = ["room"], tokens: read = [], tunnelTokens = [], metricsTokens = [], port = 1 } = config.settings;
      expect(doors.length).toBeGreaterThan(0);
      for (const door of doors) expect(DOORS).toContain(door);
      for (const token of [...read, ...tunnelTokens, ...metricsTokens]) expect(token).toMatch(/^[!-+\--~]{16,}$/);
      expect(port).toBeLessThanOrEqual(65_535);
    },
  );

  fuzz(
    "are whole numbers in their bounds, or wrong",
    { inputs: fc.oneof(fc.bigInt().map(String), anyText, value) },
    (given) => {
      const config = readConfig([], { RELAY_MAX_ROOMS: given });
      const right = /^[0-9]{1,15}$/.test(given) && Number(given) >= 1 && Number(given) <= 1_000_000;
      const expected = right ? { maxRooms: Number(given) } : {};
      expect(config).toEqual(
        right || given === "" ? { kind: "run", settings: expected } : { kind: "wrong", problems: [expect.any(String)] },
      );
    },
  );
});
