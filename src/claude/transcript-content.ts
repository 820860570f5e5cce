/**
 * What was said in a line of a transcript, as the blocks that can travel; what cannot is counted by kind. How lines hang
 * together is in transcript-links.ts.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { describePart } from "./described-parts.ts";
import { Message, parseTranscriptLine, TextBlock, type TranscriptLine, typeOf } from "./transcript.ts";
import { isUnknownCompaction } from "./transcript-links.ts";
import { type Block, isImageData, type LeftOut, toolName } from "./turns.ts";

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

/** A file that the user named in a prompt. */
const AttachedFile = z.looseObject({
  type: z.literal("file"),
  filename: z.string(),
  content: z.looseObject({ type: z.literal("text"), file: z.looseObject({ content: z.string() }) }),
});

/** A prompt that the user typed while the model worked. */
const QueuedPrompt = z.looseObject({
  type: z.literal("queued_command"),
  prompt: z.union([z.string(), z.array(z.unknown())]),
});

/** What a command of the client's printed: the model is shown it as the user's. */
const LocalCommand = z.looseObject({ subtype: z.literal("local_command"), content: z.string() });

/** Written by the client for itself, and of no use elsewhere: nothing that was said is lost with these. */
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

/** How a result of a tool begins that the client keeps in a file of its own, and one of a session that was received. */
const SAVED_RESULT = /^<(?:received-)?persisted-output>/;

export interface Wanted {
  /** What the model thought, as text. Its signature never travels: it is of the exact bytes, which redacting changes. */
  readonly thinking: boolean;
  /** Images, which nobody has searched for secrets. */
  readonly images: boolean;
}

