import { expect, it } from "vitest";
import { ALL, tooDear } from "./costs.ts";

it.each(["block", "redact"] as const)(
  "no text takes more than ten times the processor time of prose, with %s",
  async (secrets) => {
    expect(await tooDear(ALL, secrets)).toEqual([]);
  },
);
