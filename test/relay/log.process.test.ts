/** The log: what a relay's stdout says, and what it never does. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { RelayEvent } from "../../relay/src/observe/events.ts";
import { fieldsOf } from "../../relay/src/observe/log.ts";
import { until } from "../support/wait.ts";
import { harness } from "./support.ts";

const ENTRY = fileURLToPath(new URL("../../relay/dist/index.js", import.meta.url));
const { client, pair, undo } = harness();

const CODE = "a code of the test";

function start(env: Record<string, string>) {
  const child: ChildProcess = spawn(process.execPath, [ENTRY, "--host=127.0.0.1"], {
    env: { PATH: process.env.PATH, RELAY_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  undo.push(() => child.kill("SIGKILL"));
  const said = { text: "" };
  child.stdout?.on("data", (text) => {
    said.text += text;
  });
  const ended = once(child, "close").then(([code]) => code as number);
  return { child, said, ended };
}

async function turnedAway(url: string): Promise<void> {
  const ws = new WebSocket(`${url}/nothing`);
  ws.on("error", () => {});
  await once(ws, "unexpected-response");
}

/** A relay on which something of everything happens, and what it then has said. */
async function day(env: Record<string, string>) {
  const { child, said, ended } = start(env);
  await until("it listens", () => said.text.includes("\n"));
  const url = /ws:\/\/[^"\s]+/.exec(said.text)?.[0] ?? "";
  await turnedAway(url);
  const stranger = await client(url);
  stranger.say({ type: "JOIN_ROOM", room_id: "secret" });
  await stranger.ended;
  const { sender: a, receiver: b, room } = await pair(url);
  a.send("content of the test");
  a.ws.close(1000);
  await b.ended;
  const [c, d] = [await client(`${url}/?pair=${CODE}`), await client(`${url}/?pair=${CODE}`)];
  c.ws.terminate();
  await d.ended;
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  const lines = said.text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
  return { url, room, text: said.text, lines };
}

const always = { level: "info", time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) };

it("is a line of JSON for each event, from where it listens to its stop", async () => {
  const { url, room, text, lines } = await day({ RELAY_METRICS_PORT: "0" });
  expect(lines).toEqual([
    { ...always, event: "listening", metrics: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/), url },
    { ...always, event: "turned-away", why: "no-such-door" },
    { ...always, event: "refused", why: "room_not_found" },
    { ...always, event: "room-ended", why: "done" },
    { ...always, event: "pair-ended", why: "peer-left" },
    { ...always, event: "draining" },
    { ...always, event: "stopped", rooms_ended: { done: 1 } },
  ]);
  const rest = text.slice(text.indexOf("\n"));
  for (const never of ["127.0.0.1", room, "secret", CODE, "content"]) expect(rest).not.toContain(never);
});

it("names networks and the beginnings of rooms with RELAY_LOG_DETAIL=on, and no more", async () => {
  const { room, text, lines } = await day({ RELAY_LOG_DETAIL: "on" });
  expect(lines.slice(1, 5)).toEqual([
    { ...always, event: "turned-away", why: "no-such-door", from: "127.0.0.0/24" },
    { ...always, event: "refused", why: "room_not_found", from: "127.0.0.0/24" },
    { ...always, event: "room-ended", why: "done", room: `${room.slice(0, 2)}…` },
    { ...always, event: "pair-ended", why: "peer-left" },
  ]);
  const rest = text.slice(text.indexOf("\n"));
  for (const never of ["127.0.0.1", room, "secret", CODE, "content"]) expect(rest).not.toContain(never);
});

it("is nothing at all with RELAY_LOG=silent", async () => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await once(probe.close(), "close");
  const { child, said, ended } = start({ RELAY_LOG: "silent", RELAY_PORT: String(port) });
  await until("it serves", () =>
    fetch(`http://127.0.0.1:${port}/health`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  await turnedAway(`ws://127.0.0.1:${port}`);
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  expect(said.text).toBe("");
});

it("stops nobody when it is not read any more: the relay goes on, and lines are lost", async () => {
  const { child, said, ended } = start({});
  await until("it listens", () => said.text.includes("\n"));
  const url = /ws:\/\/[^"\s]+/.exec(said.text)?.[0] ?? "";
  child.stdout?.pause();
  // Some 90 bytes each, which is more than what lies between two processes.
  for (let i = 0; i < 60; i++) await Promise.all(Array.from({ length: 100 }, () => turnedAway(url)));
  const { sender: a, receiver: b } = await pair(url);
  a.send("through");
  expect(await b.text()).toBe("through");
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
  child.stdout?.resume();
  expect(await ended).toBe(0);
});

it("loses its lines to a disk that is full, and nothing else", async ({ skip }) => {
  skip(!existsSync("/dev/full"), "needs /dev/full, which only Linux and FreeBSD have");
  const full = openSync("/dev/full", "w");
  const port = await freePort();
  const child = spawn(process.execPath, [ENTRY, "--host=127.0.0.1", "--port", String(port)], {
    stdio: ["ignore", full, "inherit"],
    env: {},
  });
  closeSync(full);
  undo.push(() => child.kill("SIGKILL"));
  const ended = once(child, "close");
  await until("it serves", () =>
    fetch(`http://127.0.0.1:${port}/health`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

describe("the fields of an event", () => {
  it.each<[RelayEvent, object | undefined]>([
    [{ event: "cut", why: "crowded" }, { why: "crowded" }],
    [
      { event: "refused", why: "queue_full", address: "2001:db8:1:2::/64" },
      { why: "queue_full", from: "2001:db8:1::/48" },
    ],
    [
      { event: "turned-away", why: "unauthorized", address: "192.0.2.77" },
      { why: "unauthorized", from: "192.0.2.0/24" },
    ],
    [
      { event: "room-ended", why: "done", room: "abcdef" },
      { why: "done", room: "ab…" },
    ],
    [{ event: "closed", door: "room", why: "done" }, undefined],
  ])("%o, in detail", (event, fields) => {
    expect(fieldsOf(event, true)).toEqual(fields);
  });
});
