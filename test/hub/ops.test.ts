/** What a hub answers on its socket, to clients and to others. src/hub/README.md, "What it says" */
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { link, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { type ClientRequest, createServer, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { textMaterial } from "../../src/content/material.ts";
import { snapshotText } from "../../src/content/snapshot.ts";
import { machine } from "../../src/home/folders.ts";
import { ownedName } from "../../src/home/owner.ts";
import { HubService } from "../../src/hub/client.ts";
import { HubConnection } from "../../src/hub/connection.ts";
import { type Hub, type HubOptions, openHub } from "../../src/hub/hub.ts";
import { MAX_MESSAGE_BYTES, PROTOCOL } from "../../src/hub/ops.ts";
import { findSocket } from "../../src/hub/socket.ts";
import { silent } from "../../src/log.ts";
import { ShareManager } from "../../src/service/manager.ts";
import type { ShareEvent } from "../../src/service/service.ts";
import type { ReceiveOrder, ShareOrder, StepView } from "../../src/service/views.ts";
import { sha256, wrong } from "../mcp/texts.ts";
import { host } from "../mcp/wires.ts";
import { cable } from "../support/cable.ts";
import { later } from "../support/later.ts";
import { forever, home as newHome, TEXT } from "../support/shares.ts";
import { eventually } from "../support/wait.ts";

const ORDER: ShareOrder = {
  kind: "distillation",
  legacy: false,
  mode: "lan",
  announce: false,
  receivers: 1,
  lifetimeMs: 600_000,
};

interface Place {
  readonly hub: Hub;
  readonly home: string;
  readonly address: string;
}

async function aHub(options: Partial<HubOptions> = {}): Promise<Place> {
  const home = options.home ?? (await newHome());
  const hub = await openHub({ home, version: "1.2.3", log: silent, ...options });
  if (!hub) throw new Error("there is a hub already");
  later(() => hub[Symbol.asyncDispose]());
  return { hub, home, address: (await findSocket(home)) ?? "" };
}

async function aClient(
  { address }: Pick<Place, "address">,
  onEvent: (event: ShareEvent) => void = () => {},
  session = randomUUID(),
) {
  const connection = await HubConnection.open(address, session, onEvent);
  if (!connection) throw new Error("there is no hub");
  later(() => connection.close());
  return connection;
}

/** Whoever can get at the socket at all. */
function stranger({ address }: Place, path: string, headers: Record<string, string> = {}): ClientRequest {
  return request({ path, headers, createConnection: () => connect(address) });
}

async function answerTo(asked: ClientRequest): Promise<{ status: number | undefined; body: string }> {
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  let body = "";
  for await (const piece of response) body += piece;
  return { status: response.statusCode, body };
}

async function socketTo({ address }: Place, path = `/ops?session=${randomUUID()}`, headers = {}) {
  const ws = new WebSocket(`ws://hub${path}`, { headers, createConnection: () => connect(address) });
  later(() => ws.terminate());
  ws.on("error", () => {});
  return ws;
}

function orderFor({
  held,
  room,
}: {
  held: { code?: string | undefined; lan?: { port: number } | undefined };
  room: string;
}): ReceiveOrder {
  const secret = held.code?.slice(room.length + 1) ?? "";
  return { secret, room, lan: { host: "127.0.0.1", port: held.lan?.port ?? 0 }, legacy: false, timeoutMs: 5000 };
}

describe("GET /status", () => {
  it("says which hub it is and what it does, and names no code", async () => {
    const place = await aHub();
    const client = await aClient(place);
    const { held } = await client.ask("share", { order: ORDER, content: { text: TEXT } });
    const { status, body } = await answerTo(stranger(place, "/status"));
    expect([status, JSON.parse(body)]).toEqual([
      200,
      {
        status: "ok",
        protocol: PROTOCOL,
        version: "1.2.3",
        pid: process.pid,
        since: expect.any(String),
        clients: 1,
        shares: 1,
        running: 0,
        relays: [],
      },
    ]);
    expect(body).not.toContain(held.code);
  });

  it.each([
    ["/", "GET", 404],
    ["//", "GET", 404],
    ["/ops", "GET", 404],
    ["/status", "POST", 405],
  ])("is not %s by %s: %i", async (path, method, status) => {
    const place = await aHub();
    const asked = request({ path, method, createConnection: () => connect(place.address) });
    expect((await answerTo(asked)).status).toBe(status);
  });
});

describe("nobody gets in", () => {
  it.each(["https://evil.example", "http://localhost", "null"])("from a web page of %s", async (Origin) => {
    const place = await aHub();
    expect((await answerTo(stranger(place, "/status", { Origin }))).status).toBe(403);
    const ws = await socketTo(place, undefined, { Origin });
    const [, response] = (await once(ws, "unexpected-response")) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(403);
  });

  it.each(["/ops", "/ops?session=me", `/ops?session=${randomUUID()}&more`, `//ops?session=${randomUUID()}`, "//"])(
    "by %s",
    async (path) => {
      const ws = await socketTo(await aHub(), path);
      const [, response] = (await once(ws, "unexpected-response")) as [unknown, IncomingMessage];
      expect(response.statusCode).toBe(404);
    },
  );

  it("beyond 256 clients, until one has gone", async () => {
    const place = await aHub();
    const clients = await Promise.all(Array.from({ length: 256 }, () => aClient(place)));
    await expect(aClient(place)).rejects.toMatchObject({ code: "hub-busy" });
    clients[0]?.close();
    await eventually(() =>
      aClient(place).then(
        () => true,
        () => false,
      ),
    ).toBe(true);
  });
});

describe("a client that does not speak it is sent away with 1008, and the hub lives on:", () => {
  const order = JSON.stringify(ORDER);
  it.each<[string, string | Buffer, number]>([
    ["no JSON", "garbage", 1008],
    ["no object", "[]", 1008],
    ["a binary frame", Buffer.from('{"id":1,"op":"holdings"}'), 1008],
    ["no such op", '{"id":1,"op":"exec"}', 1008],
    ["no id", '{"op":"holdings"}', 1008],
    ["an id that is no number", '{"id":"1","op":"holdings"}', 1008],
    ["no content", `{"id":1,"op":"share","order":${order}}`, 1008],
    [
      "101 receivers",
      `{"id":1,"op":"share","order":${order.replace('rs":1', 'rs":101')},"content":{"text":"x"}}`,
      1008,
    ],
    [
      "a day and more",
      `{"id":1,"op":"share","order":${order.replace("600000", "86400001")},"content":{"text":"x"}}`,
      1008,
    ],
    [
      "a host without a port, which would be any host",
      '{"id":1,"op":"receive","order":{"secret":"a-b-c","lan":{"host":"h","port":0},"legacy":false,"timeoutMs":1}}',
      1008,
    ],
    ["a message above 1 MiB", "x".repeat(MAX_MESSAGE_BYTES + 1), 1009],
  ])("%s", async (_what, message, code) => {
    const place = await aHub();
    const ws = await socketTo(place);
    await once(ws, "open");
    ws.send(message, { binary: typeof message !== "string" });
    expect((await once(ws, "close"))[0]).toBe(code);
    expect(await (await aClient(place)).ask("holdings", {})).toEqual({ shares: [], receptions: [] });
  });

  it("whatever it is", async () => {
    const place = await aHub();
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom(1, -1, 2 ** 53, "", "stop", ORDER, { text: "# x" }));
    const shaped = fc.record(
      {
        id: field,
        op: fc.constantFrom("share", "receive", "holdings", "stop", "cancel", "Share", "constructor"),
        order: fc.oneof(field, fc.dictionary(fc.constantFrom(...Object.keys(ORDER), "secret", "lan"), field)),
        content: field,
        share: field,
        request: field,
      },
      { requiredKeys: ["op"] },
    );
    const message = fc.oneof(
      fc.string(),
      fc.json(),
      shaped.map((it) => JSON.stringify(it)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 5 }), async (messages) => {
        const ws = await socketTo(place);
        await once(ws, "open");
        for (const it of messages) ws.send(it);
        ws.close();
        await once(ws, "close");
      }),
      { numRuns: 200 },
    );
    expect((await answerTo(stranger(place, "/status"))).status).toBe(200);
  });

  it("but a client of ours, which asks nothing of the kind, and says so to who wanted it", async () => {
    const client = await aClient(await aHub());
    const lan = { host: "h".repeat(10_000), port: 1 };
    const asked = client.ask("receive", { order: { secret: "a-b-c", lan, legacy: false, timeoutMs: 1 } });
    await expect(asked).rejects.toMatchObject({ code: "invalid-input" });
    const stopped = client.ask("stop", { share: "x".repeat(MAX_MESSAGE_BYTES) });
    await expect(stopped).rejects.toMatchObject({ code: "invalid-input" });
    expect(await client.ask("holdings", {})).toEqual({ shares: [], receptions: [] });
  });

  it("but one that reads nothing is cut off", async () => {
    const place = await aHub();
    const client = await aClient(place);
    const content = { text: TEXT };
    const title = "t".repeat(200);
    for (let i = 0; i < 60; i += 1) await client.ask("share", { order: { ...ORDER, title }, content });
    const ws = await socketTo(place);
    await once(ws, "open");
    ws.pause();
    const health = async () => JSON.parse((await answerTo(stranger(place, "/status"))).body);
    expect(await health()).toMatchObject({ clients: 2 });
    // What came in one packet is run at once, 320 of it: 9 MiB of answers and more.
    for (let id = 1; id <= 500; id += 1) ws.send(JSON.stringify({ id, op: "holdings" }));
    await eventually(health).toMatchObject({ clients: 1, running: 0, shares: 60 });
    expect(JSON.stringify(await client.ask("holdings", {})).length * 320).toBeGreaterThan(9 * MAX_MESSAGE_BYTES);
  });

  it("an id that runs already", async () => {
    const place = await aHub();
    const mute = await host(() => {});
    const ws = await socketTo(place);
    await once(ws, "open");
    const order = { secret: "a-b-c", lan: { host: "127.0.0.1", port: mute.port }, legacy: false, timeoutMs: 60_000 };
    for (let i = 0; i < 2; i += 1) ws.send(JSON.stringify({ id: 1, op: "receive", order }));
    expect((await once(ws, "close"))[0]).toBe(1008);
  });
});

