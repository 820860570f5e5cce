/**
 * The real client, offline, on two machines: what one shares the other one installs, where `claude -p` can ask nobody and a
 * terminal can, and then has in its conversations.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { projectName } from "../../src/claude/folders.ts";
import { conversationText, json, type Request, type Step, startApi, type ToolResult } from "../client/api.ts";
import { claude, runClaude, type Sandbox, sandbox } from "../client/claude.ts";
import { relayProcess } from "../mcp/wires.ts";
import { later } from "../support/later.ts";
import { ENTRY, type Offered, type Taken } from "../support/server.ts";
import { until } from "../support/wait.ts";

const TOOL = "mcp__claude-spread__";
const TOOLS = ["share", "receive", "install", "uninstall", "sessions", "status"].map(
  (name) => `${TOOL}distill_${name}`,
);
const MCP = { mcpServers: { "claude-spread": { command: process.execPath, args: [ENTRY] } } };
const PTY = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
/** Several clients, one behind another. */
const TEST_LIMIT_MS = 90_000;

beforeEach(({ skip }) => {
  skip(spawnSync("python3", ["-c", "import pty"]).status !== 0, "python3 is missing, which makes the terminal");
});

/** What the model is answered to one call after another. */
async function calls(box: Sandbox, steps: Step[]): Promise<readonly ToolResult[]> {
  const run = { box, prompt: "Do as planned.", mcpConfig: MCP, allowedTools: TOOLS };
  const { toolResults } = await runClaude({ ...run, steps: [...steps, "Done."] });
  return toolResults;
}

const call = (name: string, input: object = {}): Step => ({ tool: `${TOOL}distill_${name}`, input });

/** Receives, tries to install as a model under `claude -p`, and then runs the command that the refusal names, as a person. */
async function takeOver(box: Sandbox, { code, lan, relay_url }: Offered): Promise<{ taken: Taken; output: string }> {
  const way = lan ? { host: `127.0.0.1:${lan.port}` } : { mode: "relay", relay_url };
  const [received, refused] = await calls(box, [
    call("receive", { code, ...way }),
    ({ last }) => ({ tool: `${TOOL}distill_install`, input: { id: json<Taken>(last).id } }),
  ]);
  if (received === undefined) throw new Error("nothing was received");
  expect(refused).toMatchObject({ isError: true, text: expect.stringMatching(/^Error needs-a-person: /) });
  const command = /can run: (.*)\.$/m.exec(refused?.text ?? "")?.[1] ?? "";
  return { taken: json<Taken>(received), output: await atTerminal(box, command) };
}

async function atTerminal(box: Sandbox, command: string): Promise<string> {
  const child = spawn("python3", ["-c", PTY, "sh", "-c", command], { env: { ...box.env }, cwd: box.home });
  later(() => child.kill("SIGKILL"));
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  const closed = once(child, "close");
  await until("it asks", () => output.includes("Type yes to install it:"));
  child.stdin.write("yes\n");
  expect(await closed).toEqual([0, null]);
  return output;
}

async function resume(box: Sandbox, session: string): Promise<{ exitCode: number | null; requests: Request[] }> {
  await using api = await startApi(["Yes."], () => {});
  const env = { ANTHROPIC_BASE_URL: api.url };
  const { exitCode } = await claude(["--resume", session, "-p", "Go on."], { box, env });
  return { exitCode, requests: [...api.requests] };
}

/** Where a share is offered. */
async function offeredBy(mode: "lan" | "relay"): Promise<object> {
  return mode === "lan" ? { mode } : { mode, relay_url: (await relayProcess()).url };
}

it.each(["lan", "relay"] as const)(
  "a session is shared in one home, installed in another, resumed there with its origin, and taken out: %s",
  async (mode) => {
    const [ann, bob] = [await sandbox(), await sandbox()];
    const way = await offeredBy(mode);
    const file = { file_path: join(ann.project, "plan.txt"), content: "the plan" };
    const steps = [{ tool: "Write", input: file }, "It is made."];
    await runClaude({ box: ann, prompt: "Make a plan.", steps, allowedTools: ["Write"] });
    const [, shared] = await calls(ann, [
      call("sessions"),
      ({ last }) => {
        const { sessions } = json<{ sessions: { id: string; title: string }[] }>(last);
        const picked = sessions.filter(({ title }) => title === "Make a plan.").map(({ id }) => id);
        const input = { kind: "sessions", session_ids: picked, ...way };
        return { tool: `${TOOL}distill_share`, input };
      },
    ]);
    if (shared === undefined) throw new Error("nothing was shared");

    const { taken, output } = await takeOver(bob, json<Offered>(shared));
    expect(taken).toMatchObject({ kind: "sessions", sessions: [{ number: 1, title: "Make a plan." }] });
    const [, id = "", session = ""] = /Installed as (\w{8})[\s\S]*claude --resume ([0-9a-f-]{36})/.exec(output) ?? [];
    const { exitCode, requests } = await resume(bob, session);
    expect(exitCode).toBe(0);
    const text = requests[0] ? conversationText(requests[0]) : "";
    const places = [
      `Received conversation ${id}, on `,
      "\n> Make a plan.\n",
      "\n> who shared it at",
      "\nMake a plan.\n",
      "It is made.",
    ];
    const found = [...places, `End of received conversation ${id}.`, "Go on."].map((words) => text.indexOf(words));
    expect(found).toEqual([...found].sort((a, b) => a - b));
    expect(found[0]).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(requests[0]?.messages)).toContain(join(bob.project, "plan.txt"));
    expect(JSON.stringify(requests)).not.toContain(ann.home);

    const [gone] = await calls(bob, [call("uninstall", { id, changed_too: true })]);
    expect(gone?.isError).toBe(false);
    expect(await resume(bob, session)).toEqual({ exitCode: 1, requests: [] });
  },
  TEST_LIMIT_MS,
);

it.each(["lan", "relay"] as const)(
  "a memory is shared in one home, installed in another, read there as what it is, and taken out: %s",
  async (mode) => {
    const [ann, bob] = [await sandbox(), await sandbox()];
    const way = await offeredBy(mode);
    const remembered = async () => {
      const { mainRequests } = await runClaude({ box: bob, prompt: "Hello", steps: ["Hello"] });
      return mainRequests[0] ? conversationText(mainRequests[0]) : "";
    };
    const path = join(ann.home, ".claude", "projects", projectName(ann.project), "memory", "MEMORY.md");
    const write = { tool: "Write", input: { file_path: path, content: "- Run the tests with --bail.\n" } };
    await runClaude({ box: ann, prompt: "Remember it.", steps: [write, "Done."], allowedTools: ["Write"] });
    const [shared] = await calls(ann, [call("share", { kind: "memory", raw: true, ...way })]);
    if (shared === undefined) throw new Error("nothing was shared");

    const { taken, output } = await takeOver(bob, json<Offered>(shared));
    expect(taken.content).toContain("MEMORY.md:\n> - Run the tests with --bail.\n");
    const [, id = ""] = /Installed as (\w{8})/.exec(output) ?? [];
    const text = await remembered();
    expect(text).toContain("> - Run the tests with --bail.");
    expect(text).toContain(`Received memory ${id}, up to "End of received memory ${id}": written by somebody else`);
    const [gone] = await calls(bob, [call("uninstall", { id })]);
    expect(gone?.isError).toBe(false);
    expect(await remembered()).not.toContain("--bail");
  },
  TEST_LIMIT_MS,
);
