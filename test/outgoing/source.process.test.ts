import { join } from "node:path";
import { expect, test } from "vitest";
import { makeProject, refusal, run } from "../support/scratch.ts";

test("refuses a pipe that nobody writes to with path-unreadable, and does not wait for anybody", async ({ skip }) => {
  skip(process.platform === "win32", "Windows has no mkfifo");
  await using at = await makeProject();
  await run("mkfifo", [join(at.project, "pipe.md")]);
  const error = await refusal(at.open("pipe.md"));
  expect([error.code, error.message]).toEqual(["path-unreadable", "pipe.md is a pipe, not a file"]);
});
