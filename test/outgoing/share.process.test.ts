/** What leaves by distill_share, and what distill_preview shows of it: real servers, and the bytes that arrive. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Offered, startServer, type Taken, type TestServer } from "../support/server.ts";
import { eventually } from "../support/wait.ts";

/** Made here, so that no scanner of a code host takes them for real. */
const TOKEN = ["ghp", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"].join("_");
const OTHER = ["ghp", "zZ9yY8xX7wW6vV5uU4tT3sS2rR1qQ0pP9oO8"].join("_");
const ENV_VALUE = "correct9horse!battery7staple";

interface Shown {
  content: string;
  whole: boolean;
  bytes: number;
  sha256: string;
  saved_to: string;
  files: { role: string; name: string; bytes: number; sha256: string }[];
  cleaned: { secrets: number; by_rule: Record<string, number>; paths: number };
  replacements: { part: string; rule: string; line: number; placeholder: string }[];
  suggestions: string[];
}
type Shared = Offered & Pick<Shown, "files" | "cleaned" | "suggestions">;
type Came = Taken & {
  files: { role: string; path: string; bytes: number; sha256: string }[];
  repository?: { is: string; sentences: string[] };
  check_patch?: string;
};

let sender: TestServer;
let receiver: TestServer;
beforeAll(async () => {
  [sender, receiver] = await Promise.all([startServer({ lasting: true }), startServer({ lasting: true })]);
  await writeFile(join(sender.project, ".env"), `PORT=3000\nDB_PASSWORD=${ENV_VALUE}\n`);
});

const share = async (args: Record<string, unknown>) => (await sender.share({ mode: "lan", ...args })) as Shared;
const take = async ({ code, lan }: Offered, by = receiver) =>
  (await by.receive({ code, mode: "lan", host: `127.0.0.1:${lan?.port}` })) as Came;
const preview = async (args: Record<string, unknown>) => (await sender.call("distill_preview", args)).data as Shown;

/** All that is said to anybody: what no secret may be in. */
async function said(...texts: unknown[]): Promise<string> {
  return [...texts.map((it) => JSON.stringify(it)), sender.stderr(), receiver.stderr()].join("\n");
}

describe("a secret", () => {
  const content = () => `# Work\n\nThe token ${TOKEN} and again ${TOKEN}, not ${OTHER}.\nPORT=3000, ${ENV_VALUE}.\n`;

  it("is replaced by default, the same by the same placeholder, and counted; the rest stays to the byte", async () => {
    const shared = await share({ content: content() });
    const taken = await take(shared);
    const text = await readFile(taken.original, "utf8");
    const [, first, again, other, value] =
      /^# Work\n\nThe token (\[.+?\]) and again (\[.+?\]), not (\[.+?\])\.\nPORT=3000, (\[.+?\])\.\n$/.exec(text) ?? [];
    expect(first).toMatch(/^\[redacted: [a-z-]+ #1\]$/);
    expect(again).toBe(first);
    expect(new Set([first, other, value]).size).toBe(3);
    expect(shared.cleaned.secrets).toBe(4);
    expect(Object.values(shared.cleaned.by_rule).reduce((sum, n) => sum + n, 0)).toBe(4);
    for (const secret of [TOKEN, OTHER, ENV_VALUE]) {
      expect(await said(shared, taken, text)).not.toContain(secret.slice(0, 12));
    }
  });

  it("stops the share where the user wants that, by rule and line, and nothing is offered", async () => {
    const before = (await sender.shares()).length;
    const { code, text } = await sender.fails("distill_share", { content: content(), secrets: "block", mode: "lan" });
    expect(code).toBe("secrets-found");
    expect(text).toMatch(/in line 3.*in line 4/s);
    expect(text).not.toContain(TOKEN.slice(0, 12));
    expect(await sender.shares()).toHaveLength(before);
    const fine = await share({ content: "# Nothing secret\n", secrets: "block" });
    expect(fine.cleaned.secrets).toBe(0);
  });

  it("leaves only where that was asked for, and the receiver is warned of it without seeing it twice", async () => {
    const shared = await share({ content: content(), secrets: "allow" });
    const taken = await take(shared);
    expect(await readFile(taken.original, "utf8")).toBe(content());
    const warning = taken.warnings.find((it) => it.includes("secrets")) ?? "";
    expect(warning).toMatch(/in line 3/);
    expect(taken.warnings.join("\n")).not.toContain(TOKEN.slice(0, 12));
  });

  it("is found in a title, in a file, in what comes along, and over the border of what is read at once", async () => {
    const path = join(sender.project, "long.md");
    const start = "x".repeat(1024 * 1024 - 10);
    await writeFile(path, `${start} ${TOKEN}\n`);
    await writeFile(join(sender.project, "notes.txt"), `token ${TOKEN}\n`);
    const shared = await share({ path, title: `About ${OTHER}`, attachments: ["notes.txt"] });
    const taken = await take(shared);
    const text = await readFile(taken.original, "utf8");
    expect(text.slice(start.length)).toMatch(/^ \[redacted: [a-z-]+ #\d\]\n$/);
    expect(await readFile(taken.files[0]?.path ?? "", "utf8")).toBe(`token ${text.slice(start.length + 1)}`);
    expect(taken.title).toMatch(/^About \[redacted: [a-z-]+ #\d\]$/);
  });
});

describe("the paths of this machine", () => {
  it("lose home, project and user, unless they are to be kept", async () => {
    const content = () => `# Paths\n\n${sender.project}/src/a.ts, and file://${sender.project}/b.ts\n`;
    const shared = await share({ content: content() });
    expect(await readFile((await take(shared)).original, "utf8")).not.toContain(sender.project);
    expect(shared.cleaned.paths).toBe(2);
    const kept = await share({ content: content(), paths: "keep" });
    expect(await readFile((await take(kept)).original, "utf8")).toBe(content());
  });
});

describe("a preview", () => {
  it("shows byte for byte what then leaves, says each replacement, and offers nothing", async () => {
    await writeFile(join(sender.project, "plan.txt"), "one\n");
    const args = {
      handoff: { goal: "Mend the parser", summary: `It runs with ${TOKEN} in ${sender.project}/src.` },
      attachments: ["plan.txt"],
    };
    const before = (await sender.shares()).length;
    const shown = await preview(args);
    expect(await sender.shares()).toHaveLength(before);
    expect(shown.replacements).toMatchObject([{ part: "handoff.md", line: 9, rule: expect.any(String) }]);
    expect(shown.content.split("\n")[8]).toContain(shown.replacements[0]?.placeholder);
    const shared = await share(args);
    expect([shared.sha256, shared.bytes, shared.files]).toEqual([shown.sha256, shown.bytes, shown.files]);
    const taken = await take(shared);
    expect(await readFile(taken.original, "utf8")).toBe(shown.content);
    expect(await readFile(join(shown.saved_to, "handoff.md"), "utf8")).toBe(shown.content);
    expect(await readFile(join(shown.saved_to, "handoff.json"), "utf8")).toBe(
      await readFile(taken.files.find(({ role }) => role === "structure")?.path ?? "", "utf8"),
    );
  });

  it("with a title of one's own shows the same title and bytes, whatever secret is in both", async () => {
    const args = { title: `About ${OTHER}`, content: `# T\n\n${TOKEN} and ${OTHER}\n` };
    const shown = await preview(args);
    const shared = await share(args);
    expect(shared.sha256).toBe(shown.sha256);
    expect((await take(shared)).title).toBe((shown as Shown & { title: string }).title);
    const { code } = await sender.fails("distill_preview", { ...args, content: "fine", secrets: "block" });
    expect(code).toBe("secrets-found");
  });

  it("leaves no folder behind, once its server has ended", async () => {
    const own = await startServer();
    const { data } = await own.call("distill_preview", { content: "# P\n" });
    const { saved_to } = data as Shown;
    expect(await readdir(saved_to)).toEqual(["handoff.md"]);
    await own.client.close();
    await eventually(() => readdir(dirname(saved_to))).toEqual([]);
  });

  it("of a long document shows its beginning, and keeps all of it in a folder, until the next one", async () => {
    const content = `# Long\n\n${"A line of text.\n".repeat(10_000)}`;
    const first = await preview({ content });
    expect([first.whole, content.startsWith(first.content), first.content.length]).toEqual([false, true, 40_000]);
    expect(await readFile(join(first.saved_to, "handoff.md"), "utf8")).toBe(content);
    const second = await preview({ content: "# Short\n" });
    expect(second.whole).toBe(true);
    expect(await readdir(dirname(second.saved_to))).toHaveLength(1);
  });
});

describe("a typed hand-off", () => {
  it("arrives as a document of one form, and as data beside it; what it lacks is said to its sender", async () => {
    const handoff = {
      goal: "Mend the parser",
      summary: "Errors are recovered from; the tests of it are not written.",
      decisions: [{ decision: "Panic mode", rationale: "Phrase level needs a grammar that we do not have." }],
      todos: ["Write the tests"],
    };
    const shared = await share({ handoff });
    expect(shared.suggestions.join("\n")).toMatch(/state\.tests/);
    const taken = await take(shared);
    expect(taken.title).toBe("Mend the parser");
    expect(taken.content).toContain("## Key decisions\n\n- **Panic mode**: Phrase level");
    const data = JSON.parse(await readFile(taken.files[0]?.path ?? "", "utf8"));
    expect(data).toMatchObject({ format: "claude-spread/handoff", version: 1, handoff });
  });

  it.each([
    ["nothing", {}],
    ["two of the three", { content: "a", handoff: { goal: "g", summary: "s" } }],
    ["a hand-off without a goal", { handoff: { summary: "s" } }],
    ["a hand-off with a field that there is not", { handoff: { goal: "g", summary: "s", x: 1 } }],
    ["an action that is none", { handoff: { goal: "g", summary: "s", files: [{ path: "a", action: "moved" }] } }],
    ["files with legacy", { content: "a", legacy: true, attachments: ["plan.txt"] }],
  ])("%s is refused with invalid-input", async (_what, args) => {
    expect((await sender.fails("distill_share", { mode: "lan", ...args })).code).toBe("invalid-input");
  });
});

describe("an attachment", () => {
  it("of any bytes arrives as it is, and it is said that nobody looked into it", async () => {
    const bytes = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3]);
    await writeFile(join(sender.project, "shot.png"), bytes);
    const shared = await share({ content: "# With a picture\n", attachments: ["shot.png"] });
    expect(shared.suggestions.join("\n")).toContain("shot.png is no text");
    const asked = { content: "# With a picture\n", attachments: ["shot.png"], mode: "lan", secrets: "block" };
    expect((await sender.fails("distill_share", asked)).code).toBe("secrets-found");
    const taken = await take(shared);
    expect(taken.files).toMatchObject([{ role: "attachment", bytes: 8 }]);
    expect((await readFile(taken.files[0]?.path ?? "")).equals(bytes)).toBe(true);
  });

  it.each([
    ["UTF-8 with a broken byte", Buffer.concat([Buffer.from(`token ${TOKEN}\n`), Buffer.from([0xff])])],
    ["UTF-16", Buffer.from(`\ufefftoken ${TOKEN}\n`, "utf16le")],
    ["UTF-16, the other way round", Buffer.from(`\ufefftoken ${TOKEN}\n`, "utf16le").swap16()],
  ])("that is no text, and has a secret in it as %s, stays here", async (_what, bytes) => {
    await writeFile(join(sender.project, "odd.txt"), bytes);
    const asked = { content: "a", attachments: ["odd.txt"], mode: "lan" };
    expect((await sender.fails("distill_share", asked)).code).toBe("secrets-found");
  });

  it("of random bytes is not taken for one with secrets", async () => {
    await writeFile(join(sender.project, "noise.bin"), randomBytes(2_000_000));
    expect((await share({ content: "a", attachments: ["noise.bin"] })).files).toHaveLength(1);
  });

  it("does not carry a secret in its name", async () => {
    await writeFile(join(sender.project, `${TOKEN}.txt`), "fine\n");
    const shared = await share({ content: "a", attachments: [`${TOKEN}.txt`] });
    expect(await said(shared, await take(shared))).not.toContain(TOKEN.slice(4, 16));
  });

  it.each<[string, string, string]>([
    ["with keys in it", ".env", "secret-file"],
    ["outside", "/etc/hostname", "path-not-allowed"],
    ["that is not there", "no-such.txt", "path-unreadable"],
    ["that is a folder", "folder", "path-unreadable"],
    ["that agents obey", "CLAUDE.md", "agent-config"],
    ["that agents obey, by another spelling", "claude.MD", "agent-config"],
    ["in a folder of theirs", ".claude/notes.txt", "agent-config"],
    ["of more than 10 MiB", "large.bin", "too-large"],
    ["behind a link to the outside", "link.txt", "path-not-allowed"],
  ])("%s is refused, and nothing is shared", async (_what, path, code) => {
    await mkdir(join(sender.project, "folder"), { recursive: true });
    await mkdir(join(sender.project, ".claude"), { recursive: true });
    for (const name of ["CLAUDE.md", "claude.MD", ".claude/notes.txt"]) {
      await writeFile(join(sender.project, name), "obey");
    }
    await writeFile(join(sender.project, "large.bin"), Buffer.alloc(10 * 1024 * 1024 + 1));
    await symlink("/etc/hostname", join(sender.project, "link.txt")).catch(() => {});
    const before = (await sender.shares()).length;
    expect((await sender.fails("distill_share", { content: "a", attachments: [path], mode: "lan" })).code).toBe(code);
    expect(await sender.shares()).toHaveLength(before);
  });
});

it("a value of the .env file at the top of a repository is known in the project within it", async () => {
  const own = await startServer();
  const sandbox = { ...own.sandbox, project: join(own.project, "packages", "app") };
  await mkdir(sandbox.project, { recursive: true });
  await mkdir(join(own.project, ".git"));
  await writeFile(join(own.project, ".env"), `API_SECRET=${ENV_VALUE}\n`);
  const inner = await startServer({ sandbox });
  const { data } = await inner.call("distill_preview", { content: `It is ${ENV_VALUE}.\n` });
  expect((data as Shown).content).not.toContain(ENV_VALUE);
});

describe("in a git checkout", () => {
  const git = (cwd: string, ...args: string[]) =>
    execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.org", ...args], { cwd, encoding: "utf8" });

  it("says where it was written, and brings the change that is not committed; the receiver is told how it fits", async () => {
    const [ann, ben] = await Promise.all([startServer(), startServer()]);
    git(ann.project, "init", "-q", "-b", "main");
    await writeFile(join(ann.project, "a.txt"), "one\ntwo\n");
    await writeFile(join(ann.project, "b.txt"), "one\n");
    git(ann.project, "add", ".");
    git(ann.project, "commit", "-q", "-m", "first");
    git(ann.project, "remote", "add", "origin", "https://ann:secret@example.org/team/app.git");
    git(ben.project, "clone", "-q", ann.project, ".");
    git(ben.project, "remote", "set-url", "origin", "git@example.org:team/app");
    await writeFile(join(ben.project, "c.txt"), "of ben\n");
    git(ben.project, "add", ".");
    git(ben.project, "commit", "-q", "-m", "second");
    await writeFile(join(ann.project, "a.txt"), "one\ntwo\nthree\n");
    await writeFile(join(ann.project, "b.txt"), `one\n${TOKEN}\n`);
    await writeFile(join(ann.project, ".env"), "KEY=abcdefgh\n");

    const handoff = {
      goal: "Count further",
      summary: "Three is there.",
      files: [{ path: "gone.txt", action: "created" }],
    };
    const shared = (await ann.share({ mode: "lan", handoff, include_diff: true })) as Shared;
    expect(shared.suggestions.join("\n")).toMatch(/Not in the patch: .*b\.txt/);
    const taken = await take(shared, ben);
    expect(taken.content).not.toContain("secret@");
    expect(taken.content).toContain("example.org/team/app");
    expect(taken.repository?.is).toBe("same");
    expect(taken.repository?.sentences.join("\n")).toMatch(/1 commit/);
    expect(taken.repository?.sentences.join("\n")).toContain("gone.txt");
    const patch = taken.files.find(({ role }) => role === "patch");
    const text = await readFile(patch?.path ?? "", "utf8");
    expect(text).toContain("+three");
    expect(text).not.toContain(TOKEN.slice(0, 12));
    expect(text).not.toContain("abcdefgh");
    expect(await readFile(join(ben.project, "a.txt"), "utf8")).toBe("one\ntwo\n");
    execFileSync("sh", ["-c", taken.check_patch ?? "false"]);
    const quiet = (await ann.share({ mode: "lan", content: "# Free\n", repository: false })) as Shared;
    expect(quiet.files).toEqual([]);
  });

  it("or rather outside of one, a patch is refused with no-repository", async () => {
    const alone = await startServer();
    const asked = { content: "a", include_diff: true, mode: "lan" };
    expect((await alone.fails("distill_share", asked)).code).toBe("no-repository");
  });
});
