/** How a server by itself, without a hub (DISTILL_HUB=off), ends: whatever ends it, and whatever it does then. */
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import type { BareServer, Options, TestServer } from "../support/server.ts";
import * as support from "../support/server.ts";
import { eventually } from "../support/wait.ts";
import { DOCUMENT, longFile, SHORT, sha256 } from "./texts.ts";
import { host, isOpen, patient, relayHere, roomsOf, wireTo } from "./wires.ts";

export const BUFFERS = 64 * 1024;

const alone = ({ env, ...options }: Options = {}) => ({ ...options, env: { DISTILL_HUB: "off", ...env } });
export const startServer = (options?: Options) => support.startServer(alone(options));
export const startBare = (options?: Options) => support.startBare(alone(options));

/** Two servers of this file's own, which no test ends. */
export function twoServers(): { readonly sender: TestServer; readonly receiver: TestServer } {
  const two = {} as { sender: TestServer; receiver: TestServer };
  beforeAll(async () => {
    [two.sender, two.receiver] = await Promise.all([startServer({ lasting: true }), startServer({ lasting: true })]);
  });
  return two;
}

/**
 * For a server in which no timer of a second or more ever goes off. A client waits about as long before it kills: what such a
 * server would wait for lasts for ever, and keeps the process alive if anything does.
 */
const ENDLESS = `const { setTimeout: real } = globalThis;
globalThis.setTimeout = (act, ms, ...args) => real(act, ms < 1000 ? ms : 2 ** 31 - 1, ...args);`;
const startEndless = () =>
  startBare({ env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(ENDLESS)}` } });

export const CAUSES = {
  "the end of stdin": ({ child }: BareServer) => child.stdin?.end(),
  SIGTERM: ({ child }: BareServer) => child.kill("SIGTERM"),
  SIGINT: ({ child }: BareServer) => child.kill("SIGINT"),
  SIGHUP: ({ child }: BareServer) => child.kill("SIGHUP"),
};
export type Cause = keyof typeof CAUSES;

type Two = ReturnType<typeof twoServers>;
/** Each ends a server by `end`, which gives the exit code. */
type Situation = (end: (server: BareServer) => Promise<number | null>, two: Two) => Promise<void>;

export const SITUATIONS = {
  "nothing is shared": async (end) => {
    const server = await startEndless();
    expect(await end(server)).toBe(0);
    expect(server.stderr).toBe("");
  },

  "a share waits: its port is closed, its room is gone": async (end) => {
    const relay = await relayHere();
    const server = await startEndless();
    const { lan } = await server.share({ content: DOCUMENT, relay_url: relay.url });
    expect([await isOpen(lan?.port ?? 0), await roomsOf(relay)]).toEqual([true, 1]);
    expect(await end(server)).toBe(0);
    expect(await isOpen(lan?.port ?? 0)).toBe(false);
    await eventually(() => roomsOf(relay)).toBe(0);
  },

  "a visitor of the share says nothing": async (end) => {
    const server = await startEndless();
    const { lan } = await server.share({ content: DOCUMENT, mode: "lan" });
    const visitor = connect(lan?.port ?? 0, "127.0.0.1");
    visitor.on("error", () => {}); // a server that ends may cut it
    await once(visitor, "connect");
    expect(await end(server)).toBe(0);
    visitor.destroy();
  },

  "a share opens at a relay that says nothing": async (end) => {
    const mute = await host(() => {});
    const server = await startEndless();
    const args = { content: DOCUMENT, relay_url: `ws://127.0.0.1:${mute.port}` };
    server.send("tools/call", { name: "distill_share", arguments: args });
    await eventually(() => mute.visits).toBe(1);
    expect(await end(server)).toBe(0);
  },

  "it receives: nothing half-written is left": async (end, { sender }) => {
    const share = await sender.share({ path: await longFile(sender.project), mode: "lan" });
    const wire = await wireTo(share.lan?.port ?? 0, BUFFERS);
    const server = await startEndless();
    const args = { code: share.code, host: `127.0.0.1:${wire.port}` };
    server.send("tools/call", { name: "distill_receive", arguments: args });
    await eventually(() => readdir(join(server.sandbox.home, "staging")).catch(() => [])).toHaveLength(1);
    expect(await end(server)).toBe(0);
    await sender.becomes("waiting");
    expect(await readdir(join(server.sandbox.home, "inbox"))).toEqual([]);
    expect(await readdir(join(server.sandbox.home, "staging"))).toEqual([]);
  },

  "it sends: the receiver looks for it, and keeps nothing": async (end, { receiver }) => {
    const before = await receiver.kept("inbox");
    const server = await startEndless();
    const share = await server.share({ path: await longFile(server.sandbox.project, SHORT), mode: "lan" });
    const wire = await wireTo(share.lan?.port ?? 0, BUFFERS);
    const call = patient(receiver, { code: share.code, host: `127.0.0.1:${wire.port}` });
    await eventually(() => receiver.kept("staging")).toHaveLength(1);
    expect(await end(server)).toBe(0);
    wire.cut();
    await call.isInVain();
    expect(await receiver.kept("inbox")).toEqual(before);
  },
} satisfies Record<string, Situation>;

