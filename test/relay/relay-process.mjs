/**
 * The built relay in a process of its own, for tests that measure it: settings come as JSON, and each message is answered
 * with what was counted so far and what the process holds after its garbage is collected.
 */
import { setTimeout as delay } from "node:timers/promises";
import { startRelay } from "../../relay/dist/relay.js";

const MIB = 1024 * 1024;
const counts = {};
const watch = ({ event, door, why }) => {
  if (!why) return;
  const spelled = [event, door, why].filter(Boolean).join(" ");
  counts[spelled] = (counts[spelled] ?? 0) + 1;
};
const { port, url } = await startRelay({ host: "127.0.0.1", port: 0, ...JSON.parse(process.argv[2]), watch });

process.on("message", async (collect) => {
  // What a close leaves behind is only free a turn of the event loop later.
  for (let i = 0; collect && i < 3; i++) {
    globalThis.gc();
    await delay(20);
  }
  const sockets = process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  process.send({
    counts,
    sockets,
    rssMib: rss / MIB,
    heldMib: (heapUsed + arrayBuffers) / MIB,
    peakMib: process.resourceUsage().maxRSS / 1024,
  });
});
process.on("disconnect", () => process.exit());
process.send({ port, url });
