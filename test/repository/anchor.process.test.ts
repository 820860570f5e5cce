import { chmod, mkdir, readdir, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Anchor, MAX_NAMED, readAnchor } from "../../src/repository/anchor.ts";
import { readChange } from "../../src/repository/change.ts";
import { openRepository } from "../../src/repository/repository.ts";
import { run, withoutPrivileges } from "../support/scratch.ts";
import { clone, commit, folder, forever, git, newCheckout, opened, put, strangeHome } from "./checkout.ts";

beforeAll(strangeHome);

async function anchorOf(at: string): Promise<Anchor> {
  const anchor = await readAnchor(await opened(at), forever());
  return Anchor.parse(anchor);
}

describe("an anchor", () => {
  it("of a clean clone has remote, branch, commit and how far it is from its upstream", async () => {
    const source = await newCheckout();
    const at = await clone(source);
    const first = (await git(at, "rev-parse", "HEAD")).trim();
    await commit(source, { "a.txt": "2\n" });
    await git(at, "fetch", "--quiet");
    await git(at, "remote", "set-url", "origin", "https://jane:secret@git.example/owner/repo.git");
    expect(await anchorOf(at)).toEqual({
      remote: "https://git.example/owner/repo.git",
      branch: "main",
      commit: first,
      upstream: { branch: "origin/main", ahead: 0, behind: 1 },
    });
    const mine = await commit(at, { "b.txt": "b\n" });
    expect(await anchorOf(at)).toMatchObject({ commit: mine, upstream: { ahead: 1, behind: 1 } });
  });

  it("tells no local path of a remote", async () => {
    const at = await clone(await newCheckout());
    expect((await anchorOf(at)).remote).toBe(undefined);
  });

  it("takes origin, else the remote that the branch follows, else the only one", async () => {
    const at = await clone(await newCheckout(), "--origin", "theirs");
    await git(at, "remote", "set-url", "theirs", "https://git.example/theirs");
    expect((await anchorOf(at)).remote).toBe("https://git.example/theirs");
    await git(at, "remote", "add", "another", "https://git.example/another");
    expect((await anchorOf(at)).remote).toBe("https://git.example/theirs");
    await git(at, "remote", "add", "origin", "https://git.example/origin");
    expect((await anchorOf(at)).remote).toBe("https://git.example/origin");
    await git(at, "config", "url.https://git.example/.insteadOf", "short:");
    await git(at, "remote", "set-url", "origin", "short:written-out");
    expect((await anchorOf(at)).remote).toBe("https://git.example/written-out");
  });

  it("lists what is not committed by what became of it", async () => {
    const long = Array.from({ length: 40 }, (_, line) => `line ${line}\n`).join("");
    const at = await newCheckout({
      "changed name.txt": "1\n",
      "gone.txt": "1\n",
      "old.txt": long,
      "staged.txt": "1\n",
    });
    await put(at, {
      "changed name.txt": "2\n",
      "staged.txt": "2\n",
      "added.txt": "1\n",
      "new/x": "1\n",
      "line\nend": "",
    });
    await rm(join(at, "gone.txt"));
    await rename(join(at, "old.txt"), join(at, "renamed.txt"));
    await git(at, "add", "staged.txt", "added.txt", "old.txt", "renamed.txt");
    expect((await anchorOf(at)).uncommitted).toEqual({
      count: 7,
      files: [
        { path: "added.txt", change: "added" },
        { path: "changed name.txt", change: "changed" },
        { path: "gone.txt", change: "deleted" },
        { path: "renamed.txt", change: "renamed", from: "old.txt" },
        { path: "staged.txt", change: "changed" },
        { path: "line end", change: "untracked" },
        { path: "new/", change: "untracked" },
      ],
    });
  });

  it(`names ${MAX_NAMED} files, and counts the others`, async () => {
    const at = await newCheckout();
    await put(at, Object.fromEntries(Array.from({ length: MAX_NAMED + 5 }, (_, n) => [`new-${n}`, ""])));
    const { uncommitted } = await anchorOf(at);
    expect([uncommitted?.count, uncommitted?.files.length]).toEqual([MAX_NAMED + 5, MAX_NAMED]);
  });

  it("of a merge that is not done names what conflicts", async () => {
    const at = await newCheckout({ "a b.txt": "1\n" });
    await git(at, "checkout", "--quiet", "-b", "other");
    await commit(at, { "a b.txt": "2\n" });
    await git(at, "checkout", "--quiet", "main");
    await commit(at, { "a b.txt": "3\n" });
    await git(at, "merge", "other").catch(() => {});
    expect((await anchorOf(at)).uncommitted?.files).toEqual([{ path: "a b.txt", change: "conflicting" }]);
  });

  it("has no branch where HEAD is detached, and no commit before the first", async () => {
    const at = await newCheckout();
    const first = await commit(at);
    await git(at, "checkout", "--quiet", "--detach");
    expect(await anchorOf(at)).toEqual({ commit: first });
    const empty = await folder();
    await git(empty, "init", "--quiet");
    expect(await anchorOf(empty)).toEqual({ branch: "main" });
  });

  it("of a folder within, of a linked worktree, of a submodule and of a shallow clone", async () => {
    const at = await newCheckout({ "packages/app/a.txt": "1\n" });
    expect((await anchorOf(join(at, "packages/app"))).folder).toBe("packages/app");
    const linked = join(await folder(), "linked");
    await git(at, "worktree", "add", "--quiet", "-b", "side", linked);
    expect((await anchorOf(linked)).branch).toBe("side");
    const outer = await newCheckout();
    await git(outer, "submodule", "--quiet", "add", at, "inner");
    expect((await opened(join(outer, "inner/packages"))).top).toBe(join(outer, "inner"));
    const besideInner = join(await folder(), "beside");
    await git(join(outer, "inner"), "worktree", "add", "--quiet", besideInner);
    expect((await opened(besideInner)).top).toBe(besideInner);
    await commit(outer);
    const outside = join(await folder(), "outside");
    await git(outer, "worktree", "add", "--quiet", outside);
    await git(outside, "submodule", "--quiet", "update", "--init");
    expect((await opened(join(outside, "inner"))).top).toBe(join(outside, "inner"));
    const outermost = await newCheckout();
    await git(outermost, "submodule", "--quiet", "add", outer, "mid/dle");
    await git(outermost, "submodule", "--quiet", "update", "--init", "--recursive");
    expect((await opened(join(outermost, "mid/dle/inner"))).top).toBe(join(outermost, "mid/dle/inner"));
    await commit(at, { "b.txt": "b\n" });
    const shallow = await opened(await clone(`file://${at}`, "--depth=1"));
    expect(shallow.shallow).toBe(true);
    expect(await readAnchor(shallow, forever())).toMatchObject({ branch: "main", upstream: { ahead: 0, behind: 0 } });
  });

  it("of a submodule that has changed names it, and does not look into it", async () => {
    const outer = await newCheckout();
    await git(outer, "submodule", "--quiet", "add", await newCheckout(), "inner");
    await commit(outer);
    await put(outer, { "inner/a.txt": "2\n" });
    expect((await anchorOf(outer)).uncommitted).toBe(undefined);
    await commit(join(outer, "inner"));
    expect((await anchorOf(outer)).uncommitted?.files).toEqual([{ path: "inner", change: "changed" }]);
  });
});

