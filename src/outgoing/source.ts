/**
 * May this file leave the machine? A document may have talked the model into a path: here are all the checks before its bytes
 * are read: allowed folders, links, special files, keys. What is in a document is not judged here.
 */
import type { BigIntStats } from "node:fs";
import { type FileHandle, lstat, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { resolve, sep } from "node:path";
import { SpreadError, systemCode } from "../errors.ts";
import { isWithin, openForReading } from "../files.ts";
import { MAX_SHARE_BYTES } from "../limits.ts";
import { cleanLine } from "../untrusted/clean.ts";

export interface SourcePolicy {
  /** Folders, or single files, that may be shared. Relative ones are seen from `cwd`; missing ones allow nothing. */
  readonly roots: readonly string[];
  /** Absolute; where relative paths begin. */
  readonly cwd: string;
}

export interface Source {
  /** Open for reading, at the start. The caller closes it. */
  readonly handle: FileHandle;
  /** Absolute and without links: what was really opened. */
  readonly path: string;
  /** When it was opened, 1 to MAX_SHARE_BYTES. */
  readonly bytes: number;
}

/** Enough, in bytes, to see past a chain of certificates, and past the comments that generators put before a key. */
const HEAD_BYTES = 64 * 1024;

/** A path in an error message, in UTF-16 units. */
const SHOWN_PATH_CHARS = 300;

/**
 * What is never shared, whatever the roots say. Names are compared in lower case, against the path that was asked for
 * and against the one it resolved to. `docs/credentials-rotation.md` is a document, and stays one.
 */
const SECRET_NAMES: readonly { readonly name: RegExp; readonly holds: string }[] = [
  { name: /^\.env(?!\.(?:example|sample|template|dist)$)(?:[^a-z0-9].*)?$/, holds: "environment secrets" },
  {
    name: /^(?:\.envrc|(?!(?:example|sample|template|dist)\.).+\.env(?:\.(?:local|bak|old|backup))?)$/,
    holds: "environment secrets",
  },
  { name: /\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk)$/, holds: "keys" },
  { name: /^id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?$/, holds: "a private SSH key" },
  { name: /^(?:\.npmrc|\.pypirc)$/, holds: "registry tokens" },
  { name: /^(?:\.netrc|_netrc|\.git-credentials)$/, holds: "logins of remote hosts" },
  { name: /^(?:\.pgpass|pgpass\.conf|\.my\.cnf|\.mylogin\.cnf)$/, holds: "database passwords" },
  { name: /^\.htpasswd$/, holds: "password hashes" },
  { name: /^\.?credentials(?:\.json)?$/, holds: "credentials, Claude's own among them" },
  { name: /^credentials\.toml$/, holds: "registry tokens" },
  { name: /^(?:auth\.json|\.vault-token|\.dockercfg|\.dev\.vars)$/, holds: "tokens" },
  { name: /^(?:\.terraformrc|terraform\.rc|credentials\.tfrc\.json)$/, holds: "Terraform's tokens" },
  { name: /^(?:rclone\.conf|\.s3cfg|\.boto)$/, holds: "logins of cloud storage" },
  { name: /^\.yarnrc(?:\.yml)?$/, holds: "registry tokens" },
  { name: /\.tfvars(?:\.json)?$/, holds: "values for Terraform, keys among them" },
  { name: /^settings\.local\.json$/, holds: "private settings, Claude's among them" },
  { name: /^\.claude\.json$/, holds: "Claude's account and the environment of MCP servers" },
  { name: /^(?:service-account.*|application_default_credentials)\.json$/, holds: "a cloud account's key" },
  { name: /^secrets\.(?:ya?ml|json|toml|env)$/, holds: "secrets by its name" },
  { name: /\.tfstate(?:\.backup)?$/, holds: "Terraform state, in which secrets stand in the clear" },
  { name: /^\.(?:bash|zsh|sh|fish|python|node_repl|psql|mysql|sqlite|rediscli|irb)_history$/, holds: "typed history" },
  { name: /^(?:fish_history|\.histfile|consolehost_history\.txt)$/, holds: "typed history" },
];

/** Folders of which nothing is shared, as they appear in a path in lower case with `/` around every name. */
const SECRET_FOLDERS = [
  "/.ssh/",
  "/.gnupg/",
  "/.aws/",
  "/.azure/",
  "/.kube/",
  "/.docker/",
  "/.oci/",
  "/.config/gcloud/",
  "/.config/gh/",
  "/appdata/roaming/gcloud/",
  "/.password-store/",
  "/.git/",
] as const;

/** How files begin that are a private key, whatever their name: PEM and OpenSSH and PGP, SSH2, PuTTY, age. */
const KEY_HEAD =
  /^(?:-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|---- BEGIN SSH2 .*PRIVATE KEY|PuTTY-User-Key-File-|AGE-SECRET-KEY-)/;

/**
 * A private key further down, after a certificate, or as a string in JSON: its first line, headers perhaps, and a line of
 * its body. A text that only speaks of such lines has no body after them.
 */
const PEM_KEY =
  /-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:\\r|\\n|\s)+(?:[\w-]+: [^\n]*\n\s*)*[A-Za-z0-9+/=]{32}/;

/**
 * Opens an ordinary file that may be shared.
 * @param path as the user or the model gave it: absolute, relative to `cwd`, or beginning with `~/`.
 * @throws SpreadError `path-unreadable`, `path-not-allowed`, `secret-file`, `empty`, `too-large`
 */
