/**
 * Addresses of remote repositories: what of one may be told to somebody else, and whether two of them mean the same place.
 * Nothing is ever dialled here.
 */
import { isNaming, looksRandom } from "../redact/values.ts";

/** Anything longer, in UTF-16 units, is no address. */
export const MAX_REMOTE_CHARS = 512;

/** By scheme: whether browsers speak it too, and the port that need not be written. */
const SCHEMES: { readonly [scheme: string]: { readonly web: boolean; readonly port: string } } = {
  "https:": { web: true, port: "443" },
  "http:": { web: true, port: "80" },
  "ssh:": { web: false, port: "22" },
  "git+ssh:": { web: false, port: "22" },
  "ssh+git:": { web: false, port: "22" },
  "git:": { web: false, port: "9418" },
};

/**
 * `host:path` and `user@host:path`. A single letter is a Windows drive, `x::` names a program that fetches, and what has
 * an @ in its path is an address of another form: in `user:password@host:path` the host is not the first word.
 */
const SCP_LIKE = /^(?:([^@/:\s]+)@)?(\[[0-9a-f:.]+\]|[a-z0-9][\w.-]+):(?![:/]\/|:)([^\s@]+)$/i;

const HOST = /^(?:[a-z0-9_](?:[\w.-]*[a-z0-9_])?\.?|\[[0-9a-f:.]+\])$/;

interface Remote {
  /** Undefined for `host:path`, which is ssh. */
  readonly scheme: string | undefined;
  /** `git`, by which hosting services are reached. Any other name is a person's, and not kept. */
  readonly user: "git" | undefined;
  /** Lower case. */
  readonly host: string;
  /** Empty where it is the scheme's own. */
  readonly port: string;
  /** As written, without query and fragment. */
  readonly path: string;
}

/**
 * The address without credentials, query and fragment; undefined for what is no address that others could reach (a
 * local path, a file URL, a helper program, something else), and where the path itself may hold credentials.
 */
export function tellableRemote(address: string): string | undefined {
  const remote = parse(address);
  if (!remote || !holdsNamesAlone(remote.path)) return undefined;
  const { scheme, user, host, port, path } = remote;
  const who = user && scheme !== "https:" && scheme !== "http:" && scheme !== "git:" ? `${user}@` : "";
  return scheme === undefined ? `${who}${host}:${path}` : `${scheme}//${who}${host}${port && `:${port}`}${path}`;
}

/** No address within an address, as proxies take it, and no token for a name, as download servers give it. */
function holdsNamesAlone(path: string): boolean {
  let names: string;
  try {
    names = decodeURIComponent(path);
  } catch {
    return false;
  }
  // What was encoded twice is not looked into.
  return !/[@%]/.test(names) && !names.split(/[/:;,=]/).some(holdsToken);
}

/** Whether what is no word in it looks drawn at random. Names have years, versions and parts of machines in them. */
function holdsToken(name: string): boolean {
  const odd = name
    .split(/[-._~+\s]/)
    .filter((word) => !/^\d{0,4}$/.test(word) && !isNaming(word.replace(/\d{1,4}$/, "")));
  return looksRandom(odd.join(""));
}

/** Undefined where one of the two is no address. */
export function sameRemote(one: string, other: string): boolean | undefined {
  const a = parse(one);
  const b = parse(other);
  if (!a || !b) return undefined;
  // The ports of two kinds of server on one host say nothing about each other.
  const comparable = isWeb(a) === isWeb(b);
  return placeOf(a) === placeOf(b) && (!comparable || a.port === b.port);
}

function isWeb({ scheme }: Remote): boolean {
  return scheme !== undefined && SCHEMES[scheme]?.web === true;
}

/**
 * Host and path in the form in which they are compared. Hosting services take names of repositories in any case, and serve
 * ssh behind firewalls under a host of its own; a repository has the same name with `.git` and without.
 */
function placeOf({ host, path }: Remote): string {
  const names = path.toLowerCase().split("/").filter(Boolean);
  const last = names.pop()?.replace(/\.git$/, "") ?? "";
  return [host.replace(/^(?:alt)?ssh\.|\.$/g, ""), ...names, last].join("/");
}

function parse(address: string): Remote | undefined {
  if (address.length > MAX_REMOTE_CHARS || /[\p{C}\p{Z}]/u.test(address)) return undefined;
  const scheme = /^[a-z][a-z0-9+.-]*:(?=\/\/)/i.exec(address)?.[0].toLowerCase();
  return scheme === undefined ? parseScpLike(address) : parseUrl(address, scheme);
}

function parseScpLike(address: string): Remote | undefined {
  const [, user, host, path] = SCP_LIKE.exec(address) ?? [];
  if (host === undefined || path === undefined) return undefined;
  return { scheme: undefined, user: user === "git" ? user : undefined, host: host.toLowerCase(), port: "", path };
}

function parseUrl(address: string, scheme: string): Remote | undefined {
  const known = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (!known) return undefined;
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return undefined;
  }
  const host = url.hostname.toLowerCase();
  if (!HOST.test(host) || url.pathname.length < 2) return undefined;
  return {
    scheme,
    user: url.username === "git" ? url.username : undefined,
    host,
    port: url.port === known.port ? "" : url.port,
    path: url.pathname,
  };
}
