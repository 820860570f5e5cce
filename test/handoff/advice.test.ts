import { describe, expect, it } from "vitest";
import * as z from "zod";
import { BUDGET_TOKENS, estimatedTokens, missing, overBudget } from "../../src/handoff/advice.ts";
import { renderHandoff } from "../../src/handoff/markdown.ts";
import { Handoff } from "../../src/handoff/schema.ts";

const FULL: Handoff = {
  goal: "Make the relay survive a restart, seen by the fault suite.",
  summary: "The relay survives a restart in the middle of a transfer. What is left is to measure how long it takes.",
  completed: ["Reclaim works"],
  decisions: [{ decision: "Tokens are MACs", rationale: "A table would be lost with the process." }],
  dead_ends: [{ tried: "A file of rooms", why_not: "It was torn by kill -9" }],
  files: [{ path: "src/room.ts", action: "changed" }],
  state: { tests: "all pass", commands: ["npm test"] },
  todos: ["Measure it"],
  next_context: "No new dependencies.",
};

describe("what is missing", () => {
  it("is nothing where everything is there", () => {
    expect(missing(FULL)).toEqual([]);
  });

  it.each<[string, Partial<Record<keyof Handoff, unknown>>]>([
    ["goal", { goal: "Do it" }],
    ["summary", { summary: "Begun" }],
    ["todos", { todos: [] }],
    ["state.tests", { state: { commands: ["npm test"] } }],
    ["dead_ends", { dead_ends: undefined }],
    ["decisions", { decisions: [] }],
    ["decisions[1].rationale", { decisions: [...(FULL.decisions ?? []), { decision: "x", rationale: "so" }] }],
    ["files", { files: [] }],
    ["state.commands", { state: { tests: "pass" } }],
    ["completed", { completed: undefined }],
    ["next_context", { next_context: undefined }],
  ])("names %s, and what to write there", (field, without) => {
    const sentences = missing({ ...FULL, ...without } as Handoff);
    expect(sentences).toHaveLength(1);
    expect(sentences[0]).toMatch(
      new RegExp(`^${field.replace(/[[\].]/g, "\\$&")} is (?:empty|missing|very short): .*\\.$`),
    );
  });

  it("is said in five sentences at most, what matters most first", () => {
    const sentences = missing({ goal: "x", summary: "y" });
    expect(sentences.map((sentence) => sentence.split(" ")[0])).toEqual([
      "goal",
      "summary",
      "todos",
      "state.tests",
      "dead_ends",
    ]);
  });

  it("includes files that are not committed and not named", () => {
    const change = "changed" as const;
    const files = ["room.ts", "a.ts", "b.ts", "c.ts", "d.ts"].map((name) => ({ path: `app/src/${name}`, change }));
    const untracked = { path: "app/notes", change: "untracked" as const };
    const anchor = { folder: "app", uncommitted: { count: 6, files: [...files, untracked] } };
    expect(missing(FULL, anchor)).toEqual([
      "files leaves out what is not committed: app/src/a.ts, app/src/b.ts, app/src/c.ts and 1 more.",
    ]);
    expect(missing(FULL, { ...anchor, uncommitted: { count: 1, files: files.slice(0, 1) } })).toEqual([]);
  });
});

describe("the budget", () => {
  it("is kept by a hand-off of some pages", () => {
    expect(overBudget(FULL, renderHandoff(FULL))).toBe(undefined);
  });

  it("is named with the largest part where it is exceeded", () => {
    const long = { ...FULL, completed: Array.from({ length: 10 }, () => "word ".repeat(500).trim()) };
    const said = overBudget(long, renderHandoff(long));
    expect(said).toMatch(
      new RegExp(`^The hand-off takes about \\d+ tokens, and should take ${BUDGET_TOKENS} at most\\.`),
    );
    expect(said).toContain("Its largest part is completed, with 24990 characters: shorten that first.");
  });

  it("counts other scripts for what they cost", () => {
    expect([estimatedTokens("word"), estimatedTokens("漢字漢字漢字"), estimatedTokens("")]).toEqual([1, 4, 0]);
  });
});

it("the schema becomes a tool's input, with a description of every part", () => {
  const schema = z.toJSONSchema(Handoff, { io: "input" }) as {
    required: string[];
    additionalProperties: boolean;
    properties: Record<string, object>;
  };
  expect(schema.required).toEqual(["goal", "summary"]);
  expect(schema.additionalProperties).toBe(false);
  expect(
    Object.entries(schema.properties)
      .filter(([, part]) => !("description" in part))
      .map(([name]) => name),
  ).toEqual(["state"]);
  expect(JSON.stringify(schema).length).toBeLessThan(4_000);
});
