/**
 * Secrets that are known word by word: the values in the project's `.env` files, and what the user never wants to leave
 * (`deny.txt` in DISTILL_HOME). Whatever is read here stays in memory and is compared with, and is never shown.
 */
import type { Dirent } from "node:fs";
import { readdir, realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import { SpreadError } from "../errors.ts";
import { isWithin, openForReading } from "../files.ts";
import { isPattern, isPlain, looksChosen, standsForValue } from "./values.ts";
import { isWords } from "./words.ts";

export const KNOWN_RULES = ["env-value", "deny-list"] as const;

export interface KnownSecret {
  readonly rule: (typeof KNOWN_RULES)[number];
  /** All the ways in which it may be written. */
  readonly forms: readonly string[];
}

const MAX_FILES = 40;
const MAX_FILE_BYTES = 256 * 1024;
const MAX_FOLDERS = 200;
const MAX_DEPTH = 3;
const MAX_VALUES = 2_000;
const MIN_VALUE_CHARS = 8;
const MIN_DENIED_CHARS = 4;
/** A longer value is compared by its first characters. */
const MAX_VALUE_CHARS = 4096;

/** Folders of others' files, and of git's. */
const FOREIGN = new Set([
  "node_modules",
  ".git",
  "vendor",
  "venv",
  ".venv",
  "dist",
  "build",
  "target",
  ".next",
  ".cache",
]);
/** `.env`, `.env.local`, `prod.env`, `.envrc`; not those that only show what to fill in. */
const ENV_FILE = /^(?:\.env(?:rc|[.-].{1,60})?|.{1,60}\.env)$/i;
const TEMPLATE = /example|sample|template|dist$|schema|defaults?$/i;

/** The secrets in the `.env` files of a project. What cannot be read has none. */
export async function envSecrets(project: string, signal?: AbortSignal): Promise<KnownSecret[]> {
  const root = await realpath(project).catch(() => undefined);
  if (root === undefined) return [];
  const values = new Set<string>();
  const names = await namesOf(root);
  for (const file of await envFiles(root, signal)) {
    if (values.size >= MAX_VALUES || signal?.aborted) break;
    const secrets = [...assignmentsOf(await textWithin(root, file))].map(([name, value]) => secretPart(name, value));
    for (const secret of secrets) {
      if (secret !== undefined && !names.has(secret) && values.size < MAX_VALUES)
        values.add(secret.slice(0, MAX_VALUE_CHARS));
    }
  }
  return [...values].map((value) => ({ rule: "env-value", forms: formsOf(value) }));
}

/** What a file in a folder says; nothing where it cannot be read, or a link leads out of there. */
async function textWithin(root: string, file: string): Promise<string> {
  const path = await realpath(file).catch(() => undefined);
  return path === undefined || !isWithin(root, path) ? "" : readBounded(path).then(textOf, () => "");
}

/**
 * What the user denies: one literal a line, `#` begins a comment's line. Shorter than four characters it would blank half
 * of a text.
 * @throws SpreadError `path-unreadable` where there is a list of which not every line is understood: what its user wants
 * to keep back would leave.
 */
export async function deniedSecrets(distillHome: string): Promise<KnownSecret[]> {
  const lines = (await deniedText(distillHome)).split("\n").map((line) => line.trim());
  const literals = new Set(lines.filter((line) => line.length >= MIN_DENIED_CHARS && !line.startsWith("#")));
  if (literals.size > MAX_VALUES) throw unreadable(`deny.txt has more than ${MAX_VALUES} literals`);
  return [...literals].map((value) => ({ rule: "deny-list", forms: formsOf(value) }));
}

async function deniedText(distillHome: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readBounded(join(distillHome, "deny.txt"));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return "";
    throw unreadable("deny.txt cannot be read", cause);
  }
  if (bytes.length === MAX_FILE_BYTES) throw unreadable(`deny.txt is longer than ${MAX_FILE_BYTES / 1024} KiB`);
  const text = textOf(bytes);
  if (/[\0\ufffd]/.test(text)) throw unreadable("deny.txt is not in UTF-8");
  return text;
}

function unreadable(message: string, cause?: unknown): SpreadError {
  return new SpreadError("path-unreadable", message, { cause });
}

