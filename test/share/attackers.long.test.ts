/**
 * Strangers at a share on a relay, who know its room and not its code: how long ten attempts take, how few one network has,
 * and that a receiver of another network has the document all the same. Pauses pass by a clock of the test's own.
 */
import { setMaxListeners } from "node:events";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { startRelay } from "../../relay/src/relay.ts";
import { SpreadError, toSpreadError } from "../../src/errors.ts";
import { proveToSender } from "../../src/protocol/handshake.ts";
import { SUITE } from "../../src/protocol/messages.ts";
import { ShareGate } from "../../src/share/gate.ts";
import { receive } from "../../src/share/receiver.ts";
import type { Share } from "../../src/share/sender.ts";
import type { Link } from "../../src/transport/link.ts";
import { joinRoom } from "../../src/transport/relay.ts";
import { type Front, frontOf } from "../support/front.ts";
import { later } from "../support/later.ts";
import { forever, home, receiveRequest, share } from "../support/shares.ts";
import { passTime, stopClock } from "../support/stopped-clock.ts";

const WRONG = "abandon-abandon-abandon";
const HELLO = JSON.stringify({
  type: "HELLO",
  version: 2,
  suite: SUITE,
  sid: "00".repeat(16),
  share: "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
});

/** A share on a relay, and a way there from any address. */
async function world() {
  const relay = await startRelay({ host: "127.0.0.1", port: 0, trustProxy: { hops: 1 } });
  later(() => relay.stop());
  const sender = await frontOf(relay.port, "192.0.2.1");
  const it = await share({ mode: "relay", relay: { url: sender.url } });
  return { it, from: (address: string) => frontOf(relay.port, address) };
}

const life = () => {
  const over = new AbortController();
  setMaxListeners(0, over.signal);
  later(() => over.abort(new SpreadError("cancelled", "the test is over")));
  return over.signal;
};

/** One visit with a wrong code. @returns how it ended. */
async function guess({ room }: Share, { url }: Front, until: AbortSignal): Promise<string> {
  try {
    await using link = await joinRoom({ url }, room, until);
    const stream = await proveToSender(link, WRONG, room);
    await stream.hear();
    return "ok";
  } catch (error) {
    return toSpreadError(error).code;
  }
}

// The promises of Node have a clock of their own, which cannot be stopped.
vi.mock("node:timers/promises", async (original) => ({
  ...(await original<typeof import("node:timers/promises")>()),
  setTimeout: (ms: number, value: unknown, { signal }: { signal?: AbortSignal } = {}) =>
    new Promise((passed, aborted) => {
      if (signal?.aborted) aborted(signal.reason);
      const timer = setTimeout(() => passed(value), ms);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        aborted(signal.reason);
      });
    }),
}));

beforeEach(stopClock);

describe("wrong codes by relay", () => {
  it("are three of one network; then the share is still there for others", async () => {
    const { it, from } = await world();
    const [attacker, other] = [await from("203.0.113.1"), await from("198.51.100.1")];
    const results: string[] = [];
    const attack = (async () => {
      for (let i = 0; i < 5; i++) results.push(await guess(it, attacker, life()));
    })();
    const ms = await passTime(() => results.length === 5);
    await attack;
    expect(results).toEqual(["wrong-code", "wrong-code", "wrong-code", "too-many-attempts", "too-many-attempts"]);
    expect(ms).toBeGreaterThanOrEqual(3_000);
    expect([it.state, it.gate.counts.failedAttempts]).toEqual(["waiting", 3]);
    let received = false;
    const request = await receiveRequest(it, { lan: undefined, relay: { access: { url: other.url }, room: it.room } });
    const honest = receive(request, () => {}, forever()).then(() => {
      received = true;
    });
    await passTime(() => other.heardBytes > 600 || received);
    await honest;
    expect(received).toBe(true);
  });

  it.each([
    ["four IPv4 addresses", ["203.0.113.1", "203.0.114.1", "203.0.115.1", "203.0.116.1"]],
    ["four IPv6 /48s", ["2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1", "2001:db8:4::1"]],
  ])("are ten in all, which take 90 s at least, however many come at once: %s", async (_who, addresses) => {
    const { it, from } = await world();
    const fronts = await Promise.all(addresses.map(from));
    const until = life();
    let failedMs = 0;
    const counts: number[] = [];
    const attack = fronts.flatMap((front) =>
      Array.from({ length: 3 }, async () => {
        while (it.endedAt === undefined) {
          const result = await guess(it, front, until);
          if (result === "too-many-attempts") return;
        }
      }),
    );
    await passTime(() => it.gate.counts.failedAttempts === 1);
    failedMs = await passTime(() => {
      counts.push(it.gate.counts.failedAttempts);
      return it.endedAt !== undefined;
    });
    await Promise.all(attack);
    expect([it.state, it.gate.counts.failedAttempts]).toEqual(["burned", 10]);
    expect(failedMs).toBeGreaterThanOrEqual(90_000);
    // After 1, 3, 7 and 15 s, and no sooner.
    for (const [failures, second] of [
      [2, 1],
      [3, 3],
      [4, 7],
      [5, 15],
    ] as const) {
      expect(counts.findIndex((count) => count >= failures) * 250).toBeGreaterThanOrEqual(second * 1000 - 250);
    }
  });
});

