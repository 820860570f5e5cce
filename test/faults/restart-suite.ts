/** A relay that is restarted in the middle of a transfer, by order and by force. */
import { expect, it } from "vitest";
import { relayProcess } from "../mcp/wires.ts";
import { cable } from "../support/cable.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/wait.ts";
import { attempt, documentIn, inboxOf } from "./people.ts";

const MEGABYTE = 1_000_000;
/** Not even a relay that lets its transfers end waits for all of it. */
const RELAY = { secret: "the secret of this test, thirty-two characters", flags: ["--drain-seconds=0"] };

export function testRestarts(signal: NodeJS.Signals, megabytes: number, times: number): void {
  it(`loses no byte, and sends few twice, when ${signal} restarts the relay in the middle of ${megabytes} MB, ${times} times`, async () => {
    const bytes = megabytes * MEGABYTE;
    let relay = await relayProcess(RELAY);
    const { port } = relay;
    const [sender, receiver] = await Promise.all([startServer(), startServer()]);
    const path = await documentIn(sender, bytes);
    const share = await sender.share({ path, mode: "relay", relay_url: relay.url });
    // As long as there are restarts to come, each connection stands still after its part, so that they find it in the middle.
    let restarts = 0;
    const part = { way: "down", at: bytes / (times + 1), what: "stall" } as const;
    const line = await cable(port, () => (restarts < times ? { faults: [part] } : {}));
    const call = attempt(receiver, share, "relay", line.port);
    while (restarts < times) {
      await until("it is in the middle", () => line.struck.length > restarts);
      restarts += 1;
      relay.kill(signal);
      await relay.closed;
      line.heal(); // what was on its way arrives
      expect(line.passed.down).toBeLessThan(bytes);
      relay = await relayProcess({ ...RELAY, port });
    }
    expect(await call.ended).toBe("received");
    expect(await inboxOf(receiver.home)).toEqual([share.sha256]);
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: 1, unconfirmed: 0 });
    // What was on its way when the relay ended is all that is sent again: what buffers hold, not what was received.
    expect(line.passed.down).toBeLessThan(bytes * 1.2);
    expect(line.connections).toBeGreaterThan(times);
    expect([await receiver.kept("staging"), await sender.kept("spool")]).toEqual([[], []]);
  });
}
