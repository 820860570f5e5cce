/**
 * The real clients, offline, and what they hand their model of a session that was compacted: the same after `--resume`
 * on the machine where the session was, and on another one where it was installed. Real compactions of theirs, and
 * transcripts of every form in which they read one.
 */
import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { exportSession } from "../../src/claude/export.ts";
import { configFolder } from "../../src/claude/folders.ts";
import { installSession } from "../../src/claude/install-session.ts";
import { disarm } from "../../src/claude/marks.ts";
import { findSessions, listSessions } from "../../src/claude/sessions.ts";
import { type Block, type Request, type Step, startApi, TOO_LONG } from "../client/api.ts";
import { claude, type Sandbox, sandbox } from "../client/claude.ts";
import { CLAUDE, NEWEST_CLAUDE } from "../client/fetch.mjs";
import { FORMS } from "./compactions.ts";
import { inPieces, type Machine, ORIGIN, SESSION, write } from "./transcripts.ts";

const CLIENTS = [
  ["2.1.197", CLAUDE],
  ["2.1.332", NEWEST_CLAUDE],
].filter(([, path = ""]) => existsSync(path));

const GO_ON = "Go on.";

async function talk(box: Sandbox, prompt: string, steps: readonly Step[], session?: string): Promise<Request[]> {
  await using api = await startApi(steps, () => {});
  const args = session === undefined ? [] : ["--resume", session];
  await claude([...args, "-p", prompt], { box, env: { ANTHROPIC_BASE_URL: api.url } });
  return [...api.requests];
}

const config = (box: Sandbox) => configFolder({ CLAUDE_CONFIG_DIR: `${box.home}/.claude` });

function asMachine(box: Sandbox): Machine {
  const home = `${box.home}/.claude-spread`;
  return { userHome: box.home, project: box.project, config: config(box), home, [Symbol.asyncDispose]: async () => {} };
}

/** @returns the id under which it is there */
async function move(from: Sandbox, session: string, to: Sandbox): Promise<string> {
  const [found] = await findSessions(config(from), [session]);
  if (found === undefined) throw new Error("the session is not there");
  const sent = [];
  for await (const piece of exportSession(found, { userHome: from.home })) sent.push(piece);
  const { home } = asMachine(to);
  const target = { config: config(to), home, userHome: to.home, project: to.project, origin: ORIGIN };
  const { record } = await installSession(inPieces(Buffer.concat(sent)), target);
  return record.session ?? "";
}

