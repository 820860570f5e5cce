import { room, times } from "./client.ts";
import type { Process } from "./process.ts";
import { BOTH, start, type Which } from "./relays.ts";
import { against, median, row } from "./table.ts";

export interface Made {
  readonly aSecond: number;
  /** Processor time of the relay for one. */
  readonly cpuMs: number;
}

export async function makeRooms(relay: Process, rooms: number): Promise<Made> {
  const cpuMs = relay.cpuMs;
  const began = performance.now();
  await times(rooms, async () => (await room(relay)).sender.socket.resetAndDestroy());
  const tookMs = performance.now() - began;
  return { aSecond: (rooms * 1000) / tookMs, cpuMs: (relay.cpuMs - cpuMs) / rooms };
}

/** How many rooms can be made and left a second, and what one costs. */
export async function measureRooms(): Promise<void> {
  const rounds = 6;
  await using bare = await start("bare");
  await using ours = await start("ours");
  const relays = { bare, ours };
  const made: Record<Which, Made[]> = { bare: [], ours: [] };
  for (let round = 0; round <= rounds; round++) {
    for (const which of BOTH) {
      const some = await makeRooms(relays[which], 300);
      if (round > 0) made[which].push(some); // the first only warms up
    }
  }
  const rate = (which: Which) => median(made[which].map(({ aSecond }) => aSecond));
  const cost = (which: Which) => median(made[which].map(({ cpuMs }) => cpuMs));
  const [ours1, bare1] = [rate("ours"), rate("bare")];
  row("rooms made and left a second", ours1.toFixed(0), bare1.toFixed(0), against(ours1, bare1), "");
  const [ours2, bare2] = [cost("ours"), cost("bare")];
  row("processor time of one", `${ours2.toFixed(2)} ms`, `${bare2.toFixed(2)} ms`, against(ours2, bare2), "");
}
