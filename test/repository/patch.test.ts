import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_FILE_PATCH_BYTES, PatchReader } from "../../src/repository/patch.ts";

function read(...pieces: (string | Uint8Array)[]) {
  const reader = new PatchReader((path) => path === "withheld");
  for (const piece of pieces) reader.push(Buffer.from(piece as string));
  reader.end();
  return { files: reader.files, left: reader.left, bytes: reader.bytes };
}

const modified = (path: string, content = "x") =>
  `diff --git a/${path} b/${path}\nindex 1..2 100644\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-${content}\n+y\n`;

describe("a patch in pieces", () => {
  it("is taken apart by files, and put together again is what it was", () => {
    const renamed =
      'diff --git "a/\\303\\244\\n" b/new name\nsimilarity index 100%\nrename from "\\303\\244\\n"\nrename to new name\n';
    const mode = "diff --git a/run me b/run me\nold mode 100644\nnew mode 100755\n";
    const patch = modified("a b/c b/d") + renamed + mode + modified("z", "diff --git a/x b/x");
    const { files, left, bytes } = read(patch);
    expect(files.map(({ path, from }) => [path, from])).toEqual([
      ["a b/c b/d", undefined],
      ["new name", "ä\n"],
      ["run me", undefined],
      ["z", undefined],
    ]);
    expect(left).toEqual([]);
    expect(files.map(({ text }) => text).join("")).toBe(patch);
    expect(bytes).toBe(Buffer.byteLength(patch));
  });

  it("is read the same however it is cut", () => {
    const line = fc.constantFrom(
      "diff --git a/x b/x\n",
      'diff --git "a/\\303\\244" "b/\\303\\244"\n',
      "diff --git a/withheld b/withheld\n",
      "diff --git a/x b/y\n",
      "rename from x\n",
      "rename to withheld\n",
      "Binary files a/x and b/x differ\n",
      "* Unmerged path x\n",
      "@@ -1 +1 @@\n",
      "+diff --git a/x b/x\n",
      " ä\n",
      "\n",
      "diff --git",
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 8 }), (lines, marks) => {
        const bytes = Buffer.from(lines.join(""));
        const cuts = [0, ...marks.map((mark) => mark % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        expect(read(...cuts.slice(1).map((end, at) => bytes.subarray(cuts[at], end)))).toEqual(read(bytes));
      }),
    );
  });

  it("that is any bytes is never more than what it holds", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(Buffer.from("\ndiff --git "))), {
          maxLength: 8,
        }),
        (parts) => {
          const { files, bytes } = read(...parts);
          expect(files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)).toBe(bytes);
          expect(bytes).toBeLessThanOrEqual(parts.reduce((sum, part) => sum + part.length, 0));
        },
      ),
    );
  });

  it(`keeps a change of ${MAX_FILE_PATCH_BYTES} bytes, and names one of one more`, () => {
    const spare = MAX_FILE_PATCH_BYTES - Buffer.byteLength(modified("a", ""));
    const { files, left } = read(modified("a", "x".repeat(spare)), modified("b", "x".repeat(spare + 1)), modified("c"));
    expect(files.map(({ path }) => path)).toEqual(["a", "c"]);
    expect(left).toEqual([{ path: "b", why: "too-long" }]);
  });

  it("withholds a file under its old name and under its new one", () => {
    const rename = (from: string, to: string) =>
      `diff --git a/${from} b/${to}\nsimilarity index 100%\nrename from ${from}\nrename to ${to}\n`;
    const { files, left } = read(rename("withheld", "b"), rename("a", "withheld"), modified("withheld"), modified("c"));
    expect(files.map(({ path }) => path)).toEqual(["c"]);
    expect(left.map(({ path }) => path)).toEqual(["b", "withheld", "withheld"]);
  });
});
