/** How long a small frame takes while many say large messages to receivers that take nothing. */
import { latencies } from "./latency.ts";
import { RoomPair } from "./pair.ts";
import { each, start } from "./relays.ts";
import { against, KIB, quantile, row } from "./table.ts";

const MIB = KIB * KIB;
/** As many as the relay does not cut yet: 256 MiB may wait in all. */
const CROWD = 24;
const RATE = 200;
const ROUND_MS = 1500;

export async function measureCrowd(): Promise<void> {
  const took = await each(async (which) => {
    await using relay = await start(which);
    const neighbours = await Promise.all(Array.from({ length: 10 }, () => RoomPair.join(relay, KIB)));
    const crowd = await Promise.all(Array.from({ length: CROWD }, () => RoomPair.join(relay, 10 * MIB)));
    await latencies(neighbours, RATE, ROUND_MS); // warms up
    for (const { receiver } of crowd) receiver.pause();
    const watching = latencies(neighbours, RATE, ROUND_MS);
    for (const loud of crowd) loud.send(1);
    const some = await watching;
    for (const pair of [...crowd, ...neighbours]) pair.end();
    return some;
  });
  for (const share of [0.9, 1]) {
    const [mine, theirs] = [quantile(took.ours, share), quantile(took.bare, share)];
    const name = share === 1 ? "longest" : `p${share * 100}`;
    const what = `${name} latency of 1 KiB, while ${CROWD} messages of 10 MiB come that nobody takes`;
    row(what, `${mine.toFixed(1)} ms`, `${theirs.toFixed(1)} ms`, against(mine, theirs), "");
  }
}
