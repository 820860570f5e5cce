/** The licences of what goes into the bundle, as they have to go with it: word for word. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

interface Package {
  readonly title: string;
  readonly licence: string;
  readonly repository: string | undefined;
  /** Most packages have one; some have a notice beside it. */
  readonly texts: readonly string[];
}

/** @param folders of packages. @throws when there is one whose licence has no text. */
export async function licencesOf(folders: readonly string[]): Promise<string> {
  const packages = await Promise.all(folders.map(packageIn));
  const chapters = packages.map((it) => {
    const head = `${it.title} (${it.licence})`;
    return [`${head}\n${"=".repeat(head.length)}`, ...textsOf(it, packages)].join("\n\n");
  });
  return `${chapters.join("\n\n\n")}\n`;
}

async function packageIn(folder: string): Promise<Package> {
  const { name, version, license, repository } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return {
    title: `${name} ${version}`,
    licence: license,
    repository: repository?.url ?? repository,
    texts: texts.map((text) => text.trim()),
  };
}

/** What is published out of one repository under one licence has the same text, though not each package brings it. */
function textsOf(it: Package, all: readonly Package[]): readonly string[] {
  if (it.texts.length > 0) return it.texts;
  const sister = all.find(
    ({ texts, repository, licence }) =>
      texts.length > 0 && repository !== undefined && repository === it.repository && licence === it.licence,
  );
  if (!sister) throw new Error(`${it.title} has no text of its licence, which must go with it`);
  return [`(It came without the text. This is the one of ${sister.title}, of the same repository.)`, ...sister.texts];
}
