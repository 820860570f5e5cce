/**
 * The built relay as a process, with settings that operators cannot set: they come as JSON. It ends as the program does.
 */
import { collectLessOften } from "../../relay/dist/heap.js";
import { startRelay } from "../../relay/dist/relay.js";

collectLessOften();
const relay = await startRelay(JSON.parse(process.argv[2]));
process.stdout.write(`${JSON.stringify({ event: "listening", url: relay.url })}\n`);
for (const name of ["SIGTERM", "SIGINT"]) process.once(name, () => void relay.drain());
