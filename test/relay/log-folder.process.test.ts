/** RELAY_LOG_DIR: what a day leaves in the folder, and that nothing waits for the disk. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { WebSocket } from "ws";
import { LogFolder } from "../../relay/src/observe/log-folder.ts";
import { until } from "../support/wait.ts";
import { harness } from "./support.ts";

const ENTRY = fileURLToPath(new URL("../../relay/dist/index.js", import.meta.url));
const { pair, undo } = harness();

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "relay-log-"));
  undo.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

const json = async (...path: string[]) => JSON.parse(await readFile(join(...path), "utf8"));
const linesIn = async (...path: string[]) =>
  (await readFile(join(...path), "utf8")).split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));

function run(env: Record<string, string>, command = [process.execPath, ENTRY, "--host=127.0.0.1", "--port=0"]) {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  undo.push(() => child.kill("SIGKILL"));
  const said = { out: "", err: "" };
  child.stdout.on("data", (text) => {
    said.out += text;
  });
  child.stderr.on("data", (text) => {
    said.err += text;
  });
  return { child, said, ended: once(child, "close").then(([code]) => code as number) };
}

async function turnedAway(url: string): Promise<void> {
  const stranger = new WebSocket(`${url}/nothing`);
  stranger.on("error", () => {});
  await once(stranger, "unexpected-response");
}

/** A relay in which one room is done with and one request turned away, and which then ends. */
async function day(env: Record<string, string>): Promise<void> {
  const { child, said, ended } = run(env);
  await until("it listens", () => said.out.includes("\n"));
  const url = /ws:\/\/[^"\s]+/.exec(said.out)?.[0] ?? "";
  await turnedAway(url);
  const { sender, receiver } = await pair(url);
  sender.send("content of the test");
  sender.ws.close(1000);
  await receiver.ended;
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
}

it("holds the lines of a day as they are on stdout, and how many there were of what, over several starts", async () => {
  const parent = await folder();
  const dir = join(parent, "made", "for it");
  await day({ RELAY_LOG_DIR: dir });
  await day({ RELAY_LOG_DIR: dir });
  const names = await readdir(dir);
  const [, today = ""] = /^counts-(.*)\.json$/.exec(names.find((name) => name.startsWith("counts")) ?? "") ?? [];
  expect(names.sort()).toEqual([`counts-${today}.json`, `events-${today}.jsonl`]);
  const events = (await linesIn(dir, `events-${today}.jsonl`)).map(({ event, why }) => [event, why]);
  const each = [
    ["listening", undefined],
    ["turned-away", "no-such-door"],
    ["room-ended", "done"],
    ["draining", undefined],
    ["stopped", undefined],
  ];
  expect(events).toEqual([...each, ...each]);
  expect(await json(dir, `counts-${today}.json`)).toEqual({
    listening: 2,
    "turned-away no-such-door": 2,
    "room-ended done": 2,
    draining: 2,
    stopped: 2,
  });
  expect((await stat(dir)).mode & 0o007).toBe(0);
  expect((await stat(join(dir, `events-${today}.jsonl`))).mode & 0o007).toBe(0);
});

it("is written with RELAY_LOG=silent too", async () => {
  const dir = await folder();
  const { child, said, ended } = run({ RELAY_LOG_DIR: dir, RELAY_LOG: "silent" });
  await until("it has written", async () => {
    const [name] = await readdir(dir);
    return name !== undefined && (await readFile(join(dir, name), "utf8")).includes('"listening"');
  });
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  expect(said.out).toBe("");
});

it("a folder that cannot be made is said at the start", async () => {
  const parent = await folder();
  await writeFile(join(parent, "file"), "");
  const { said, ended } = run({ RELAY_LOG_DIR: join(parent, "file", "folder") });
  expect(await ended).toBe(1);
  expect(said.err).toMatch(/^relay: cannot start: ENOTDIR.*\n$/);
});

it("a new day has new files, and lines of the 31st day before are removed, counts not", async () => {
  const dir = await folder();
  for (const name of ["events-2026-01-30.jsonl", "events-2026-01-31.jsonl", "counts-2026-01-30.json", "mine.txt"]) {
    await writeFile(join(dir, name), "");
  }
  let today = "2026-03-01";
  const log = await LogFolder.open(dir, () => today);
  log.write('{"n":1}\n');
  log.count("a");
  today = "2026-03-02";
  log.write('{"n":2}\n');
  log.count("b");
  await until("the old one is gone", async () => !(await readdir(dir)).includes("events-2026-01-30.jsonl"));
  await log.close(1000);
  expect((await readdir(dir)).sort()).toEqual([
    "counts-2026-01-30.json",
    "counts-2026-03-01.json",
    "counts-2026-03-02.json",
    "events-2026-01-31.jsonl",
    "events-2026-03-01.jsonl",
    "events-2026-03-02.jsonl",
    "mine.txt",
  ]);
  expect(await linesIn(dir, "events-2026-03-01.jsonl")).toEqual([{ n: 1 }]);
  expect(await linesIn(dir, "events-2026-03-02.jsonl")).toEqual([{ n: 2 }]);
  expect(await json(dir, "counts-2026-03-01.json")).toEqual({ a: 1 });
  expect(await json(dir, "counts-2026-03-02.json")).toEqual({ b: 1 });
});

it("a day has at most 64 MiB of lines: further ones are lost, and counted as such", async () => {
  const dir = await folder();
  await writeFile(join(dir, "events-2026-03-01.jsonl"), Buffer.alloc(64 * 1024 * 1024 - 10, "\n"));
  const log = await LogFolder.open(dir, () => "2026-03-01");
  log.write("12345678\n");
  log.write("12345678\n");
  await log.close(1000);
  expect((await stat(join(dir, "events-2026-03-01.jsonl"))).size).toBe(64 * 1024 * 1024 - 1);
  expect(await json(dir, "counts-2026-03-01.json")).toEqual({ "line-lost": 1 });
});

it("counts what the disk did not take, also of what was on its way", async ({ skip }) => {
  skip(!existsSync("/dev/full"), "needs /dev/full, which only Linux and FreeBSD have");
  const dir = await folder();
  await symlink("/dev/full", join(dir, "events-2026-03-01.jsonl"));
  const log = await LogFolder.open(dir, () => "2026-03-01");
  for (let n = 0; n < 3; n++) log.write(`{"n":${n}}\n`);
  log.count("a");
  await log.close(1000);
  expect(await json(dir, "counts-2026-03-01.json")).toEqual({ a: 1, "line-lost": 3 });
});

it("loses lines to a full disk, and nothing else", async ({ skip }) => {
  skip(process.getuid?.() !== 0, "needs root, to mount a disk of 64 KiB");
  const dir = await folder();
  const inside = `mount -t tmpfs -o size=64k none ${dir} && exec ${process.execPath} ${ENTRY} --host=127.0.0.1 --port=0`;
  const { child, said, ended } = run({ RELAY_LOG_DIR: dir, PATH: process.env.PATH ?? "" }, [
    "unshare",
    "--mount",
    "sh",
    "-c",
    inside,
  ]);
  await until("it listens", () => said.out.includes("\n"));
  const url = /ws:\/\/[^"\s]+/.exec(said.out)?.[0] ?? "";
  // Some 100 bytes each.
  for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 50 }, () => turnedAway(url)));
  const { sender, receiver } = await pair(url);
  sender.send("through");
  expect(await receiver.text()).toBe("through");
  const left = await readFile(`/proc/${child.pid}/root${dir}/${(await readdir(`/proc/${child.pid}/root${dir}`))[0]}`);
  expect(left.length).toBe(64 * 1024);
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  expect(said.err).toBe("");
});
