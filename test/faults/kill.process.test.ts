import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startServer } from "../support/server.ts";
import { eventually, until } from "../support/wait.ts";
import { killsOfPeople, relayIsKilled } from "./kill-suite.ts";

describe("kill -9, by lan, with a code, at every step:", () => killsOfPeople("lan", "a code"));

it("kill -9, with a code, at every step: the relay, which comes back: all goes on, and is delivered", () =>
  relayIsKilled("a code"));

it("kill -9 of a server that makes a share of a large file: there is none, and the next server removes what it wrote", async () => {
  const sender = await startServer();
  // So much that it cannot be copied before it is seen to be.
  await writeFile(join(sender.project, "large.md"), Buffer.alloc(400_000_000, "All work and no play. "));
  const call = sender.share({ path: "large.md", mode: "lan" });
  call.catch(() => {});
  await until("it is being copied", async () => (await sender.kept("spool")).length === 1);
  sender.kill("SIGKILL");
  await expect(call).rejects.toThrow("Connection closed");
  const next = await startServer({ sandbox: sender.sandbox });
  await eventually(() => next.kept("spool")).toEqual([]);
  expect(await next.shares()).toEqual([]);
});
