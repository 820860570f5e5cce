import { getEventListeners, once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { startRelay } from "../../relay/src/relay.ts";
import { CLOSE_CODE } from "../../relay/src/wire.ts";
import { SpreadError } from "../../src/errors.ts";
import { MAX_FRAME_BYTES } from "../../src/limits.ts";
import type { FrameBounds, Link } from "../../src/transport/link.ts";
import { createRoom, joinRoom } from "../../src/transport/relay.ts";
import { Arrivals } from "../support/arrivals.ts";
import { until } from "../support/wait.ts";
import { linkSuite } from "./link-suite.ts";

/** A link's life that nobody ends. */
const forever = () => new AbortController().signal;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function bundledRelay(settings: Parameters<typeof startRelay>[0] = {}) {
  const relay = await startRelay({ host: "127.0.0.1", port: 0, ...settings });
  closers.push(() => relay.stop());
  return new URL(relay.url);
}

/** A room, and its visitors in the order in which they come. */
async function openRoom(url: URL, bounds?: FrameBounds) {
  const visitors = new Arrivals<Link>();
  const room = await createRoom({ url }, 600, visitors.put, forever(), bounds);
  closers.push(() => room.close());
  return { room, visitor: visitors.next };
}

async function makePair(bounds?: FrameBounds) {
  const relay = await startRelay({ host: "127.0.0.1", port: 0 });
  const url = new URL(relay.url);
  const opposite = bounds && { sentBytes: bounds.takenBytes, takenBytes: bounds.sentBytes };
  const { room, visitor } = await openRoom(url, opposite);
  const [a, b] = await Promise.all([joinRoom({ url }, room.id, forever(), bounds), visitor()]);
  return {
    a,
    b,
    closeA: () => a.close(),
    closeB: () => room.close(),
    release: async () => {
      await Promise.all([a.close(), room.close()]);
      await relay.stop();
    },
  };
}

linkSuite("relay", {
  bSeesCleanEnd: false,
  makePair,
  makeBounded: makePair,
  async makeRaw() {
    const relay = await startRelay({ host: "127.0.0.1", port: 0 });
    const url = new URL(relay.url);
    const { room, visitor } = await openRoom(url);
    const ws = new WebSocket(url);
    await once(ws, "open");
    ws.on("error", () => {});
    ws.send(JSON.stringify({ type: "JOIN_ROOM", room_id: room.id }));
    const link = await visitor();
    return {
      link,
      halfFrame: async () => {
        // A masked binary frame of 100 bytes (RFC 6455, section 5.2), of which 7 come.
        const { _socket } = ws as unknown as { _socket: import("node:net").Socket };
        await new Promise((sent) => _socket.write(Buffer.from([0x82, 0x80 | 100, 1, 2, 3, 4, 9]), sent));
        _socket.destroy();
      },
      oversizedFrame: async () => ws.send(Buffer.alloc(MAX_FRAME_BYTES + 1)),
      release: async () => {
        ws.terminate();
        await room.close();
        await relay.stop();
      },
    };
  },
});

describe("a room", () => {
  it("serves one receiver after another, in the order in which they came", async () => {
    const url = await bundledRelay();
    const { room, visitor } = await openRoom(url);
    const first = await joinRoom({ url }, room.id, forever());
    const second = await joinRoom({ url }, room.id, forever());
    await second.send(Buffer.from("second"));
    await first.send(Buffer.from("first"));
    expect(Buffer.from((await (await visitor()).receive()) ?? "").toString()).toBe("first");
    await first.close();
    expect(Buffer.from((await (await visitor()).receive()) ?? "").toString()).toBe("second");
    await second.close();
  });

  it("lets no frame for one receiver reach the next one", async () => {
    const url = await bundledRelay();
    const { room, visitor } = await openRoom(url);
    const first = await joinRoom({ url }, room.id, forever());
    const old = await visitor();
    const pump = (async () => {
      for (;;) await old.send(Buffer.from("for the first"));
    })().catch((error: unknown) => error);
    await first.receive();
    const second = await joinRoom({ url }, room.id, forever());
    first.abort(new SpreadError("cancelled", "gone"));
    const next = await visitor();
    expect(await pump).toMatchObject({ code: "link-lost" });
    await next.send(Buffer.from("for the second"));
    expect(Buffer.from((await second.receive()) ?? "").toString()).toBe("for the second");
    await second.close();
  });

  it("keeps its connection when a visitor sends a frame above the limit", async () => {
    const url = await bundledRelay();
    const { room, visitor } = await openRoom(url);
    const ws = new WebSocket(url);
    await once(ws, "open");
    ws.send(JSON.stringify({ type: "JOIN_ROOM", room_id: room.id }));
    const bad = await visitor();
    ws.send(Buffer.alloc(9 * 1024 * 1024));
    await expect(bad.receive()).rejects.toMatchObject({ code: "bad-message" });
    ws.close();
    const good = await joinRoom({ url }, room.id, forever());
    await good.send(Buffer.from("hello"));
    expect(Buffer.from((await (await visitor()).receive()) ?? "").toString()).toBe("hello");
    await good.close();
  });

  it("takes a visitor's frame of its own bound, and none of a byte more", async () => {
    const url = await bundledRelay();
    const { room, visitor } = await openRoom(url, { sentBytes: 300_000, takenBytes: 100 });
    const ws = new WebSocket(url);
    await once(ws, "open");
    ws.send(JSON.stringify({ type: "JOIN_ROOM", room_id: room.id }));
    const link = await visitor();
    ws.send(Buffer.alloc(100));
    ws.send(Buffer.alloc(101));
    expect(await link.receive()).toHaveLength(100);
    await expect(link.receive()).rejects.toMatchObject({ code: "bad-message" });
    ws.terminate();
  });

  it("takes what a visitor forges in the relay's name for the visitor's own frames, and serves on", async () => {
    const url = await bundledRelay();
    const { room, visitor } = await openRoom(url);
    const ws = new WebSocket(url);
    await once(ws, "open");
    ws.send(JSON.stringify({ type: "JOIN_ROOM", room_id: room.id }));
    const first = await visitor();
    ws.send(JSON.stringify({ type: "ROOM_CREATED", room_id: "aaaaaa" }));
    ws.send("not json");
    expect(Buffer.from((await first.receive()) ?? "").toString()).toContain("aaaaaa");
    expect(Buffer.from((await first.receive()) ?? "").toString()).toBe("not json");
    for (const forged of ["PEER_JOINED", "PEER_DISCONNECTED"]) {
      ws.send(JSON.stringify({ type: forged, peer_id: "forged" }));
      expect(Buffer.from((await first.receive()) ?? "").toString()).toContain(forged);
    }
    ws.close();
    await first.close();
    const good = await joinRoom({ url }, room.id, forever());
    await good.send(Buffer.from("hello"));
    expect(Buffer.from((await (await visitor()).receive()) ?? "").toString()).toBe("hello");
    expect(room.id).toMatch(/^[a-z0-9]{6}$/);
    await good.close();
  });

  it("says how long the relay gives it, which can be less than was wanted", async () => {
    const url = await bundledRelay({ roomTtlMs: 120_000 });
    const { room } = await openRoom(url);
    expect(room.expiresInSeconds).toBe(120);
  });

  it("reports no loss when we close it", async () => {
    const relay = await startRelay({ host: "127.0.0.1", port: 0 });
    const { room } = await openRoom(new URL(relay.url));
    let reported = false;
    void room.lost.then(() => {
      reported = true;
    });
    await room.close();
    await relay.stop();
    expect(reported).toBe(false);
    expect(room.awaySince).toBeUndefined();
  });

  it("tells waiting and present receivers that the sender has left", async () => {
    const url = await bundledRelay();
    const { room, visitor } = await openRoom(url);
    const present = await joinRoom({ url }, room.id, forever());
    await (await visitor()).send("the last word");
    const waiting = await joinRoom({ url }, room.id, forever());
    await room.close();
    expect(Buffer.from((await present.receive()) ?? "").toString()).toBe("the last word");
    expect(await present.receive()).toBeUndefined();
    await expect(waiting.receive()).rejects.toMatchObject({ code: "share-ended" });
  });
});

it("leaves a relay that takes nothing and lets visits come and go, before what waits for it fills the memory", async () => {
  const visit = ["PEER_JOINED", "PEER_DISCONNECTED"].map((type) => JSON.stringify({ type, peer_id: "conn_1" }));
  const url = await scripted((ws) =>
    ws.once("message", () => {
      ws.send(JSON.stringify({ type: "ROOM_CREATED", room_id: "a7f3b2", features: ["turns"] }));
      ws.pause();
      // What the machine's own buffers hold, and three times of what is kept.
      for (let i = 0; i < 4000; i++) for (const frame of visit) ws.send(frame);
    }),
  );
  const answer = Buffer.alloc(8192);
  const room = await createRoom({ url }, 600, (link) => link.send(answer).catch(() => {}), forever());
  closers.push(() => room.close());
  expect(await room.lost).toMatchObject({ code: "link-lost" });
});

describe("joining and making a room fails with", () => {
  it("room-not-found where there is none", async () => {
    const url = await bundledRelay();
    await expect(joinRoom({ url }, "zzzzzz", forever())).rejects.toMatchObject({ code: "room-not-found" });
  });

  it("relay-full above the relay's limit of rooms", async () => {
    const url = await bundledRelay({ maxRooms: 1 });
    await openRoom(url);
    await expect(openRoom(url)).rejects.toMatchObject({ code: "relay-full" });
  });

  it("rate-limited above the relay's limit of requests", async () => {
    const url = await bundledRelay({ rateLimitMax: 2 });
    for (let i = 0; i < 2; i++) await joinRoom({ url }, "zzzzzz", forever()).catch(() => {});
    await expect(joinRoom({ url }, "zzzzzz", forever())).rejects.toMatchObject({ code: "rate-limited" });
  });

  it("relay-unreachable where nothing listens", async () => {
    const relay = await startRelay({ host: "127.0.0.1", port: 0 });
    await relay.stop();
    await expect(joinRoom({ url: new URL(relay.url) }, "zzzzzz", forever())).rejects.toMatchObject({
      code: "relay-unreachable",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("relay-unreachable for a name that does not exist", async () => {
    vi.stubEnv("NO_PROXY", "*");
    closers.push(() => vi.unstubAllEnvs());
    await expect(joinRoom({ url: new URL("ws://no-such-relay.invalid") }, "zzzzzz", forever())).rejects.toMatchObject({
      code: "relay-unreachable",
    });
  });

  it.each([
    [404, "relay-refused"],
    [200, "relay-refused"],
    [301, "relay-refused"],
    [401, "relay-private"],
    [429, "rate-limited"],
    [503, "relay-full"],
  ])("HTTP %i instead of an upgrade: %s, and nothing listens to the call's signal any more", async (status, code) => {
    const server = createServer();
    server.on("upgrade", (_request, socket) => {
      socket.end(`HTTP/1.1 ${status} No\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n`);
    });
    const url = await serve(server);
    const life = forever();
    await expect(joinRoom({ url }, "zzzzzz", life)).rejects.toMatchObject({ code });
    await until("the signal is let go", () => getEventListeners(life, "abort").length === 0);
  });

  it.each([
    ["no JSON", "hello"],
    ["another message", JSON.stringify({ type: "PEER_JOINED", peer_id: "x" })],
    ["another room", JSON.stringify({ type: "ROOM_JOINED", room_id: "aaaaaa" })],
    ["a room that is no id", JSON.stringify({ type: "ROOM_JOINED", room_id: "../../x" })],
    ["a binary frame", Buffer.from(JSON.stringify({ type: "ROOM_JOINED", room_id: "zzzzzz" }))],
    ["an unknown reason", JSON.stringify({ type: "ERROR", reason: "<script>" })],
  ])("relay-refused for a relay that answers with %s", async (_what, answer) => {
    const url = await scripted((ws) => ws.on("message", () => ws.send(answer)));
    await expect(joinRoom({ url }, "zzzzzz", forever())).rejects.toMatchObject({
      code: "relay-refused",
      message: expect.not.stringContaining("script"),
    });
  });

  it("relay-refused for a relay that makes a room with an id of its own fashion", async () => {
    const url = await scripted((ws) =>
      ws.on("message", () => ws.send(JSON.stringify({ type: "ROOM_CREATED", room_id: "rm -rf" }))),
    );
    await expect(openRoom(url)).rejects.toMatchObject({ code: "relay-refused" });
  });

  it("relay-unreachable for a relay that closes without an answer", async () => {
    const url = await scripted((ws) => ws.on("message", () => ws.close()));
    await expect(joinRoom({ url }, "zzzzzz", forever())).rejects.toMatchObject({ code: "relay-unreachable" });
  });

  it("the reason of its signal while a mute relay is waited for", async () => {
    const life = new AbortController();
    const url = await scripted((ws) => ws.on("message", () => life.abort()));
    await expect(joinRoom({ url }, "zzzzzz", life.signal)).rejects.toMatchObject({ code: "cancelled" });
  });
});

it("cuts a joined link when its signal is aborted, with the signal's reason", async () => {
  const url = await bundledRelay();
  const { room } = await openRoom(url);
  const life = new AbortController();
  const link = await joinRoom({ url }, room.id, life.signal);
  const received = expect(link.receive()).rejects.toMatchObject({ code: "timed-out" });
  life.abort(new SpreadError("timed-out", "the call's time is over"));
  await received;
});

it.each([
  [1006, "link-lost", "connection to the relay was lost"],
  [CLOSE_CODE["peer-left"], "link-lost", "the other end left"],
  [CLOSE_CODE.expired, "expired", "time for the room is over"],
  [CLOSE_CODE.stalled, "stalled", "took nothing"],
  [CLOSE_CODE["dead-peer"], "link-lost", "lost the other end"],
  [CLOSE_CODE.restart, "link-lost", "was stopped"],
  [CLOSE_CODE["used-up"], "relay-refused", "larger than the relay lets"],
  [4999, "link-lost", "connection to the relay was lost"],
])("a link that the relay closes with %i ends as %s: %s", async (close, code, message) => {
  const url = await scripted((ws) =>
    ws.on("message", () => {
      ws.send(JSON.stringify({ type: "ROOM_JOINED", room_id: "zzzzzz" }));
      if (close === 1006) ws.terminate();
      else ws.close(close);
    }),
  );
  const link = await joinRoom({ url }, "zzzzzz", forever());
  await expect(link.receive()).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
});

describe("an old relay, without turns", () => {
  it("is spoken to all the same, and never told NEXT", async () => {
    const said: string[] = [];
    let room: WebSocket | undefined;
    const url = await scripted((ws) => {
      room = ws;
      ws.on("message", (data) => {
        said.push(String(data));
        if (said.length === 1) ws.send(JSON.stringify({ type: "ROOM_CREATED", room_id: "a7f3b2" }));
      });
    });
    const { room: made, visitor } = await openRoom(url);
    expect(made.expiresInSeconds).toBeUndefined();
    room?.send(JSON.stringify({ type: "PEER_JOINED", peer_id: "conn_1" }));
    await (await visitor()).send("one");
    room?.send(JSON.stringify({ type: "PEER_DISCONNECTED", peer_id: "conn_1" }));
    room?.send(JSON.stringify({ type: "PEER_JOINED", peer_id: "conn_2" }));
    await (await visitor()).send("two");
    await until("both frames are there", () => said.length === 3);
    expect(said.slice(1)).toEqual(["one", "two"]);
  });

  it("loses no visitor that comes in the packet of the room itself", async () => {
    const url = await scripted((ws) =>
      ws.once("message", () => {
        ws.send(JSON.stringify({ type: "ROOM_CREATED", room_id: "a7f3b2" }));
        ws.send(JSON.stringify({ type: "PEER_JOINED", peer_id: "conn_1" }));
        ws.send(Buffer.from("early"));
      }),
    );
    const { visitor } = await openRoom(url);
    expect(Buffer.from((await (await visitor()).receive()) ?? "").toString()).toBe("early");
  });
});

async function serve(server: HttpServer): Promise<URL> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

/** A relay of a few lines that does what it is told. */
async function scripted(connected: (ws: WebSocket) => void): Promise<URL> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  server.on("connection", (ws) => connected(ws));
  closers.push(() => {
    for (const ws of server.clients) ws.terminate();
    server.close();
  });
  return new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