describe("where there is no checkout", () => {
  const stateOf = async (at: string) => (await openRepository(at, forever())).state;

  it("says why", async () => {
    const bare = await folder();
    await git(bare, "init", "--quiet", "--bare");
    const broken = await newCheckout();
    await writeFile(join(broken, ".git/config"), "[core\n");
    const checkout = await newCheckout();
    expect({
      none: await stateOf(await folder()),
      within: await stateOf(join(checkout, ".git")),
      gone: await stateOf(join(checkout, "gone")),
      bare: await stateOf(bare),
      broken: await stateOf(broken),
    }).toEqual({ none: "none", within: "none", gone: "unreadable", bare: "bare", broken: "unreadable" });
  });

  it("says that there is no git", async () => {
    const path = process.env.PATH;
    process.env.PATH = await folder();
    try {
      expect(await stateOf(await folder())).toBe("no-git");
    } finally {
      process.env.PATH = path;
    }
  });

  it("says that the repository is somebody else's (safe.directory)", async (context) => {
    if (process.getuid?.() !== 0) return context.skip("only root can make a repository of another user");
    const at = await newCheckout();
    await chmod(process.env.HOME ?? "", 0o755);
    expect(await withoutPrivileges(() => stateOf(at))).not.toBe("checkout");
  });

  it("is cancelled by its caller", async () => {
    const at = await newCheckout();
    await expect(openRepository(at, AbortSignal.abort())).rejects.toMatchObject({ code: "cancelled" });
  });
});

