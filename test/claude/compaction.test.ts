/** Of a session that was compacted, or gone back in, the conversation that travels is the one that the client goes on with. */
import { expect, it } from "vitest";
import { installSession } from "../../src/claude/install-session.ts";
import { findSessions, listSessions } from "../../src/claude/sessions.ts";
import { MAX_TURNS, type Turn } from "../../src/claude/turns.ts";
import { FORMS } from "./compactions.ts";
import {
  assistant,
  attachment,
  boundary,
  call,
  exported,
  inPieces,
  machine,
  ORIGIN,
  result,
  SESSION,
  textOf,
  user,
  uuid,
  write,
} from "./transcripts.ts";

/** What a client comes by that goes back from the last turn. */
function handed(turns: readonly Turn[]): string[] {
  const path: Turn[] = [];
  for (let turn = turns.at(-1); turn !== undefined; turn = turn.after === null ? undefined : turns[turn.after]) {
    path.unshift(turn);
  }
  return path.flatMap(({ content }) =>
    content.map((block) => {
      if (block.type === "text") return block.text;
      if (block.type === "tool_use") return `call ${block.id}`;
      if (block.type !== "tool_result") return block.type;
      return `result ${block.tool_use_id} ${block.content.map((part) => ("text" in part ? part.text : part.type))}`;
    }),
  );
}

it.each(Object.entries(FORMS))("goes on as the client does: %s", async (_name, { lines, handed: expected }) => {
  await using at = await machine();
  await write(at, lines);
  const { turns } = await exported(at);
  expect(handed(turns)).toEqual(expected);
});

it.each(Object.entries(FORMS))("carries what was summed up or undone too: %s", async (_name, { lines }) => {
  await using at = await machine();
  await write(at, lines);
  const { turns, bytes } = await exported(at);
  const sent = JSON.stringify(turns);
  for (const line of lines) {
    const said = /"(?:content|text)":"((?:old|kept|new|summary|typed|prompt|answer)[^"]*)"/.exec(
      JSON.stringify(line),
    )?.[1];
    if (said !== undefined && !JSON.stringify(line).includes('"isSidechain":true')) expect(sent).toContain(said);
  }
  const to = { config: at.config, home: at.home, userHome: at.userHome, project: at.project, origin: ORIGIN };
  await installSession(inPieces(bytes), to); // its reader takes it
});

it("hangs no result that was summed up on a call that was kept", async () => {
  await using at = await machine();
  const kept = { anchorUuid: uuid(7), uuids: [uuid(1), uuid(3)] };
  await write(at, [
    user(0, "old prompt"),
    assistant(1, [call("toolu_a"), call("toolu_b")]),
    user(2, [result("toolu_a", "first")]),
    user(3, [result("toolu_b", "second")], { parentUuid: uuid(1) }),
    boundary(6, { preservedMessages: kept }),
    user(7, "summary"),
    assistant(8, "new answer", { parentUuid: uuid(3) }),
  ]);
  const { turns } = await exported(at);
  expect(handed(turns)).toEqual(["summary", "call toolu_a", "call toolu_b", "result toolu_b second", "new answer"]);
  const answer = turns.findIndex(({ from }) => from === "assistant");
  expect(turns.filter(({ after }) => after === answer)).toHaveLength(1);
});

it("says so where a compaction keeps messages in a way that is not known here", async () => {
  await using at = await machine();
  const kept = { preservedRanges: [{ from: uuid(0), to: uuid(1) }] };
  await write(at, [user(0, "old"), assistant(1, "older"), boundary(2, kept), user(3, "summary")]);
  expect((await exported(at)).end.left_out).toEqual({ unknown_lines: 1 });
  await write(at, [user(0, "old"), boundary(2, { preservedMessages: { uuids: "all" } }), user(3, "summary")]);
  expect((await exported(at)).end.left_out).toEqual({ unknown_lines: 1 });
  const collapsed = { type: "marble-origami-commit", summary: "of some of them" }; // of 2.1.197, when it is told to
  await write(at, [user(0, "old"), collapsed, user(3, "new", { parentUuid: uuid(0) })]);
  expect((await exported(at)).end.left_out).toEqual({ unknown_lines: 1 });
  await write(at, [user(0, "old"), boundary(2, { preservedMessages: null }), user(3, "summary")]);
  expect((await exported(at)).end.left_out).toEqual({ system_lines: 1 });
});

it("puts a placeholder where a picture was typed meanwhile, and carries it on demand", async () => {
  await using at = await machine();
  const source = { type: "base64", media_type: "image/png", data: "iVBORw0=" };
  const prompt = [{ type: "text", text: "like this" }, { type: "image", source }, { type: "hologram" }];
  await write(at, [user(0, "one"), attachment(1, { type: "queued_command", prompt })]);
  const { turns, end } = await exported(at);
  expect(textOf(turns)).toBe(
    "one\nlike this\n[an image, left out]\n[a part of a kind that is not known here, left out]",
  );
  expect(end.left_out).toEqual({ images: 1, blocks: 1 });
  const { turns: withIt } = await exported(at, { images: true });
  expect(withIt[1]?.content).toContainEqual({ type: "image", media_type: "image/png", data: "iVBORw0=" });
});

