/** The life of a server by itself, without a hub (DISTILL_HUB=off): what it holds ends with it. With a hub: test/hub/life.process.test.ts. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { ENTRY, makeSandbox } from "../support/server.ts";
import { eventually } from "../support/wait.ts";
import {
  BUFFERS,
  CAUSES,
  type Cause,
  halfWay,
  itEnds,
  itSurvivesItsReceiver,
  itSurvivesItsSender,
  SITUATIONS,
  startBare,
  startServer,
  twoServers,
} from "./life-suite.ts";
import { DOCUMENT, longFile, SHORT, sha256 } from "./texts.ts";
import { falseRelay, isOpen, relayHere, relayProcess, wireTo } from "./wires.ts";

const two = twoServers();

// Each situation once, and each cause at least once: the others are in life.long.test.ts.
const causes = Object.keys(CAUSES) as Cause[];
const situations = Object.keys(SITUATIONS) as (keyof typeof SITUATIONS)[];
for (const [at, situation] of situations.entries()) {
  itEnds(causes[at % causes.length] ?? "SIGTERM", situation, two);
}

it("ends with its client, even if that is killed by SIGKILL while a share waits", async () => {
  const { base, home, project } = await makeSandbox();
  // A client of a few lines: it starts the server on its own pipes, shares, and tells what it got.
  const client = spawn(
    process.execPath,
    [
      "-e",
      `const server = require("node:child_process").spawn(process.execPath, [${JSON.stringify(ENTRY)}], { stdio: ["pipe", "pipe", "inherit"] });
       const say = (message) => server.stdin.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
       server.stdout.on("data", (data) => { if (String(data).includes("share_id")) console.log(server.pid + " " + /"port":(\\d+)/.exec(data)[1]); });
       say({ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "c", version: "1" } } });
       say({ method: "notifications/initialized" });
       say({ id: 2, method: "tools/call", params: { name: "distill_share", arguments: { content: "# Text", mode: "lan" } } });`,
    ],
    {
      env: {
        PATH: process.env.PATH,
        HOME: base,
        DISTILL_HOME: home,
        DISTILL_HUB: "off",
        CLAUDE_PROJECT_DIR: project,
        DISTILL_MDNS: "off",
      },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const [line] = await once(client.stdout, "data");
  const [pid = 0, port = 0] = String(line).trim().split(" ").map(Number);
  expect(await isOpen(port)).toBe(true);
  client.kill("SIGKILL");
  await eventually(() => isOpen(port)).toBe(false);
  await eventually(() => isAlive(pid)).toBe(false);
});

/** One that has ended, and that nobody has asked for its code, has no command line any more. */
async function isAlive(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")) !== "";
}

itSurvivesItsReceiver("lan", two);
itSurvivesItsSender("relay", two);

describe("SIGKILL of the relay", () => {
  it("which then has forgotten the room, ends the share, and the receiver looks for it and keeps nothing", async () => {
    const { sender, receiver } = two;
    const before = await receiver.kept("inbox");
    const relay = await relayProcess();
    const { wire, call } = await halfWay(two, "relay", { at: relay });
    relay.kill();
    wire.cut();
    await relayProcess({ port: relay.port });
    await call.isInVain();
    expect(await sender.becomes("failed")).toMatchObject({ delivered: 0, unconfirmed: 0, last_failure: "link-lost" });
    expect(await receiver.kept("inbox")).toEqual(before);
  });

  it("which then gives the room back, is made good, and the document arrives", async () => {
    const { sender, receiver } = two;
    const before = await receiver.kept("inbox");
    const secret = "the secret of this test, thirty-two characters";
    const relay = await relayProcess({ secret });
    const { wire, call, share } = await halfWay(two, "relay", { at: relay, bytes: SHORT });
    relay.kill();
    wire.cut();
    await relayProcess({ secret, port: relay.port });
    expect(await call.ended).toContain("Saved to");
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: 1, unconfirmed: 0 });
    const [folder = ""] = (await receiver.kept("inbox")).filter((name) => !before.includes(name));
    expect(sha256(await readFile(join(receiver.sandbox.home, "inbox", folder, "original.md")))).toBe(share.sha256);
  });
});

describe("stdout", () => {
  it("carries MCP and nothing else, whatever happens and is logged", async () => {
    const relay = await relayHere();
    const env = { DISTILL_LOG: "info", DISTILL_RELAY_URL: relay.url };
    const [sender, receiver] = await Promise.all([startBare({ env }), startBare({ env })]);
    const { code, lan } = await sender.share({ content: DOCUMENT, receivers: 2 });
    const at = `127.0.0.1:${lan?.port}`;
    const _meta = { progressToken: 7 };
    for (const args of [
      { code },
      { code, host: at },
      { code },
      { code: "x" },
      { code, host: "127.0.0.1:1", mode: "lan" },
    ]) {
      await receiver.ask("tools/call", { name: "distill_receive", arguments: args, _meta });
    }
    for (const server of [sender, receiver]) {
      server.child.stdin?.end();
      await server.ended;
    }
    for (const { stdout, stderr, lines } of [sender, receiver]) {
      expect(stdout.endsWith("\n")).toBe(true);
      for (const line of lines) expect(JSON.parse(line)).toMatchObject({ jsonrpc: "2.0" });
      expect(stderr).toMatch(/^(claude-spread \S+ (info|error) .*\n)+$/);
    }
    expect(receiver.lines.some((line) => line.includes("notifications/progress"))).toBe(true);
  });

  it("carries no progress for a client that did not ask", async () => {
    const receiver = await startBare();
    const { code, lan } = await two.sender.share({ content: DOCUMENT, mode: "lan" });
    await receiver.ask("tools/call", { name: "distill_receive", arguments: { code, host: `127.0.0.1:${lan?.port}` } });
    expect(receiver.lines).toHaveLength(2);
  });

  it("that is closed ends the process, and with it the share", async () => {
    const server = await startBare();
    const { lan } = await server.share({ content: DOCUMENT, mode: "lan" });
    server.child.stdout?.destroy();
    server.send("tools/list", {});
    await server.ended;
    expect(await isOpen(lan?.port ?? 0)).toBe(false);
  });
});

