/**
 * Persons and places in paths: the home folder becomes `~`, what lies in the project is named from its root on, and the
 * user's name goes from what is a home on some other machine. A path is only touched where a whole name ends:
 * `/home/anna` is not ann's.
 */
import { realpath } from "node:fs/promises";
import { basename } from "node:path";

export interface Place {
  /** Absolute, as it stands in texts. */
  readonly literal: string;
  /** Whether upper and lower case differ. */
  readonly exact: boolean;
  readonly kind: "project" | "home" | "folder" | "home-folder";
  /** What it becomes when it stands for itself. */
  readonly becomes: string;
  /** What it becomes within a longer path; undefined where it stays then. */
  readonly within?: string;
}

export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Where on other machines people live. */
const HOMES = [
  "/home/",
  "/Users/",
  "/var/home/",
  "/export/home/",
  "/usr/home/",
  "/media/",
  "/run/media/",
  "C:/Users/",
  "/c/Users/",
  "/mnt/c/Users/",
];
/** What the name becomes where `~` would be wrong: in the middle of a path. */
const SOMEBODY = "user";
/** A folder that is more than the root of a disk. */
const MIN_PLACE_CHARS = 4;

/**
 * @param about.project where the session works
 * @param about.user the account's name, if it is not that of the home folder
 */
export async function placesOf(about: { project: string; home: string; user?: string | undefined }): Promise<Place[]> {
  const [projects, homes] = await Promise.all([withReal(about.project), withReal(about.home)]);
  const places = new Map<string, Place>();
  const add = (place: Place) => {
    for (const [literal, exact] of spellings(place)) {
      if (literal.length >= MIN_PLACE_CHARS && !places.has(literal)) places.set(literal, { ...place, literal, exact });
    }
  };
  const names = [about.user ?? "", ...homes.map((home) => basename(home.replaceAll("\\", "/")))];
  const users = [...new Set(names)].filter((user) => user !== "" && user !== SOMEBODY && !/[^\w.@ -]/.test(user));
  const elsewhere = users.flatMap((user) =>
    HOMES.map((folder) => ({ literal: folder + user, within: folder + SOMEBODY })),
  );
  for (const literal of projects) {
    if (homes.includes(literal)) continue;
    add({ literal, exact: true, kind: "project", becomes: "." });
    const name = basename(literal.replaceAll("\\", "/"));
    add({ literal: folded(literal), exact: true, kind: "folder", becomes: `-${folded(name)}` });
    // In the home of any machine it is the same project.
    const home = homes.find((folder) => literal.startsWith(`${folder}/`) || literal.startsWith(`${folder}\\`));
    if (home === undefined) continue;
    for (const other of [...homes, ...elsewhere.map((place) => place.literal)]) {
      add({ literal: other + literal.slice(home.length), exact: true, kind: "project", becomes: "." });
    }
  }
  for (const { literal, within } of elsewhere) {
    add({ literal, exact: true, kind: "home", becomes: "~", within });
    add({ literal: folded(literal), exact: true, kind: "home-folder", becomes: "~" });
  }
  for (const literal of homes) {
    add({ literal, exact: true, kind: "home", becomes: "~" });
    add({ literal: folded(literal), exact: true, kind: "home-folder", becomes: "~" });
  }
  return [...places.values()];
}

/** What becomes of a place that begins at `at`, or undefined where something else only begins like it. */
export function placeAt(text: string, at: number, place: Place): Replacement | undefined {
  const end = at + place.literal.length;
  const next = text.slice(end, end + 2);
  if (/^(?:[\p{L}\p{N}_~]|\.[\p{L}\p{N}_])/u.test(next)) return undefined;
  const isFolded = place.kind === "folder" || place.kind === "home-folder";
  // A folder's folded name goes on with "-"; `/home/ann-old` is somebody else's.
  if (!isFolded && next.startsWith("-") && !next.startsWith("->")) return undefined;
  const before = text.slice(Math.max(0, at - 18), at);
  if (isFolded) return /[\p{L}\p{N}_~-]$/u.test(before) ? undefined : { start: at, end, text: place.becomes };

  const scheme = /(?<![\p{L}\p{N}_.~@+)\]}/\\-])file:\/\/(?:localhost)?\/?$/iu.exec(before)?.[0].length ?? 0;
  // In a JSON string, the letter before may be that of "\n".
  const isWithin = scheme === 0 && /[\p{L}\p{N}_.~@+)\]}/\\-]$/u.test(before) && !/(?<!\\)\\[nrt]$/.test(before);
  if (isWithin) return place.within === undefined ? undefined : { start: at, end, text: place.within };
  const start = at - scheme;
  if (place.kind === "home") return { start, end, text: place.becomes };
  // From the root of the project on: the separator goes too, in whichever spelling it has.
  const separator = /^(?:\/|\\{1,4}|%2F|%5C)(?=[^\s"'`<>|)\]},;:\\/])/i.exec(text.slice(end, end + 8))?.[0].length ?? 0;
  return { start, end: end + separator, text: separator > 0 ? "" : place.becomes };
}

async function withReal(path: string): Promise<string[]> {
  if (path === "") return [];
  const plain = path.length > 1 ? path.replace(/[/\\]+$/, "") : path;
  const real = await realpath(plain).catch(() => plain);
  return [...new Set([plain, real])].filter((folder) => /[^/\\:.]/.test(folder));
}

/** As it is, as a URL has it, and for Windows with either slash, doubled as in a string, and under a POSIX shell. */
function spellings({ literal, exact }: Place): [literal: string, exact: boolean][] {
  const encoded = encodeURI(literal);
  const percent = encodeURIComponent(literal);
  const drive = /^([A-Za-z]):[/\\](.*)$/s.exec(literal);
  if (drive === null)
    return [
      [literal, exact],
      [encoded, exact],
      [percent, false],
    ];
  const rest = (drive[2] ?? "").replaceAll("\\", "/");
  const letter = drive[1] ?? "";
  return [
    ...["/", "\\", "\\\\", "\\\\\\\\"].map((slash) => `${letter}:${slash}${rest.replaceAll("/", slash)}`),
    `/${letter}/${rest}`,
    `/mnt/${letter}/${rest}`,
    `${letter}%3A%5C${encodeURIComponent(rest).replaceAll("%2F", "%5C")}`,
  ].map((spelling) => [spelling, false]);
}

/** As the client names a project's folder. */
function folded(path: string): string {
  return path.replace(/[^A-Za-z0-9]/g, "-");
}
