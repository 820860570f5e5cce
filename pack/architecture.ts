/**
 * The floors of the code, and the drawing of them in docs/architecture.md, made from the imports: `npm run docs` draws it anew.
 * Run in the project's folder. A test (test/architecture.test.ts) holds floors and page.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { posix } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

export const PAGE = "docs/architecture.md";

interface House {
  /** The folder of its sources, in which its rooms are. */
  readonly tree: string;
  /** From the top to the ground. A room is a folder, or a file beside them; it imports only what is on a lower floor. */
  readonly floors: readonly (readonly string[])[];
}

export const HOUSES: readonly House[] = [
  {
    tree: "src",
    floors: [
      ["index.ts"],
      ["mcp", "cli"],
      ["hub"],
      ["service"],
      ["legacy", "incoming", "outgoing"],
      ["share", "installing", "handoff"],
      ["protocol", "inbox", "repository", "config.ts"],
      ["transport", "content", "inspection", "redact", "claude"],
      ["crypto", "discovery", "home", "untrusted", "address.ts", "abort.ts", "files.ts"],
      ["errors.ts", "limits.ts", "ids.ts", "log.ts", "shell.ts"],
    ],
  },
  {
    tree: "relay/src",
    floors: [
      ["index.ts"],
      ["relay.ts", "agent.ts"],
      ["rooms", "pairs", "tunnel"],
      ["peers", "http"],
      ["observe", "config"],
      ["limits", "doors.ts"],
      ["wire.ts", "yamux", "heap.ts"],
    ],
  },
];

interface Import {
  /** Both seen from the tree. */
  readonly from: string;
  readonly to: string;
}

const IMPORT = /(?:\bfrom|\bimport\()\s*"(\.{1,2}\/[^"]+)"/g;

export function filesIn(tree: string): string[] {
  const all = readdirSync(tree, { recursive: true, encoding: "utf8" }).map((file) => file.replaceAll("\\", "/"));
  return all.filter((file) => file.endsWith(".ts"));
}

/** Every import of one file of a tree by another, those of types included. */
export function importsIn(tree: string): Import[] {
  return filesIn(tree).flatMap((from) => {
    const paths = [...readFileSync(posix.join(tree, from), "utf8").matchAll(IMPORT)].map(([, path = ""]) => path);
    return paths.map((path) => ({ from, to: posix.join(posix.dirname(from), path) }));
  });
}

/** The room that a file of a tree is in. */
export function roomOf(file: string): string {
  return file.split("/", 1)[0] ?? file;
}

/** A line for each room, with what it imports; a rule between two floors. */
function drawingOf({ tree, floors }: House): string {
  const rooms = floors.flat();
  const imports = importsIn(tree).map(({ from, to }) => [roomOf(from), roomOf(to)] as const);
  const nameOf = (room: string) => (room.endsWith(".ts") ? room : `${room}/`);
  const width = Math.max(...rooms.map((room) => nameOf(room).length));
  const lineOf = (room: string) => {
    const imported = rooms.filter((it) => it !== room && imports.some(([from, to]) => from === room && to === it));
    return [nameOf(room).padEnd(width), ...imported.map(nameOf)].join("  ").trimEnd();
  };
  const drawn = floors.map((floor) => floor.map(lineOf).join("\n")).join(`\n${"-".repeat(width)}\n`);
  return `\`\`\`text\n${drawn}\n\`\`\``;
}

/** The page with its drawings as the code is now. */
export function redrawn(page: string): string {
  return HOUSES.reduce((text, house) => {
    const place = new RegExp(`(<!-- drawing of ${house.tree} -->\n)[^]*?(<!-- end of the drawing -->)`);
    return text.replace(place, (_, begin: string, end: string) => `${begin}${drawingOf(house)}\n${end}`);
  }, page);
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, redrawn(readFileSync(PAGE, "utf8")));
