import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { eventually, until } from "../support/wait.ts";
import { PATIENT, pass, stopClock } from "./clock.ts";
import { below, harness, lives, rawFrame, roomsOf, tinyFrame, upgradeRequest } from "./support.ts";

const { relay, client, sender, pair, raw, rawUpgraded } = harness();

async function answerOf(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

test("tells its health and how many rooms there are", async () => {
  const { url, port } = await relay();
  await sender(url);
  const response = await fetch(`http://127.0.0.1:${port}/health`);
  expect(response.status).toBe(200);
  expect(await response.text()).toBe('{"ok":true,"rooms":1,"pairs":0,"tunnels":0,"draining":false}');
});

test("answers every other HTTP request with 404", async () => {
  const { port } = await relay();
  for (const path of ["/", "/healthz", "/health/", "/%00"]) {
    expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(404);
  }
  expect((await fetch(`http://127.0.0.1:${port}/health`, { method: "POST" })).status).toBe(404);
});

test.each([
  ["GET /health HTTP/1.1\r\nHost: relay.test\r\n\r\n"],
  ["GET /none HTTP/1.1\r\nHost: relay.test\r\n\r\n"],
  ["GET /health HTTP/1.1\r\nHost: relay.test\r\nExpect: more\r\n\r\n"],
])("answers one %j a connection, so that answers which nobody takes cannot pile up", async (request) => {
  const { port } = await relay();
  const socket = await raw(port);
  socket.write(request.repeat(100));
  expect((await answerOf(socket)).match(/HTTP\/1\.1/g)).toHaveLength(1);
});

test("upgrades on / and answers 404 on any other path", async () => {
  const { url, port } = await relay();
  await client(`${url}/?ignored`);
  for (const path of ["/room", "/health", "//"]) {
    const socket = await raw(port);
    socket.write(upgradeRequest(path));
    expect(await answerOf(socket)).toMatch(/^HTTP\/1\.1 404 /);
  }
});

test("compresses nothing, even when asked", async () => {
  const { url } = await relay();
  const a = await client(url, { perMessageDeflate: true });
  expect(a.ws.extensions).toBe("");
});

test("survives garbage instead of HTTP, half an upgrade, and a reset in the middle of one", async () => {
  const started = await relay({ upgradeMs: 300 });
  const garbage = await raw(started.port);
  garbage.write(randomBytes(10_000));
  expect(await answerOf(garbage)).toMatch(/^HTTP\/1\.1 400 /);
  const half = await raw(started.port);
  half.write(upgradeRequest().slice(0, 60));
  half.end();
  const reset = await raw(started.port);
  reset.write(upgradeRequest());
  reset.resetAndDestroy();
  const bad = await raw(started.port);
  bad.write(upgradeRequest().replace(/Key: .*/, "Key: short"));
  expect(await answerOf(bad)).toMatch(/^HTTP\/1\.1 400 /);
  const old = await raw(started.port);
  old.write(upgradeRequest().replace("Version: 13", "Version: 7"));
  expect(await answerOf(old)).toMatch(/^HTTP\/1\.1 400 /);
  await sender(started.url);
  expect(await roomsOf(started)).toBe(1);
});

test.each([
  ["random bytes", () => Buffer.concat([Buffer.from([0xff, 0xff]), randomBytes(50_000)])],
  ["an unmasked frame", () => Buffer.from([0x81, 0x02, 0x7b, 0x7d])],
  ["a reserved opcode", () => rawFrame(3, "x")],
  ["text that is no UTF-8", () => rawFrame(1, Buffer.from([0xc3, 0x28]))],
  ["a declared 2 GB", () => rawFrame(2, "x", 2n * 1024n ** 3n)],
  ["a declared 2^63", () => rawFrame(2, "x", 2n ** 63n)],
])("survives %s, as a first frame and from a sender in a transfer", async (_, bytes) => {
  const started = await relay({ closeMs: 200 });
  const before = process.memoryUsage().arrayBuffers;
  const stranger = await rawUpgraded(started.port);
  stranger.resume();
  stranger.write(bytes());
  await once(stranger, "close");

  const { sender: a, receiver: b } = await pair(started.url);
  below(a).write(bytes());
  const { code } = await b.ended;
  expect([4001, 4009]).toContain(code);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * 1024 * 1024);
  await eventually(() => roomsOf(started)).toBe(0);
  await sender(started.url);
});

test("fragments of one byte each, with pongs between them, cannot hold more than a whole message may", async () => {
  const { url } = await relay({ maxMessageBytes: 1024 * 1024 });
  const { sender: a, receiver: b } = await pair(url);
  const pongs = Buffer.concat(Array<Buffer>(500).fill(tinyFrame(10, "p".repeat(125))));
  below(a).write(tinyFrame(2, "x", { fin: false }));
  // 1.3 MB, of which 20 bytes are message.
  for (let i = 0; i < 20; i++) below(a).write(Buffer.concat([tinyFrame(0, "x", { fin: false }), pongs]));
  expect(await b.ended).toEqual({ code: 4009, reason: "too-big" });
  expect((await a.ended).code).toBe(1006);
});

test("a message of the limit in many frames passes, time and again", async () => {
  const { url } = await relay({ maxMessageBytes: 128 * 1024 });
  const { sender: a, receiver: b } = await pair(url);
  for (let message = 0; message < 10; message++) {
    for (let i = 1; i <= 128; i++) a.ws.send(Buffer.alloc(1024, message), { fin: i === 128 });
  }
  for (let message = 0; message < 10; message++) expect((await b.next()).data[128 * 1024 - 1]).toBe(message);
});

test("pongs of hours are no message that is too long", async () => {
  stopClock();
  const { url } = await relay({ ...PATIENT, pingMs: 1_000, maxBacklogBytes: 1024 });
  const { room, sender: a, receiver: b } = await pair(url);
  const c = await client(url);
  expect((await c.ask({ type: "JOIN_ROOM", room_id: room })).type).toBe("ROOM_JOINED");
  // Five times what a waiting receiver may say, each in answer to a ping.
  for (let i = 0; i < 20; i++) {
    const pinged = once(c.ws, "ping");
    pass(1_000);
    await pinged;
    c.ws.pong("p".repeat(125));
    c.ws.pong("p".repeat(125));
    for (const { ws } of [a, b, c]) await lives(ws);
  }
  c.send("my turn");
  await b.close();
  expect((await a.json()).type).toBe("PEER_DISCONNECTED");
  expect((await a.json()).type).toBe("PEER_JOINED");
  expect(await a.text()).toBe("my turn");
});

test("messages that never end take 256 MiB in all; of more, the oldest is cut, and others notice nothing", async () => {
  const { url, port } = await relay();
  const honest = await pair(url);
  const liars: Socket[] = [];
  const part = rawFrame(2, Buffer.alloc(9 * 1024 * 1024), 10n * 1024n * 1024n);
  for (let i = 0; i < 30; i++) {
    const liar = await raw(port);
    liar.write(upgradeRequest(`/?pair=${i >> 1}`));
    await once(liar, "data");
    liars.push(liar.resume());
  }
  for (const liar of liars) if (!liar.destroyed) await new Promise((said) => liar.write(part, said));
  await until("the oldest is cut", () => liars[0]?.destroyed === true);
  expect(liars.at(-1)?.destroyed).toBe(false);
  honest.receiver.send(Buffer.alloc(5 * 1024 * 1024));
  expect((await honest.sender.next()).data.length).toBe(5 * 1024 * 1024);
});
