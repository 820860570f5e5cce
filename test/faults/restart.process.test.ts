/** A relay that is restarted in the middle of 100 MB, by order and by force. */
import { expect, it } from "vitest";
import { relayProcess } from "../mcp/wires.ts";
import { cable } from "../support/cable.ts";
import { startServer } from "../support/server.ts";
import { eventually, until } from "../support/wait.ts";
import { attempt, documentIn, inboxOf } from "./people.ts";

const MEGABYTE = 1_000_000;
const BYTES = 100 * MEGABYTE;
/** Slow enough that the transfer is in its middle when the relay is there again, and fast enough for a test. */
const BYTES_PER_SECOND = 60 * MEGABYTE;
/** Not even a relay that lets its transfers end waits for all of it. */
const RELAY = { secret: "the secret of this test, thirty-two characters", flags: ["--drain-seconds=0"] };

it.each([
  ["SIGTERM", 1],
  ["SIGKILL", 3],
] as const)(
  "the relay restarted by %s in the middle of 100 MB, %i times: no byte is lost, and few come twice",
  async (signal, times) => {
    let relay = await relayProcess(RELAY);
    const { port } = relay;
    const [sender, receiver] = await Promise.all([startServer(), startServer()]);
    const path = await documentIn(sender, BYTES);
    const share = await sender.share({ path, mode: "relay", relay_url: relay.url });
    const lots = Array.from({ length: 2 * times + 10 }, () => ({ bytesPerSecond: BYTES_PER_SECOND }));
    const line = await cable(port, lots);
    const call = attempt(receiver, share, "relay", line.port);
    for (let restart = 1; restart <= times; restart += 1) {
      const share = (BYTES * restart) / (times + 1);
      await until("it is in the middle", () => line.passed.down > share);
      relay.kill(signal);
      await relay.closed;
      expect(line.passed.down).toBeLessThan(BYTES);
      relay = await relayProcess({ ...RELAY, port });
    }
    expect(await call.ended).toBe("received");
    expect(await inboxOf(receiver.home)).toEqual([share.sha256]);
    await eventually(async () => (await sender.status()).state).toBe("delivered");
    expect(await sender.status()).toMatchObject({ delivered: 1, unconfirmed: 0 });
    // What was on its way when the relay ended is all that is sent again: what buffers hold, not what was received.
    expect(line.passed.down).toBeLessThan(BYTES * 1.2);
    expect(line.connections).toBeGreaterThan(times);
    expect([await receiver.kept("staging"), await sender.kept("spool")]).toEqual([[], []]);
  },
  60_000,
);
