/** Whose something in the home is, and whether its owner is still there: as seen from beside it, and from other namespaces. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { hasLostOwner, isOwnedName, ownedName } from "../../src/home/owner.ts";
import { later } from "../support/later.ts";
import { eventually } from "../support/wait.ts";

const MODULE = fileURLToPath(new URL("../../dist/home/owner.js", import.meta.url));
const WEEK_MS = 7 * 24 * 60 * 60_000;

/** A process that makes a name, says it, and lives until it is told to end. */
async function owner(...inside: string[]): Promise<{ name: string; end(): Promise<unknown> }> {
  const code = `import(${JSON.stringify(MODULE)}).then((it) => { console.log(it.ownedName()); process.stdin.resume(); });`;
  const [command = "", ...line] = [...inside, process.execPath, "-e", code];
  const child = spawn(command, line, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "close");
  const end = () => {
    child.stdin.end();
    return ended;
  };
  later(end);
  const [said] = await once(child.stdout, "data");
  return { name: String(said).trim(), end };
}

/** What a process elsewhere says of a name: whether it has lost its owner. */
function seenFrom(inside: readonly string[], name: string, changedMs: number): boolean {
  const code = `import(${JSON.stringify(MODULE)}).then((it) => it.hasLostOwner(${JSON.stringify(name)}, ${changedMs})).then(console.log);`;
  const [command = "", ...line] = [...inside, process.execPath, "-e", code];
  return spawnSync(command, line, { encoding: "utf8" }).stdout.trim() === "true";
}

it("makes names that are all different, and that say whose they are", () => {
  const names = Array.from({ length: 100_000 }, ownedName);
  expect(new Set(names).size).toBe(100_000);
  for (const name of names.slice(0, 100)) {
    expect([name, isOwnedName(name)]).toEqual([expect.stringMatching(`^${process.pid}-`), true]);
  }
});

it("knows nothing of what is no such name", async () => {
  for (const name of ["", "notes", "1-x", "../1-00000000-0123456789abcdef", `${ownedName()}/..`]) {
    expect([name, isOwnedName(name), await hasLostOwner(name, 0)]).toEqual([name, false, false]);
  }
});

it("sees its own as held, another process's as held until that ends, and then as lost", async () => {
  expect(await hasLostOwner(ownedName(), 0)).toBe(false);
  const { name, end } = await owner();
  expect(await hasLostOwner(name, 0)).toBe(false);
  await end();
  expect(await hasLostOwner(name, Date.now())).toBe(true);
});

it("sees what a process left whose pid another one has by now as lost", async ({ skip }) => {
  skip(process.platform !== "linux", "only Linux tells when a process started");
  const { name } = await owner();
  const [pid = "", rest = ""] = name.split(/-(.*)/);
  const earlier = `${pid}-${rest.slice(0, -10)}${rest.slice(-10, -6) === "0000" ? "0001" : "0000"}${rest.slice(-6)}`;
  expect(isOwnedName(earlier)).toBe(true);
  expect(await hasLostOwner(earlier, Date.now())).toBe(true);
});

it("sees what a process left that nobody has asked for its end yet as lost", async ({ skip }) => {
  skip(process.platform !== "linux", "only Linux keeps such processes where they can be seen");
  const code = `import(${JSON.stringify(MODULE)}).then((it) => console.log(it.ownedName()));`;
  const parent = spawn("sh", ["-c", '"$@" & exec sleep 600', "sh", process.execPath, "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  later(() => parent.kill("SIGKILL"));
  const [said] = await once(parent.stdout, "data");
  const name = String(said).trim();
  await eventually(() => readFile(`/proc/${name.split("-")[0]}/stat`, "latin1")).toMatch(/\) Z /);
  expect(await hasLostOwner(name, Date.now())).toBe(true);
});

it.each([
  ["before names had namespaces", `4194304-01234567-0123456789abcdef`],
  ["on another machine", `${process.pid}-00000000-0000000000000000`],
])("takes what a process left %s for held, for a week", async (_when, name) => {
  expect(await hasLostOwner(name, Date.now() - WEEK_MS + 60_000)).toBe(false);
  expect(await hasLostOwner(name, Date.now() - WEEK_MS - 60_000)).toBe(true);
});

it("sees what was left before the machine was restarted as lost", async ({ skip }) => {
  skip(process.platform !== "linux", "only Linux tells when it was started");
  const name = ownedName();
  const [pid, boot = "", rest] = name.split("-");
  const before = boot.startsWith("00000") ? "11111" : "00000";
  expect(await hasLostOwner(`${pid}-${before}${boot.slice(5)}-${rest}`, Date.now())).toBe(true);
});

describe("from another pid namespace of the same host name", () => {
  const ELSEWHERE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const missing =
    spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"]).status === 0
      ? undefined
      : "needs unshare, and root";
  beforeEach(({ skip }) => skip(missing !== undefined, missing));

  it("sees a living process's as held, whether its own pids or those of the other are the higher ones", async () => {
    const outer = await owner();
    expect(seenFrom(ELSEWHERE, outer.name, Date.now())).toBe(false);
    const inner = await owner(...ELSEWHERE);
    expect(inner.name).toMatch(/^\d{1,2}-/);
    expect(await hasLostOwner(inner.name, Date.now())).toBe(false);
    expect(seenFrom(ELSEWHERE, inner.name, Date.now())).toBe(false);
  });

  it("sees a living process's as held where neither has a /proc", async () => {
    const inNamespaces = ["unshare", "--pid", "--mount", "--fork", "--kill-child"];
    const hidden = [...inNamespaces, "sh", "-c", 'umount -l /proc && exec "$@"', "sh"];
    // Under a pid that no process of the other namespace has.
    const late = 'umount -l /proc && for i in $(seq 60); do true & wait; done && "$@"';
    const inner = await owner(...inNamespaces, "sh", "-c", late, "sh");
    expect(inner.name).toMatch(/^[6-9]\d-/);
    expect(seenFrom(hidden, inner.name, Date.now())).toBe(false);
    expect(await hasLostOwner(inner.name, Date.now())).toBe(false);
    expect(await hasLostOwner(inner.name, Date.now() - WEEK_MS - 60_000)).toBe(true);
  });

  it("does not go by a /proc of the other namespace", async () => {
    const inner = await owner("unshare", "--pid", "--fork", "--kill-child");
    expect(seenFrom(["unshare", "--pid", "--fork", "--kill-child"], inner.name, Date.now())).toBe(false);
    expect(await hasLostOwner(inner.name, Date.now())).toBe(false);
  });
});

it("under another name of the host sees what a living process holds as held, and what a dead one left as lost", async ({
  skip,
}) => {
  const renamed = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere; exec "$@"', "sh"];
  skip(spawnSync("unshare", ["--uts", "true"]).status !== 0, "needs unshare, and root");
  const { name, end } = await owner();
  expect(seenFrom(renamed, name, Date.now())).toBe(false);
  await end();
  expect(seenFrom(renamed, name, Date.now())).toBe(true);
});
