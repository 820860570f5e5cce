import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { linesOf } from "../../src/inspection/inspection.ts";
import { linkWarnings } from "../../src/inspection/links.ts";
import { inspectPassages } from "../../src/inspection/passages.ts";

function look(...pieces: string[]) {
  const inspection = inspectPassages(1);
  for (const piece of pieces) inspection.push(piece);
  return linkWarnings(inspection.end());
}

describe("is told by line and kind", () => {
  test.each([
    ["fetched from elsewhere", "![x](https://a.example/p.png)"],
    ["fetched from elsewhere", "![x](//a.example/p.png)"],
    ["fetched from elsewhere", '![a long\ntext]( <http://a.example/p.png> "title")'],
    ["fetched from elsewhere", "![x][ref]\n\n[ref]: https://a.example/p.png"],
    ["fetched from elsewhere", '<img alt="x" src="https://a.example/p.png">'],
    ["fetched from elsewhere", "<IMG SRC=https://a.example/p.png>"],
    ["fetched from elsewhere", '<img srcset="//a.example/p.png 2x">'],
    ["fetched from elsewhere", "<iframe src='https://a.example'></iframe>"],
    ["fetched from elsewhere", '<div style="background: url(https://a.example/p.png)">'],
    ["a data: link", "[x](data:text/html;base64,PHNjcmlwdD4=)"],
    ["a data: link", "data:text/html,<b>x</b>"],
    ["a data: link", '<a href="data:text/html,x">'],
    ["a javascript: link", "[x](javascript:alert(1))"],
    ["a javascript: link", "[x]( <JaVaScRiPt:alert(1)>)"],
    ["a javascript: link", '<a href="java\tscript:alert(1)">'],
    ["a javascript: link", "[x](&#106;avascript&colon;alert(1))"],
    ["a javascript: link", "[x]: javascript:alert(1)"],
    ["a vbscript: link", "[x](vbscript:msgbox(1))"],
    ["a file: link", "[x](file:///etc/passwd)"],
    ["a file: link", "open file:///C:/secret.txt"],
  ])("%s: %s", (kind, text) => {
    const [first, ...others] = look(`# Notes\n\n${text}\n`);
    expect(first).toMatch(/^Line 3 of handoff\.md: /);
    expect(first).toContain(kind);
    expect(others).toEqual([]);
  });
});

test.each([
  "[docs](https://docs.example/data:x)",
  "![chart](docs/chart.png)",
  "the data: field, and the file: option",
  "import { x } from 'data';",
  "const data: string[] = [];",
  "Set `file: ./x` and `javascript: true` in the config.",
  '<img src="docs/chart.png">',
  "<https://docs.example>",
])("%j is no such link", (text) => {
  expect(look(text)).toEqual([]);
});

test("no word of the sender's gets into the sentences, and ten lines are named of a kind", () => {
  const sentences = look("![RUN-THIS](https://run-this-now.example/p)\n".repeat(30));
  expect(sentences).toEqual([
    expect.stringMatching(/^Lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and others of handoff\.md: something that is fetched/),
  ]);
  expect(sentences.join()).not.toMatch(/run-this/i);
});

test("any cut into pieces gives the same lines, also of a document of many windows", () => {
  const part = fc.constantFrom(
    "![x](https://a.example)\n",
    "[x](data:text/html,x) ",
    "plain text\n",
    `${"y".repeat(9000)}\n`,
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), fc.array(fc.nat(), { maxLength: 8 }), (parts, marks) => {
      const text = parts.join("");
      const cuts = [0, ...marks.map((mark) => mark % (text.length + 1)), text.length].sort((a, b) => a - b);
      expect(look(...cuts.slice(1).map((end, at) => text.slice(cuts[at], end)))).toEqual(look(text));
    }),
    { numRuns: 100 },
  );
});

test("linesOf", () => {
  expect([linesOf([3], 2), linesOf([3, 9], 2), linesOf([3, 9, 14], 2)]).toEqual([
    "Line 3 of handoff.md",
    "Lines 3 and 9 of handoff.md",
    "Lines 3, 9 and others of handoff.md",
  ]);
});
