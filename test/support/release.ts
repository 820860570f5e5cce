/** What `npm run pack` makes, in a folder outside of the checkout: nothing there finds the checkout's node_modules. */
import { execFile } from "node:child_process";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PACK = fileURLToPath(new URL("../../pack/dist/pack.js", import.meta.url));

export interface Release extends AsyncDisposable {
  /** Where the two are. */
  readonly folder: string;
  readonly marketplace: string;
  readonly archive: string;
}

/** @param nodeOptions before the script. */
export async function packRelease(...nodeOptions: string[]): Promise<Release> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "claude-spread-release-")));
  const { stdout } = await promisify(execFile)(process.execPath, [...nodeOptions, PACK, folder]);
  const [marketplace = "", archive = ""] = stdout.split("\n");
  return {
    folder,
    marketplace,
    archive,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The server of a copy of the plugin. */
export function serverOf(plugin: string): string {
  return join(plugin, "server", "claude-spread.js");
}
