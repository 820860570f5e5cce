import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { patchText, readChange } from "../../src/repository/change.ts";
import { checkCommand, touchedBy } from "../../src/repository/received-patch.ts";
import { commit, folder, forever, git, newCheckout, opened, put, strangeHome } from "./checkout.ts";

const run = promisify(execFile);

beforeAll(strangeHome);

describe("the command that checks a patch", () => {
  it("is what a shell understands, with whatever name", async () => {
    for (const name of ["plain", "it's a folder", '$HOME `id` "x" \\ * ; &', "größe\nline"]) {
      const top = join(await folder(), name);
      await mkdir(top);
      await git(top, "init", "--quiet");
      await commit(top, { "a.txt": "1\n" });
      await put(top, { "a.txt": "2\n" });
      const patch = join(await folder(), `${name}.patch`);
      await writeFile(patch, await git(top, "diff"));
      await git(top, "checkout", "--quiet", ".");
      const command = checkCommand(patch, { top });
      await run("/bin/sh", ["-c", command], { cwd: "/" });
      await put(top, { "a.txt": "3\n" });
      await expect(run("/bin/sh", ["-c", command], { cwd: "/" })).rejects.toMatchObject({ code: 1 });
    }
  });

  it("leaves plain words plain", () => {
    expect(checkCommand("/inbox/x-7kq/change.patch", { top: "/work" })).toBe(
      "git -C /work apply --check /inbox/x-7kq/change.patch",
    );
  });
});

describe("the files that a patch would write", () => {
  async function touched(patch: string) {
    const path = join(await folder(), "change.patch");
    await writeFile(path, patch);
    return await touchedBy(path, forever());
  }

  const newFile = (path: string, mode = "100644") =>
    `diff --git a/${path} b/${path}\nnew file mode ${mode}\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+x\n`;

  it("are those of a patch of ours, with whatever names, and nothing is written", async () => {
    const at = await newCheckout({ "a.txt": "1\n", "old.txt": "1\n2\n3\n" });
    await put(at, { "a.txt": "2\n", 'größe \n"x".txt': "1\n", ".claude/settings.json": "{}\n", "empty.txt": "" });
    await git(at, "mv", "old.txt", "new.txt");
    const change = await readChange(await opened(at), () => false, forever());
    const patch = change ? patchText(change) : "";
    await git(at, "reset", "--quiet", "--hard");
    await git(at, "clean", "--quiet", "--force", "-d");
    const names = [".claude/settings.json", "a.txt", "empty.txt", 'größe \n"x".txt', "new.txt", "old.txt"];
    const found = await touched(patch);
    expect(found).toMatchObject({ links: false, complete: true });
    expect(found?.paths.toSorted()).toEqual(names.sort());
    expect(await git(at, "status", "--porcelain")).toBe("");
    expect(await readFile(join(at, "a.txt"), "utf8")).toBe("1\n");
  });

  it("are also those of a patch in another spelling, and that lead elsewhere", async () => {
    const plain =
      "--- /dev/null\n+++ b/.git/hooks/post-checkout\n@@ -0,0 +1 @@\n+x\n--- a/../../x\n+++ b/../../x\n@@ -1 +1 @@\n-x\n+y\n";
    expect((await touched(plain))?.paths).toEqual([".git/hooks/post-checkout", "../../x"]);
  });

  it("are also those that something is renamed or copied from", async () => {
    const moved = (how: string, to: string) =>
      `diff --git a/CLAUDE.md b/${to}\nsimilarity index 100%\n${how} from CLAUDE.md\n${how} to ${to}\n`;
    expect((await touched(moved("rename", "x.txt")))?.paths).toEqual(["x.txt", "CLAUDE.md"]);
    expect((await touched(moved("copy", "y.txt")))?.paths).toEqual(["y.txt", "CLAUDE.md"]);
  });

  it("may be links, and that is told", async () => {
    expect(await touched(newFile("docs", "120000"))).toMatchObject({ paths: ["docs"], links: true });
    const turned = "diff --git a/b b/b\nold mode 100644\nnew mode 120000\n";
    expect(await touched(turned)).toMatchObject({ paths: ["b"], links: true });
  });

  it("are not all told where there are very many, and that is told", async () => {
    const many = Array.from({ length: 5_000 }, (_, at) => newFile(`z/${at}`)).join("");
    expect(await touched(many)).toMatchObject({ paths: { length: 5_000 }, complete: true });
    expect(await touched(many + newFile("CLAUDE.md"))).toMatchObject({ complete: false });
  });

  it("are told in a repository's folder too, of which they are outside", async () => {
    const inside = join(await newCheckout(), "sub");
    await mkdir(inside);
    await writeFile(join(inside, "change.patch"), newFile("CLAUDE.md"));
    expect((await touchedBy(join(inside, "change.patch"), forever()))?.paths).toEqual(["CLAUDE.md"]);
  });

  it("cannot be told of what is no patch", async () => {
    expect(await touched("hello\n")).toBe(undefined);
    expect(await touchedBy(join(await folder(), "gone"), forever())).toBe(undefined);
  });
});
