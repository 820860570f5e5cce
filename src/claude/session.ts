/**
 * The client's transcript, line by line: what a line means, and how a turn is written as one. What the lines mean
 * together is in `thread.ts`. It was learned from what Claude Code 2.1.197 and 2.1.332 write and read, and it may
 * change. What is not known here is counted, and never guessed at.
 *
 * A line is an object with a `type`. `user` and `assistant` are the conversation; each has a `uuid` and names in
 * `parentUuid` the line before it, of whatever type. The client goes back from the last line of the file, so that
 * what was undone, or summed up, is a branch that it does not come by. One answer of the model's may be several lines
 * with one `message.id`. Beside these: `attachment`, what the client puts next to a prompt; `system`, its own
 * messages, one of which is the boundary that a compaction leaves; and bookkeeping.
 */
import { createHash, randomUUID } from "node:crypto";
import { z } from "zod";
import { fieldsOf } from "./lines.ts";
import { type Block, type LeftOut, MAX_IMAGE_CHARS, type Turn, toolName } from "./turns.ts";

/** The version of the client that this is known of; written into the lines that we make. */
export const CLIENT_VERSION = "2.1.197";

/** Of a name in a transcript, as of a file or of a branch, so much is looked at, in UTF-16 units. */
const MAX_NAME_CHARS = 4096;
/** An id is kept for each line; one that is longer is none. */
const MAX_ID_CHARS = 128;

const SESSION_FILE = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.jsonl$/;

/** The session whose transcript a file is, by its name; the transcripts of sub-agents have other names. */
export function sessionOf(fileName: string): string | undefined {
  return SESSION_FILE.exec(fileName)?.[1];
}

/** Where the conversations of a session's sub-agents lie, beside its transcript; and whether a file there is one. */
export function subagentsFolder(session: string): readonly string[] {
  return [session, "subagents"];
}

export function isSubagent(fileName: string): boolean {
  return /^agent-.+\.jsonl$/.test(fileName);
}

export function fileOf(session: string): string {
  return `${session}.jsonl`;
}

const Name = z.string().max(MAX_NAME_CHARS).optional().catch(undefined);
const AnId = z.string().max(MAX_ID_CHARS).optional().catch(undefined);

/** What is looked at of any line; the rest of it is not ours. */
const AnyLine = z.looseObject({
  type: z.string(),
  uuid: AnId,
  parentUuid: AnId.nullable().catch(undefined),
  timestamp: z.iso.datetime().optional().catch(undefined),
  isSidechain: z.boolean().optional().catch(undefined),
  isMeta: z.boolean().optional().catch(undefined),
  isApiErrorMessage: z.boolean().optional().catch(undefined),
  cwd: Name,
  gitBranch: Name,
});

const Message = z.looseObject({
  id: AnId,
  content: z.union([z.string(), z.array(z.unknown())]),
});

const TextBlock = z.looseObject({ type: z.literal("text"), text: z.string() });
const Thinking = z.looseObject({ type: z.literal("thinking"), thinking: z.string() });
const ImageBlock = z.looseObject({
  type: z.literal("image"),
  source: z.looseObject({
    type: z.literal("base64"),
    media_type: z.enum(["image/png", "image/jpeg", "image/gif", "image/webp"]),
    data: z.string(),
  }),
});
const ToolUse = z.looseObject({
  type: z.literal("tool_use"),
  id: z.string().min(1),
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()),
});
const ToolResult = z.looseObject({
  type: z.literal("tool_result"),
  tool_use_id: z.string().min(1),
  is_error: z.boolean().optional().catch(undefined),
  content: z.union([z.string(), z.array(z.unknown())]).optional(),
});

/**
 * A file that the user named in a prompt, and a prompt that was typed while the model worked: words of the user's,
 * both.
 */
const AttachedFile = z.looseObject({
  type: z.literal("file"),
  filename: z.string(),
  content: z.looseObject({ type: z.literal("text"), file: z.looseObject({ content: z.string() }) }),
});
const QueuedPrompt = z.looseObject({
  type: z.literal("queued_command"),
  prompt: z.union([z.string(), z.array(z.unknown())]),
});