/** Its turn has come. A refusal can come in its place. */
async function pake(link: Link): Promise<void> {
  const said = Buffer.from((await link.receive()) ?? "").toString();
  expect(said).toMatch(/"PAKE"|"too_many_attempts"/);
}

/** A second before the sender, or the relay, has had enough. */
const late = () => new Promise((passed) => setTimeout(passed, 14_000));

/** What an attacker says at its turn. */
const ATTACKS: Record<string, (link: Link) => Promise<unknown>> = {
  "says HELLO and no more": async (link) => {
    await link.send(HELLO);
    await pake(link);
    while (await link.receive());
  },
  "says nothing": async (link) => {
    while (await link.receive());
  },
  "says HELLO and a wrong CONFIRM, and stays": async (link) => {
    await link.send(HELLO);
    await pake(link);
    await link.send(JSON.stringify({ type: "CONFIRM", mac: "00".repeat(64) }));
    while (await link.receive());
  },
  "says HELLO and a wrong CONFIRM, and leaves at once": async (link) => {
    await link.send(HELLO);
    await pake(link);
    await link.send(JSON.stringify({ type: "CONFIRM", mac: "00".repeat(64) }));
  },
  "says HELLO and a wrong CONFIRM as late as it may, and stays": async (link) => {
    await late();
    await link.send(HELLO);
    await pake(link);
    await late();
    await link.send(JSON.stringify({ type: "CONFIRM", mac: "00".repeat(64) }));
    while (await link.receive());
  },
  "comes and goes": async () => {},
};

const NETWORKS: Record<string, string[]> = {
  "one address": ["203.0.113.1"],
  "one /24": Array.from({ length: 16 }, (_, i) => `203.0.113.${i}`),
  "one /48": Array.from({ length: 16 }, (_, i) => `2001:db8:1:${(i * 0x1001).toString(16)}::1`),
};

describe.each(Object.keys(NETWORKS))("while %s attacks without pause", (network) => {
  it.each(Object.keys(ATTACKS))("and %s, an honest receiver has the document within its 60 s", async (how) => {
    const { it, from } = await world();
    const over = new AbortController();
    setMaxListeners(0, over.signal);
    let attacks = 0;
    const attack = (NETWORKS[network] as string[]).map(from).flatMap((front) =>
      Array.from({ length: network === "one address" ? 16 : 2 }, async () => {
        while (!over.signal.aborted) {
          try {
            await using link = await joinRoom({ url: (await front).url }, it.room, over.signal);
            attacks += 1;
            await ATTACKS[how]?.(link);
          } catch (error) {
            if (toSpreadError(error).code === "too-many-attempts") return;
          }
        }
      }),
    );
    await passTime(() => attacks >= 16);
    const front = await from("198.51.100.1");
    const route = { lan: undefined, relay: { access: { url: front.url }, room: it.room } };
    const request = await receiveRequest(it, route, { home: await home(), timeoutMs: 60_000 });
    const honest = receive(request, () => {}, forever()).then(
      () => "received",
      (error) => toSpreadError(error).code,
    );
    let done: string | undefined;
    void honest.then((result) => {
      done = result;
    });
    // The handshake's answer is longer than all that the relay says before.
    await passTime(() => front.heardBytes > 350 || done !== undefined);
    expect(await honest).toBe("received");
    expect(it.gate.counts.failedAttempts).toBeLessThanOrEqual(3);
    over.abort(new SpreadError("cancelled", "the test is over"));
    let left = attack.length;
    for (const one of attack) void one.finally(() => left--);
    await passTime(() => left === 0);
  });
});

it("a share of version 1 gives three attempts to all that come by relay, whatever tags the relay gives them", () => {
  const gate = new ShareGate(1, { strangersAreOne: true });
  for (const tag of ["relay 01", "relay 02", undefined]) gate.judge(tag, () => false);
  expect(gate.barsStrangers).toBe(true);
  expect(gate.refusal("relay 03")).toBe("too_many_attempts");
  expect(gate.refusal("192.0.2.1")).toBeUndefined();
});
