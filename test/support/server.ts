/** Real server processes, each in a sandbox of its own: what a model sees of Claude Spread. All of it is gone after the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { chown, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import type { RequestOptions } from "@modelcontextprotocol/sdk/shared/protocol.js";
import { ElicitRequestSchema, type ElicitResult, LATEST_PROTOCOL_VERSION } from "@modelcontextprotocol/sdk/types.js";
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv";
import type { JsonSchemaType, JsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/types.js";
import { expect } from "vitest";
import { later } from "./later.ts";
import { until, WAIT_MS } from "./wait.ts";

export const ENTRY = fileURLToPath(new URL("../../dist/claude-spread.js", import.meta.url));
const NOBODY = 65_534;

export interface Options {
  /** On top of what every server gets; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The sandbox of another server, instead of a new one. */
  readonly sandbox?: Sandbox;
  /** Lives until the last test of the file is over. */
  readonly lasting?: boolean;
  /** Who answers what the client is to ask its user; without one the client cannot ask. */
  readonly person?: (question: string) => ElicitResult;
  /** Another copy of the server, by its file. */
  readonly entry?: string;
  /** A command that runs the rest of its line in another network: `ip netns exec <name>`, for example. */
  readonly inside?: readonly string[];
  /** Where the tests run as root, whom no permission stops: as a user without any. */
  readonly unprivileged?: boolean;
}

/** The folders that a server sees: all absolute, all of this test alone. */
export interface Sandbox {
  readonly base: string;
  /** DISTILL_HOME, which is not there until it is needed. */
  readonly home: string;
  readonly project: string;
  /** In no folder that may be shared from. */
  readonly outside: string;
}

export async function makeSandbox(lasting = false): Promise<Sandbox> {
  const base = await mkdtemp(join(tmpdir(), "claude-spread-test-"));
  const home = join(base, "user", ".claude-spread");
  later(async () => {
    await endHub(home).finally(() => rm(base, { recursive: true, force: true }));
  }, lasting);
  for (const name of ["user", "project", "outside", "tmp"]) await mkdir(join(base, name));
  return {
    base,
    home,
    project: join(base, "project"),
    outside: join(base, "outside"),
  };
}

/** What hub.json says of the hub of a home; undefined if there is none. */
export async function hubOf(home: string): Promise<{ pid: number; socket: string; version: string } | undefined> {
  const text = await readFile(join(home, "hub.json"), "utf8").catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

/** Ends the hub that servers have started, and sees to it that nothing is left but a socket that nobody listens at. */
export async function endHub(home: string): Promise<void> {
  // Where several were started at once, the slower ones leave by themselves.
  await until("there is one hub at most", async () => (await hubsOf(home)).length <= 1);
  const pids = await hubsOf(home);
  for (const pid of pids) process.kill(pid, "SIGTERM");
  await until("the hub has ended", async () => (await hubsOf(home)).length === 0).catch(async (error: Error) => {
    for (const pid of await hubsOf(home)) process.kill(pid, "SIGKILL");
    throw error;
  });
  if (pids.length === 0) return; // or one was killed, which has left its notice
  const named = await hubOf(home).catch(() => undefined);
  if (named && !pids.includes(named.pid)) return endHub(home); // it was on its way when the first was told to end
  expect(named).toBeUndefined();
}

/** The processes of hubs of a home: those of this machine that live. */
export async function hubsOf(home: string): Promise<number[]> {
  // Without promises: that is several times cheaper, and each test looks through all processes of the machine.
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "latin1").split("\0");
    } catch {
      return []; // it has ended meanwhile, or is another user's
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => read(pid, "cmdline")[2] === "hub" && read(pid, "environ").includes(`DISTILL_HOME=${home}`))
    .map(Number);
}

