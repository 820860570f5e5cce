/**
 * What travels of a session, and what does not: turns in the order of the client's, paths as tokens, and a count of
 * the rest.
 */
import { appendFile, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { exportSession } from "../../src/claude/export.ts";
import { projectName } from "../../src/claude/folders.ts";
import { receivedSessions } from "../../src/claude/install-session.ts";
import { hidePlaces, makeTokens, showPlaces } from "../../src/claude/paths.ts";
import { findSessions } from "../../src/claude/sessions.ts";
import { MAX_IMAGE_CHARS, type Redact, readSessions } from "../../src/claude/turns.ts";
import { expectCode } from "../support/scratch.ts";
import {
  assistant,
  attachment,
  call,
  exported,
  inPieces,
  machine,
  result,
  SESSION,
  textOf,
  user,
  uuid,
  write,
} from "./transcripts.ts";

it("carries prompts, answers, calls and results, each behind the one that it followed", async () => {
  await using at = await machine();
  await write(at, [
    user(0, "find it"),
    assistant(1, [{ type: "text", text: "I look." }], {
      message: { id: "m", content: [{ type: "text", text: "I look." }] },
    }),
    assistant(2, [], { message: { id: "m", content: [call("toolu_1", { command: "ls", deep: [{ a: null }] })] } }),
    user(3, [result("toolu_1", [{ type: "text", text: "a.txt" }])]),
  ]);
  const { turns, end } = await exported(at);
  expect(turns).toEqual([
    { n: 0, after: null, at: "2026-11-20T08:00:00.000Z", from: "user", content: [{ type: "text", text: "find it" }] },
    {
      n: 1,
      after: 0,
      at: "2026-11-20T08:00:01.000Z",
      from: "assistant",
      message: 0,
      content: [{ type: "text", text: "I look." }],
    },
    {
      n: 2,
      after: 1,
      at: "2026-11-20T08:00:02.000Z",
      from: "assistant",
      message: 0,
      content: [call("toolu_1", { command: "ls", deep: [{ a: null }] })],
    },
    {
      n: 3,
      after: 2,
      at: "2026-11-20T08:00:03.000Z",
      from: "user",
      content: [{ ...result("toolu_1", [{ type: "text", text: "a.txt" }]), is_error: false }],
    },
  ]);
  expect(end).toEqual({ end: true, turns: 4, left_out: {} });
});

it("keeps branches, and closes the gap where a line is left out, at the beginning, in the middle, and where one is missing", async () => {
  await using at = await machine();
  await write(at, [
    attachment(0, { type: "skill_listing", content: "x" }),
    user(1, "one"),
    attachment(2, { type: "hook_additional_context", content: ["x"] }),
    assistant(3, "two"),
    user(4, "undone", { parentUuid: uuid(3) }),
    user(5, "instead", { parentUuid: uuid(3) }),
    user(6, "its parent is missing", { parentUuid: uuid(99) }),
    user(7, "begins anew", { parentUuid: null }),
  ]);
  const { turns, end } = await exported(at);
  expect(turns.map(({ after }) => after)).toEqual([null, 0, 1, 1, 3, null]);
  expect(end.left_out).toEqual({ attachments: 2 });
});

it("takes for one answer only what follows one another, since some gateways give all of them the same id", async () => {
  await using at = await machine();
  const answer = (n: number, block: object) => assistant(n, [], { message: { id: "msg", content: [block] } });
  await write(at, [
    user(0, "two at once"),
    answer(1, call("toolu_1")),
    answer(2, call("toolu_2")),
    user(3, [result("toolu_1", "x")], { parentUuid: uuid(1) }),
    user(4, [result("toolu_2", "y")]),
    answer(5, { type: "text", text: "done" }),
  ]);
  const { turns } = await exported(at);
  expect(turns.map((turn) => ("message" in turn ? turn.message : turn.from))).toEqual([
    "user",
    0,
    0,
    "user",
    "user",
    1,
  ]);
});

it("carries files that were attached to a prompt, and prompts that were typed meanwhile, as words of the user's", async () => {
  await using at = await machine();
  await write(at, [
    user(0, "look @a.txt"),
    attachment(1, {
      type: "file",
      filename: `${at.project}/a.txt`,
      content: { type: "text", file: { content: "within" } },
    }),
    attachment(2, { type: "queued_command", prompt: "and be quick" }),
  ]);
  const { turns, header } = await exported(at);
  expect(textOf(turns)).toBe(`look @a.txt\n[attached file: ${header.places.project}/a.txt]\nwithin\nand be quick`);
});

const THINKING = { type: "thinking", thinking: "I wonder", signature: "c2ln" };

it.each([
  [{}, "hello\nanswer", 2],
  [{ thinking: true }, "hello\n[thinking] I wonder\nanswer", 1],
])(
  "leaves out what the model thought, unless asked for it, and always its signature: %j",
  async (options, text, left) => {
    await using at = await machine();
    await write(at, [
      user(0, "hello"),
      assistant(1, [THINKING]),
      assistant(2, "answer"),
      assistant(3, [{ type: "redacted_thinking", data: "c2ln" }]),
    ]);
    const { turns, end, bytes } = await exported(at, options);
    expect(textOf(turns)).toBe(text);
    expect(end.left_out).toEqual({ thinking: left });
    expect(bytes.includes("c2ln")).toBe(false);
  },
);

const image = (data: string) => ({ type: "image", source: { type: "base64", media_type: "image/png", data } });

it("leaves out images unless asked for them, and those that are none or too large always", async () => {
  await using at = await machine();
  const large = "A".repeat(MAX_IMAGE_CHARS);
  await write(at, [
    user(0, [image("iVBORw0=")]),
    assistant(1, [call("toolu_1")]),
    user(2, [result("toolu_1", [image(large)])]),
    user(3, [image("not base64!")]),
    user(4, [image(`${large}A`)]),
  ]);
  const without = await exported(at);
  expect(without.end.left_out).toEqual({ images: 4 });
  expect(without.bytes.includes("iVBORw0")).toBe(false);
  const withThem = await exported(at, { images: true });
  expect(withThem.end.left_out).toEqual({ images: 2 });
  expect(withThem.turns[0]?.content).toEqual([{ type: "image", media_type: "image/png", data: "iVBORw0=" }]);
});

it("tells in words what the API's own tools were asked and found, and what was linked or attached, and counts what is left out", async () => {
  await using at = await machine();
  const pdf = { type: "base64", media_type: "application/pdf", data: "JVBERi0=" };
  const hit = { type: "web_search_result", title: "Otters", url: "https://a.example/", encrypted_content: "c2ln" };
  await write(at, [
    user(0, [
      { type: "text", text: "look" },
      { type: "document", source: pdf, title: "plan.pdf" },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "within" } },
    ]),
    assistant(1, [
      { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "otters" } },
      { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [hit] },
      { type: "advisor_tool_result", tool_use_id: "srvtoolu_2", content: { type: "advisor_result", text: "Do it." } },
      { type: "advisor_tool_result", content: { type: "advisor_redacted_result", encrypted_content: "c2ln" } },
      { type: "web_search_tool_result", content: { type: "web_search_tool_result_error", error_code: "too_many" } },
      call("toolu_1"),
    ]),
    user(2, [
      result("toolu_1", [
        { type: "tool_reference", tool_name: "mcp__acme__list" },
        { type: "resource_link", name: "notes", uri: "file:///notes.md", description: "Of last week" },
      ]),
    ]),
  ]);
  const { turns, end, bytes } = await exported(at);
  expect(textOf(turns)).toBe(
    [
      "look",
      "[a PDF document: plan.pdf, left out]",
      "[document]\nwithin",
      '[web_search, a tool of the API\'s: {"query":"otters"}]',
      "[result of web search]\n- Otters https://a.example/",
      "[result of advisor]\nDo it.",
      "[a result of advisor, left out]",
      "[web search failed: too_many]",
      "-",
      "-",
    ].join("\n"),
  );
  const texts = ["[tool: mcp__acme__list]", "[Resource link: notes] file:///notes.md\nOf last week"];
  expect(turns[2]?.content).toMatchObject([{ content: texts.map((text) => ({ type: "text", text })) }]);
  expect(end.left_out).toEqual({ attachments: 2 });
  expect(bytes.toString()).not.toMatch(/JVBERi0|c2ln/);
});

