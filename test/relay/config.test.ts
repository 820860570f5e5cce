import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { readConfig } from "../../relay/src/config/config.ts";
import { FIXED_SETTINGS } from "../../relay/src/config/operators.ts";
import { DEFAULTS } from "../../relay/src/config/settings.ts";
import { redrawnExample, redrawnReadme, usage } from "../../relay/src/config/tables.ts";

const ENVIRONMENT = {
  RELAY_HOST: "127.0.0.1",
  RELAY_PORT: "1",
  RELAY_MAX_ROOMS: "2",
  RELAY_ROOM_TTL: "3",
  RELAY_MAX_MSG_SIZE: "131072",
  RELAY_RATE_LIMIT_MAX: "5",
  RELAY_DRAIN_SECONDS: "6",
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
  drainMs: 6000,
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
    "--drain-seconds": "6",
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
    RELAY_DRAIN_SECONDS: "-1",
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
  expect(problems).toContain("RELAY_DRAIN_SECONDS must be a whole number from 0 to 86400 (seconds)");
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

test.each(FIXED_SETTINGS.map((fixed) => [fixed.env, fixed] as const))(
  "%s can no longer be set: any other value than the fixed one is refused, with that value",
  (env, { setting, flag, unit, scale }) => {
    const fixed = Number(DEFAULTS[setting]) / scale;
    const problem = (name: string) => `${name} can no longer be set: it is fixed at ${fixed} ${unit}. Remove it`;
    for (const other of [String(fixed + 1), "x", `-${fixed}`, `${fixed}.5`]) {
      expect(readConfig([], { [env]: other })).toEqual({ kind: "wrong", problems: [problem(env)] });
      expect(readConfig([`--${flag}=${other}`], {})).toEqual({ kind: "wrong", problems: [problem(`--${flag}`)] });
    }
    expect(readConfig([`--${flag}`], {})).toEqual({ kind: "wrong", problems: [problem(`--${flag}`)] });
    expect(readConfig([], { [env]: String(fixed) })).toEqual({ kind: "run", settings: {} });
    expect(readConfig([`--${flag}`, String(fixed)], {})).toEqual({ kind: "run", settings: {} });
    expect(readConfig([], { [env]: "" })).toEqual({ kind: "run", settings: {} });
    expect(usage()).not.toContain(env);
  },
);

test("names a fixed setting beside whatever else is wrong, and both where flag and variable are set", () => {
  const config = readConfig(["--port=x", "--ping-seconds=5"], { RELAY_PING_SECONDS: "6" });
  expect(config).toEqual({
    kind: "wrong",
    problems: [
      '--port must be a whole number from 0 to 65535, not "x"',
      "--ping-seconds can no longer be set: it is fixed at 25 seconds. Remove it",
      "RELAY_PING_SECONDS can no longer be set: it is fixed at 25 seconds. Remove it",
    ],
  });
});

const page = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");

test("the README lists every setting, with its flag and its default", async () => {
  const readme = await page("relay/README.md");
  const rows = [...usage().matchAll(/^ {2}(--\S+)? +(RELAY_\w+) .*\[([^\]\s]+)[^\]]*\]$/gm)];
  expect(rows.length).toBeGreaterThan(25);
  for (const [, flag, name = "", standard = ""] of rows) {
    const row = readme.split("\n").find((line) => line.startsWith("|") && line.includes(`\`${name}\``)) ?? "";
    expect(row, name).toContain(flag ?? "");
    expect(row, name).toContain(standard);
  }
});

test("the tables of README.md and .env.example are as the list of settings is; `npm run docs` redraws them", async () => {
  const [readme, example] = [await page("relay/README.md"), await page("relay/deploy/.env.example")];
  expect(redrawnReadme(readme)).toBe(readme);
  expect(redrawnExample(example)).toBe(example);
  for (const { env } of FIXED_SETTINGS) expect(readme).toContain(`\`${env}\``);
});
