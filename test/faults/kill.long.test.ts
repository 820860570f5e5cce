import { describe, it } from "vitest";
import { killsOfPeople, relayIsKilled } from "./kill-suite.ts";

describe.each([
  ["lan", "a passphrase and a room"],
  ["relay", "a code"],
  ["relay", "a passphrase and a room"],
] as const)("kill -9, by %s, with %s, at every step:", killsOfPeople);

it("kill -9, with a passphrase and a room, at every step: the relay, which comes back: all goes on, and is delivered", () =>
  relayIsKilled("a passphrase and a room"));
