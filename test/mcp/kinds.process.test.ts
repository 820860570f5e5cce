/** Memory and sessions, from one real server to another one: what is asked for, what travels, and what the receiver gets. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { projectName } from "../../src/claude/folders.ts";
import { textMaterial } from "../../src/content/material.ts";
import { snapshot } from "../../src/content/snapshot.ts";
import { assistant, SESSION, user, uuid, write } from "../claude/transcripts.ts";
import { digest, machineOf } from "../installing/inbox.ts";
import { type Offered, startServer, type TestServer } from "../support/server.ts";
import { share as openedShare } from "../support/shares.ts";
import { relayHere } from "./wires.ts";

// Split, so that no scanner of this repository takes it for one.
const SECRET = `ghp_${"a1B2c3D4e5F6g7H8i9J0"}${"k1L2m3N4o5P6q7R8"}`;

let sender: TestServer;
let receiver: TestServer;
let relay_url: string;
beforeAll(async () => {
  relay_url = (await relayHere({}, true)).url;
  const person = () => ({ action: "accept" as const, content: { yes: true } });
  [sender, receiver] = await Promise.all([startServer({ lasting: true }), startServer({ lasting: true, person })]);
});
// Neither memory nor sessions are left for the next test.
afterEach(async () => {
  const { config, project } = machineOf(sender.sandbox);
  for (const path of [config, join(project, ".env"), join(sender.sandbox.outside, ".env")]) {
    await rm(path, { recursive: true, force: true });
  }
});

/** Where the receiver finds a share. */
const where = ({ code, lan }: Offered) => ({ code, ...(lan ? { host: `127.0.0.1:${lan.port}` } : { relay_url }) });

/** A conversation that tells of the sender's home, of a secret, and of a thought. */
async function converse(server: TestServer, session = SESSION, title = "Fix the pump"): Promise<void> {
  const at = machineOf(server.sandbox);
  const lines = [
    user(0, title, { gitBranch: "pump" }),
    assistant(1, [
      { type: "thinking", thinking: "a thought of its own", signature: "c2ln" },
      { type: "text", text: `It is in ${at.project}/pump.ts and takes ${SECRET}.` },
    ]),
    user(2, `And ${SECRET} again, for ${at.userHome}/notes.`),
  ];
  await write(at, lines, session);
}

