/**
 * What a session is while it travels: lines of JSON in a form of our own, because the client's is its own business
 * and changes. A header, the turns of the conversation, an end that counts them; several sessions follow one
 * another. Lines are made here and refused here. All that a turn may be is listed: there is nothing in it that a
 * client could run.
 *
 *     {"format":"claude-spread/session","version":1,"id":…,"title":…,"places":{"project":"{project-1a2b3c4d}",…}}
 *     {"n":0,"after":null,"from":"user","at":"2026-11-20T18:24:30.338Z","content":[{"type":"text","text":"…"}]}
 *     {"n":1,"after":0,"from":"assistant","at":…,"message":0,"content":[{"type":"tool_use",…}]}
 *     {"end":true,"turns":2,"left_out":{"thinking":1}}
 */
import { z } from "zod";
import { SpreadError } from "../errors.ts";
import { MAX_TITLE_CHARS } from "../limits.ts";
import { type Line, linesOf, parseLine } from "./lines.ts";
import { Tokens } from "./paths.ts";

export const FORMAT = "claude-spread/session";

/** The most turns of a session: more than anyone can have in a year; a transcript of 50 MB has some 20,000. */
export const MAX_TURNS = 200_000;

/** The most sessions in one stream. */
const MAX_SESSIONS = 100;

/** The longest line of a turn, in bytes. */
export const MAX_TURN_BYTES = 8 * 1024 * 1024;

/** The largest image that travels, in characters of base64: what models take. */
export const MAX_IMAGE_CHARS = 5 * 1024 * 1024;

/** What a session has that does not travel with it. */
const LEFT_OUT = [
  "attachments", // what the client put beside a prompt: reminders, lists of skills, results of hooks
  "blocks", // parts of a message that this version does not know
  "broken_lines", // no JSON, or too deep
  "images",
  "long_lines",
  "saved_results", // long results of tools, which the client keeps in files of their own
  "subagents", // conversations of sub-agents
  "system_lines", // the client's own messages
  "thinking",
  "unknown_lines", // of a type that this version does not know
] as const;
export type LeftOut = (typeof LEFT_OUT)[number];
export type LeftOutCounts = Partial<Record<LeftOut, number>>;

const Count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const Text = z.string().refine((text) => /\S/.test(text));
const MAX_TOOL_CHARS = 128;
/** A tool's name, or a call's id. */
const ToolId = z
  .string()
  .max(MAX_TOOL_CHARS)
  .regex(/^[A-Za-z0-9_-]+$/);

/** Whether it is base64, and no more than what travels. What is not in it is looked for: V8 can be out of stack for a long run. */
export function isImageData(data: string): boolean {
  if (data.length > MAX_IMAGE_CHARS) return false;
  const end = data.search(/[^A-Za-z0-9+/]/);
  return end < 0 ? data !== "" : end > 0 && /^={1,2}$/.test(data.slice(end));
}

const TextBlock = z.strictObject({ type: z.literal("text"), text: Text });
const Image = z.strictObject({
  type: z.literal("image"),
  media_type: z.enum(["image/png", "image/jpeg", "image/gif", "image/webp"]),
  data: z.string().refine(isImageData),
});
const ToolUse = z.strictObject({
  type: z.literal("tool_use"),
  id: ToolId,
  name: ToolId,
  /** Shown to the model as what was once asked. Lines are bounded before they are parsed, and this with them. */
  input: z.custom<Record<string, unknown>>((it) => typeof it === "object" && it !== null && !Array.isArray(it)),
});
const ToolResult = z.strictObject({
  type: z.literal("tool_result"),
  tool_use_id: ToolId,
  is_error: z.boolean(),
  content: z.array(z.discriminatedUnion("type", [TextBlock, Image])),
});

const common = {
  /** Which turn it is, from 0 on, and which turn it follows: null begins a conversation. */
  n: Count,
  after: Count.nullable(),
  at: z.iso.datetime(),
};

const UserTurn = z.strictObject({
  ...common,
  from: z.literal("user"),
  content: z.array(z.discriminatedUnion("type", [TextBlock, Image, ToolResult])).min(1),
});

const AssistantTurn = z.strictObject({
  ...common,
  from: z.literal("assistant"),
  /** Turns with the same number are parts of one message. */
  message: Count,
  content: z.array(z.discriminatedUnion("type", [TextBlock, ToolUse])).min(1),
});

export const Turn = z.discriminatedUnion("from", [UserTurn, AssistantTurn]);
export type Turn = z.infer<typeof Turn>;
export type Block = Turn["content"][number];

