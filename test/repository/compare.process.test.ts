import { mkdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Anchor, readAnchor } from "../../src/repository/anchor.ts";
import { type Comparison, compare, type NamedFile } from "../../src/repository/compare.ts";
import { clone, commit, folder, forever, git, newCheckout, opened, put, strangeHome } from "./checkout.ts";

beforeAll(strangeHome);

const ADDRESS = "https://git.example/owner/repo";
const NOWHERE = "0".repeat(39);

async function anchorOf(at: string): Promise<Anchor> {
  return (await readAnchor(await opened(at), forever())) ?? {};
}

async function held(anchor: Anchor, at: string, files: readonly NamedFile[] = []): Promise<Comparison> {
  return await compare(anchor, files, await opened(at), forever());
}

describe("the place", () => {
  it("is the same commit", async () => {
    const source = await newCheckout();
    const at = await clone(source);
    const anchor = await anchorOf(source);
    expect(await held(anchor, at)).toEqual({
      repository: "same",
      commitKnown: true,
      distance: { ahead: 0, behind: 0 },
      sameBranch: true,
      uncommitted: 0,
      files: { missing: [], present: [], changed: [], refused: [] },
      sentences: [`This checkout is at the sender's commit ${anchor.commit?.slice(0, 12)}.`],
    });
  });

  it("is some commits ahead and behind, on another branch, with changes at both ends", async () => {
    const source = await newCheckout();
    const at = await clone(source);
    await commit(source, { "b.txt": "b\n" });
    await commit(source, { "c.txt": "c\n" });
    await put(source, { "a.txt": "2\n" });
    await git(at, "fetch", "--quiet");
    await git(at, "checkout", "--quiet", "-b", "mine");
    await commit(at, { "d.txt": "d\n" });
    await put(at, { "e.txt": "e\n" });
    const anchor = await anchorOf(source);
    const result = await held(anchor, at);
    expect(result).toMatchObject({ distance: { ahead: 1, behind: 2 }, sameBranch: false, uncommitted: 1 });
    expect(result.sentences).toEqual([
      `This checkout is 1 commit ahead of and 2 commits behind the sender's commit ${anchor.commit?.slice(0, 12)}.`,
      "The sender was on branch main; this checkout is on mine.",
      "The sender had not committed 1 file.",
      "In this checkout, 1 file is not committed.",
    ]);
  });

  it("is the same repository by another address, whose commit is not here", async () => {
    const at = await newCheckout();
    await git(at, "remote", "add", "origin", "git@GIT.example:owner/repo.git");
    const result = await held({ remote: ADDRESS, commit: `${NOWHERE}1` }, at);
    expect(result).toMatchObject({ repository: "same", commitKnown: false, distance: undefined });
    expect(result.sentences).toEqual([
      "The sender's commit 000000000000 is not in this checkout: fetch it, or ask the sender whether it was pushed.",
    ]);
  });

  it("is another repository, of which no files are looked up", async () => {
    const at = await newCheckout();
    await git(at, "remote", "add", "origin", "https://git.example/owner/another");
    const result = await held({ remote: ADDRESS, commit: `${NOWHERE}1` }, at, [{ path: "x", action: "changed" }]);
    expect(result).toMatchObject({ repository: "other", files: { missing: [] } });
    expect(result.sentences).toEqual([`This checkout is of another repository: the hand-off is about ${ADDRESS}.`]);
  });

  it("is the same by its history where the addresses differ, and by any of its remotes", async () => {
    const source = await newCheckout();
    const at = await clone(source);
    const { commit: first = "" } = await anchorOf(source);
    await git(at, "remote", "set-url", "origin", "https://git.example/fork/repo");
    expect((await held({ remote: ADDRESS, commit: first }, at)).repository).toBe("same");
    expect((await held({ remote: ADDRESS, commit: `${NOWHERE}1` }, at)).repository).toBe("other");
    await git(at, "remote", "add", "upstream", ADDRESS);
    expect((await held({ remote: ADDRESS, commit: `${NOWHERE}1` }, at)).repository).toBe("same");
  });

  it("cannot be told without address and commit", async () => {
    const result = await held({}, await newCheckout());
    expect(result).toMatchObject({ repository: "unknown", commitKnown: undefined, distance: undefined });
    expect(result.sentences).toEqual(["Whether this is the hand-off's repository cannot be told."]);
  });

  it("has nothing in common with the sender's commit", async () => {
    const at = await newCheckout();
    const first = (await git(at, "rev-parse", "HEAD")).trim();
    await git(at, "checkout", "--quiet", "--orphan", "other");
    await commit(at, { "b.txt": "b\n" });
    expect((await held({ commit: first }, at)).distance).toBe("unrelated");
  });

  it("in a clone whose history was cut off is not called unrelated", async () => {
    const source = await newCheckout();
    const first = (await git(source, "rev-parse", "HEAD")).trim();
    await commit(source, { "a.txt": "2\n" });
    const at = await clone(`file://${source}`, "--depth=1");
    const missing = await held({ commit: first }, at);
    expect(missing.sentences[1]).toMatch(/^The sender's commit \w{12} is not in this clone, .* git fetch --unshallow/);
    await git(at, "fetch", "--quiet", "--depth=1", "origin", first);
    expect((await held({ commit: first }, at)).distance).toBe(undefined);
  });

  it("takes a hash for a hash: and for that of a commit", async () => {
    const at = await newCheckout();
    await git(at, "branch", "f".repeat(40));
    expect((await held({ commit: "f".repeat(40) }, at)).commitKnown).toBe(false);
    const tree = (await git(at, "rev-parse", "HEAD^{tree}")).trim();
    expect((await held({ commit: tree }, at)).commitKnown).toBe(false);
    expect((await held({ commit: "a".repeat(64) }, at)).commitKnown).toBe(false);
  });

  it("shows of the sender's words one clean line each", async () => {
    const at = await newCheckout();
    const anchor = { branch: `x\n\x1b[2J\u202e${"y".repeat(250)}`, remote: "https://a:b@git.example/x" };
    await git(at, "remote", "add", "origin", ADDRESS);
    const { sentences } = await held(anchor, at, [{ path: "a\nb\x07", action: "changed" }]);
    await git(at, "remote", "remove", "origin");
    const more = await held(anchor, at, [{ path: "a\u202eb", action: "changed" }]);
    for (const sentence of [...sentences, ...more.sentences]) {
      expect(sentence).toMatch(/^[\x20-\x7e…]{1,400}$/);
      expect(sentence).not.toContain("a:b");
    }
    expect(more.sentences).toContain("Named in the hand-off, and not here: ab.");
  });
});

describe("the files that a hand-off names", () => {
  const changed = (...paths: string[]) => paths.map((path) => ({ path, action: "changed" as const }));

  it("are there, are missing, were to be deleted, or are not as in the commit", async () => {
    const source = await newCheckout({
      "same.txt": "1\n",
      "edited.txt": "1\n",
      "later.txt": "1\n",
      "dir/in.txt": "1\n",
    });
    const anchor = await anchorOf(source);
    const at = await clone(source);
    await commit(at, { "later.txt": "2\n" });
    await put(at, { "edited.txt": "2\n", "dir/in.txt": "2\n" });
    const result = await held(anchor, at, [
      ...changed("same.txt", "./edited.txt", "later.txt", "gone.txt", "dir/", "gone/too.txt"),
      { path: "same.txt", action: "deleted" },
      { path: "never.txt", action: "deleted" },
      { path: "made.txt", action: "created" },
    ]);
    expect(result.files).toEqual({
      missing: ["gone.txt", "gone/too.txt", "made.txt"],
      present: ["same.txt"],
      changed: ["./edited.txt", "later.txt", "dir/"],
      refused: [],
    });
    expect(result.sentences.slice(-3)).toEqual([
      "Named in the hand-off, and not here: gone.txt, gone/too.txt, made.txt.",
      "Deleted by the hand-off, and still here: same.txt.",
      "Not as in the sender's commit: ./edited.txt, later.txt, dir/.",
    ]);
  });

  it("are seen from the sender's project, wherever in the repository that is", async () => {
    const source = await newCheckout({ "app/src/a.txt": "1\n", "src/b.txt": "1\n" });
    const anchor = await anchorOf(join(source, "app"));
    const result = await held(anchor, source, changed("src/a.txt", "src/b.txt"));
    expect(result.files.missing).toEqual(["src/b.txt"]);
  });

  it("are names and nothing else: no options, no pathspec magic, no patterns", async () => {
    const strange = ["-n", "--output=owned", "*.txt", ":(top)a.txt", ":!a.txt", "[a].txt", "a b", 'q"q'];
    const source = await newCheckout(Object.fromEntries([...strange, "a.txt"].map((path) => [path, "1\n"])));
    const anchor = await anchorOf(source);
    await put(source, { "a.txt": "2\n" });
    const result = await held(anchor, source, changed(...strange, "?.txt", "a.txt"));
    // A colon is where Windows sees drives and streams.
    expect(result.files).toEqual({
      missing: ["?.txt"],
      present: [],
      changed: ["a.txt"],
      refused: [":(top)a.txt", ":!a.txt"],
    });
    expect(await git(source, "status", "--porcelain")).toBe(" M a.txt\n");
  });

  it("are refused where they lead out of the checkout, or into .git", async () => {
    const outer = await folder();
    await put(outer, { "secret.txt": "x\n" });
    const source = await newCheckout({ "a.txt": "1\n" });
    await symlink(outer, join(source, "out"));
    await symlink(join(source, ".git"), join(source, "in"));
    await symlink(join(outer, "secret.txt"), join(source, "link.txt"));
    await mkdir(join(source, "real"));
    await symlink("real", join(source, "near"));
    await writeFile(join(source, "real/x.txt"), "x\n");
    const hostile = [
      "../../etc/passwd",
      "/etc/passwd",
      "a/../../x",
      "..",
      ".git/config",
      ".GIT/config",
      "x/.git/config",
      "git~1/config",
      ".git./config",
      "out/secret.txt",
      "in/config",
      "C:\\Windows\\win.ini",
      "\\\\server\\share\\x",
      "a\0b",
      "a//b",
      ".",
    ];
    const result = await held({}, source, changed(...hostile, "link.txt", "near/x.txt"));
    expect(result.files).toEqual({ missing: [], present: [], changed: [], refused: hostile });
    const odd = await held({ folder: "../.." }, source, changed("a.txt"));
    expect(odd.files.refused).toEqual(["a.txt"]);
  });

  it("are found within the checkout or not at all, whatever a path is made of", async () => {
    const outer = await folder();
    await put(outer, { "a.txt": "x\n", "dir/a.txt": "x\n" });
    const source = await newCheckout({ "a.txt": "1\n", "dir/a.txt": "1\n" });
    await symlink(outer, join(source, "out"));
    await symlink("..", join(source, "up"));
    await symlink(".git", join(source, "in"));
    await symlink("dir", join(source, "near"));
    const part = fc.constantFrom(
      "a.txt",
      "dir",
      "out",
      "up",
      "in",
      "near",
      "..",
      ".",
      "",
      "/",
      "//",
      "HEAD",
      ".git",
      "\\",
      "x:",
      "-",
    );
    const repository = await opened(source);
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), fc.option(part, { nil: undefined }), async (parts, below) => {
        const path = parts.join("/");
        const anchor = below ? { folder: below } : {};
        const { files } = await compare(anchor, [{ path, action: "deleted" }], repository, forever());
        if (files.present.length === 0) return;
        const parent = await realpath(dirname(join(source, below ?? "", path)));
        expect([source, join(source, "dir")]).toContain(parent);
        expect(path.split("/")).not.toContain("..");
      }),
      { numRuns: 40 },
    );
  });

  it("are at most 300, ten of them in a sentence, in as many command lines as they need", async () => {
    const names = Array.from({ length: 301 }, (_, n) => `${"long/".repeat(20)}${n}.txt`);
    const source = await newCheckout(Object.fromEntries(names.map((name) => [name, "1\n"])));
    const anchor = await anchorOf(source);
    await put(source, Object.fromEntries(names.map((name) => [name, "2\n"])));
    const result = await held(anchor, source, changed(...names));
    expect(result.files.changed).toEqual(names.slice(0, 300));
    expect(result.sentences.at(-1)).toMatch(/^Not as in the sender's commit: (?:[^,]+, ){10}290 more\.$/);
    await rm(join(source, "long"), { recursive: true });
  });
});
