import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { extract } from "tar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DOCUMENT } from "../mcp/texts.ts";
import { relayHere } from "../mcp/wires.ts";
import { later } from "../support/later.ts";
import { packRelease, type Release, serverOf } from "../support/release.ts";
import { startServer } from "../support/server.ts";

let release: Release;
let plugin: string;
beforeAll(async () => {
  release = await packRelease();
  plugin = join(release.marketplace, "plugin");
});
afterAll(() => release[Symbol.asyncDispose]());

/** Path to content, of every file in a folder. */
async function filesIn(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const path of (await readdir(folder, { recursive: true })).sort()) {
    const whole = join(folder, path);
    if ((await stat(whole)).isFile()) files.set(path, await readFile(whole, "latin1"));
  }
  return files;
}

describe("the packed server, which is one file and has no node_modules", () => {
  const two = () => Promise.all([startServer({ entry: serverOf(plugin) }), startServer({ entry: serverOf(plugin) })]);

  it("says of itself and its tools what its modules say", async () => {
    const entries = [serverOf(plugin), resolve("dist/index.js")];
    const [packed, modules] = await Promise.all(entries.map((entry) => startServer({ entry })));
    expect(await packed?.client.listTools()).toEqual(await modules?.client.listTools());
    expect(packed?.client.getServerVersion()).toEqual(modules?.client.getServerVersion());
    expect(packed?.client.getInstructions()).toBe(modules?.client.getInstructions());
  });

  it("hands a document over by TCP", async () => {
    const [sender, receiver] = await two();
    const { code, lan } = await sender.share({ content: DOCUMENT, mode: "lan" });
    const taken = await receiver.receive({ code, host: `127.0.0.1:${lan?.port}` });
    expect(await readFile(taken.original, "utf8")).toBe(DOCUMENT);
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: 1 });
    expect(sender.stderr() + receiver.stderr()).toBe("");
  });

  it("hands a document over by a relay", async () => {
    const relay_url = (await relayHere()).url;
    const [sender, receiver] = await two();
    const { code } = await sender.share({ content: DOCUMENT, mode: "relay", relay_url });
    const taken = await receiver.receive({ code, relay_url });
    expect(taken.via).toBe("relay");
    expect(await readFile(taken.original, "utf8")).toBe(DOCUMENT);
    expect(sender.stderr() + receiver.stderr()).toBe("");
  });

  it("runs no module that somebody has put into a folder above it", async () => {
    const trace = join(release.folder, "planted-has-run");
    for (const name of ["bufferutil", "utf-8-validate", "supports-color"]) {
      const planted = join(release.folder, "node_modules", name);
      await mkdir(planted, { recursive: true });
      await writeFile(join(planted, "index.js"), `require("node:fs").appendFileSync(${JSON.stringify(trace)}, "!");`);
    }
    const server = await startServer({ entry: serverOf(plugin) });
    await server.share({ content: DOCUMENT, mode: "relay", relay_url: (await relayHere()).url });
    await expect(readFile(trace)).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("the release", () => {
  it("has the checkout's skills and nobody's dependencies", async () => {
    expect(await filesIn(join(plugin, "skills"))).toEqual(await filesIn(join(".claude", "skills")));
    const names = [...(await filesIn(plugin)).keys()];
    expect(names).toHaveLength(12);
    expect(names.join()).not.toContain("node_modules");
  });

  it("has nothing that lies beside the skills, such as what is somebody's own", async () => {
    const own = join(".claude", "skills", "distill-share", `.env-of-test-${process.pid}`);
    await writeFile(own, "TOKEN=1");
    later(() => rm(own));
    const again = await packRelease();
    later(() => again[Symbol.asyncDispose]());
    const skills = await filesIn(join(again.marketplace, "plugin", "skills"));
    const names = ["distill", "memory", "sessions"].flatMap((what) => [`${what}-receive`, `${what}-share`]);
    expect([...skills.keys()]).toEqual(names.map((name) => `${name}/SKILL.md`));
  });

  it("has the licence of every package that is in the server", async () => {
    const code = await readFile(serverOf(plugin), "utf8");
    const inside = [...code.matchAll(/^\s*\/\/ .*node_modules\/((?:@[^/]+\/)?[^/]+)\/.*$/gm)].map(([, name]) => name);
    const licences = await readFile(join(plugin, "THIRD-PARTY-LICENSES.txt"), "utf8");
    const named = [...licences.matchAll(/^(\S+) \d+\.\d+\.\d+\S* \((\S+)\)\n=+\n\n.+/gm)].map(([, name]) => name);
    expect(inside).toContain("ws");
    expect(named).toEqual([...new Set(inside)].sort());
    expect(licences.match(/copyright/gi)?.length).toBeGreaterThanOrEqual(named.length);
  });

  it("comes out of the archive as it is in the folder", async () => {
    const cwd = join(release.folder, "unpacked");
    await mkdir(cwd);
    await extract({ file: release.archive, cwd });
    expect(await filesIn(join(cwd, "claude-spread"))).toEqual(await filesIn(release.marketplace));
  });

  it("is the same to the byte when it is packed again, by somebody with another umask", async () => {
    const again = await packRelease("--import", "data:text/javascript,process.umask(0o77)");
    later(() => again[Symbol.asyncDispose]());
    expect((await readFile(again.archive)).equals(await readFile(release.archive))).toBe(true);
  });
});
