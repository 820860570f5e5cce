/** How long a frame takes at a fixed rate, far below what either relay can do. */
import { setTimeout as delay } from "node:timers/promises";
import { RoomPair } from "./pair.ts";
import { BOTH, each, start, type Which } from "./relays.ts";
import { against, KIB, quantile, row, size } from "./table.ts";

/** How long each frame took, in ms, when `rate` of them are sent a second. */
export async function latencies(pairs: RoomPair[], rate: number, ms: number): Promise<number[]> {
  const took: number[] = [];
  const sends = pairs.map((pair) => {
    const began: number[] = [];
    let heard = pair.got;
    pair.arrived = () => {
      for (; heard < pair.got; heard++) took.push(performance.now() - (began.shift() ?? Number.NaN));
    };
    return () => {
      began.push(performance.now());
      pair.send(1);
    };
  });
  const start = performance.now();
  for (let sent = 0; sent < (rate * ms) / 1000; ) {
    await delay(1);
    for (; sent < ((performance.now() - start) * rate) / 1000; sent++) sends[sent % sends.length]?.();
  }
  await Promise.all(pairs.map((pair) => pair.drained()));
  return took;
}

export async function measureLatency(): Promise<void> {
  const rounds = 3;
  const roundMs = 1500;
  await using bare = await start("bare");
  await using ours = await start("ours");
  const relays = { bare, ours };
  for (const [bytes, rate] of [
    [KIB, 500],
    [64 * KIB, 100],
  ] as const) {
    const pairs = await each((which) =>
      Promise.all(Array.from({ length: 10 }, () => RoomPair.join(relays[which], bytes))),
    );
    const took: Record<Which, number[]> = { bare: [], ours: [] };
    for (let round = 0; round <= rounds; round++) {
      for (const which of BOTH) {
        const some = await latencies(pairs[which], rate, roundMs);
        if (round > 0) took[which].push(...some);
      }
    }
    for (const pair of [...pairs.bare, ...pairs.ours]) pair.end();
    for (const share of [0.5, 0.99]) {
      const of = (which: Which) => quantile(took[which], share);
      const what = `p${share * 100} latency of ${size(bytes)}, ${rate} a second over 10 pairs`;
      row(what, `${of("ours").toFixed(2)} ms`, `${of("bare").toFixed(2)} ms`, against(of("ours"), of("bare")), "");
    }
  }
}
