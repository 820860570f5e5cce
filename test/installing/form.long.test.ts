/** The real client in a terminal: it draws the question about an installation as a form, and a person's keys answer it. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { projectName } from "../../src/claude/folders.ts";
import { json, resultsOf, type Step, startApi } from "../client/api.ts";
import { type Sandbox, sandbox } from "../client/claude.ts";
import { later } from "../support/later.ts";
import { ENTRY, startServer, type Taken } from "../support/server.ts";
import { settled, until } from "../support/wait.ts";

const TOOL = "mcp__claude-spread__distill_";
const PTY = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
const [SPACE, DOWN, ENTER] = [" ", "\x1b[B", "\r"];
const TITLE = "Notes of Ann";

beforeEach(({ skip }) => {
  skip(spawnSync("python3", ["-c", "import pty"]).status !== 0, "python3 is missing, which makes the terminal");
});

/** What a person has answered once, at the client's first start. */
async function startedBefore(box: Sandbox): Promise<void> {
  const state = {
    hasCompletedOnboarding: true,
    theme: "dark",
    customApiKeyResponses: { approved: [box.env.ANTHROPIC_API_KEY?.slice(-20)], rejected: [] },
    projects: { [box.project]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } },
  };
  await writeFile(join(box.home, ".claude.json"), JSON.stringify(state));
  const mcp = { mcpServers: { "claude-spread": { command: process.execPath, args: [ENTRY] } } };
  await writeFile(join(box.home, "mcp.json"), JSON.stringify(mcp));
}

/** The characters that were drawn, by row and column; and the cursor, from 0. */
interface Screen {
  readonly rows: string[][];
  row: number;
  column: number;
}

/** What is on the screen: the client draws only what changes, and moves the cursor over the rest. */
function shown(bytes: string): string {
  const screen: Screen = { rows: [], row: 0, column: 0 };
  // An operating system command; a control sequence, its parameters and its letter; another escape; a character.
  const token = /\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[([0-9;?<>=]*)[ -/]*([@-~])|\x1b.|([^\x1b])/gu;
  for (const [, parameters = "", letter, character] of bytes.matchAll(token)) {
    if (letter !== undefined) control(screen, letter, parameters);
    else if (character !== undefined) draw(screen, character);
  }
  return Array.from(screen.rows, (cells) =>
    Array.from(cells ?? [], (it) => it ?? " ")
      .join("")
      .trimEnd(),
  ).join("\n");
}

function control(screen: Screen, letter: string, parameters: string): void {
  const [first = 0, second = 0] = parameters.split(";").map(Number);
  if (letter === "J" || letter === "K") erase(screen, letter, first);
  else moveCursor(screen, letter, first || 1, second || 1);
}

/** J erases the screen, or what is behind the cursor; K the cursor's row, or what is behind the cursor in it. */
function erase({ rows, row, column }: Screen, letter: "J" | "K", extent: number): void {
  if (letter === "K") rows[row]?.splice(extent === 2 ? 0 : column);
  else if (extent >= 2) rows.length = 0;
  else {
    rows.length = Math.min(rows.length, row + 1);
    rows[row]?.splice(column);
  }
}

/** Letters that are not here move nothing. */
function moveCursor(screen: Screen, letter: string, first: number, second: number): void {
  if (letter === "A") screen.row = Math.max(0, screen.row - first);
  else if (letter === "B") screen.row += first;
  else if (letter === "C") screen.column += first;
  else if (letter === "D") screen.column = Math.max(0, screen.column - first);
  else if (letter === "G") screen.column = first - 1;
  else if (letter === "H") [screen.row, screen.column] = [first - 1, second - 1];
}

function draw(screen: Screen, character: string): void {
  if (character === "\r") screen.column = 0;
  else if (character === "\n") screen.row += 1;
  else if (character === "\b") screen.column = Math.max(0, screen.column - 1);
  else if (character >= " ") {
    const cells = screen.rows[screen.row] ?? [];
    screen.rows[screen.row] = cells;
    cells[screen.column] = character;
    screen.column += 1;
  }
}

interface Terminal {
  /** @returns the screen, once this is on it. */
  sees(words: RegExp): Promise<string>;
  /** A key, once the screen is at rest: one that comes while it is drawn may be lost. */
  press(key: string): Promise<void>;
}

async function terminal(box: Sandbox, url: string): Promise<Terminal> {
  const tools = ["receive", "install"].map((name) => TOOL + name).join(",");
  const options = `--mcp-config "$HOME/mcp.json" --strict-mcp-config --allowedTools ${tools}`;
  // A pid to end the client by, which then ends its server.
  const line = `stty rows 70 cols 140; echo $$ > "$HOME/pid"; exec claude "Do as planned." ${options}`;
  const env = { ...box.env, TERM: "xterm-256color", ANTHROPIC_BASE_URL: url };
  const child = spawn("python3", ["-c", PTY, "sh", "-c", line], { env, cwd: box.project });
  const closed = once(child, "close");
  later(async () => {
    const pid = Number(await readFile(join(box.home, "pid"), "utf8").catch(() => "0"));
    if (pid > 1 && child.exitCode === null) process.kill(pid, "SIGTERM");
    else child.kill("SIGKILL");
    await closed;
  });
  let bytes = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    bytes += text;
  });
  const sees = async (words: RegExp) => {
    await until(`the screen shows ${words}`, () => words.test(shown(bytes))).catch((error: Error) => {
      throw new Error(`${error.message}; it shows\n${shown(bytes)}`);
    });
    return shown(bytes);
  };
  const press = async (key: string) => {
    await settled(() => bytes.length);
    child.stdin.write(key);
  };
  return { sees, press };
}

