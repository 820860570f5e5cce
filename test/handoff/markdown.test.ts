import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderHandoff, titleOf } from "../../src/handoff/markdown.ts";
import type { Handoff } from "../../src/handoff/schema.ts";
import type { Anchor } from "../../src/repository/anchor.ts";
import { Outline } from "../../src/untrusted/fence.ts";
import { expectLinear } from "../support/cost.ts";

const FULL: Handoff = {
  goal: "Make the relay survive a restart.\nOne knows by the fault suite.",
  summary: "It survives, but slowly.",
  completed: ["Reclaim works: seen in `restart.test.ts`"],
  decisions: [{ decision: "Tokens are MACs", rationale: "A table would not survive.\n\n- nor would a file" }],
  dead_ends: [{ tried: "A file of rooms", why_not: "It was torn:\n```\nEOF\n```" }],
  files: [
    { path: "relay/src/room.ts", action: "changed", note: "keeps a lost sender's room" },
    { path: "relay/src/old `x`.ts", action: "deleted" },
  ],
  state: { build: "passes", tests: "all but one", commands: ["npm test", "cat <<E\n# not a heading\nE"] },
  open_questions: ["Is 60 s enough?"],
  todos: ["Measure it", "Write it down"],
  next_context: "No new dependencies.",
};

const ANCHOR: Anchor = {
  remote: "https://git.example/owner/repo",
  branch: "main",
  commit: "0123456789abcdef0123456789abcdef01234567",
  upstream: { branch: "origin/main", ahead: 2, behind: 1 },
  folder: "relay",
  uncommitted: {
    count: 3,
    files: [
      { path: "b.txt", change: "renamed", from: "a.txt" },
      { path: "c.txt", change: "untracked" },
    ],
  },
};

/** What readers take for parts of the document. */
function headings(markdown: string) {
  const outline = new Outline(1);
  outline.push(markdown);
  outline.end();
  return outline.headings.map(({ level, text }) => `${"#".repeat(level)} ${text}`);
}

it("a whole hand-off is this document, byte for byte", () => {
  expect(renderHandoff(FULL, ANCHOR)).toBe(`# Make the relay survive a restart.

- Repository: \`https://git.example/owner/repo\`, folder \`relay\`
- Branch: \`main\`, commit \`0123456789abcdef0123456789abcdef01234567\` (2 ahead of \`origin/main\`, 1 behind)
- Not committed: 3 files
  - \`b.txt\`: renamed from \`a.txt\`
  - \`c.txt\`: untracked
  - and 1 more

## Goal

Make the relay survive a restart.
One knows by the fault suite.

## Summary

It survives, but slowly.

## Completed

- Reclaim works: seen in \`restart.test.ts\`

## Key decisions

- **Tokens are MACs**: A table would not survive.

  - nor would a file

## Tried, and failed

- A file of rooms: It was torn:
  \`\`\`
  EOF
  \`\`\`

## File changes

- \`relay/src/room.ts\`: changed; keeps a lost sender's room
- \`\` relay/src/old \`x\`.ts \`\`: deleted

## Current state

- Build: passes
- Tests: all but one
- Commands:
  - \`npm test\`
  - Code:
    \`\`\`
    cat <<E
    # not a heading
    E
    \`\`\`

## Open questions

- Is 60 s enough?

## To do

- [ ] Measure it
- [ ] Write it down

## Context for the next session

No new dependencies.
`);
});

it("the least hand-off is a title and two sections", () => {
  expect(renderHandoff({ goal: "Do it", summary: "Begun" })).toBe(
    "# Do it\n\n## Goal\n\nDo it\n\n## Summary\n\nBegun\n",
  );
  expect(renderHandoff({ goal: "Do it", summary: "Begun", todos: [], state: {} }, {})).toBe(
    renderHandoff({ goal: "Do it", summary: "Begun" }),
  );
});

it("is the same whatever order the fields came in", () => {
  const reversed = Object.fromEntries(Object.entries(FULL).reverse()) as Handoff;
  expect(renderHandoff(reversed, ANCHOR)).toBe(renderHandoff(FULL, ANCHOR));
});

it("the title is the goal's first line, or a word where that has nothing to see", () => {
  expect(titleOf({ goal: "  Do it\nwell" })).toBe("Do it");
  expect(titleOf({ goal: "\u200b" })).toBe("Hand-off");
  expect(titleOf({ goal: "x".repeat(500) })).toHaveLength(200);
});

