import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { memoryPath } from "../../src/claude/folders.ts";
import { run } from "../support/scratch.ts";
import { machine } from "./transcripts.ts";

it("finds the memory of a repository from its subfolders and its worktrees", async () => {
  await using at = await machine();
  const git = (...args: string[]) =>
    run("git", ["-c", "user.name=x", "-c", "user.email=x@x", ...args], { cwd: at.project });
  await git("init", "-q");
  await git("commit", "-q", "--allow-empty", "-m", "x");
  await git("worktree", "add", "-q", "../other");
  await mkdir(join(at.project, "src", "deep"), { recursive: true });
  const own = await memoryPath(at.config, at.project);
  expect(await memoryPath(at.config, join(at.project, "src", "deep"))).toBe(own);
  expect(await memoryPath(at.config, join(at.project, "..", "other"))).toBe(own);
  expect(await memoryPath(at.config, join(at.project, ".."))).not.toBe(own);
});
