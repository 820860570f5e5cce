/**
 * Many at once, as real processes: shares of one hub through one relay, and receivers of one share. A few of them are in
 * crowd.process.test.ts, as many as there may be in crowd.long.test.ts.
 */
import { connect } from "node:net";
import { expect, it } from "vitest";
import { host, relayProcess } from "../mcp/wires.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { eventually } from "../support/wait.ts";
import { attempt, documentIn, inboxOf } from "./people.ts";
import type { Carrier } from "./steps.ts";

/** A relay for a crowd that comes from one address. */
const RELAY = {
  settings: { rateLimitMax: 1000, maxConnectionsPerAddress: 1000, maxWaitingPerAddress: 64, maxRooms: 2000 },
};

/** Of each user. */
const SESSIONS = 2;

/** More than one server of one user, as sessions beside each other are. */
async function sessions(count: number): Promise<TestServer[]> {
  const first = await startServer();
  const others = Array.from({ length: count - 1 }, () => startServer({ sandbox: first.sandbox }));
  return [first, ...(await Promise.all(others))];
}

const turn = (servers: readonly TestServer[], i: number) => servers[i % servers.length] as TestServer;

export function testShares(count: number): void {
  it(`brings ${count} shares of one hub to ${count} receivers at once, through one relay, each whole to its own`, async () => {
    const relay = await relayProcess(RELAY);
    const [senders, receivers] = await Promise.all([sessions(SESSIONS), sessions(SESSIONS)]);
    const shares = await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const sender = turn(senders, i);
        const path = await documentIn(sender, 300_000);
        return sender.share({ path, mode: "relay", relay_url: relay.url });
      }),
    );
    const ends = await Promise.all(
      shares.map((share, i) => attempt(turn(receivers, i), share, "relay", relay.port).ended),
    );
    expect(ends).toEqual(shares.map(() => "received"));
    const [{ home = "" } = {}] = receivers;
    expect(await inboxOf(home)).toEqual(shares.map(({ sha256 }) => sha256).sort());
    const [first] = senders;
    await eventually(async () => (await first?.shares())?.map(({ state }) => state)).toEqual(
      shares.map(() => "delivered"),
    );
    expect([await first?.kept("spool"), await receivers[0]?.kept("staging")]).toEqual([[], []]);
  });
}

/** A way to a port of this machine that comes from an address of its own: a sender gives one address 16 links at most. */
async function wayFrom(address: string, port: number): Promise<number> {
  const way = await host((near) => {
    const far = connect({ port, host: "127.0.0.1", localAddress: address });
    far.on("error", () => near.destroy());
    near.on("close", () => far.destroy());
    near.pipe(far).pipe(near);
  });
  return way.port;
}

/** How those fare who come too late. Who comes as the listener closes sees a link that is lost. */
const TOO_LATE = {
  lan: ["busy", "share-ended", "link-lost"],
  relay: ["busy", "share-ended", "room-not-found"],
} as const;

export function testReceivers(count: number, carrier: Carrier): void {
  it(`gives a share for 3 to 3 of ${count} receivers who come at once by ${carrier}, and tells the others so`, async ({
    skip,
  }) => {
    skip(process.platform !== "linux", "needs Linux, where all of 127.0.0.0/8 is this machine");
    const relay = await relayProcess(RELAY);
    const [sender, receivers] = await Promise.all([startServer(), sessions(SESSIONS)]);
    const path = await documentIn(sender, 1_500_000);
    const share = await sender.share({ path, mode: carrier, receivers: 3, relay_url: relay.url });
    const port = share.lan?.port ?? relay.port;
    const ways = await Promise.all(Array.from({ length: count }, (_, i) => wayFrom(`127.0.1.${i + 1}`, port)));
    const calls = ways.map((way, i) => attempt(turn(receivers, i), share, carrier, way).ended);
    const ends = await Promise.all(calls);
    expect(ends.filter((end) => end === "received")).toHaveLength(3);
    const others = new Set<string>(["received", ...TOO_LATE[carrier]]);
    expect(ends.filter((end) => !others.has(end))).toEqual([]);
    const [first] = receivers;
    expect(await inboxOf(first?.home ?? "")).toEqual([share.sha256, share.sha256, share.sha256]);
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: 3, unconfirmed: 0, failed_attempts: 0 });
    expect([await first?.kept("staging"), await sender.kept("spool")]).toEqual([[], []]);
  });
}
