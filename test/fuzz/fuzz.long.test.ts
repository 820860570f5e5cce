/** Each property of this folder again, with further inputs: runner.ts makes more rounds in the long project. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe } from "vitest";

const folder = import.meta.dirname;
const files = (await readdir(folder)).filter((it) => it.endsWith(".test.ts") && !it.includes(".long."));
for (const file of files) describe(file, () => import(join(folder, file)));