it("goes on through lines that lead in a circle, and through those that come before what they follow", async () => {
  await using at = await machine();
  await write(at, [
    user(0, "a", { parentUuid: uuid(1) }),
    assistant(1, "b", { parentUuid: uuid(0) }),
    assistant(3, "d", { parentUuid: uuid(2) }),
    user(2, "c", { parentUuid: null }),
    user(4, "e", { parentUuid: uuid(3) }),
  ]);
  const { turns } = await exported(at);
  expect(handed(turns)).toEqual(["c", "d", "e"]);
  expect(turns).toHaveLength(5);
});

it("keeps 10,000 messages of 20,000, with as many lines of the client's beside them", async () => {
  await using at = await machine();
  const lines = Array.from({ length: 20_000 }, (_, n) => (n % 2 === 0 ? user(n, `${n}`) : assistant(n, `${n}`)));
  const beside = lines.slice(10_000).map((_, n) => ({
    ...attachment(30_000 + n, { type: "date" }),
    parentUuid: uuid(10_000 + n),
  }));
  await write(at, [
    ...lines,
    ...beside,
    boundary(20_000, { preservedMessages: kept(20_001, 10_000, 20_000) }),
    user(20_001, "summary"),
  ]);
  const { turns } = await exported(at);
  expect(handed(turns)).toEqual(["summary", ...Array.from({ length: 10_000 }, (_, n) => `${n + 10_000}`)]);
  expect(turns.length).toBeLessThan(MAX_TURNS);
});

function kept(anchor: number, from: number, to: number): object {
  return { anchorUuid: uuid(anchor), uuids: Array.from({ length: to - from }, (_, n) => uuid(from + n)) };
}

it.each([
  ["as the client writes it", (line: object) => JSON.stringify(line)],
  ["with blanks", (line: object) => JSON.stringify(line, undefined, 1).replaceAll("\n", " ")],
  [
    "with tabs",
    (line: object) => JSON.stringify(line, undefined, "\t").replaceAll("\n", "\t").replaceAll('": ', '"\t: '),
  ],
])("counts a line by its own type, and none of a sub-agent's: JSON %s", async (_name, json) => {
  await using at = await machine();
  const message = { type: "user", message: { role: "user", content: [] } };
  const lines = [
    user(0, "prompt", { cwd: at.project }),
    assistant(1, [call("toolu_1", { type: "user", isSidechain: true })]),
    { type: "progress", uuid: uuid(10), data: { type: "agent_progress", message } },
    user(11, "sub", { isSidechain: true }),
    { ...assistant(12, "sub"), isSidechain: true },
    { type: "custom-title", customTitle: '"type":"user"' },
    user(2, [result("toolu_1", '{"type":"user"}')]),
  ];
  await write(at, lines.map(json));
  expect(await findSessions(at.config, [SESSION])).toMatchObject([{ messages: 3 }]);
  expect((await listSessions(at.config)).sessions).toHaveLength(1);
  expect((await exported(at)).turns).toHaveLength(3);
});

it("knows the bookkeeping of 2.1.332 as such, and no branch where there is no repository", async () => {
  await using at = await machine();
  const types = ["atis-latch", "api-request", "api-request-blob", "api-request-shape", "cost-state", "prompt_snapshot"];
  await write(at, [user(0, "one", { gitBranch: "HEAD" }), ...types.map((type) => ({ type }))]);
  const { end, header } = await exported(at);
  expect(end.left_out).toEqual({});
  expect(header.branch).toBeUndefined();
});

it("carries calls of other models' clients, each with its result, under ids that the API takes", async () => {
  await using at = await machine();
  await write(at, [
    user(0, "list"),
    assistant(1, [call("functions.Bash:0", { command: "ls" }), call("call_9f|fc_1", {}, "db.query")]),
    user(2, [result("functions.Bash:0", "a.c"), result("call_9f|fc_1", "1 row")]),
  ]);
  const { turns, end, bytes } = await exported(at);
  expect(end.left_out).toEqual({});
  const [bash, query] = turns[1]?.content.map((block) => (block.type === "tool_use" ? block.id : "")) ?? [];
  expect(bash).toMatch(/^call_[0-9a-f]{32}$/);
  expect(handed(turns)).toEqual([
    "list",
    `call ${bash}`,
    `call ${query}`,
    `result ${bash} a.c`,
    `result ${query} 1 row`,
  ]);
  expect(turns[1]?.content[1]).toMatchObject({ name: "db_query" });
  expect(bytes.toString()).not.toContain("functions.Bash:0");
});
