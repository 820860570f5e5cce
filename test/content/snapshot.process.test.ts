import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { longText, MIB, makeFile, refusal, smallDisk } from "../support/scratch.ts";

test("a home is disk-full when the disk is, and nothing is left on it", async ({ skip }) => {
  await using at = await makeFile(longText(3 * MIB));
  await mkdir(at.home);
  await using disk = await smallDisk(at.home);
  if (disk === undefined) return skip("this user may not mount a small disk");
  const error = await refusal(at.freeze());
  expect(error.code).toBe("disk-full");
  expect(await at.spooled()).toEqual([]);
  await writeFile(join(at.home, "again"), Buffer.alloc(MIB / 2)); // its space is free again
});