it("a log that nobody reads any more costs the log, not the server", async () => {
  const server = await startBare({ env: { DISTILL_LOG: "info" } });
  const { lan } = await server.share({ content: DOCUMENT, mode: "lan" });
  server.child.stderr?.destroy();
  for (let i = 0; i < 5; i++) {
    await server.ask("tools/call", { name: "distill_receive", arguments: { code: "x" } });
  }
  expect(await isOpen(lan?.port ?? 0)).toBe(true);
});

describe("stdin", () => {
  it("may hold what is no JSON, and the server answers what follows", async () => {
    const server = await startBare();
    server.write('garbage\n{"jsonrpc":"2.0"}\n\n');
    const { tools } = await server.ask<{ tools: unknown[] }>("tools/list", {});
    expect(tools).toHaveLength(8);
  });

  it("may hold a message above the limit: the server answers on, or ends as if its client had gone", async () => {
    const server = await startBare();
    const { lan } = await server.share({ content: DOCUMENT, mode: "lan" });
    const id = server.send("tools/call", {
      name: "distill_share",
      arguments: { content: "word ".repeat(3_000_000), mode: "lan" },
    });
    const answered = () => server.lines.some((line) => JSON.parse(line).id === id);
    await eventually(() => answered() || server.child.exitCode !== null).toBe(true);
    server.child.stdin?.end();
    await server.ended;
    expect(await isOpen(lan?.port ?? 0)).toBe(false);
  });

  it("that ends ends the process even behind a message above the limit", async () => {
    const server = await startBare();
    const { lan } = await server.share({ content: DOCUMENT, mode: "lan" });
    server.write(`${"x".repeat(11 * 1024 * 1024)}\n`);
    server.child.stdin?.end();
    await server.ended;
    expect(await isOpen(lan?.port ?? 0)).toBe(false);
  });
});

describe("a home", () => {
  it("serves two servers at once", async () => {
    const first = await startServer();
    const second = await startServer({ sandbox: first.sandbox });
    const share = await two.sender.share({ content: DOCUMENT, mode: "lan", receivers: 10 });
    const args = { code: share.code, host: `127.0.0.1:${share.lan?.port}` };
    const taken = await Promise.all([first, second, first, second].map((server) => server.receive(args)));
    expect(new Set(taken.map(({ saved_to }) => dirname(saved_to))).size).toBe(4);
    expect(await first.kept("inbox")).toHaveLength(4);
    expect(await first.kept("staging")).toEqual([]);
  });

  it("keeps what another server is receiving into it when one starts", async () => {
    const { sender } = two;
    const share = await sender.share({ path: await longFile(sender.project, SHORT), mode: "lan" });
    const wire = await wireTo(share.lan?.port ?? 0, BUFFERS);
    const first = await startServer();
    const call = first.receive({ code: share.code, host: `127.0.0.1:${wire.port}` });
    await eventually(() => first.kept("staging")).toHaveLength(1);
    const dead = join(first.home, "staging", (await first.kept("staging"))[0]?.replace(/^\d+/, "999999999") ?? "");
    await mkdir(dead);
    await writeFile(join(dead, "original.md"), "x");
    const second = await startServer({ sandbox: first.sandbox });
    await eventually(() => second.kept("staging")).toHaveLength(1); // the dead one's is swept
    wire.release();
    expect((await call).sha256).toBe(share.sha256);
  });

  it("is not made before something has to be kept in it", async () => {
    const server = await startServer();
    await server.share({ content: DOCUMENT, mode: "lan" });
    await server.shares();
    await expect(readdir(server.home)).rejects.toMatchObject({ code: "ENOENT" });
  });
});

it("a server outlives whatever its visitors and relays do", async () => {
  const server = await startServer();
  const { lan } = await server.share({ content: DOCUMENT, mode: "lan" });
  const garbage = await falseRelay((ws) => ws.send(Buffer.alloc(11 * 1024 * 1024)));
  await server.fails("distill_receive", { code: "7f3k2a-crisp-original-lunar", relay_url: garbage });
  await Promise.all(Array.from({ length: 30 }, () => fetch(`http://127.0.0.1:${lan?.port}/`).catch(() => {})));
  expect(await server.status()).toMatchObject({ state: "waiting", failed_attempts: 0 });
});
