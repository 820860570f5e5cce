/**
 * A share of sessions: a catalogue for people, and behind it the conversations, read and cleaned as they are sent, however
 * long they are. The receiver picks when it installs.
 */
import { exportSession } from "../claude/export.ts";
import { leftOutWords } from "../claude/notes.ts";
import type { Session } from "../claude/sessions.ts";
import { type Material, textMaterial } from "../handoff/material.ts";
import type { Cleaning } from "./cleaning.ts";
import type { Outgoing } from "./parts.ts";

export interface SessionsDraft {
  readonly sessions: readonly Session[];
  /** Whether what the model thought goes along, as text. */
  readonly thinking: boolean;
  /** The user's home folder. */
  readonly userHome: string;
}

/** @param cleaning notes what it does while the materials are read; so does the advice. @throws SpreadError `secrets-found` */
export async function sessionParts(draft: SessionsDraft, cleaning: Cleaning): Promise<Outgoing> {
  const advice: string[] = [];
  const { sessions } = draft;
  const catalogue = await cleaning.text("handoff.md", catalogueOf(sessions));
  const [only, ...others] = sessions;
  const first = only?.title || "a session";
  const title = await cleaning.text("title", others.length > 0 ? `${sessions.length} sessions` : `Session: ${first}`);
  return {
    materials: [textMaterial(catalogue), conversations(draft, cleaning, advice)],
    title,
    advice,
    [Symbol.asyncDispose]: async () => {},
  };
}

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
        const options = { userHome, thinking, redact: (texts: Lines) => cleaning.texts(name, texts), signal };
        const { left_out } = yield* exportSession(session, options);
        const lacks = leftOutWords(left_out);
        if (lacks !== undefined) advice.push(`Not in ${name}: ${lacks}.`);
      }
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

type Lines = Parameters<Cleaning["texts"]>[1];
