/**
 * What lines of a transcript tell about their session: what it is called, where it was, and which lines are messages. Enough
 * to list sessions by; a part of the lines does.
 */
import { fieldsOf } from "./lines.ts";
import { MAX_NAME_CHARS, Message, parseTranscriptLine, TextBlock } from "./transcript.ts";

/** Later lines have the last word, except on the working folder and the first prompt. */
export interface SessionMetadata {
  cwd: string | undefined;
  branch: string | undefined;
  /** As the user named it. */
  name: string | undefined;
  /** As the client did. */
  summary: string | undefined;
  firstPrompt: string | undefined;
}

/** @param value a line's JSON; undefined for a line that is no JSON. */
export function collectMetadata(about: SessionMetadata, value: unknown): void {
  const line = parseTranscriptLine(value);
  if (line === undefined) return;
  if (line.type === "custom-title") about.name = words(line.customTitle) ?? about.name;
  if (line.type === "summary") about.summary = words(line.summary) ?? about.summary;
  if (line.type === "ai-title") about.summary ??= words(line.aiTitle);
  if (line.isSidechain === true) return;
  about.cwd ??= line.cwd;
  // Without a repository, or off any branch, the client writes this.
  if (line.gitBranch !== "HEAD") about.branch = line.gitBranch || about.branch;
  if (line.type === "user" && line.isMeta !== true) about.firstPrompt ??= promptOf(line.message);
}

function words(value: unknown): string | undefined {
  const text = typeof value === "string" ? value.slice(0, MAX_NAME_CHARS) : "";
  return /\S/.test(text) ? text : undefined;
}

/** The words of a prompt; undefined for results of tools, and for what the client says in the user's place. */
function promptOf(value: unknown): string | undefined {
  const message = Message.safeParse(value);
  if (!message.success) return undefined;
  const { content } = message.data;
  for (const block of typeof content === "string" ? [{ type: "text", text: content }] : content) {
    const text = TextBlock.safeParse(block).data?.text.slice(0, MAX_NAME_CHARS) ?? "";
    const command = /<command-name>([^<]*)<\/command-name>/.exec(text)?.[1];
    if (command !== undefined) return `${command} ${/<command-args>([^<]*)/.exec(text)?.[1] ?? ""}`;
    if (/^\s*(?:<|Caveat: )/.test(text) || !/\S/.test(text)) continue;
    return text;
  }
  return undefined;
}

const SPEAKERS = [Buffer.from('"user"'), Buffer.from('"assistant"')];

/** Whether a line belongs to the conversation, and to no sub-agent's. Most lines are told apart without parsing them. */
export function isMessage(line: Buffer): boolean {
  if (!SPEAKERS.some((name) => line.includes(name))) return false;
  const { type, isSidechain } = fieldsOf(line, ["type", "isSidechain"]);
  return (type === "user" || type === "assistant") && isSidechain !== true;
}
