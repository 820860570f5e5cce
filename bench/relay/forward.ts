/**
 * What a frame costs, for few and many pairs, small and large frames; and a large one in a process that has served before,
 * because how much V8 collects depends on what its heap has been through.
 */
import { setTimeout as delay } from "node:timers/promises";
import { RoomPair } from "./pair.ts";
import type { Process } from "./process.ts";
import { BOTH, each, start, type Which } from "./relays.ts";
import { makeRooms } from "./rooms.ts";
import { against, geometricMean, KIB, median, row, size } from "./table.ts";

/** Keeps `window` frames on their way in each pair for a while. @returns processor seconds of the relay a 1,000 frames. */
export async function forwardFor(ms: number, relay: Process, pairs: RoomPair[], window: number): Promise<number> {
  const before = pairs.reduce((sum, pair) => sum + pair.got, 0);
  const cpuMs = relay.cpuMs;
  for (const pair of pairs) {
    pair.arrived = () => pair.send(window - (pair.sent - pair.got));
    pair.send(window);
  }
  await delay(ms);
  for (const pair of pairs) pair.arrived = undefined;
  await Promise.all(pairs.map((pair) => pair.drained()));
  return (relay.cpuMs - cpuMs) / (pairs.reduce((sum, pair) => sum + pair.got, 0) - before);
}

/** Enough for the whole heap of both to have been collected, which with fewer only that of the relay has been. */
const SERVED_ROOMS = 20_000;

interface Load {
  readonly pairs: number;
  readonly bytes: number;
  /** Rooms that come and go before anything is measured. */
  readonly after?: number;
}

export async function measureForward(): Promise<void> {
  const ratios: number[] = [];
  for (const pairs of [1, 50]) {
    for (const bytes of [KIB, 64 * KIB]) ratios.push(await compare({ pairs, bytes }));
  }
  row("their geometric mean", "", "", against(geometricMean(ratios), 1), "1.15x");
  await compare({ pairs: 50, bytes: 64 * KIB, after: SERVED_ROOMS });
}

/** @returns the ratio of the relay's cost to that of the bare forwarder. */
async function compare({ pairs: count, bytes, after = 0 }: Load): Promise<number> {
  const rounds = 8;
  const sliceMs = 400;
  const window = count === 1 ? (bytes > KIB ? 16 : 64) : bytes > KIB ? 4 : 8;
  await using bare = await start("bare");
  await using ours = await start("ours");
  const relays = { bare, ours };
  await each((which) => makeRooms(relays[which], after));
  const pairs = await each((which) =>
    Promise.all(Array.from({ length: count }, () => RoomPair.join(relays[which], bytes))),
  );
  const costs: Record<Which, number[]> = { bare: [], ours: [] };
  for (let round = -2; round < rounds; round++) {
    for (const which of BOTH) {
      const cost = await forwardFor(sliceMs, relays[which], pairs[which], window);
      if (round >= 0) costs[which].push(cost);
    }
  }
  for (const pair of [...pairs.bare, ...pairs.ours]) pair.end();
  const [mine, theirs] = [median(costs.ours), median(costs.bare)];
  const over = `${count} pair${count > 1 ? "s" : ""}${after > 0 ? `, after ${after} rooms` : ""}`;
  const what = `processor time of 1,000 frames of ${size(bytes)}, ${over}`;
  row(what, `${mine.toFixed(4)} s`, `${theirs.toFixed(4)} s`, against(mine, theirs), "");
  return mine / theirs;
}
