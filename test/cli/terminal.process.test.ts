/** The commands as a person runs them: at a terminal, which python's pty makes, and where there is none. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { assistant, exported, machine, user, write } from "../claude/transcripts.ts";
import { keepMemory, keepSessions, machineOf } from "../installing/inbox.ts";
import { later } from "../support/later.ts";
import { ENTRY, makeSandbox, type Sandbox } from "../support/server.ts";
import { until } from "../support/wait.ts";

const noPython = spawnSync("python3", ["-c", "import pty"]).status !== 0;
const PTY = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
const MEMORY = { "MEMORY.md": "- Run it twice.\n" };

interface Ran {
  readonly exitCode: number | null;
  readonly output: string;
}

interface Way {
  /** What the person types, once asked. */
  readonly types?: string;
  readonly env?: Record<string, string>;
  readonly terminal?: boolean;
}

async function run(sandbox: Sandbox, args: readonly string[], { types, env, terminal = true }: Way = {}): Promise<Ran> {
  const line = [process.execPath, ENTRY, ...args];
  const [command = "", ...rest] = terminal ? ["python3", "-c", PTY, ...line] : line;
  const user = { HOME: join(sandbox.base, "user"), DISTILL_HOME: sandbox.home, CLAUDE_PROJECT_DIR: sandbox.project };
  const child = spawn(command, rest, { env: { PATH: process.env.PATH, ...user, ...env }, cwd: sandbox.project });
  later(() => child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  const closed = once(child, "close");
  if (types !== undefined) {
    await until("it asks", () => output.includes("Type yes to install it:"));
    child.stdin.write(types);
  } else if (!terminal) child.stdin.end("yes\n");
  const [exitCode] = (await closed) as [number | null];
  return { exitCode, output: output.replaceAll("\r\n", "\n") };
}

async function installed({ home }: Sandbox): Promise<string[]> {
  return (await readdir(join(home, "installed")).catch(() => [])).map((name) => name.replace(".json", ""));
}

describe("claude-spread install, at a terminal", () => {
  beforeEach(({ skip }) => {
    skip(noPython, "python3 is missing, which makes the terminal");
  });

  it("asks what the form asks, installs a session after yes, and uninstall takes it out; no hub is started", async () => {
    const sandbox = await makeSandbox();
    await using ann = await machine();
    await write(ann, [user(0, "Fix it"), assistant(1, "yes")]);
    const id = await keepSessions(sandbox.home, (await exported(ann)).bytes);
    const { exitCode, output } = await run(sandbox, ["install", id], { types: "yes\n" });
    expect(output).toContain("Which conversation, in the sender's words:\n> Fix it\n");
    expect(output).toMatch(/Installed as [a-z0-9]{8}\. To go on with it, in .*:\nclaude --resume [0-9a-f-]{36}\n/);
    expect(exitCode).toBe(0);
    const [session = ""] = /[0-9a-f-]{36}/.exec(output) ?? [];
    const { config } = machineOf(sandbox);
    const [folder = ""] = await readdir(join(config, "projects"));
    await access(join(config, "projects", folder, `${session}.jsonl`));

    const [done = ""] = await installed(sandbox);
    expect(await run(sandbox, ["uninstall", done], { terminal: false })).toMatchObject({ exitCode: 0 });
    expect(await readdir(join(config, "projects", folder))).toEqual([]);
    await expect(access(join(sandbox.home, "hub"))).rejects.toThrow();
  });

  it.each([
    ["no", "no\n"],
    ["y", "y\n"],
    ["nothing", "\n"],
    ["the end of the input", "\u0004"],
  ])("installs nothing after %s", async (_what, types) => {
    const sandbox = await makeSandbox();
    const id = await keepMemory(sandbox.home, MEMORY);
    const { exitCode, output } = await run(sandbox, ["install", id], { types });
    expect(output).toContain("Error needs-a-person: nobody said yes");
    expect(exitCode).toBe(1);
    expect(await installed(sandbox)).toEqual([]);
  });

  it("is not for a model, which could have a terminal made: it refuses under Claude Code", async () => {
    const sandbox = await makeSandbox();
    const id = await keepMemory(sandbox.home, MEMORY);
    const { exitCode, output } = await run(sandbox, ["install", id], { env: { CLAUDECODE: "1" } });
    expect([exitCode, output.includes("needs-a-person")]).toEqual([1, true]);
    expect(output).not.toContain("Type yes");
  });
});

it("refuses where stdin is no terminal, whatever is piped into it", async () => {
  const sandbox = await makeSandbox();
  const id = await keepMemory(sandbox.home, MEMORY);
  const { exitCode, output } = await run(sandbox, ["install", id], { terminal: false });
  expect(output).toContain("Error needs-a-person: there is nobody at a terminal");
  expect(exitCode).toBe(1);
  expect(await installed(sandbox)).toEqual([]);
});

it.each([
  ["install"],
  ["install", "x", "y"],
  ["install", "x", "0"],
  ["install", "x", "1", "2"],
  ["install", "x", "--force"],
  ["uninstall"],
  ["uninstall", "x", "1"],
])("says how it is used, and exits with 2: %s %s %s %s", async (...args) => {
  const sandbox = await makeSandbox();
  const { exitCode, output } = await run(sandbox, args.filter(Boolean), { terminal: false });
  expect([exitCode, output]).toEqual([2, expect.stringMatching(/^usage: claude-spread install <id>/)]);
});

it("says that nothing is installed under an id", async () => {
  const sandbox = await makeSandbox();
  await mkdir(sandbox.home);
  const { exitCode, output } = await run(sandbox, ["uninstall", "../../x"], { terminal: false });
  expect([exitCode, output]).toEqual([1, expect.stringMatching(/^Error invalid-input: nothing is installed/)]);
});