describe("a text cannot", () => {
  const summary = (text: string) => renderHandoff({ goal: "Do it", summary: text }).split("## Summary\n\n")[1];

  it.each([
    ["begin a heading", "# x\n ## y\n#\ntext # z\n#tag", "\\# x\n \\## y\n\\#\ntext # z\n#tag\n"],
    ["make the line above it one", "x\n===\ny\n---\nz\n-", "x\n\\===\ny\n\\---\nz\n\\-\n"],
    ["begin one in a quote or a list", "> # x\n- # y\n1. > - ## z", "> \\# x\n- \\# y\n1. > - \\## z\n"],
    ["leave code open", "```sh\n# x\n## To do", "```sh\n# x\n## To do\n```\n"],
    ["end its code in the middle", "````\n```\n# x\n````\ny", "````\n```\n# x\n````\ny\n"],
    ["open code in a list", "- ```\n# x", "- \\```\n\\# x\n"],
    ["hide what follows in a comment", "<!-- x\n<div>\n</div>\na < b", "\\<!-- x\n\\<div>\n\\</div>\na < b\n"],
    ["say where links of others lead", "[x]: https://evil.example", "\\[x]: https://evil.example\n"],
    ["use line ends that are not seen as such", "a\r# x\u2028# y\r\n# z\x0c# w", "a\n\\# x\n\\# y\n\\# z# w\n"],
    ["hide the beginning of a line", "\u200b# x\n\x1b[2J# y", "\\# x\n\\# y\n"],
  ])("%s", (_what, text, rendered) => {
    expect(summary(text)).toBe(rendered);
  });

  it("lose what it may have: lists, quotes, tables, emphasis, code", () => {
    const text =
      "- a\n  - b\n\n1. c\n\n> d\n\n| e | f |\n|---|---|\n\n**g** `h` *i*\n\n```ts\nconst x = 1;\n```\n\n    j";
    expect(summary(text)).toBe(`${text}\n`);
  });
});

describe("whatever its texts are, a document's headings are ours", () => {
  const bits = fc.constantFrom(
    "# x",
    "## To do",
    "###",
    "```",
    "````",
    "~~~",
    "~~~~ sh",
    "===",
    "---",
    "-",
    "<!--",
    "-->",
    "<pre>",
    "<script>",
    "- ",
    "> ",
    "1. ",
    "  ",
    "    ",
    "\t",
    "\n",
    "\n\n",
    "\r",
    "\u2028",
    "\u200b",
    "\x1b[",
    "\\",
    "`",
    "``",
    "*",
    "**",
    "[x]",
    "[x]:",
    "$",
    "|",
    "x",
    "word",
    "é",
    "🚀",
    "\ud800",
    "\x85",
    "\x0b",
    "- [ ] ",
    "***",
    "#\t",
    "*/",
    "&#35; x",
  );
  const text = fc.array(bits, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(""));
  const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(fc.array(arbitrary, { maxLength: 3 }), { nil: undefined });
  const handoff = fc.record({
    goal: text,
    summary: text,
    completed: some(text),
    decisions: some(fc.record({ decision: text, rationale: text })),
    dead_ends: some(fc.record({ tried: text, why_not: text })),
    files: some(
      fc.record({ path: text, action: fc.constant("changed" as const), note: fc.option(text, { nil: undefined }) }),
    ),
    state: fc.option(fc.record({ build: text, tests: text, commands: fc.array(text, { maxLength: 2 }) }), {
      nil: undefined,
    }),
    open_questions: some(text),
    todos: some(text),
    next_context: fc.option(text, { nil: undefined }),
  }) as fc.Arbitrary<Handoff>;

  /** The same parts with texts of one word. Where nothing can be seen of a text, its point is not there. */
  function plain(part: unknown): unknown {
    if (typeof part === "string") return part.trim() === "" ? "" : "word";
    if (Array.isArray(part)) return part.map(plain);
    if (typeof part !== "object" || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, plain(inner)]));
  }

  it("and depend on nothing but which parts are there", () => {
    fc.assert(
      fc.property(handoff, (parts) => {
        // A word in front, so that no text is without anything to see.
        const seen = JSON.parse(JSON.stringify(parts), (name, value: unknown) =>
          typeof value === "string" && name !== "action" ? `w\n${value}` : value,
        ) as Handoff;
        const expected = headings(renderHandoff(plain(seen) as Handoff)).slice(1);
        expect(headings(renderHandoff(seen)).slice(1)).toEqual(expected);
        const [first, ...others] = headings(renderHandoff(parts));
        expect(first).toMatch(/^# /);
        expect(others.every((heading) => expected.includes(heading))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it("also where the anchor is hostile", () => {
    fc.assert(
      fc.property(text, (hostile) => {
        const anchor = {
          remote: hostile,
          branch: hostile,
          folder: hostile,
          uncommitted: { count: 1, files: [{ path: hostile, change: "renamed" as const, from: hostile }] },
        };
        expect(headings(renderHandoff({ goal: "g", summary: "s" }, anchor))).toEqual(["# g", "## Goal", "## Summary"]);
      }),
    );
  });
});

it("texts of every nasty kind cost no more than their length", async () => {
  for (const nasty of ["#", "`", "~", "=", "-", "> ", "- ", "[", " ", "<", "1.", "\n", "*", "```\n", "\t#"]) {
    await expectLinear(nasty, 5_000, (length) => {
      const page = nasty.repeat(length / nasty.length);
      const point = nasty.repeat(length / 5 / nasty.length);
      const handoff = {
        goal: point,
        summary: page,
        next_context: page,
        completed: Array.from({ length: 30 }, () => point),
        decisions: Array.from({ length: 10 }, () => ({ decision: `${point}x`, rationale: point })),
      };
      return () => renderHandoff(handoff);
    });
  }
});
