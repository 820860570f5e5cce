/** The tool distill_preview. */
import * as z from "zod";
import { SpreadError } from "../errors.ts";
import { MAX_TITLE_CHARS } from "../limits.ts";
import { CleanedView, DRAFT, OfferedFile, prepare, viewCleaned } from "./draft.ts";
import { tool } from "./tool.ts";

/** As in distill_receive: the longest text in JSON, and the fields around it. */
const MAX_RESULT_CHARS = 120_000;
/** The longest document shown whole, in UTF-16 units; of a longer one the beginning is shown, and the file named. */
const SHOWN_CHARS = 40_000;

const DESCRIPTION = `Shows what distill_share would send, and sends nothing: the document byte for byte, its size and digest, each secret that was replaced (rule, line, placeholder), what comes along, and what a good hand-off still lacks (suggestions).

Takes the same input as distill_share. Use it when the user wants to see what would leave, or before a share whose suggestions you may be able to fill in. The same input shared right after has the same bytes, as long as no file has changed; sessions get new ids each time.`;

const Output = z.object({
  title: z.string(),
  content: z.string().describe("The document as it would leave; of a long one its beginning."),
  whole: z.boolean().describe("Whether content is all of it."),
  bytes: z.int().describe("Of the document."),
  sha256: z.string(),
  saved_to: z.string().describe("The folder that holds all parts as they would leave, until the next preview."),
  files: z.array(OfferedFile).describe("What comes along with the document."),
  cleaned: CleanedView,
  replacements: z
    .array(z.object({ part: z.string(), rule: z.string(), line: z.int(), placeholder: z.string() }))
    .describe("The first 200."),
  suggestions: z.array(z.string()).describe("What the hand-off lacks, and what stays away."),
});

export const previewTool = tool({
  name: "distill_preview",
  title: "Preview of a share",
  description: DESCRIPTION,
  input: z.strictObject({ title: z.string().optional().describe("As for distill_share."), ...DRAFT }),
  output: Output,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  meta: { "anthropic/maxResultSizeChars": MAX_RESULT_CHARS },
  async run(input, context, call) {
    const config = context.config();
    await using prepared = await prepare(input, config, call);
    const { cleanLine, wholeCharacters } = await import("../untrusted/clean.ts");
    const { showPreview } = await import("../outgoing/preview.ts");
    const { beginning, folder, parts } = await showPreview(prepared.materials, config.home, call.signal);
    const { headingOf } = await import("../untrusted/fence.ts");
    const [document, ...files] = parts;
    if (!document) throw new SpreadError("internal", "a preview of nothing was made");
    const title = cleanLine(prepared.title ?? headingOf(Buffer.from(beginning)), MAX_TITLE_CHARS);
    const content = beginning.slice(0, wholeCharacters(beginning, SHOWN_CHARS));
    const whole = Buffer.byteLength(content) === document.bytes;
    const { cleaned } = prepared.cleaning;
    const result = {
      title,
      content,
      whole,
      bytes: document.bytes,
      sha256: document.sha256,
      saved_to: folder,
      files,
      cleaned: viewCleaned(cleaned),
      replacements: cleaned.replacements.map(({ part, rule, line, placeholder }) => ({
        part,
        rule,
        line,
        placeholder,
      })),
      suggestions: [...prepared.advice],
    };
    const lines = [
      content,
      whole ? "" : "(Only its beginning is shown here.)",
      `Nothing was sent. The document has ${result.bytes} bytes, SHA-256 ${result.sha256}; all parts: ${folder}`,
      ...files.map(({ name, role, bytes }) => `Comes along: ${name} (${role}, ${bytes} bytes)`),
      ...result.replacements.map((it) => `${it.part}, line ${it.line}: ${it.rule} became ${it.placeholder}`),
      ...prepared.advice.map((it) => `Suggestion: ${it}`),
    ];
    return { result, text: lines.join("\n") };
  },
});