async function envFiles(root: string, signal?: AbortSignal): Promise<string[]> {
  const files: string[] = [];
  const folders = [{ path: root, depth: 0 }];
  for (const folder of folders) {
    if (signal?.aborted || files.length >= MAX_FILES) break;
    const entries: Dirent[] = await readdir(folder.path, { withFileTypes: true }).catch(() => []);
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    const own = folder.depth < MAX_DEPTH ? entries.filter((one) => one.isDirectory() && !FOREIGN.has(one.name)) : [];
    const room = MAX_FOLDERS - folders.length;
    folders.push(...own.slice(0, room).map(({ name }) => ({ path: join(folder.path, name), depth: folder.depth + 1 })));
    files.push(...entries.filter(isEnvFile).map(({ name }) => join(folder.path, name)));
  }
  return files.slice(0, MAX_FILES);
}

const isEnvFile = (entry: Dirent) => !entry.isDirectory() && ENV_FILE.test(entry.name) && !TEMPLATE.test(entry.name);

/** An ordinary file, up to MAX_FILE_BYTES of it. @throws what the system says, or an Error for what is no such file */
async function readBounded(path: string): Promise<Buffer> {
  await using file = await openForReading(path, "follow");
  if (!(await file.stat()).isFile()) throw new Error("no ordinary file");
  const buffer = Buffer.alloc(MAX_FILE_BYTES);
  let length = 0;
  for (let read = -1; read !== 0 && length < MAX_FILE_BYTES; length += read) {
    read = (await file.read(buffer, length, MAX_FILE_BYTES - length, length)).bytesRead;
  }
  return buffer.subarray(0, length);
}

/** In UTF-8, or in UTF-16 as editors and shells of Windows write it. Line ends of any system become `\n`. */
function textOf(bytes: Buffer): string {
  const [first, second] = bytes;
  const isLittle = (first === 0xff && second === 0xfe) || (first !== 0 && second === 0);
  const isBig = (first === 0xfe && second === 0xff) || (first === 0 && second !== 0);
  const encoding = isLittle ? "utf-16le" : isBig ? "utf-16be" : "utf-8";
  return new TextDecoder(encoding).decode(bytes).replace(/\r\n?/g, "\n");
}

/** A name, and its value in one of three quotes, in which it may have several lines, or in none. */
const ASSIGNMENT = new RegExp(
  "^[ \\t]{0,20}(?:export[ \\t]{1,8})?([A-Za-z_][\\w.-]{0,100})[ \\t]{0,20}[=:][ \\t]{0,20}" +
    "(?:\"((?:[^\"\\\\]|\\\\[\\s\\S]){0,8000})\"|'([^']{0,8000})'|`([^`]{0,8000})`|([^\\n]{0,8000}))",
  "gm",
);

