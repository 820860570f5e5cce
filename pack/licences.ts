/** The licences of what goes into the bundle, as they have to go with it: word for word. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** @param folders of packages. @throws when there is one whose licence has no text. */
export async function licencesOf(folders: readonly string[]): Promise<string> {
  const chapters = await Promise.all(folders.map(chapterOf));
  return `${chapters.join("\n\n\n")}\n`;
}

async function chapterOf(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const head = `${name} ${version} (${license})`;
  // Most packages have one; some have a notice beside it.
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
  if (files.length === 0) throw new Error(`${head} has no text of its licence, which must go with it`);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return [`${head}\n${"=".repeat(head.length)}`, ...texts.map((text) => text.trim())].join("\n\n");
}