/** What a command of the client's printed: the model is shown it as the user's. */
const LocalCommand = z.looseObject({ subtype: z.literal("local_command"), content: z.string() });

/** Written by the client for itself, and of no use elsewhere: nothing that was said is lost with them. */
const BOOKKEEPING = new Set([
  "agent-color",
  "agent-name",
  "agent-setting",
  "ai-title",
  "api-request",
  "api-request-blob",
  "api-request-resumed",
  "api-request-shape",
  "artifact-autoreact-ledger",
  "artifact-comment-monitor",
  "atis-latch",
  "attribution-snapshot",
  "bridge-session",
  "content-replacement",
  "continued-in",
  "cost-state",
  "custom-title",
  "data-flow-incomplete",
  "data-flow-records",
  "derived-from",
  "dev-mods",
  "ended-by-model",
  "file-history-delta",
  "file-history-snapshot",
  "fork-context-ref",
  "frame-link",
  "history-suppression",
  "hybrid-organization",
  "isolation-latch",
  "last-prompt",
  "memory-mode",
  "mode",
  "observer-ref",
  "permission-mode",
  "pr-link",
  "progress",
  "prompt_snapshot",
  "queue-operation",
  "relocated",
  "repl-mode",
  "resume-head-vouch",
  "session-owner",
  "speculation-accept",
  "summary",
  "tag",
  "task-summary",
  "tools-used",
  "worktree-state",
]);

/** Where a result of a tool says that it is kept in a file of its own. */
const SAVED_RESULT = "<persisted-output>";

export interface Wanted {
  /** What the model thought, as text: its signature holds for the very bytes, which redacting changes. */
  readonly thinking: boolean;
  /** Images, in which nobody has looked for secrets. */
  readonly images: boolean;
}

/** What a line of a transcript is to us. `id` and `after` are the client's own. */
export interface Read {
  readonly id: string | undefined;
  readonly after: string | null | undefined;
  /** Undefined: nothing of it was said in the conversation, but what follows it may be. */
  readonly said: Utterance | undefined;
  readonly leftOut: readonly LeftOut[];
}

interface Utterance {
  readonly from: "user" | "assistant";
  readonly at: string | undefined;
  /** Of the answer that it is a part of. */
  readonly message: string | undefined;
  readonly content: Block[];
}

/** @param value a line's JSON; undefined for one that is none. */
export function readLine(value: unknown, wanted: Wanted): Read {
  if (value === undefined) return BROKEN;
  if (typeof typeOf(value) !== "string") return UNKNOWN_LINE;
  const line = AnyLine.safeParse(value);
  if (!line.success) return UNKNOWN_LINE;
  const { type, uuid: id, parentUuid: after, timestamp: at } = line.data;
  const nothing = (...leftOut: LeftOut[]): Read => ({ id, after, said: undefined, leftOut });
  // Older clients wrote the conversations of sub-agents between the others: each is one, from its first line on.
  if (line.data.isSidechain === true) return after === null ? nothing("subagents") : nothing();
  switch (type) {
    case "user":
    case "assistant": {
      if (line.data.isApiErrorMessage === true) return nothing("system_lines");
      const message = Message.safeParse(line.data.message);
      if (!message.success) return nothing("unknown_lines");
      const { content, leftOut } = blocksOf(message.data.content, type, wanted);
      const said = content.length === 0 ? undefined : { from: type, at, message: message.data.id, content };
      return { id, after, said, leftOut };
    }
    case "attachment": {
      const { content, leftOut } = attached(line.data.attachment, wanted);
      if (content.length === 0) return nothing("attachments", ...leftOut);
      return { id, after, said: { from: "user", at, message: undefined, content }, leftOut };
    }
    case "system": {
      const output = LocalCommand.safeParse(line.data).data?.content ?? "";
      if (/\S/.test(output)) return { id, after, said: userText(output, at), leftOut: [] };
      return nothing(isUnclear(line.data) ? "unknown_lines" : "system_lines");
    }
    default:
      return BOOKKEEPING.has(type) ? nothing() : nothing("unknown_lines");
  }
}

