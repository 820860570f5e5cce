import { describe, expect, it } from "vitest";
import {
  addressGroup,
  formatHost,
  formatRelayUrl,
  isLoopback,
  parseHost,
  parseRelayUrl,
  staysNear,
  wireCautions,
} from "../src/address.ts";

describe("a relay's address", () => {
  it.each([
    ["wss://relay.example", "wss://relay.example"],
    [" ws://192.168.1.5:9784/ ", "ws://192.168.1.5:9784"],
    ["wss://example.org/relay", "wss://example.org/relay"],
    ["ws://[::1]:9784", "ws://[::1]:9784"],
  ])("%j is taken, and shown as %s", (typed, shown) => {
    expect(formatRelayUrl(parseRelayUrl(typed))).toBe(shown);
  });

  it.each([
    ["http://relay.example", "http"],
    ["https://relay.example", "http"],
    ["relay.example:9784", "ws:// or wss://"],
    ["ftp://relay.example", "ws:// or wss://"],
    ["relay", "not a URL"],
    ["", "not a URL"],
    ["ws://", "host"],
    ["wss://user:hunter2@relay.example", "credentials"],
    ["wss://relay.example/?token=hunter2", "query"],
    ["wss://relay.example/#hunter2", "fragment"],
  ])("%j is refused, and not quoted", (typed, why) => {
    let error: { code?: string; message?: string } = {};
    try {
      parseRelayUrl(typed);
    } catch (it) {
      error = it as typeof error;
    }
    expect(error).toMatchObject({ code: "bad-relay-url", message: expect.stringContaining(why) });
    expect(error.message).not.toContain("hunter2");
  });

  it("is of this machine if it is a loopback one", () => {
    expect(
      ["ws://localhost:1", "ws://127.0.0.1:1", "ws://127.9.9.9", "ws://[::1]:1"].map((it) => isLoopback(new URL(it))),
    ).toEqual([true, true, true, true]);
    expect(["ws://127.example.org", "ws://10.0.0.1"].map((it) => isLoopback(new URL(it)))).toEqual([false, false]);
  });
});

describe("the way to a relay", () => {
  const near = [
    "localhost",
    "127.0.0.1",
    "[::1]",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.5",
    "169.254.9.9",
    "100.64.0.1",
    "100.127.255.255",
    "[fe80::1]",
    "[fd00::1]",
    "[::ffff:10.0.0.1]",
    "relay",
    "laptop.local",
    "laptop.local.",
    "nas.home.arpa",
    "relay.corp.internal",
    "RELAY.LOCAL",
  ];
  const far = [
    "relay.example",
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "192.169.0.1",
    "[2001:db8::1]",
    "[::ffff:8.8.8.8]",
    "relay.local.example",
    "notlocal.example.",
    "10.0.0.1.example",
  ];

  it.each(near)("stays on this machine or its networks: %s", (host) => {
    expect(staysNear(new URL(`ws://${host}:9784/x`))).toBe(true);
    expect(wireCautions(new URL(`ws://${host}`))).toEqual([]);
  });

  it.each(far)("goes over the internet, and is to be warned of without TLS: %s", (host) => {
    expect(staysNear(new URL(`wss://${host}`))).toBe(false);
    expect(wireCautions(new URL(`ws://${host}`))).toEqual([expect.stringContaining("wss://")]);
    expect(wireCautions(new URL(`wss://${host}`))).toEqual([]);
  });

  it("is none, and nothing to be warned of, without a relay", () => {
    expect(wireCautions(undefined)).toEqual([]);
  });
});

describe("a host", () => {
  it.each([
    ["192.168.1.5:40123", "192.168.1.5", 40123],
    [" laptop.local:1 ", "laptop.local", 1],
    ["[2001:db8::1]:65535", "2001:db8::1", 65535],
    ["[fe80::1%eth0]:80", "fe80::1%eth0", 80],
  ])("%j is taken, and shown as it was", (typed, host, port) => {
    expect(parseHost(typed)).toEqual({ host, port });
    expect(formatHost(host, port)).toBe(typed.trim());
  });

  it.each([
    "",
    "abc",
    "192.168.1.5",
    "192.168.1.5:",
    "192.168.1.5:0",
    "192.168.1.5:65536",
    "2001:db8::1:80",
    "[zz]:80",
    "http://a:80",
    "a b:80",
  ])("%j is refused: bad-host", (typed) => {
    expect(() => parseHost(typed)).toThrow(expect.objectContaining({ code: "bad-host" }));
  });
});

it.each([
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:DB8:0:0:1:2:3:4", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["2001:db8:1:2::", "2001:db8:1:2::/64"],
  ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
])("groups %s as %s", (address, group) => {
  expect(addressGroup(address)).toBe(group);
});
