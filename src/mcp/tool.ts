/** What a tool is, and how it answers: checked input in, and out a result by its schema, or an error with code and cure. */
import type { CallToolResult, ToolAnnotations } from "@modelcontextprotocol/sdk/types.js";
import type * as z from "zod";
import type { Config } from "../config.ts";
import { errorText, SpreadError, toSpreadError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Service } from "../service/service.ts";

/** What all tools share. */
export interface Context {
  /** @throws SpreadError `bad-config`, which so appears where it is seen: in a tool's result. */
  config(): Config;
  /** @throws SpreadError `bad-config`. */
  service(): Promise<Service>;
  readonly log: Logger;
  /** The path of this program. */
  readonly entry: string;
}

/** One call of a tool. */
export interface Call {
  /** Aborted when the client cancels. */
  readonly signal: AbortSignal;
  /** Tells the waiting client how far the call is. @param share 0 to 1. */
  progress(share: number, message: string): void;
  /**
   * Has the client ask its user, and waits for the answer.
   * @param deed what a yes does: the label of a checkbox.
   * @returns "nobody" if the client cannot ask. @throws SpreadError `cancelled`
   */
  ask(question: string, deed: string): Promise<"yes" | "no" | "nobody">;
}

interface Tool<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly title: string;
  /** For the model: at most 2048 characters, the client cuts the rest. */
  readonly description: string;
  readonly input: Input;
  readonly output: Output;
  readonly annotations: ToolAnnotations;
  readonly meta?: Record<string, unknown>;
  /** @returns the result, and the same as text for clients that show nothing else. @throws SpreadError */
  run(input: z.output<Input>, context: Context, call: Call): Promise<{ result: z.input<Output>; text: string }>;
}

/** A tool without the types of its schemas, so that different tools fit in one list. */
export type AnyTool = Omit<Tool, "run"> & {
  answer(input: unknown, context: Context, call: Call): Promise<CallToolResult>;
};

export function tool<Input extends z.ZodObject, Output extends z.ZodObject>(spec: Tool<Input, Output>): AnyTool {
  const { run, ...rest } = spec;
  return {
    ...rest,
    async answer(input, context, call) {
      try {
        const parsed = spec.input.safeParse(input);
        if (!parsed.success) throw invalid(parsed.error, spec.input);
        const { result, text } = await run(parsed.data, context, call);
        return { content: [{ type: "text", text }], structuredContent: result };
      } catch (thrown) {
        const error = toSpreadError(thrown);
        context.log[error.code === "internal" ? "error" : "info"](`${spec.name}: ${error.code}`);
        return { isError: true, content: [{ type: "text", text: errorText(error) }] };
      }
    },
  };
}

/** Unknown arguments named in an error, and the longest name, in UTF-16 units. */
const MAX_NAMES_SHOWN = 5;
const MAX_NAME_CHARS = 40;

/** A name can be any text, but an error must stay short and on its two lines. */
function shownNames(keys: readonly string[]): string {
  const names = keys.slice(0, MAX_NAMES_SHOWN).map((key) => key.slice(0, MAX_NAME_CHARS));
  return names.map((name) => name.replace(/[^\p{L}\p{N}_.-]/gu, "?")).join(", ");
}

/** Names each wrong argument without quoting a value, and lists the valid ones if one is unknown. */
function invalid(error: z.ZodError, input: z.ZodObject): SpreadError {
  const wrong = error.issues.map((issue) => {
    if (issue.code === "unrecognized_keys") {
      const known = Object.keys(input.shape);
      const none = known.length > 0 ? `the arguments are ${known.join(", ")}` : "it takes none";
      return `there is no argument ${shownNames(issue.keys)}: ${none}`;
    }
    const name = issue.path.join(".");
    const what = issue.message.replace(/\s+/g, " ");
    return name === "" ? what : `${name}: ${what}`;
  });
  return new SpreadError("invalid-input", wrong.join("; "));
}
