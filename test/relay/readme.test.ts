/** The README is all that an operator has: what the relay can say for a reason is explained there. */

import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { CLIENT_ENDS, REFUSALS, TUNNEL_ENDS } from "../../relay/src/doors.ts";
import { CUTS } from "../../relay/src/observe/events.ts";
import { CLOSE_CODE, REFUSED } from "../../relay/src/wire.ts";

it.each<[string, readonly string[]]>([
  ["a refusal by HTTP", Object.keys(REFUSALS)],
  ["a refusal of the room door", REFUSED],
  ["a close code", Object.keys(CLOSE_CODE)],
  ["a cut", CUTS],
  ["a tunnel's end", TUNNEL_ENDS],
  ["a tunnel client's end", CLIENT_ENDS],
])("every word for %s is in the README", async (_what, words) => {
  const page = await readFile(new URL("../../relay/README.md", import.meta.url), "utf8");
  expect(words.filter((word) => !page.includes(`\`${word}\``))).toEqual([]);
});
