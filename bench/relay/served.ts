/**
 * The relay as a process, with settings that operators cannot set: they come as JSON. Otherwise as its own program runs it.
 *
 *     node served.js '{"maxFailedJoins":1000000}'      listens on any port of 127.0.0.1, and says so in its first line
 */
const { collectLessOften } = await import("../../../relay/dist/heap.js" as string);
const { startRelay } = await import("../../../relay/dist/relay.js" as string);

collectLessOften();
const settings = JSON.parse(process.argv[2] ?? "{}");
const { url, metricsUrl } = await startRelay({ host: "127.0.0.1", port: 0, ...settings });
process.stdout.write(`${JSON.stringify({ url, metrics: metricsUrl })}\n`);

export {};
