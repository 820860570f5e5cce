/** Finds the repository that a folder lies in, and makes sure that git can be asked about it without harm. */
import { realpath } from "node:fs/promises";
import { relative, resolve, sep } from "node:path";
import { isWithin } from "../files.ts";
import { belongs } from "./belonging.ts";
import { askGit, type GitAnswer, type GitQuestion } from "./git.ts";

/** What a command line can take of a repository's own settings, in UTF-16 units. Nobody has fifty filters. */
const MAX_SETTINGS_CHARS = 8_000;

/** What is read of a repository's own settings before it is believed. */
const ASKED_SETTINGS = "^(filter|remote|branch)\\.|^core\\.worktree$";

export interface Repository {
  readonly state: "checkout";
  /** Where its files are; absolute, without links. */
  readonly top: string;
  /** The folder that was asked about, from there, with `/` between names; empty where it is the top. */
  readonly folder: string;
  /** Whether its history was cut off when it was cloned. */
  readonly shallow: boolean;
  /** Asks git, at the top. @throws SpreadError `cancelled` */
  ask(args: readonly string[], question: Omit<GitQuestion, "settings">): Promise<GitAnswer>;
}

/** Why there is nothing to say about a folder. */
interface NoRepository {
  readonly state: "none" | "bare" | "no-git" | "not-trusted" | "unsafe" | "too-slow" | "unreadable";
}

/** @param folder absolute. @throws SpreadError `cancelled` */
export async function openRepository(folder: string, signal: AbortSignal): Promise<Repository | NoRepository> {
  const [place, gitDir, commonDir, defined] = await Promise.all([
    // The top comes last, because its name may have line ends in it.
    askGit(folder, ["rev-parse", "--is-bare-repository", "--is-shallow-repository", "--show-toplevel"], { signal }),
    askGit(folder, ["rev-parse", "--absolute-git-dir"], { signal }),
    askGit(folder, ["rev-parse", "--git-common-dir"], { signal }),
    askGit(folder, ["config", "--show-scope", "--show-origin", "--null", "--get-regexp", ASKED_SETTINGS], { signal }),
  ]);
  const [, bare, shallow, shownTop] = /^(true|false)\n(true|false)\n(?:(.+)\n)?$/s.exec(place.said.toString()) ?? [];
  if (bare === "true") return { state: "bare" };
  if (place.ended !== "itself" || place.status !== 0 || shownTop === undefined) return { state: whyNot(place) };
  const own = ownSettings(defined);
  const settings = own && withoutFilters(own.values);
  const whole = own && (await wholePath(folder, shownTop, gitDir, commonDir, own));
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
      return "This repository is another folder's, leads out of its own, or names programs that cannot be stopped.";
    case "too-slow":
      return "Git took too long to answer.";
    case "unreadable":
      return "Git cannot read this repository.";
  }
}

function whyNot({ ended, complaint }: GitAnswer): NoRepository["state"] {
  if (ended === "missing") return "no-git";
  if (ended === "too-slow") return "too-slow";
  if (/not a git repository|must be run in a work tree/.test(complaint)) return "none";
  if (/dubious ownership|unsafe repository/.test(complaint)) return "not-trusted";
  return "unreadable";
}

interface OwnSettings {
  /** By name; of several of a name, the one that counts. */
  readonly values: ReadonlyMap<string, string>;
  /** Files that remotes and branches are defined in. */
  readonly sources: ReadonlySet<string>;
}

/** Those that are not of the user or the system. */
function ownSettings({ ended, status, said }: GitAnswer): OwnSettings | undefined {
  // 1: there are none.
  if (ended !== "itself" || (status !== 0 && status !== 1)) return undefined;
  const values = new Map<string, string>();
  const sources = new Set<string>();
  const parts = said.toString().split("\0");
  for (let at = 0; at + 2 < parts.length; at += 3) {
    const [scope, source = "", setting = ""] = parts.slice(at, at + 3);
    if (scope === "global" || scope === "system") continue;
    const [key = "", ...value] = setting.split("\n");
    values.set(key, value.join("\n"));
    if (/^(?:remote|branch)\./.test(key)) sources.add(source.replace(/^file:/, ""));
  }
  return { values, sources };
}

/**
 * Settings that switch off the filters which this repository defines itself: they are programs, and comparing a file runs
 * them. Those of the user and of the system (Git LFS) stay. Undefined where that cannot be done.
 */
function withoutFilters(own: ReadonlyMap<string, string>): string[] | undefined {
  const filters = [...own.keys()].filter((key) => key.startsWith("filter."));
  const names = new Set(filters.map((key) => key.slice(0, key.lastIndexOf("."))));
  // On the command line a setting's name ends at the first sign of equality.
  if ([...names].some((name) => name.includes("="))) return undefined;
  const settings = [...names].flatMap((name) => [
    `${name}.clean=`,
    `${name}.smudge=`,
    `${name}.process=`,
    `${name}.required=false`,
  ]);
  return settings.join("").length > MAX_SETTINGS_CHARS ? undefined : settings;
}

/** Undefined where the top is not around the folder, or the repository is not the top's own. */
async function wholePath(
  folder: string,
  shownTop: string,
  gitDir: GitAnswer,
  commonDir: GitAnswer,
  { values, sources }: OwnSettings,
): Promise<{ top: string; within: string } | undefined> {
  try {
    const asked = await realpath(folder);
    // Git may say where a folder is from the one where it was asked.
    const shown = (answer: GitAnswer) => realpath(resolve(asked, answer.said.toString().replace(/\n$/, "")));
    const top = await realpath(shownTop);
    const folders = { top, gitDir: await shown(gitDir), commonDir: await shown(commonDir) };
    const found = { ...folders, worktree: values.get("core.worktree"), sources };
    if (!isWithin(top, asked) || !(await belongs(found))) return undefined;
    return { top, within: relative(top, asked).split(sep).join("/") };
  } catch {
    return undefined;
  }
}
