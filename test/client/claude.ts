/**
 * The real Claude Code, offline, in a world of its own: an empty HOME, an environment made from nothing, a model that
 * follows a script, and no way out of this machine. A test file that imports this is skipped where the client is missing.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach } from "vitest";
import { later } from "../support/later.ts";
import type { Namespace } from "../support/namespaces.ts";
import { endHub } from "../support/server.ts";
import { until, WAIT_MS } from "../support/wait.ts";
import { type Request, resultsOf, type Step, startApi, type ToolDefinition, type ToolResult } from "./api.ts";
import { CLAUDE as FETCHED } from "./fetch.mjs";

const CLAUDE = process.env.CLAUDE_BIN ?? FETCHED;

/** The root of this checkout: `.mcp.json` and the skills are there. */
export const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));

/** The discard port: nobody listens there. */
const NOWHERE = "http://127.0.0.1:9";

beforeEach(({ skip }) => {
  if (!existsSync(CLAUDE)) skip("the client is not fetched: node test/client/fetch.mjs");
});

/** A machine that has nothing yet. */
export interface Sandbox {
  readonly home: string;
  /** An empty folder in which nothing is set up. */
  readonly project: string;
  readonly env: Readonly<Record<string, string>>;
  /** The executable. */
  readonly client: string;
}

/** Gone after the test. */
export async function sandbox(client = CLAUDE): Promise<Sandbox> {
  const base = await realpath(await mkdtemp(join(tmpdir(), "claude-spread-client-")));
  const home = join(base, "home");
  later(async () => {
    await endHub(join(home, ".claude-spread")).finally(() => rm(base, { recursive: true, force: true, maxRetries: 3 }));
  });
  const project = join(base, "project");
  const tmp = join(base, "tmp");
  const bin = join(base, "bin");
  for (const folder of [home, project, tmp, bin]) await mkdir(folder);
  await symlink(client, join(bin, "claude"));
  const env = {
    PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
    HOME: home,
    TMPDIR: tmp,
    LANG: "C.UTF-8",
    TERM: "dumb",
    ANTHROPIC_API_KEY: "sk-ant-test-dummy",
    DISABLE_AUTOUPDATER: "1",
    DISABLE_INSTALLATION_CHECKS: "1",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    // Without it, a server that starts slowly is not there yet in the first request.
    MCP_CONNECTION_NONBLOCKING: "false",
    // What is not loopback ends here; and of the model's own address, sub-commands would wait for an answer.
    HTTPS_PROXY: NOWHERE,
    HTTP_PROXY: NOWHERE,
    ANTHROPIC_BASE_URL: NOWHERE,
    NO_PROXY: "127.0.0.1,localhost",
    DISTILL_MDNS: "off",
  };
  return { home, project, env, client };
}

type Variables = Readonly<Record<string, string>>;

interface Place {
  /** Default: a new one. */
  readonly box?: Sandbox;
  /** Default: the sandbox's empty project. */
  readonly cwd?: string;
  /** Beside what the sandbox gives. */
  readonly env?: Variables;
  /** Another machine than this one. */
  readonly machine?: Namespace;
}

export interface Run {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /**
   * Whether something that the client had started outlived it for good. It is gone now. The hub, which is
   * in no group of the client's, does not count.
   */
  readonly survivors: boolean;
}

/** A sub-command, such as `mcp list`. */
export async function claude(args: readonly string[], place: Place = {}): Promise<Run> {
  return run(place.box?.client ?? CLAUDE, args, place);
}

/** A script as a user types it; `claude` is in its PATH. */
export async function shell(script: string, place: Place = {}): Promise<Run> {
  return run("sh", ["-e", "-c", script], place);
}

export interface Conversation extends Run {
  /** Those that the model was offered at any time, schemas included. */
  readonly toolsSeen: readonly ToolDefinition[];
  readonly toolResults: readonly ToolResult[];
  readonly mcpServers: readonly { name: string; status: string }[];
  readonly slashCommands: readonly string[];
  /** What the client printed in the end. */
  readonly resultText: string | undefined;
  /** What the model was asked, one request for each step. */
  readonly mainRequests: readonly Request[];
}