/** A line of a transcript. `id` and `after` are the client's own. */
export interface ReadLine {
  readonly id: string | undefined;
  readonly after: string | null | undefined;
  /** Undefined: nothing was said in it, but something may be in the lines after it. */
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

type LineContent = Pick<ReadLine, "said" | "leftOut">;

const BROKEN: ReadLine = { id: undefined, after: undefined, said: undefined, leftOut: ["broken_lines"] };
const UNKNOWN_LINE: ReadLine = { ...BROKEN, leftOut: ["unknown_lines"] };

/** @param value a line's JSON; undefined for a line that is no JSON. */
export function readLine(value: unknown, wanted: Wanted): ReadLine {
  if (value === undefined) return BROKEN;
  const line = parseTranscriptLine(value);
  if (line === undefined) return UNKNOWN_LINE;
  return { id: line.uuid, after: line.parentUuid, ...contentOf(line, wanted) };
}

function contentOf(line: TranscriptLine, wanted: Wanted): LineContent {
  // Older clients wrote the conversations of sub-agents between the others: each is counted once, by its first line.
  if (line.isSidechain === true) return line.parentUuid === null ? nothing("subagents") : nothing();
  switch (line.type) {
    case "user":
    case "assistant":
      return messageIn(line, line.type, wanted);
    case "attachment":
      return attachmentIn(line, wanted);
    case "system":
      return systemMessageIn(line);
    default:
      return BOOKKEEPING.has(line.type) ? nothing() : nothing("unknown_lines");
  }
}

function nothing(...leftOut: LeftOut[]): LineContent {
  return { said: undefined, leftOut };
}

function messageIn(line: TranscriptLine, from: Utterance["from"], wanted: Wanted): LineContent {
  if (line.isApiErrorMessage === true) return nothing("system_lines");
  const message = Message.safeParse(line.message);
  if (!message.success) return nothing("unknown_lines");
  const { content, leftOut } = blocksOf(message.data.content, from, wanted);
  if (content.length === 0) return nothing(...leftOut);
  return { said: { from, at: line.timestamp, message: message.data.id, content }, leftOut };
}

/** What the user put beside a prompt, or typed while the model worked; nothing of what the client put there. */
function attachmentIn(line: TranscriptLine, wanted: Wanted): LineContent {
  const { content, leftOut } = attached(line.attachment, wanted);
  if (content.length === 0) return nothing("attachments", ...leftOut);
  return { said: byUser(content, line.timestamp), leftOut };
}

function systemMessageIn(line: TranscriptLine): LineContent {
  const output = LocalCommand.safeParse(line).data?.content ?? "";
  if (/\S/.test(output)) return { said: byUser([{ type: "text", text: output }], line.timestamp), leftOut: [] };
  return nothing(isUnknownCompaction(line) ? "unknown_lines" : "system_lines");
}

function byUser(content: Block[], at: string | undefined): Utterance {
  return { from: "user", at, message: undefined, content };
}

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
function addBlock(blocks: Blocks, part: unknown, from: Utterance["from"], wanted: Wanted): boolean {
  switch (typeOf(part)) {
    case "text":
      return addText(blocks, TextBlock.safeParse(part).data?.text);
    case "image":
      return from === "user" && addImage(blocks, part, wanted);
    case "thinking":
    case "redacted_thinking":
      return from === "assistant" && addThinking(blocks, part, wanted);
    case "tool_use":
      return from === "assistant" && addToolUse(blocks, part);
    case "tool_result":
      return from === "user" && addToolResult(blocks, part, wanted);
    default:
      return addDescribed(blocks, part);
  }
}

/** What no turn holds as it is, in words; what more there was counts as left out. */
function addDescribed(blocks: Blocks, part: unknown): boolean {
  const described = describePart(part);
  if (described === undefined) return false;
  if (!described.isWhole) blocks.leftOut.push("attachments");
  return addText(blocks, described.text);
}

function addText({ content }: Blocks, text: string | undefined): boolean {
  if (text !== undefined && /\S/.test(text)) content.push({ type: "text", text });
  return text !== undefined;
}

function addImage({ content, leftOut }: Blocks, part: unknown, wanted: Wanted): boolean {
  const { data } = ImageBlock.safeParse(part);
  if (data === undefined) return false;
  const image = wanted.images ? imageOf(data) : undefined;
  if (image === undefined) leftOut.push("images");
  content.push(image ?? { type: "text", text: "[an image, left out]" });
  return true;
}

function addThinking(blocks: Blocks, part: unknown, wanted: Wanted): boolean {
  const { data } = Thinking.safeParse(part);
  if (wanted.thinking && data) addText(blocks, `[thinking] ${data.thinking}`);
  else blocks.leftOut.push("thinking");
  return true;
}

function addToolUse({ content }: Blocks, part: unknown): boolean {
  const { data } = ToolUse.safeParse(part);
  if (data === undefined) return false;
  content.push({ type: "tool_use", id: callId(data.id), name: toolName(data.name), input: data.input });
  return true;
}

function addToolResult({ content, leftOut }: Blocks, part: unknown, wanted: Wanted): boolean {
  const { data } = ToolResult.safeParse(part);
  if (data === undefined) return false;
  content.push(resultOf(data, wanted, leftOut));
  return true;
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
    if (part.type === "text" && SAVED_RESULT.test(part.text)) leftOut.push("saved_results");
    if (part.type === "text" || part.type === "image") content.push(part);
    else leftOut.push("blocks"); // a result within a result
  }
  const tool_use_id = callId(result.tool_use_id);
  return { type: "tool_result", tool_use_id, is_error: result.is_error === true, content };
}

function imageOf({ source }: z.infer<typeof ImageBlock>): Block | undefined {
  const { media_type, data } = source;
  return isImageData(data) ? { type: "image", media_type, data } : undefined;
}

function attached(attachment: unknown, wanted: Wanted): Blocks {
  const file = AttachedFile.safeParse(attachment);
  if (file.success) {
    const text = `[attached file: ${file.data.filename}]\n${file.data.content.file.content}`;
    return { content: [{ type: "text", text }], leftOut: [] };
  }
  const queued = QueuedPrompt.safeParse(attachment);
  return queued.success ? blocksOf(queued.data.prompt, "user", wanted) : { content: [], leftOut: [] };
}