export const SessionHeader = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(1),
  /** Made for this export; it tells nothing of the session that it is of. */
  id: z.uuid(),
  title: z.string().max(MAX_TITLE_CHARS),
  branch: z.string().max(MAX_TITLE_CHARS).optional(),
  places: Tokens,
});
export type SessionHeader = z.infer<typeof SessionHeader>;

export const SessionEnd = z.strictObject({
  end: z.literal(true),
  turns: Count,
  left_out: z.partialRecord(z.enum(LEFT_OUT), Count),
});
export type SessionEnd = z.infer<typeof SessionEnd>;

/** What is read of a stream of sessions, in this order. */
export type SessionPart =
  | { readonly is: "header"; readonly header: SessionHeader }
  | { readonly is: "turn"; readonly turn: Turn }
  | { readonly is: "end"; readonly end: SessionEnd; readonly bytes: number };

/**
 * Reads sessions that came from somebody, each whole: a stream that ends early, or says anything else, throws.
 * @throws SpreadError `not-understood`
 */
export async function* readSessions(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<SessionPart[]> {
  const parser = new SessionsParser();
  for await (const lines of linesOf(pieces, MAX_TURN_BYTES)) yield lines.map((line) => parser.parse(line));
  parser.end();
}

/** Takes lines in their order. */
class SessionsParser {
  /** The number of the line, for the error. */
  #number = 0;
  #sessions = 0;
  /** Of the session that has begun. */
  #bytes = 0;
  /** Of the session that has begun; undefined between two of them. */
  #turns: number | undefined;
  #calls = new Set<string>();

  /** @throws SpreadError `not-understood` */
  parse(line: Line): SessionPart {
    this.#number += 1;
    const value = line && parseLine(line);
    const bytes = (line?.length ?? 0) + 1;
    if (this.#turns === undefined) return this.#begin(value, bytes);
    this.#bytes += bytes;
    const turn = Turn.safeParse(value);
    if (!turn.success) return this.#end(value);
    if (!follows(turn.data, this.#turns, this.#calls)) throw refused(this.#number);
    this.#turns += 1;
    return { is: "turn", turn: turn.data };
  }

  /** @throws SpreadError `not-understood` where the last session is not complete, or there is none */
  end(): void {
    if (this.#turns !== undefined || this.#sessions === 0) {
      throw new SpreadError("not-understood", "the session is not complete");
    }
  }

  #begin(value: unknown, bytes: number): SessionPart {
    const header = SessionHeader.safeParse(value);
    this.#sessions += 1;
    if (!header.success || this.#sessions > MAX_SESSIONS) throw refused(this.#number);
    this.#bytes = bytes;
    this.#turns = 0;
    this.#calls = new Set();
    return { is: "header", header: header.data };
  }

  #end(value: unknown): SessionPart {
    const end = SessionEnd.safeParse(value);
    if (!end.success || end.data.turns !== this.#turns) throw refused(this.#number);
    this.#turns = undefined;
    return { is: "end", end: end.data, bytes: this.#bytes };
  }
}

/**
 * Numbers go up, a turn follows one that came before it, and a call is made once and answered once: else a model's
 * API refuses them all.
 */
function follows(turn: Turn, turns: number, calls: Set<string>): boolean {
  if (turn.n !== turns || turns >= MAX_TURNS || (turn.after !== null && turn.after >= turn.n)) return false;
  for (const block of turn.content) {
    if (block.type !== "tool_use" && block.type !== "tool_result") continue;
    const call = block.type === "tool_use" ? `call ${block.id}` : `result ${block.tool_use_id}`;
    if (calls.has(call)) return false;
    calls.add(call);
  }
  return true;
}

function refused(line: number): SpreadError {
  return new SpreadError("not-understood", `line ${line} is not what a session may hold`);
}

/** The same turn with every text in it as `change` has it. */
export async function mapTexts(turn: Turn, change: TextChange): Promise<Turn> {
  const content = [];
  for (const block of turn.content) content.push(await mapBlock(block, change));
  return { ...turn, content } as Turn;
}

/** All that is said in a line of a session, as its reader would see it; undefined where it is no line of one. */
export async function spokenIn(line: Buffer): Promise<string[] | undefined> {
  const value = parseLine(line);
  const turn = Turn.safeParse(value);
  if (turn.success) {
    const texts: string[] = [];
    const keep = (text: string) => {
      texts.push(text);
      return text;
    };
    await mapTexts(turn.data, keep);
    await mapInputs(turn.data, keep);
    return texts;
  }
  const header = SessionHeader.safeParse(value);
  if (header.success) return [header.data.title, header.data.branch ?? ""];
  return SessionEnd.safeParse(value).success ? [] : undefined;
}

export type TextChange = (text: string) => string | Promise<string>;

/** A text of a session, and in which of its lines it travels, from 1 on. */
export interface Spoken {
  readonly text: string;
  readonly line: number;
}

/** Many at once: looking into each by itself would cost more than looking. @returns as many, in the same order. */
export type Redact = (texts: readonly Spoken[]) => Promise<readonly string[]>;

async function mapBlock(block: Block, change: TextChange): Promise<Block> {
  switch (block.type) {
    case "text":
      return { ...block, text: nonEmpty(await change(block.text)) };
    case "image":
      return block;
    case "tool_use":
      return { ...block, input: (await mapValue(block.input, change)) as Record<string, unknown> };
    case "tool_result": {
      const content = [];
      for (const part of block.content) {
        content.push(part.type === "text" ? { ...part, text: nonEmpty(await change(part.text)) } : part);
      }
      return { ...block, content };
    }
    default:
      return block satisfies never;
  }
}

/**
 * The same turn with the names of tools as `change` has them, and with what tools were given as it has the JSON of it: there
 * a value comes after its name, which may be all that gives it away.
 */
export async function mapInputs(turn: Turn, change: TextChange): Promise<Turn> {
  if (turn.from === "user") return turn;
  const content = [];
  for (const block of turn.content) content.push(block.type === "tool_use" ? await mapInput(block, change) : block);
  return { ...turn, content };
}

/** A tool's name of the characters that the API takes. */
export function toolName(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]+/g, "_").slice(0, MAX_TOOL_CHARS);
}

type ToolUseBlock = Extract<Block, { type: "tool_use" }>;

async function mapInput(block: ToolUseBlock, change: TextChange): Promise<ToolUseBlock> {
  const json = JSON.stringify(block.input, (_name, value: unknown) => shown(value), 1);
  const name = toolName(await change(block.name));
  const changed = await change(json);
  return { ...block, name, input: changed === json ? block.input : inputOf(changed, block.input) };
}

/** A value longer than this is known as a secret by itself or not at all, in UTF-16 units: no name reaches further. */
const MAX_NAMED_CHARS = 1024;

/** Stands for commands, code and what else no name makes a secret of: they were looked at as they are. */
const WORDS = "…";

/** A value as it appears in the JSON that is changed: a number as a text, so that a placeholder can replace it. */
function shown(value: unknown): unknown {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && isWords(value) ? WORDS : value;
}

/** Words with a quote or a line end in them read otherwise in JSON, where it is written as `\"` or `\n`. */
function isWords(text: string): boolean {
  return text.length > MAX_NAMED_CHARS || (/\s/.test(text.trim()) && JSON.stringify(text).length > text.length + 2);
}

/** Replaces an input where a secret in it spans several values. */
const LEFT_OUT_INPUT = { left_out: "What the tool was given; a secret in it could not be told from the rest." };

function inputOf(json: string, before: Record<string, unknown>): Record<string, unknown> {
  const value = parseLine(Buffer.from(json));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return LEFT_OUT_INPUT;
  return asBefore(value, before) as Record<string, unknown>;
}

/** The value as it was before, where it is still shown as that one was. */
function asBefore(value: unknown, before: unknown): unknown {
  if (typeof value !== "object" || value === null) return value === shown(before) ? before : value;
  if (Array.isArray(value)) {
    // Of another length, nobody knows which of them was which.
    const items = Array.isArray(before) && before.length === value.length ? before : [];
    return value.map((item, at) => asBefore(item, items[at]));
  }
  const named = new Map(typeof before === "object" && before !== null ? Object.entries(before) : []);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, asBefore(item, named.get(name))]));
}

/** A text without anything in it is refused by a model's API. */
function nonEmpty(text: string): string {
  return /\S/.test(text) ? text : "(empty)";
}

/** A name of a tool's argument, in which there is nothing to change; others are texts too. */
const PLAIN_NAME = /^[A-Za-z_]{1,24}$/;

/** Depth and number of values were bounded when the line was parsed. */
async function mapValue(value: unknown, change: TextChange): Promise<unknown> {
  if (typeof value === "string") return change(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = [];
    for (const item of value) items.push(await mapValue(item, change));
    return items;
  }
  const entries: [string, unknown][] = [];
  for (const [name, item] of Object.entries(value)) {
    // In JSON a name like any other; until somebody assigns by it.
    if (name === "__proto__") continue;
    entries.push([PLAIN_NAME.test(name) ? name : await change(name), await mapValue(item, change)]);
  }
  return Object.fromEntries(entries);
}
