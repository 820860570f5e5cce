/** A document goes from one real client to another one through a relay. All else of real clients is in the long tests. */
import { it } from "vitest";
import { expectHandedOver } from "./two-clients.ts";

it("hands the second client's model exactly the text that was shared, fenced, through the relay", () =>
  expectHandedOver("relay"));