export async function openSource(path: string, policy: SourcePolicy): Promise<Source> {
  const shown = cleanLine(path, SHOWN_PATH_CHARS);
  if (path === "" || path.includes("\0")) throw new SpreadError("path-unreadable", "the path is not a path");
  const requested = absolute(path, policy.cwd);
  const roots = policy.roots.filter((root) => root !== "").map((root) => absolute(root, policy.cwd));

  // Windows logs in to a host as soon as a path on it is touched, so \\host\share is judged before that.
  if (requested.startsWith("\\\\") && !roots.some((root) => isWithin(root, requested))) throw notAllowed(shown);
  refuseSecret(requested, shown);
  const real = await realpath(requested).catch((cause: unknown) => {
    throw unreadable(shown, cause);
  });
  refuseSecret(real, shown);
  if (!(await isInRoots(real, roots))) throw notAllowed(shown);

  // Looked at before it is opened, because opening a device can do things; and after, because it may be another by now.
  refuseSpecial(await look(real, shown), shown);
  const handle = await openForReading(real).catch((cause: unknown) => {
    throw unreadable(shown, cause);
  });
  try {
    const opened = await handle.stat({ bigint: true });
    refuseSpecial(opened, shown);
    await refuseSwapped(opened, requested, real, shown);
    if (opened.size === 0n) throw new SpreadError("empty", `${shown} is empty`);
    if (opened.size > MAX_SHARE_BYTES) throw new SpreadError("too-large", `${shown} has ${opened.size} bytes`);
    await refuseKey(handle, shown);
    return { handle, path: real, bytes: Number(opened.size) };
  } catch (thrown) {
    await handle.close();
    throw thrown instanceof SpreadError ? thrown : unreadable(shown, thrown);
  }
}

function absolute(path: string, cwd: string): string {
  const atHome = path === "~" || path.startsWith("~/") || path.startsWith(`~${sep}`);
  return atHome ? resolve(homedir(), path.slice(2)) : resolve(cwd, path);
}

/** A root that is a file holds itself. */
async function isInRoots(real: string, roots: readonly string[]): Promise<boolean> {
  for (const root of roots) {
    const realRoot = await realpath(root).catch(() => undefined);
    if (realRoot !== undefined && isWithin(realRoot, real)) return true;
  }
  return false;
}

function refuseSecret(path: string, shown: string): void {
  const holds = secretsOf(path);
  if (holds !== undefined) throw new SpreadError("secret-file", `${shown} ${holds}`);
}

/** Whether a file is one that is never shared, by its path alone; absolute. */
export function holdsSecrets(path: string): boolean {
  return secretsOf(path) !== undefined;
}

function secretsOf(path: string): string | undefined {
  const parts = path.toLowerCase().split(/[\\/]/).map(windowsName);
  const name = parts.at(-1) ?? "";
  const listed = SECRET_NAMES.find((secret) => secret.name.test(name));
  if (listed !== undefined) return `is a file that holds ${listed.holds}`;
  const folders = `/${parts.join("/")}`;
  const folder = SECRET_FOLDERS.find((secret) => folders.includes(secret));
  return folder && `lies in ${folder.slice(1, -1)}`;
}

/** Windows opens `.env` for `.env.`, `.env ` and `.env::$DATA` too. */
function windowsName(name: string): string {
  return name === "." || name === ".." ? name : name.replace(/:.*$/, "").replace(/[. ]+$/, "");
}

async function look(path: string, shown: string): Promise<BigIntStats> {
  return lstat(path, { bigint: true }).catch((cause: unknown) => {
    throw unreadable(shown, cause);
  });
}

function refuseSpecial(found: BigIntStats, shown: string): void {
  if (found.isFile()) return;
  const kind = found.isDirectory()
    ? "a folder"
    : found.isFIFO()
      ? "a pipe"
      : found.isSocket()
        ? "a socket"
        : found.isSymbolicLink()
          ? "a link"
          : "a device";
  throw new SpreadError("path-unreadable", `${shown} is ${kind}, not a file`);
}

/** The path was judged before it was opened: it must still lead to what was opened. */
async function refuseSwapped(opened: BigIntStats, requested: string, real: string, shown: string): Promise<void> {
  const now = await look(real, shown);
  const same = now.dev === opened.dev && now.ino === opened.ino && (await realpath(requested)) === real;
  if (!same) throw new SpreadError("path-unreadable", `${shown} was replaced while it was opened`);
}

async function refuseKey(handle: FileHandle, shown: string): Promise<void> {
  const head = Buffer.alloc(HEAD_BYTES);
  const { bytesRead } = await handle.read(head, 0, HEAD_BYTES, 0); // by position: the handle stays at the start
  const text = head.toString("utf8", 0, bytesRead).replace(/^\ufeff/, "");
  const lines = text.split(/\r\n?|\n/);
  const first = lines.map((line) => line.trim()).find((line) => line !== "" && !line.startsWith("#"));
  if (PEM_KEY.test(text) || (first !== undefined && KEY_HEAD.test(first))) {
    throw new SpreadError("secret-file", `${shown} holds a private key`);
  }
}

function notAllowed(shown: string): SpreadError {
  return new SpreadError("path-not-allowed", `${shown} lies outside the folders that may be shared`);
}

function unreadable(shown: string, cause: unknown): SpreadError {
  return new SpreadError("path-unreadable", `${shown} ${why(systemCode(cause))}`, { cause });
}

function why(code: string | undefined): string {
  switch (code) {
    case "ENOENT":
      return "does not exist";
    case "ENOTDIR":
      return "leads through something that is not a folder";
    case "EACCES":
    case "EPERM":
      return "may not be read by this user";
    case "ELOOP":
      return "is a link that leads in a circle, or was replaced by one";
    case "ENAMETOOLONG":
      return "is too long for a path";
    default:
      return `cannot be read (${code ?? "unknown"})`;
  }
}
