/** What becomes of shares when processes end: servers, the hub, and the clients of both. Real processes, killed for real. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { LoggingMessageNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { textMaterial } from "../../src/content/material.ts";
import { machine } from "../../src/home/folders.ts";
import { HubService } from "../../src/hub/client.ts";
import { REQUEST_MS } from "../../src/hub/ops.ts";
import { DOCUMENT, longFile, SHORT, wrong } from "../mcp/texts.ts";
import { isOpen, patient, relayHere, wireTo } from "../mcp/wires.ts";
import { later } from "../support/later.ts";
import {
  ENTRY,
  endHub,
  hubOf,
  hubsOf,
  makeSandbox,
  type Offered,
  type Sandbox,
  startServer,
  type TestServer,
} from "../support/server.ts";
import { eventually, settled } from "../support/wait.ts";
import { hubHere, itGivesWay, itGoesOnByTheNextOne, itIsFoundThough, itOutlives, ORDER } from "./life-suite.ts";

const BUFFERS = 64 * 1024;
/** How long a hub may take to say welcome. */
const WELCOME_MS = 5_000;
const two = {} as { sender: TestServer; receiver: TestServer };
beforeAll(async () => {
  [two.sender, two.receiver] = await Promise.all([startServer({ lasting: true }), startServer({ lasting: true })]);
});

const at = ({ lan }: Offered) => `127.0.0.1:${lan?.port}`;

async function killHub(home: string): Promise<void> {
  const hub = await hubOf(home);
  if (!hub) throw new Error("there is no hub");
  process.kill(hub.pid, "SIGKILL");
  await eventually(() => hubsOf(home)).toEqual([]);
}

