/** How many rooms can be made and left a second, and what one costs. */
import { room, times } from "./client.ts";
import type { Process } from "./process.ts";
import { BOTH, start, type Which } from "./relays.ts";
import { against, median, row } from "./table.ts";

interface MadeRooms {
  readonly aSecond: number;
  /** Processor time of the relay for one. */
  readonly cpuMs: number;
}

export async function makeRooms(relay: Process, rooms: number): Promise<MadeRooms> {
  const cpuMs = relay.cpuMs;
  const began = performance.now();
  await times(rooms, async () => (await room(relay)).sender.socket.resetAndDestroy());
  const tookMs = performance.now() - began;
  return { aSecond: (rooms * 1000) / tookMs, cpuMs: (relay.cpuMs - cpuMs) / rooms };
}

export async function measureRooms(): Promise<void> {
  const rounds = 6;
  await using bare = await start("bare");
  await using ours = await start("ours");
  const relays = { bare, ours };
  const made: Record<Which, MadeRooms[]> = { bare: [], ours: [] };
  for (let round = 0; round <= rounds; round++) {
    for (const which of BOTH) {
      const some = await makeRooms(relays[which], 300);
      if (round > 0) made[which].push(some); // the first only warms up
    }
  }
  const show = (what: string, read: (made: MadeRooms) => number, text: (figure: number) => string) => {
    const [mine, theirs] = [median(made.ours.map(read)), median(made.bare.map(read))];
    row(what, text(mine), text(theirs), against(mine, theirs), "");
  };
  show(
    "rooms made and left a second",
    ({ aSecond }) => aSecond,
    (rate) => rate.toFixed(0),
  );
  show(
    "processor time of one",
    ({ cpuMs }) => cpuMs,
    (ms) => `${ms.toFixed(2)} ms`,
  );
}
