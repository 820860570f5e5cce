/**
 * Parts of a message that travel as words, since no turn holds them as they are: what the API's own tools were asked and
 * found, documents, and links. Each becomes a text that names it and holds what can be read of it.
 */
import { z } from "zod";
import { TextBlock, typeOf } from "./transcript.ts";

interface DescribedPart {
  readonly text: string;
  /** Whether there was more to it than the text holds. */
  readonly isWhole: boolean;
}

const words = z.string().optional().catch(undefined);

const ToolReference = z.looseObject({ tool_name: z.string() });
const ServerToolUse = z.looseObject({ name: z.string(), input: z.unknown().optional() });
const ServerResult = z.looseObject({ content: z.unknown().optional() });
const SearchHit = z.looseObject({ title: words, url: z.string() });
const Failure = z.looseObject({ error_code: z.string() });
const SearchResult = z.looseObject({ title: words, source: words, content: z.array(z.unknown()) });
const Document = z.looseObject({
  title: words,
  source: z.looseObject({
    type: z.string(),
    media_type: words,
    data: words,
    url: words,
    content: z.unknown().optional(),
  }),
});
const ResourceLink = z.looseObject({ name: words, uri: z.string(), description: words });

/** @returns undefined for a part that is not known here. */
export function describePart(part: unknown): DescribedPart | undefined {
  const type = typeOf(part);
  if (typeof type !== "string") return undefined;
  if (type === "server_tool_use" || type === "mcp_tool_use") return serverToolUse(part);
  if (/^[a-z_]{1,60}_tool_result$/.test(type)) return serverResult(type, part);
  return OTHERS.get(type)?.(part);
}

const OTHERS: ReadonlyMap<string, (part: unknown) => DescribedPart | undefined> = new Map([
  ["tool_reference", toolReference],
  ["search_result", searchResult],
  ["document", documentPart],
  ["resource_link", resourceLink],
]);

function whole(...lines: (string | undefined)[]): DescribedPart {
  return { text: lines.filter((line) => line !== undefined && line !== "").join("\n"), isWhole: true };
}

function toolReference(part: unknown): DescribedPart | undefined {
  const { data } = ToolReference.safeParse(part);
  return data && whole(`[tool: ${data.tool_name}]`);
}

function serverToolUse(part: unknown): DescribedPart | undefined {
  const { data } = ServerToolUse.safeParse(part);
  return data && whole(`[${data.name}, a tool of the API's: ${JSON.stringify(data.input ?? {})}]`);
}

/** What a tool of the API's found: pages of the web by their titles, texts as they are. */
function serverResult(type: string, part: unknown): DescribedPart | undefined {
  const { data } = ServerResult.safeParse(part);
  if (data === undefined) return undefined;
  const tool = type.replace(/_tool_result$/, "").replaceAll("_", " ");
  const failure = Failure.safeParse(data.content).data?.error_code;
  if (failure !== undefined) return whole(`[${tool} failed: ${failure}]`);
  const all = Array.isArray(data.content) ? data.content : [data.content];
  const found = all.map(foundIn).filter((it) => it !== undefined);
  if (found.length === 0 && all.length > 0) return { text: `[a result of ${tool}, left out]`, isWhole: false };
  const { text } = whole(`[result of ${tool}]`, ...found.map((it) => it.text));
  return { text, isWhole: found.length === all.length && found.every(({ isWhole }) => isWhole) };
}

const Texted = z.looseObject({ text: z.string() });
const Printed = z.looseObject({ stdout: z.string(), stderr: words });
const Fetched = z.looseObject({ url: words, content: z.unknown().optional() });
const Listed = z.looseObject({ tool_references: z.array(z.unknown()) });

function foundIn(it: unknown): DescribedPart | undefined {
  const hit = SearchHit.safeParse(it).data;
  if (typeOf(it) === "web_search_result" && hit) return whole(`- ${hit.title ?? ""} ${hit.url}`);
  const text = Texted.safeParse(it).data?.text;
  if (text !== undefined) return whole(text);
  const printed = Printed.safeParse(it).data;
  if (printed) return whole(printed.stdout, printed.stderr);
  const listed = Listed.safeParse(it).data;
  if (listed) return whole(...listed.tool_references.map((tool) => toolReference(tool)?.text));
  const fetched = Fetched.safeParse(it).data;
  const page = fetched && documentPart(fetched.content);
  return page && { ...whole(fetched.url, page.text), isWhole: page.isWhole };
}

function searchResult(part: unknown): DescribedPart | undefined {
  const { data } = SearchResult.safeParse(part);
  if (data === undefined) return undefined;
  const texts = data.content.map((it) => TextBlock.safeParse(it).data?.text);
  return whole(`[search result: ${[data.title, data.source].filter(Boolean).join(", ")}]`, ...texts);
}

/** A document's text, where it has one; of a PDF what it is called. */
function documentPart(part: unknown): DescribedPart | undefined {
  const { data } = Document.safeParse(part);
  if (data === undefined) return undefined;
  const { source } = data;
  const title = data.title === undefined ? "" : `: ${data.title}`;
  if (source.type === "text" && source.data !== undefined) return whole(`[document${title}]`, source.data);
  if (source.type === "content") return whole(`[document${title}]`, ...textsIn(source.content));
  if (source.type === "url" && source.url !== undefined)
    return whole(`[document${title || `: ${source.url}`}]`, source.url);
  const kind = source.media_type === "application/pdf" ? "a PDF document" : "a document";
  return { text: `[${kind}${title}, left out]`, isWhole: false };
}

function textsIn(content: unknown): (string | undefined)[] {
  if (typeof content === "string") return [content];
  return Array.isArray(content) ? content.map((it) => TextBlock.safeParse(it).data?.text) : [];
}

/** As the client itself words it. */
function resourceLink(part: unknown): DescribedPart | undefined {
  const { data } = ResourceLink.safeParse(part);
  return data && whole(`[Resource link: ${data.name ?? ""}] ${data.uri}`, data.description);
}