function* assignmentsOf(text: string): Generator<[name: string, value: string]> {
  for (const [, name = "", double, single, back, bare] of text.matchAll(ASSIGNMENT)) {
    const unescaped = double?.replace(/\\n/g, "\n").replace(/\\(["\\$])/g, "$1");
    yield [name, (unescaped ?? single ?? back ?? bare?.replace(/^#(?:\s.*)?$|\s+#.*$/, "") ?? "").trim()];
  }
}

/** What a browser gets to see, and what says where or which: secrets only if they look it, whatever else is in the name. */
const PUBLIC_NAME = new RegExp(
  "^(?:NEXT_PUBLIC|VITE|REACT_APP|NUXT_PUBLIC|EXPO_PUBLIC|GATSBY|PUBLIC)_(?!.*(?:SECRET|PASSWORD|PRIVATE))|publishable|" +
    "public_?key|(?:^|_)(?:sha|commit|rev|revision|digest|checksum|build_id|release|version|image)$",
  "i",
);
const SECRET_NAME =
  /pass(?!ive|enger|port)|pwd|secret|token|(?<!public_?|monkey|turnkey|val)key(?!cloak|board|word)|credential|private|salt|cookie|signature|auth(?!or\b)|pin\b/i;
/** The end of a name that says something about a secret, and has none. */
const ABOUT_A_SECRET =
  /(?:url|uri|host|path|file|dir|name|mode|type|enabled|method|image|transport|driver|expiry|expires?(?:_in)?|ttl|lifetime)$/i;
/** The end of a name whose value is a name too, however short. */
const NAME_OF_A_NAME =
  /(?:^|_)(?:host|hostname|server|name|user|username|transport|provider|driver|type|mode|region|bucket|schema|db|database|domain)$/i;
const SHORT_NAME = /^(?=.{1,10}$)(?:[A-Z]?[a-z]{2,9}(?:[-_][a-z]{2,8})?(?:I{1,3})?|[A-Z]{2,10})$/;
/** An address with user and password, as drivers have it, or a list of them. */
const CREDENTIALS =
  /^(?:jdbc:|\w{1,60}=)?[a-z][a-z0-9+.-]{1,24}:\/\/(?<user>[^\s/@:]{0,200}):(?<password>[^\s@]{4,400})@/i;
/** `mysql:8.4`, `registry.example/app:1.2-alpine` */
const IMAGE =
  /^(?:[a-z0-9.-]{1,80}(?::\d{1,5})?\/)?[a-z0-9]{1,40}(?:[._/-][a-z0-9]{1,40}){0,8}:v?\d{1,5}(?:\.\d{1,5}){0,3}(?:-[a-z]{1,12}[\d.]{0,8}){0,3}$/;
/** `$HOST_NAME` in a value: whatever it stands for has a line of its own. */
const REFERENCE = /\$[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![A-Za-z0-9])/g;
const DIGEST = /^(?:[0-9a-f]{7,64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
const COMMIT = /^[0-9a-f]{40}$/;
/** A word that is somebody's password would blank the word everywhere: shorter ones are left. */
const MIN_LETTERS_CHARS = 10;

/**
 * What of a value must not leave, if anything: all that is neither data of a known form nor made of words. The name decides
 * where the value does not: `GIT_SHA`, `DB_PASSWORD`.
 */
function secretPart(name: string, value: string): string | undefined {
  const { user, password } = CREDENTIALS.exec(value)?.groups ?? {};
  if (password !== undefined) {
    // `postgres:postgres@`: the word would go from every line that names the database.
    const isSecret = password.length >= MIN_VALUE_CHARS && password !== user && !standsForValue(password);
    return isSecret ? password : undefined;
  }
  if (/^https:\/\/hooks\.|^https:\/\/\S*webhook/i.test(value)) return value;
  const inQuery = /[?&;](?:sig|token|key|secret|signature|access_token|api_?key)=([^&;\s]{8,400})/i.exec(value)?.[1];
  if (inQuery !== undefined) return standsForValue(inQuery) ? undefined : inQuery;
  return isWhollySecret(name, value) ? value : undefined;
}

function isWhollySecret(name: string, value: string): boolean {
  if (value.startsWith("-----BEGIN")) return value.includes("PRIVATE KEY");
  if (value.length < MIN_VALUE_CHARS || standsForValue(value) || isPlain(value) || PUBLIC_NAME.test(name)) return false;
  const isNamed = SECRET_NAME.test(name) && !ABOUT_A_SECRET.test(name);
  if (/\s/.test(value)) return isNamed && /\d/.test(value) && /[!@#$%^&*]/.test(value);
  if (!isNamed) return !isPublic(name, value);
  if (/^[A-Za-z]+$/.test(value) && value.length < MIN_LETTERS_CHARS && isWords(value)) return false;
  return looksChosen(value, "settings") || !isWords(value);
}

/** Behind a name that says nothing of a secret: a digest, a name, data of a known form, or words. */
function isPublic(name: string, value: string): boolean {
  if (DIGEST.test(value) && /(?:id|uuid|guid|sha|hash)$/i.test(name)) return true;
  if (COMMIT.test(value) && /(?:^|_)ref$/i.test(name)) return true;
  if (NAME_OF_A_NAME.test(name) && SHORT_NAME.test(value)) return true;
  if (IMAGE.test(value) || isPlain(value.replace(/^jdbc:/, "")) || isPattern(value)) return true;
  return isSettingOfWords(value.replace(REFERENCE, ""));
}

/** A name or a list of them, of words, data, digits and what joins them: a bucket, an image, origins, a format, options. */
function isSettingOfWords(value: string): boolean {
  // Signs that join no names, among letters and digits.
  if (/[A-Za-z]/.test(value) && /\d/.test(value) && /[#!$^~*]|={1,2}$/.test(value) && !/[\s,;]/.test(value))
    return false;
  if (/^[\W\d_]*$/.test(value)) return true;
  // Pieces of one or two letters among digits are no words.
  if ((value.match(/[A-Za-z]\d|\d[A-Za-z]/g)?.length ?? 0) >= 3 && !/[A-Za-z]{4}/.test(value)) return false;
  if (isWords(value)) return true;
  return value.split(/[,;|=&?"'\s[\]{}()<>]+|:\/\//).every((piece) => {
    if (piece === "" || isPlain(piece) || isWords(piece) || standsForValue(piece)) return true;
    // Each of its words, as far as there is a word to judge.
    return (
      piece.split(/[-_.:/@+\d%]+/).every((word) => word.length <= 3 || isWords(word)) && !/\d[A-Za-z]+\d/.test(piece)
    );
  });
}

/** What is called the same as the project would go from every line that names it. */
async function namesOf(root: string): Promise<Set<string>> {
  const names = new Set([basename(root)]);
  for (const [file, form] of NAMED_IN) {
    const text = await readBounded(join(root, file)).then(textOf, () => "");
    const name = form.exec(text)?.[1];
    if (name !== undefined) for (const one of [name, name.replace(/^.*\//, "")]) names.add(one);
  }
  return names;
}

const NAMED_IN: readonly (readonly [file: string, form: RegExp])[] = [
  ["package.json", /"name"\s{0,4}:\s{0,4}"([^"]{1,200})"/],
  ["composer.json", /"name"\s{0,4}:\s{0,4}"([^"]{1,200})"/],
  ["pyproject.toml", /^name\s{0,4}=\s{0,4}["']([^"']{1,200})/m],
  ["Cargo.toml", /^name\s{0,4}=\s{0,4}["']([^"']{1,200})/m],
  ["go.mod", /^module\s{1,4}(\S{1,200})/m],
];

/** Shorter ones are too common in base64 to be told by it. */
const MIN_BASE64_BYTES = 8;

/** As it is and composed either way, and each of these as programs write it into URLs, JSON, HTML and base64. */
function formsOf(value: string): string[] {
  const spellings = [...new Set([value, value.normalize("NFC"), value.normalize("NFD")])];
  return [
    ...new Set(
      spellings.flatMap((it) => [it, ...percentForms(it), ...jsonForms(it), ...htmlForms(it), ...base64Forms(it)]),
    ),
  ];
}

function percentForms(value: string): string[] {
  const encoded = encodeURIComponent(value.replace(/\p{Surrogate}/gu, "\ufffd"));
  // RFC 3986 reserves five more than the function knows; a form has a plus for a space.
  const strict = encoded.replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const all = [encoded, strict, strict.replaceAll("%20", "+")];
  return [...all, ...all.map((form) => form.replace(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase()))];
}

function jsonForms(value: string): string[] {
  const escaped = JSON.stringify(value).slice(1, -1);
  const inHex = (text: string, what: RegExp) =>
    text.replace(what, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const ascii = inHex(escaped, /[^\0-\x7f]/g); // Python, PHP
  const go = inHex(escaped, /[&<>\u2028\u2029]/g);
  const once = [escaped, ascii, go, escaped.replaceAll("/", "\\/"), ascii.replaceAll("/", "\\/")];
  return [...once, ...once.map((form) => JSON.stringify(form).slice(1, -1))];
}

function htmlForms(value: string): string[] {
  const text = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const quoted = text.replaceAll('"', "&quot;");
  return [text, quoted, quoted.replaceAll("'", "&#39;"), quoted.replaceAll("'", "&#x27;")];
}

/** Alone, and within something longer: there it begins at any of three places of a group, whose edges hold others' bits. */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value);
  if (bytes.length < MIN_BASE64_BYTES) return [];
  const forms = [bytes.toString("base64"), bytes.toString("base64").replace(/=+$/, "")];
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    forms.push(encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6)));
  }
  return [...forms, ...forms.map((form) => form.replaceAll("+", "-").replaceAll("/", "_"))];
}
