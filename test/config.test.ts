import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, it } from "vitest";
import { readConfig } from "../src/config.ts";

it("stands on defaults where nothing is set", () => {
  expect(readConfig({})).toEqual({
    home: join(homedir(), ".claude-spread"),
    relay: undefined,
    mdns: true,
    hub: true,
    log: "error",
    project: process.cwd(),
    roots: [process.cwd(), tmpdir(), join(homedir(), ".claude-spread")],
  });
});

it("takes every variable, and several folders", () => {
  const config = readConfig({
    DISTILL_HOME: "/srv/spread",
    DISTILL_RELAY_URL: "wss://relay.example",
    DISTILL_LOG: "info",
    DISTILL_MDNS: "off",
    DISTILL_HUB: "off",
    DISTILL_ALLOW_PATHS: `/data/a${delimiter}/data/b`,
    CLAUDE_PROJECT_DIR: "/srv/project",
  });
  expect(config.home).toBe("/srv/spread");
  expect(config.relay?.url.href).toBe("wss://relay.example/");
  expect(config.log).toBe("info");
  expect([config.mdns, config.hub]).toEqual([false, false]);
  expect(config.roots).toEqual(["/srv/project", tmpdir(), "/srv/spread", "/data/a", "/data/b"]);
});

it("takes what is empty, or a placeholder that the client left in place, for unset", () => {
  const config = readConfig({ DISTILL_RELAY_URL: " ", DISTILL_LOG: "", DISTILL_HOME: `\${DISTILL_HOME}` });
  expect(config).toEqual(readConfig({}));
});

it("names every wrong variable at once, and quotes none", () => {
  const wrong = {
    DISTILL_HOME: "relative/hunter2",
    DISTILL_RELAY_URL: "http://user:hunter2@x",
    DISTILL_LOG: "hunter2",
    DISTILL_MDNS: "hunter2",
    DISTILL_HUB: "hunter2",
    DISTILL_ALLOW_PATHS: "hunter2",
  };
  let error: { code?: string; message?: string } = {};
  try {
    readConfig(wrong);
  } catch (it) {
    error = it as typeof error;
  }
  expect(error.code).toBe("bad-config");
  for (const name of Object.keys(wrong)) expect(error.message).toContain(name);
  expect(error.message).not.toContain("hunter2");
});
