/** A relay that speaks TLS itself: certificates of a private authority, made for the test. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import type { RelayEvent } from "../../relay/src/observe/events.ts";
import { until } from "../support/wait.ts";
import { harness } from "./support.ts";

const ENTRY = fileURLToPath(new URL("../../relay/dist/index.js", import.meta.url));
const { relay, client, undo } = harness();

const noOpenssl = spawnSync("openssl", ["version"]).status === 0 ? undefined : "needs openssl";
beforeEach(({ skip }) => skip(noOpenssl !== undefined, noOpenssl));

/** Its own authority, for 127.0.0.1. */
async function certificate(name = "relay") {
  const folder = await mkdtemp(join(tmpdir(), "relay-test-"));
  undo.push(() => rm(folder, { recursive: true }));
  const [tlsCert, tlsKey] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", tlsKey];
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", ["req", "-x509", ...key, "-days", "1", "-out", tlsCert, ...subject], { stdio: "pipe" });
  return { tlsCert, tlsKey };
}

const trusting = { rejectUnauthorized: false };

/** The common name that is shown to those who come now. */
async function nameShown(port: number): Promise<string | undefined> {
  const socket: TLSSocket = connect({ port, host: "127.0.0.1", ...trusting });
  await once(socket, "secureConnect");
  socket.on("error", () => {}); // cut off in the middle of whatever it says now
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return Array.isArray(CN) ? CN[0] : CN;
}

/** What becomes of somebody who speaks nothing newer than TLS 1.1. */
async function answerToOldTls(port: number): Promise<string> {
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  const socket = connect({ port, host: "127.0.0.1", ...trusting, ...old });
  undo.push(() => socket.destroy());
  return await new Promise((told) => {
    socket.on("error", (error) => told(String(error)));
    socket.on("secureConnect", () => told("let in"));
  });
}

describe("with a certificate", () => {
  it("a transfer goes through wss://, both ways", async () => {
    const { url } = await relay(await certificate());
    expect(url).toMatch(/^wss:/);
    const a = await client(url, trusting);
    const { room_id } = await a.ask({ type: "CREATE_ROOM" });
    const b = await client(url, trusting);
    await b.ask({ type: "JOIN_ROOM", room_id });
    await a.json(); // PEER_JOINED
    const large = Buffer.alloc(3_000_000, 5);
    b.send(large);
    expect((await a.next()).data.equals(large)).toBe(true);
    a.send("text");
    expect(await b.text()).toBe("text");
    await a.close();
    expect((await b.ended).code).toBe(1000);
  });

  it("TLS 1.1 is refused", async () => {
    const { port } = await relay(await certificate());
    expect(await answerToOldTls(port)).toMatch(/alert|protocol|version/i);
  });

  it.each([
    ["connects and does not shake hands", "no-http-request", ""],
    ["stops in its hello", "no-http-request", Buffer.from("16030100c8010000c40303", "hex")],
    ["says something else", "bad-http-request", "GET / HTTP/1.1\r\n\r\n"],
  ])("who %s is cut, and counted as %s", async (_how, why, said) => {
    const cuts: RelayEvent[] = [];
    const onEvent = (event: RelayEvent) => void (event.event === "cut" && cuts.push(event));
    const { port } = await relay({ ...(await certificate()), upgradeMs: 200, onEvent });
    const socket = connectTcp(port, "127.0.0.1");
    undo.push(() => socket.destroy());
    socket.on("error", () => {});
    socket.resume().write(said);
    await once(socket, "close");
    expect(cuts).toEqual([{ event: "cut", why }]);
  });

  it("who has asked is no silent one any more, and is not cut for others", async () => {
    const { url, port } = await relay({ ...(await certificate()), maxSilent: 2 });
    const a = await client(url, trusting);
    await a.ask({ type: "CREATE_ROOM" });
    for (let i = 0; i < 4; i++) {
      const socket = connectTcp(port, "127.0.0.1");
      undo.push(() => socket.destroy());
      socket.on("error", () => {});
      await once(socket, "connect");
    }
    const b = await client(url, trusting);
    expect(await b.ask({ type: "JOIN_ROOM", room_id: "aaaaaa" })).toMatchObject({ reason: "room_not_found" });
    expect(a.ws.readyState).toBe(a.ws.OPEN);
  });

  it("who takes nothing is cut as stalled", async () => {
    const { url } = await relay({ ...(await certificate()), stalledMs: 100 });
    const code = `${url}/?pair=slow`;
    const [a, b] = [await client(code, trusting), await client(code, trusting)];
    b.ws.pause();
    for (let i = 0; i < 64; i++) a.send(Buffer.alloc(1024 * 1024));
    expect((await a.ended).code).toBe(4007);
  });
});

