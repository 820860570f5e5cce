import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { machine } from "../../src/handoff/home.ts";
import { spawnForTest } from "../support/namespaces.ts";
import { makeWorld, startServer } from "../support/server.ts";
import { eventually } from "../support/wait.ts";
import { killedAtTheEnd, killedMidway } from "./vanish-suite.ts";

describe("by lan, of a receiver that is killed, hub and server,", () => {
  it("the place in a share for 1 is free at once", () => killedMidway("lan", 1));

  it("to which all was sent, the place is spent, and its receipt is missing", () => killedAtTheEnd("lan"));
});

it("what a killed hub left is removed by the next server, also where nobody has asked for its end yet", async ({
  skip,
}) => {
  skip(process.platform !== "linux", "such processes are told from others on Linux alone");
  const parent = spawnForTest("sh", ["-c", "sleep infinity & echo $!; exec sleep infinity"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = parent.stdout ? await once(parent.stdout, "data") : [];
  const ended = Number(said);
  const about = (pid: number | undefined, line: RegExp) => async () =>
    line.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  await eventually(about(parent.pid, /^Name:\s(.*)/m)).toBe("sleep"); // which does not ask for anybody's end
  process.kill(ended, "SIGKILL");
  await eventually(about(ended, /^State:\s(.)/m)).toBe("Z");
  const world = await makeWorld();
  for (const folder of ["staging", "spool"]) {
    await mkdir(join(world.home, folder, `${ended}-${machine}-0123456789abcdef`), { recursive: true });
  }
  const next = await startServer({ world });
  await eventually(async () => [await next.kept("staging"), await next.kept("spool")]).toEqual([[], []]);
});
