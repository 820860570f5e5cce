/** Which sessions there are, told by the ends of their files, whatever lies among them. */
import { mkdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projectName } from "../../src/claude/folders.ts";
import { findSessions, listSessions } from "../../src/claude/sessions.ts";
import { expectCode } from "../support/scratch.ts";
import { assistant, machine, SESSION, user, write } from "./transcripts.ts";

const id = (n: number) => `${String(n).padStart(8, "0")}-2222-4333-8444-555555555555`;

it("tells the first prompt, the branch, the project, the messages and the size, the newest first", async () => {
  await using at = await machine();
  for (const n of [1, 2, 3]) {
    const path = await write(at, [user(0, `prompt ${n}`, { gitBranch: "trunk" }), assistant(1, "yes")], id(n));
    await utimes(path, n * 1000, n * 1000);
  }
  const { sessions, files } = await listSessions(at.config);
  expect(sessions.map((it) => it.title)).toEqual(["prompt 3", "prompt 2", "prompt 1"]);
  expect(files).toBe(3);
  expect(sessions[0]).toMatchObject({
    id: id(3),
    project: at.project,
    branch: "trunk",
    messages: 2,
    counted: true,
    modifiedAt: new Date(3_000_000),
  });
});

it.each([
  [
    "the name that the user gave it",
    [
      { type: "custom-title", customTitle: "Named" },
      { type: "summary", summary: "S" },
    ],
    "Named",
  ],
  ["a summary", [{ type: "summary", summary: "Summed up" }], "Summed up"],
  ["the client's own title", [{ type: "ai-title", aiTitle: "Made" }], "Made"],
  ["the first prompt", [], "the prompt"],
])("calls a session by %s", async (_what, more, title) => {
  await using at = await machine();
  await write(at, [user(0, "the prompt"), assistant(1, "yes"), ...more]);
  expect(await findSessions(at.config, [SESSION])).toMatchObject([{ title }]);
});

it.each([
  [
    "what the client says in the user's place",
    [user(0, "<local-command-stdout>x</local-command-stdout>"), user(1, "mine")],
  ],
  ["hidden lines", [user(0, "hidden", { isMeta: true }), user(1, "mine")]],
  ["lines of sub-agents", [user(0, "sub", { isSidechain: true }), user(1, "mine")]],
  ["results of tools", [user(0, [{ type: "tool_result", tool_use_id: "t", content: "r" }]), user(1, "mine")]],
  ["broken lines", ["{", "[[[", "null", "7", user(1, "mine")]],
  ["lines of unknown types", [{ type: "of the future", message: 7 }, { type: 3 }, user(1, "mine")]],
])("passes over %s for the first prompt", async (_what, lines) => {
  await using at = await machine();
  await write(at, lines);
  expect(await findSessions(at.config, [SESSION])).toMatchObject([{ title: "mine" }]);
});

it("takes out of a title what cannot be seen, and keeps it whole, so that secrets in it can be found", async () => {
  await using at = await machine();
  const gitBranch = `b\u200b${"y".repeat(300)}`;
  await write(at, [user(0, `red\u001b[31m\nsecond\u202e line ${"x".repeat(1000)}`, { gitBranch })]);
  const title = `red\nsecond line ${"x".repeat(1000)}`;
  expect(await findSessions(at.config, [SESSION])).toMatchObject([{ title, branch: `b${"y".repeat(300)}` }]);
});

it("shows a command with its arguments", async () => {
  await using at = await machine();
  await write(at, [user(0, "<command-name>/review</command-name>\n<command-args>the parser</command-args>")]);
  expect(await findSessions(at.config, [SESSION])).toMatchObject([{ title: "/review the parser" }]);
});

it("reads a title at the end of a long file, and counts all of it", async () => {
  await using at = await machine();
  const lines = Array.from({ length: 2000 }, (_, n) => user(n, `prompt ${n} ${"x".repeat(500)}`));
  await write(at, [...lines, { type: "custom-title", customTitle: "At the end" }]);
  expect(await findSessions(at.config, [SESSION])).toMatchObject([
    { title: "At the end", messages: 2000, counted: true },
  ]);
});

it("does not follow a link, to a file or to a folder, and passes over what cannot be read", async () => {
  await using at = await machine();
  const outside = await machine();
  await using _ = outside;
  const path = await write(outside, [user(0, "elsewhere")]);
  const own = join(at.config, "projects", projectName(at.project));
  await mkdir(own, { recursive: true });
  await symlink(path, join(own, `${SESSION}.jsonl`));
  await symlink(join(path, ".."), join(at.config, "projects", "-linked"));
  await mkdir(join(own, `${id(4)}.jsonl`));
  await writeFile(join(own, "agent-abc.jsonl"), JSON.stringify(user(0, "sub")));
  await write(at, [user(0, "mine")], id(1));
  expect((await listSessions(at.config)).sessions.map(({ title }) => title)).toEqual(["mine"]);
  await expectCode(findSessions(at.config, [SESSION]), "no-such-session");
});

it("tells only of a project's sessions where one is named, and leaves out those without a word", async () => {
  await using at = await machine();
  await write(at, [user(0, "mine")], id(1));
  await write(at, [{ type: "mode", mode: "normal" }], id(2));
  const other = join(at.userHome, "other");
  await mkdir(other);
  await write({ ...at, project: other }, [user(0, "another's")], id(3));
  const { sessions } = await listSessions(at.config, { project: at.project });
  expect(sessions.map(({ title }) => title)).toEqual(["mine"]);
  expect((await listSessions(at.config, { limit: 1 })).sessions).toHaveLength(1);
});

it("says that there is no folder of sessions", async () => {
  await using at = await machine();
  await rm(join(at.config, "projects"), { recursive: true });
  await expectCode(listSessions(at.config), "path-unreadable");
});

it.each([
  ["/tmp/Proj B_x.1", "-tmp-Proj-B-x-1"],
  ["/tmp/cf/Ünï cö de_日本", "-tmp-cf--n--c--de---"],
  // Seen of the client, for a path of 249 characters.
  [`/tmp/cf/${"a".repeat(120)}/${"b".repeat(120)}`, `-tmp-cf-${"a".repeat(120)}-${"b".repeat(71)}-bke312`],
])("names the folder of %s as the client does", (path, name) => {
  expect(projectName(path)).toBe(name);
});
