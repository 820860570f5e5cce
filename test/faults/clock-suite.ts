/**
 * Clocks on the wall that jump by hours in the middle of a transfer, as they do when somebody sets them, or when a machine finds
 * its time server. A preload moves `Date` in one process, and nothing else: timers and `performance.now()` run on, as they do there.
 */
import { spawn } from "node:child_process";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { relayProcess } from "../mcp/wires.ts";
import { cable } from "../support/cable.ts";
import { hubOf, makeWorld, startServer, type World } from "../support/server.ts";
import { eventually } from "../support/wait.ts";
import { attempt, documentIn, inboxOf } from "./people.ts";
import { type Carrier, DOCUMENT_BYTES, wireThatStops } from "./steps.ts";

const ENTRY = fileURLToPath(new URL("../../dist/claude-spread.js", import.meta.url));
const HOURS_MS = 5 * 60 * 60_000;
const RELAY_SECRET = "the secret of this test, thirty-two characters";

/** A clock that can be moved: by how much is in a file, which is read whenever somebody asks for the time. */
interface Clock {
  /** What node has to be started with. */
  readonly preload: string;
  jump(ms: number): Promise<void>;
}

async function clockIn({ base }: World): Promise<Clock> {
  const file = join(base, "clock");
  const jump = async (ms: number) => {
    await writeFile(`${file}.new`, String(ms));
    await rename(`${file}.new`, file);
  };
  await jump(0);
  const code = `
    import { readFileSync } from "node:fs";
    const True = Date;
    const now = () => True.now() + Number(readFileSync(${JSON.stringify(file)}, "utf8"));
    globalThis.Date = class Date extends True {
      constructor(...given) { super(...(given.length === 0 ? [now()] : given)); }
      static now() { return now(); }
    };`;
  return { preload: `--import=data:text/javascript,${encodeURIComponent(code)}`, jump };
}

/** The hub of a world, with a clock of its own: servers find it there. It is ended with the world. */
async function hubWith({ preload }: Clock, world: World): Promise<void> {
  const env = {
    PATH: process.env.PATH,
    HOME: join(world.base, "user"),
    DISTILL_HOME: world.home,
    NODE_OPTIONS: preload,
  };
  spawn(process.execPath, [ENTRY, "hub"], { env, stdio: "ignore", detached: true }).unref();
  await eventually(() => hubOf(world.home)).toBeDefined();
}

type Who = "the sender's hub" | "the receiver's hub" | "the sender's server" | "the receiver's server" | "the relay";

/** Whose clock jumps, and how the transfer goes. Servers only hand on what hubs do. */
const CLOCKS: readonly (readonly [Who, Carrier])[] = [
  ["the sender's hub", "lan"],
  ["the sender's hub", "relay"],
  ["the receiver's hub", "lan"],
  ["the receiver's hub", "relay"],
  ["the sender's server", "lan"],
  ["the receiver's server", "lan"],
  ["the relay", "relay"],
];

/** A transfer that stands still in its middle, and the clock of one who takes part in it. */
async function midway(who: Who, carrier: Carrier) {
  const [from, to] = await Promise.all([makeWorld(), makeWorld()]);
  const clock = await clockIn(from);
  if (who === "the sender's hub") await hubWith(clock, from);
  if (who === "the receiver's hub") await hubWith(clock, to);
  const of = (server: Who) => ({ env: { NODE_OPTIONS: server === who ? clock.preload : undefined } });
  const [sender, receiver, relay] = await Promise.all([
    startServer({ world: from, ...of("the sender's server") }),
    startServer({ world: to, ...of("the receiver's server") }),
    relayProcess({ secret: RELAY_SECRET, node: who === "the relay" ? [clock.preload] : [] }),
  ]);
  const path = await documentIn(sender, DOCUMENT_BYTES);
  const share = await sender.share({ path, mode: carrier, receivers: 2, relay_url: relay.url });
  const wire = await wireThatStops(share.lan?.port ?? relay.port, carrier, "in the middle of content");
  const call = attempt(receiver, share, carrier, wire.port);
  await wire.reached();
  return { sender, receiver, share, wire, call, clock };
}

describe.each([
  ["hours ahead", HOURS_MS],
  ["hours back", -HOURS_MS],
] as const)("a clock that jumps %s in the middle of a transfer:", (_way, ms) => {
  it.each(CLOCKS)("of %s, by %s: it goes on, over its link or over another one", async (who, carrier) => {
    const { sender, receiver, share, wire, call, clock } = await midway(who, carrier);
    await clock.jump(ms);
    // What the clock of the sender says is the end of its share: then there is no other link.
    if (who === "the sender's hub" && ms > 0) wire.release();
    else wire.sever();
    expect(await call.ended).toBe("received");
    expect(await inboxOf(receiver.home)).toEqual([share.sha256]);
    await eventually(async () => (await sender.status()).delivered).toBe(1);
    expect([await receiver.kept("staging"), await sender.kept("spool")]).toEqual([[], []]);
  });
});

it("behind a sender's clock that jumps over the end of the share, a link that breaks is the end of the transfer", async () => {
  const { sender, receiver, wire, call, clock } = await midway("the sender's hub", "lan");
  await clock.jump(HOURS_MS);
  wire.sever();
  await call.waits();
  expect(await sender.becomes("expired")).toMatchObject({ delivered: 0 });
  call.cancel();
  expect(await call.ended).toBe("cancelled");
  await eventually(() => receiver.kept("staging")).toEqual([]);
  expect(await receiver.kept("inbox")).toEqual([]);
});

it("a receiver whose clock jumps back still hears how far it is", async () => {
  const [sender, world] = await Promise.all([startServer(), makeWorld()]);
  const clock = await clockIn(world);
  await hubWith(clock, world);
  const receiver = await startServer({ world });
  const share = await sender.share({ path: await documentIn(sender, DOCUMENT_BYTES), mode: "lan" });
  const line = await cable(share.lan?.port ?? 0, [{ bytesPerSecond: 500_000 }]);
  const heard: string[] = [];
  let jumped: Promise<void> | undefined;
  const onprogress = ({ message = "" }: { message?: string | undefined }) => {
    if (!message.startsWith("Received")) return;
    if (jumped !== undefined) heard.push(message);
    jumped ??= clock.jump(-HOURS_MS);
  };
  await receiver.receive({ code: share.code, host: `127.0.0.1:${line.port}` }, { onprogress });
  await jumped;
  expect(heard.length).toBeGreaterThan(3);
});

it.each([
  ["ahead", HOURS_MS],
  ["back", -HOURS_MS],
])(
  "a relay whose clock jumps hours %s gives the rooms back that it keeps: a sender that loses it goes on",
  async (_way, ms) => {
    const clock = await clockIn(await makeWorld());
    const relay = await relayProcess({ secret: RELAY_SECRET, node: [clock.preload] });
    const line = await cable(relay.port);
    const [sender, receiver] = await Promise.all([startServer(), startServer()]);
    const path = await documentIn(sender, DOCUMENT_BYTES);
    const share = await sender.share({ path, mode: "relay", relay_url: `ws://127.0.0.1:${line.port}` });
    const wire = await wireThatStops(relay.port, "relay", "in the middle of content");
    const call = attempt(receiver, share, "relay", wire.port);
    await wire.reached();
    await clock.jump(ms);
    line.cut("reset");
    wire.sever();
    expect(await call.ended).toBe("received");
    expect(await inboxOf(receiver.home)).toEqual([share.sha256]);
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: 1, warnings: [] });
  },
);
