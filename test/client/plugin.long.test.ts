/** The release, installed as a plugin on a machine that has nothing yet. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DOCUMENT } from "../mcp/texts.ts";
import { packRelease, type Release } from "../support/release.ts";
import type { Offered, Taken } from "../support/server.ts";
import { json } from "./api.ts";
import { CHECKOUT, type Conversation, claude, runClaude, type Sandbox, sandbox, shell } from "./claude.ts";

const TOOL = "mcp__plugin_claude-spread_claude-spread__";

let release: Release;
beforeAll(async () => {
  release = await packRelease();
});
afterAll(() => release[Symbol.asyncDispose]());

/** By the commands that come with the release; the README has the same. */
async function installed(): Promise<Sandbox> {
  const manual = await readFile(join(release.marketplace, "README.md"), "utf8");
  const [commands = ""] = /(?: {4}claude plugin .*\n){2}/.exec(manual) ?? [];
  expect(await readFile(join(CHECKOUT, "README.md"), "utf8")).toContain(commands);
  const box = await sandbox();
  const { exitCode, stdout, stderr } = await shell(commands, { box, cwd: release.folder });
  expect(exitCode, stdout + stderr).toBe(0);
  expect((await claude(["mcp", "list"], { box })).stdout).toMatch(/^plugin:claude-spread:claude-spread: .*Connected$/m);
  return box;
}

it.each(["", "plugin"])("passes the client's strict validation: %s", async (folder) => {
  const path = join(release.marketplace, folder);
  const { exitCode, stdout, stderr } = await claude(["plugin", "validate", "--strict", path]);
  expect(exitCode, stdout + stderr).toBe(0);
});

it.each([
  ["/distill-share", "/distill-receive"],
  ["/claude-spread:distill-share", "/claude-spread:distill-receive"],
])("hands a document over by %s and %s, without any permission but those of the skills", async (share, receive) => {
  const box = await installed();
  let receiver: Conversation | undefined;
  const sender = await runClaude({
    box,
    prompt: `${share} --lan`,
    steps: [
      { tool: `${TOOL}distill_share`, input: { content: DOCUMENT, mode: "lan" } },
      async ({ last }) => {
        const { tell_receiver, code, lan } = json<Offered>(last);
        const [pasted = ""] = /^\/distill-receive .*$/m.exec(tell_receiver) ?? [];
        const input = { code, host: `127.0.0.1:${lan?.port}` };
        receiver = await runClaude({
          box,
          prompt: pasted.replace("/distill-receive", receive),
          steps: [{ tool: `${TOOL}distill_receive`, input }, "There it is."],
        });
        return "It has arrived.";
      },
    ],
  });
  expect(sender).toMatchObject({ exitCode: 0, resultText: "It has arrived.", survivors: false });
  expect(receiver).toMatchObject({ exitCode: 0, resultText: "There it is.", survivors: false });
  const [result] = receiver?.toolResults ?? [];
  expect(result?.isError).toBe(false);
  expect(result && json<Taken>(result).content).toContain(DOCUMENT);
});

it.each([
  ["memory", { content: "- Run it twice.\n" }, "> - Run it twice."],
  ["sessions", {}, "# Sessions"],
])("hands %s over by their skills, without any permission but those of the skills", async (kind, input, content) => {
  const box = await installed();
  await runClaude({ box, prompt: "Hello", steps: ["Hello."] }); // the conversation to be shared: one that goes on may not be on disk yet
  let receiver: Conversation | undefined;
  const sender = await runClaude({
    box,
    prompt: `/${kind}-share --lan`,
    steps: [
      ...(kind === "sessions" ? [{ tool: `${TOOL}distill_sessions` }] : []),
      ({ results: [listed] }) => {
        const found = listed && json<{ sessions: { id: string }[] }>(listed).sessions.map(({ id }) => id);
        const picked = found && { session_ids: found };
        return { tool: `${TOOL}distill_share`, input: { kind, ...input, ...picked, mode: "lan" } };
      },
      async ({ last }) => {
        const { tell_receiver, code, lan } = json<Offered>(last);
        const [pasted = ""] = new RegExp(`^/${kind}-receive .*$`, "m").exec(tell_receiver) ?? [];
        const step = { tool: `${TOOL}distill_receive`, input: { code, host: `127.0.0.1:${lan?.port}` } };
        receiver = await runClaude({ box, prompt: pasted, steps: [step, "There it is."] });
        return "It has arrived.";
      },
    ],
  });
  expect(sender).toMatchObject({ exitCode: 0, resultText: "It has arrived.", survivors: false });
  const [result] = receiver?.toolResults ?? [];
  expect(result?.isError).toBe(false);
  expect(result && json<Taken>(result)).toMatchObject({ kind, content: expect.stringContaining(content) });
});
