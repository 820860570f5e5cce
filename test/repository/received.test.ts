import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { patchText, readChange } from "../../src/repository/change.ts";
import { checkCommand, touchedBy } from "../../src/repository/received.ts";
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
  async function touched(at: string, patch: string): Promise<string[] | undefined> {
    const path = join(await folder(), "change.patch");
    await writeFile(path, patch);
    return await touchedBy(path, await opened(at), forever());
  }

  it("are those of a patch of ours, with whatever names, and nothing is written", async () => {
    const at = await newCheckout({ "a.txt": "1\n", "old.txt": "1\n2\n3\n" });
    await put(at, { "a.txt": "2\n", 'größe \n"x".txt': "1\n", ".claude/settings.json": "{}\n", "empty.txt": "" });
    await git(at, "mv", "old.txt", "new.txt");
    const change = await readChange(await opened(at), () => false, forever());
    const patch = change ? patchText(change) : "";
    await git(at, "reset", "--quiet", "--hard");
    await git(at, "clean", "--quiet", "--force", "-d");
    const names = await touched(at, patch);
    expect(names?.sort()).toEqual([".claude/settings.json", "a.txt", "empty.txt", 'größe \n"x".txt', "new.txt"].sort());
    expect(await git(at, "status", "--porcelain")).toBe("");
    expect(await readFile(join(at, "a.txt"), "utf8")).toBe("1\n");
  });

  it("are also those of a patch in another spelling, and that lead elsewhere", async () => {
    const at = await newCheckout();
    const plain =
      "--- /dev/null\n+++ b/.git/hooks/post-checkout\n@@ -0,0 +1 @@\n+x\n--- a/../../x\n+++ b/../../x\n@@ -1 +1 @@\n-x\n+y\n";
    expect(await touched(at, plain)).toEqual([".git/hooks/post-checkout", "../../x"]);
  });

  it("cannot be told of what is no patch", async () => {
    const at = await newCheckout();
    expect(await touched(at, "hello\n")).toBe(undefined);
    expect(await touchedBy(join(at, "gone"), await opened(at), forever())).toBe(undefined);
  });
});
