/** The environment variables, read anew for each call. One error names every variable that is wrong. */
import { homedir, tmpdir } from "node:os";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { parseRelayUrl } from "./address.ts";
import { SpreadError } from "./errors.ts";
import { LOG_LEVELS, type LogLevel } from "./log.ts";
import type { RelayAccess } from "./transport/relay-connection.ts";

export interface Config {
  /** DISTILL_HOME: the folder of the inbox and of documents in transit; absolute. */
  readonly home: string;
  /** DISTILL_RELAY_URL: the relay for calls that name none; and DISTILL_RELAY_TOKEN, if it is private. */
  readonly relay: RelayAccess | undefined;
  /** DISTILL_MDNS: whether shares are announced and looked for on the LAN. */
  readonly mdns: boolean;
  /** DISTILL_HUB: whether shares live in a process of their own instead of the one that makes them. */
  readonly hub: boolean;
  /** DISTILL_LOG. */
  readonly log: LogLevel;
  /** The folder for relative paths: the project that Claude Code is in. */
  readonly project: string;
  /** Folders whose files may be shared: project, temporary folders, home, and DISTILL_ALLOW_PATHS. */
  readonly roots: readonly string[];
}

/** @throws SpreadError `bad-config`. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const variables = new Variables(env);
  const home = variables.path("DISTILL_HOME") ?? join(homedir(), ".claude-spread");
  const relay = variables.relay("DISTILL_RELAY_URL", "DISTILL_RELAY_TOKEN");
  const mdns = variables.choice("DISTILL_MDNS", ON_OFF, "on") === "on";
  const hub = variables.choice("DISTILL_HUB", ON_OFF, "on") === "on";
  const log = variables.choice("DISTILL_LOG", LOG_LEVELS, "error");
  const allowed = variables.paths("DISTILL_ALLOW_PATHS");
  variables.check();
  const project = resolve(variables.text("CLAUDE_PROJECT_DIR") ?? process.cwd());
  return { home, relay, mdns, hub, log, project, roots: [project, tmpdir(), home, ...allowed] };
}

const ON_OFF = ["on", "off"] as const;

/** Reads variables one by one and collects what is wrong with them. */
class Variables {
  readonly #env: NodeJS.ProcessEnv;
  readonly #wrong: string[] = [];

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** @throws SpreadError `bad-config`, which names every wrong variable that was read. */
  check(): void {
    if (this.#wrong.length > 0) throw new SpreadError("bad-config", this.#wrong.join("; "));
  }

  /** @returns the value without white space around it; undefined if it is unset or empty. */
  text(name: string): string | undefined {
    const text = this.#env[name]?.trim();
    // A client passes an unset ${NAME} of its configuration on literally.
    return text === "" || text === `\${${name}}` ? undefined : text;
  }

  path(name: string): string | undefined {
    const path = this.text(name);
    if (path !== undefined && !isAbsolute(path)) this.#wrong.push(`${name} must be an absolute path`);
    return path;
  }

  paths(name: string): string[] {
    const paths = (this.text(name) ?? "").split(delimiter).filter((path) => path !== "");
    if (!paths.every(isAbsolute)) {
      this.#wrong.push(`${name} must hold absolute paths, with "${delimiter}" between them`);
    }
    return paths;
  }

  choice<T extends string>(name: string, choices: readonly T[], usual: T): T {
    const text = this.text(name) ?? usual;
    const choice = choices.find((it) => it === text);
    const named = choices.length === 2 ? choices.join(" or ") : `one of ${choices.join(", ")}`;
    if (choice === undefined) this.#wrong.push(`${name} must be ${named}`);
    return choice ?? usual;
  }

  relay(urlName: string, tokenName: string): RelayAccess | undefined {
    const text = this.text(urlName);
    const token = this.text(tokenName);
    let url: URL | undefined;
    try {
      url = text === undefined ? undefined : parseRelayUrl(text);
    } catch (error) {
      this.#wrong.push(`${urlName}: ${error instanceof SpreadError ? error.message : "not a relay address"}`);
    }
    if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) this.#wrong.push(`${tokenName} must have no blanks`);
    if (token !== undefined && text === undefined) {
      this.#wrong.push(`${tokenName} is for the relay of ${urlName}, which is not set`);
    }
    return url && { url, token };
  }
}
