/**
 * A received memory or session on its way into the client's own files: first a question, which says all that would happen,
 * and only for a yes, given by a person, the same and nothing else. Who asks, and how, is not known here.
 */
import { dirname } from "node:path";
import { realProject } from "../claude/folders.ts";
import { planMemory, installMemory as putMemory } from "../claude/install-memory.ts";
import { installSession as putSession } from "../claude/install-session.ts";
import { type Installation, installations, type Origin } from "../claude/record.ts";
import { SpreadError } from "../errors.ts";
import { withInstallLock } from "../home/lock.ts";
import { findReceived, type InboxEntry } from "../inbox/received.ts";
import { fileIn, memoryIn, sessionsFile, sessionsIn } from "./arrived.ts";
import { memoryQuestion, senderOf, sessionQuestion } from "./words.ts";

interface InstallTarget {
  /** DISTILL_HOME. */
  readonly home: string;
  /** The client's configuration folder. */
  readonly config: string;
  readonly project: string;
  /** The user's home folder. */
  readonly userHome: string;
}

interface Proposal {
  /** For a person; several lines, all clean. */
  readonly question: string;
  /** After a yes. @throws SpreadError `plan-changed`, and those of the installation. Nothing is installed then. */
  install(signal: AbortSignal): Promise<Installed>;
}

interface Installed {
  readonly record: Installation;
  /** What was taken out of the texts, as sentences. */
  readonly warnings: readonly string[];
}

/**
 * @param id of what was received: its folder's name.
 * @param pick of several sessions the number, from 1 on.
 * @throws SpreadError `invalid-input`, `not-understood`, `plan-changed`, `memory-full`, `path-unreadable`, `cancelled`
 */
export async function propose(
  id: string,
  pick: number | undefined,
  place: InstallTarget,
  signal: AbortSignal,
): Promise<Proposal> {
  const received = await findReceived(place.home, id);
  const { kind } = received.record;
  switch (kind) {
    case "distillation":
      throw new SpreadError("invalid-input", "what has this id is a document: it is read, and not installed");
    case "memory":
      if (pick !== undefined) throw new SpreadError("invalid-input", "a memory is one: there is nothing to pick from");
      return proposeMemory(received, place);
    case "sessions":
      return proposeSession(received, pick, place, signal);
    default:
      return kind satisfies never;
  }
}

async function proposeMemory(received: InboxEntry, place: InstallTarget): Promise<Proposal> {
  const memory = await memoryIn(received);
  const origin = originOf(received, "memory");
  const plan = await planMemory(memory, { ...place, origin });
  const isSame = ({ sha256, section, files }: Installation) =>
    sha256 === origin.sha256 && [section, ...files].some((it) => it && dirname(it.path) === plan.folder);
  await refuseTwice(place, isSame);
  return {
    question: memoryQuestion(received, plan, memory.warnings),
    install: () =>
      withInstallLock(place.home, async () => {
        await memoryIn(received); // as it was when it was asked about
        await refuseTwice(place, isSame);
        return { record: await putMemory(plan, place), warnings: memory.warnings };
      }),
  };
}

async function proposeSession(
  received: InboxEntry,
  pick: number | undefined,
  place: InstallTarget,
  signal: AbortSignal,
): Promise<Proposal> {
  const sessions = await sessionsIn(received, signal);
  if (pick === undefined && sessions.length > 1) {
    throw new SpreadError("invalid-input", `${sessions.length} sessions came: pick one by its number`);
  }
  const session = sessions[(pick ?? 1) - 1];
  if (session === undefined) {
    throw new SpreadError("invalid-input", `there is no number ${pick}: ${sessions.length} sessions came`);
  }
  const origin = originOf(received, "sessions");
  const project = await realProject(place.project);
  const isSame = ({ sha256, picked, ...it }: Installation) =>
    sha256 === origin.sha256 && picked === session.id && it.project === project;
  await refuseTwice(place, isSame);
  return {
    question: sessionQuestion(received, session, project),
    install: (life) =>
      withInstallLock(place.home, async () => {
        await refuseTwice(place, isSame);
        return putSession(sessionsFile(received, life), { ...place, origin, pick: session.id, signal: life });
      }),
  };
}

function originOf(received: InboxEntry, role: "memory" | "sessions"): Origin {
  const { sha256 } = fileIn(received, role);
  return { sender: senderOf(received), sha256, receivedAt: new Date(received.record.received_at) };
}

/** @throws SpreadError `invalid-input` where the same is there already */
async function refuseTwice({ home }: InstallTarget, isSame: (it: Installation) => boolean): Promise<void> {
  const same = (await installations(home)).find(isSame);
  if (same) throw new SpreadError("invalid-input", `it is installed in this project already, under the id ${same.id}`);
}