describe("a share", () => {
  it("is made of a text, is had, and its session is told, and no other", async () => {
    const place = await aHub();
    const told: string[] = [];
    const maker = await aClient(place, ({ event, share }) => told.push(`${event} ${share.state}`));
    const others: ShareEvent[] = [];
    const taker = await aClient(place, (event) => others.push(event));
    const share = await maker.ask("share", { order: { ...ORDER, receivers: 2 }, content: { text: TEXT } });
    expect(share.held).toMatchObject({ title: "The work so far", bytes: TEXT.length, sha256: sha256(TEXT) });
    const guess = { ...orderFor(share), secret: wrong(share.held.code).slice(7) };
    await expect(taker.ask("receive", { order: guess })).rejects.toMatchObject({ code: "wrong-code" });
    for (let i = 0; i < 2; i += 1) {
      const { original } = await taker.ask("receive", { order: orderFor(share) });
      expect(await readFile(original, "utf8")).toBe(TEXT);
    }
    await eventually(() => told).toEqual(["attempt-failed waiting", "delivered waiting", "ended delivered"]);
    expect(others).toEqual([]);
    // What opened it is nobody's any more.
    const {
      shares: [ended],
    } = await taker.ask("holdings", {});
    expect(ended).toMatchObject({ id: share.id, state: "delivered", delivered: 2, failedAttempts: 1 });
    expect(ended?.held?.code).toBeUndefined();
  });

  const spooled = async (home: string, text: string, name = ownedName()) => {
    await mkdir(join(home, "spool"), { recursive: true, mode: 0o700 });
    const path = join(home, "spool", name);
    await writeFile(path, text, { mode: 0o600 });
    const about = { bytes: text.length, sha256: sha256(text) };
    const parts = [{ role: "document", name: "handoff.md", ...about }];
    return { path, content: { file: name, ...about, compressible: true, parts } };
  };

  it.each([
    ["whose lengths are not its own", [{ role: "document", name: "a", bytes: 1, sha256: "00".repeat(32) }]],
    ["without a document", [{ role: "patch", name: "a", bytes: TEXT.length, sha256: "00".repeat(32) }]],
  ])("is not made of parts %s", async (_what, parts) => {
    const place = await aHub();
    const client = await aClient(place);
    const { content } = await spooled(place.home, TEXT);
    const made = client.ask("share", { order: ORDER, content: { ...content, parts } });
    await expect(made).rejects.toMatchObject({ code: "path-unreadable" });
  });

  it("of many files with long names still leaves room for a hundred of them in a status", async () => {
    const place = await aHub();
    const client = await aClient(place);
    const name = "long-name-".repeat(25);
    for (let n = 0; n < 100; n += 1) {
      const { content } = await spooled(place.home, TEXT);
      const empty = { role: "attachment", name, bytes: 0, sha256: "00".repeat(32) };
      const parts = [...content.parts, ...Array.from({ length: 31 }, () => empty)];
      const share = await client.ask("share", { order: ORDER, content: { ...content, parts } });
      expect(share.files).toHaveLength(31);
    }
    expect((await client.ask("holdings", {})).shares).toHaveLength(100);
  });

  it("is made of a spooled file, which loses its name before the answer", async () => {
    const place = await aHub();
    const client = await aClient(place);
    const { content } = await spooled(place.home, TEXT);
    const share = await client.ask("share", { order: ORDER, content });
    expect(await readdir(join(place.home, "spool"))).toEqual([]);
    expect(share.held.title).toBe("The work so far");
    const { sha256: digest } = await client.ask("receive", { order: orderFor(share) });
    expect(digest).toBe(sha256(TEXT));
  });

  it.each<[string, (home: string) => Promise<object>]>([
    ["a path", async (home) => ({ ...(await spooled(home, TEXT)).content, file: "../secret" })],
    [
      "a path behind a good name",
      async (home) => ({ ...(await spooled(home, TEXT)).content, file: `${ownedName()}/../../secret` }),
    ],
    ["a name of another kind", async (home) => (await spooled(home, TEXT, "notes.md")).content],
    ["no such file", async (home) => ({ ...(await spooled(home, TEXT)).content, file: ownedName() })],
    ["another size", async (home) => ({ ...(await spooled(home, TEXT)).content, bytes: TEXT.length + 1 })],
    [
      "a link",
      async (home) => {
        const { content, path } = await spooled(home, TEXT);
        const file = ownedName();
        await symlink(path, join(home, "spool", file));
        return { ...content, file };
      },
    ],
    [
      "a file with a second name",
      async (home) => {
        const { content, path } = await spooled(home, TEXT);
        await link(path, join(home, "other"));
        return content;
      },
    ],
    [
      "a folder",
      async (home) => {
        const { content } = await spooled(home, TEXT);
        const file = ownedName();
        await mkdir(join(home, "spool", file));
        return { ...content, file, bytes: (await stat(join(home, "spool", file))).size };
      },
    ],
  ])("is not made of %s", async (_what, hand) => {
    const place = await aHub();
    const client = await aClient(place);
    const content = (await hand(place.home)) as Parameters<typeof client.ask<"share">>[1]["content"];
    await expect(client.ask("share", { order: ORDER, content })).rejects.toMatchObject({ code: "path-unreadable" });
    expect(await client.ask("holdings", {})).toEqual({ shares: [], receptions: [] });
  });

  it("is stopped by its client if it was made just before the hub heard that it is not wanted any more", async () => {
    const home = await newHome();
    const manager = new ShareManager(home, () => {}, silent);
    later(() => manager[Symbol.asyncDispose]());
    await mkdir(join(home, "hub"), { mode: 0o700 });
    const http = createServer().listen(join(home, "hub", `${machine}.1`));
    const hub = new WebSocketServer({ server: http });
    later(() => http.close());
    const cancelling = new AbortController();
    hub.on("connection", (ws) => {
      const say = (said: object) => ws.send(JSON.stringify(said));
      let asked = 0;
      say({ welcome: { protocol: PROTOCOL, version: "1.2.3", pid: 1, since: new Date().toISOString() } });
      ws.on("message", async (data) => {
        const { id, op, share } = JSON.parse(String(data));
        if (op === "share") {
          asked = id;
          cancelling.abort();
        } else if (op === "cancel") {
          say({ id: asked, ok: await manager.open(ORDER, await snapshotText(TEXT), "", forever()) });
        } else say({ id, ok: [await manager.stop(share)] });
      });
    });
    const service = new HubService({ home, version: "1.2.3", entry: "", onEvent: () => {} });
    later(() => service[Symbol.asyncDispose]());
    const sharing = service.share(ORDER, [textMaterial(TEXT)], cancelling.signal);
    await expect(sharing).rejects.toMatchObject({ code: "cancelled" });
    expect(manager.shares).toMatchObject([{ state: "stopped" }]);
  });

  it("fails with what its hub says, and keeps its connection, when the hub's error code is of another version", async () => {
    const address = join(await newHome(), "hub");
    const http = createServer().listen(address);
    later(() => http.close());
    await once(http, "listening");
    new WebSocketServer({ server: http }).on("connection", (ws) => {
      const say = (said: object) => ws.send(JSON.stringify(said));
      say({ welcome: { protocol: PROTOCOL, version: "9.0.0", pid: 1, since: new Date().toISOString() } });
      ws.on("message", (data) => {
        const { id, op } = JSON.parse(String(data));
        if (op === "retire") say({ id, ok: { retired: false } });
        else say({ id, error: { code: "code-of-the-future", message: "it rains" } });
      });
    });
    const client = await aClient({ address });
    const sharing = client.ask("share", { order: ORDER, content: { text: TEXT } });
    await expect(sharing).rejects.toMatchObject({ code: "peer-aborted", message: "it rains" });
    expect(await client.ask("retire", {})).toEqual({ retired: false });
  });

  it("goes on without its session, and is stopped by another one", async () => {
    const place = await aHub();
    const maker = await aClient(place);
    const { id } = await maker.ask("share", { order: ORDER, content: { text: TEXT } });
    maker.close();
    const other = await aClient(place);
    expect(await other.ask("stop", {})).toEqual([]); // all of its own
    expect(await other.ask("stop", { share: id })).toMatchObject([{ id, state: "stopped" }]);
    await expect(other.ask("stop", { share: "nobody's" })).rejects.toMatchObject({ code: "no-such-share" });
  });
});

