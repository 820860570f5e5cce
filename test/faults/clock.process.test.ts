import { it } from "vitest";
import { endsItsShare, goesOn } from "./clock-suite.ts";

it("a transfer goes on over another link where the clock of the receiver's hub jumps hours ahead", () =>
  goesOn("ahead", "the receiver's hub", "lan"));

it(
  "behind a sender's clock that jumps over the end of the share, a link that breaks is the end of the transfer",
  endsItsShare,
);
