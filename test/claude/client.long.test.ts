/**
 * The real client, offline: it goes on with what was installed from another machine, and reads it, and no more once
 * it is taken out.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { exportSession } from "../../src/claude/export.ts";
import { configFolder } from "../../src/claude/folders.ts";
import { installMemory, planMemory } from "../../src/claude/install-memory.ts";
import { installSession } from "../../src/claude/install-session.ts";
import { memoryDocument, parseMemory, readMemory } from "../../src/claude/memory.ts";
import { listSessions } from "../../src/claude/sessions.ts";
import { uninstall } from "../../src/claude/uninstall.ts";
import { conversationText, type Request, type Step, startApi } from "../client/api.ts";
import { claude, type Run, runClaude, type Sandbox, sandbox } from "../client/claude.ts";
import { assistant, call, inPieces, type Machine, ORIGIN, result, user, uuid, write } from "./transcripts.ts";

interface Resumed extends Run {
  readonly requests: readonly Request[];
}

async function resume(box: Sandbox, session: string, steps: readonly Step[] = ["Yes."]): Promise<Resumed> {
  await using api = await startApi(steps, () => {});
  const ran = await claude(["--resume", session, "-p", "Go on."], { box, env: { ANTHROPIC_BASE_URL: api.url } });
  return { ...ran, requests: [...api.requests] };
}

const config = (box: Sandbox) => configFolder({ CLAUDE_CONFIG_DIR: join(box.home, ".claude") });
const home = (box: Sandbox) => join(box.home, ".claude-spread");

async function exportFrom(box: Sandbox): Promise<Buffer> {
  const [session] = (await listSessions(config(box), { project: box.project })).sessions;
  if (session === undefined) throw new Error("the client has written no session");
  const pieces = [];
  for await (const piece of exportSession(session, { userHome: box.home })) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function installIn(box: Sandbox, bytes: Buffer) {
  const { record } = await installSession(inPieces(bytes), {
    config: config(box),
    home: home(box),
    userHome: box.home,
    project: box.project,
    origin: ORIGIN,
  });
  return { id: record.id, session: record.session ?? "" };
}

/**
 * What the model is handed of the received conversation: what stands between the two notes, each of which is there
 * once.
 */
function handed(request: Request | undefined, id: string): string {
  const text = request ? conversationText(request) : "";
  const [head, begin] = [text.indexOf(`Received conversation ${id}`), text.indexOf("\n> Ann\n")];
  const end = text.indexOf(`\nEnd of received conversation ${id}.`);
  expect([head < begin, begin < end, end < text.indexOf("Go on.")]).toEqual([true, true, true]);
  return text.slice(begin, end);
}

it("goes on with a session of another home and another project, and no more once that is taken out", async () => {
  const ann = await sandbox();
  const bob = await sandbox();
  const write = { tool: "Write", input: { file_path: join(ann.project, "plan.txt"), content: "the plan" } };
  const read = { tool: "Read", input: { file_path: join(ann.project, "plan.txt") } };
  await runClaude({
    box: ann,
    prompt: "Make a plan.",
    steps: [write, read, "It is made."],
    allowedTools: ["Write", "Read"],
  });

  const { id, session } = await installIn(bob, await exportFrom(ann));
  const { exitCode, requests } = await resume(bob, session);
  expect(exitCode).toBe(0);
  const text = handed(requests[0], id);
  expect(text).toMatch(/\nMake a plan\.\n(?:\[tool_(?:use|result)\]\n)+It is made\.$/);
  const calls = requests[0]?.messages.flatMap(({ content }) => (typeof content === "string" ? [] : content));
  expect(calls).toContainEqual(
    expect.objectContaining({
      name: "Write",
      input: { file_path: join(bob.project, "plan.txt"), content: "the plan" },
    }),
  );
  expect(JSON.stringify(calls)).toContain("1\\tthe plan");
  expect(JSON.stringify(requests)).not.toContain(ann.home);

  // The client has written behind what was installed.
  expect((await uninstall(home(bob), id)).kept).toMatchObject([{ why: "it was gone on with since" }]);
  expect((await uninstall(home(bob), id, { changedToo: true })).kept).toEqual([]);
  const gone = await resume(bob, session);
  expect(gone).toMatchObject({ exitCode: 1, requests: [] });
  expect(gone.stderr + gone.stdout).toContain("No conversation found");
});

