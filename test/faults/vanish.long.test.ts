import { beforeEach, describe, it } from "vitest";
import { noNamespaces } from "../support/namespaces.ts";
import { noNft } from "./machines.ts";
import { cableDies, killedAtTheEnd, killedMidway } from "./vanish-suite.ts";

describe("of a receiver that is killed, hub and server,", () => {
  it.each([
    ["lan", 2],
    ["relay", 1],
    ["relay", 2],
  ] as const)("by %s, the place in a share for %i is free at once", killedMidway);

  it("by relay, to which all was sent, the place is spent, and its receipt is missing", () => killedAtTheEnd("relay"));
});

describe("of a receiver whose cable is dead", () => {
  const missing = noNamespaces ?? noNft;
  beforeEach(({ skip }) => skip(missing !== undefined, missing));

  it.each([
    ["lan", 1],
    ["lan", 2],
    ["relay", 1],
    ["relay", 2],
  ] as const)("by %s, the place in a share for %i is free once it is missed", cableDies);
});
