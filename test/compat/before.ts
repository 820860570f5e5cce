/** The server and the relay as they were at an earlier commit: built from the repository's own history. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Before extends AsyncDisposable {
  /** Files to run with node. */
  readonly server: string;
  readonly relay: string;
}

/** Why the commit cannot be built here; undefined if it can. */
export function whyNot(commit: string): string | undefined {
  try {
    execFileSync("git", ["cat-file", "-e", `${commit}^{commit}`], { cwd: ROOT, stdio: "ignore" });
    return undefined;
  } catch {
    return "needs git, and a clone with its history";
  }
}

export async function buildBefore(commit: string): Promise<Before> {
  const folder = await mkdtemp(join(tmpdir(), "claude-spread-before-"));
  try {
    const archive = execFileSync("git", ["archive", commit, "src", "relay", "package.json"], {
      cwd: ROOT,
      maxBuffer: 256 * 1024 * 1024,
    });
    execFileSync("tar", ["-x", "-C", folder], { input: archive });
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    // Where its own build puts them: they look for what stands beside them.
    const server = join(folder, "dist", "claude-spread.js");
    const relay = join(folder, "relay", "dist", "index.js");
    await bundle(join(folder, "src", "index.ts"), server);
    await bundle(join(folder, "relay", "src", "index.ts"), relay);
    return { server, relay, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function bundle(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.11",
    external: ["bufferutil"],
    alias: { "zod/v4": "zod" },
    plugins: [withoutSecretlint],
    banner: { js: 'import { createRequire as from } from "node:module";\nconst require = from(import.meta.url);' },
    logLevel: "error",
  });
}

/** A dependency that is none any more. What it found beyond our own rules was nothing. */
const withoutSecretlint: Plugin = {
  name: "without-secretlint",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@secretlint\// }, ({ path }) => ({ path, namespace: "none" }));
    onLoad({ filter: /^/, namespace: "none" }, () => ({
      contents:
        "export const lintSource = async () => ({ messages: [] }); export const rules = []; export const secretLintProfiler = {};",
    }));
  },
};
