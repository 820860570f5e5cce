/** A session of more lines than a call may have arguments. */
import { expect, it } from "vitest";
import { exported, type Fields, machine, many, said, unsaid, write } from "./transcripts.ts";

/** More than can be arguments of one call. */
const TOO_MANY = 130_000;

it.each<[string, Fields[]]>([
  [
    "before the one that they follow",
    [
      ...many(TOO_MANY, (n) => unsaid(`a${n}`, n === TOO_MANY - 1 ? "r" : `a${n + 1}`)),
      said("r", null),
      said("u", null),
    ],
  ],
  ["on the last one", [said("u", null), ...many(TOO_MANY, (n) => unsaid(`a${n}`, "u"))]],
])(`exports a session with ${TOO_MANY} lines %s`, async (_how, lines) => {
  await using at = await machine();
  await write(at, lines);
  const { end } = await exported(at);
  expect(end.left_out).toEqual({ attachments: TOO_MANY });
});