describe("a share outlives the server that made it, and is delivered, behind", () => {
  itOutlives("the end of stdin");

  it("the end of its whole process group, as a terminal that is closed brings it", async () => {
    const { home, project, base } = await makeSandbox();
    const script = `const server = require("node:child_process").spawn(process.execPath, [${JSON.stringify(ENTRY)}], { stdio: ["pipe", "pipe", "inherit"] });
      const say = (message) => server.stdin.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
      server.stdout.on("data", (data) => { if (String(data).includes("share_id")) console.log(/"port":(\\d+)/.exec(data)[1]); });
      say({ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "c", version: "1" } } });
      say({ method: "notifications/initialized" });
      say({ id: 2, method: "tools/call", params: { name: "distill_share", arguments: { content: "# Text", mode: "lan" } } });`;
    const env = {
      PATH: process.env.PATH,
      HOME: base,
      DISTILL_HOME: home,
      CLAUDE_PROJECT_DIR: project,
      DISTILL_MDNS: "off",
    };
    const client = spawn(process.execPath, ["-e", script], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    const [port] = await once(client.stdout, "data");
    process.kill(-(client.pid ?? 0), "SIGKILL");
    await once(client, "exit");
    expect(await isOpen(Number(port))).toBe(true);
  });
});

it("a transfer goes on when the sender's server is killed in the middle of it", async () => {
  const sender = await startServer();
  const share = await sender.share({ path: await longFile(sender.project, SHORT), mode: "lan" });
  const wire = await wireTo(share.lan?.port ?? 0, BUFFERS);
  const call = two.receiver.receive({ code: share.code, host: `127.0.0.1:${wire.port}` });
  await wire.full();
  sender.kill("SIGKILL");
  wire.release();
  expect((await call).sha256).toBe(share.sha256);
});

it("what is being received goes with the server that asked for it, and leaves nothing", async () => {
  const { sender } = two;
  const receiver = await startServer();
  const share = await sender.share({ path: await longFile(sender.project), mode: "lan" });
  const wire = await wireTo(share.lan?.port ?? 0, BUFFERS);
  const call = receiver.receive({ code: share.code, host: `127.0.0.1:${wire.port}` });
  call.catch(() => {});
  await wire.full();
  receiver.kill("SIGKILL");
  await eventually(() => receiver.kept("staging")).toEqual([]);
  expect(await receiver.kept("inbox")).toEqual([]);
  expect(await sender.becomes("waiting")).toMatchObject({ delivered: 0, unconfirmed: 0 });
});

describe("a session", () => {
  it("stops a share of another one by its id, and by all: true its own alone", async () => {
    const first = await startServer();
    const second = await startServer({ sandbox: first.sandbox });
    const foreign = await first.share({ content: "# One", mode: "lan" });
    await second.share({ content: "# Two", mode: "lan" });
    const all = (await second.call("distill_stop", { all: true })).data as { stopped: unknown[] };
    expect(all.stopped).toHaveLength(1);
    expect((await first.shares()).map(({ title, state }) => [title, state])).toEqual([
      ["One", "waiting"],
      ["Two", "stopped"],
    ]);
    await second.call("distill_stop", { share_id: foreign.share_id });
    expect((await first.shares()).map(({ state }) => state)).toEqual(["stopped", "stopped"]);
    expect(await isOpen(foreign.lan?.port ?? 0)).toBe(false);
  });

  it("is told what becomes of its shares, and of no others", async () => {
    const maker = await startServer();
    const other = await startServer({ sandbox: maker.sandbox });
    const { receiver } = two;
    const said = [maker, other].map(({ client }) => {
      const lines: string[] = [];
      client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
        lines.push(`${params.level}: ${params.data}`);
      });
      return lines;
    });
    const share = await maker.share({ content: DOCUMENT, mode: "lan" });
    await other.shares();
    const guess = { code: wrong(share.code), host: at(share) };
    expect((await receiver.fails("distill_receive", guess)).code).toBe("wrong-code");
    await receiver.receive({ code: share.code, host: at(share) });
    const head = `Share ${share.share_id}, room ${share.room}:`;
    await eventually(() => said[0]).toEqual([
      expect.stringMatching(`^warning: ${head} waiting for 1 more .* 1 wrong attempts`),
      `info: ${head} delivered to 1 of 1`,
    ]);
    expect(said[1]).toEqual([]);
    expect(said.flat().join()).not.toContain(share.code?.slice(7));
  });

  it("is told where the shares are kept, and starts nothing by asking", async () => {
    const server = await startServer();
    const nothing = (await server.call("distill_status")).data;
    expect(nothing).toEqual({ shares: [], receiving: [], installed: [] });
    expect((await server.call("distill_stop", { all: true })).data).toEqual({ stopped: [] });
    await expect(readdir(server.home)).rejects.toMatchObject({ code: "ENOENT" });
    await server.share({ content: DOCUMENT, mode: "lan" });
    const { hub } = (await server.call("distill_status")).data as { hub: object };
    const [pid] = await hubsOf(server.home);
    expect(hub).toEqual({ pid, version: "0.1.0", since: expect.any(String) });
  });
});

describe("a hub that is killed", () => {
  it("takes its shares with it: the next status says lost, and a new share finds a new hub", async () => {
    const server = await startServer();
    const first = await server.share({ content: DOCUMENT, mode: "lan" });
    await killHub(server.home);
    expect(await server.status()).toMatchObject({ share_id: first.share_id, state: "lost", title: "" });
    expect((await server.call("distill_status")).text).toContain("lost, because the process that kept it was ended");
    expect(await hubsOf(server.home)).toEqual([]);
    expect(await isOpen(first.lan?.port ?? 0)).toBe(false);
    const again = await server.share({ content: DOCUMENT, mode: "lan" });
    const shares = await server.shares();
    expect(shares.map(({ share_id, state }) => [share_id, state])).toEqual([
      [first.share_id, "lost"],
      [again.share_id, "waiting"],
    ]);
  });

  it("while it receives fails the call with hub-unreachable, and the next hub sweeps up", async () => {
    const { sender } = two;
    const receiver = await startServer();
    const share = await sender.share({ path: await longFile(sender.project), mode: "lan" });
    const wire = await wireTo(share.lan?.port ?? 0, BUFFERS);
    const args = { code: share.code, host: `127.0.0.1:${wire.port}` };
    const call = receiver.fails("distill_receive", args);
    await wire.full();
    await killHub(receiver.home);
    expect((await call).code).toBe("hub-unreachable");
    expect(await receiver.kept("inbox")).toEqual([]);
    wire.release();
    await sender.becomes("waiting");
    expect((await receiver.receive(args)).sha256).toBe(share.sha256);
    expect(await receiver.kept("staging")).toEqual([]);
  });
});

