/** A sender's room on a relay, when its connection is lost: taken back where the relay can do that, and lost where it cannot. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import { type RelayOptions, startRelay } from "../../relay/src/relay.ts";
import type { Link } from "../../src/transport/link.ts";
import { createRoom, joinRoom } from "../../src/transport/relay.ts";
import { Arrivals } from "../support/arrivals.ts";
import { movableClock } from "../support/movable-clock.ts";
import { until } from "../support/wait.ts";

const SECRET = "the secret of this test, thirty-two characters";
const forever = () => new AbortController().signal;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function relayAt(port: number, settings: RelayOptions = {}) {
  const relay = await startRelay({ host: "127.0.0.1", port, secret: SECRET, stopMs: 100, ...settings });
  closers.push(() => relay.stop());
  return relay;
}

async function openRoom(url: URL, ttlSeconds = 600) {
  const visitors = new Arrivals<Link>();
  const room = await createRoom({ url }, ttlSeconds, visitors.put, forever());
  closers.push(() => room.close());
  return { room, visitor: visitors.next };
}

/** Between a sender and its relay: all that goes through can be cut. */
async function wire(port: number) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {}).on("close", () => to.destroy());
      from.pipe(to);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  closers.push(() => {
    cut();
    server.close();
  });
  return { url: new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`), cut };
}

const said = async (link: Link) => Buffer.from((await link.receive()) ?? "").toString();

/** How long a visitor may stay behind our close. */
const OVERSTAY_MS = 5_000;

it("has its room back after a cut, and serves those who came meanwhile", async () => {
  const relay = await relayAt(0);
  const { url, cut } = await wire(relay.port);
  const { room, visitor } = await openRoom(url);
  const direct = { url: new URL(relay.url) };
  const first = await joinRoom(direct, room.id, forever());
  await first.send("begun");
  const visit = await visitor();
  expect(await said(visit)).toBe("begun");
  for (let times = 0; times < 3; times++) {
    const before = new Date();
    cut();
    await until("it has noticed", () => room.awaySince !== undefined);
    expect(room.awaySince?.getTime()).toBeGreaterThanOrEqual(before.getTime());
    expect(room.awaySince?.getTime()).toBeLessThanOrEqual(Date.now());
    const next = await joinRoom(direct, room.id, forever());
    await next.send(`after cut ${times}`);
    expect(await said(await visitor())).toBe(`after cut ${times}`);
    expect(room.awaySince).toBeUndefined();
    await next.close();
  }
  await expect(visit.receive()).rejects.toMatchObject({ code: "link-lost" });
  await expect(first.receive()).rejects.toMatchObject({ code: "link-lost" });
});

it("has its room back from a relay that was stopped and started again", async () => {
  const first = await relayAt(0);
  const { room, visitor } = await openRoom(new URL(first.url));
  await first.stop();
  await until("it has noticed", () => room.awaySince !== undefined);
  await relayAt(first.port);
  await until("it is back", () => room.awaySince === undefined);
  const link = await joinRoom({ url: new URL(first.url) }, room.id, forever());
  await link.send("hello");
  expect(await said(await visitor())).toBe("hello");
});

it("is lost where the relay has forgotten it", async () => {
  const first = await relayAt(0);
  const { room } = await openRoom(new URL(first.url));
  await first.stop();
  await relayAt(first.port, { secret: "" });
  expect(await room.lost).toMatchObject({ code: "room-not-found" });
});

it("is lost when its time is over while it is away", async () => {
  movableClock();
  const relay = await relayAt(0);
  const { room } = await openRoom(new URL(relay.url), 60);
  await relay.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await room.lost).toMatchObject({ code: "expired" });
});

it("is lost at once where the relay knows nothing of taking rooms back", async () => {
  const old = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(old, "listening");
  closers.push(() => old.close());
  old.on("connection", (ws) =>
    ws.once("message", () => {
      ws.send('{"type":"ROOM_CREATED","room_id":"a7f3b2","expires_in":600,"features":["turns"]}');
      ws.terminate();
    }),
  );
  const { room } = await openRoom(new URL(`ws://127.0.0.1:${(old.address() as AddressInfo).port}`));
  expect(await room.lost).toMatchObject({ code: "link-lost" });
});

it("is lost where another relay answers, that makes a new room of every request", async () => {
  const relay = await relayAt(0);
  const { room } = await openRoom(new URL(relay.url));
  await relay.stop();
  const old = new WebSocketServer({ host: "127.0.0.1", port: relay.port });
  await once(old, "listening");
  const left: number[] = [];
  old.on("connection", (ws) => {
    ws.once("message", () => ws.send('{"type":"ROOM_CREATED","room_id":"zzzzzz"}'));
    ws.on("close", (code) => left.push(code));
  });
  closers.push(() => old.close());
  expect(await room.lost).toMatchObject({ code: "room-not-found" });
  expect(left).toEqual([1000, 1000]);
});

it("closes while it is away, at once and for good", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  const relay = await relayAt(0);
  const { room } = await openRoom(new URL(relay.url));
  await relay.stop();
  await until("it has noticed", () => room.awaySince !== undefined);
  expect(timers()).toBeGreaterThan(before);
  await room.close();
  expect(timers()).toBe(before);
});

it("takes the turn from a visitor that stays though we are done with it", async () => {
  movableClock();
  const relay = await relayAt(0);
  const { room, visitor } = await openRoom(new URL(relay.url));
  const stays = await joinRoom({ url: new URL(relay.url) }, room.id, forever());
  await stays.send("never ends");
  await (await visitor()).close();
  const next = await joinRoom({ url: new URL(relay.url) }, room.id, forever());
  await next.send("hello");
  await vi.advanceTimersByTimeAsync(OVERSTAY_MS);
  expect(await said(await visitor())).toBe("hello");
  await expect(stays.receive()).rejects.toMatchObject({ code: "link-lost" });
});
