/**
 * `claude-spread install` and `uninstall`, for a person at a terminal: how to install if the client cannot ask. MCP is not
 * loaded, and the hub is not involved.
 */
import { homedir } from "node:os";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { configFolder } from "../claude/folders.ts";
import { uninstall } from "../claude/uninstall.ts";
import { readConfig } from "../config.ts";
import { errorText, SpreadError, toSpreadError } from "../errors.ts";
import { propose } from "../installing/proposal.ts";
import { installedWords, uninstalledWords } from "../installing/words.ts";

type Command = "install" | "uninstall";

const USAGE = `usage: claude-spread install <id> [<number of a session>]
       claude-spread uninstall <id> [--changed-too]`;

/** @returns the exit code: 0; 1 if it failed or nobody said yes; 2 for a wrong command line. */
export async function runTerminal(command: Command, line: readonly string[]): Promise<number> {
  const asked = readLine(command, line);
  if (asked === undefined) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  try {
    const words = await (command === "install" ? install(asked) : takeOut(asked));
    process.stdout.write(`${words.join("\n")}\n`);
    return 0;
  } catch (thrown) {
    process.stderr.write(`${errorText(toSpreadError(thrown))}\n`);
    return 1;
  }
}

interface Asked {
  readonly id: string;
  readonly pick: number | undefined;
  readonly changedToo: boolean;
}

function readLine(command: Command, line: readonly string[]): Asked | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...line],
      allowPositionals: true,
      options: command === "uninstall" ? { "changed-too": { type: "boolean" } } : {},
    });
    const [id, number, ...others] = positionals;
    const rightNumber = number === undefined || (command === "install" && /^[1-9]\d{0,3}$/.test(number));
    if (id === undefined || !rightNumber || others.length > 0) return undefined;
    const changedToo = "changed-too" in values && values["changed-too"] === true;
    return { id, pick: number === undefined ? undefined : Number(number), changedToo };
  } catch {
    return undefined;
  }
}

async function install({ id, pick }: Asked): Promise<string[]> {
  // Claude Code sets CLAUDECODE for all it runs: its model could open a terminal and answer the question itself.
  if (!process.stdin.isTTY || process.env.CLAUDECODE !== undefined) {
    throw new SpreadError("needs-a-person", "there is nobody at a terminal who could be asked");
  }
  const { home, project } = readConfig(process.env);
  const config = configFolder(process.env);
  const life = new AbortController();
  const proposal = await propose(id, pick, { home, config, project, userHome: homedir() }, life.signal);
  if (!(await saysYes(proposal.question)))
    throw new SpreadError("needs-a-person", "nobody said yes, and nothing was installed");
  const { record, warnings } = await proposal.install(life.signal);
  return installedWords(record, warnings);
}

async function saysYes(question: string): Promise<boolean> {
  process.stderr.write(`${question}\n\n`);
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // The end of the input counts as no, and readline does not settle the question then.
    const ended = new Promise<string>((resolve) => reader.once("close", () => resolve("")));
    const answer = await Promise.race([reader.question("Type yes to install it: "), ended]);
    return answer.trim().toLowerCase() === "yes";
  } finally {
    reader.close();
  }
}

async function takeOut({ id, changedToo }: Asked): Promise<string[]> {
  const done = await uninstall(readConfig(process.env).home, id, { changedToo });
  const words = uninstalledWords(done);
  return done.kept.length === 0 || changedToo ? words : [...words, "To take out that too: --changed-too"];
}
