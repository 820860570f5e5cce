import { describe, it } from "vitest";
import { forgottenWhileAsleep, receiverSleeps } from "./sleep-suite.ts";

describe("a share whose hub has slept is there again, by LAN and by relay:", () => {
  it("what stands between has forgotten its connection to the relay, and tells nobody", forgottenWhileAsleep);
});

describe("a transfer goes on over another connection", () => {
  it("when the receiver's hub has slept until it was missed, by LAN", () => receiverSleeps("lan"));
});
