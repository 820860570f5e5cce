/** The server as one file, which needs no node_modules; and whose code is in that file, under which licence. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A package of which something is in the bundle. */
export interface Guest {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** All that it has to say about its licence, word for word. */
  readonly texts: readonly string[];
}

/**
 * Not minified: it starts no faster, and a defect's frames in the log have names in them. What the source imports late is
 * run late, here too.
 * @returns the guests in it, by name. @throws when one of them came without the text of its licence.
 */
export async function bundleServer(outfile: string): Promise<Guest[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["dist/index.js"],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.11",
    // Native, and optional: ws goes without where it is missing.
    external: ["bufferutil"],
    // The same module by two names: under the second, esbuild forgets to run it before it is used.
    alias: { "zod/v4": "zod" },
    // For what is CommonJS in there, and asks for Node's modules.
    banner: { js: 'import { createRequire as from } from "node:module";\nconst require = from(import.meta.url);' },
    metafile: true,
    logLevel: "warning",
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs));
  const folders = inputs.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []);
  return Promise.all([...new Set(folders)].sort().map(guestIn));
}

async function guestIn(folder: string): Promise<Guest> {
  const path = join(ROOT, folder);
  const { name, version, license } = JSON.parse(await readFile(join(path, "package.json"), "utf8"));
  const files = (await readdir(path)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
  if (files.length === 0) throw new Error(`${name} ${version} has no licence file: its text must be shipped with it`);
  const texts = await Promise.all(files.map((file) => readFile(join(path, file), "utf8")));
  return { name, version, licence: license, texts };
}