describe("a hostile checkout", () => {
  /** Reads all that can be read of it. @returns what its programs have left behind. */
  async function programsRun(at: string, marks: string): Promise<string[]> {
    const repository = await openRepository(at, forever());
    if (repository.state === "checkout") {
      await readAnchor(repository, forever());
      await readChange(repository, () => false, forever());
    }
    return await readdir(marks);
  }

  /** A program that leaves a file of this name, and then does this. */
  async function program(marks: string, name: string, then = "exit 1"): Promise<string> {
    const path = join(await folder(), "program");
    await writeFile(path, `#!/bin/sh\ntouch '${marks}/${name}'\n${then}\n`, { mode: 0o755 });
    return path;
  }

  async function dirty(): Promise<{ at: string; marks: string }> {
    const at = await newCheckout({ "a.txt": "1\n", ".gitattributes": "* filter=own diff=own merge=own\n" });
    await put(at, { "a.txt": "2\n", "new.txt": "1\n" });
    return { at, marks: await folder() };
  }

  it("runs no program: hooks, fsmonitor, pager, external diffs, text conversions, filters, credential helpers", async () => {
    const { at, marks } = await dirty();
    const hooks = await folder();
    for (const hook of ["post-index-change", "fsmonitor-watchman", "reference-transaction", "post-checkout"]) {
      await rename(await program(marks, hook), join(hooks, hook));
    }
    await git(at, "config", "core.hooksPath", hooks);
    for (const name of [
      "core.fsmonitor",
      "core.pager",
      "core.editor",
      "core.askPass",
      "core.sshCommand",
      "core.gitProxy",
      "core.alternateRefsCommand",
      "credential.helper",
      "diff.external",
      "diff.own.command",
      "diff.own.textconv",
      "filter.own.clean",
      "filter.own.smudge",
      "filter.own.process",
      "gpg.program",
      "interactive.diffFilter",
      "sequence.editor",
      "uploadpack.packObjectsHook",
      "remote.origin.vcs",
      "alias.status",
      "alias.diff",
    ]) {
      await git(at, "config", name, await program(marks, name));
    }
    await git(at, "config", "filter.own.required", "true");
    await git(at, "config", "pager.diff", await program(marks, "pager.diff"));
    await put(at, { ".git/hooks/post-index-change": `#!/bin/sh\ntouch '${marks}/own-hook'\n` });
    await chmod(join(at, ".git/hooks/post-index-change"), 0o755);
    expect(await programsRun(at, marks)).toEqual([]);
    // That these are programs at all: git by itself runs some of them.
    await git(at, "diff").catch(() => {});
    expect(await readdir(marks)).not.toEqual([]);
  });

  it("is left alone where a filter of its own cannot be switched off", async () => {
    const { at, marks } = await dirty();
    await put(at, { ".gitattributes": "* filter=a=b\n" });
    await git(at, "config", "filter.a=b.clean", await program(marks, "clean"));
    expect((await openRepository(at, forever())).state).toBe("unsafe");
    expect(await programsRun(at, marks)).toEqual([]);
    const crowded = await newCheckout();
    const filters = Array.from({ length: 200 }, (_, n) => `[filter "a-filter-${n}"]\n\tclean = false\n`).join("");
    await writeFile(join(crowded, ".git/config"), filters, { flag: "a" });
    expect((await openRepository(crowded, forever())).state).toBe("unsafe");
  });

  it("runs a filter that the user has for all repositories, as Git LFS is", async () => {
    const { at, marks } = await dirty();
    await git(at, "config", "--global", "filter.own.clean", await program(marks, "clean", "cat"));
    try {
      expect(await programsRun(at, marks)).toEqual(["clean"]);
    } finally {
      await git(at, "config", "--global", "--remove-section", "filter.own");
    }
  });

  it("cannot send git to another place by its settings", async () => {
    const outer = await folder();
    await put(outer, { "secret.txt": "hunter2\n" });
    const at = join(outer, "project");
    await mkdir(at);
    await git(at, "init", "--quiet");
    await git(at, "config", "core.worktree", outer);
    expect((await openRepository(at, forever())).state).toBe("unsafe");
    const elsewhere = await newCheckout();
    await git(at, "config", "core.worktree", elsewhere);
    expect((await openRepository(at, forever())).state).not.toBe("checkout");
  });

  describe("cannot make another repository leave", () => {
    const REMOTE = "https://git.example/private/plans";

    /** A repository of somebody, and beside it a folder from elsewhere. */
    async function beside(): Promise<{ other: string; at: string }> {
      const other = await newCheckout({ "plans.md": "hunter2\n" });
      await git(other, "remote", "add", "origin", REMOTE);
      const at = await folder();
      await put(at, { "a.txt": "1\n" });
      return { other, at };
    }

    async function expectUnsafe(at: string): Promise<void> {
      // That git by itself would take it for a checkout.
      expect(await git(at, "rev-parse", "--is-inside-work-tree")).toBe("true\n");
      expect((await openRepository(at, forever())).state).toBe("unsafe");
    }

    it("by a .git that names it", async () => {
      const { other, at } = await beside();
      await put(at, { ".git": `gitdir: ${other}/.git\n`, "dir/b.txt": "1\n" });
      expect(await git(at, "remote", "--verbose")).toContain(REMOTE);
      await expectUnsafe(at);
      await expectUnsafe(join(at, "dir"));
    });

    it("by a .git that is a link to it", async () => {
      const { other, at } = await beside();
      await symlink(join(other, ".git"), join(at, ".git"));
      await expectUnsafe(at);
    });

    it("by a .git that has its history from there", async () => {
      const { other, at } = await beside();
      await put(at, { ".git/HEAD": "ref: refs/heads/main\n", ".git/commondir": `${other}/.git\n` });
      expect(await git(at, "ls-tree", "--name-only", "HEAD")).toBe("plans.md\n");
      await expectUnsafe(at);
    });

    it("as one of its worktrees that it knows nothing of, or knows to be elsewhere", async () => {
      const { other, at } = await beside();
      await put(at, {
        ".git": "gitdir: worktrees/own\n",
        "worktrees/own/HEAD": "ref: refs/heads/main\n",
        "worktrees/own/gitdir": `${at}/.git\n`,
        "worktrees/own/commondir": `${other}/.git\n`,
      });
      await expectUnsafe(at);
      await git(other, "worktree", "add", "--quiet", join(await folder(), "linked"));
      await put(at, { ".git": `gitdir: ${other}/.git/worktrees/linked\n` });
      await expectUnsafe(at);
    });

    it("as a submodule that is elsewhere, or of a repository that is not around it", async () => {
      const { other, at } = await beside();
      await git(other, "submodule", "--quiet", "add", await newCheckout(), "inner");
      await put(at, { ".git": `gitdir: ${other}/.git/modules/inner\n` });
      expect((await openRepository(at, forever())).state).toBe("unsafe");
      await git(join(other, ".git/modules/inner"), "config", "core.worktree", at);
      await expectUnsafe(at);
    });

    it("that is around it, by a setting that makes that one's folder its own", async () => {
      const { other } = await beside();
      await put(other, { "notes.txt": "not committed\n" });
      const at = join(other, "nested");
      await mkdir(at);
      await git(at, "init", "--quiet");
      await git(at, "config", "core.worktree", "../..");
      await expectUnsafe(at);
    });
  });

  describe("cannot make a part of another repository its own", () => {
    /** A repository of somebody, and one from elsewhere that may borrow its objects. */
    async function borrowing(): Promise<{ theirs: string; at: string; own: string }> {
      const other = await newCheckout({ "plans.md": "hunter2\n" });
      await git(other, "remote", "add", "origin", "https://git.example/private/plans");
      const at = await folder();
      await git(at, "init", "--quiet");
      await put(at, { "a.txt": "1\n", ".git/objects/info/alternates": `${other}/.git/objects\n` });
      expect(await readAnchor(await opened(at), forever())).toMatchObject({ branch: "main" });
      return { theirs: join(other, ".git"), at, own: join(at, ".git") };
    }

    async function expectUnsafe(at: string): Promise<void> {
      expect((await openRepository(at, forever())).state).toBe("unsafe");
    }

    it.each(["refs", "refs/heads", "refs/heads/main", "index"])("by a link in the place of %s", async (name) => {
      const { theirs, at, own } = await borrowing();
      await rm(join(own, name), { recursive: true, force: true });
      await symlink(join(theirs, name), join(own, name));
      expect(await git(at, "ls-files", "--with-tree=HEAD").catch(() => git(at, "ls-files"))).toBe("plans.md\n");
      await expectUnsafe(at);
    });

    it("by a link among packed references", async () => {
      const { theirs, at, own } = await borrowing();
      await git(theirs, "pack-refs", "--all");
      await symlink(join(theirs, "packed-refs"), join(own, "packed-refs"));
      expect(await git(at, "ls-tree", "--name-only", "HEAD")).toBe("plans.md\n");
      await expectUnsafe(at);
    });

    it.each([
      ["by another branch", "main", "ref: refs/heads/its/main\n"],
      ["with blanks behind its name", "main", `ref:\t refs/heads/its/main${" ".repeat(20_000)}\n`],
      ["with a name that only seems to end", "main\u00a0", "ref: refs/heads/its/main\u00a0\n"],
      [
        "by a name that is no text",
        Buffer.from("main\xff", "latin1"),
        Buffer.from("ref: refs/heads/its/main\xff", "latin1"),
      ],
    ])("by a reference that leads into a linked folder, %s", async (_, name, reference) => {
      const { theirs, at, own } = await borrowing();
      const its = await folder();
      await symlink(join(theirs, "refs/heads/main"), Buffer.concat([Buffer.from(`${its}/`), Buffer.from(name)]));
      await symlink(its, join(own, "refs/heads/its"));
      await put(own, { HEAD: "ref: refs/heads/first\n", "refs/heads/first": reference });
      expect(await git(at, "ls-tree", "--name-only", "HEAD")).toBe("plans.md\n");
      await expectUnsafe(at);
    });

    it("by settings that it includes or links to; its own it may include from its files", async () => {
      const { theirs, at, own } = await borrowing();
      await put(at, { "shared.settings": '[remote "origin"]\n\turl = https://git.example/owner/repo\n' });
      await git(at, "config", "include.path", "../shared.settings");
      expect(await anchorOf(at)).toMatchObject({ remote: "https://git.example/owner/repo" });
      await git(at, "config", "include.path", join(theirs, "config"));
      expect(await git(at, "remote", "--verbose")).toContain("private/plans");
      await expectUnsafe(at);
      await rm(join(own, "config"));
      await symlink(join(theirs, "config"), join(own, "config"));
      await expectUnsafe(at);
    });
  });

  it("may keep its repository anywhere within itself", async () => {
    const at = await newCheckout();
    await rename(join(at, ".git"), join(at, ".kept"));
    await put(at, { ".git": "gitdir: .kept\n" });
    expect((await opened(at)).top).toBe(at);
    await rm(join(at, ".git"));
    await symlink(".kept", join(at, ".git"));
    expect((await opened(at)).top).toBe(at);
  });

  it("cannot make git fetch: what a partial clone lacks stays away", async () => {
    const source = await newCheckout({ "a.txt": "1\n", "b.txt": "1\n" });
    await git(source, "config", "uploadpack.allowFilter", "true");
    const at = await clone(`file://${source}`, "--filter=blob:none", "--no-checkout");
    const objects = () => readdir(join(at, ".git/objects"), { recursive: true });
    await put(at, { "a.txt": "2\n" });
    const before = await objects();
    expect(await readChange(await opened(at), () => false, forever())).toBe(undefined);
    expect(await objects()).toEqual(before);
  });

  it("is read in its own terms, whatever the environment says", async () => {
    const at = await newCheckout();
    const other = await newCheckout({ "other.txt": "1\n" });
    const marks = await folder();
    const hostile = {
      GIT_DIR: join(other, ".git"),
      GIT_WORK_TREE: other,
      GIT_INDEX_FILE: join(other, ".git/index"),
      GIT_EXTERNAL_DIFF: await program(marks, "diff"),
      GIT_TRACE: join(marks, "trace"),
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "core.fsmonitor",
      GIT_CONFIG_VALUE_0: await program(marks, "fsmonitor"),
    };
    Object.assign(process.env, hostile);
    try {
      expect((await opened(at)).top).toBe(await realpath(at));
      expect((await programsRun(at, marks)).length).toBe(0);
    } finally {
      for (const name of Object.keys(hostile)) delete process.env[name];
    }
  });

  it("does not choose which git is run, by a folder of its own in PATH", async () => {
    const { at, marks } = await dirty();
    await rename(await program(marks, "git"), join(at, "git"));
    const [path, cwd] = [process.env.PATH, process.cwd()];
    process.env.PATH = `.:${path}`;
    process.chdir(at);
    try {
      expect(await programsRun(at, marks)).toEqual([]);
    } finally {
      process.chdir(cwd);
      process.env.PATH = path;
    }
  });

  it("does not hold git up with pipes in the place of files", async () => {
    const at = await newCheckout({ "b.txt": "1\n", "c.txt": "1\n" });
    await rm(join(at, "c.txt"));
    for (const name of ["c.txt", "new.txt"]) await run("mkfifo", [join(at, name)]);
    await put(at, { "b.txt": "2\n" });
    const repository = await opened(at);
    expect(await readAnchor(repository, forever())).toMatchObject({ uncommitted: { count: 2 } });
    expect(await readChange(repository, () => false, forever())).toBe(undefined); // git compares no such thing
  });

  it("does not leak through links in it", async () => {
    const outer = await folder();
    await put(outer, { "secret.txt": "hunter2\n" });
    const at = await newCheckout({ "dir/secret.txt": "1\n", "file.txt": "1\n" });
    await rm(join(at, "dir"), { recursive: true });
    await symlink(outer, join(at, "dir"));
    await symlink(join(outer, "secret.txt"), join(at, "new.txt"));
    await rm(join(at, "file.txt"));
    await symlink(join(outer, "secret.txt"), join(at, "file.txt"));
    const change = await readChange(await opened(at), () => false, forever());
    expect(change?.files.length).toBeGreaterThan(2);
    expect(JSON.stringify(change)).not.toContain("hunter2");
  });
});
