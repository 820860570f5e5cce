/** Finds the repository that a folder lies in, and makes sure that git can be asked about it without harm. */
import { lstat, realpath } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { type Answer, askGit, type Question } from "./git.ts";

/** What a command line can take of a repository's own settings, in UTF-16 units. Nobody has fifty filters. */
const MAX_SETTINGS_CHARS = 8_000;

export interface Repository {
  readonly state: "checkout";
  /** Where its files are; absolute, without links. */
  readonly top: string;
  /** The folder that was asked about, from there, with `/` between names; empty where it is the top. */
  readonly folder: string;
  /** Whether its history was cut off when it was cloned. */
  readonly shallow: boolean;
  /** Asks git, at the top. @throws SpreadError `cancelled` */
  ask(args: readonly string[], question: Omit<Question, "settings">): Promise<Answer>;
}

/** Why there is nothing to say about a folder. */
export interface NoRepository {
  readonly state: "none" | "bare" | "no-git" | "not-trusted" | "unsafe" | "too-slow" | "unreadable";
}

/** @param folder absolute. @throws SpreadError `cancelled` */
export async function openRepository(folder: string, signal: AbortSignal): Promise<Repository | NoRepository> {
  const [place, filters] = await Promise.all([
    // The top comes last, because its name may have line ends in it.
    askGit(folder, ["rev-parse", "--is-bare-repository", "--is-shallow-repository", "--show-toplevel"], { signal }),
    askGit(folder, ["config", "--show-scope", "--null", "--get-regexp", "^filter\\."], { signal }),
  ]);
  const [, bare, shallow, shownTop] = /^(true|false)\n(true|false)\n(?:(.+)\n)?$/s.exec(place.said.toString()) ?? [];
  if (bare === "true") return { state: "bare" };
  if (place.ended !== "itself" || place.status !== 0 || shownTop === undefined) return { state: whyNot(place) };
  const settings = withoutOwnFilters(filters);
  const whole = await wholePath(shownTop, folder);
  if (whole === undefined || settings === undefined) return { state: "unsafe" };
  const { top, within } = whole;
  return {
    state: "checkout",
    top,
    folder: within,
    shallow: shallow === "true",
    ask: (args, question) => askGit(top, args, { ...question, settings }),
  };
}

/** As a sentence for the user. */
export function reasonOf({ state }: NoRepository): string {
  switch (state) {
    case "none":
      return "The project is not in a git repository.";
    case "bare":
      return "The project's folder is a bare git repository, without files.";
    case "no-git":
      return "There is no git on this machine.";
    case "not-trusted":
      return "Git does not trust this repository, because it belongs to another user (safe.directory).";
    case "unsafe":
      return "This repository's own settings point outside of it, or name programs that cannot be switched off.";
    case "too-slow":
      return "Git took too long to answer.";
    case "unreadable":
      return "Git cannot read this repository.";
  }
}

function whyNot({ ended, complaint }: Answer): NoRepository["state"] {
  if (ended === "missing") return "no-git";
  if (ended === "too-slow") return "too-slow";
  if (/not a git repository|must be run in a work tree/.test(complaint)) return "none";
  if (/dubious ownership|unsafe repository/.test(complaint)) return "not-trusted";
  return "unreadable";
}

/**
 * Settings that switch off the filters which this repository defines itself: they are programs, and comparing a file runs
 * them. Those of the user and of the system (Git LFS) stay. Undefined where that cannot be done.
 */
function withoutOwnFilters({ ended, status, said }: Answer): string[] | undefined {
  // 1: there are none.
  if (ended !== "itself" || (status !== 0 && status !== 1)) return undefined;
  const own = new Set<string>();
  const parts = said.toString().split("\0");
  for (let at = 0; at + 1 < parts.length; at += 2) {
    if (parts[at] === "global" || parts[at] === "system") continue;
    const [key = ""] = (parts[at + 1] ?? "").split("\n", 1);
    const name = key.slice(0, key.lastIndexOf("."));
    // On the command line a setting's name ends at the first sign of equality.
    if (name.includes("=")) return undefined;
    own.add(name);
  }
  const settings = [...own].flatMap((name) => [
    `${name}.clean=`,
    `${name}.smudge=`,
    `${name}.process=`,
    `${name}.required=false`,
  ]);
  return settings.join("").length > MAX_SETTINGS_CHARS ? undefined : settings;
}

/** Undefined where the top is not around the folder, or has no `.git` in it: then a setting has moved it elsewhere. */
async function wholePath(shownTop: string, folder: string): Promise<{ top: string; within: string } | undefined> {
  const [top, real] = await Promise.all([shownTop, folder].map((path) => realpath(path).catch(() => undefined)));
  if (top === undefined || real === undefined || !(await exists(join(top, ".git")))) return undefined;
  const within = relative(top, real);
  if (within === ".." || within.startsWith(`..${sep}`) || isAbsolute(within)) return undefined;
  return { top, within: within.split(sep).join("/") };
}

function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
