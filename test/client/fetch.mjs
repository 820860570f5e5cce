/**
 * Gets the real clients that the tests of this folder run: `node test/client/fetch.mjs`. They are pinned, and no
 * dependency of the package: 240 and 400 MB that only these tests need. Each is whole, because it came by one rename.
 */
import { execFile } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const NAME = "@anthropic-ai/claude-code";
const HERE = fileURLToPath(import.meta.url);
/** Fetched once for all checkouts of a user, and kept by version: in the place for what can be fetched again. */
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "claude-spread", "claude-code");

const PINNED = { version: "2.1.197", name: NAME, file: "bin/claude.exe", script: "install.cjs" }; // on every system
/** Its package wants a newer Node than ours; the executable, which is in a package for each system, wants none. */
const NEWEST = {
  version: "2.1.332",
  name: `${NAME}-${process.platform}-${process.arch}`,
  file: process.platform === "win32" ? "claude.exe" : "claude",
};

export const CLAUDE = executable(PINNED);
export const NEWEST_CLAUDE = executable(NEWEST);

function executable({ version, name, file }, folder = join(CACHE, version)) {
  return join(folder, "node_modules", name, file);
}

const run = promisify(execFile);

async function fetchClient(client) {
  const { version, name, script } = client;
  if (existsSync(executable(client))) return `${name}@${version} is there already`;
  await mkdir(CACHE, { recursive: true });
  const folder = join(CACHE, version);
  const staging = await mkdtemp(`${folder}-`);
  try {
    // Without scripts, whatever the user's npm is set to; of the one that is needed we are sure.
    const options = [
      "--ignore-scripts",
      "--include=optional",
      "--no-save",
      "--no-audit",
      "--no-fund",
      "--global=false",
    ];
    const shell = process.platform === "win32"; // npm is a batch file there
    await run("npm", ["install", "--prefix", staging, ...options, `${name}@${version}`], { cwd: staging, shell });
    if (script) await run(process.execPath, [join(staging, "node_modules", name, script)]);
    const env = { ...process.env, HOME: staging };
    const { stdout } = await run(executable(client, staging), ["--version"], { env });
    if (!stdout.startsWith(version)) throw new Error(`the client says that it is ${stdout.trim()}`);
    await rename(staging, folder).catch((cause) => {
      if (!existsSync(executable(client))) throw cause; // else somebody else was faster
    });
    return `${name}@${version} fetched`;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

if (realpathSync(process.argv[1] ?? "") === HERE) {
  for (const client of [PINNED, NEWEST]) console.log(await fetchClient(client));
}
