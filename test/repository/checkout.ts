/** Real repositories in folders of their own, by a git that knows nothing of whoever runs the tests. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { openRepository, type Repository } from "../../src/repository/repository.ts";
import { later } from "../support/later.ts";

const run = promisify(execFile);

export const forever = () => new AbortController().signal;

/** A new folder, gone after the test. Absolute, without links. */
export async function folder(): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "claude-spread-git-")));
  later(() => rm(path, { recursive: true, force: true }));
  return path;
}

/**
 * What git reads of an environment, in this process and in the children of the code under test: for `beforeAll`.
 * @returns takes it away again.
 */
export async function strangeHome(): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), "claude-spread-home-"));
  await writeFile(
    join(home, "settings"),
    '[user]\n\tname = Somebody\n\temail = somebody@example.com\n[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n',
  );
  process.env.HOME = home;
  process.env.GIT_CONFIG_GLOBAL = join(home, "settings");
  process.env.GIT_CONFIG_NOSYSTEM = "1";
  delete process.env.XDG_CONFIG_HOME;
  return () => rm(home, { recursive: true, force: true });
}

export async function git(at: string, ...args: string[]): Promise<string> {
  return (await run("git", ["-C", at, ...args], { encoding: "utf8" })).stdout;
}

export async function put(at: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(at, path)), { recursive: true });
    await writeFile(join(at, path), content);
  }
}

export async function commit(at: string, files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<string> {
  await put(at, files);
  await git(at, "add", "--all");
  await git(at, "commit", "--quiet", "--allow-empty", "--message", "x");
  return (await git(at, "rev-parse", "HEAD")).trim();
}

/** With one commit of these files. */
export async function newCheckout(
  files: Readonly<Record<string, string | Uint8Array>> = { "a.txt": "one\n" },
): Promise<string> {
  const at = await folder();
  await git(at, "init", "--quiet");
  await commit(at, files);
  return at;
}

export async function clone(of: string, ...options: string[]): Promise<string> {
  const at = join(await folder(), "clone");
  await run("git", ["clone", "--quiet", ...options, of, at]);
  return at;
}

export async function opened(at: string): Promise<Repository> {
  const repository = await openRepository(at, forever());
  if (repository.state !== "checkout") throw new Error(`no repository: ${repository.state}`);
  return repository;
}