it("counts what it does not know or cannot read, and goes on behind it", async () => {
  await using at = await machine();
  await write(at, [
    user(0, "one"),
    "{broken",
    `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    `{"type":"user","message":{"content":[${"0,".repeat(300_000)}0]}}`,
    { type: "of-the-future", uuid: uuid(7), parentUuid: uuid(0), text: "?" },
    user(1, "two", { parentUuid: uuid(7) }),
    user(2, [{ type: "hologram", data: "?" }]),
    user(3, "sub", { isSidechain: true, parentUuid: null }),
    assistant(13, "of the same", { isSidechain: true, parentUuid: uuid(3) }),
    assistant(4, "API Error: 500", { isApiErrorMessage: true, parentUuid: uuid(2) }),
    { type: "file-history-snapshot", snapshot: {} },
    { type: "permission-mode", permissionMode: "bypassPermissions" },
    `{"type":"user","text":"${"x".repeat(17 * 1024 * 1024)}"}`,
    user(5, "three"),
  ]);
  const { turns, end } = await exported(at);
  expect(textOf(turns)).toBe("one\ntwo\n[a part of a kind that is not known here, left out]\nthree");
  expect(turns.map(({ after }) => after)).toEqual([null, 0, 1, 2]);
  expect(end.left_out).toEqual({
    broken_lines: 3,
    unknown_lines: 1,
    blocks: 1,
    subagents: 1,
    system_lines: 1,
    long_lines: 1,
  });
});

it("counts the conversations of sub-agents that lie beside the session", async () => {
  await using at = await machine();
  const path = await write(at, [user(0, "one")]);
  const folder = join(path.replace(/\.jsonl$/, ""), "subagents");
  await mkdir(folder, { recursive: true });
  for (const name of ["agent-a1.jsonl", "agent-a1.meta.json", "agent-b2.jsonl"])
    await writeFile(join(folder, name), "{}");
  expect((await exported(at)).end.left_out).toEqual({ subagents: 2 });
});

it("leaves out a turn that its own reader would not take", async () => {
  await using at = await machine();
  const parts = (n: number) => `{"type":"tool_result","tool_use_id":"t${n}","content":[${"{},".repeat(99_000)}{}]}`;
  await write(at, [
    user(0, "before"),
    `{"type":"user","message":{"content":[${parts(1)}]}}`,
    user(1, `long ${"\u0001".repeat(2_000_000)}`),
    user(2, "behind"),
  ]);
  const { bytes, turns, end } = await exported(at);
  expect(textOf(turns)).toBe("before\nbehind");
  expect(end.left_out).toEqual({ blocks: 99_001, long_lines: 2 });
  expect(await receivedSessions(inPieces(bytes))).toMatchObject([{ turns: 2 }]);
});

it("gives every text that a person could read to the redactor, and nothing that it took out travels", async () => {
  await using at = await machine();
  const secret = "hunter2hunter2";
  await write(at, [
    user(0, `first ${secret}`, { gitBranch: `fix-${secret}` }),
    assistant(1, [call("toolu_1", { command: secret, env: { [`KEY_${secret}`]: [secret] } })]),
    user(2, [result("toolu_1", `out ${secret}`)], { toolUseResult: { stdout: secret } }),
    user(3, [result("toolu_2", [{ type: "text", text: secret }])]),
    attachment(4, { type: "queued_command", prompt: secret }),
    { type: "custom-title", customTitle: `about ${secret}` },
  ]);
  const { bytes, header } = await exported(at, {
    redact: async (texts) => texts.map(({ text }) => text.replaceAll(secret, "[redacted]")),
  });
  expect(bytes.includes(secret)).toBe(false);
  expect(header.title).toBe("about [redacted]");
  expect(bytes.toString().match(/\[redacted\]/g)).toHaveLength(9);
});

it("lets the redactor see what a tool was given behind its name, and its numbers, and the tool's own name", async () => {
  await using at = await machine();
  const input = {
    user: "app",
    password: "Tr0ub4dor&3x!q",
    db: { token: ["q8Zr2LmX7vKpT4nWc9Yd"], port: 5432, card: 4929123456781234 },
    long: "x".repeat(5000),
    command: 'psql "password=x"\n',
    last: [1, null, true, "4929123456781234"],
  };
  await write(at, [
    user(0, "connect"),
    assistant(1, [call("toolu_1", input, "mcp__acme-internal__connect"), call("toolu_2", { port: 5432 }, "Bash")]),
  ]);
  const redact: Redact = async (texts) =>
    texts.map(({ text }) =>
      text
        .replace(/("password": ")[^"]+/, "$1[redacted: a #1]")
        .replace(/("token": \[\s+")[^"]+/, "$1[redacted: b #1]")
        .replaceAll("4929123456781234", "[redacted: c #1]")
        .replaceAll("acme-internal", "[redacted: d #1]"),
    );
  const { turns, bytes } = await exported(at, { redact });
  expect(turns[1]?.content).toEqual([
    call(
      "toolu_1",
      {
        user: "app",
        password: "[redacted: a #1]",
        db: { token: ["[redacted: b #1]"], port: 5432, card: "[redacted: c #1]" },
        long: "x".repeat(5000),
        command: 'psql "password=x"\n',
        last: [1, null, true, "[redacted: c #1]"],
      },
      "mcp___redacted_d_1___connect",
    ),
    call("toolu_2", { port: 5432 }, "Bash"),
  ]);
  expect(await receivedSessions(inPieces(bytes))).toMatchObject([{ turns: 2 }]);
});

it("leaves out what a tool was given where a secret goes over the borders of its values", async () => {
  await using at = await machine();
  await write(at, [assistant(0, [call("toolu_1", { args: ["BEGIN", "secret", "END"], n: 1 })])]);
  const cut =
    (what: RegExp, by: string): Redact =>
    async (texts) =>
      texts.map(({ text }) => text.replace(what, by));
  const whole = await exported(at, { redact: cut(/BEGIN[\s\S]*END/, "[redacted: key #1]") });
  expect(whole.turns[0]?.content).toEqual([call("toolu_1", { args: ["[redacted: key #1]"], n: 1 })]);
  const torn = await exported(at, { redact: cut(/BEGIN",[\s\S]*secret/, "[redacted: key #1]\n") });
  expect(JSON.stringify(torn.turns[0])).not.toMatch(/BEGIN|secret"/);
  expect(torn.turns[0]?.content).toMatchObject([{ id: "toolu_1", input: { left_out: expect.any(String) } }]);
});

it("names neither the user's home nor the project, nor their names in the client's folder", async () => {
  await using at = await machine();
  const name = projectName(at.project);
  await write(at, [
    user(0, `in ${at.project}/src and ${at.userHome}/notes, saved in ${at.config}/projects/${name}/x`),
    assistant(1, [call("toolu_1", { file_path: join(at.project, "a.txt") })]),
  ]);
  const { bytes, turns, header } = await exported(at);
  const { project, home, project_name } = header.places;
  expect(bytes.includes(at.userHome)).toBe(false);
  expect(bytes.includes(name)).toBe(false);
  expect(textOf(turns)).toContain(
    `in ${project}/src and ${home}/notes, saved in ${home}/.claude/projects/${project_name}/x`,
  );
  expect(header.title).toMatch(/^in \.\/src and ~\/notes/);
});

it("makes another machine's paths of the same text", () => {
  const ann = { project: "/home/ann/work/p.x", home: "/home/ann" };
  const bob = { project: "/Users/bob/p", home: "/Users/bob" };
  const tokens = makeTokens();
  const move = (text: string) => showPlaces(bob, tokens)(hidePlaces(ann, tokens)(text));
  expect(move("cd /home/ann/work/p.x && ls '/home/ann'")).toBe("cd /Users/bob/p && ls '/Users/bob'");
  expect(move("file:///home/ann/work/p.x/a")).toBe("file:///Users/bob/p/a");
  expect(move("/home/annabel /mnt/home/ann /home/ann.old /home/ann-2 /home/ann/work/p_x")).toBe(
    "/home/annabel /mnt/home/ann /home/ann.old /home/ann-2 /Users/bob/work/p_x",
  );
  expect(move("~/.claude/projects/-home-ann-work-p-x/m, find -home-ann")).toBe(
    "~/.claude/projects/-Users-bob-p/m, find -home-ann",
  );
  expect(move("It is in /home/ann.")).toBe("It is in /Users/bob.");
});

it("takes no path for the user's home where that is the root of all", () => {
  const tokens = makeTokens();
  const hide = hidePlaces({ project: "/", home: "/" }, tokens);
  expect(hide("/ /etc ~/.claude/projects/-etc/x")).toBe("/ /etc ~/.claude/projects/-etc/x");
});

it("refuses a text that grows without end when paths are put into it", () => {
  const tokens = makeTokens();
  const show = showPlaces({ project: `/${"p".repeat(4000)}`, home: "/h" }, tokens);
  expect(show(tokens.project.repeat(1000))).toHaveLength(4_001_000);
  expect(() => show(tokens.project.repeat(100_000))).toThrow("nothing but paths");
});

it("gives every text back as it was on the same machine, whatever it holds", () => {
  const places = { project: "/home/ann/p", home: "/home/ann" };
  const words = fc.constantFrom(
    "/home/ann",
    "/p",
    "/home/ann/p",
    "{project-",
    "{home-00000000}",
    "projects/",
    "-home-ann-p",
    ".",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(words, fc.string())), (parts) => {
      const tokens = makeTokens();
      const text = parts.join("");
      expect(showPlaces(places, tokens)(hidePlaces(places, tokens)(text))).toBe(text);
    }),
  );
});

it("does not carry what is written while it reads, and reads no link that was put in the file's place", async () => {
  await using at = await machine();
  const path = await write(at, [user(0, "before")]);
  const [session] = await findSessions(at.config, [SESSION]);
  if (session === undefined) throw new Error("the session is not there");
  const pieces = [];
  for await (const piece of exportSession(session, { userHome: at.userHome })) {
    pieces.push(piece);
    await appendFile(path, `${JSON.stringify(user(1, "meanwhile"))}\n`);
  }
  const text = Buffer.concat(pieces).toString();
  expect(text).toContain("before");
  expect(text).not.toContain("meanwhile");
  await rename(path, `${path}.moved`);
  await symlink(`${path}.moved`, path);
  await expectCode(exportSession(session, { userHome: at.userHome }).next(), "path-unreadable");
});

it("exports whatever lines there are as what its own reader takes", async () => {
  await using at = await machine();
  const block = fc.oneof(
    fc.record({ type: fc.constant("text"), text: fc.string() }),
    fc.record({
      type: fc.constant("tool_use"),
      id: fc.constantFrom("a", "b", "!"),
      name: fc.string(),
      input: fc.object(),
    }),
    fc.record({ type: fc.constant("tool_result"), tool_use_id: fc.constantFrom("a", "b"), content: fc.jsonValue() }),
    fc.record({ type: fc.constantFrom("image", "thinking", "x"), source: fc.jsonValue(), thinking: fc.jsonValue() }),
    fc.jsonValue(),
  );
  const entry = fc.record(
    {
      type: fc.constantFrom("user", "assistant", "attachment", "system", "x"),
      uuid: fc.oneof(fc.integer({ min: 0, max: 9 }).map(uuid), fc.jsonValue()),
      parentUuid: fc.oneof(fc.integer({ min: 0, max: 9 }).map(uuid), fc.constant(null), fc.jsonValue()),
      timestamp: fc.constantFrom("2026-11-20T18:24:30.338Z", "yesterday", 7),
      isSidechain: fc.oneof(fc.boolean(), fc.jsonValue()),
      message: fc.oneof(
        fc.record({ id: fc.string(), content: fc.oneof(fc.string(), fc.array(block)) }),
        fc.jsonValue(),
      ),
      attachment: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const lines = fc.array(
    fc.oneof(
      entry,
      fc.jsonValue().map((it) => JSON.stringify(it)),
      fc.string({ unit: "grapheme" }),
    ),
  );
  await fc.assert(
    fc.asyncProperty(lines, async (some) => {
      await write(
        at,
        some.map((it) => (typeof it === "string" ? it.replaceAll("\n", " ") : it)),
      );
      const { bytes, turns } = await exported(at, { thinking: true, images: true });
      let read = 0;
      for await (const parts of readSessions(inPieces(bytes, 77)))
        for (const { is } of parts) if (is === "turn") read += 1;
      expect(read).toBe(turns.length);
    }),
    { numRuns: 200 },
  );
});
