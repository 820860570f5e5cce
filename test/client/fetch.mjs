/**
 * Gets the real client that the tests of this folder run: `node test/client/fetch.mjs`. It is pinned, and no dependency of
 * the package: 240 MB that only these tests need. What is at CLAUDE is whole, because it came there by one rename.
 */
import { execFile } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const NAME = "@anthropic-ai/claude-code";
const VERSION = "2.1.197";

const HERE = fileURLToPath(import.meta.url);
/** Fetched once for all checkouts of a user, and kept by version: in the place for what can be fetched again. */
const CACHE = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
const FOLDER = join(CACHE, "claude-spread", "claude-code", VERSION);
const EXECUTABLE = join("node_modules", NAME, "bin", "claude.exe"); // on every system

export const CLAUDE = join(FOLDER, EXECUTABLE);

const run = promisify(execFile);

async function fetchClient() {
  if (existsSync(CLAUDE)) return `${NAME}@${VERSION} is there already`;
  await mkdir(dirname(FOLDER), { recursive: true });
  const staging = await mkdtemp(`${FOLDER}-`);
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
    await run("npm", ["install", "--prefix", staging, ...options, `${NAME}@${VERSION}`], { cwd: staging, shell });
    await run(process.execPath, [join(staging, "node_modules", NAME, "install.cjs")]);
    const { stdout } = await run(join(staging, EXECUTABLE), ["--version"], { env: { ...process.env, HOME: staging } });
    if (!stdout.startsWith(VERSION)) throw new Error(`the client says that it is ${stdout.trim()}`);
    await rename(staging, FOLDER).catch((cause) => {
      if (!existsSync(CLAUDE)) throw cause; // else somebody else was faster
    });
    return `${NAME}@${VERSION} fetched`;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

if (realpathSync(process.argv[1] ?? "") === HERE) console.log(await fetchClient());
