import { readdir, readFile, rm } from "node:fs/promises";
import { platform } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readStatus } from "../../src/repository/anchor.ts";
import { askGit } from "../../src/repository/git.ts";
import { run } from "../support/scratch.ts";
import { until } from "../support/wait.ts";
import { forever, newCheckout, opened, strangeHome } from "./checkout.ts";

beforeAll(strangeHome);

describe("a question to git", () => {
  it("ends when the answer is longer than its limit, and has what came until then", async () => {
    const at = await newCheckout({ "0123456789.txt": "1\n", "b.txt": "1\n" });
    const { ended, status, said } = await askGit(at, ["ls-files"], { maxBytes: 8, signal: forever() });
    expect({ ended, status, said: said.toString() }).toEqual({
      ended: "too-long",
      status: undefined,
      said: "01234567",
    });
  });

  it("has an answer of exactly its limit whole", async () => {
    const at = await newCheckout({ "a.txt": "1\n" });
    const { ended, said } = await askGit(at, ["ls-files"], { maxBytes: 6, signal: forever() });
    expect([ended, said.toString()]).toEqual(["itself", "a.txt\n"]);
  });

  it("is given its input, and tells how git failed", async () => {
    const at = await newCheckout();
    const blob = await askGit(at, ["hash-object", "--stdin"], { input: "1\n", signal: forever() });
    expect(blob.said.toString()).toBe("d00491fd7e5bb6fa28c517a0bb32b8b506539d4d\n");
    const failed = await askGit(at, ["cat-file", "-e", "0".repeat(40)], { signal: forever() });
    expect([failed.ended, failed.status]).toEqual(["itself", 1]);
  });

  it("that never ends is over as soon as its caller gives up, and no process is left", async (context) => {
    if (platform() !== "linux") return context.skip("only Linux shows the processes as files");
    const at = await newCheckout();
    const repository = await opened(at);
    await rm(join(at, ".git/index"));
    await run("mkfifo", [join(at, ".git/index")]); // git waits for somebody to write into it
    const stop = new AbortController();
    const reading = readStatus(repository, stop.signal).catch((thrown: unknown) => thrown);
    await until("git is there", async () => (await processesOf(at)) > 0);
    stop.abort();
    expect(await reading).toMatchObject({ code: "cancelled" });
    await until("git is gone", async () => (await processesOf(at)) === 0);
  });
});

async function processesOf(at: string): Promise<number> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line.includes(`-C\0${at}\0`)).length;
}
