/**
 * Paths of one machine in the words of another: while a text travels, the project's and the home folder are tokens in
 * it, made anew for each export so that no text can hold them by chance. Other paths stay as they are.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { SpreadError } from "../errors.ts";
import { projectName } from "./folders.ts";

/** Where a machine has what the tokens stand for: absolute, without links. */
interface MachineFolders {
  readonly project: string;
  readonly home: string;
}

/**
 * A token is shorter than a path, and a line that is full of them becomes long: of all texts together, in UTF-16
 * units.
 */
const MAX_GROWTH_CHARS = 64 * 1024 * 1024;

const Token = z.string().regex(/^\{[a-z-]{1,20}-[0-9a-f]{8}\}$/);

/** Beside the two folders their names in the client's folder of projects, which hold the same words. */
export const Tokens = z.strictObject({ project: Token, project_name: Token, home: Token, home_name: Token });
export type Tokens = z.infer<typeof Tokens>;

export function makeTokens(): Tokens {
  const token = (place: string) => `{${place}-${randomBytes(4).toString("hex")}}`;
  return {
    project: token("project"),
    project_name: token("project-name"),
    home: token("home"),
    home_name: token("home-name"),
  };
}

/**
 * Puts tokens in the place of this machine's paths, also where a path goes on after them, and never within a name.
 */
export function hidePlaces(places: MachineFolders, tokens: Tokens): (text: string) => string {
  const paths = new Map<string, string>();
  const names = new Map<string, string>();
  for (const place of ["home", "project"] as const) {
    // A home of "/" or "C:\" is no place, but the beginning of every path.
    if (places[place].length <= 3) continue;
    for (const spelling of spellings(places[place])) paths.set(spelling, tokens[place]);
    names.set(projectName(places[place]), tokens[`${place}_name`]);
  }
  const steps = [
    { words: paths, pattern: (any: string) => `(?<![A-Za-z0-9_.~-])(?:${any})(?![A-Za-z0-9_]|[.-][A-Za-z0-9_])` },
    // A name such as "-root" is an option of a command elsewhere; here it is a folder of the client's.
    { words: names, pattern: (any: string) => `(?<=(?:projects|claude-\\d{1,10})[\\\\/])(?:${any})` },
  ].filter(({ words }) => words.size > 0);
  const changes = steps.map(({ words, pattern }) => {
    const longestFirst = [...words.keys()].sort((a, b) => b.length - a.length).map(escaped);
    return { words, any: new RegExp(pattern(longestFirst.join("|")), "g") };
  });
  return (text) =>
    changes.reduce((done, { words, any }) => done.replace(any, (found) => words.get(found) ?? found), text);
}

/**
 * Puts this machine's paths in the place of the tokens.
 * @throws SpreadError `not-understood` once the texts have grown by MAX_GROWTH_CHARS: nobody names a folder as often as
 * that
 */
export function showPlaces({ project, home }: MachineFolders, tokens: Tokens): (text: string) => string {
  const paths = new Map([
    [tokens.project, project],
    [tokens.project_name, projectName(project)],
    [tokens.home, home],
    [tokens.home_name, projectName(home)],
  ]);
  const any = new RegExp([...paths.keys()].map(escaped).join("|"), "g");
  let room = MAX_GROWTH_CHARS;
  return (text) =>
    text.replace(any, (token) => {
      const path = paths.get(token) ?? token;
      room -= Math.max(0, path.length - token.length);
      if (room < 0) throw new SpreadError("not-understood", "a received text consists of nothing but paths");
      return path;
    });
}

/** Windows' paths are written both ways. */
function spellings(path: string): string[] {
  return path.includes("\\") ? [path, path.replaceAll("\\", "/")] : [path];
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