describe("a receive", () => {
  const endless = (port: number): ReceiveOrder => {
    return { secret: "crisp-orbit-lunar", lan: { host: "127.0.0.1", port }, legacy: false, timeoutMs: 600_000 };
  };

  it("tells its steps, and answers cancelled when it is", async () => {
    const place = await aHub();
    const client = await aClient(place);
    const mute = await host(() => {});
    const cancel = new AbortController();
    const steps: string[] = [];
    const step = ({ at }: { at: string }) => {
      steps.push(at);
      if (at === "proving") cancel.abort();
    };
    const receiving = client.ask("receive", { order: endless(mute.port) }, { step, signal: cancel.signal });
    await expect(receiving).rejects.toMatchObject({ code: "cancelled" });
    expect(steps).toEqual(["looking", "proving"]);
    expect(JSON.parse((await answerTo(stranger(place, "/status"))).body)).toMatchObject({ running: 0 });
  });

  it("goes on telling its steps when the clock is set back", async () => {
    const place = await aHub();
    const client = await aClient(place);
    const text = randomBytes(90 * 1024).toString("base64");
    const share = await client.ask("share", { order: ORDER, content: { text } });
    const line = await cable(share.held.lan?.port ?? 0, [{ bytesPerSecond: 128 * 1024 }]);
    const order = { ...orderFor(share), lan: { host: "127.0.0.1", port: line.port } };
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    later(() => vi.useRealTimers());
    let told = 0;
    const step = (it: StepView) => {
      if (it.at !== "receiving") return;
      if (told === 0) vi.setSystemTime(Date.now() - 3_600_000);
      told += 1;
    };
    await client.ask("receive", { order }, { step });
    expect(told).toBeGreaterThan(2); // besides the first and the last
  });

  it("is refused where 256 run, and one can still look, and stop", async () => {
    const place = await aHub();
    const [client, other] = [await aClient(place), await aClient(place)];
    const share = await client.ask("share", { order: ORDER, content: { text: TEXT } });
    const { port } = await host(() => {});
    const order = endless(port);
    const ended = Promise.allSettled(Array.from({ length: 256 }, () => client.ask("receive", { order })));
    await expect(client.ask("receive", { order })).rejects.toMatchObject({ code: "hub-busy" });
    expect((await other.ask("holdings", {})).shares).toHaveLength(1);
    expect(await other.ask("stop", { share: share.id })).toMatchObject([{ state: "stopped" }]);
    client.close();
    await ended;
    const health = async () => JSON.parse((await answerTo(stranger(place, "/status"))).body);
    await eventually(health).toMatchObject({ running: 0 });
  });

  it("ends with the connection that asked for it", async () => {
    const place = await aHub();
    const client = await aClient(place);
    const mute = await host(() => {});
    const receiving = client.ask("receive", { order: endless(mute.port) });
    receiving.catch(() => {});
    await eventually(() => mute.visits).toBe(1);
    client.close();
    await expect(receiving).rejects.toMatchObject({ code: "hub-unreachable" });
    const running = async () => JSON.parse((await answerTo(stranger(place, "/status"))).body).running;
    await eventually(running).toBe(0);
  });
});

