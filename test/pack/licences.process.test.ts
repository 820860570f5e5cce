import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { licencesOf } from "../../pack/licences.ts";
import { later } from "../support/later.ts";

it("refuses to go on without the text of a licence", async () => {
  const bare = await mkdtemp(join(tmpdir(), "claude-spread-test-"));
  later(() => rm(bare, { recursive: true }));
  await writeFile(join(bare, "package.json"), JSON.stringify({ name: "bare", version: "1.0.0", license: "MIT" }));
  await expect(licencesOf(["node_modules/ws", bare])).rejects.toThrow(
    /^bare 1\.0\.0 \(MIT\) has no text of its licence/,
  );
});
