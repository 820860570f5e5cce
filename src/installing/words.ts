/** What a person reads before an installation, and after it: the same in the client's form and in a terminal. */
import { join } from "node:path";
import type { MemoryPlan } from "../claude/install-memory.ts";
import type { ReceivedSession } from "../claude/install-session.ts";
import { INDEX } from "../claude/memory.ts";
import { leftOutWords, senderWords } from "../claude/notes.ts";
import type { Installation } from "../claude/record.ts";
import type { Uninstalled } from "../claude/uninstall.ts";
import type { InboxEntry, ReceivedRecord } from "../inbox/received.ts";

/** New files that are named; all are counted. */
const MAX_NAMED = 20;

/** The sender's own claims: nothing else is known of it. */
export function senderOf({ record }: InboxEntry): string {
  return `who shared it${sharedAt(record)} as ${titleOf(record)}`;
}

function sharedAt({ sent_at: when }: ReceivedRecord): string {
  return when === undefined ? "" : ` at ${minute(when)}`;
}

function titleOf({ title }: { readonly title: string }): string {
  return title || "(no title)";
}

export function memoryQuestion(received: InboxEntry, plan: MemoryPlan, warnings: readonly string[]): string {
  const index = Buffer.byteLength(plan.section);
  const files = plan.files.map(({ name }) => senderWords(name));
  const bytes = plan.files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  return [
    "Install memory that somebody else has sent?",
    ...origin(received),
    `Project: ${plan.project}`,
    "",
    "Claude will read it at the beginning of each conversation in this project. All of it is shown in",
    join(received.folder, "handoff.md"),
    "",
    `What changes in ${plan.folder}:`,
    plan.before === undefined
      ? `- ${INDEX} is made, ${index} bytes`
      : `- ${INDEX} gets ${index} bytes at its end; what is in it stays as it is`,
    ...(files.length === 0 ? [] : [`- new files, named by the sender: ${files.length}, in all ${bytes} bytes`]),
    ...files.slice(0, MAX_NAMED),
    ...(files.length > MAX_NAMED ? [`- of the new files ${files.length - MAX_NAMED} more are not named here`] : []),
    ...[...plan.warnings, ...warnings].map((it) => `Warning: ${it}`),
  ].join("\n");
}

export function sessionQuestion(received: InboxEntry, session: ReceivedSession, project: string): string {
  const { branch, turns, bytes, leftOut } = session;
  const lacks = leftOutWords(leftOut);
  return [
    "Install a conversation that somebody else had with Claude?",
    ...origin(received),
    `Project: ${project}`,
    "",
    "Which conversation, in the sender's words:",
    senderWords(titleOf(session)),
    ...(branch === undefined ? [] : ["On the branch:", senderWords(branch)]),
    `${turns} turns, ${bytes} bytes${lacks === undefined ? "" : `; left out of it: ${lacks}`}`,
    "",
    "Whoever resumes it has Claude go on with what others said and asked for. It begins with a note that says so.",
    "What changes: one new file among the client's sessions of this project. Nothing is replaced.",
  ].join("\n");
}

/** The reader has to know first which lines are not ours. */
function origin({ record }: InboxEntry): string[] {
  return [
    'Lines that begin with ">" are its sender\'s words. Nobody has checked them.',
    `Received: ${minute(record.received_at)}, via ${record.via}`,
    `From: who shared it${sharedAt(record)} (the sender's claim) under this title:`,
    senderWords(titleOf(record)),
  ];
}

export function installedWords({ id, kind, project, session }: Installation, warnings: readonly string[]): string[] {
  const done =
    kind === "session"
      ? [`Installed as ${id}. To go on with it, in ${project}:`, `claude --resume ${session}`]
      : [`Installed as ${id}. Claude reads it from the next conversation in ${project} on.`];
  return [...done, ...warnings.map((it) => `Warning: ${it}`)];
}

export function uninstalledWords({ record, removed, kept }: Uninstalled): string[] {
  return [
    `${record.id} is ${takenOut(removed.length, kept.length)}`,
    ...removed.map((path) => `Removed: ${path}${path === record.section?.path ? " (its received part)" : ""}`),
    ...kept.map(({ path, why }) => `Kept: ${path}; ${why}`),
  ];
}

function takenOut(removed: number, kept: number): string {
  if (kept === 0) return "taken out.";
  return `${removed === 0 ? "not taken out" : "taken out in part"}: what was changed since is kept.`;
}

export function installationLine({ id, kind, title, project, sender }: Installation): string {
  return `${id} ${kind} "${title}" in ${project}, from ${sender}`;
}

/** @param time ISO 8601, in UTC. */
function minute(time: string): string {
  return `${time.slice(0, 16).replace("T", " ")} UTC`;
}
