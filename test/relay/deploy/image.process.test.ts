/** What an image is made of, and how it is asked whether it is well. That it can be made is in alone.long.test.ts. */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { harness } from "../support.ts";
import { ROOT, relayProcess, shipped } from "./support.ts";

const { undo } = harness();

test("Docker is sent what the Dockerfile copies, and nothing else", () => {
  const copied = [...shipped("Dockerfile").matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, names]) =>
    names?.split(" "),
  );
  const sent = [...shipped("Dockerfile.dockerignore").matchAll(/^!(.*)$/gm)].map(([, name]) => name);
  expect([...new Set(copied)].sort()).toEqual(sent.sort());
  expect(shipped("Dockerfile.dockerignore")).toMatch(/^\*$/m);
});

const [command = "", ...args] = JSON.parse(
  /^HEALTHCHECK .* CMD (.*)$/m.exec(shipped("Dockerfile"))?.[1] ?? "[]",
) as string[];
test("the image's health check is for a relay that runs, and against none", async () => {
  const port = await relayProcess(undo);
  const check = (env: Record<string, string>) =>
    spawnSync(command, args, { cwd: ROOT, env: { PATH: process.env.PATH, ...env } }).status;
  expect(check({ RELAY_PORT: String(port) })).toBe(0);
  expect(check({ RELAY_PORT: "1" })).toBe(1);
});
