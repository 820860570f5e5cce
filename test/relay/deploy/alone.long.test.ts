/**
 * The relay without the rest of the checkout: what the Dockerfile and install.sh make of it, made in empty folders. Packages
 * come from npm's cache, where an install has left them, or from the registry.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { harness } from "../support.ts";
import { has, ROOT, relayProcess, shipped, temporary } from "./support.ts";

const { pair, undo } = harness();
/** What must be there, of what the relay asks for by itself; and what must not. */
const ASKED_FOR = ["bufferutil", "claude-spread-relay", "pino", "prom-client", "proxy-addr", "ws", "zod"];
const NOT_FOR_IT = ["@modelcontextprotocol", "@noble", "esbuild", "typescript", "vitest", "yjs"];

async function works(app: string): Promise<void> {
  const port = await relayProcess(undo, {}, join(app, "relay/dist/index.js"));
  const { sender, receiver } = await pair(`ws://127.0.0.1:${port}`);
  sender.send("through");
  expect(await receiver.text()).toBe("through");
}

function packagesOf(app: string): string[] {
  return readdirSync(join(app, "node_modules")).filter((name) => !name.startsWith("."));
}

/** What git knows of a path, or git would add: what a fresh checkout has. */
function copyFromCheckout(path: string, to: string): void {
  const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", path], { cwd: ROOT, encoding: "utf8" });
  for (const file of files.trim().split("\n")) {
    const below = file.slice(path.length);
    cpSync(join(ROOT, file), below ? join(to, below) : to);
  }
}

/** Runs the lines of the Dockerfile that do not need Docker. Returns the folder of the last stage. */
function follow(dockerfile: string): string {
  const stages = new Map<string, string>();
  let app = "";
  for (const line of dockerfile.split("\n")) {
    const [word, ...rest] = line.split(" ");
    if (word === "FROM") {
      app = temporary(undo);
      stages.set(rest[2] ?? "last", app);
    } else if (word === "RUN") {
      execFileSync("sh", ["-c", rest.join(" ")], {
        cwd: app,
        stdio: "pipe",
        env: { PATH: process.env.PATH, HOME: process.env.HOME, npm_config_prefer_offline: "true" },
      });
    } else if (word === "COPY") copy(rest, app, stages);
  }
  return app;
}

/** What COPY is followed by: `--from=` a stage, or else what is copied is of the checkout; names, and where they go. */
function copy(words: readonly string[], app: string, stages: ReadonlyMap<string, string>): void {
  const [, from] = /^--from=(.*)$/.exec(words[0] ?? "") ?? [];
  const names = from ? words.slice(1) : words;
  const last = names.at(-1) ?? "";
  const to = resolve(app, last);
  for (const name of names.slice(0, -1)) {
    // As in Docker: of a folder its content, and a file goes into what ends with a slash.
    const file = last.endsWith("/") && !name.startsWith("/");
    const target = file ? join(to, name.split("/").at(-1) ?? "") : to;
    if (file) mkdirSync(to, { recursive: true });
    if (from) cpSync(join(stages.get(from) ?? "", name.replace(/^\/app/, "")), target, { recursive: true });
    else copyFromCheckout(name, target);
  }
}

test("what the Dockerfile copies and runs is a relay with what it asks for, without sources or build tools", async () => {
  const app = follow(shipped("Dockerfile"));
  expect(packagesOf(app)).toEqual(expect.arrayContaining(ASKED_FOR));
  expect(packagesOf(app).filter((name) => NOT_FOR_IT.includes(name))).toEqual([]);
  expect(readdirSync(join(app, "relay")).sort()).toEqual(["LICENSE", "dist", "package.json"]);
  await works(app);
});

test("install.sh puts down a relay that runs, keeps its settings at an update, and shows them to nobody", async ({
  skip,
}) => {
  skip(!has("bash", "--version"), "needs bash");
  const root = temporary(undo);
  const app = join(root, "opt/claude-spread-relay");
  const settings = join(root, "etc/claude-spread-relay/relay.env");
  const install = () =>
    execFileSync(join(ROOT, "relay/deploy/install.sh"), {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, DESTDIR: root, npm_config_prefer_offline: "true" },
      stdio: "pipe",
    });
  install();
  expect(packagesOf(app)).toEqual(expect.arrayContaining(ASKED_FOR));
  expect(packagesOf(app).filter((name) => NOT_FOR_IT.includes(name))).toEqual([]);
  expect(statSync(settings).mode & 0o777).toBe(0o640);
  expect(readFileSync(settings, "utf8")).toContain("\nRELAY_TRUST_PROXY=1\n");
  expect(readFileSync(settings, "utf8")).not.toMatch(/DOMAIN|COMPOSE/);
  const [secret] = /^RELAY_SECRET=[0-9a-f]{32}$/m.exec(readFileSync(settings, "utf8")) ?? [];
  expect(secret).toBeDefined();
  await works(app);

  execFileSync("sh", ["-c", `echo RELAY_MAX_ROOMS=5 >>"$0"`, settings]);
  install();
  expect(readFileSync(settings, "utf8")).toMatch(/RELAY_MAX_ROOMS=5\n$/);
  expect(readFileSync(settings, "utf8")).toContain(secret);
  expect(readdirSync(join(root, "opt"))).toEqual(["claude-spread-relay"]);

  const unit = readFileSync(join(root, "etc/systemd/system/claude-spread-relay.service"), "utf8");
  const [, node = "", entry = ""] = /^ExecStart=(\S+) (\S+)$/m.exec(unit) ?? [];
  expect([existsSync(node), existsSync(join(app, entry))]).toEqual([true, true]);
});
