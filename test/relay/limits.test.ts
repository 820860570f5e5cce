import { expect, test } from "vitest";
import { AddressLimiter, MAX_ADDRESSES, RateLimiter } from "../../relay/src/limits/limits.ts";
import { addressKey } from "../../relay/src/limits/networks.ts";

function limiter(max: number, windowMs: number) {
  const clock = { now: 0 };
  return { clock, limit: new RateLimiter(max, windowMs, () => clock.now) };
}

test("allows 2 counted requests in a window and not a third", () => {
  const { limit } = limiter(2, 1000);
  limit.count("a");
  expect(limit.allows("a")).toBe(true);
  limit.count("a");
  expect(limit.allows("a")).toBe(false);
  expect(limit.allows("b")).toBe(true);
});

test("a window ends windowMs after its first request, not before", () => {
  const { clock, limit } = limiter(1, 1000);
  limit.count("a");
  clock.now = 999;
  expect(limit.allows("a")).toBe(false);
  clock.now = 1000;
  expect(limit.allows("a")).toBe(true);
  limit.count("a");
  clock.now = 1999;
  expect(limit.allows("a")).toBe(false);
});

test("forgets addresses whose window is over", () => {
  const { clock, limit } = limiter(1, 1000);
  limit.count("a");
  clock.now = 500;
  limit.count("b");
  expect(limit.size).toBe(2);
  clock.now = 1000;
  limit.count("c");
  expect(limit.size).toBe(2);
});

test("remembers at most MAX_ADDRESSES and forgets the oldest window first", () => {
  const { limit } = limiter(1, 1000);
  for (let i = 0; i <= MAX_ADDRESSES; i++) limit.count(`a${i}`);
  expect(limit.size).toBe(MAX_ADDRESSES);
  expect(limit.allows("a0")).toBe(true);
  expect(limit.allows("a1")).toBe(false);
});

test("releases a place once, however often it is asked to, and forgets an address that holds none", () => {
  const limit = new AddressLimiter(2);
  const [first, second] = [limit.hold("a"), limit.hold("a")];
  expect(limit.allows("a")).toBe(false);
  first.release();
  first.release();
  const third = limit.hold("a");
  expect(limit.allows("a")).toBe(false);
  second.release();
  third.release();
  expect(limit.size).toBe(0);
});

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["::ffff:c000:207", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0db8:1:2::9", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["64:ff9b::192.0.2.7", "64:ff9b:0:0::/64"],
])("counts %s as %s", (address, key) => {
  expect(addressKey(address)).toBe(key);
});
