import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { until } from "../support/wait.ts";
import { harness, rawFrame, tinyFrame } from "./support.ts";

const ENTRY = fileURLToPath(new URL("../../relay/dist/index.js", import.meta.url));
const { relay, client, pair, rawUpgraded, undo } = harness();

function run(args: string[], env: Record<string, string> = {}) {
  const child: ChildProcess = spawn(process.execPath, [ENTRY, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  undo.push(() => child.kill("SIGKILL"));
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (text) => {
    output.stdout += text;
  });
  child.stderr?.on("data", (text) => {
    output.stderr += text;
  });
  const ended = once(child, "close").then(([code]) => ({ code, ...output }));
  return { child, output, ended };
}

async function started(args: string[] = []) {
  const process = run(["--port=0", "--host", "127.0.0.1", ...args]);
  await until("it listens", () => process.output.stdout.includes("\n"));
  const url = /"url":"(ws:\/\/127\.0\.0\.1:(\d+))"\}\n$/.exec(process.output.stdout);
  return { ...process, url: url?.[1] ?? "", port: Number(url?.[2]) };
}

function linesOf(stdout: string): unknown[] {
  return stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
}

test.each(["SIGTERM", "SIGINT"] as const)("says where it listens, serves, and ends with 0 on %s", async (signal) => {
  const { child, url, ended } = await started();
  const { sender: a, receiver: b } = await pair(url);
  a.send("through");
  expect(await b.text()).toBe("through");
  child.kill(signal);
  expect((await a.ended).code).toBe(4010);
  expect((await b.ended).code).toBe(4010);
  expect(await ended).toMatchObject({ code: 0, stderr: "" });
});

test("ends although a peer answers nothing, and logs no room, address or frame", async () => {
  const { child, port, ended } = await started();
  const socket = await rawUpgraded(port);
  socket.write(rawFrame(1, '{"type":"CREATE_ROOM"}'));
  const [answer] = (await once(socket, "data")) as [Buffer];
  const room = /"room_id":"([a-z0-9]{6})"/.exec(answer.toString("latin1"))?.[1] ?? "none";
  child.kill("SIGTERM");
  const { code, stdout } = await ended;
  expect(code).toBe(0);
  expect(stdout).not.toContain(room);
  const [, ...lines] = linesOf(stdout);
  expect(lines).toEqual([
    { level: "info", time: expect.any(String), event: "draining" },
    { level: "info", time: expect.any(String), event: "room-ended", why: "restart" },
    { level: "info", time: expect.any(String), event: "stopped", rooms_ended: { restart: 1 } },
  ]);
});

test("answers and ends while ten senders flood it with the smallest frames", async () => {
  const { child, port, ended } = await started(["--rate-limit-max=100"]);
  const flood = Buffer.concat(Array<Buffer>(700_000).fill(tinyFrame(1)));
  for (let i = 0; i < 10; i++) {
    const socket = await rawUpgraded(port);
    socket.resume();
    socket.write(rawFrame(1, '{"type":"CREATE_ROOM"}'));
    const pump = () => socket.write(flood, (lost) => lost ?? pump());
    pump();
  }
  expect(await (await fetch(`http://127.0.0.1:${port}/health`)).json()).toMatchObject({ ok: true, rooms: 10 });
  child.kill("SIGTERM");
  expect((await ended).code).toBe(0);
});

test("a second signal ends it at once", async () => {
  const { child, output, url, ended } = await started(["--drain-seconds=3600"]);
  const { sender: a, receiver: b } = await pair(url);
  b.send("a transfer that it would wait for");
  await a.next();
  child.kill("SIGTERM");
  await until("it waits", () => output.stdout.includes("draining"));
  child.kill("SIGTERM");
  expect((await ended).code).toBe(1);
});

test("killed in the middle of transfers it gives nobody a clean end, and its next start serves at once", async () => {
  const killed = await started();
  const { sender: a, receiver: b } = await pair(killed.url);
  a.send("begun");
  expect(await b.text()).toBe("begun");
  const sides = [await client(`${killed.url}/?pair=x`), await client(`${killed.url}/?pair=x`)];
  killed.child.kill("SIGKILL");
  for (const { ended } of [a, b, ...sides]) expect((await ended).code).toBe(1006);
  await killed.ended;
  const { url } = await started([`--port=${killed.port}`]);
  const { sender: c, receiver: d } = await pair(url);
  c.send("through");
  expect(await d.text()).toBe("through");
});

test("refuses to start with wrong settings, names them all on stderr, and exits with 2", async () => {
  const { code, stdout, stderr } = await run(["--port", "x", "--nonsense"], { RELAY_MAX_ROOMS: "many" }).ended;
  expect(code).toBe(2);
  expect(stdout).toBe("");
  for (const wrong of ["--port", "--nonsense", "RELAY_MAX_ROOMS"]) expect(stderr).toContain(wrong);
});

test("says in one line that its port is taken, and exits with 1", async () => {
  const { port } = await relay();
  const { code, stdout, stderr } = await run([`--port=${port}`, "--host=127.0.0.1"]).ended;
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/^relay: .*address already in use.*\n$/);
});

test("--help prints the settings and exits with 0", async () => {
  const { code, stdout, stderr } = await run(["--help"]).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("RELAY_RATE_LIMIT_MAX");
});
