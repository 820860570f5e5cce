import { mkdir, readdir, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { homeError, homeFolder, sweepHome } from "../../src/home/folders.ts";
import { ownedName } from "../../src/home/owner.ts";
import { expectCode, scratch } from "../support/scratch.ts";

/** The largest id that can be spelled; no system gives it to a process. */
const DEAD_PID = 2 ** 31 - 1;

describe("homeFolder", () => {
  test("makes the home and the folder with mode 0700, once", async ({ skip }) => {
    skip(process.platform === "win32", "POSIX permissions are not Windows'");
    await using folder = await scratch();
    const home = join(folder.path, "deep", "home");
    expect(await homeFolder(home, "inbox")).toBe(join(home, "inbox"));
    expect(await homeFolder(home, "inbox")).toBe(join(home, "inbox"));
    expect((await stat(home)).mode & 0o777).toBe(0o700);
    expect((await stat(join(home, "inbox"))).mode & 0o777).toBe(0o700);
  });

  test("is home-unwritable where a file is in the way", async () => {
    await using folder = await scratch();
    await writeFile(join(folder.path, "home"), "");
    await expectCode(homeFolder(join(folder.path, "home"), "inbox"), "home-unwritable");
  });
});

test.each([
  ["ENOSPC", "disk-full"],
  ["EDQUOT", "disk-full"],
  ["EACCES", "home-unwritable"],
  ["EPERM", "home-unwritable"],
  ["EROFS", "home-unwritable"],
  ["ENOTDIR", "home-unwritable"],
  ["EEXIST", "home-unwritable"],
  ["EXDEV", "home-unwritable"],
  ["EIO", "internal"],
  [undefined, "internal"],
])("homeError calls %s %s", (code, expected) => {
  expect(homeError("/home/x", Object.assign(new Error("x"), { code })).code).toBe(expected);
});

describe("sweepHome", () => {
  test("removes what a dead process left in staging and spool, and nothing else", async () => {
    await using folder = await scratch();
    const mine = ownedName();
    const left = mine.replace(/^\d+/, String(DEAD_PID));
    const living = ownedName();
    const foreign = `${DEAD_PID}-00000000-0123456789abcdef`;
    for (const name of ["staging", "spool", "inbox"]) {
      for (const each of [mine, left, living, foreign, "notes", "1-x", "0-00000000-0123456789abcdef"]) {
        await mkdir(join(folder.path, name, each), { recursive: true });
        await writeFile(join(folder.path, name, each, "original.md"), "x");
      }
    }
    await sweepHome(folder.path);
    const kept = [mine, living, foreign, "notes", "1-x", "0-00000000-0123456789abcdef"].sort();
    expect((await readdir(join(folder.path, "staging"))).sort()).toEqual(kept);
    expect((await readdir(join(folder.path, "spool"))).sort()).toEqual(kept);
    expect((await readdir(join(folder.path, "inbox"))).sort()).toEqual([...kept, left].sort());
  });

  test("removes what is left of a file that was being replaced when its process was killed", async () => {
    await using folder = await scratch();
    const left = ownedName().replace(/^\d+/, String(DEAD_PID));
    const kept = ["hub", "hub.json", "hub.log", left.replace("-", "."), `hub.json.${ownedName()}`];
    await mkdir(join(folder.path, "hub"));
    for (const name of [...kept.slice(1), `hub.json.${left}`, join("hub", `0a1b2c3d.json.${left}`)]) {
      await writeFile(join(folder.path, name), "{}");
    }
    await sweepHome(folder.path);
    expect((await readdir(folder.path)).sort()).toEqual(kept.sort());
    expect(await readdir(join(folder.path, "hub"))).toEqual([]);
  });

  test("removes what another machine left more than a week ago", async () => {
    await using folder = await scratch();
    const path = join(folder.path, "staging", `${process.pid}-00000000-0123456789abcdef`);
    await mkdir(path, { recursive: true });
    const hoursAgo = (hours: number) => Date.now() / 1000 - hours * 3600;
    await utimes(path, hoursAgo(167), hoursAgo(167));
    await sweepHome(folder.path);
    expect(await readdir(join(folder.path, "staging"))).toHaveLength(1);
    await utimes(path, hoursAgo(169), hoursAgo(169));
    await sweepHome(folder.path);
    expect(await readdir(join(folder.path, "staging"))).toEqual([]);
  });

  test("does not throw where there is no home, or a file in its place", async () => {
    await using folder = await scratch();
    await sweepHome(join(folder.path, "missing"));
    await writeFile(join(folder.path, "staging"), "");
    await sweepHome(folder.path);
  });
});
