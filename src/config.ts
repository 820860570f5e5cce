/** What the environment says, read once for each call and checked whole: one error names every variable that is wrong. */
import { homedir, tmpdir } from "node:os";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { parseRelayUrl } from "./address.ts";
import { SpreadError } from "./errors.ts";
import { LOG_LEVELS, type LogLevel } from "./log.ts";
import type { RelayAccess } from "./transport/relay-connection.ts";

export interface Config {
  /** DISTILL_HOME: the folder of the inbox and of what is in transit; absolute. */
  readonly home: string;
  /** DISTILL_RELAY_URL: the relay where a call names none; and DISTILL_RELAY_TOKEN, if it is a private one. */
  readonly relay: RelayAccess | undefined;
  /** DISTILL_MDNS: whether shares are announced and looked for on the LAN. */
  readonly mdns: boolean;
  /** DISTILL_HUB: whether shares are kept by a process of their own, and not by the one that makes them. */
  readonly hub: boolean;
  /** DISTILL_LOG. */
  readonly log: LogLevel;
  /** The folder that relative paths are seen from: the project that Claude Code is in. */
  readonly project: string;
  /** Folders whose files may be shared: project, temporary folders, home, and DISTILL_ALLOW_PATHS. */
  readonly roots: readonly string[];
}

/** @throws SpreadError `bad-config`. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const wrong: string[] = [];
  const value = (name: string) => {
    const text = env[name]?.trim();
    // An unset ${NAME} in a client's configuration arrives as it stands there.
    return text === "" || text === `\${${name}}` ? undefined : text;
  };

  const home = value("DISTILL_HOME") ?? join(homedir(), ".claude-spread");
  if (!isAbsolute(home)) wrong.push("DISTILL_HOME must be an absolute path");

  const relayText = value("DISTILL_RELAY_URL");
  let relay: URL | undefined;
  try {
    relay = relayText === undefined ? undefined : parseRelayUrl(relayText);
  } catch (error) {
    wrong.push(`DISTILL_RELAY_URL: ${error instanceof SpreadError ? error.message : "not a relay address"}`);
  }

  const token = value("DISTILL_RELAY_TOKEN");
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) wrong.push("DISTILL_RELAY_TOKEN must have no blanks");
  if (token !== undefined && relayText === undefined)
    wrong.push("DISTILL_RELAY_TOKEN is for the relay of DISTILL_RELAY_URL, which is not set");

  const mdns = value("DISTILL_MDNS") ?? "on";
  if (mdns !== "on" && mdns !== "off") wrong.push("DISTILL_MDNS must be on or off");

  const hub = value("DISTILL_HUB") ?? "on";
  if (hub !== "on" && hub !== "off") wrong.push("DISTILL_HUB must be on or off");

  const logText = value("DISTILL_LOG") ?? "error";
  const log = LOG_LEVELS.find((level) => level === logText);
  if (!log) wrong.push(`DISTILL_LOG must be one of ${LOG_LEVELS.join(", ")}`);

  const allowed = (value("DISTILL_ALLOW_PATHS") ?? "").split(delimiter).filter((path) => path !== "");
  if (!allowed.every(isAbsolute)) {
    wrong.push(`DISTILL_ALLOW_PATHS must hold absolute paths, with "${delimiter}" between them`);
  }

  if (wrong.length > 0 || !log) throw new SpreadError("bad-config", wrong.join("; "));
  const project = resolve(value("CLAUDE_PROJECT_DIR") ?? process.cwd());
  return {
    home,
    relay: relay && { url: relay, token },
    mdns: mdns === "on",
    hub: hub === "on",
    log,
    project,
    roots: [project, tmpdir(), home, ...allowed],
  };
}
