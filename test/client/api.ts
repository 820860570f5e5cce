/**
 * A stand-in for the Messages API on loopback: as much of it as `claude -p` needs. What the model says is a list of steps,
 * one for each request of the conversation; what the client says is kept for the test.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readText } from "node:stream/consumers";

/**
 * What the model answers: a text that ends the turn, a call of a tool; instead of an answer a signal to the client, or
 * that the conversation is too long.
 */
type Answer = string | { tool: string; input?: object } | { signal: NodeJS.Signals } | typeof TOO_LONG;

export const TOO_LONG = { tooLong: true } as const;
const TOO_LONG_ERROR = { type: "invalid_request_error", message: "prompt is too long: 250000 tokens > 200000 maximum" };

/** An answer, or how to come by it; what takes its time keeps the client waiting. */
export type Step = Answer | ((seen: Seen) => Answer | Promise<Answer>);

/** What the model has in front of it. */
interface Seen {
  readonly results: readonly ToolResult[];
  /** The newest of them. */
  readonly last: ToolResult;
}

/** A tool's result as the model gets it. */
export interface ToolResult {
  readonly tool: string;
  readonly text: string;
  readonly isError: boolean;
}

export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  readonly input_schema: { type?: unknown; properties?: Record<string, { description?: string }> };
}

export type Block =
  | { type: "text"; text: string }
  | { type: "tool_use"; id: string; name: string; input: object }
  | { type: "tool_result"; tool_use_id: string; is_error?: boolean; content?: string | Block[] }
  | { type: "tool_reference"; tool_name: string };

/** What the client asks; of it, what is looked at. */
export interface Request {
  readonly max_tokens?: number;
  readonly stream?: boolean;
  readonly output_config?: { format?: unknown };
  readonly tools?: readonly ToolDefinition[];
  readonly messages: readonly { role: string; content: string | Block[] }[];
}

interface Api extends AsyncDisposable {
  readonly url: string;
  /** Those of the conversation; what the client asks beside it, such as a title, is answered and forgotten. */
  readonly requests: readonly Request[];
  /** The first thing that went wrong in a step. */
  readonly failure: unknown;
}

/** @param signal where a step sends the client a signal. */
export async function startApi(steps: readonly Step[], signal: (name: NodeJS.Signals) => void): Promise<Api> {
  const requests: Request[] = [];
  let failure: unknown;

  /** What the model says to the next request of the conversation. */
  const nextAnswer = async (asked: Request): Promise<Answer> => {
    const step = steps[requests.push(asked) - 1] ?? "(the script is over)";
    const results = resultsOf(asked);
    const last = results.at(-1) ?? { tool: "", text: "", isError: false };
    return typeof step === "function" ? step({ results, last }) : step;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await readText(request);
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (request.method !== "POST") return void response.writeHead(404).end();
    // As good a guess as the tests need: about 4 characters are a token.
    if (pathname === "/v1/messages/count_tokens") return sendJson(response, { input_tokens: body.length >> 2 });
    const asked = JSON.parse(body) as Request;
    if (!isConversation(asked)) return send(response, asked, { type: "text", text: "ok" });
    const said = await nextAnswer(asked);
    if (typeof said === "string") return send(response, asked, { type: "text", text: said });
    if ("tooLong" in said) return sendJson(response, { type: "error", error: TOO_LONG_ERROR }, 400);
    if ("signal" in said) return signal(said.signal);
    const { tool: name, input = {} } = said;
    return send(response, asked, { type: "tool_use", id: `toolu_${requests.length}`, name, input });
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((thrown: unknown) => {
      failure ??= thrown;
      // 400 is what the client does not try again.
      const error = { type: "invalid_request_error", message: "the step failed" };
      if (!response.headersSent) sendJson(response, { type: "error", error }, 400);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get failure() {
      return failure;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Every result in the conversation so far, in order. */
export function resultsOf({ messages }: Request): ToolResult[] {
  const blocks = messages.flatMap(({ content }) => (typeof content === "string" ? [] : content));
  const tools = new Map(blocks.flatMap((it) => (it.type === "tool_use" ? [[it.id, it.name]] : [])));
  return blocks.flatMap((it) =>
    it.type === "tool_result"
      ? [{ tool: tools.get(it.tool_use_id) ?? "", text: textOf(it.content), isError: it.is_error === true }]
      : [],
  );
}

/** A result that is JSON, and all of it. */
export function json<T>({ text }: ToolResult): T {
  return JSON.parse(text) as T;
}

/** All that the conversation says, reminders of the client included. */
export function conversationText({ messages }: Request): string {
  return messages.map(({ content }) => textOf(content)).join("\n");
}

function textOf(content: string | Block[] = ""): string {
  if (typeof content === "string") return content;
  return content.map((it) => (it.type === "text" ? it.text : `[${it.type}]`)).join("\n");
}

/** What offers tools. Title making, quota probes and the like do not. */
function isConversation({ max_tokens, output_config, tools }: Request): boolean {
  return max_tokens !== 1 && output_config?.format === undefined && (tools?.length ?? 0) > 0;
}

function sendJson(response: ServerResponse, body: object, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** A message of one block, streamed where the client wants it so. */
function send(response: ServerResponse, { stream }: Request, block: Block): void {
  const message = {
    id: `msg_${randomUUID()}`, // by equal ids the client takes answers for parts of one
    type: "message",
    role: "assistant",
    model: "claude-test",
    content: [block],
    stop_reason: block.type === "tool_use" ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  };
  if (!stream) {
    sendJson(response, message);
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  const event = (type: string, data: object = {}) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  event("message_start", { message: { ...message, content: [], stop_reason: null } });
  if (block.type === "tool_use") {
    const delta = { type: "input_json_delta", partial_json: JSON.stringify(block.input) };
    event("content_block_start", { index: 0, content_block: { ...block, input: {} } });
    event("content_block_delta", { index: 0, delta });
  } else if (block.type === "text") {
    event("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
    event("content_block_delta", { index: 0, delta: { type: "text_delta", text: block.text } });
  }
  event("content_block_stop", { index: 0 });
  event("message_delta", { delta: { stop_reason: message.stop_reason, stop_sequence: null }, usage: message.usage });
  event("message_stop");
  response.end();
}
