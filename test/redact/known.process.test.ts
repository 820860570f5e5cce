import { join } from "node:path";
import { expect, it } from "vitest";
import { envSecrets } from "../../src/redact/known.ts";
import { run, scratch } from "../support/scratch.ts";

it("does not wait for a pipe among the .env files, that nobody writes to", async ({ skip }) => {
  skip(process.platform === "win32", "Windows has no mkfifo");
  await using project = await scratch();
  await run("mkfifo", [join(project.path, ".env.pipe")]);
  expect(await envSecrets(project.path)).toEqual([]);
});
