/**
 * A company's network on this machine, in a network namespace of its own: a real proxy (tinyproxy) that wants a password,
 * the bundled relay behind TLS, and certificates of a private authority. Nothing of it reaches, or is reached from, outside.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Sandbox, startServer, type TestServer } from "./server.ts";
import { until } from "./wait.ts";

const RELAY = fileURLToPath(new URL("../../relay/dist/index.js", import.meta.url));

/** Addresses of the namespace: a private one, another one, and one of the internet (TEST-NET-3, RFC 5737). */
const HOST = "10.77.0.1";
const OTHER_HOST = "10.77.0.2";
const FAR_HOST = "203.0.113.1";
const PROXY_PORT = 3128;
const SECURE_PROXY_PORT = 3129;
const RELAY_PORT = 9784;
const EXPIRED_PORT = 444;
export const PASSWORD = "hunter2-of-the-proxy";

/** What is missing for all this, as a reason to skip; undefined if nothing is. */
export function whatIsMissing(): string | undefined {
  if (spawnSync("unshare", ["--net", "true"]).status !== 0) return "needs Linux and root";
  const tools = { ip: "-V", nsenter: "-V", openssl: "version", tinyproxy: "-v" };
  const missing = Object.entries(tools).filter(([name, version]) => spawnSync(name, [version]).status !== 0);
  return missing.length > 0 ? `needs ${missing.map(([name]) => name).join(", ")}` : undefined;
}

export interface Company extends AsyncDisposable {
  /** The PEM of the authority. */
  readonly authority: string;
  /** The relay: as it should be, with a certificate of another host, with one that has expired, and without TLS. */
  readonly relay: string;
  readonly wrongHost: string;
  readonly expired: string;
  readonly far: string;
  readonly near: string;
  /** The proxy, which wants a name and PASSWORD: by HTTP, and by TLS. */
  readonly proxy: string;
  readonly secureProxy: string;
  readonly host: string;
  /** What the proxy was asked for, by its own log. */
  connects(): string[];
  /** A server of Claude Spread in this network, until the test is over. */
  startServer(env: Record<string, string>, sandbox?: Sandbox): Promise<TestServer>;
}

/** Ends TLS in front of other ports; told by its arguments what, once "ready" is printed. */
const TERMINATOR = `
const { connect } = require("node:net"), { createServer } = require("node:tls"), { readFileSync } = require("node:fs");
const { once } = require("node:events");
const listening = JSON.parse(process.argv[1]).map(({ host, port, to, toHost, key, cert }) => {
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (outer) => {
    const inner = connect(to, toHost);
    for (const [a, b] of [[outer, inner], [inner, outer]]) a.on("error", () => {}).on("close", () => b.destroy()).pipe(b);
  }).listen(port, host);
  server.on("tlsClientError", () => {});
  return once(server, "listening");
});
Promise.all(listening).then(() => console.log("ready"));
`;

export async function startCompany(): Promise<Company> {
  const base = await mkdtemp(join(tmpdir(), "claude-spread-company-"));
  const children: ChildProcess[] = [];
  const close = async () => {
    for (const child of children.reverse()) {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    await rm(base, { recursive: true, force: true });
  };
  try {
    return { ...(await build(base, children)), [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @param children gets whatever is started. */
async function build(base: string, children: ChildProcess[]): Promise<Omit<Company, typeof Symbol.asyncDispose>> {
  const start = async (command: string, args: string[], sign: RegExp) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: { PATH: process.env.PATH } });
    children.push(child);
    let said = "";
    child.stdout.on("data", (text) => {
      said += text;
    });
    await until(`${args.join(" ")} is ready`, () => sign.test(said));
    return child;
  };
  const addresses = [HOST, OTHER_HOST, FAR_HOST].map((address) => `ip address add ${address}/32 dev lo`);
  const setUp = ["ip link set lo up", ...addresses, "echo ready", "exec cat"].join(" && ");
  const holder = await start("unshare", ["--net", "sh", "-c", setUp], /ready/);
  const inside = ["nsenter", `--net=/proc/${holder.pid}/ns/net`];
  const startInside = (args: string[], sign: RegExp) => start("nsenter", [...inside.slice(1), ...args], sign);

  const log = join(base, "tinyproxy.log");
  const settings = join(base, "tinyproxy.conf");
  const basics = [`Port ${PROXY_PORT}`, `Listen ${HOST}`, "Timeout 600", "MaxClients 50", `BasicAuth me ${PASSWORD}`];
  writeFileSync(settings, [...basics, `LogFile "${log}"`, "LogLevel Info", ""].join("\n"));
  writeFileSync(log, "");
  const { authority, good, expired } = makeCertificates(base);
  const relayed = { to: RELAY_PORT, toHost: "127.0.0.1" };
  const ends = [
    { host: HOST, port: 443, ...relayed, ...good },
    { host: OTHER_HOST, port: 443, ...relayed, ...good },
    { host: HOST, port: EXPIRED_PORT, ...relayed, ...expired },
    { host: HOST, port: SECURE_PROXY_PORT, to: PROXY_PORT, toHost: HOST, ...good },
  ];
  const relay = [process.execPath, RELAY, "--port", String(RELAY_PORT), "--rate-limit-max", "1000"];
  await startInside(relay, /listening/);
  await startInside([process.execPath, "-e", TERMINATOR, JSON.stringify(ends)], /ready/);
  await startInside(["tinyproxy", "-d", "-c", settings], /^/);
  await until("the proxy is ready", () => /accept/i.test(readFileSync(log, "utf8")));

  return {
    authority,
    relay: `wss://${HOST}`,
    wrongHost: `wss://${OTHER_HOST}`,
    expired: `wss://${HOST}:${EXPIRED_PORT}`,
    far: `ws://${FAR_HOST}:${RELAY_PORT}`,
    near: `ws://${HOST}:${RELAY_PORT}`,
    proxy: `http://me:${PASSWORD}@${HOST}:${PROXY_PORT}`,
    secureProxy: `https://me:${PASSWORD}@${HOST}:${SECURE_PROXY_PORT}`,
    host: HOST,
    connects: () => [...readFileSync(log, "utf8").matchAll(/: CONNECT (\S+) HTTP/g)].map(([, target]) => target ?? ""),
    startServer: (env, sandbox) => startServer({ env, inside, ...(sandbox && { sandbox }) }),
  };
}

/** An authority, a certificate of it for HOST, and one whose time is over. */
function makeCertificates(base: string) {
  const at = (name: string) => join(base, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = at("authority.pem");
  const root = ["-keyout", at("authority.key"), "-out", authority, "-subj", "/CN=Authority of the test"];
  openssl("req", "-x509", ...newKey, "-days", "1", ...root);
  const make = (name: string, days: number) => {
    const [key, asked, cert] = [at(`${name}.key`), at(`${name}.csr`), at(`${name}.pem`)];
    const subject = ["-subj", "/CN=relay", "-addext", `subjectAltName=IP:${HOST}`];
    openssl("req", ...newKey, "-keyout", key, "-out", asked, ...subject);
    const signer = ["-CA", authority, "-CAkey", at("authority.key"), "-CAcreateserial", "-copy_extensions", "copy"];
    openssl("x509", "-req", "-in", asked, ...signer, "-days", String(days), "-out", cert);
    return { key, cert };
  };
  return { authority, good: make("good", 1), expired: make("expired", -1) };
}
