/**
 * Sessions and memory that somebody sent, transcripts as any client may write them, and the records of the inbox: what
 * is read of them is within bounds, and all else is refused in words of our own.
 */
import fc from "fast-check";
import { describe, expect } from "vitest";
import { isMemoryName, parseMemory, shownMemory } from "../../src/claude/memory.ts";
import { readLine } from "../../src/claude/transcript-content.ts";
import { readSessions, type SessionPart, Turn } from "../../src/claude/turns.ts";
import { inPieces } from "../claude/transcripts.ts";
import { looseJson, outcomeOf, outcomeOfAsync, wordings } from "./judge.ts";
import { cuts, jsonFrames, mutants, pieces } from "./mutate.ts";
import { fuzz } from "./runner.ts";

const HEADER = {
  format: "claude-spread/session",
  version: 1,
  id: "00000000-0000-4000-8000-000000000001",
  title: "Fix it",
  places: {
    project: "{project-1a2b3c4d}",
    project_name: "{project-name-1a2b3c4d}",
    home: "{home-1a2b3c4d}",
    home_name: "{home-name-1a2b3c4d}",
  },
};
const AT = "2026-11-20T10:00:00.000Z";
const CALL = { type: "tool_use", id: "toolu_1", name: "Bash", input: { command: "ls", "a b": [1, { c: null }] } };
const RESULT = { type: "tool_result", tool_use_id: "toolu_1", is_error: false, content: [{ type: "text", text: "x" }] };
const TURNS = [
  { n: 0, after: null, from: "user", at: AT, content: [{ type: "text", text: "Fix {project-1a2b3c4d}/x" }] },
  { n: 1, after: 0, from: "assistant", at: AT, message: 0, content: [{ type: "text", text: "Yes" }, CALL] },
  { n: 2, after: 1, from: "user", at: AT, content: [RESULT] },
];
const END = { end: true, turns: 3, left_out: { thinking: 1 } };
const SESSION = [HEADER, ...TURNS, END];

const lines = (objects: readonly object[]) => Buffer.from(objects.map((it) => `${JSON.stringify(it)}\n`).join(""));

describe("a stream of sessions", () => {
  /** One line of it is another one, or its bytes have mistakes. */
  const changed = fc
    .tuple(fc.nat(SESSION.length - 1), jsonFrames(SESSION))
    .map(([at, line]) =>
      Buffer.concat([lines(SESSION.slice(0, at)), line, Buffer.from("\n"), lines(SESSION.slice(at + 1))]),
    );
  const hear = wordings(3);

  fuzz(
    "is read whole, in whatever pieces it comes, as turns that follow one another, or refused",
    {
      inputs: fc.record({ bytes: fc.oneof(changed, mutants([lines(SESSION), lines([...SESSION, ...SESSION])])), cuts }),
      known: [{ bytes: lines(SESSION), cuts: [] }],
    },
    async ({ bytes, cuts: marks }) => {
      const whole = await outcomeOfAsync(() => partsOf(inPieces(bytes, bytes.length + 1)));
      const cut = await outcomeOfAsync(() => partsOf(all(pieces(bytes, marks))));
      expect(cut).toEqual(whole);
      if ("message" in whole) {
        expect(whole.code).toBe("not-understood");
        return hear(whole.message);
      }
      let turns = 0;
      for (const part of whole.value as SessionPart[]) {
        if (part.is === "header") turns = 0;
        if (part.is === "turn") {
          expect(Turn.parse(part.turn)).toEqual(part.turn);
          expect(part.turn.n).toBe(turns++);
          expect(part.turn.after ?? -1).toBeLessThan(part.turn.n);
        }
        if (part.is === "end") expect(part.end.turns).toBe(turns);
      }
    },
  );
});

async function partsOf(bytes: AsyncIterable<Uint8Array>): Promise<SessionPart[]> {
  const parts: SessionPart[] = [];
  for await (const some of readSessions(bytes)) parts.push(...some);
  return parts;
}

async function* all(some: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  yield* some;
}

describe("a memory", () => {
  const memory = (files: readonly object[]) => ({ format: "claude-spread/memory", version: 1, files });
  const file = (name: string, text = "x") => ({ name, text });
  const VALID = [memory([file("MEMORY.md", "- [a](a.md)\n"), file("a.md")]), memory([file("MEMORY.md")])];
  const NAMES = [
    "CLAUDE.md",
    "claude.MD",
    "../a.md",
    "a/b.md",
    ".a.md",
    "MEMORY.md",
    "memory.md",
    "con.md",
    "a\u0000.md",
  ];
  const named = fc
    .array(fc.record({ name: fc.oneof(fc.constantFrom(...NAMES), fc.string({ maxLength: 12 })), text: fc.string() }))
    .map((files) => Buffer.from(JSON.stringify(memory(files))));
  const inputs = fc.oneof(jsonFrames(VALID), named);
  const hear = wordings(1);

  fuzz("is clean texts under names that harm nobody, each once, or refused", { inputs }, (bytes) => {
    const outcome = outcomeOf(() => parseMemory(bytes));
    if ("message" in outcome) {
      expect(outcome.code).toBe("not-understood");
      return hear(outcome.message);
    }
    const { files } = outcome.value as ReturnType<typeof parseMemory>;
    expect(files.every(({ name }) => isMemoryName(name))).toBe(true);
    expect(new Set(files.map(({ name }) => name.toLowerCase())).size).toBe(files.length);
    // Every line but those with a file's name, which are ours, is quoted or empty.
    const plain = shownMemory({ files })
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith(">"));
    expect(plain).toEqual(files.map(({ name }) => `${name}:`));
  });
});

describe("a line of a transcript", () => {
  const common = { uuid: "u", parentUuid: null, timestamp: AT, cwd: "/x", gitBranch: "main" };
  const VALID = [
    { type: "user", message: { role: "user", content: "Fix it" }, ...common },
    { type: "assistant", message: { id: "m", content: [{ type: "text", text: "Yes" }, CALL] }, ...common },
    { type: "user", message: { content: [{ ...RESULT, content: "x" }] }, ...common },
    {
      type: "attachment",
      attachment: { type: "file", filename: "a", content: { type: "text", file: { content: "x" } } },
    },
    { type: "system", content: "x" },
    { type: "summary", summary: "x" },
  ];

  fuzz(
    "is something said that may travel, or nothing, and what is left out is named",
    { inputs: jsonFrames(VALID) },
    (frame) => {
      const { said, leftOut } = readLine(looseJson(frame.toString()), { thinking: true, images: true });
      for (const what of leftOut) expect(what).toMatch(/^[a-z_]+$/);
      if (said === undefined) return;
      const from = said.from === "user" ? { from: "user" } : { from: "assistant", message: 0 };
      const turn = { n: 0, after: null, at: said.at ?? AT, ...from, content: said.content };
      expect(Turn.safeParse(turn).error).toBeUndefined();
    },
  );
});
