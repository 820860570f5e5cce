import { expect, it } from "vitest";
import { NEVER_MS } from "./clock.ts";
import { bareWithNeighbours, comesTwice, idle, largest, relayWithNeighbours } from "./crowd.ts";
import { harness } from "./support.ts";

const doors = harness();

it("holds hundreds of idle sockets at once, and has all their memory back", async () => {
  const at = await relayWithNeighbours(doors, { firstMessageMs: NEVER_MS, upgradeMs: NEVER_MS, maxSilent: 150 });
  await comesTwice(
    at,
    idle(doors, at, { visitors: 40, alone: 40, paired: 40, upgraded: 80, half: 60, mute: 60, silent: 150 }),
  );
});

it("looks after a neighbour sooner than a bare server does, while others say the largest messages and take nothing", async () => {
  const [relay, bare] = await Promise.all([relayWithNeighbours(doors), bareWithNeighbours(doors)]);
  const PAIRS = 40;
  const [ours, theirs] = await Promise.all([largest(doors, relay, PAIRS), largest(doors, bare, PAIRS)]);
  // Left alone, Node reads 2 MiB of each before it looks at the next one.
  expect(ours.turnMs).toBeLessThan(theirs.turnMs / 2);
});
