/**
 * A share of sessions: a catalogue for people, and after it the conversations, read and cleaned as they are sent, however
 * long they are. The receiver picks when it installs.
 */
import { exportSession } from "../claude/export.ts";
import { leftOutWords } from "../claude/notes.ts";
import type { Session } from "../claude/sessions.ts";
import type { Redact } from "../claude/turns.ts";
import { type Material, textMaterial } from "../content/material.ts";
import { MAX_TITLE_CHARS } from "../limits.ts";
import { cleanLine } from "../untrusted/clean.ts";
import type { Cleaning } from "./cleaning.ts";
import type { OutgoingParts } from "./parts.ts";

interface SessionsDraft {
  readonly sessions: readonly Session[];
  /** Whether what the model thought goes along, as text. */
  readonly thinking: boolean;
  /** The user's home folder. */
  readonly userHome: string;
}

/** @param cleaning notes what it does while the materials are read; so does the advice. @throws SpreadError `secrets-found` */
export async function sessionParts(draft: SessionsDraft, cleaning: Cleaning): Promise<OutgoingParts> {
  const advice: string[] = [];
  const { sessions } = draft;
  const named = await cleanNames(sessions, (texts) => cleaning.texts("handoff.md", texts));
  const [only, ...others] = named;
  return {
    materials: [textMaterial(catalogueOf(named)), conversations(draft, cleaning, advice)],
    title: others.length > 0 ? `${named.length} sessions` : `Session: ${only?.title || "a session"}`,
    advice,
    [Symbol.asyncDispose]: async () => {},
  };
}

/**
 * The same sessions with titles and branches that may be shown: secrets taken out, then cut, each one line.
 * @param redact is given them with the lines of the catalogue that they are in.
 */
export async function cleanNames(sessions: readonly Session[], redact: Redact): Promise<Session[]> {
  const texts = sessions.flatMap(({ title, branch = "" }, at) => {
    const line = 3 + at * ENTRY_LINES; // after the heading
    return [
      { text: title, line },
      { text: branch, line: line + 1 },
    ];
  });
  const clean = (await redact(texts)).map((text) => cleanLine(text, MAX_TITLE_CHARS));
  return sessions.map((session, at) => ({
    ...session,
    title: clean[2 * at] ?? "",
    branch: session.branch === undefined ? undefined : clean[2 * at + 1],
  }));
}

/** Lines of a session in the catalogue, with the empty one after it. */
const ENTRY_LINES = 3;

function catalogueOf(sessions: readonly Session[]): string {
  const entries = sessions.map(({ title, branch, messages, counted, bytes, modifiedAt }, at) => {
    const about = [
      ...(branch === undefined || branch === "" ? [] : [`branch ${branch}`]),
      `${counted ? "" : "about "}${messages} messages`,
      `${bytes} bytes`,
      `last used ${modifiedAt.toISOString()}`,
    ];
    return `${at + 1}. ${title || "(no title)"}\n   ${about.join(", ")}\n`;
  });
  return `# Sessions\n\n${entries.join("\n")}`;
}

function conversations(
  { sessions, thinking, userHome }: SessionsDraft,
  cleaning: Cleaning,
  advice: string[],
): Material {
  return {
    role: "sessions",
    name: "sessions.jsonl",
    async *pieces(signal) {
      for (const [at, session] of sessions.entries()) {
        const name = `session ${at + 1}`;
        const redact: Redact = (texts) => cleaning.texts(name, texts);
        const options = { userHome, thinking, redact, signal };
        const { left_out } = yield* exportSession(session, options);
        const lacks = leftOutWords(left_out);
        if (lacks !== undefined) advice.push(`Not in ${name}: ${lacks}.`);
      }
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
