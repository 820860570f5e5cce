/** A share from its first visitor to its end: real sockets, a real relay, a real inbox. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { startRelay } from "../../relay/src/relay.ts";
import { snapshotText } from "../../src/content/snapshot.ts";
import { SpreadError, toSpreadError } from "../../src/errors.ts";
import { silent } from "../../src/log.ts";
import { proveToSender } from "../../src/protocol/handshake.ts";
import { requestOffer } from "../../src/protocol/transfer.ts";
import type { Path, Route } from "../../src/share/race.ts";
import { type ReceiveRequest, receive } from "../../src/share/receiver.ts";
import { openShare, type Share } from "../../src/share/sender.ts";
import { Shares } from "../../src/share/shares.ts";
import type { Link } from "../../src/transport/link.ts";
import { joinRoom } from "../../src/transport/relay.ts";
import { dialTcp } from "../../src/transport/tcp.ts";
import { movableClock } from "../support/movable-clock.ts";
import { forever, home, lanOf, receiveRequest, relayAccess, share, shareRequest, TEXT } from "../support/shares.ts";
import { until } from "../support/wait.ts";

beforeEach(movableClock);

const WRONG = { secret: "wrong-wrong-wrong" };

const lanPath = (it: Share): Path => ({ by: "lan", ...lanOf(it) });
const relayPath = (it: Share): Path => ({ by: "relay", relay: it.relay as URL, room: it.room });
const route = (path: Path): Route => ({
  lan: path.by === "lan" ? path : undefined,
  relay: path.by === "relay" ? { access: { url: path.relay }, room: path.room } : undefined,
});

async function take(it: Share, path: Path, options: Partial<ReceiveRequest> = {}) {
  return receive(await receiveRequest(it, route(path), options), () => {}, forever());
}
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "ok",
    (error: unknown) => toSpreadError(error).code,
  );
const dial = (it: Share, by: Path["by"]): Promise<Link> =>
  by === "lan"
    ? dialTcp("127.0.0.1", it.lan?.port ?? 0, forever())
    : joinRoom({ url: it.relay as URL }, it.room, forever());

describe.each(["lan", "relay"] as const)("a share over %s", (by) => {
  const open = async (options: Parameters<typeof share>[0] = {}) =>
    share({ ...(by === "relay" ? { mode: "relay", relay: await relayAccess() } : { mode: "lan" }), ...options });
  const pathOf = by === "lan" ? lanPath : relayPath;

  it("is delivered: the exact bytes are kept, the sender knows, and everything is given back", async () => {
    const it = await open();
    const folder = await home();
    const received = await take(it, pathOf(it), { home: folder });
    expect(await readFile(received.original, "utf8")).toBe(TEXT);
    expect(received).toMatchObject({ title: "The work so far", acknowledged: true, via: { by }, sha256: it.sha256 });
    expect(received.document).toContain(TEXT);
    await until("the share has ended", () => it.endedAt !== undefined);
    expect(it.state).toBe("delivered");
    expect(await readdir(join(folder, "staging"))).toEqual([]);
    expect(await codeOf(take(it, pathOf(it)))).toBe(by === "lan" ? "host-refused" : "room-not-found");
  });

  it("goes to each of three receivers, and no fourth", async () => {
    const it = await open({ receivers: 3 });
    const results = await Promise.all(Array.from({ length: 3 }, () => codeOf(take(it, pathOf(it)))));
    expect(results).toEqual(["ok", "ok", "ok"]);
    await until("the share has ended", () => it.endedAt !== undefined);
    expect([it.state, it.gate.counts.delivered]).toEqual(["delivered", 3]);
  });

  it("tried by 12 at once goes to one of them, and the others get an error", async () => {
    const it = await open();
    const results = await Promise.all(Array.from({ length: 12 }, () => codeOf(take(it, pathOf(it)))));
    expect(results.filter((result) => result === "ok")).toHaveLength(1);
    for (const result of results) {
      expect(["ok", "busy", "share-ended", "room-not-found", "host-refused", "link-lost"]).toContain(result);
    }
    await until("the share has ended", () => it.endedAt !== undefined);
    expect(it.gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 1, delivered: 1 });
  });

  it("outlives visitors who leave at every step, and counts no attempt and no place for them", async () => {
    const it = await open();
    const leave: ((link: Link) => Promise<unknown>)[] = [
      async () => {},
      (link) => link.send("not a hello"),
      (link) => link.send(JSON.stringify({ type: "HELLO", version: 1 })),
      // Proves nothing, because it takes the room to be another one.
      (link) => proveToSender(link, it.secret, "zzzzzz").catch(() => {}),
    ];
    for (const step of leave) {
      const link = await dial(it, by);
      await step(link);
      await link.close();
    }
    // Proves itself, and leaves before or while it is served: the place comes back unless all was sent.
    const link = await dial(it, by);
    await proveToSender(link, it.secret, it.room);
    link.abort(new SpreadError("cancelled", "gone"));
    await until("nobody is served any more", () => it.state === "waiting");
    expect(it.gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 0, delivered: 0 });
    expect(await codeOf(take(it, pathOf(it)))).toBe("ok");
  });

  it("that was sent whole to a receiver who then vanishes waits for it, and ends as unconfirmed", async () => {
    const it = await open({ lifetimeMs: 60_000 });
    const link = await dial(it, by);
    const stream = await proveToSender(link, it.secret, it.room);
    await requestOffer(stream);
    const content = await stream.hear();
    expect(content).toMatchObject({ is: "content", end: true });
    await link.close();
    await until("nobody is served any more", () => it.state === "unconfirmed");
    expect([it.endedAt, it.gate.awaited]).toEqual([undefined, 1]);
    expect(await codeOf(take(it, pathOf(it)))).toBe("share-ended");
    await vi.advanceTimersByTimeAsync(60_000);
    await until("the share has ended", () => it.endedAt !== undefined);
    expect(it.state).toBe("unconfirmed");
    expect(it.gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 1, delivered: 0 });
  });

  it("gives a wrong code wrong-code, counts it, and lives on", async () => {
    const it = await open();
    expect(await codeOf(take(it, pathOf(it), WRONG))).toBe("wrong-code");
    await until("it is counted", () => it.gate.counts.failedAttempts === 1);
    expect(await codeOf(take(it, pathOf(it)))).toBe("ok");
  });

  it("that is stopped says so to visitors, and is gone", async () => {
    const it = await open();
    const visitor = await dial(it, by);
    const proving = codeOf(
      (async () => {
        await it.stop();
        await proveToSender(visitor, it.secret, it.room);
      })(),
    );
    expect(["share-ended", "link-lost"]).toContain(await proving);
    expect(it.state).toBe("stopped");
    expect(["host-refused", "room-not-found"]).toContain(await codeOf(take(it, pathOf(it))));
  });

  it("that is stopped in a transfer tells the receiver, and leaves nothing in its inbox", async () => {
    const it = await open({ text: randomText(24 * 1024 * 1024) });
    const folder = await home();
    let begun = () => {};
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const receiving = codeOf(
      receive(
        await receiveRequest(it, route(pathOf(it)), { home: folder }),
        (step) => {
          if (step.at === "receiving" && step.received > 0) begun();
        },
        forever(),
      ),
    );
    await started;
    await it.stop();
    expect(["share-ended", "link-lost"]).toContain(await receiving);
    expect(it.state).toBe("stopped");
    expect(await readdir(join(folder, "inbox"))).toEqual([]);
    expect(await readdir(join(folder, "staging"))).toEqual([]);
  });

  it("that a receiver cancels in the middle waits for the next one", async () => {
    const it = await open({ text: randomText(24 * 1024 * 1024) });
    const folder = await home();
    const life = new AbortController();
    const receiving = codeOf(
      receive(
        await receiveRequest(it, route(pathOf(it)), { home: folder }),
        (step) => {
          if (step.at === "receiving" && step.received > 0) life.abort();
        },
        life.signal,
      ),
    );
    expect(await receiving).toBe("cancelled");
    expect(await readdir(join(folder, "inbox"))).toEqual([]);
    expect(await readdir(join(folder, "staging"))).toEqual([]);
    await until("the place is free again", () => it.state === "waiting");
    expect(it.gate.counts.held).toBe(0);
    expect(await codeOf(take(it, pathOf(it)))).toBe("ok");
  });

  it("expires: says so in its state, and is gone", async () => {
    const it = await open({ lifetimeMs: 60_000 });
    await vi.advanceTimersByTimeAsync(60_000);
    await until("it has ended", () => it.endedAt !== undefined);
    expect(it.state).toBe("expired");
    expect(["host-refused", "room-not-found"]).toContain(await codeOf(take(it, pathOf(it))));
  });
});

describe("burning", () => {
  it("on a LAN takes more than one address: one that failed three times gets no more", async () => {
    const it = await share({ mode: "lan" });
    for (let i = 0; i < 3; i++) expect(await codeOf(take(it, lanPath(it), WRONG))).toBe("wrong-code");
    expect(await codeOf(take(it, lanPath(it)))).toBe("too-many-attempts");
    expect([it.state, it.gate.counts.failedAttempts]).toEqual(["waiting", 3]);
  });

  it("takes three of one address however many come at once: 40 visitors with wrong codes", async () => {
    const it = await share({ mode: "lan" });
    const results = await Promise.all(Array.from({ length: 40 }, () => codeOf(take(it, lanPath(it), WRONG))));
    expect([it.state, it.gate.counts.failedAttempts]).toEqual(["waiting", 3]);
    expect(results.filter((result) => result === "ok")).toEqual([]);
  });
});

describe("two paths", () => {
  it("are offered under one code in auto, and either can be taken", async () => {
    const relay = await relayAccess();
    const it = await share({ relay, receivers: 2 });
    expect((await take(it, lanPath(it))).via.by).toBe("lan");
    expect((await take(it, relayPath(it))).via.by).toBe("relay");
    expect([it.lan, it.relay?.href]).toEqual([expect.objectContaining({ port: expect.any(Number) }), relay.url.href]);
  });

  it("auto without its relay is a share on the LAN, and says so", async () => {
    const relay = await startRelay({ host: "127.0.0.1", port: 0 });
    await relay.stop();
    const it = await share({ relay: { url: new URL(relay.url) } });
    expect(it.relay).toBeUndefined();
    expect(it.warnings).toEqual([expect.stringContaining("Not on the relay")]);
    expect(await codeOf(take(it, lanPath(it)))).toBe("ok");
  });

  it("a relay that forgets its rooms leaves the LAN, and fails a share that has nothing else", async () => {
    const relay = await startRelay({ host: "127.0.0.1", port: 0 });
    const both = await share({ relay: { url: new URL(relay.url) } });
    const alone = await share({ mode: "relay", relay: { url: new URL(relay.url) } });
    await relay.stop();
    await until("they try again", () => alone.relayAwaySince !== undefined && both.relayAwaySince !== undefined);
    expect([alone.state, both.state, alone.warnings, both.warnings]).toEqual(["waiting", "waiting", [], []]);
    await relayAccess({ port: relay.port });
    await until("the share by relay alone has ended", () => alone.endedAt !== undefined);
    expect(alone.state).toBe("failed");
    await until("the other one knows", () => both.relay === undefined);
    expect(both.warnings).toEqual([expect.stringContaining("lost")]);
    expect(await codeOf(take(both, lanPath(both)))).toBe("ok");
  });

  it("a relay that is started again with its secret has the share again, under the same code", async () => {
    const settings = { host: "127.0.0.1", secret: "a secret of this test, thirty-two characters" };
    const relay = await startRelay({ ...settings, port: 0 });
    const it = await share({ mode: "relay", relay: { url: new URL(relay.url) } });
    const { code } = it;
    await relay.stop();
    await until("it tries again", () => it.relayAwaySince !== undefined);
    await relayAccess({ ...settings, port: relay.port });
    await until("it is there", () => it.relayAwaySince === undefined);
    expect([it.code, it.state, it.warnings]).toEqual([code, "waiting", []]);
    expect(await codeOf(take(it, relayPath(it)))).toBe("ok");
  });
});

it("ends when the relay's time for its room does, if that is earlier", async () => {
  const it = await share({ mode: "relay", relay: await relayAccess({ roomTtlMs: 60_000 }), lifetimeMs: 600_000 });
  expect(it.expiresAt.getTime() - it.createdAt.getTime()).toBeLessThan(600_000);
  await vi.advanceTimersByTimeAsync(60_000);
  await until("it has ended", () => it.endedAt !== undefined);
  expect(it.state).toBe("expired");
});

it("leaves nothing open when it cannot be opened", async () => {
  const relay = await startRelay({ host: "127.0.0.1", port: 0 });
  await relay.stop();
  const content = await snapshotText(TEXT);
  let closed = false;
  const watched = {
    ...content,
    [Symbol.asyncDispose]: async () => {
      closed = true;
    },
  };
  const opening = openShare(
    await shareRequest({ content: watched, mode: "relay", relay: { url: new URL(relay.url) } }),
    forever(),
  );
  expect(await codeOf(opening)).toBe("relay-unreachable");
  expect(closed).toBe(true);
});

it("remembers how shares ended, and takes no more than a hundred at once", async () => {
  await using shares = new Shares(silent);
  const request = () => shareRequest({ mode: "lan" });
  const made = [];
  for (let i = 0; i < 100; i++) made.push(await shares.open(await request(), forever()));
  expect(await codeOf(shares.open(await request(), forever()))).toBe("too-many-shares");
  await shares.stop(made[3]?.id ?? "");
  expect(await codeOf(shares.stop("no such id"))).toBe("no-such-share");
  made.push(await shares.open(await request(), forever()));
  expect(shares.all.map(({ state }) => state).filter((state) => state === "stopped")).toHaveLength(1);
  expect(await shares.stopAll()).toHaveLength(100);
  expect(shares.all.every(({ endedAt }) => endedAt !== undefined)).toBe(true);
});

/** Text that does not compress well, so that it takes its time. */
function randomText(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)))
    .toString("base64")
    .repeat(Math.ceil(bytes / 87_384))
    .slice(0, bytes);
}

describe("a share's time is over", () => {
  const MINUTE_MS = 60_000;
  const inFakeTime = async (run: (it: Share) => Promise<void>) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
    try {
      await run(await share({ mode: "lan", lifetimeMs: 30 * MINUTE_MS }));
    } finally {
      vi.useRealTimers();
    }
  };

  it("soon after the machine has woken, if it slept beyond it", () =>
    inFakeTime(async (it) => {
      vi.setSystemTime(Date.now() + 31 * MINUTE_MS); // and no timer has moved
      await vi.advanceTimersByTimeAsync(MINUTE_MS / 4);
      expect(it.state).toBe("expired");
    }));

  it("no later if the clock is set back", () =>
    inFakeTime(async (it) => {
      vi.setSystemTime(Date.now() - 600 * MINUTE_MS);
      await vi.advanceTimersByTimeAsync(30 * MINUTE_MS - 1);
      expect(it.state).toBe("waiting");
      await vi.advanceTimersByTimeAsync(1);
      expect(it.state).toBe("expired");
    }));
});
