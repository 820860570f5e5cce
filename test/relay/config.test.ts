import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { readConfig, usage } from "../../relay/src/config/config.ts";
import { DEFAULTS } from "../../relay/src/config/settings.ts";

const ENVIRONMENT = {
  RELAY_HOST: "127.0.0.1",
  RELAY_PORT: "1",
  RELAY_MAX_ROOMS: "2",
  RELAY_ROOM_TTL: "3",
  RELAY_MAX_MSG_SIZE: "131072",
  RELAY_RATE_LIMIT_MAX: "5",
  RELAY_RATE_LIMIT_WINDOW: "6",
  RELAY_METRICS_PORT: "7",
  RELAY_METRICS_HOST: "::1",
  RELAY_LOG: "silent",
  RELAY_LOG_DETAIL: "on",
};
const SETTINGS = {
  host: "127.0.0.1",
  port: 1,
  maxRooms: 2,
  roomTtlMs: 3000,
  maxMessageBytes: 131072,
  rateLimitMax: 5,
  rateLimitWindowMs: 6000,
  metricsPort: 7,
  metricsHost: "::1",
  log: "silent",
  logDetail: "on",
};

test("has the documented defaults", () => {
  expect(readConfig([], {})).toEqual({ kind: "run", settings: {} });
  expect(DEFAULTS).toMatchObject({
    host: "0.0.0.0",
    port: 9784,
    maxRooms: 1000,
    roomTtlMs: 1_800_000,
    maxMessageBytes: 10_485_760,
    rateLimitMax: 20,
    rateLimitWindowMs: 60_000,
    metricsPort: undefined,
    metricsHost: "127.0.0.1",
    log: "info",
    logDetail: "off",
  });
});

test("reads every setting from the environment", () => {
  expect(readConfig([], ENVIRONMENT)).toEqual({ kind: "run", settings: SETTINGS });
});

test("reads every setting from flags, with = and without", () => {
  const flags = {
    "--host": "127.0.0.1",
    "--port": "1",
    "--max-rooms": "2",
    "--room-ttl": "3",
    "--max-msg-size": "131072",
    "--rate-limit-max": "5",
    "--rate-limit-window": "6",
    "--metrics-port": "7",
    "--metrics-host": "::1",
    "--log": "silent",
    "--log-detail": "on",
  };
  const apart = Object.entries(flags).flat();
  const joined = Object.entries(flags).map((pair) => pair.join("="));
  expect(readConfig(apart, {})).toEqual({ kind: "run", settings: SETTINGS });
  expect(readConfig(joined, {})).toEqual({ kind: "run", settings: SETTINGS });
});

test("a flag beats the environment, even a wrong one", () => {
  expect(readConfig(["--port", "7"], { RELAY_PORT: "8" })).toEqual({ kind: "run", settings: { port: 7 } });
  expect(readConfig(["--port", "7"], { RELAY_PORT: "x" })).toEqual({ kind: "run", settings: { port: 7 } });
});

test("an empty environment variable counts as unset", () => {
  expect(readConfig([], { RELAY_PORT: "" })).toEqual({ kind: "run", settings: {} });
});

