/** A typed hand-off goes from one checkout to another, through all that it is made of. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { formatRecord, parseRecord } from "../../src/handoff/json.ts";
import { renderHandoff } from "../../src/handoff/markdown.ts";
import { Handoff } from "../../src/handoff/schema.ts";
import { readAnchor } from "../../src/repository/anchor.ts";
import { patchText, readChange } from "../../src/repository/change.ts";
import { compare } from "../../src/repository/compare.ts";
import { checkCommand, touchedBy } from "../../src/repository/received-patch.ts";
import { clone, commit, folder, forever, newCheckout, opened, put, strangeHome } from "../repository/checkout.ts";
import { run } from "../support/scratch.ts";

beforeAll(strangeHome);

it("what one writes in a checkout, the other holds against its own", async () => {
  const source = await newCheckout({ "app/src/a.ts": "1\n", "app/src/b.ts": "1\n" });
  const [mine, theirs] = [await clone(source), await clone(source)];

  await put(mine, { "app/src/a.ts": "2\n", "app/src/new.ts": "new\n" });
  const here = await opened(join(mine, "app"));
  const anchor = await readAnchor(here, forever());
  const change = await readChange(here, () => false, forever());
  if (!anchor || !change) throw new Error("git could not say");
  const handoff = Handoff.parse({
    goal: "Make a two",
    summary: "It is two, and not committed.",
    files: [
      { path: "src/a.ts", action: "changed" },
      { path: "src/new.ts", action: "created" },
      { path: "src/b.ts", action: "changed" },
      { path: "../../../etc/passwd", action: "changed" },
    ],
  });
  const markdown = renderHandoff(handoff, anchor);
  const text = formatRecord({ handoff, anchor });
  expect(text + markdown).not.toContain(mine);

  const received = parseRecord(Buffer.from(text));
  expect(renderHandoff(received.handoff ?? handoff, received.anchor)).toBe(markdown);
  expect(received.handoff).toEqual(handoff);
  await commit(theirs, { "app/src/b.ts": "2\n" });
  const there = await opened(join(theirs, "app"));
  const { sentences } = await compare(received.anchor ?? {}, received.handoff?.files ?? [], there, forever());
  expect(sentences).toEqual([
    `This checkout is 1 commit ahead of the sender's commit ${anchor.commit?.slice(0, 12)}.`,
    "The sender had not committed 2 files.",
    "Named in the hand-off, and not here (the sender may not have committed it): src/new.ts.",
    "Not as in the sender's commit: src/b.ts.",
    "Paths that lead out of the project, and were not looked at: ../../../etc/passwd.",
  ]);

  const patch = join(await folder(), "change.patch");
  await writeFile(patch, patchText(change));
  expect((await touchedBy(patch, forever()))?.paths).toEqual(["app/src/a.ts", "app/src/new.ts"]);
  await run("/bin/sh", ["-c", checkCommand(patch, there)], { cwd: join(theirs, "app") });
});