it("a hub that is ended by SIGTERM stops its shares, and remembers what was delivered", async () => {
  const sender = await startServer();
  const { receiver } = two;
  const done = await sender.share({ content: DOCUMENT, mode: "lan" });
  await receiver.receive({ code: done.code, host: at(done) });
  const before = await receiver.kept("inbox");
  const share = await sender.share({ path: await longFile(sender.project), mode: "lan" });
  const wire = await wireTo(share.lan?.port ?? 0, BUFFERS);
  const call = patient(receiver, { code: share.code, host: `127.0.0.1:${wire.port}` });
  await wire.full();
  await endHub(sender.home);
  wire.release();
  await call.isInVain();
  expect(await receiver.kept("inbox")).toEqual(before);
  const shares = await sender.shares();
  expect(shares.map(({ share_id, state }) => [share_id, state])).toEqual([
    [done.share_id, "delivered"],
    [share.share_id, "stopped"],
  ]);
  // What has ended stays as it ended.
  const stopped = await sender.call("distill_stop", { share_id: done.share_id });
  expect(stopped.data).toEqual({
    stopped: [{ share_id: done.share_id, state: "delivered", delivered: 1, unconfirmed: 0 }],
  });
});

describe("one hub", () => {
  /** `claude-spread hub`, as it is started by hand. */
  function bareHub({ base, home }: Sandbox): ChildProcess {
    const env = { PATH: process.env.PATH, HOME: base, DISTILL_HOME: home };
    const child = spawn(process.execPath, [ENTRY, "hub"], { env, stdio: "ignore" });
    later(() => child.kill("SIGKILL"));
    return child;
  }

  it("is left of eight that are started at once; the others leave by themselves", async () => {
    const sandbox = await makeSandbox();
    const hubs = Array.from({ length: 8 }, () => bareHub(sandbox));
    await eventually(() => hubs.filter(({ exitCode }) => exitCode === 0).length).toBe(7);
    const [left] = hubs.filter(({ exitCode }) => exitCode === null);
    expect(await hubOf(sandbox.home)).toMatchObject({ pid: left?.pid });
    expect(await hubsOf(sandbox.home)).toEqual([left?.pid]);
    expect((await readdir(join(sandbox.home, "hub"))).filter((name) => !name.endsWith(".json"))).toEqual([
      `${machine}.1`,
    ]);
  });

  it("keeps the shares of four sessions that make their first one at once", async () => {
    const sandbox = await makeSandbox();
    const servers = await Promise.all(Array.from({ length: 4 }, () => startServer({ sandbox })));
    const shares = await Promise.all(servers.map((it) => it.share({ content: DOCUMENT, mode: "lan" })));
    await eventually(() => hubsOf(sandbox.home)).toHaveLength(1); // once the slower ones have left
    const listed = await servers[0]?.shares();
    expect(new Set(listed?.map(({ share_id }) => share_id))).toEqual(new Set(shares.map(({ share_id }) => share_id)));
    expect(listed?.filter((it) => it.this_session)).toHaveLength(1);
  });

  itIsFoundThough("is a link to a file of the user's");
});

itGoesOnByTheNextOne(1);

describe("of another version, the hub", () => {
  async function between(hubVersion: string, ownVersion: string) {
    const { sandbox, as, share } = await hubHere(hubVersion);
    return { sandbox, share, old: as(hubVersion), own: as(ownVersion) };
  }

  itGivesWay("0.9.0", "0.10.0");

  it("goes on if it is older and keeps a share, and serves the newer one", async () => {
    const { sandbox, share, old, own } = await between("0.0.9", "0.1.0");
    await share(old);
    await share(own);
    const { hub, shares } = await own.status();
    expect([hub?.version, shares.length]).toEqual(["0.0.9", 2]);
    expect(await hubsOf(sandbox.home)).toEqual([]);
  });

  it("goes on if it is newer", async () => {
    const { share, own } = await between("0.2.0", "0.1.0");
    await share(own);
    expect((await own.status()).hub?.version).toBe("0.2.0");
  });
});

