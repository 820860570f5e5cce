/** Tests of a hub's life that have many cases: one of each is in life.process.test.ts, the others in life.long.test.ts. */
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { textMaterial } from "../../src/content/material.ts";
import { HubService } from "../../src/hub/client.ts";
import { openHub } from "../../src/hub/hub.ts";
import { silent } from "../../src/log.ts";
import { DOCUMENT, sha256 } from "../mcp/texts.ts";
import { relayHere, roomsOf } from "../mcp/wires.ts";
import { later } from "../support/later.ts";
import { type BareServer, ENTRY, hubsOf, makeSandbox, startBare, startServer } from "../support/server.ts";
import { eventually } from "../support/wait.ts";

export const ORDER = {
  kind: "distillation",
  legacy: false,
  mode: "lan",
  announce: false,
  receivers: 1,
  lifetimeMs: 600_000,
} as const;

const ENDS = {
  "the end of stdin": ({ child }: BareServer) => child.stdin?.end(),
  SIGTERM: ({ child }: BareServer) => child.kill("SIGTERM"),
  SIGHUP: ({ child }: BareServer) => child.kill("SIGHUP"),
  SIGKILL: ({ child }: BareServer) => child.kill("SIGKILL"),
};

export function itOutlives(end: keyof typeof ENDS): void {
  it(end, async () => {
    const relay = await relayHere();
    const server = await startBare();
    const share = await server.share({ content: DOCUMENT, relay_url: relay.url });
    ENDS[end](server);
    await server.ended;
    const [next, receiver] = await Promise.all([startServer({ sandbox: server.sandbox }), startServer()]);
    expect(await next.status()).toMatchObject({ share_id: share.share_id, this_session: false, state: "waiting" });
    expect(await roomsOf(relay)).toBe(1);
    expect((await receiver.receive({ code: share.code, relay_url: relay.url })).sha256).toBe(sha256(DOCUMENT));
    expect(await next.becomes("delivered")).toMatchObject({ delivered: 1, failed_attempts: 0 });
  });
}

/** What hub.json may be instead. */
const LIES = {
  "names another process": (path: string) =>
    writeFile(path, JSON.stringify({ pid: process.pid, socket: "/tmp/evil.sock" })),
  "is garbage": (path: string) => writeFile(path, "\0garbage"),
  "is a link to a file of the user's": (path: string) => symlink(join(path, "..", "..", "precious"), path),
  "is a folder": (path: string) => mkdir(path),
};

export function itIsFoundThough(lie: keyof typeof LIES): void {
  it(`is found and started whatever hub.json says: it ${lie}`, async () => {
    const sandbox = await makeSandbox();
    await mkdir(sandbox.home, { mode: 0o700 });
    const precious = join(sandbox.home, "..", "precious");
    await writeFile(precious, "mine");
    await LIES[lie](join(sandbox.home, "hub.json"));
    const server = await startServer({ sandbox });
    await server.share({ content: DOCUMENT, mode: "lan" });
    const [pid] = await hubsOf(sandbox.home);
    await rm(join(sandbox.home, "hub.json"), { recursive: true });
    await LIES[lie](join(sandbox.home, "hub.json"));
    const next = await startServer({ sandbox });
    expect(await next.status()).toMatchObject({ state: "waiting" });
    expect(await hubsOf(sandbox.home)).toEqual([pid]);
    expect(await readFile(precious, "utf8")).toBe("mine");
    await rm(join(sandbox.home, "hub.json"), { recursive: true });
  });
}

/** A hub in this process, which ends as it likes, and services that know of it; the next hub is a process. */
export async function hubHere(version: string, idleMs?: number) {
  const sandbox = await makeSandbox();
  await mkdir(sandbox.home, { mode: 0o700 });
  const hub = await openHub({ home: sandbox.home, version, log: silent, ...(idleMs !== undefined && { idleMs }) });
  if (!hub) throw new Error("there is a hub already");
  later(() => hub[Symbol.asyncDispose]());
  void hub.over.then(() => hub[Symbol.asyncDispose]());
  const as = (version: string) => {
    const service = new HubService({ home: sandbox.home, version, entry: ENTRY, onEvent: () => {} });
    later(() => service[Symbol.asyncDispose]());
    return service;
  };
  const share = (service: HubService) => {
    return service.share(ORDER, [textMaterial(DOCUMENT)], new AbortController().signal);
  };
  return { sandbox, as, share };
}

export function itGoesOnByTheNextOne(idleMs: number): void {
  it(`what is asked of a hub as it ends, after ${idleMs} ms of rest, the next one does`, async () => {
    const { sandbox, as, share } = await hubHere("0.1.0", idleMs);
    const services = Array.from({ length: 4 }, () => as("0.1.0"));
    await Promise.all(services.map((service) => service.status()));
    const made = await Promise.all(services.map(share));
    // Whoever was faster than the end got a hub that goes on, for all of them.
    const listed = await Promise.all(services.map((service) => service.status()));
    expect(listed.map(({ shares }) => shares.filter(({ state }) => state === "waiting").length)).toEqual([4, 4, 4, 4]);
    expect(new Set(made.map(({ id }) => id)).size).toBe(4);
    await eventually(async () => (await hubsOf(sandbox.home)).length).toBeLessThanOrEqual(1); // once the slower ones have left
  });
}

export function itGivesWay(hubVersion: string, ownVersion: string): void {
  it(`gives way if it is older (${hubVersion} to ${ownVersion}) and holds nothing`, async () => {
    const { sandbox, as, share } = await hubHere(hubVersion);
    const own = as(ownVersion);
    await share(own);
    const { hub } = await own.status();
    expect(hub).toMatchObject({ pid: (await hubsOf(sandbox.home))[0], version: "0.1.0" });
  });
}