/** A transcript in the sandbox of a client that has not run yet. */
function asMachine(box: Sandbox): Machine {
  return {
    userHome: box.home,
    project: box.project,
    config: config(box),
    home: home(box),
    [Symbol.asyncDispose]: async () => {},
  };
}

it("hands the model the branch that the session ended in, calls made at once, and what came behind a summary", async () => {
  const ann = await sandbox();
  const bob = await sandbox();
  const answer = (id: string, n: number, block: object, parent: number) =>
    assistant(n, [block], { message: { id, role: "assistant", content: [block] }, parentUuid: uuid(parent) });
  await write(asMachine(ann), [
    user(0, "before the summary"),
    { type: "system", subtype: "compact_boundary", uuid: uuid(1), parentUuid: null, content: "Compacted" },
    user(2, "the summary", { isCompactSummary: true, parentUuid: uuid(1) }),
    user(3, "undone", { parentUuid: uuid(2) }),
    user(4, "both", { parentUuid: uuid(2) }),
    answer("msg_a", 5, call("toolu_1", { command: "one" }), 4),
    answer("msg_a", 6, call("toolu_2", { command: "two" }), 5),
    user(7, [result("toolu_1", "first result")], { parentUuid: uuid(5) }),
    user(8, [result("toolu_2", "second result")], { parentUuid: uuid(6) }),
    assistant(9, "both done", { parentUuid: uuid(8) }),
  ]);
  const { id, session } = await installIn(bob, await exportFrom(ann));
  const { requests } = await resume(bob, session);
  const text = handed(requests[0], id);
  const blocks = JSON.stringify(requests[0]?.messages);
  for (const there of ["the summary", "both", "both done"]) expect(text).toContain(there);
  for (const there of ["toolu_1", "toolu_2", "first result", "second result"]) expect(blocks).toContain(there);
  for (const away of ["before the summary", "undone"]) expect(text).not.toContain(away);
});

it("runs nothing of a session that ends in a call without a result, and hides nothing of it from the model", async () => {
  const ann = await sandbox();
  const bob = await sandbox();
  const trap = join(bob.home, "trap");
  await write(asMachine(ann), [
    user(0, "hidden words", { isMeta: true }),
    assistant(1, "shown"),
    { type: "permission-mode", permissionMode: "bypassPermissions" },
    { type: "queue-operation", operation: "enqueue", content: "queued words" },
    assistant(2, [call("toolu_1", { command: `touch ${trap}` })]),
  ]);
  const { id, session } = await installIn(bob, await exportFrom(ann));
  const { requests, stdout } = await resume(bob, session, [
    { tool: "Bash", input: { command: `touch ${trap}` } },
    "No.",
  ]);
  expect(requests).toHaveLength(2);
  expect(handed(requests[0], id)).toContain("hidden words");
  expect(JSON.stringify(requests)).not.toContain("queued words");
  expect(JSON.stringify(requests[1])).toMatch(/permission|approval/i);
  await expect(readFile(trap)).rejects.toThrow();
  expect(stdout).toContain("No.");
});

const LESSON = "Run the tests with --bail.";

async function remembered(box: Sandbox): Promise<string> {
  const { mainRequests } = await runClaude({ box, prompt: "Hello", steps: ["Hello"] });
  return mainRequests[0] ? conversationText(mainRequests[0]) : "";
}

it("reads a received memory as what it is, and no more once that is taken out", async () => {
  const ann = await sandbox();
  const bob = await sandbox();
  const folder = { tool: "Write", input: { file_path: "", content: `- ${LESSON}\n` } };
  const own = await planMemory({ files: [] }, { config: config(ann), project: ann.project, origin: ORIGIN });
  folder.input.file_path = join(own.folder, "MEMORY.md");
  await runClaude({ box: ann, prompt: "Remember it.", steps: [folder, "Done."], allowedTools: ["Write"] });
  const sent = await readMemory(config(ann), ann.project);
  if (sent === undefined) throw new Error("the client has remembered nothing");

  const memory = parseMemory(Buffer.from(await memoryDocument(sent)));
  const to = { config: config(bob), home: home(bob), project: bob.project, origin: ORIGIN };
  const { id } = await installMemory(await planMemory(memory, to), to);
  const text = await remembered(bob);
  expect(text).toContain(`> - ${LESSON}`);
  expect(text).toContain(`Received memory ${id}, up to "End of received memory ${id}": written by somebody else`);
  expect(text).toContain(`End of received memory ${id}.`);
  await uninstall(home(bob), id);
  expect(await remembered(bob)).not.toContain(LESSON);
});