describe("nothing secret", () => {
  it("is in the hub's arguments, environment, log or files, whatever is shared and logged", async () => {
    const token = "a-token-of-the-office-42";
    const relay = await relayHere({ tokens: [token] });
    const sandbox = await makeSandbox();
    const env = {
      DISTILL_RELAY_URL: relay.url,
      DISTILL_RELAY_TOKEN: token,
      DISTILL_LOG: "info",
      HTTPS_PROXY: "http://me:hunter2@proxy.example",
      ANTHROPIC_API_KEY: "sk-ant-hunter3",
    };
    const server = await startServer({ sandbox, env });
    const { receiver } = two;
    const share = await server.share({ content: "# Tell nobody\n\nof the whale.\n", receivers: 2 });
    await server.share({ content: "# Tell nobody\n", mode: "lan", passphrase: "seventeen swans" });
    await receiver.receive({ code: share.code, host: at(share) });
    const pid = (await hubOf(sandbox.home))?.pid;
    const files = ["hub.json", "hub.log", `hub/${machine}.json`].map((name) => join(sandbox.home, name));
    await eventually(() => readFile(files[2] ?? "", "utf8")).toContain('"delivered":1');
    await eventually(() => readFile(files[1] ?? "", "utf8")).toContain("transferred");
    const texts = await Promise.all(
      [...files, `/proc/${pid}/cmdline`, `/proc/${pid}/environ`].map((path) => readFile(path, "latin1")),
    );
    const words = share.code?.slice(7) ?? "";
    for (const secret of [words, token, "hunter", "whale", "Tell nobody", "seventeen", share.sha256]) {
      expect(
        texts.filter((text) => text.includes(secret)),
        secret,
      ).toEqual([]);
    }
    for (const file of files) expect((await stat(file)).mode & 0o777, file).toBe(0o600);
  });

  it("is read by a hub that another user could have set up: its client refuses the folder", async () => {
    const sandbox = await makeSandbox();
    await mkdir(join(sandbox.home, "hub"), { recursive: true, mode: 0o777 });
    const server = await startServer({ sandbox });
    const { code } = await server.fails("distill_share", { content: DOCUMENT, mode: "lan" });
    expect(code).toBe("hub-unreachable");
    expect(await hubsOf(sandbox.home)).toEqual([]);
  });
});