async function commandOf({ env, entry = ENTRY, inside = [], unprivileged }: Options, sandbox: Sandbox) {
  const variables: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    HOME: join(sandbox.base, "user"),
    TMPDIR: join(sandbox.base, "tmp"),
    DISTILL_HOME: sandbox.home,
    DISTILL_MDNS: "off", // the network of the machine that tests is no business of theirs
    CLAUDE_PROJECT_DIR: sandbox.project,
    ...env,
  };
  const args = [entry];
  if (unprivileged && process.getuid?.() === 0) {
    for (const name of ["", "user", "project", "outside", "tmp"]) await chown(join(sandbox.base, name), NOBODY, NOBODY);
    const drop = `process.setgroups([]);process.setgid(${NOBODY});process.setuid(${NOBODY})`;
    args.unshift("--import", `data:text/javascript,${drop}`);
  }
  const set = Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const [command = process.execPath, ...rest] = [...inside, process.execPath, ...args];
  return { command, args: rest, env: Object.fromEntries(set) };
}

/** What distill_share answers. */
export interface Offered {
  share_id: string;
  code?: string;
  room: string;
  relay_url?: string;
  passphrase?: string;
  lan?: { instance?: string; port: number; addresses: string[] };
  expires_at: string;
  receivers: number;
  bytes: number;
  sha256: string;
  tell_receiver: string;
  warnings: string[];
}

/** What distill_receive answers. */
export interface Taken {
  id: string;
  kind: string;
  sessions?: { number: number; title: string; branch?: string; turns: number; bytes: number }[];
  title: string;
  content: string;
  bytes: number;
  sha256: string;
  saved_to: string;
  original: string;
  via: "lan" | "relay";
  warnings: string[];
}

/** A share as distill_status lists it. */
export interface Listed extends Omit<Offered, "tell_receiver"> {
  this_session: boolean;
  relay_away_since?: string;
  title: string;
  state: string;
  summary: string;
  delivered: number;
  unconfirmed: number;
  failed_attempts: number;
  ended_at?: string;
  last_failure?: string;
}

export interface Answer {
  readonly isError: boolean;
  readonly text: string;
  readonly data: unknown;
}

type Arguments = Record<string, unknown>;

export class TestServer {
  readonly client: Client;
  readonly sandbox: Sandbox;
  readonly pid: number;
  readonly #stderr: string[];

  constructor(client: Client, sandbox: Sandbox, pid: number, stderr: string[]) {
    this.client = client;
    this.sandbox = sandbox;
    this.pid = pid;
    this.#stderr = stderr;
  }

  get home(): string {
    return this.sandbox.home;
  }

  get project(): string {
    return this.sandbox.project;
  }

  stderr(): string {
    return this.#stderr.join("");
  }

  /** The client checks every result by the tool's output schema. */
  async call(name: string, args: Arguments = {}, options: RequestOptions = {}): Promise<Answer> {
    const answer = await this.client.callTool({ name, arguments: args }, undefined, { timeout: WAIT_MS, ...options });
    const [first] = answer.content as { type: string; text?: string }[];
    return { isError: answer.isError === true, text: first?.text ?? "", data: answer.structuredContent };
  }

