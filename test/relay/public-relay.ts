/** A relay with default settings, as an operator starts it, and its callers of many addresses, whose minutes pass as a test likes. */
import { afterEach, beforeEach, expect, vi } from "vitest";
import { type Relay, type RelayOptions, startRelay } from "../../relay/src/relay.ts";
import { until } from "../support/wait.ts";
import { BEHIND_PROXY, callers, type Held } from "./callers.ts";
import { NEVER_MS } from "./clock.ts";
import { type Client, harness } from "./support.ts";

/** An address that nobody else has. */
export const HONEST = "198.51.100.1";

/** Of a relay whose peers have all the time they like to answer a close. */
export const LINGERING = { lingerMs: NEVER_MS, stopMs: 100, maxConnectionsPerAddress: 1000 };

/** To be called once in a file of tests. */
export function publicRelays() {
  const { client, undo } = harness();
  let minutes = 0;
  beforeEach(() => {
    minutes = 0;
    const now = performance.now.bind(performance);
    vi.spyOn(performance, "now").mockImplementation(() => now() + minutes * 61_000);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  /** As the limits of requests count them. */
  const nextMinute = () => {
    minutes += 1;
  };

  /** As an operator starts it, but for the proxy that lets the test be many. */
  async function publicRelay(settings: RelayOptions = {}): Promise<Relay> {
    const relay = await startRelay({ host: "127.0.0.1", port: 0, ...BEHIND_PROXY, ...settings });
    undo.push(() => relay.stop());
    return relay;
  }

  async function lostOf(held: readonly Held[], lost: number): Promise<number> {
    await until("they were told", () => held.filter(({ closed }) => closed !== undefined).length >= lost);
    return held.filter(({ closed }) => closed !== undefined).length;
  }

  const calling = callers({ client });

  /** Ends a room whose receiver was sent data, and answers no close. @returns the receiver. */
  async function endWithReceiver(relay: Relay, { self, room }: Held): Promise<Client> {
    const receiver = (await calling.join(relay, room, "192.0.2.9")).self;
    self.send("data");
    expect(await receiver.text()).toBe("data");
    receiver.ws.pause();
    await self.close(1000);
    return receiver;
  }

  return { client, undo, publicRelay, nextMinute, lostOf, endWithReceiver, ...calling };
}
