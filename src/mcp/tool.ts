/** What a tool is here, and how it answers: a checked input, a result by its schema, or an error with its code and cure. */
import type { CallToolResult, ToolAnnotations } from "@modelcontextprotocol/sdk/types.js";
import type * as z from "zod";
import type { Config } from "../config.ts";
import { errorText, SpreadError, toSpreadError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Service } from "../service/service.ts";

/** What all tools share. */
export interface Context {
  /** @throws SpreadError `bad-config`: said where it is seen, in a tool's result. */
  config(): Config;
  /** @throws SpreadError `bad-config`. */
  service(): Promise<Service>;
  readonly log: Logger;
  /** The program itself, as a path. */
  readonly entry: string;
}

/** One call of a tool. */
export interface Call {
  /** Aborted when the client cancels. */
  readonly signal: AbortSignal;
  /** Tells the waiting client how far it is. @param share 0 to 1. */
  progress(share: number, message: string): void;
  /**
   * Has the client ask its user, and waits for the answer.
   * @param deed what a yes does, as words on a box to tick.
   * @returns "nobody" where the client cannot. @throws SpreadError `cancelled`
   */
  ask(question: string, deed: string): Promise<"yes" | "no" | "nobody">;
}

interface Tool<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly title: string;
  /** What a model reads: at most 2048 characters, the client cuts the rest. */
  readonly description: string;
  readonly input: Input;
  readonly output: Output;
  readonly annotations: ToolAnnotations;
  readonly meta?: Record<string, unknown>;
  /** @returns the result, and the same for clients that show text alone. @throws SpreadError */
  run(input: z.output<Input>, context: Context, call: Call): Promise<{ result: z.input<Output>; text: string }>;
}

/** A tool whose schemas are forgotten, so that different ones fit in one list. */
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

/** Of arguments that there are not: so many, of so many UTF-16 units each. */
const MAX_NAMES_SHOWN = 5;
const MAX_NAME_CHARS = 40;

/** A name can be any text: an error stays two lines, and short. */
function shownNames(keys: readonly string[]): string {
  const names = keys.slice(0, MAX_NAMES_SHOWN).map((key) => key.slice(0, MAX_NAME_CHARS));
  return names.map((name) => name.replace(/[^\p{L}\p{N}_.-]/gu, "?")).join(", ");
}

/** Names each wrong argument, quotes no value, and says which there are where one is not known. */
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
