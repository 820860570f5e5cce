import { describe, it } from "vitest";
import { goesOn, type Jump, relayKeepsRooms, saysHowFarItIs, type Who } from "./clock-suite.ts";
import type { Carrier } from "./steps.ts";

/** Whose clock jumps, and how the transfer goes. Servers only hand on what hubs do. */
const CLOCKS: readonly (readonly [Who, Carrier])[] = [
  ["the sender's hub", "lan"],
  ["the sender's hub", "relay"],
  ["the receiver's hub", "lan"],
  ["the receiver's hub", "relay"],
  ["the servers", "lan"],
  ["the relay", "relay"],
];
const IN_NPM_TEST = "ahead, the receiver's hub, lan";
const CASES = (["ahead", "back"] as const)
  .flatMap((way) => CLOCKS.map(([who, carrier]): [Jump, Who, Carrier] => [way, who, carrier]))
  .filter((one) => one.join(", ") !== IN_NPM_TEST);

describe("a clock that jumps hours in the middle of a transfer", () => {
  it.each(CASES)("%s: of %s, by %s: it goes on, over its link or over another one", goesOn);
});

it("a receiver whose clock jumps back still hears how far it is", saysHowFarItIs);

it.each(["ahead", "back"] as const)(
  "a relay whose clock jumps hours %s gives the rooms back that it keeps: a sender that loses it goes on",
  relayKeepsRooms,
);
