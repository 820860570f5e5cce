import { mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Place, placesOf } from "../../src/redact/paths.ts";
import { redactText } from "../../src/redact/redactor.ts";
import { later } from "../support/later.ts";

const ANN = { project: "/home/ann/app", home: "/home/ann" };
const shorten = async (text: string, places: readonly Place[]) =>
  (await redactText(text, { secrets: "redact", places })).text;

describe("on a machine where ann works on /home/ann/app", () => {
  it.each([
    ["at /home/ann/app/src/x.ts:12:3", "at src/x.ts:12:3"],
    ["cd /home/ann/app", "cd ."],
    ["cd /home/ann/app/", "cd ./"],
    ["cd /home/ann/app && ls", "cd . && ls"],
    ["in /home/ann/app.", "in .."],
    ["`/home/ann/app/a b.md`", "`a b.md`"],
    ["file:///home/ann/app/src/x.ts", "src/x.ts"],
    ["file:///home/ann/notes.md", "~/notes.md"],
    ["/Users/ann/app/src/x.ts", "src/x.ts"],
    ["/home/ann/.claude/settings.json", "~/.claude/settings.json"],
    ["PATH=/home/ann/bin:/home/ann/.local/bin", "PATH=~/bin:~/.local/bin"],
    ["HOME=/home/ann", "HOME=~"],
    ["scp a ann-laptop:/home/ann/x", "scp a ann-laptop:~/x"],
    ["~/.claude/projects/-home-ann-app/1.jsonl", "~/.claude/projects/-app/1.jsonl"],
    ["/tmp/claude-1000/-home-ann-other/x", "/tmp/claude-1000/~-other/x"],
    ['{"cwd":"/home/ann/app","text":"a\\n/home/ann/app/b.ts"}', '{"cwd":".","text":"a\\nb.ts"}'],
    ["%2Fhome%2Fann%2Fapp%2Fsrc", "src"],
    ["/Users/ann/x and C:\\Users\\ann\\x and c:/users/Ann/x", "~/x and ~\\x and ~/x"],
    ['"C:\\\\Users\\\\ann\\\\x"', '"~\\\\x"'],
    ["/mnt/c/Users/ann/x", "~/x"],
    ["/backup/home/ann/x", "/backup/home/user/x"],
    ["https://example.org/home/ann/x", "https://example.org/home/user/x"],
  ])("%s becomes %s", async (text, shortened) => {
    expect(await shorten(text, await placesOf(ANN))).toBe(shortened);
  });

  it.each([
    "/home/anna/x",
    "/home/ann-old/x",
    "/home/ann.bak/x",
    "/home/ann_2",
    "/home/annä",
    "/Users/annette/x",
    "-home-anna-app",
    "--home-ann",
    "/srv/app/src/x.ts",
    "the app of ann",
    "/home/bob/app/src",
    "~/other",
  ])("%s stays", async (text) => {
    expect(await shorten(text, await placesOf(ANN))).toBe(text);
  });

  it("/home/ann/app-old is not the project, but ann's", async () => {
    expect(await shorten("/home/ann/app-old/x /home/ann/apple", await placesOf(ANN))).toBe("~/app-old/x ~/apple");
  });

  it("shortening what was shortened changes nothing", async () => {
    const places = await placesOf(ANN);
    const piece = fc.constantFrom(
      "/home/ann",
      "/app",
      "/",
      "~",
      "-home-ann",
      "-app",
      "/Users/ann",
      "x",
      " ",
      ".",
      "file://",
      "\\n",
      "C:\\Users\\ann",
      "\\",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 10 }), async (pieces) => {
        const once = await shorten(pieces.join(""), places);
        expect(await shorten(once, places)).toBe(once);
      }),
      { numRuns: 60 },
    );
  });
});

it("knows the project and the home by the names that links give them, too", async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "claude-spread-test-")));
  later(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, "real", "bo", "work"), { recursive: true });
  await symlink(join(folder, "real"), join(folder, "linked"));
  const places = await placesOf({ project: join(folder, "linked/bo/work"), home: join(folder, "linked/bo") });
  const text = `${folder}/real/bo/work/a.ts ${folder}/linked/bo/work/a.ts ${folder}/real/bo/b`;
  expect(await shorten(text, places)).toBe("a.ts a.ts ~/b");
});

it("takes the project for itself where it is the home, and leaves the root of a disk alone", async () => {
  expect(await shorten("/home/ann/x", await placesOf({ project: "/home/ann", home: "/home/ann" }))).toBe("~/x");
  expect(await shorten("/a /b/c", await placesOf({ project: "/", home: "/" }))).toBe("/a /b/c");
});

it("knows a project on Windows with either slash, and in any case", async () => {
  const places = await placesOf({ project: "C:\\Users\\Ann Lee\\app", home: "C:\\Users\\Ann Lee" });
  const text =
    'C:\\Users\\Ann Lee\\app\\src\\x.ts c:/users/ann lee/app/src/x.ts "C:\\\\Users\\\\Ann Lee\\\\app\\\\x" C:\\Users\\Ann Lee\\y';
  expect(await shorten(text, places)).toBe('src\\x.ts src/x.ts "x" ~\\y');
});

it("counts what it shortened, and no secret goes for a path", async () => {
  const places = await placesOf(ANN);
  const { text, report } = await redactText("/home/ann/a DB_PASSWORD=Maple4711xy /home/ann/b", {
    secrets: "redact",
    places,
  });
  expect(text).toBe("~/a DB_PASSWORD=[redacted: password-assignment #1] ~/b");
  expect(report).toMatchObject({ paths: 2, total: 1 });
});