test("names every wrong setting at once, with what it should be", () => {
  const config = readConfig(["--port=65536", "--max-rooms", "--bogus=1", "stray", "--host="], {
    RELAY_ROOM_TTL: "1.5",
    RELAY_MAX_MSG_SIZE: "10M",
    RELAY_RATE_LIMIT_MAX: "0",
    RELAY_RATE_LIMIT_WINDOW: "-1",
    RELAY_LOG: "debug",
    RELAY_LOG_DETAIL: "yes",
  });
  expect(config.kind).toBe("wrong");
  const problems = config.kind === "wrong" ? config.problems.join("\n") : "";
  expect(problems).toContain('--port must be a whole number from 0 to 65535, not "65536"');
  expect(problems).toContain("--max-rooms must be a whole number from 1 to 1000000, but has no value");
  expect(problems).toContain("unknown flag --bogus");
  expect(problems).toContain("--host must be an IP address or a host name");
  expect(problems).toContain('RELAY_ROOM_TTL must be a whole number from 1 to 604800 (seconds), not "1.5"');
  expect(problems).toContain('RELAY_MAX_MSG_SIZE must be a whole number from 131072 to 1073741824 (bytes), not "10M"');
  expect(problems).toContain('RELAY_LOG must be info or silent, not "debug"');
  expect(problems).toContain('RELAY_LOG_DETAIL must be off or on, not "yes"');
  expect(problems).toContain("RELAY_RATE_LIMIT_MAX must be a whole number from 1");
  expect(problems).toContain("RELAY_RATE_LIMIT_WINDOW must be a whole number from 1 to 86400 (seconds)");
});

test("refuses an argument that is no flag, and a flag without its value", () => {
  expect(readConfig(["9784"], {})).toEqual({ kind: "wrong", problems: ['unexpected argument "9784"'] });
  expect(readConfig(["--port"], {})).toEqual({
    kind: "wrong",
    problems: ["--port must be a whole number from 0 to 65535, but has no value"],
  });
});

test.each(["constructor", "__proto__", "toString"])("knows no flag --%s", (name) => {
  expect(readConfig([`--${name}`], {})).toEqual({ kind: "wrong", problems: [`unknown flag --${name}`] });
  expect(readConfig([`--${name}`, "--help"], {})).toEqual({ kind: "help" });
});

test("opens tunnels without tokens to this machine alone, and to no proxy of its", () => {
  const token = "0123456789abcdef";
  const open = (env: Record<string, string>) => readConfig(["--doors=tunnel"], env).kind;
  expect(open({})).toBe("wrong");
  expect(open({ RELAY_TUNNEL_TOKENS: token })).toBe("run");
  expect(open({ RELAY_HOST: "127.0.0.1" })).toBe("run");
  expect(open({ RELAY_HOST: "127.0.0.1", RELAY_TRUST_PROXY: "1" })).toBe("wrong");
  expect(open({ RELAY_HOST: "127.0.0.1", RELAY_TRUST_PROXY: "127.0.0.1" })).toBe("wrong");
  expect(open({ RELAY_HOST: "127.0.0.1", RELAY_TRUST_PROXY: "1", RELAY_TUNNEL_TOKENS: token })).toBe("run");
});

test("refuses messages below 128 KiB, which would fail every transfer", () => {
  expect(readConfig(["--max-msg-size=131071"], {}).kind).toBe("wrong");
  expect(readConfig(["--max-msg-size=131072"], {}).kind).toBe("run");
});

test("help names every flag and every variable with its default", () => {
  expect(readConfig(["--help"], {})).toEqual({ kind: "help" });
  expect(readConfig(["--bogus", "--help"], { RELAY_PORT: "x" })).toEqual({ kind: "help" });
  for (const name of Object.keys(ENVIRONMENT)) expect(usage()).toContain(name);
  expect(usage()).toMatch(/--room-ttl .*\[1800 seconds\]/);
});

test("the README lists every setting, with its flag and its default", async () => {
  const page = await readFile(new URL("../../relay/README.md", import.meta.url), "utf8");
  const rows = [...usage().matchAll(/^ {2}(--\S+)? +(RELAY_\w+) .*\[([^\]\s]+)[^\]]*\]$/gm)];
  expect(rows.length).toBeGreaterThan(25);
  for (const [, flag, name = "", standard = ""] of rows) {
    const row = page.split("\n").find((line) => line.startsWith("|") && line.includes(`\`${name}\``)) ?? "";
    expect(row, name).toContain(flag ?? "");
    if (name !== "RELAY_PUBLIC_HOSTS") expect(row, name).toContain(standard); // "all" says more than "none"
  }
});
