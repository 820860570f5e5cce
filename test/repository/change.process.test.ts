import { chmod, mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Change, leftOut, patchText, readChange } from "../../src/repository/change.ts";
import { MAX_FILE_PATCH_BYTES, MAX_PATCH_BYTES } from "../../src/repository/patch.ts";
import { withoutPrivileges } from "../support/scratch.ts";
import { clone, commit, folder, forever, git, newCheckout, opened, put, strangeHome } from "./checkout.ts";

beforeAll(strangeHome);

async function changeOf(at: string, withheld: (path: string) => boolean = () => false): Promise<Change> {
  const change = await readChange(await opened(at), withheld, forever());
  if (!change) throw new Error("git could not say");
  return change;
}

/** Applies the patch in a fresh clone, which then holds what the checkout holds. */
async function expectApplies(at: string, change: Change): Promise<string> {
  const fresh = await clone(at);
  const patch = join(await folder(), "change.patch");
  await writeFile(patch, patchText(change));
  await git(fresh, "apply", "--check", patch);
  await git(fresh, "apply", patch);
  return fresh;
}

async function expectSame(at: string, change: Change): Promise<void> {
  const fresh = await expectApplies(at, change);
  await git(at, "add", "--all");
  await git(fresh, "add", "--all");
  expect(await git(fresh, "write-tree")).toBe(await git(at, "write-tree"));
}

const paths = ({ files }: Change) => files.map(({ path }) => path).sort();

describe("a patch of what is not committed makes a fresh clone the same", () => {
  it("with staged, unstaged and new files", async () => {
    const at = await newCheckout({ "staged.txt": "1\n", "unstaged.txt": "1\n", "both.txt": "1\n2\n3\n" });
    await put(at, { "staged.txt": "2\n", "both.txt": "1\n2\nthree\n" });
    await git(at, "add", "staged.txt", "both.txt");
    await put(at, { "unstaged.txt": "2\n", "both.txt": "one\n2\nthree\n", "new/file.txt": "new\n" });
    const change = await changeOf(at);
    expect(paths(change)).toEqual(["both.txt", "new/file.txt", "staged.txt", "unstaged.txt"]);
    await expectSame(at, change);
  });

  it("with a change that neither size nor time betrays, made in the second of the commit", async () => {
    const at = await newCheckout({ "a.txt": "1\n" });
    const second = 1_700_000_000;
    await git(at, "config", "core.trustctime", "false");
    await utimes(join(at, "a.txt"), second, second);
    await git(at, "update-index", "--refresh");
    await put(at, { "a.txt": "2\n" });
    await utimes(join(at, "a.txt"), second, second);
    await utimes(join(at, ".git/index"), second, second);
    expect(paths(await changeOf(at))).toEqual(["a.txt"]);
  });

  it("with names of blanks, quotes, other alphabets, line ends and beginnings that look like options", async () => {
    const names = [
      "a b.txt",
      'say "hi".txt',
      "größe 漢字 🚀.txt",
      "tab\tand\nline.txt",
      "-n",
      "back\\slash",
      "a b/c b/d",
      ":(top)x",
    ];
    const at = await newCheckout(Object.fromEntries(names.map((name) => [name, "1\n"])));
    await put(
      at,
      Object.fromEntries(
        names.flatMap((name) => [
          [name, "2\n"],
          [`${name}.new`, "new\n"],
        ]),
      ),
    );
    const change = await changeOf(at);
    expect(paths(change)).toEqual(names.flatMap((name) => [name, `${name}.new`]).sort());
    await expectSame(at, change);
  });

  it("with CRLF, without a last line end, and with files that have no content", async () => {
    const at = await newCheckout({ "dos.txt": "a\r\nb\r\n", "open.txt": "a\nb", "empty.txt": "" });
    await put(at, { "dos.txt": "a\r\nc\r\n", "open.txt": "a\nc", "new-open.txt": "a\r\nb", "new-empty.txt": "" });
    const change = await changeOf(at);
    expect(paths(change)).toEqual(["dos.txt", "new-empty.txt", "new-open.txt", "open.txt"]);
    await expectSame(at, change);
  });

  it("with modes, links, deletions, renames, and files that became links or folders", async () => {
    const long = Array.from({ length: 40 }, (_, line) => `line ${line}\n`).join("");
    const at = await newCheckout({
      "run.sh": "x\n",
      "gone.txt": "x\n",
      "old name.txt": long,
      turned: "x\n",
      nest: "x\n",
    });
    await chmod(join(at, "run.sh"), 0o755);
    await rm(join(at, "gone.txt"));
    await rename(join(at, "old name.txt"), join(at, "new name.txt"));
    await writeFile(join(at, "new name.txt"), `${long}more\n`);
    await rm(join(at, "turned"));
    await symlink("/etc/passwd", join(at, "turned"));
    await symlink("run.sh", join(at, "link"));
    await rm(join(at, "nest"));
    await put(at, { "nest/inner": "x\n" });
    const change = await changeOf(at);
    expect(change.files.find(({ path }) => path === "new name.txt")?.from).toBe("old name.txt");
    expect(patchText(change)).not.toContain("root:");
    await expectSame(at, change);
  });

  it("before the first commit", async () => {
    const at = await folder();
    await git(at, "init", "--quiet");
    await put(at, { "a.txt": "a\n", "b.txt": "b\n" });
    await git(at, "add", "a.txt");
    const change = await changeOf(at);
    expect(paths(change)).toEqual(["a.txt", "b.txt"]);
    await expectSame(at, change);
  });

  it("in a repository of SHA-256, and in a linked worktree", async () => {
    const at = await folder();
    await git(at, "init", "--quiet", "--object-format=sha256");
    await commit(at, { "a.txt": "1\n" });
    await put(at, { "a.txt": "2\n", "b.txt": "b\n" });
    await expectSame(at, await changeOf(at));
    const linked = join(await folder(), "linked");
    await git(at, "worktree", "add", "--quiet", linked);
    await put(linked, { "a.txt": "3\n", "c.txt": "c\n" });
    const change = await changeOf(linked);
    expect(paths(change)).toEqual(["a.txt", "c.txt"]);
    await expectApplies(at, change);
  });

  it("with a submodule at another commit", async () => {
    const inner = await newCheckout();
    const at = await newCheckout();
    await git(at, "submodule", "--quiet", "add", inner, "inner");
    await commit(at);
    await commit(join(at, "inner"), { "b.txt": "b\n" });
    await put(at, { "inner/not-committed.txt": "x\n" });
    const change = await changeOf(at);
    expect(paths(change)).toEqual(["inner"]);
    const fresh = await expectApplies(at, change);
    expect(await git(fresh, "ls-files", "--stage", "inner")).toContain("160000");
  });

  it("whatever the settings say about how patches look", async () => {
    const at = await newCheckout({ "dir/a.txt": "1\n2\n3\n4\n5\n", "b.txt": "1\n" });
    for (const [name, value] of [
      ["diff.noprefix", "true"],
      ["diff.mnemonicPrefix", "true"],
      ["diff.relative", "true"],
      ["diff.context", "0"],
      ["diff.renames", "copies"],
      ["diff.external", "false"],
      ["diff.submodule", "log"],
      ["diff.orderFile", "/nowhere"],
      ["color.ui", "always"],
      ["color.diff", "always"],
      ["core.quotePath", "false"],
      ["core.pager", "false"],
      ["status.showUntrackedFiles", "no"],
    ]) {
      await git(at, "config", String(name), String(value));
    }
    await put(at, { "dir/a.txt": "1\n2\nthree\n4\n5\n", "b.txt": "2\n", "ä.txt": "1\n" });
    const change = await changeOf(join(at, "dir"));
    expect(paths(change)).toEqual(["b.txt", "dir/a.txt", "ä.txt"].sort());
    await expectSame(at, change);
  });
});

