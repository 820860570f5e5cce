/** The server as one file, which needs no node_modules. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * ws's own switches, for a copy that has no node_modules: it then asks for none of its optional modules, which Node would
 * look for in every folder above, and there somebody else may have put one.
 */
export const ALONE = { "process.env.WS_NO_BUFFER_UTIL": '"1"', "process.env.WS_NO_UTF_8_VALIDATE": '"1"' };

/**
 * Not minified: it starts no faster, and a defect's frames in the log have names in them. What the source imports late is
 * run late, here too.
 * @param define expressions that are constants in it.
 * @returns the folders, from ROOT, of the packages of which something is in it.
 */
export async function bundleServer(outfile: string, define: Record<string, string> = {}): Promise<string[]> {
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
    define,
    // For what is CommonJS in there, and asks for Node's modules.
    banner: { js: 'import { createRequire as from } from "node:module";\nconst require = from(import.meta.url);' },
    metafile: true,
    logLevel: "warning",
  });
  const files = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const folders = files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []);
  return [...new Set(folders)].sort();
}