export interface Script extends Place {
  readonly prompt: string;
  readonly steps: readonly Step[];
  /** Like an `.mcp.json`, instead of all that is installed. */
  readonly mcpConfig?: object;
  /** Folders of plugins to load. */
  readonly plugins?: readonly string[];
  /** Permissions beside those that the skills bring. */
  readonly allowedTools?: readonly string[];
}

/** `claude -p`. @throws what a step threw. */
export async function runClaude(script: Script): Promise<Conversation> {
  const { prompt, steps, mcpConfig, plugins, allowedTools, ...where } = script;
  const box = where.box ?? (await sandbox());
  const args = ["-p", prompt, "--output-format", "stream-json", "--verbose"];
  if (mcpConfig) {
    const path = join(box.home, "..", "mcp.json");
    await writeFile(path, JSON.stringify(mcpConfig));
    args.push("--mcp-config", path, "--strict-mcp-config");
  }
  for (const folder of plugins ?? []) args.push("--plugin-dir", folder);
  if (allowedTools) args.push("--allowedTools", allowedTools.join(","));

  let pid: number | undefined;
  await using api = await startApi(steps, (signal) => pid && process.kill(pid, signal));
  const port = Number(new URL(api.url).port);
  const url = where.machine ? `http://127.0.0.1:${await where.machine.reach(port)}` : api.url;
  const env = { ...where.env, ANTHROPIC_BASE_URL: url };
  const ran = await run(box.client, args, { ...where, box, env }, (started) => {
    pid = started;
  });
  if (api.failure) throw api.failure;
  return conversation(ran, api.requests);
}

type Message = { type?: string; subtype?: string; result?: string } & {
  mcp_servers?: { name: string; status: string }[];
  slash_commands?: string[];
};

function conversation(ran: Run, mainRequests: readonly Request[]): Conversation {
  const messages = ran.stdout
    .split("\n")
    .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Message] : []));
  const start = messages.find(({ type, subtype }) => type === "system" && subtype === "init");
  const tools = new Map(mainRequests.flatMap((it) => (it.tools ?? []).map((tool) => [tool.name, tool])));
  const lastRequest = mainRequests.at(-1);
  return {
    ...ran,
    toolsSeen: [...tools.values()],
    toolResults: lastRequest ? resultsOf(lastRequest) : [],
    mcpServers: start?.mcp_servers ?? [],
    slashCommands: start?.slash_commands ?? [],
    resultText: messages.find(({ type }) => type === "result")?.result,
    mainRequests,
  };
}

async function run(
  command: string,
  args: readonly string[],
  place: Place,
  started?: (pid: number) => void,
): Promise<Run> {
  const box = place.box ?? (await sandbox());
  const cwd = place.cwd ?? box.project;
  const env = { ...box.env, ...place.env };
  // A process group of its own: the servers that it starts are in it, and go with it.
  const [program = command, ...line] = [...(place.machine?.inside ?? []), command, ...args];
  const child = spawn(program, line, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text) => {
      output[name] += text;
    });
  }
  await once(child, "spawn");
  const closed = once(child, "close");
  const group = child.pid ?? 0;
  started?.(group);
  // One that hangs is killed, so that the test can say what it saw.
  const overdue = setTimeout(() => killGroup(group), WAIT_MS);
  const [exitCode] = (await once(child, "exit")) as [number | null];
  clearTimeout(overdue);
  const gone = until("the group is gone", async () => !(await livesGroup(group)));
  const survivors = await gone.then(
    () => false,
    () => true,
  );
  killGroup(group);
  await closed;
  return { exitCode, ...output, survivors };
}

function killGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // It is gone.
  }
}

/** Whether a process of the group lives. An orphan that has ended may wait for long, as a zombie, to be taken notice of. */
async function livesGroup(group: number): Promise<boolean> {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  if (process.platform !== "linux") return true;
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
    const [state, , itsGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // proc(5): behind the name
    if (itsGroup === String(group) && state !== "Z") return true;
  }
  return false;
}
