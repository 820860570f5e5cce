/**
 * `npm run bench:relay`: what the relay costs, beside a floor that is measured in the same run and in turn with it. Read the
 * ratios: the rest is this machine's, and its mood's. Processor time and memory are those of the measured processes, read
 * from /proc, so this runs on Linux.
 *
 *     npm run bench:relay                  all of it, some three minutes
 *     npm run bench:relay -- idle stall    these parts alone; PARTS below has their names
 */
import { cpus } from "node:os";
import { measureCost } from "./relay/cost.ts";
import { measureCrowd } from "./relay/crowd.ts";
import { measureForward } from "./relay/forward.ts";
import { measureIdle } from "./relay/idle.ts";
import { measureLatency } from "./relay/latency.ts";
import { fail } from "./relay/process.ts";
import { measureRooms } from "./relay/rooms.ts";
import { measureStall } from "./relay/stall.ts";
import { head } from "./relay/table.ts";
import { measureTunnel } from "./relay/tunnel.ts";

/** After this the bench gives up: a machine on which it takes longer has no figures to show. */
const LIMIT_MS = 6 * 60_000;

interface Table {
  readonly head: readonly string[];
  readonly note: string;
}

const BARE: Table = {
  head: ["what", "the relay", "bare forwarder", "against it", "target"],
  note: `The bare forwarder is \`ws\` with bufferutil and nothing else: no limits, no timeouts, no backpressure. The Python relay of
old needed 0.011 s of processor time for 1,000 frames of 1 KiB, 0.034 s for 64 KiB, and 21 KiB a room, on its own machine.`,
};
const TUNNEL: Table = {
  head: ["one client of a tunnel", "relay and agent", "two bare hops", "against them", "target"],
  note: `A bare hop is a process that pipes one TCP socket into another. The tunnel has a WebSocket between its two, with yamux in it.`,
};
const COST: Table = {
  head: ["what", "limits and metrics on", "off", "on against off", "off against off", "target"],
  note: `Ratios are the median of all rounds' own, with the middle half of them. What cannot be turned off is set so far that it
never acts, and still costs what looking costs. Nobody scrapes meanwhile.`,
};

const PARTS: Record<string, { table: Table; measure: () => Promise<void> }> = {
  idle: { table: BARE, measure: measureIdle },
  rooms: { table: BARE, measure: measureRooms },
  forward: { table: BARE, measure: measureForward },
  latency: { table: BARE, measure: measureLatency },
  crowd: { table: BARE, measure: measureCrowd },
  stall: { table: BARE, measure: measureStall },
  tunnel: { table: TUNNEL, measure: measureTunnel },
  cost: { table: COST, measure: measureCost },
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(PARTS, name));
if (unknown.length > 0) fail(`There is no part ${unknown.join(", ")}: the parts are ${Object.keys(PARTS).join(", ")}.`);
if (process.platform !== "linux") fail("This bench reads /proc, which only Linux has.");
setTimeout(() => fail(`The bench was ended after ${LIMIT_MS / 60_000} minutes.`), LIMIT_MS).unref();

const model = cpus()[0]?.model ?? "unknown processor";
console.log(`Node ${process.version}, ${cpus().length} x ${model}, loopback. Medians.`);
for (const table of [BARE, TUNNEL, COST]) {
  const parts = Object.entries(PARTS).filter(
    ([name, part]) => part.table === table && (names.length === 0 || names.includes(name)),
  );
  if (parts.length === 0) continue;
  console.log();
  head(table.head);
  for (const [, { measure }] of parts) await measure();
  console.log(`\n${table.note}`);
}
process.exit(0);
