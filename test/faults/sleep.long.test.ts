import { describe, it } from "vitest";
import {
  askedWhileAsleep,
  hubsNodOff,
  missedWhileAsleep,
  receiverSleeps,
  senderIsMissed,
  senderSleeps,
  serversSleep,
} from "./sleep-suite.ts";

describe("a share whose hub has slept is there again, by LAN and by relay:", () => {
  it("who asks while it sleeps is served when it wakes", askedWhileAsleep);

  it("the relay has missed it, and given up its room", missedWhileAsleep);
});

describe("a transfer goes on", () => {
  it.each(["lan", "relay"] as const)("by %s over the same connection when a hub has nodded off", hubsNodOff);

  describe("over another one when a hub has slept until it was missed:", () => {
    it.each(["lan", "relay"] as const)("the sender's, by its receiver, by %s", senderSleeps);

    it("the sender's, by the relay", senderIsMissed);

    it("the receiver's, by the relay", () => receiverSleeps("relay"));
  });

  it("while both servers sleep, whose hubs do all of it, and its call is answered when they wake", serversSleep);
});
