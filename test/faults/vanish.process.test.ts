/** Receivers that vanish for good in the middle, by LAN. By relay, and with dead cables: vanish.long.test.ts. */
import { describe, it } from "vitest";
import { killedAtTheEnd, killedMidway } from "./vanish-suite.ts";

describe("by lan, of a receiver that is killed, hub and server,", () => {
  it("the place in a share for 1 is free at once", () => killedMidway("lan", 1));

  it("to which all was sent, the place is spent, and its receipt is missing", () => killedAtTheEnd("lan"));
});
