/** The real agent, as a process: what passes through it, how it is told what to do, and how it ends and comes back. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Settings } from "../../relay/src/config/settings.ts";
import { encodeHeader, FLAG, TYPE } from "../../relay/src/yamux/frame.ts";
import { until } from "../support/wait.ts";
import { NEVER_MS, PATIENT, pass, stopClock } from "./clock.ts";
import { harness, upgradeRequest } from "./support.ts";
import { at, echo, echoes, refusal, TOKEN, tunnelsOf } from "./tunnel.ts";

const AGENT = fileURLToPath(new URL("../../relay/dist/agent.js", import.meta.url));
const doors = harness();
const { relay, client, undo } = doors;

/** The real agent, as a process. */
function run(args: string[], env: Record<string, string> = {}) {
  const child: ChildProcess = spawn(process.execPath, [AGENT, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  undo.push(() => child.kill("SIGKILL"));
  const output = { stderr: "" };
  child.stderr?.on("data", (text) => {
    output.stderr += text;
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { child, output, ended };
}

async function connected(url: string, port: number, args: string[] = [], env: Record<string, string> = {}) {
  const agent = run(["--relay", url, "--room", "home", "--port", String(port), ...args], env);
  await until("the agent is connected", () => agent.output.stderr.includes("agent: connected\n"));
  return agent;
}

/** A relay with its tunnel door open, an echo server, and the agent between them. */
async function tunnel(settings: Partial<Settings> = {}) {
  const door = await relay({ doors: ["room", "pair", "tunnel"], ...settings });
  const server = await echo(doors);
  const agent = await connected(door.url, server.port);
  return { url: door.url, door, server, agent };
}

describe("through a tunnel", () => {
  it("text, binary, pings, a subprotocol and a close code arrive as they are", async () => {
    const { url, server } = await tunnel();
    const ws = new WebSocket(at(url), ["first", "second"]);
    undo.push(() => ws.terminate());
    await once(ws, "open");
    expect(ws.protocol).toBe("second");

    for (const said of ["text", Buffer.from([0, 255, 10])]) {
      ws.send(said);
      const [data, binary] = await once(ws, "message");
      expect([data, binary]).toEqual([Buffer.from(said), typeof said !== "string"]);
    }
    ws.ping("marco");
    expect(String((await once(ws, "pong"))[0])).toBe("marco");
    const [there] = server.sockets;
    there?.ping("from there");
    expect(String((await once(ws, "ping"))[0])).toBe("from there");

    ws.send("close 3001");
    const [code, reason] = await once(ws, "close");
    expect([code, String(reason)]).toEqual([3001, "as asked"]);
  });

  it("a client that comes in the packet of the relay's own answer reaches the server", async () => {
    const { port, sockets } = await echo(doors);
    const hasty = createServer();
    hasty.on("upgrade", ({ headers }, socket) => {
      undo.push(() => socket.destroy());
      socket.on("error", () => {});
      const accept = createHash("sha1").update(`${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
      const answer = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Accept: ${accept.digest("base64")}`,
      ].join("\r\n");
      const request = Buffer.from(upgradeRequest());
      const open = encodeHeader({ type: TYPE.data, flags: FLAG.syn, streamId: 2, length: request.length });
      const body = Buffer.concat([open, request]);
      // A server's binary frame with two bytes of length (RFC 6455, section 5.2).
      const header = Buffer.from([0x82, 126, body.length >> 8, body.length & 0xff]);
      socket.write(Buffer.concat([Buffer.from(`${answer}\r\n\r\n`), header, body]));
    });
    hasty.listen(0, "127.0.0.1");
    await once(hasty, "listening");
    undo.push(() => hasty.close());
    run(["--relay", `ws://127.0.0.1:${(hasty.address() as AddressInfo).port}`, "--room", "x", "--port", String(port)]);
    await until("the server has its client", () => sockets.size === 1);
  });

  it("a message of 5 MiB comes back whole", async () => {
    const { url } = await tunnel();
    const visitor = await client(at(url));
    const large = Buffer.alloc(5 * 1024 * 1024, "0123456789");
    visitor.send(large);
    expect((await visitor.next()).data.equals(large)).toBe(true);
  });

  it("20 clients talk at once, each with its own answers", async () => {
    const { url } = await tunnel();
    const visitors = await Promise.all(Array.from({ length: 20 }, () => client(at(url))));
    await Promise.all(
      visitors.map(async (visitor, n) => {
        for (let i = 0; i < 50; i++) await echoes(visitor, `${n}: ${i}`);
      }),
    );
  });

  it("a local server that is not there is 502, one that says nothing 504", async () => {
    stopClock();
    const { door } = await tunnel(PATIENT);
    let reached = 0;
    const mute = createTcpServer((socket) => {
      reached++;
      socket.on("error", () => {}).resume();
    });
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    const { port } = mute.address() as AddressInfo;
    const agent = run(["--relay", door.url, "--room", "mute", "--port", String(port)]);
    await until("it hosts", () => agent.output.stderr.includes("connected"));
    const late = refusal(`${door.url}/client?room=mute`);
    await until("the server has its client", () => reached === 1);
    pass(NEVER_MS);
    expect(await late).toEqual([504, "late-answer"]);
    mute.close();
    await once(mute, "close");
    expect(await refusal(`${door.url}/client?room=mute`)).toEqual([502, "no-answer"]);
    expect(agent.output.stderr).toContain("ECONNREFUSED");
  });
});

describe("with tokens", () => {
  const bearing = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });
  const settings: Partial<Settings> = { doors: ["room", "tunnel"], tunnelTokens: [TOKEN] };

  it("agents and clients need one, other doors do not, and the local server never sees it", async () => {
    const { url } = await relay(settings);
    const server = await echo(doors);
    const dir = await mkdtemp(join(tmpdir(), "tunnel-"));
    undo.push(() => rm(dir, { recursive: true }));
    await writeFile(join(dir, "token"), `${TOKEN}\n`);
    await connected(url, server.port, ["--token-file", join(dir, "token")]);
    for (const options of [{}, bearing("fedcba9876543210")])
      expect(await refusal(at(url), options)).toEqual([401, "unauthorized"]);
    await echoes(await client(at(url), bearing(TOKEN)), "let in");
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    expect((await (await client(url)).ask({ type: "CREATE_ROOM" })).type).toBe("ROOM_CREATED");
  });

  it("an agent with a wrong one says so and ends with 1; with the right one of its environment it hosts", async () => {
    const { url } = await relay(settings);
    const wrong = run(["--relay", url, "--room", "home", "--port", "1"], { RELAY_TUNNEL_TOKEN: "fedcba9876543210" });
    expect(await wrong.ended).toBe(1);
    expect(wrong.output.stderr).toContain("agent: refused by the relay: 401");
    expect(wrong.output.stderr).not.toContain("fedcba");
    await connected(url, 1, [], { RELAY_TUNNEL_TOKEN: TOKEN });
  });
});

describe("the agent", () => {
  it("is lost, and its clients are cut; it comes back, and all works again", async () => {
    const { url, door, server, agent } = await tunnel();
    const visitors = [await client(at(url)), await client(at(url))];
    agent.child.kill("SIGKILL");
    for (const visitor of visitors) expect((await visitor.ended).code).toBe(1006);
    await until("its room is free", async () => (await tunnelsOf(door)) === 0);
    expect(await refusal(at(url))).toEqual([404, "no-agent"]);
    await connected(url, server.port);
    await echoes(await client(at(url)), "back");
  });

  it("tries again by itself: until another agent has left, and when the relay is back", async () => {
    const { url, door, server, agent } = await tunnel();
    const second = run(["--relay", url, "--room", "home", "--port", String(server.port)]);
    await until("it is told", () => second.output.stderr.includes("refused by the relay: 409"));
    agent.child.kill("SIGTERM");
    expect(await agent.ended).toBe(0);
    await until("it has the room", () => second.output.stderr.includes("agent: connected\n"));
    const visitor = await client(at(url));
    const { port } = door;
    await door.stop();
    expect((await visitor.ended).code).toBe(1006);
    await relay({ doors: ["tunnel"], port });
    await until("it has the room again", () => second.output.stderr.split("agent: connected\n").length === 3);
    await echoes(await client(at(url)), "again");
  });

  it.each(["SIGTERM", "SIGINT"] as const)("ends with 0 on %s, also while it waits for a relay", async (signal) => {
    const { agent } = await tunnel();
    agent.child.kill(signal);
    expect(await agent.ended).toBe(0);
    const lonely = run(["--relay", "ws://127.0.0.1:1", "--room", "home", "--port", "1"]);
    await until("it waits", () => lonely.output.stderr.includes("next try in 0."));
    lonely.child.kill(signal);
    expect(await lonely.ended).toBe(0);
  });

  it("takes its settings from the environment, and names all that are wrong", async () => {
    const { url } = await relay({ doors: ["tunnel"] });
    const { output } = run([], { RELAY_URL: url, ROOM_ID: "home", LOCAL_PORT: "1" });
    await until("it hosts", () => output.stderr.includes("agent: connected\n"));
    const wrong = run(["--relay", "http://x", "--room", "a b", "--port", "70000"]);
    expect(await wrong.ended).toBe(2);
    expect(wrong.output.stderr).toContain("agent: missing or wrong: --relay, --room, --port\n");
  });
});
