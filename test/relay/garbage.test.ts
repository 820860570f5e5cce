import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { harness, rawFrame, roomsOf, upgradeRequest } from "./support.ts";

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
  expect(await response.text()).toBe('{"ok":true,"rooms":1}');
});

test("answers every other HTTP request with 404", async () => {
  const { port } = await relay();
  for (const path of ["/", "/healthz", "/health/", "/%00"]) {
    expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(404);
  }
  expect((await fetch(`http://127.0.0.1:${port}/health`, { method: "POST" })).status).toBe(404);
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
  const started = await relay({ firstMessageMs: 300 });
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
  const before = process.memoryUsage().rss;
  const stranger = await rawUpgraded(started.port);
  stranger.resume();
  stranger.write(bytes());
  await once(stranger, "close");

  const { sender: a, receiver: b } = await pair(started.url);
  // Below the client's own framing, on the connection that it holds.
  (a.ws as unknown as { _socket: Socket })._socket.write(bytes());
  const { code } = await b.ended;
  expect([4001, 4009]).toContain(code);
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  await expect.poll(() => roomsOf(started)).toBe(0);
  await sender(started.url);
});
