/** A receiver that reads nothing, and 200 MB for it: what the relay took from the sender, but for what the kernel holds. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { RoomPair } from "./pair.ts";
import { tcpSockets } from "./process.ts";
import { each, REST_MS, start } from "./relays.ts";
import { KIB, mb, row } from "./table.ts";

export async function measureStall(): Promise<void> {
  const bytes = 64 * KIB;
  const frames = Math.ceil(200e6 / bytes);
  const found = await each(async (which) => {
    await using relay = await start(which);
    const pair = await RoomPair.join(relay, bytes);
    pair.send(100);
    await pair.drained();
    await delay(REST_MS);
    const before = relay.memoryBytes;
    pair.receiver.pause();
    let taken = 0;
    const pumping = (async () => {
      for (; taken < frames; taken++) {
        pair.send(1);
        if (pair.sender.writableNeedDrain) await once(pair.sender, "drain");
      }
    })();
    let peakBytes = 0;
    for (let seen = -1; seen !== taken; ) {
      seen = taken;
      for (let i = 0; i < 50; i++) {
        await delay(20);
        peakBytes = Math.max(peakBytes, relay.memoryBytes - before);
      }
    }
    const queued = taken * bytes - kernelBytes(pair.sender) - kernelBytes(pair.receiver);
    pair.receiver.resume();
    await pumping;
    await pair.drained();
    pair.end();
    return { queued, peakBytes };
  });
  const { ours, bare } = found;
  row("a stalled receiver of 200 MB: waits in the relay", mb(ours.queued), mb(bare.queued), "", "2 MB");
  row("and its memory grows by, at most", mb(ours.peakBytes), mb(bare.peakBytes), "", "");
}

/** Bytes that the kernel holds for a connection on this machine: what its two ends have not acknowledged, or not read. */
function kernelBytes({ localPort, remotePort }: Socket): number {
  const ends = tcpSockets().filter(({ local, remote }) =>
    local.port === localPort ? remote.port === remotePort : local.port === remotePort && remote.port === localPort,
  );
  return ends.reduce((sum, { queuedBytes }) => sum + queuedBytes, 0);
}