function userText(text: string, at: string | undefined): Utterance {
  return { from: "user", at, message: undefined, content: [{ type: "text", text }] };
}

const BROKEN: Read = { id: undefined, after: undefined, said: undefined, leftOut: ["broken_lines"] };
const UNKNOWN_LINE: Read = { ...BROKEN, leftOut: ["unknown_lines"] };

const UNKNOWN = "[a part of a kind that is not known here, left out]";

interface Blocks {
  readonly content: Block[];
  readonly leftOut: LeftOut[];
}

function blocksOf(content: string | unknown[], from: "user" | "assistant", wanted: Wanted): Blocks {
  const blocks: Blocks = { content: [], leftOut: [] };
  const parts = typeof content === "string" ? [{ type: "text", text: content }] : content;
  for (const part of parts) {
    if (!addBlock(blocks, part, from, wanted)) {
      blocks.leftOut.push("blocks");
      // A message that has nothing else would be missing between two others.
      blocks.content.push({ type: "text", text: UNKNOWN });
    }
  }
  return blocks;
}

/** @returns whether the part is known. */
function addBlock({ content, leftOut }: Blocks, part: unknown, from: "user" | "assistant", wanted: Wanted): boolean {
  const addText = (text: string) => {
    if (/\S/.test(text)) content.push({ type: "text", text });
  };
  switch (typeOf(part)) {
    case "text": {
      const { data } = TextBlock.safeParse(part);
      if (data) addText(data.text);
      return data !== undefined;
    }
    case "image": {
      const { data } = ImageBlock.safeParse(part);
      if (data === undefined || from !== "user") return false;
      const image = wanted.images ? imageOf(data) : undefined;
      if (image === undefined) leftOut.push("images");
      content.push(image ?? { type: "text", text: "[an image, left out]" });
      return true;
    }
    case "thinking":
    case "redacted_thinking": {
      const { data } = Thinking.safeParse(part);
      if (from !== "assistant") return false;
      if (wanted.thinking && data) addText(`[thinking] ${data.thinking}`);
      else leftOut.push("thinking");
      return true;
    }
    case "tool_use": {
      const { data } = ToolUse.safeParse(part);
      if (data === undefined || from !== "assistant") return false;
      content.push({ type: "tool_use", id: callId(data.id), name: toolName(data.name), input: data.input });
      return true;
    }
    case "tool_result": {
      const { data } = ToolResult.safeParse(part);
      if (data === undefined || from !== "user") return false;
      content.push(resultOf(data, wanted, leftOut));
      return true;
    }
    default:
      return false;
  }
}

function typeOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
}

/** A call's id as the API takes it: other models' clients and gateways make others, which it would refuse. */
function callId(id: string): string {
  if (/^[A-Za-z0-9_-]{1,128}$/.test(id)) return id;
  return `call_${createHash("sha256").update(id).digest("hex").slice(0, 32)}`;
}

type ResultBlock = Extract<Block, { type: "tool_result" }>;

function resultOf(result: z.infer<typeof ToolResult>, wanted: Wanted, leftOut: LeftOut[]): ResultBlock {
  const { content: parts, leftOut: ofParts } = blocksOf(result.content ?? "", "user", wanted);
  for (const what of ofParts) leftOut.push(what); // more than can be arguments, if it comes to that
  const content = [];
  for (const part of parts) {
    if (part.type === "text" && part.text.startsWith(SAVED_RESULT)) leftOut.push("saved_results");
    if (part.type === "text" || part.type === "image") content.push(part);
    else leftOut.push("blocks"); // a result within a result
  }
  const tool_use_id = callId(result.tool_use_id);
  return { type: "tool_result", tool_use_id, is_error: result.is_error === true, content };
}