describe("the process", () => {
  function run(env: Record<string, string>, ...args: string[]) {
    const child: ChildProcess = spawn(process.execPath, [ENTRY, ...args], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    undo.push(() => child.kill("SIGKILL"));
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.on("data", (text) => {
        output[name] += text;
      });
    }
    return { child, output, ended: once(child, "close").then(([code]) => ({ code, ...output })) };
  }

  it("refuses TLS 1.1 whatever Node would allow, also after SIGHUP", async () => {
    const { tlsCert, tlsKey } = await certificate();
    const options = { NODE_OPTIONS: "--tls-min-v1.0 --tls-cipher-list=DEFAULT@SECLEVEL=0" };
    const env = { RELAY_TLS_CERT: tlsCert, RELAY_TLS_KEY: tlsKey, ...options };
    const { child, output } = run(env, "--port=0", "--host=127.0.0.1");
    await until("it listens", () => output.stdout.includes("wss://"));
    const port = Number(/:(\d+)/.exec(output.stdout.split("127.0.0.1")[1] ?? "")?.[1]);
    expect(await answerToOldTls(port)).toMatch(/alert|protocol|version/i);
    child.kill("SIGHUP");
    await until("it has read it", () => output.stdout.includes("certificate-read"));
    expect(await answerToOldTls(port)).toMatch(/alert|protocol|version/i);
  });

  it("reads its certificate anew on SIGHUP, keeps the old one where the new one is none, and is healthy", async () => {
    const [first, second] = [await certificate("first"), await certificate("second")];
    const env = { RELAY_TLS_CERT: first.tlsCert, RELAY_TLS_KEY: first.tlsKey };
    const { child, output } = run(env, "--port=0", "--host=127.0.0.1");
    await until("it listens", () => output.stdout.includes("wss://"));
    const port = Number(/:(\d+)/.exec(output.stdout.split("127.0.0.1")[1] ?? "")?.[1]);
    expect(await nameShown(port)).toBe("first");
    await copyFile(second.tlsCert, first.tlsCert);
    child.kill("SIGHUP");
    await until("it says that the key does not fit", () => output.stderr.includes("old certificate stays"));
    expect(await nameShown(port)).toBe("first");
    await copyFile(second.tlsKey, first.tlsKey);
    child.kill("SIGHUP");
    await until("the second is shown", async () => (await nameShown(port)) === "second");

    const healthy = run({ ...env, RELAY_PORT: String(port) }, "healthcheck");
    expect(await healthy.ended).toEqual({ code: 0, stdout: "", stderr: "" });
    child.kill("SIGTERM");
    await once(child, "close");
    const gone = run({}, "healthcheck", `https://127.0.0.1:${port}/health`);
    expect(await gone.ended).toMatchObject({ code: 1, stderr: "relay: not healthy: no answer (ECONNREFUSED)\n" });
  });

  it.each([
    ["a file that is not there", { RELAY_TLS_CERT: "/nowhere.pem", RELAY_TLS_KEY: "/nowhere.pem" }, 1],
    ["one of the two alone", { RELAY_TLS_CERT: "/nowhere.pem" }, 2],
  ])("does not start with %s, and says so", async (_what, env, exit) => {
    const { code, stderr } = await run(env, "--port=0").ended;
    expect([code, stderr]).toEqual([exit, expect.stringMatching(/ENOENT|must both be given/)]);
  });
});

it("a program that gives a certificate without its key gets an error, and not a relay without TLS", async () => {
  const half = { tlsCert: "cert.pem" };
  await expect(relay(half)).rejects.toThrow("must both be given");
});

it("healthcheck is 1 for a relay that drains, and for what is no address", async () => {
  const { url, drain, stop } = await relay({ drainMs: 60_000 });
  const a = await client(`${url}/?pair=x`);
  await client(`${url}/?pair=x`);
  void drain();
  const asked = async (address: string) => {
    const child = spawn(process.execPath, [ENTRY, "healthcheck", address], { env: {}, stdio: "ignore" });
    return (await once(child, "close"))[0];
  };
  expect(await asked(`${url.replace("ws", "http")}/health`)).toBe(1);
  expect(await asked("nonsense")).toBe(1);
  await stop();
  await a.ended;
});
