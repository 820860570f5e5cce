import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SpreadError } from "../../src/errors.ts";
import { formatRecord, MAX_RECORD_BYTES, parseRecord } from "../../src/handoff/json.ts";
import { Handoff, MAX_HANDOFF_CHARS } from "../../src/handoff/schema.ts";
import type { Anchor } from "../../src/repository/anchor.ts";

const HANDOFF: Handoff = {
  goal: "Do it",
  summary: "Begun",
  todos: ["Go on"],
  decisions: [{ decision: "Now", rationale: "Why not" }],
  files: [{ path: "a.ts", action: "changed" }],
};
const ANCHOR: Anchor = {
  branch: "main",
  commit: "0".repeat(40),
  uncommitted: { count: 3, files: [{ path: "b", change: "renamed", from: "a" }] },
};

const bytes = (json: unknown) => Buffer.from(typeof json === "string" ? json : JSON.stringify(json));
const record = (handoff: unknown, others: object = {}) => ({
  format: "claude-spread/handoff",
  version: 1,
  handoff,
  ...others,
});

function refused(input: Uint8Array): SpreadError {
  try {
    parseRecord(input);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(SpreadError);
    return thrown as SpreadError;
  }
  throw new Error("it was taken");
}

describe("a record", () => {
  it("is this text, byte for byte, whatever order the fields came in", () => {
    const text = formatRecord({ handoff: { ...HANDOFF, completed: [], state: {} } });
    expect(text).toBe(`{
  "format": "claude-spread/handoff",
  "version": 1,
  "handoff": {
    "goal": "Do it",
    "summary": "Begun",
    "decisions": [
      {
        "decision": "Now",
        "rationale": "Why not"
      }
    ],
    "files": [
      {
        "path": "a.ts",
        "action": "changed"
      }
    ],
    "todos": [
      "Go on"
    ]
  }
}
`);
    const reversed = Object.fromEntries(Object.entries(HANDOFF).reverse()) as Handoff;
    expect(formatRecord({ handoff: reversed })).toBe(text);
  });

  it("comes back as it was, with its anchor", () => {
    const parsed = parseRecord(bytes(formatRecord({ handoff: HANDOFF, anchor: ANCHOR })));
    expect(parsed).toEqual({ handoff: HANDOFF, anchor: ANCHOR });
  });

  it("of the longest hand-off is not too long, in the script that takes most", () => {
    const page = "\u0939".repeat(20_000);
    const handoff = {
      goal: "g",
      summary: page,
      next_context: page,
      completed: Array.from({ length: 39 }, () => page.slice(0, 4_000)),
    };
    expect(Handoff.safeParse(handoff).success).toBe(true);
    const files = Array.from({ length: 200 }, () => ({
      path: "\u0939".repeat(1_024),
      from: "\u0939".repeat(1_024),
      change: "renamed" as const,
    }));
    const text = formatRecord({ handoff, anchor: { uncommitted: { count: 200, files } } });
    expect(Buffer.byteLength(text)).toBeLessThan(MAX_RECORD_BYTES);
    expect(parseRecord(bytes(text)).handoff).toEqual(handoff);
  });

  it("is clean, going and coming", () => {
    const dirty = { goal: "a\x1b[2Jb\u202e", summary: "x\r\ny\u{e0041}", todos: ["\u200b", "z\0"] };
    const clean = { goal: "ab", summary: "x\ny", todos: ["z"] };
    expect(parseRecord(bytes(record(dirty))).handoff).toEqual(clean);
    expect(formatRecord({ handoff: dirty })).toBe(formatRecord({ handoff: clean }));
  });

  it("whose goal or summary has nothing to see is refused at both ends, with the field's name", () => {
    const handoff = { goal: "\u200b", summary: "x" };
    expect(() => formatRecord({ handoff })).toThrow("the hand-off has no text at handoff.goal");
    expect(refused(bytes(record(handoff))).code).toBe("bad-message");
  });

  it.each<[string, unknown]>([
    ["is not JSON", "{"],
    ["is not an object", [record(HANDOFF)]],
    ["is of another format", { ...record(HANDOFF), format: "x" }],
    ["is of a later version", { ...record(HANDOFF), version: 2 }],
    ["has a field that is not ours", record(HANDOFF, { note: "x" })],
    ["has a field of a hand-off that is not ours", record({ ...HANDOFF, note: "x" })],
    ["has one in a point", record({ ...HANDOFF, decisions: [{ decision: "a", rationale: "b", by: "c" }] })],
    ["lacks its goal", record({ summary: "x" })],
    [
      "has a prototype",
      `{"format":"claude-spread/handoff","version":1,"handoff":{"goal":"a","summary":"b","__proto__":{"x":1}}}`,
    ],
    [
      "is a prototype",
      `{"format":"claude-spread/handoff","version":1,"__proto__":{"handoff":{"goal":"a","summary":"b"}}}`,
    ],
    ["has a constructor", record({ ...HANDOFF, constructor: { prototype: {} } })],
    ["has a text too long", record({ ...HANDOFF, goal: "x".repeat(4_001) })],
    ["has a list too long", record({ ...HANDOFF, todos: Array.from({ length: 101 }, () => "x") })],
    ["has too much in all", record({ ...HANDOFF, todos: Array.from({ length: 51 }, () => "x".repeat(4_000)) })],
    [
      "is 100,000 deep",
      `{"format":"claude-spread/handoff","version":1,"handoff":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    ],
    ["has a hash that is none", record(HANDOFF, { anchor: { commit: "HEAD" } })],
    ["has a hash that is an option", record(HANDOFF, { anchor: { commit: `--output=${"0".repeat(31)}` } })],
    [
      "has a number that is none",
      JSON.stringify(record(HANDOFF, { anchor: ANCHOR })).replace('"count":3', '"count":1e400'),
    ],
  ])("that %s is refused, without a word of it", (_what, json) => {
    const error = refused(bytes(json));
    expect([error.code, error.message]).toEqual(["bad-message", "the structured hand-off is not one"]);
    expect(({} as { x?: unknown }).x).toBe(undefined);
  });

  it("that is not UTF-8, or of MAX_RECORD_BYTES + 1, is refused", () => {
    expect(refused(Buffer.from(formatRecord({ handoff: { goal: "\u00ff", summary: "x" } }), "latin1")).code).toBe(
      "bad-message",
    );
    expect(refused(Buffer.alloc(MAX_RECORD_BYTES + 1, 0x20)).code).toBe("too-large");
  });

  it("of any JSON is refused or has our shape, and formatting it again changes nothing", () => {
    const field = fc.constantFrom(...Object.keys(Handoff.shape), "__proto__", "x");
    const value = fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 3 }), fc.jsonValue({ maxDepth: 3 }));
    const some = fc.dictionary(field, value, { maxKeys: 4 });
    const base = fc.record({ goal: fc.string(), summary: fc.string() });
    fc.assert(
      fc.property(fc.tuple(base, some), ([required, others]) => {
        let parsed: ReturnType<typeof parseRecord>;
        try {
          parsed = parseRecord(bytes(record({ ...others, ...required })));
        } catch (thrown) {
          expect((thrown as SpreadError).code).toBe("bad-message");
          return;
        }
        const text = formatRecord(parsed);
        expect(formatRecord(parseRecord(bytes(text)))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });
});

it(`a hand-off of ${MAX_HANDOFF_CHARS} characters is taken, and of one more is not`, () => {
  const todos = Array.from({ length: 49 }, () => "x".repeat(4_000));
  const whole = { goal: "g", summary: "x".repeat(3_999), todos };
  expect(Handoff.safeParse(whole).success).toBe(true);
  const more = Handoff.safeParse({ ...whole, goal: "gg" });
  expect(more.error?.issues.map(({ message }) => message)).toEqual([
    "the parts together have more than 200000 characters",
  ]);
});
