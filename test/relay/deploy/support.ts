/**
 * The files of relay/deploy as they ship, under real programs: nginx and Caddy with a certificate of their own on loopback,
 * and the bundled relay behind them. Of a file only names, ports and paths are changed. All ends with its test.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { ClientRequestArgs } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { until } from "../../support/wait.ts";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const DOMAIN = "relay.test";
const RELAY = join(ROOT, "relay/dist/index.js");

export function shipped(name: string): string {
  return readFileSync(join(ROOT, "relay/deploy", name), "utf8");
}

/** Whether a program is there: asked in the way that it answers. */
export function has(tool: string, ...version: string[]): boolean {
  return spawnSync(tool, version).status === 0;
}

const help = spawnSync(process.execPath, [RELAY, "--help"], { encoding: "utf8" }).stdout;
/** The default of a setting as `--help` writes it, undefined where the relay does not know the setting. */
export function settingOf(name: string): string | undefined {
  return new RegExp(` ${name} .*\\[(.*)\\]$`, "m").exec(help)?.[1];
}

export type Undo = (() => unknown)[];

export function temporary(undo: Undo): string {
  const dir = mkdtempSync(join(tmpdir(), "claude-spread-deploy-"));
  undo.push(() => rmSync(dir, { recursive: true, force: true }));
  // nginx's workers are somebody else.
  chmodSync(dir, 0o755);
  return dir;
}

/** Free a moment ago: neither nginx nor Caddy can tell which port it took. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

interface Running {
  child: ChildProcess;
  /** All that it wrote. */
  said(): string;
}

function run(undo: Undo, command: string, args: string[], env: Record<string, string> = {}, cwd = ROOT): Running {
  const child = spawn(command, args, {
    cwd,
    env: { PATH: `${process.env.PATH}:/usr/sbin`, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (text) => {
      said += text;
    });
  }
  const ended = once(child, "close");
  undo.push(async () => {
    child.kill();
    await ended;
  });
  return { child, said: () => said };
}

/** The bundled relay, or another copy of it, until the test is over. */
export async function relayProcess(undo: Undo, env: Record<string, string> = {}, entry = RELAY): Promise<number> {
  const relay = run(undo, process.execPath, [entry], { RELAY_HOST: "127.0.0.1", RELAY_PORT: "0", ...env });
  let port = 0;
  await until("the relay listens", () => {
    if (relay.child.exitCode !== null) throw new Error(relay.said());
    port = Number(/ws:\/\/\S*?:(\d+)/.exec(relay.said())?.[1]);
    return port > 0;
  });
  return port;
}

/** A certificate for DOMAIN that vouches for itself. */
function certify(dir: string): { cert: string; key: string } {
  const [cert, key] = [join(dir, "fullchain.pem"), join(dir, "privkey.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", `/CN=${DOMAIN}`, "-addext", `subjectAltName=DNS:${DOMAIN}`, "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...curve, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { cert, key };
}

export interface Front {
  /** For clients that are given `tls`. */
  readonly url: string;
  readonly port: number;
  readonly plainPort: number;
  /** What a client needs to come by this name and to trust it; `from` is the address that it comes from. */
  tls(from?: string): ClientRequestArgs & { ca: string };
  /** All that it wrote, to its terminal and to its log. */
  said(): string;
  readonly webroot: string;
}

export type StartProxy = (undo: Undo, upstream: number, change?: (file: string) => string) => Promise<Front>;

export const startNginx: StartProxy = async (undo, upstream, change = (file) => file) => {
  const places = await prepare(undo);
  const { dir, port, plainPort, webroot } = places;
  const file = change(shipped("nginx.conf"))
    .replaceAll(/\/etc\/letsencrypt\/live\/\$\{DOMAIN\}/g, dir)
    .replaceAll(/\$\{DOMAIN\}/g, DOMAIN)
    .replaceAll(/\$\{UPSTREAM\}/g, `127.0.0.1:${upstream}`)
    .replaceAll("listen 80;", `listen 127.0.0.1:${plainPort};`)
    .replaceAll("listen 443 ", `listen 127.0.0.1:${port} `)
    // There need not be any IPv6 here.
    .replaceAll(/listen \[::\]:(\d+)/g, `listen unix:${dir}/$1.sock`)
    .replaceAll("/run/nginx.pid", join(dir, "nginx.pid"))
    .replaceAll("/var/log/nginx/error.log", join(dir, "error.log"))
    .replaceAll("/var/www/html", webroot);
  writeFileSync(join(dir, "nginx.conf"), file);
  const nginx = run(undo, "nginx", ["-c", join(dir, "nginx.conf"), "-g", "daemon off;"]);
  const said = () => nginx.said() + readFileSync(join(dir, "error.log"), "utf8");
  return ready(places, nginx, said);
};

export const startCaddy: StartProxy = async (undo, upstream, change = (file) => file) => {
  const places = await prepare(undo);
  const { dir, port, plainPort, cert, key } = places;
  const ports = ["admin off", "default_bind 127.0.0.1", `http_port ${plainPort}`, `https_port ${port}`];
  const file = change(shipped("Caddyfile"))
    .replace(/^\{$/m, `{\n${ports.join("\n")}`)
    .replace("{$DOMAIN} {", `{$DOMAIN} {\ntls ${cert} ${key}`);
  writeFileSync(join(dir, "Caddyfile"), file);
  const caddy = run(undo, "caddy", ["run", "--adapter", "caddyfile", "--config", join(dir, "Caddyfile")], {
    HOME: dir,
    DOMAIN,
    UPSTREAM: `127.0.0.1:${upstream}`,
  });
  return ready(places, caddy, caddy.said);
};

async function prepare(undo: Undo) {
  const dir = temporary(undo);
  const webroot = join(dir, "www");
  mkdirSync(webroot);
  return { dir, webroot, port: await freePort(), plainPort: await freePort(), ...certify(dir) };
}

async function ready(
  { port, plainPort, cert, webroot }: Awaited<ReturnType<typeof prepare>>,
  { child }: Running,
  said: () => string,
): Promise<Front> {
  const ca = readFileSync(cert, "utf8");
  await until("the proxy answers", async () => {
    if (child.exitCode !== null) throw new Error(said());
    const socket = connectTls({ host: "127.0.0.1", port, servername: DOMAIN, ca });
    const answered = await once(socket, "secureConnect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    return answered;
  });
  const lookup: ClientRequestArgs["lookup"] = (_name, options, found) => {
    if (options.all) found(null, [{ address: "127.0.0.1", family: 4 }]);
    else found(null, "127.0.0.1", 4);
  };
  return {
    url: `wss://${DOMAIN}:${port}`,
    port,
    plainPort,
    webroot,
    said,
    tls: (from = "127.0.0.1") => ({ ca, lookup, localAddress: from }),
  };
}