/** What the client adds by itself, in front of a prompt or for an answer that is missing. */
const OF_THE_CLIENT =
  /^(?:<system-reminder>|No response requested\.$|Continue from where you left off\.$|\[Request interrupted)/;
/** How the client tells of a prompt that was typed while the model worked. */
const MEANWHILE = /The user sent a new message while you were working:\n(.*)/g;
const OURS = /^(?:Received conversation [a-z0-9]+, on |End of received conversation )/;

/** All that the model is handed of the conversation, part by part, but for the prompt that it is resumed with. */
function handed(requests: readonly Request[], box: Sandbox): string[] {
  const parts = (requests[0]?.messages ?? []).flatMap(({ role, content }) => {
    const blocks = typeof content === "string" ? [{ type: "text" as const, text: content }] : content;
    return blocks.flatMap((block) => partsOf(block, role));
  });
  // The newest client may hand on what was typed meanwhile behind the prompt that it is resumed with.
  expect(parts.some(({ text }) => text === GO_ON)).toBe(true);
  return parts
    .filter(({ text }) => text !== GO_ON && !OF_THE_CLIENT.test(text) && !OURS.test(text))
    .map(({ role, text }) => {
      const here = text.replaceAll(box.project, "<project>").replaceAll(box.home, "<home>");
      // The names of folders in the client's are made of their paths.
      const names = here.replaceAll(box.project.replace(/[^A-Za-z0-9]/g, "-"), "<project's folder>");
      return `${role}: ${names}`;
    });
}

/** What a block says, and who says it: one part, but for prompts that were typed meanwhile, and what is the client's own. */
function partsOf(block: Block, role: string): { role: string; text: string }[] {
  const meanwhile = block.type === "text" ? [...block.text.matchAll(MEANWHILE)] : [];
  if (meanwhile.length > 0) return meanwhile.map(([, text = ""]) => ({ role: "user", text: text.trim() }));
  if (role === "system") return []; // the client's own, of this machine
  return [{ role, text: saidIn(block) }];
}

function saidIn(block: Block): string {
  if (block.type === "text") return block.text.trim();
  if (block.type === "tool_use") return `call ${block.id}`;
  if (block.type !== "tool_result") return block.type;
  const inner = typeof block.content === "string" ? block.content : (block.content ?? []).map(textOf).join("\n");
  return `result ${block.tool_use_id} ${inner}`;
}

function textOf(part: { type: string; text?: string }): string {
  return part.text ?? `[${part.type}]`;
}

/**
 * Both machines go on with the session; the one that it was written on is the truth, but for the client's marks, which are
 * named anew where it is installed.
 */
async function both(
  client: string,
  from: Sandbox,
  session: string,
): Promise<[original: string[], installed: string[]]> {
  const to = await sandbox(client);
  const id = await move(from, session, to);
  const there = handed(await talk(to, GO_ON, ["Yes."], id), to);
  return [handed(await talk(from, GO_ON, ["Yes."], session), from).map(disarm), there];
}

const long = (name: string) => `${name} ${"word ".repeat(3000)}`;
const SUMMARY = "<analysis>-</analysis><summary>THE-SUMMARY of it</summary>";

async function conversation(client: string): Promise<{ box: Sandbox; session: string }> {
  const box = await sandbox(client);
  await talk(box, long("P1"), [long("A1")]);
  const [session] = (await listSessions(config(box), { project: box.project })).sessions;
  const id = session?.id ?? "";
  for (const n of [2, 3]) await talk(box, long(`P${n}`), [long(`A${n}`)], id);
  return { box, session: id };
}

it.each(CLIENTS)("%s hands on a session that it compacted itself, with what was said since", async (_name, client) => {
  const { box, session } = await conversation(client);
  await talk(box, "/compact", [SUMMARY], session);
  const [before, beforeThere] = await both(client, box, session);
  expect(before.join("\n")).toMatch(/THE-SUMMARY/);
  expect(before.join("\n")).not.toMatch(/P1 word/);
  expect(beforeThere).toEqual(before);
  await talk(box, "P4", ["A4"], session);
  const [since, sinceThere] = await both(client, box, session);
  expect(since.join("\n")).toMatch(/THE-SUMMARY[\s\S]*A4/);
  expect(sinceThere).toEqual(since);
});

it("2.1.332 hands on a session of which it kept the last messages when it was too long", async ({ skip }) => {
  if (!existsSync(NEWEST_CLAUDE)) skip("the client is not fetched: node test/client/fetch.mjs");
  const { box, session } = await conversation(NEWEST_CLAUDE);
  await talk(box, "KEPT-PROMPT", [TOO_LONG, SUMMARY, "A4"], session);
  const [original, installed] = await both(NEWEST_CLAUDE, box, session);
  expect(original.join("\n")).toMatch(/THE-SUMMARY[\s\S]*KEPT-PROMPT[\s\S]*A4/);
  expect(original.join("\n")).not.toMatch(/P1 word/);
  expect(installed).toEqual(original);
});

/** Without what it was used for, 2.1.197 would wait for ever at an answer of the model's. */
function inFull(line: { message?: object; type?: string }): object {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const answer = { type: "message", model: "claude-opus-4-1", stop_reason: "end_turn", stop_sequence: null, usage };
  const message = line.type === "assistant" ? { message: { ...answer, ...line.message } } : {};
  return { userType: "external", sessionId: SESSION, ...line, ...message };
}

const forms = CLIENTS.flatMap(([version = "", client = ""]) =>
  Object.entries(FORMS).map(([name, form]) => [version, name, client, form] as const),
);

it.each(forms)("%s hands on a session: %s", async (_version, _name, client, { lines, handed: expected }) => {
  const box = await sandbox(client);
  await write(asMachine(box), lines.map(inFull));
  const [original, installed] = await both(client, box, SESSION);
  expect(original.map((text) => text.replace(/^(?:user|assistant): /, ""))).toEqual(expected.map(disarm));
  expect(installed).toEqual(original);
});
