/**
 * Links that act when a text is shown or followed, and do what no link of a document needs to: images that are fetched
 * from elsewhere, which tells their server who reads and when; and addresses that are themselves a document, a program or
 * a file.
 */
import { linesOf, type Passage, type PassageRule } from "./inspection.ts";

export type LinkKind = "image" | "data" | "javascript" | "vbscript" | "file";

/** How many lines are named of each kind. */
const MAX_LINES_NAMED = 10;

/** Where Markdown, HTML and CSS take an address: `](`, `]: `, `<`, `href=`, `src=`, `url(`. */
const PLACES = "]( | ]: | < | href= | src= | url( | action= | xlink:href= | srcset= | data=";
/** What may come before an address in such a place. */
const LEAD = String.raw`[\s<"'${"`"}\\]{0,8}`;
/** A scheme's letters, between which a browser passes over tabs and line ends. */
const scheme = (name: string) => `${Array.from(name).join(String.raw`[\t\n\r\\]{0,3}`)}[\\t\\n\\r\\\\]{0,3}:`;
const FETCHED = String.raw`(?:https?:|ftp:|[/\\]{2})`;

function schemeRules(kind: Exclude<LinkKind, "image">, begins: string, bare: string): PassageRule<LinkKind>[] {
  return [
    { kind, begins: PLACES, goesOn: LEAD + scheme(kind) },
    { kind, begins, goesOn: bare },
  ];
}

export const LINK_RULES: readonly PassageRule<LinkKind>[] = [
  { kind: "image", begins: "![", goesOn: String.raw`(?:(?!!\[)[^\]\n]|\\\]|\n(?!\n)){0,300}\]\(${LEAD}${FETCHED}` },
  // By reference: the address is elsewhere, or this is no image at all.
  { kind: "image", begins: "![", goesOn: String.raw`(?:(?!!\[)[^\]\n]){0,300}\]\[[^\]\n]{0,200}\]` },
  {
    kind: "image",
    begins: "<img | <image | <picture | <source | <video | <audio | <iframe | <embed | <object | <input",
    goesOn: String.raw`[\s/][^<>]{0,600}?(?:src|srcset|href|data|poster)\s{0,4}=\s{0,4}["'${"`"}]?\s{0,4}${FETCHED}`,
  },
  { kind: "image", begins: "url(", goesOn: LEAD + FETCHED },
  ...schemeRules(
    "data",
    "data:",
    `(?:text|image|application|audio|video|font|multipart)/[a-z0-9.+-]{1,40}(?:;[a-z0-9=.+-]{1,40}){0,4},`,
  ),
  ...schemeRules("javascript", "javascript:", String.raw`\s{0,4}[a-z_$(/][^\s:]{0,80}[(=]`),
  ...schemeRules("vbscript", "vbscript:", String.raw`\s{0,4}[a-z_]{1,40}[\x20(]`),
  ...schemeRules("file", "file:", String.raw`[/\\]{2,3}[a-z0-9.%~$]`),
];

const WORDS: Record<LinkKind, string> = {
  image: "something that is fetched from elsewhere when it is shown, which tells a stranger who reads this and when",
  data: "a data: link, which holds a document of its own",
  javascript: "a javascript: link, which runs a program",
  vbscript: "a vbscript: link, which runs a program",
  file: "a file: link, which opens a file of the reader's machine",
};

/** A sentence for each kind of link among the passages, with its first lines. */
export function linkWarnings(passages: readonly Passage<string>[], file?: string): string[] {
  return (Object.keys(WORDS) as LinkKind[]).flatMap((kind) => {
    const lines = passages.filter((it) => it.kind === kind).map(({ line }) => line);
    return lines.length === 0 ? [] : [`${linesOf(lines, MAX_LINES_NAMED, file)}: ${WORDS[kind]}.`];
  });
}