describe("what is only named", () => {
  const left = ({ left }: Change) => Object.fromEntries(left.map(({ path, why }) => [path, why]));

  it("is binary, not UTF-8, too long, withheld, or a repository of its own", async () => {
    const at = await newCheckout({ "old.bin": Buffer.of(0, 1), "latin.txt": Buffer.from("a\n"), ".env": "A=1\n" });
    await put(at, {
      "old.bin": Buffer.of(0, 2),
      "new.bin": Buffer.of(0, 2),
      "latin.txt": Buffer.from([0xe4, 0x0a]),
      "long.txt": "x".repeat(MAX_FILE_PATCH_BYTES + 1),
      "lines.txt": "line\n".repeat(MAX_FILE_PATCH_BYTES / 5),
      ".env": "A=hunter2\n",
      "new/.env": "A=hunter2\n",
      "kept.txt": "x\n",
    });
    await mkdir(join(at, "own"));
    await git(join(at, "own"), "init", "--quiet");
    await commit(join(at, "own"), { "x.txt": "x\n" });
    const change = await changeOf(at, (path) => /(?:^|\/)\.env$/.test(path));
    expect(left(change)).toEqual({
      "old.bin": "binary",
      "new.bin": "binary",
      "latin.txt": "not-text",
      "long.txt": "too-long",
      "lines.txt": "too-long",
      ".env": "withheld",
      "new/.env": "withheld",
      "own/": "folder",
    });
    expect(paths(change)).toEqual(["kept.txt"]);
    expect(patchText(change)).not.toContain("hunter2");
    expect(patchText(change)).toMatch(/^(?:# Not in this patch: [^\n]+ \([^\n]+\)\n){8}diff --git a\/kept.txt /);
    await expectApplies(at, change);
  });

  it("is a new file that may not be read", async () => {
    const at = await newCheckout();
    await put(at, { "a.txt": "2\n", "new.txt": "1\n", "own.txt": "1\n" });
    await chmod(join(at, "own.txt"), 0o000);
    // To root everything may be read: it becomes somebody else, to whom git gives the repository all the same.
    await chmod(at, 0o755);
    await chmod(process.env.HOME ?? "", 0o755);
    await git(at, "config", "--global", "safe.directory", "*");
    const change = await withoutPrivileges(() => changeOf(at));
    await git(at, "config", "--global", "--unset", "safe.directory");
    expect(left(change)).toEqual({ "own.txt": "unreadable" });
    expect(paths(change)).toEqual(["a.txt", "new.txt"]);
  });

  it("is a tracked file with a change too long to keep, and one that git reads 16 MiB of", async () => {
    const at = await newCheckout({ "a.txt": "1\n", "big.txt": "1\n", "z.txt": "1\n" });
    await put(at, {
      "a.txt": "x".repeat(3 * MAX_FILE_PATCH_BYTES),
      "big.txt": "y\n".repeat(9 * 1024 ** 2),
      "z.txt": "2\n",
    });
    const change = await changeOf(at);
    expect(left(change)).toEqual({ "a.txt": "too-long", "big.txt": "binary" });
    expect(paths(change)).toEqual(["z.txt"]);
  });

  it("does not fit into a patch of MAX_PATCH_BYTES; what fits is whole", async () => {
    const at = await newCheckout();
    const size = MAX_FILE_PATCH_BYTES - 1_000;
    const files = ["b", "c", "d", "e", "f", "g"].map(
      (name) => [name, `${"x".repeat(99)}\n`.repeat(size / 102)] as const,
    );
    await put(at, Object.fromEntries(files));
    const change = await changeOf(at);
    expect(Buffer.byteLength(patchText({ ...change, left: [] }))).toBeLessThanOrEqual(MAX_PATCH_BYTES);
    expect(paths(change)).toEqual(["b", "c", "d", "e"]);
    expect(left(change)).toEqual({ f: "too-long", g: "too-long" });
    await expectApplies(at, change);
  });

  it("is no more than git's word about a merge that is not done: the rest applies", async () => {
    const at = await newCheckout({ "a.txt": "1\n", "b.txt": "1\n" });
    await git(at, "checkout", "--quiet", "-b", "other");
    await commit(at, { "a.txt": "2\n" });
    await git(at, "checkout", "--quiet", "main");
    await commit(at, { "a.txt": "3\n" });
    await git(at, "merge", "other").catch(() => {});
    await put(at, { "b.txt": "2\n" });
    const change = await changeOf(at);
    expect(paths(change)).toContain("b.txt");
    expect(patchText(change)).not.toContain("Unmerged");
    await expectApplies(at, change);
  });
});

it("a patch says of what it lacks one clean line each, a hundred of them, and still applies", async () => {
  const at = await newCheckout();
  await put(at, { "a.txt": "2\n" });
  const hostile = "x\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-1\n+\x1b[2J\u202e3";
  const left = Array.from({ length: 105 }, () => ({ path: hostile, why: "binary" as const }));
  const change = { ...(await changeOf(at)), left, cut: true };
  const said = leftOut(change);
  expect(said).toHaveLength(102);
  expect(said[0]).toBe("x --- a/a.txt +++ b/a.txt @@ -1 +1 @@ -1 +3 (binary)");
  expect(said.slice(-2)).toEqual(["5 more files", "further changes, too many to be read"]);
  await expectSame(at, change);
});

it("nothing in the repository is written, and nothing is left behind", async () => {
  const at = await newCheckout();
  await git(at, "config", "core.splitIndex", "true");
  await put(at, { "a.txt": "2\n", "b.txt": "b\n" });
  const [own, tmp] = [await folder(), process.env.TMPDIR];
  const state = async () => [
    await readdir(join(at, ".git"), { recursive: true }),
    await readFile(join(at, ".git/index")),
    await readdir(own),
  ];
  const before = await state();
  process.env.TMPDIR = own;
  await changeOf(at);
  if (tmp === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = tmp;
  expect(await state()).toEqual(before);
});

it("a change that is cancelled says so", async () => {
  const at = await newCheckout();
  const stop = new AbortController();
  const repository = await opened(at);
  const reading = readChange(repository, () => false, stop.signal);
  stop.abort();
  await expect(reading).rejects.toMatchObject({ code: "cancelled" });
});