function imageOf({ source }: z.infer<typeof ImageBlock>): Block | undefined {
  const { media_type, data } = source;
  const whole = data.length <= MAX_IMAGE_CHARS && /^[A-Za-z0-9+/]+={0,2}$/.test(data);
  return whole ? { type: "image", media_type, data } : undefined;
}

/** What the user put beside a prompt, or typed while the model worked; nothing of what the client put there. */
function attached(attachment: unknown, wanted: Wanted): Blocks {
  const file = AttachedFile.safeParse(attachment);
  if (file.success) {
    const text = `[attached file: ${file.data.filename}]\n${file.data.content.file.content}`;
    return { content: [{ type: "text", text }], leftOut: [] };
  }
  const queued = QueuedPrompt.safeParse(attachment);
  return queued.success ? blocksOf(queued.data.prompt, "user", wanted) : { content: [], leftOut: [] };
}

/** What a line tells of how the conversation hangs together, whatever is said in it. */
export type LineLink =
  | {
      readonly is: "row";
      readonly id: string;
      readonly after: string | null;
      /** In the conversation; the client goes on only from such a row. */
      readonly said: boolean;
      readonly sidechain: boolean;
      /** In ms; NaN where the line does not tell. */
      readonly at: number;
      /** Of a boundary, which messages stayed as they were. */
      readonly compaction: Compaction | undefined;
      /** A record of files: the client goes on from no such row. */
      readonly files: boolean;
    }
  /** What follows it follows the row before it. */
  | { readonly is: "joint"; readonly id: string; readonly after: string | null }
  /** Where the client goes on; null: from the beginning. Explicit: the user went back there. */
  | { readonly is: "checkpoint"; readonly leaf: string | null; readonly explicit: boolean };

/** Kept: messages of before that come behind `anchor`; as a list, or from `head` to `tail`. */
export type Compaction =
  | { readonly anchor: string; readonly kept: readonly string[] }
  | { readonly anchor: string; readonly head: string; readonly tail: string }
  | "kept nothing";

const Uuid = z.string().max(MAX_ID_CHARS);
const Boundary = z.looseObject({
  compactMetadata: z
    .looseObject({
      preservedMessages: z.looseObject({ anchorUuid: Uuid, uuids: z.array(Uuid) }).nullish(),
      preservedSegment: z.looseObject({ headUuid: Uuid, anchorUuid: Uuid, tailUuid: Uuid }).nullish(),
    })
    // What is preserved in another way is not known here.
    .refine((it) => Object.keys(it).every((name) => !/^preserved(?!Messages$|Segment$)/.test(name)))
    .nullish(),
});
const LastPrompt = z.looseObject({ leafUuid: Uuid.nullable(), explicit: z.boolean().optional().catch(undefined) });

function isBoundary(line: { readonly [name: string]: unknown }): boolean {
  return line.type === "system" && line.subtype === "compact_boundary";
}

/** A compaction of a form that is not known here. */
function isUnclear(line: { readonly [name: string]: unknown }): boolean {
  return isBoundary(line) && !Boundary.safeParse(line).success;
}

/** @param value a line's JSON; undefined for one that is none. */
export function linkOf(value: unknown): LineLink | undefined {
  const parsed = typeof typeOf(value) === "string" ? AnyLine.safeParse(value) : undefined;
  if (!parsed?.success) return undefined;
  const line = parsed.data;
  const { type, uuid: id, parentUuid: after = null, timestamp, isSidechain: sidechain = false } = line;
  switch (type) {
    case "user":
    case "assistant":
    case "attachment":
    case "system": {
      if (id === undefined) return undefined;
      const said = type === "user" || type === "assistant";
      const compaction = isBoundary(line) ? compactionOf(line) : undefined;
      const files = type === "system" && line.subtype === "file_snapshot";
      return { is: "row", id, after, said, sidechain, at: Date.parse(timestamp ?? ""), compaction, files };
    }
    case "last-prompt": {
      const { data } = LastPrompt.safeParse(line);
      return data && { is: "checkpoint", leaf: data.leafUuid, explicit: data.explicit === true };
    }
    default:
      return id === undefined ? undefined : { is: "joint", id, after };
  }
}