  async share(args: Arguments): Promise<Offered> {
    return (await this.#well("distill_share", args)) as Offered;
  }

  async receive(args: Arguments, options?: RequestOptions): Promise<Taken> {
    return (await this.#well("distill_receive", args, options)) as Taken;
  }

  async shares(): Promise<Listed[]> {
    return ((await this.#well("distill_status", {})) as { shares: Listed[] }).shares;
  }

  /** The youngest share. */
  async status(): Promise<Listed> {
    const last = (await this.shares()).at(-1);
    if (!last) throw new Error("there is no share");
    return last;
  }

  /** Until the youngest share is in this state. */
  async becomes(state: string): Promise<Listed> {
    let seen = "";
    const there = async () => {
      seen = (await this.status()).state;
      return seen === state;
    };
    await until(`the share is ${state}`, there).catch((error: Error) => {
      throw new Error(`${error.message}, it is ${seen}`);
    });
    return this.status();
  }

  /** A call that must fail, and in the form that all errors have. */
  async fails(name: string, args: Arguments, options?: RequestOptions): Promise<{ code: string; text: string }> {
    const { isError, text } = await this.call(name, args, options);
    const code = /^Error ([a-z-]+): [^\n]+\.\nWhat to do: [^\n]+\.$/.exec(text)?.[1];
    if (!isError || code === undefined) throw new Error(`no error in its form: ${text}`);
    return { code, text };
  }

  /** Names of what lies in a folder of the home. */
  async kept(folder: "inbox" | "staging" | "spool"): Promise<string[]> {
    return readdir(join(this.home, folder)).catch(() => []);
  }

  kill(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  async stop(): Promise<void> {
    await this.client.close();
  }

  async #well(name: string, args: Arguments, options?: RequestOptions): Promise<unknown> {
    const { isError, text, data } = await this.call(name, args, options);
    if (isError) throw new Error(text);
    return data;
  }
}

/** Compiles each schema once: every server lists the same tools. */
class Validators {
  readonly #ajv = new AjvJsonSchemaValidator();
  readonly #made = new Map<string, JsonSchemaValidator<unknown>>();

  getValidator<T>(schema: JsonSchemaType): JsonSchemaValidator<T> {
    const key = JSON.stringify(schema);
    const made = this.#made.get(key) ?? this.#ajv.getValidator(schema);
    this.#made.set(key, made);
    return made as JsonSchemaValidator<T>;
  }
}

const jsonSchemaValidator = new Validators();

/** A server and the client that has started it. */
export async function startServer(options: Options = {}): Promise<TestServer> {
  const sandbox = options.sandbox ?? (await makeSandbox(options.lasting));
  const transport = new StdioClientTransport({
    ...(await commandOf(options, sandbox)),
    cwd: sandbox.project,
    stderr: "pipe",
  });
  const stderr: string[] = [];
  transport.stderr?.on("data", (text) => stderr.push(String(text)));
  const { person } = options;
  const capabilities = person ? { elicitation: {} } : {};
  const client = new Client({ name: "test", version: "0" }, { capabilities, jsonSchemaValidator });
  if (person) client.setRequestHandler(ElicitRequestSchema, ({ params }) => person(params.message));
  later(() => client.close(), options.lasting);
  await client.connect(transport);
  await client.listTools(); // from here on, the client knows the output schemas
  return new TestServer(client, sandbox, transport.pid ?? 0, stderr);
}

/** A server spoken to without a library, for what one hides: the bytes on stdout, the exit code, the end of stdin. */
export class BareServer {
  readonly sandbox: Sandbox;
  readonly child: ChildProcess;
  /** The exit code, null after a signal that was not caught. */
  readonly ended: Promise<number | null>;
  stdout = "";
  stderr = "";
  #id = 0;

  constructor(child: ChildProcess, sandbox: Sandbox) {
    this.child = child;
    this.sandbox = sandbox;
    this.ended = once(child, "close").then(([code]) => code as number | null);
    child.stdin?.on("error", () => {});
    child.stdout?.setEncoding("utf8").on("data", (text) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text) => {
      this.stderr += text;
    });
  }

  get lines(): string[] {
    return this.stdout.split("\n").slice(0, -1);
  }

  write(text: string): void {
    this.child.stdin?.write(text);
  }

  /** @returns the number that the answer will have. */
  send(method: string, params: object): number {
    this.#id += 1;
    this.write(`${JSON.stringify({ jsonrpc: "2.0", id: this.#id, method, params })}\n`);
    return this.#id;
  }

  async ask<T>(method: string, params: object): Promise<T> {
    const id = this.send(method, params);
    let answer: { result?: T } | undefined;
    await until(`${method} is answered`, () => {
      answer = this.lines.map((line) => JSON.parse(line)).find((message) => message.id === id);
      return answer !== undefined;
    });
    if (!answer?.result) throw new Error(JSON.stringify(answer));
    return answer.result;
  }

  async share(args: Arguments): Promise<Offered> {
    const params = { name: "distill_share", arguments: args };
    return (await this.ask<{ structuredContent: Offered }>("tools/call", params)).structuredContent;
  }
}

export async function startBare(options: Options = {}): Promise<BareServer> {
  const sandbox = options.sandbox ?? (await makeSandbox());
  const { command, args, env } = await commandOf(options, sandbox);
  const child = spawn(command, args, { env, cwd: sandbox.project, stdio: "pipe" });
  const server = new BareServer(child, sandbox);
  later(async () => {
    child.kill("SIGKILL");
    await server.ended;
  });
  await server.ask("initialize", {
    protocolVersion: LATEST_PROTOCOL_VERSION,
    capabilities: {},
    clientInfo: { name: "test", version: "0" },
  });
  server.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
  return server;
}
