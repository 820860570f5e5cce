/** Receivers that vanish for good in the middle: what a share was to give to them it has for others. */
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { machine } from "../../src/handoff/home.ts";
import { STALL_MS } from "../../src/limits.ts";
import { relayProcess } from "../mcp/wires.ts";
import { noNamespaces, spawnForTest } from "../support/namespaces.ts";
import { makeWorld, type Offered, startServer, type TestServer } from "../support/server.ts";
import { eventually, until } from "../support/wait.ts";
import { openOf } from "./handoff.ts";
import { drop, noNft, threeMachines, throttle } from "./machines.ts";
import { attempt, documentIn, inboxOf, killHub } from "./people.ts";
import { type Carrier, type StepName, wireThatStops } from "./steps.ts";

/** More than kernels and a relay keep for who is gone: what they have taken is sent, and has spent its place. */
const BYTES = 16_000_000;

/** Nothing of the share is on the disk of who has vanished, once a server starts there again. */
async function expectNothing({ world }: TestServer): Promise<void> {
  const next = await startServer({ world });
  await eventually(() => next.kept("staging")).toEqual([]);
  expect(await next.kept("inbox")).toEqual([]);
}

describe.each(["lan", "relay"] as const)("by %s, of a receiver that is killed, hub and server,", (by) => {
  /** A share whose first receiver was killed at a step. */
  async function killed(step: StepName, receivers: number) {
    const relay = by === "relay" ? await relayProcess() : undefined;
    const [sender, first] = await Promise.all([startServer(), startServer()]);
    const path = await documentIn(sender, BYTES);
    const share = await sender.share({ path, mode: by, receivers, ...(relay && { relay_url: relay.url }) });
    const port = relay?.port ?? share.lan?.port ?? 0;
    const wire = await wireThatStops(port, by, step);
    const call = attempt(first, share, by, wire.port);
    await wire.reached();
    expect((await sender.status()).state).toBe("serving");
    await killHub(first.home);
    wire.sever();
    expect(await call.ended).toBe("hub-unreachable");
    first.kill("SIGKILL");
    const ask = async () => {
      const other = await startServer();
      const end = await attempt(other, share, by, port).ended;
      expect(await inboxOf(other.home)).toEqual(end === "received" ? [share.sha256] : []);
      return end;
    };
    return { sender, first, ask };
  }

  it.each([1, 2])("the place in a share for %i is free at once", async (receivers) => {
    const { sender, first, ask } = await killed("in the middle of content", receivers);
    expect(await sender.becomes("waiting")).toMatchObject({
      delivered: 0,
      unconfirmed: 0,
      last_failure: "link-lost",
    });
    for (let other = 1; other <= receivers; other += 1) expect(await ask()).toBe("received");
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: receivers, unconfirmed: 0 });
    await expectNothing(first);
  });

  it("to which all was sent, the place is spent, and its receipt is missing", async () => {
    const { sender, ask } = await killed("before RECEIPT", 2);
    expect(await sender.becomes("waiting")).toMatchObject({ delivered: 0, unconfirmed: 1 });
    expect(await ask()).toBe("received");
    expect(await sender.becomes("unconfirmed")).toMatchObject({ delivered: 1, unconfirmed: 1 });
    expect(await ask()).toBe("share-ended");
  });
});

it("what a killed hub left is removed by the next server, also where nobody has asked for its end yet", async ({
  skip,
}) => {
  skip(process.platform !== "linux", "such processes are told from others on Linux alone");
  const parent = spawnForTest("sh", ["-c", "sleep 0.5 & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = parent.stdout ? await once(parent.stdout, "data") : [];
  const ended = Number(said);
  const stateOf = async () => /^State:\s(.)/m.exec(await readFile(`/proc/${ended}/status`, "utf8"))?.[1];
  await eventually(stateOf).toBe("Z");
  const world = await makeWorld();
  for (const folder of ["staging", "spool"]) {
    await mkdir(join(world.home, folder, `${ended}-${machine}-0123456789abcdef`), { recursive: true });
  }
  const next = await startServer({ world });
  await eventually(async () => [await next.kept("staging"), await next.kept("spool")]).toEqual([[], []]);
});

describe("of a receiver whose cable is dead", () => {
  const missing = noNamespaces ?? noNft;
  beforeEach(({ skip }) => skip(missing !== undefined, missing));

  const SLOW = "8mbit";
  /** When the relay misses who takes nothing; a minute if it is not told. */
  const RELAY = ["--stalled-seconds=5"];

  it(
    "the place is free within a minute, and another one's is not held up by it on a LAN",
    async () => {
      await Promise.all([vanishes("lan", 1), vanishes("lan", 2), vanishes("relay", 1), vanishes("relay", 2)]);
    },
    STALL_MS + 60_000,
  );

  async function vanishes(by: Carrier, receivers: number): Promise<void> {
    const machines = await threeMachines(RELAY);
    const { sender, receiver: first, another } = machines;
    const from = by === "lan" ? machines.here : machines.far;
    const device = by === "lan" ? machines.lan : machines.thereToRelay;
    throttle(from, device, SLOW);
    const path = await documentIn(sender, BYTES);
    const share = await sender.share({ path, mode: by, receivers });
    const openBefore = await openOf(sender.home);
    const call = begin(first, share, by);
    await call.begun;
    for (const machine of [from, machines.there]) drop(machine, device);
    const deadAt = performance.now();

    const others: TestServer[] = [];
    const serve = async () => {
      const other = await another();
      others.push(other);
      await other.receive({ code: share.code, mode: by });
    };
    // On a relay they have to wait until it misses the first.
    if (by === "lan" && receivers === 1) {
      expect((await (await another()).fails("distill_receive", { code: share.code, mode: by })).code).toBe("busy");
    } else {
      await serve();
    }
    if (others.length < receivers) {
      await until("its place is free", async () => (await sender.status()).state === "waiting");
      const code = by === "lan" ? "stalled" : "link-lost";
      expect(await sender.status()).toMatchObject({ unconfirmed: 0, last_failure: code });
      await serve();
    }
    expect(performance.now() - deadAt).toBeLessThan(STALL_MS + 25_000);
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: receivers, unconfirmed: 0 });
    for (const { home } of others) expect(await inboxOf(home)).toEqual([share.sha256]);

    call.cancel();
    await call.ended;
    await eventually(() => first.kept("staging")).toEqual([]);
    expect(await first.kept("inbox")).toEqual([]);
    await eventually(() => openOf(sender.home)).toBeLessThanOrEqual(openBefore);
  }

  /** A call, of which bytes have come once it has begun. */
  function begin(server: TestServer, { code }: Offered, mode: Carrier) {
    const cancelling = new AbortController();
    let came = false;
    const onprogress = ({ message = "" }) => {
      came ||= /^Received [1-9]/.test(message);
    };
    const options = { signal: cancelling.signal, onprogress, timeout: 2 * STALL_MS };
    const ended = server.call("distill_receive", { code, mode }, options).catch(() => "cancelled");
    return { ended, begun: until("it has begun", () => came), cancel: () => cancelling.abort() };
  }
});