it.each<[string, "Accept" | "Decline"]>([
  ["is installed for a person who ticks it and accepts", "Accept"],
  ["is not installed for a person who ticks it and declines", "Decline"],
])("a memory %s", async (_what, answer) => {
  const sender = await startServer();
  const own = join(sender.sandbox.base, "user", ".claude", "projects", projectName(sender.project), "memory");
  await mkdir(own, { recursive: true });
  await writeFile(join(own, "MEMORY.md"), "- Run the tests with --bail.\n");
  const { code, lan } = await sender.share({ kind: "memory", raw: true, mode: "lan", title: TITLE });

  const box = await sandbox();
  await startedBefore(box);
  const steps: Step[] = [
    { tool: "WaitForMcpServers" },
    { tool: `${TOOL}receive`, input: { code, host: `127.0.0.1:${lan?.port}` } },
    ({ last }) => ({ tool: `${TOOL}install`, input: { id: json<Taken>(last).id } }),
    "Done.",
  ];
  await using api = await startApi(steps, () => {});
  const { sees, press } = await terminal(box, api.url);
  const form = await sees(/Esc to cancel/);
  expect(form).toMatch(/^ *Install memory that somebody else has sent\?$/m);
  expect(form).toMatch(new RegExp(`^ *> ${TITLE}$`, "m"));
  await sees(/❯.*Install it: ☐/);
  await press(SPACE);
  await sees(/Install it: ☒/);
  await press(DOWN);
  await sees(/❯ Accept/);
  if (answer === "Decline") {
    await press(DOWN);
    await sees(/❯ Decline/);
  }
  await press(ENTER);
  await until("the model is answered", () => api.requests.length === steps.length);

  const [request] = api.requests.slice(-1);
  const result = request && resultsOf(request).at(-1);
  const index = join(box.home, ".claude", "projects", projectName(box.project), "memory", "MEMORY.md");
  if (answer === "Accept") {
    expect(result).toMatchObject({ tool: `${TOOL}install`, isError: false });
    expect(await readFile(index, "utf8")).toContain("> - Run the tests with --bail.");
  } else {
    expect(result).toMatchObject({ isError: true, text: expect.stringMatching(/^Error needs-a-person: /) });
    expect(existsSync(index)).toBe(false);
  }
});
