/**
 * `npm run pack`: Claude Spread as a plugin of Claude Code, in a marketplace of its own, as a folder and as an archive.
 * To install it one needs Node and nothing else. The same sources give the same bytes.
 */
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { create, type WriteEntry } from "tar";
import { ALONE, bundleServer, ROOT } from "./bundle.ts";
import { licencesOf } from "./licences.ts";

/** By name: in a checkout there can be skills and files beside them that are its owner's. */
const SKILLS = ["distill", "memory", "sessions"].flatMap((what) => [`${what}-receive`, `${what}-share`]);

/** Of every file in the archive: a time of ours would make each archive another one. */
const MTIME = new Date(0);

const { name, version, description, license, author } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
const release = resolve(process.argv[2] ?? join(ROOT, "release"));
const marketplace = join(release, name);
const plugin = join(marketplace, "plugin");
const archive = join(release, `${name}-${version}.tar.gz`);

await rm(marketplace, { recursive: true, force: true });
await writeJson(join(marketplace, ".claude-plugin", "marketplace.json"), {
  name,
  owner: author,
  metadata: { description },
  plugins: [{ name, source: "./plugin", description }],
});
await cp(join(ROOT, "pack", "INSTALL.md"), join(marketplace, "README.md"));

await writeJson(join(plugin, ".claude-plugin", "plugin.json"), { name, version, description, author, license });
await writeJson(join(plugin, ".mcp.json"), {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the client puts the plugin's folder there.
  mcpServers: { [name]: { command: "node", args: ["${CLAUDE_PLUGIN_ROOT}/server/claude-spread.js"] } },
});
for (const skill of SKILLS) {
  await cp(join(ROOT, ".claude", "skills", skill, "SKILL.md"), join(plugin, "skills", skill, "SKILL.md"));
}
await cp(join(ROOT, "LICENSE"), join(plugin, "LICENSE"));
// Beside the server's folder, as in a checkout: it says that the server is a module, and which version.
await writeJson(join(plugin, "package.json"), { name, version, private: true, license, type: "module" });
const guests = await bundleServer(join(plugin, "server", "claude-spread.js"), ALONE);
const licences = await licencesOf(guests.map((folder) => join(ROOT, folder)));
await writeFile(join(plugin, "THIRD-PARTY-LICENSES.txt"), licences);

await archiveFolder();
console.log(`${marketplace}\n${archive}`);

async function writeJson(path: string, value: object): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

async function archiveFolder(): Promise<void> {
  const names = (await readdir(marketplace, { recursive: true })).map((path) => join(name, path)).sort();
  const onWriteEntry = ({ stat }: WriteEntry) => {
    if (stat) stat.mode = stat.isDirectory() ? 0o755 : 0o644; // whatever the umask is
  };
  const settings = { cwd: release, gzip: { level: 9 }, portable: true, mtime: MTIME, noDirRecurse: true, onWriteEntry };
  await create({ file: archive, ...settings }, names);
}
