/** What the pages say of the project's own files is so: each test that they name is there. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const PAGES = [
  "README.md",
  "SECURITY.md",
  "docs/architecture.md",
  "relay/README.md",
  "relay/deploy/DEPLOY.md",
  "src/claude/README.md",
  "src/hub/README.md",
  "src/protocol/README.md",
];
const tests = readdirSync("test", { recursive: true, encoding: "utf8" }).map(
  (file) => `test/${file.replaceAll("\\", "/")}`,
);

it.each(PAGES)("%s names only tests that there are", (page) => {
  const named = readFileSync(page, "utf8").match(/\btest\/[\w./-]*\w/g) ?? [];
  expect(named.filter((name) => !tests.some((file) => file === name || file.startsWith(`${name}.`)))).toEqual([]);
});
