/** A share whose room a full relay has given to somebody else. */
import { expect, it } from "vitest";
import { startRelay } from "../../relay/src/relay.ts";
import { receive } from "../../src/share/receiver.ts";
import { frontOf } from "../support/front.ts";
import { later } from "../support/later.ts";
import { forever, lanOf, receiveRequest, share } from "../support/shares.ts";
import { until } from "../support/wait.ts";

it("stays on the network, is told to be shared again, and takes nothing back; one that has nothing else has failed", async () => {
  const relay = await startRelay({ host: "127.0.0.1", port: 0, maxRooms: 3, trustProxy: { hops: 1 } });
  later(() => relay.stop());
  const of = async (address: string) => ({ url: (await frontOf(relay.port, address)).url });
  const company = await of("203.0.113.1");
  const both = await share({ relay: company });
  const alone = await share({ mode: "relay", relay: company });
  const third = await share({ mode: "relay", relay: company });
  await share({ mode: "relay", relay: await of("198.51.100.1") });
  await until("the oldest knows", () => both.relay === undefined);
  expect(both.warnings).toEqual([
    "The relay was full, and gave this share's place away: share again for a new code. Receivers on this network can still come.",
  ]);
  expect([both.state, both.relayAwaySince, alone.state, third.state]).toEqual([
    "waiting",
    undefined,
    "waiting",
    "waiting",
  ]);
  await receive(await receiveRequest(both, { lan: lanOf(both), relay: undefined }), () => {}, forever());
  await until("it is delivered", () => both.state === "delivered");

  await share({ mode: "relay", relay: await of("192.0.2.1") });
  await until("it has ended", () => alone.endedAt !== undefined);
  expect([alone.state, alone.warnings]).toEqual([
    "failed",
    ["The relay was full, and gave this share's place away: share again for a new code."],
  ]);
  expect(relay.ended.get("displaced")).toBe(2);
});