function compactionOf(line: object): Compaction {
  const { preservedMessages: list, preservedSegment: segment } = Boundary.safeParse(line).data?.compactMetadata ?? {};
  if (list) return { anchor: list.anchorUuid, kept: list.uuids };
  return segment ? { anchor: segment.anchorUuid, head: segment.headUuid, tail: segment.tailUuid } : "kept nothing";
}

/**
 * What the head or the tail of a transcript tells about the session. Later lines have the last word, but on the first
 * prompt.
 */
export interface SessionMetadata {
  cwd: string | undefined;
  branch: string | undefined;
  /** As the user named it. */
  name: string | undefined;
  /** As the client did. */
  summary: string | undefined;
  firstPrompt: string | undefined;
}

/** Adds what a line tells. */
export function collectMetadata(about: SessionMetadata, value: unknown): void {
  const parsed = typeof typeOf(value) === "string" ? AnyLine.safeParse(value) : undefined;
  if (!parsed?.success) return;
  const line = parsed.data;
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

/** A session that is written here: for whom, and where. */
export interface TranscriptTarget {
  readonly session: string;
  /** The project's real path. */
  readonly project: string;
}

/**
 * What stands in front of a received conversation, and behind it: words of ours, as a prompt, since that is shown and
 * read.
 */
export interface Note {
  readonly text: string;
  readonly at: string;
}

/**
 * Writes the lines of one session. The note in front is the root of all that is in it, and the note behind is the
 * last line, from which the client goes back. `uuid`s are made from the session's id: none of the sender's gets in.
 */
export class Writer {
  readonly #target: TranscriptTarget;
  #last: string;
  readonly #first: string;

  constructor(target: TranscriptTarget) {
    this.#target = target;
    this.#first = randomUUID();
    this.#last = this.#first;
  }

  begin({ text, at }: Note): string {
    return this.#line(this.#first, null, at, "user", { role: "user", content: text });
  }

  turn(turn: Turn): string {
    const uuid = this.#uuid(turn.n);
    const parent = turn.after === null ? this.#first : this.#uuid(turn.after);
    this.#last = uuid;
    const content = turn.content.map(blockLine);
    if (turn.from === "user") return this.#line(uuid, parent, turn.at, "user", { role: "user", content });
    const id = `msg_${this.#target.session.replaceAll("-", "")}_${turn.message}`;
    return this.#line(uuid, parent, turn.at, "assistant", { ...SAID, id, content });
  }

  end({ text, at }: Note): string {
    return this.#line(randomUUID(), this.#last, at, "user", { role: "user", content: text });
  }

  #line(uuid: string, parentUuid: string | null, timestamp: string, type: string, message: object): string {
    const { session: sessionId, project: cwd } = this.#target;
    const isSidechain = false;
    const userType = "external";
    const version = CLIENT_VERSION;
    const line = { parentUuid, isSidechain, userType, cwd, sessionId, version, type, message, uuid, timestamp };
    return `${JSON.stringify(line)}\n`;
  }

  #uuid(turn: number): string {
    const hex = createHash("sha256").update(`${this.#target.session} ${turn}`).digest("hex");
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `4${hex.slice(13, 16)}`,
      `8${hex.slice(17, 20)}`,
      hex.slice(20, 32),
    ].join("-");
  }
}

/**
 * No model of the sender's choice, and no tokens: none were used here. The client writes its own messages like this.
 */
const SAID = {
  type: "message",
  role: "assistant",
  model: "<synthetic>",
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
};

function blockLine(block: Block): object {
  switch (block.type) {
    case "text":
    case "tool_use":
      return block;
    case "image":
      return imageLine(block);
    case "tool_result": {
      const content = block.content.map((part) => (part.type === "image" ? imageLine(part) : part));
      return { ...block, content: content.length === 0 ? "" : content };
    }
    default:
      return block satisfies never;
  }
}

function imageLine({ media_type, data }: { media_type: string; data: string }): object {
  return { type: "image", source: { type: "base64", media_type, data } };
}
