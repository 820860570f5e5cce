/**
 * Runs `git` in a checkout that may be hostile: its configuration, attributes and content must not be able to run a program,
 * reach the network, ask somebody, write anything or run forever. What git says is bytes here; others read it.
 */
import { spawn } from "node:child_process";
import { delimiter, dirname, isAbsolute } from "node:path";
import { SpreadError, systemCode } from "../errors.ts";

/** How long one question to git may take, in ms: large trees on slow disks take seconds the first time. */
const GIT_MS = 15_000;

/** What is read of one answer where the asker names no limit, in bytes. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** What is kept of the words of a failure, in bytes. They are read by us, and shown to nobody. */
const MAX_COMPLAINT_BYTES = 4 * 1024;

/** A question's input, for which a stuck git must not hold memory, in bytes. */
export const MAX_INPUT_BYTES = 1024 * 1024;

/**
 * All that git gets of our environment: where programs, the user's own settings and temporary files are. No GIT_DIR that
 * would lead it elsewhere, no GIT_TRACE that would write, no pager, editor or askpass.
 */
const INHERITED = [
  "HOME",
  "XDG_CONFIG_HOME",
  "GIT_CONFIG_GLOBAL",
  "GIT_CONFIG_SYSTEM",
  "GIT_CONFIG_NOSYSTEM",
  "GIT_CEILING_DIRECTORIES",
  "TMPDIR",
  // Windows needs these for a process to run at all.
  "SystemRoot",
  "USERPROFILE",
  "APPDATA",
  "LOCALAPPDATA",
  "PROGRAMDATA",
  "TEMP",
  "TMP",
];

/** Settings of a checkout that start a program, or change how answers are written. The command line goes before them. */
const SETTINGS = [
  "core.fsmonitor=false",
  "core.hooksPath=/dev/null",
  "core.pager=cat",
  "core.askPass=",
  "core.sshCommand=false",
  "credential.helper=",
  "diff.noprefix=false",
  "diff.mnemonicPrefix=false",
  "core.quotePath=true",
  // Else an index of our own would put a part of itself into the repository.
  "core.splitIndex=false",
  // What is larger is not compared by its content but called binary, in bytes.
  "core.bigFileThreshold=16777216",
];

export interface GitQuestion {
  /** Settings besides ours, as `name=value`. */
  readonly settings?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** At most MAX_INPUT_BYTES. */
  readonly input?: string;
  /** Of the answer: git is ended when it says more. */
  readonly maxBytes?: number;
  /** Is given each piece of the answer as it comes, instead of it being kept. */
  readonly take?: (piece: Buffer) => void;
  readonly signal: AbortSignal;
}

export interface GitAnswer {
  /** How git ended; `missing` or `failed` where it could not be started, the others where we ended it. */
  readonly ended: "itself" | "missing" | "failed" | "too-long" | "too-slow";
  /** Git's own, where it ended by itself: 0 is success. */
  readonly status: number | undefined;
  /** Empty where `take` had it. Cut where it was too long. */
  readonly said: Buffer;
  readonly complaint: string;
}

/**
 * @param folder absolute; where git is asked.
 * @throws SpreadError `cancelled`, and nothing else: how git failed is in the answer.
 */
export async function askGit(folder: string, args: readonly string[], question: GitQuestion): Promise<GitAnswer> {
  const { settings = [], environment = {}, input = "", maxBytes = MAX_ANSWER_BYTES, take, signal } = question;
  if (signal.aborted) throw new SpreadError("cancelled", "the checkout was not read to its end");
  const options = ["--no-pager", "-C", folder, ...[...SETTINGS, ...settings].flatMap((setting) => ["-c", setting])];
  const child = spawn("git", [...options, ...args], {
    // Windows looks for programs in this folder first, so it must not be one that somebody else filled.
    cwd: dirname(process.execPath),
    env: { ...inherited(), ...FIXED, ...environment },
    stdio: "pipe",
    windowsHide: true,
  });
  return await new Promise<GitAnswer>((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    let complaint = "";
    let ended: GitAnswer["ended"] = "itself";
    const end = (why: GitAnswer["ended"]) => {
      if (ended !== "itself") return;
      ended = why;
      child.kill("SIGKILL");
      // A program that git started may hold the other ends for longer.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const timer = setTimeout(end, GIT_MS, "too-slow");
    const cancel = () => end("too-slow");
    signal.addEventListener("abort", cancel, { once: true });
    child.stdout.on("data", (piece: Buffer) => {
      const fitting = piece.subarray(0, maxBytes - bytes);
      bytes += fitting.length;
      if (take) take(fitting);
      else pieces.push(fitting);
      if (fitting.length < piece.length) end("too-long");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint += text.slice(0, MAX_COMPLAINT_BYTES - complaint.length);
    });
    child.stdin.on("error", () => {}); // it may end before it has read everything
    child.stdin.end(input);
    child.once("error", (cause) => end(/^(?:ENOENT|EACCES)$/.test(systemCode(cause) ?? "") ? "missing" : "failed"));
    child.once("close", (code) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
      if (signal.aborted) reject(new SpreadError("cancelled", "the checkout was not read to its end"));
      else
        resolve({
          ended,
          status: ended === "itself" ? (code ?? undefined) : undefined,
          said: Buffer.concat(pieces),
          complaint,
        });
    });
  });
}

/** Read only, nobody is asked, no network (a clone may lack content on purpose), and paths mean themselves. */
const FIXED = {
  LC_ALL: "C",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_TERMINAL_PROMPT: "0",
  GIT_NO_LAZY_FETCH: "1",
  GIT_ALLOW_PROTOCOL: "none",
  GIT_LITERAL_PATHSPECS: "1",
  GIT_PAGER: "cat",
} as const;

function inherited(): Record<string, string> {
  const kept = INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  // A folder that is named from the current one could be the checkout's own.
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter) };
}