it("a hub that cannot start says why, by the code", async () => {
  const { home, base } = await makeSandbox();
  await mkdir(join(home, "hub"), { recursive: true, mode: 0o777 });
  await chmod(join(home, "hub"), 0o777);
  const env = { PATH: process.env.PATH, HOME: base, DISTILL_HOME: home };
  const hub = spawn(process.execPath, [ENTRY, "hub"], { env, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  hub.stderr.setEncoding("utf8").on("data", (text) => {
    log += text;
  });
  expect(await once(hub, "close")).toEqual([1, null]);
  expect(log).toMatch(/^claude-spread \S+ error the hub cannot start: hub-unreachable\n$/);
});

it("a hub that ends as it starts is started five times at most, and the call says where to look", async () => {
  const sandbox = await makeSandbox();
  const entry = join(sandbox.base, "broken.mjs");
  await writeFile(entry, 'process.stderr.write("no way\\n"); process.exit(1);');
  const service = new HubService({ home: sandbox.home, version: "0.1.0", entry, onEvent: () => {} });
  const sharing = service.share(ORDER, [textMaterial(DOCUMENT)], new AbortController().signal);
  await expect(sharing).rejects.toMatchObject({ code: "hub-unreachable", hint: expect.stringContaining("hub.log") });
  expect(await readFile(join(sandbox.home, "hub.log"), "utf8")).toBe("no way\n".repeat(5));
});

describe("a hub that is lost while a client comes in is replaced, and the client notices nothing: it", () => {
  it.each<[string, (socket: Socket) => unknown]>([
    ["goes at once", (socket) => socket.destroy()],
    ["hears the request, and says nothing", (socket) => socket.once("data", () => socket.destroy())],
    [
      "lets the client in, and says no welcome",
      (socket) =>
        socket.once("data", (request) => {
          const key = /^sec-websocket-key: (\S+)/im.exec(String(request))?.[1];
          const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
          const head = ["HTTP/1.1 101 Yes", "Upgrade: websocket", "Connection: Upgrade"];
          socket.end(`${[...head, `Sec-WebSocket-Accept: ${accept}`].join("\r\n")}\r\n\r\n`);
        }),
    ],
  ])("%s", async (_what, lose) => {
    const { home } = await makeSandbox();
    await mkdir(join(home, "hub"), { recursive: true, mode: 0o700 });
    const dying = createServer((socket) => {
      socket.on("error", () => {});
      dying.close();
      lose(socket);
    });
    await once(dying.listen(join(home, "hub", `${machine}.1`)), "listening");
    const service = new HubService({ home, version: "0.1.0", entry: ENTRY, onEvent: () => {} });
    later(() => service[Symbol.asyncDispose]());
    const { state } = await service.share(ORDER, [textMaterial(DOCUMENT)], new AbortController().signal);
    expect(state).toBe("waiting");
  });
});

describe("a hub that sleeps", () => {
  /** A server with a share and a client of its hub, which is woken by what is returned, or by the end of the test. */
  async function asleep() {
    const server = await startServer();
    await server.share({ content: DOCUMENT, mode: "lan" });
    const service = new HubService({ home: server.home, version: "0.1.0", entry: ENTRY, onEvent: () => {} });
    later(() => service[Symbol.asyncDispose]());
    await service.status();
    const pid = (await hubOf(server.home))?.pid ?? 0;
    const wake = () => process.kill(pid, "SIGCONT");
    later(wake);
    later(() => vi.useRealTimers());
    process.kill(pid, "SIGSTOP");
    return { server, service, wake };
  }

  it("answers when it wakes, whatever it was asked meanwhile", async () => {
    const { server, wake } = await asleep();
    const asked = Promise.all([server.status(), server.share({ content: DOCUMENT, mode: "lan" })]);
    await server.client.ping(); // answered behind what was asked before it
    wake();
    const [status, share] = await asked;
    expect(status.state).toBe("waiting");
    expect((await server.shares()).map(({ share_id }) => share_id)).toEqual([status.share_id, share.share_id]);
  });

  it("is not replaced: who comes in is told that it does not answer", async () => {
    const { server, wake } = await asleep();
    const hubs = await hubsOf(server.home);
    const next = new HubService({ home: server.home, version: "0.1.0", entry: ENTRY, onEvent: () => {} });
    later(() => next[Symbol.asyncDispose]());
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const asked = next.share(ORDER, [textMaterial(DOCUMENT)], new AbortController().signal);
    const failed = expect(asked).rejects.toMatchObject({
      code: "hub-unreachable",
      message: "the hub does not answer",
    });
    while (vi.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(WELCOME_MS);
    await failed;
    vi.useRealTimers();
    expect(await hubsOf(server.home)).toEqual(hubs);
    wake();
    expect(await server.shares()).toHaveLength(1);
  });

  it("for longer than a request may take has the call fail, and does nothing of it when it wakes", async () => {
    const { server, service, wake } = await asleep();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const asked = [service.share(ORDER, [textMaterial(DOCUMENT)], new AbortController().signal), service.status()];
    const failed = Promise.all(asked.map((it) => expect(it).rejects.toMatchObject({ code: "hub-unreachable" })));
    while (vi.getTimerCount() < asked.length) await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(10_000);
    await expect(asked[1]).rejects.toMatchObject({ message: "the hub did not answer in time" }); // who only looks is told soon
    await vi.advanceTimersByTimeAsync(REQUEST_MS - 5_000);
    await failed;
    vi.useRealTimers();
    wake();
    await service.status(); // behind all that was asked over this connection
    const count = async () => (await server.shares()).length;
    await settled(count);
    expect(await count()).toBe(1); // of whose code somebody knows
  });
});
