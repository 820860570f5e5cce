import { statfs } from "node:fs/promises";
import { expect, test } from "vitest";
import { MAX_SHARE_BYTES } from "../../src/limits.ts";
import { expectCode, makeFile, run } from "../support/scratch.ts";

test("a file that has grown past MAX_SHARE_BYTES since it was judged is refused with too-large", async ({ skip }) => {
  skip(process.platform === "win32", "Windows has no yes and no head");
  await using at = await makeFile("x");
  const disk = await statfs(at.file);
  if (disk.bavail * disk.bsize < 4 * MAX_SHARE_BYTES) return skip("the file and its spool need 2 GiB of disk");
  await run("sh", ["-c", `yes text | head -c ${MAX_SHARE_BYTES + 1} > "$0"`, at.file]);
  await expectCode(at.freeze(), "too-large");
  expect(await at.spooled()).toEqual([]);
});
