/** Both ways of installing that the README names, on a machine that has nothing yet. */
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, it } from "vitest";
import type { Offered } from "../support/server.ts";
import { json } from "./api.ts";
import { CHECKOUT, claude, runClaude, type Sandbox, sandbox, shell } from "./claude.ts";

/** Not of a checkout, or too large to be copied, or of whoever works on it. */
const NOT_COPIED = new Set([".git", "node_modules", "settings.local.json"]);

/** A built checkout, as somebody has it after `git clone` and `npm install`. */
async function checkout({ home }: Sandbox): Promise<string> {
  const copy = join(home, "claude-spread");
  const filter = (path: string) => !NOT_COPIED.has(basename(path));
  await cp(CHECKOUT, copy, { recursive: true, verbatimSymlinks: true, filter });
  await symlink(join(CHECKOUT, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** Without any permission but those of the skill. */
async function sharesFrom(box: Sandbox, cwd: string): Promise<void> {
  const { exitCode, mcpServers, slashCommands, toolResults } = await runClaude({
    box,
    cwd,
    prompt: "/distill-share --lan",
    steps: [
      { tool: "mcp__claude-spread__distill_share", input: { content: "# Installed", mode: "lan" } },
      "Tell them.",
    ],
  });
  expect(exitCode).toBe(0);
  expect(mcpServers).toEqual([{ name: "claude-spread", status: "connected" }]);
  expect(slashCommands).toEqual(expect.arrayContaining(["distill-receive", "distill-share"]));
  const [result] = toolResults;
  expect(result?.isError).toBe(false);
  expect(result && json<Offered>(result).tell_receiver).toContain("/distill-receive");
}

it("works in a checkout as it is, once its server is approved", async () => {
  const box = await sandbox();
  const cwd = await checkout(box);
  expect((await claude(["mcp", "list"], { box, cwd })).stdout).toMatch(/^claude-spread: .*Pending approval/m);
  await mkdir(join(box.home, ".claude"), { recursive: true });
  // What "yes" to the client's question comes to.
  await writeFile(join(box.home, ".claude", "settings.json"), '{"enabledMcpjsonServers":["claude-spread"]}');
  expect((await claude(["mcp", "list"], { box, cwd })).stdout).toMatch(/^claude-spread: .*Connected$/m);
  await sharesFrom(box, cwd);
});

it("works in every project after the README's commands for it, typed in the checkout", async () => {
  const readme = await readFile(join(CHECKOUT, "README.md"), "utf8");
  const [commands] = /^ {4}claude mcp add --scope user .*\n(?: {4}.*\n)*/m.exec(readme) ?? [];
  expect(commands?.trim().split("\n")).toHaveLength(2);
  const box = await sandbox();
  const cwd = await checkout(box);
  const installed = await shell(commands ?? "", { box, cwd });
  expect(installed, installed.stderr).toMatchObject({ exitCode: 0 });
  const { stdout } = await claude(["mcp", "list"], { box });
  expect(stdout).toMatch(/^claude-spread: .*Connected$/m);
  expect(stdout).toContain(join(cwd, "dist", "claude-spread.js"));
  await sharesFrom(box, box.project);
});

it("does not let a tool run that no skill and no user has allowed", async () => {
  const { toolResults } = await runClaude({
    cwd: CHECKOUT,
    prompt: "Share this.",
    steps: [{ tool: "mcp__claude-spread__distill_share", input: { content: "# No" } }, "It was not allowed."],
  });
  expect(toolResults[0]).toMatchObject({ isError: true, text: expect.stringContaining("permission") });
});