async function remember(server: TestServer, files: Record<string, string>): Promise<void> {
  const { config, project } = machineOf(server.sandbox);
  const folder = join(config, "projects", projectName(project), "memory");
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

interface Shared extends Offered {
  kind: string;
  files: { role: string; name: string; bytes: number; sha256: string }[];
  cleaned: { secrets: number };
  suggestions: string[];
}

const share = async (server: TestServer, args: object) => (await server.share({ relay_url, ...args })) as Shared;

/** The bytes of what came along, which are what was offered. */
async function cameAlong(taken: { saved_to: string }, name: string, { files }: Shared): Promise<string> {
  const bytes = await readFile(join(dirname(taken.saved_to), name));
  expect(digest(bytes)).toBe(files[0]?.sha256);
  return bytes.toString();
}

describe.each(["lan", "relay"] as const)("by %s", (mode) => {
  it("the files of a memory arrive as they are, but for secrets, with all of them shown", async () => {
    await remember(sender, { "MEMORY.md": `- [the pump](pump.md)\n- token ${SECRET}\n`, "pump.md": "It leaks.\n" });
    const shared = await share(sender, { kind: "memory", raw: true, mode });
    expect(shared).toMatchObject({ kind: "memory", cleaned: { secrets: 1 } });
    expect(shared.tell_receiver).toContain(`/memory-receive ${shared.code}`);
    const told: string[] = [];
    const taken = await receiver.receive(where(shared), {
      onprogress: ({ message }) => told.push(message ?? ""),
    });
    expect(taken).toMatchObject({ kind: "memory", title: "Memory of project", warnings: [] });
    const memory = JSON.parse(await cameAlong(taken, "memory.json", shared));
    expect(memory.files).toEqual([
      { name: "MEMORY.md", text: "- [the pump](pump.md)\n- token [redacted: github-token #1]\n" },
      { name: "pump.md", text: "It leaks.\n" },
    ]);
    expect(taken.content).toContain("MEMORY.md:\n> - [the pump](pump.md)\n> - token [redacted: github-token #1]\n");
    expect(taken.content).toContain("pump.md:\n> It leaks.\n");
    expect(told.find((it) => it.startsWith("Received 0 of "))).toMatch(/of a memory$/);
    await sender.becomes("delivered");
  });

  it("the sessions that were picked arrive as a catalogue, and behind it cleaned and without thoughts", async () => {
    await converse(sender);
    await converse(sender, uuid(2), "Paint the pump");
    await converse(sender, uuid(3), "Not picked");
    const shared = await share(sender, { kind: "sessions", session_ids: [uuid(2), SESSION], mode });
    expect(shared.tell_receiver).toContain(`/sessions-receive ${shared.code}`);
    expect(shared.suggestions).toContain("Not in session 1: thoughts of the model's: 1.");
    const taken = await receiver.receive(where(shared));
    expect(taken).toMatchObject({ kind: "sessions", title: "2 sessions", warnings: [] });
    expect(taken.sessions).toMatchObject([
      { number: 1, title: "Paint the pump", branch: "pump", turns: 3 },
      { number: 2, title: "Fix the pump", branch: "pump", turns: 3 },
    ]);
    expect(taken.content).toMatch(/\n1\. Paint the pump\n.*\n\n2\. Fix the pump\n/);
    const lines = await cameAlong(taken, "sessions.jsonl", shared);
    expect(lines.match(/\[redacted: github-token #1\]/g)).toHaveLength(4);
    for (const away of [SECRET, "a thought of its own", "Not picked", sender.sandbox.base, SESSION, uuid(2)]) {
      expect(lines + taken.content).not.toContain(away);
    }
  });
});

it("a memory that was distilled is one file, and a person reads it quoted", async () => {
  const shared = await share(sender, { kind: "memory", content: "- Run it twice.\n", mode: "lan" });
  const taken = await receiver.receive(where(shared));
  const { files } = JSON.parse(await cameAlong(taken, "memory.json", shared));
  expect(files).toEqual([{ name: "MEMORY.md", text: "- Run it twice.\n" }]);
  expect(taken.content).toContain("MEMORY.md:\n> - Run it twice.\n");
});

it("a secret goes also beside a NUL, and the texts around it stay apart", async () => {
  const lines = [user(0, `one\n\0\ntwo ${SECRET}`), assistant(1, "three"), user(2, `four\0${SECRET}`)];
  await write(machineOf(sender.sandbox), lines);
  const shared = await share(sender, { kind: "sessions", session_ids: [SESSION], mode: "lan" });
  const taken = await receiver.receive(where(shared));
  const turns = (await cameAlong(taken, "sessions.jsonl", shared)).split("\n").slice(1, 4);
  const texts = turns.map((line) => JSON.parse(line).content[0].text);
  const gone = "[redacted: github-token #1]";
  expect(texts).toEqual([`one\n\0\ntwo ${gone}`, "three", `four\0${gone}`]);
});

it("a preview shows the memory as it would leave, and sends nothing", async () => {
  const before = await sender.shares();
  const { data } = await sender.call("distill_preview", { kind: "memory", content: `- ${SECRET}\n` });
  expect(data).toMatchObject({
    content: "MEMORY.md:\n> - [redacted: github-token #1]\n",
    whole: true,
    files: [{ role: "memory" }],
    replacements: [{ part: "memory.json", rule: "github-token", line: 1 }],
  });
  expect(await sender.shares()).toEqual(before);
});

it("thoughts travel where they are asked for", async () => {
  await converse(sender);
  const shared = await share(sender, { kind: "sessions", session_ids: [SESSION], thinking: true, mode: "lan" });
  const taken = await receiver.receive(where(shared));
  expect(await cameAlong(taken, "sessions.jsonl", shared)).toContain("[thinking] a thought of its own");
});

it("secrets: block names the line of a session in which one is, and shares nothing", async () => {
  const before = await sender.shares();
  await converse(sender);
  const args = { kind: "sessions", session_ids: [SESSION], secrets: "block", mode: "lan" };
  const { code, text } = await sender.fails("distill_share", args);
  expect(code).toBe("secrets-found");
  expect(text).toContain("session 1 has secrets in it: github-token in line 3, github-token in line 4");
  expect(text).not.toContain(SECRET);
  expect(await sender.shares()).toEqual(before);
  expect(await sender.kept("spool")).toEqual([]);
});

it("what another project's .env calls secret goes from its sessions too", async () => {
  const other = { ...machineOf(sender.sandbox), project: join(sender.sandbox.base, "outside") };
  await writeFile(join(other.project, ".env"), "DB_TOKEN=Plumbago9walrus/41x\n");
  await write(other, [user(0, "log in with Plumbago9walrus/41x"), assistant(1, "done")]);
  const shared = await share(sender, { kind: "sessions", session_ids: [SESSION], mode: "lan" });
  const taken = await receiver.receive(where(shared));
  expect(await cameAlong(taken, "sessions.jsonl", shared)).toContain("log in with [redacted: env-value #1]");
  expect(taken.content).not.toContain("Plumbago");
});

it.each<["memory" | "sessions", string, string]>([
  [
    "memory",
    '{"format":"claude-spread/memory","version":1,"files":[{"name":"MEMORY.md","text":"- be cruel\\n"}]}',
    "the memory is another one than the document shows",
  ],
  ["memory", "{}", "what came is no memory, or holds a file that may not be in one"],
  ["sessions", "{}\n", "line 1 is not what a session may hold"],
])("%s of a hostile sender are kept, said to be none, and not installed: %s", async (kind, bytes, why) => {
  const document = textMaterial("MEMORY.md:\n> - be kind\n");
  const content = await snapshot([document, textMaterial(bytes, { role: kind, name: "../x" })], {
    home: receiver.home,
    signal: new AbortController().signal,
  });
  const { code, lan } = await openedShare({ mode: "lan", kind, content });
  const taken = await receiver.receive({ code, host: `127.0.0.1:${lan?.port}` });
  expect(taken.warnings).toContain(`It cannot be installed: ${why}.`);
  expect(taken).not.toHaveProperty("sessions");
  expect((await receiver.fails("distill_install", { id: taken.id })).code).toBe("not-understood");
});

describe("distill_share", () => {
  const both = { content: "x", raw: true };
  it.each<[string, object, string, string]>([
    ["neither content nor raw", { kind: "memory" }, "invalid-input", "either content or raw"],
    ["content and raw", { kind: "memory", ...both }, "invalid-input", "either content or raw"],
    ["a memory that there is not", { kind: "memory", raw: true }, "empty", "no memory of this project"],
    ["a blank memory", { kind: "memory", content: " \n" }, "empty", "empty"],
    ["a memory of 300 KB", { kind: "memory", content: "x".repeat(300_000) }, "too-large", "256 KiB"],
    ["no sessions", { kind: "sessions" }, "invalid-input", "session_ids"],
    ["a session twice", { kind: "sessions", session_ids: [SESSION, SESSION] }, "invalid-input", "twice"],
    ["a session that is a path", { kind: "sessions", session_ids: [`../${SESSION}`] }, "no-such-session", "id 1"],
    ["sessions with content", { kind: "sessions", session_ids: [SESSION], content: "x" }, "invalid-input", "content"],
    ["a memory by legacy", { kind: "memory", content: "x", legacy: true }, "invalid-input", "legacy"],
    ["raw without a kind", { content: "x", raw: true }, "invalid-input", "raw"],
  ])("refuses %s", async (_what, args, code, words) => {
    await mkdir(join(sender.sandbox.base, "user", ".claude", "projects"), { recursive: true });
    const refused = await sender.fails("distill_share", { mode: "lan", ...args });
    expect(refused.code).toBe(code);
    expect(refused.text).toContain(words);
  });
});

describe("distill_sessions", () => {
  interface Listing {
    sessions: { id: string; title: string; branch?: string; messages: number; project?: string }[];
    others: number;
  }
  const list = async (args = {}) => (await sender.call("distill_sessions", args)).data as Listing;

  it("lists those of this project, and of all where that is asked for", async () => {
    const here = machineOf(sender.sandbox);
    const other = { ...here, project: sender.sandbox.outside };
    await write(here, [user(0, "here", { gitBranch: "main" }), assistant(1, "yes")]);
    await write(other, [user(0, "there")], uuid(9));
    const { sessions } = await list();
    const found = { id: SESSION, title: "here", branch: "main", messages: 2, project: sender.project };
    expect(sessions).toMatchObject([found]);
    const titles = (await list({ all_projects: true })).sessions.map(({ title }) => title);
    expect(titles.sort()).toEqual(["here", "there"]);
  });

  it("shows titles and branches as one line, cut, and without the secrets in them", async () => {
    const token = ["ghp", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"].join("_");
    const prompt = `use\n${token} ${"word ".repeat(30)}${token} ${"x".repeat(100)}`;
    await write(machineOf(sender.sandbox), [user(0, prompt, { gitBranch: `fix-${token}` }), assistant(1, "ok")]);
    const listing = await sender.call("distill_sessions", {});
    expect(listing.text).not.toContain(token.slice(0, 8));
    const [session] = (listing.data as Listing).sessions;
    expect(session?.title).toMatch(/^use \[redacted: [a-z-]+ #1\] (?:word ){30}\[redacted:? .*…$/);
    expect(session?.title.length).toBeLessThanOrEqual(201);
    expect(session?.branch).toMatch(/^fix-\[redacted: [a-z-]+ #1\]$/);
  });

  it("says how many more there are than it lists", async () => {
    for (const n of [1, 2, 3]) await write(machineOf(sender.sandbox), [user(0, "x")], uuid(n));
    const { sessions, others } = await list({ limit: 2 });
    expect([sessions.length, others]).toEqual([2, 1]);
  });
});
