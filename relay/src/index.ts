#!/usr/bin/env node
/** The process around a relay: its settings, its signals, its log and its exit code. */
import { readConfig } from "./config/config.ts";
import { DEFAULTS, type Settings } from "./config/settings.ts";
import { usage } from "./config/tables.ts";
import { collectLessOften } from "./heap.ts";
import { healthProblem, ownHealthUrl } from "./http/healthcheck.ts";
import { type Log, openLog } from "./observe/log.ts";
import { LogFolder } from "./observe/log-folder.ts";
import { type Relay, startRelay } from "./relay.ts";

const EXIT_FAILED = 1;
const EXIT_WRONG_SETTINGS = 2;

collectLessOften();
const config = readConfig(process.argv.slice(2), process.env);
switch (config.kind) {
  case "help":
    process.stdout.write(usage());
    break;
  case "wrong":
    process.stderr.write(`relay: wrong settings\n${config.problems.map((problem) => `  ${problem}\n`).join("")}`);
    process.exitCode = EXIT_WRONG_SETTINGS;
    break;
  case "healthcheck":
    await check(config.url ?? ownHealthUrl(config.settings));
    break;
  case "run":
    await run(config.settings);
    break;
  default:
    config satisfies never;
}

async function check(url: string): Promise<void> {
  const problem = await healthProblem(url);
  if (problem === undefined) return;
  process.stderr.write(`relay: not healthy: ${problem}\n`);
  process.exitCode = EXIT_FAILED;
}

async function run(given: Partial<Settings>): Promise<void> {
  const settings = { ...DEFAULTS, ...given };
  let log: Log | undefined;
  let relay: Relay;
  try {
    log = await logOf(settings);
    relay = await startRelay({ ...given, ...(log && { onEvent: log.onEvent }) });
  } catch (cause) {
    process.stderr.write(`relay: cannot start: ${cause instanceof Error ? cause.message : "unknown error"}\n`);
    process.exitCode = EXIT_FAILED;
    await log?.close();
    return;
  }

  let stopping = false;
  const onSignal = () => {
    if (stopping) process.exit(EXIT_FAILED);
    stopping = true;
    void relay.drain().then(() => log?.close());
  };
  // Without a certificate, SIGHUP means what it always does: the terminal is gone.
  if (settings.tlsCert) process.on("SIGHUP", () => readCertificateAnew(relay));
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}

/** @throws the system's error for a folder that cannot be written to. */
async function logOf({ log, logDetail, logDir }: Settings): Promise<Log | undefined> {
  if (log === "silent" && logDir === "") return undefined;
  const folder = logDir ? await LogFolder.open(logDir) : undefined;
  return openLog({ detail: logDetail === "on", stdout: log === "info", folder });
}

function readCertificateAnew(relay: Relay): void {
  try {
    relay.reloadCertificate();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "unknown error";
    process.stderr.write(`relay: the old certificate stays: ${why}\n`);
  }
}