describe("its end", () => {
  it("comes when it has had nothing to do for long enough, and not while a share lives or something runs", async () => {
    const idleMs = 60_000;
    const place = await aHub({ idleMs });
    let over = false;
    void place.hub.over.then(() => {
      over = true;
    });
    const client = await aClient(place);
    let isAsked = false;
    const mute = await host((socket) => {
      socket.once("data", () => {
        isAsked = true;
      });
    });
    const cancel = new AbortController();
    const order = { secret: "a-b-c", lan: { host: "127.0.0.1", port: mute.port }, legacy: false, timeoutMs: 600_000 };
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    later(() => vi.useRealTimers());
    const receiving = client.ask("receive", { order }, { signal: cancel.signal });
    // From then on no time but its own limits it: until it is connected, its dialling has one.
    while (!isAsked) await new Promise((turn) => setImmediate(turn));
    const { id } = await client.ask("share", { order: ORDER, content: { text: TEXT } });
    await vi.advanceTimersByTimeAsync(2 * idleMs);
    await client.ask("stop", { share: id });
    await vi.advanceTimersByTimeAsync(2 * idleMs);
    expect(over).toBe(false);
    cancel.abort();
    await expect(receiving).rejects.toMatchObject({ code: "cancelled" });
    await vi.advanceTimersByTimeAsync(idleMs - 1);
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await place.hub.over;
  });

  it("is what retire asks for, and gets once no share lives and nothing runs", async () => {
    const place = await aHub();
    const client = await aClient(place);
    await client.ask("share", { order: ORDER, content: { text: TEXT } });
    expect(await client.ask("retire", {})).toEqual({ retired: false });
    await client.ask("stop", {});
    const mute = await host(() => {});
    const cancel = new AbortController();
    const order = { secret: "a-b-c", lan: { host: "127.0.0.1", port: mute.port }, legacy: false, timeoutMs: 60_000 };
    const receiving = client.ask("receive", { order }, { signal: cancel.signal });
    expect(await client.ask("retire", {})).toEqual({ retired: false });
    cancel.abort();
    await expect(receiving).rejects.toMatchObject({ code: "cancelled" });
    const retired = async () => (await client.ask("retire", {})).retired;
    await eventually(retired).toBe(true);
    await place.hub.over;
    await expect(aClient(place)).rejects.toThrow(); // nothing more is begun
  });

  it("closes its clients with 4001, and leaves no more than the number and what it remembers", async () => {
    const place = await aHub();
    const ws = await socketTo(place);
    await once(ws, "open");
    const client = await aClient(place);
    const { room } = await client.ask("share", { order: ORDER, content: { text: TEXT } });
    const closed = once(ws, "close");
    await place.hub[Symbol.asyncDispose]();
    expect((await closed)[0]).toBe(4001);
    expect((await readdir(place.home)).sort()).toEqual(["hub"]);
    expect((await readdir(join(place.home, "hub"))).sort()).toEqual([`${machine}.1`, `${machine}.json`]);
    const next = await aClient(await aHub({ home: place.home }));
    expect((await next.ask("holdings", {})).shares).toMatchObject([{ room, state: "stopped" }]);
  });
});
