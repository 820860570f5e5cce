/** Two that install at the same moment, into one memory or one session twice: one does, and what it says is so. */
import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { memoryPath } from "../../src/claude/folders.ts";
import { installations } from "../../src/claude/record.ts";
import { uninstall } from "../../src/claude/uninstall.ts";
import { ownedName } from "../../src/home/owner.ts";
import { propose } from "../../src/installing/proposal.ts";
import { assistant, exported, type Machine, machine, user, write } from "../claude/transcripts.ts";
import { keepMemory, keepSessions } from "../installing/inbox.ts";
import { expectCode } from "../support/scratch.ts";

const { signal } = new AbortController();

const proposed = (id: string, at: Machine, project = at.project) => propose(id, undefined, { ...at, project }, signal);

async function both(at: Machine, ids: readonly string[]) {
  const proposals = await Promise.all(ids.map((id) => proposed(id, at)));
  const done = await Promise.allSettled(proposals.map((it) => it.install(signal)));
  return {
    installed: done.flatMap((it) => (it.status === "fulfilled" ? [it.value.record] : [])),
    codes: done.flatMap((it) => (it.status === "rejected" ? [it.reason.code] : [])),
  };
}

it("installs a session once that is installed twice at the same moment", async () => {
  await using from = await machine();
  await write(from, [user(0, "hi"), assistant(1, "yes")]);
  await using at = await machine();
  const id = await keepSessions(at.home, (await exported(from)).bytes);
  const { installed, codes } = await both(at, [id, id]);
  expect(installed).toHaveLength(1);
  expect(codes).toEqual(["plan-changed"]);
  expect(await installations(at.home)).toEqual(installed);
  await expectCode(proposed(id, at), "invalid-input");
});

it("loses none of two memories that it calls installed", async () => {
  for (let round = 0; round < 10; round += 1) {
    await using at = await machine();
    const ids = [await keepMemory(at.home, { "MEMORY.md": "x\n" }), await keepMemory(at.home, { "MEMORY.md": "y\n" })];
    const { installed, codes } = await both(at, ids);
    expect(codes).toEqual(["plan-changed"]);
    const text = await readFile(join(await memoryPath(at.config, at.project), "MEMORY.md"), "utf8");
    for (const { id } of installed) expect(text).toContain(id);
  }
});

it("knows a memory again that another folder of the same repository shares", async () => {
  await using at = await machine();
  execFileSync("git", ["init", "-q"], { cwd: at.project });
  const within = join(at.project, "within");
  await mkdir(within);
  const id = await keepMemory(at.home, { "MEMORY.md": "x\n" });
  const { record } = await (await proposed(id, at)).install(signal);
  await expectCode(proposed(id, at, within), "invalid-input");
  await uninstall(at.home, record.id);
  await (await proposed(id, at, within)).install(signal);
});

it.each<[string, string, number, "plan-changed" | undefined]>([
  ["a living process", ownedName(), 0, "plan-changed"],
  ["another machine's process", "1-00000000-0000000000000000", 0, "plan-changed"],
  ["another machine's process, for an hour", "1-00000000-0000000000000000", 3_600_000, undefined],
  ["a process that is gone", ownedName().replace(/^\d+/, gone()), 0, undefined],
])("waits for nobody: while %s is at work", async (_who, owner, ageMs, code) => {
  await using at = await machine();
  const id = await keepMemory(at.home, { "MEMORY.md": "x\n" });
  const proposal = await proposed(id, at);
  const folder = join(at.home, "installed");
  await mkdir(folder, { recursive: true });
  const mark = join(folder, "at-work");
  await writeFile(mark, owner);
  const since = new Date(Date.now() - ageMs);
  await utimes(mark, since, since);
  if (code) {
    await expectCode(proposal.install(signal), code);
    expect(await readFile(mark, "utf8")).toBe(owner);
  } else {
    const { record } = await proposal.install(signal);
    expect(await readdir(folder)).toEqual([`${record.id}.json`]);
  }
});

/** The pid of a process that has ended. */
function gone(): string {
  return execFileSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" }).trim();
}
