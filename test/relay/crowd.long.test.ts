import { expect, it } from "vitest";
import { until } from "../support/wait.ts";
import { NEVER_MS } from "./clock.ts";
import { comesTwice, endless, flood, fragments, idle, relayWithNeighbours, started, told } from "./crowd.ts";
import { harness, upgradeRequest } from "./support.ts";

const doors = harness();
const SOCKETS = 15_000;

/** What a process needs besides its sockets. */
const SPARE_DESCRIPTORS = 500;

function descriptors(): number {
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits: { open_files: { soft: number | "unlimited" } };
  };
  const { soft } = userLimits.open_files;
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : soft;
}

const MANY = {
  visitors: 500,
  alone: 2_000,
  paired: 2_000,
  upgraded: 3_500,
  half: 3_000,
  mute: 4_000,
  silent: 10_000,
  addresses: 100,
};

it("holds 15,000 idle sockets of 100 addresses at once, and has all their memory back", async ({ skip }) => {
  skip(process.platform !== "linux", "other addresses than 127.0.0.1 are there on Linux only");
  skip(descriptors() < SOCKETS + SPARE_DESCRIPTORS, "the limit of descriptors is too low: ulimit -n 16000");
  const at = await relayWithNeighbours(doors, {
    firstMessageMs: NEVER_MS,
    upgradeMs: NEVER_MS,
    maxSilent: MANY.silent,
    maxStreamsPerTunnel: 1_000,
  });
  await comesTwice(at, idle(doors, at, MANY));
});

it("ends thousands who did not ask in time, each in its reason", async ({ skip }) => {
  const COUNT = 3_000;
  skip(descriptors() < 3 * COUNT + SPARE_DESCRIPTORS, "the limit of descriptors is too low: ulimit -n 16000");
  const at = await relayWithNeighbours(doors, { firstMessageMs: 5_000, upgradeMs: 5_000 });
  const crowd = started(doors, "crowd-process.mjs", String(at.port));
  for (const says of ["", upgradeRequest("/").slice(0, -20), upgradeRequest("/")]) {
    await told(crowd, { count: COUNT, says });
  }
  await until("all are gone", async () => (await told<number>(crowd, {})) === 0);
  await at.rest();
  const { "closed room no-request": mute = 0, "cut no-http-request": half = 0, ...others } = (await at.state()).counts;
  // On a slow machine some are late with their upgrade already.
  expect([mute + half, others]).toEqual([3 * COUNT, {}]);
  expect(mute).toBeGreaterThan(0);
});

it("counts each of a flood of opens that are gone as soon as they were answered, and has their memory back", async () => {
  // As many as are on their way at once.
  const at = await relayWithNeighbours(doors, { maxTunnels: 500 });
  await comesTwice(at, flood(doors, at, 2_000));
});

it("counts fragments of messages that never end, at every door, and has their memory back", async () => {
  const at = await relayWithNeighbours(doors);
  await comesTwice(at, fragments(doors, at, 20));
});

it("counts who takes nothing of a stream without end, at every door, and has the memory back", async () => {
  const at = await relayWithNeighbours(doors, { stalledMs: 1_000 });
  await comesTwice(at, endless(doors, at, 20));
});
