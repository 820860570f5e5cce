/** Text that others wrote and that holds no secrets of theirs: what is changed in it, to be read by a person. */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { readdir, readFile, realpath } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { redactText } from "../../../src/redact/redactor.ts";

interface Change {
  readonly file: string;
  readonly rule: string;
  /** In the file, from 1 on. */
  readonly line: number;
  /** What goes, and what stands around it in its line. */
  readonly before: string;
  readonly taken: string;
  readonly after: string;
}

interface Honest {
  readonly files: number;
  readonly bytes: number;
  /** SHA-256 over names and contents: two runs over the same set have the same. */
  readonly digest: string;
  readonly changes: readonly Change[];
}

const SHOWN_CHARS = 80;
const PLACEHOLDER = /\[redacted: ([a-z0-9-]+)(?: #\d+)?\]/g;

/** All files below these folders that are text in UTF-8. */
export async function measureHonest(folders: readonly string[]): Promise<Honest> {
  const digest = createHash("sha256");
  const changes: Change[] = [];
  let files = 0;
  let bytes = 0;
  for (const folder of folders) {
    const root = await realpath(folder);
    for (const path of await filesBelow(root)) {
      const content = await readFile(path);
      if (!isUtf8(content) || content.includes(0)) continue;
      files++;
      bytes += content.length;
      const file = relative(root, path);
      digest.update(`${file}\0${createHash("sha256").update(content).digest("hex")}\n`);
      const text = content.toString("utf8");
      const redacted = await redactText(text, { secrets: "redact" });
      if (redacted.report.total > 0) changes.push(...changesOf(join(folder, file), text, redacted.text));
    }
  }
  return { files, bytes, digest: digest.digest("hex"), changes };
}

/** In the order of their names, without what links lead to, and without what tools keep in hidden folders. */
async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/[/\\]\./.test(relative(root, dirname(path)).replace(/^(?=.)/, "/")))
    .sort();
}

/** What stands in place of each placeholder, by the text between them. */
function changesOf(file: string, text: string, redacted: string): Change[] {
  const changes: Change[] = [];
  const kept = redacted.split(PLACEHOLDER); // text, rule, text, rule, …
  let at = (kept[0] ?? "").length;
  for (let next = 1; next < kept.length; next += 2) {
    const after = kept[next + 1] ?? "";
    const end = after === "" ? text.length : text.indexOf(after, at + 1);
    const lineStart = text.lastIndexOf("\n", at - 1) + 1;
    changes.push({
      file,
      rule: kept[next] ?? "",
      line: text.slice(0, at).split("\n").length,
      before: text.slice(Math.max(lineStart, at - SHOWN_CHARS), at),
      taken: text.slice(at, end),
      after: (text.slice(end, end + SHOWN_CHARS).split("\n")[0] ?? "").trimEnd(),
    });
    at = end + after.length;
  }
  return changes;
}
