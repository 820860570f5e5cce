/** Memory a room that has its sender alone, in processes that have done nothing else. */
import { setTimeout as delay } from "node:timers/promises";
import { type Client, room, times } from "./client.ts";
import { each, REST_MS, start } from "./relays.ts";
import { against, KIB, row } from "./table.ts";

export async function measureIdle(): Promise<void> {
  const rooms = 10_000;
  const used = await each(async (which) => {
    await using relay = await start(which);
    await times(50, async () => (await room(relay)).sender.socket.resetAndDestroy());
    await delay(REST_MS);
    const before = relay.memoryBytes;
    const senders: Client[] = [];
    await times(rooms, async () => senders.push((await room(relay)).sender));
    await delay(REST_MS);
    const bytes = (relay.memoryBytes - before) / rooms;
    for (const { socket } of senders) socket.resetAndDestroy();
    return bytes;
  });
  const kib = (bytes: number) => `${(bytes / KIB).toFixed(1)} KiB`;
  row(`memory an idle room, of ${rooms}`, kib(used.ours), kib(used.bare), against(used.ours, used.bare), "1.25x");
}