export function itEnds(cause: Cause, situation: keyof typeof SITUATIONS, two: Two): void {
  it(`ends with 0, and leaves nothing, by ${cause} while ${situation}`, async () => {
    const act: Situation = SITUATIONS[situation];
    const end = (server: BareServer) => {
      CAUSES[cause](server);
      return server.ended;
    };
    await act(end, two);
  });
}

type Mode = "lan" | "relay";

/** A transfer that a wire holds in the middle. */
export async function halfWay(
  { sender, receiver }: Two,
  mode: Mode,
  { bytes, at }: { bytes?: number; at?: { url: string; port: number } } = {},
) {
  const relay = at ?? (await relayHere());
  const share = await sender.share({ path: await longFile(sender.project, bytes), mode, relay_url: relay.url });
  const wire = await wireTo(share.lan?.port ?? relay.port, BUFFERS);
  const where = mode === "lan" ? { host: `127.0.0.1:${wire.port}` } : { relay_url: `ws://127.0.0.1:${wire.port}` };
  const args = { code: share.code, ...where };
  const call = patient(receiver, args);
  // In this order: a first try that fails takes its folder along.
  await sender.becomes("serving");
  await eventually(() => receiver.kept("staging")).toHaveLength(1);
  return { share, wire, args, call };
}

export function itSurvivesItsReceiver(mode: Mode, two: Two): void {
  it(`SIGKILL of the receiver leaves no half of a document, the share lives on, and the next start sweeps, by ${mode}`, async () => {
    const { sender } = two;
    const receiver = await startServer();
    const { share, wire, args } = await halfWay({ sender, receiver }, mode);
    receiver.kill("SIGKILL");
    expect(await sender.becomes("waiting")).toMatchObject({ delivered: 0, unconfirmed: 0, last_failure: "link-lost" });
    expect(await receiver.kept("inbox")).toEqual([]);
    expect(await receiver.kept("staging")).toHaveLength(1);
    const next = await startServer({ sandbox: receiver.sandbox });
    await eventually(() => next.kept("staging")).toEqual([]);
    wire.release();
    const { original } = await next.receive(args);
    expect(sha256(await readFile(original))).toBe(share.sha256);
    await sender.becomes("delivered");
  });
}

export function itSurvivesItsSender(mode: Mode, two: Two): void {
  it(`SIGKILL of the sender loses the link, and the receiver looks for it and keeps nothing, by ${mode}`, async () => {
    const { receiver } = two;
    const before = await receiver.kept("inbox");
    const sender = await startServer();
    const { wire, call } = await halfWay({ sender, receiver }, mode, { bytes: SHORT });
    sender.kill("SIGKILL");
    wire.cut();
    await call.isInVain();
    expect(await receiver.kept("inbox")).toEqual(before);
    expect(await sender.kept("spool")).toEqual([]);
  });
}
