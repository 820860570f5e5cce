/**
 * What leaves is cleaned here: secrets become placeholders, or stop the share, and paths lose what they say of person and
 * machine. One cleaning serves all parts of a share, so that a secret has the same placeholder in each of them.
 */
import { lstat } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { SpreadError } from "../errors.ts";
import { foldersUpFrom } from "../files.ts";
import { deniedSecrets, envSecrets } from "../redact/known.ts";
import { placesOf } from "../redact/paths.ts";
import { Placeholders } from "../redact/placeholders.ts";
import { type Finding, Redactor, type RedactorOptions, type Report } from "../redact/redactor.ts";

/** What is no text where bytes are read as if they were: text ends there. */
const NO_TEXT = /(?:[^\P{C}\t\n\r]|\ufffd)+/gu;

export interface CleaningOptions {
  /** redact: by placeholders. block: none may be in it. allow: they stay, and nobody looks for them. */
  readonly secrets: "redact" | "block" | "allow";
  /** relative: without home folder, project folder and user's name. keep: as they are. */
  readonly paths: "relative" | "keep";
  /** Whose `.env` files say what is secret; absolute. */
  readonly project: string;
  /** More of these, where what is shared is of other projects too. Their paths stay as they are. */
  readonly others?: readonly string[];
  /** DISTILL_HOME, with the user's own list. */
  readonly home: string;
  /** The user's home folder. */
  readonly userHome: string;
}

/** A secret that was replaced. */
interface ReplacedSecret extends Finding {
  /** Of which part, by its name. */
  readonly part: string;
}

/** A text that is part of a line, and which one. */
interface TextOfLine {
  readonly text: string;
  readonly line: number;
}

/** What was done so far. */
export interface Cleaned {
  /** The first MAX_LISTED of them. */
  readonly replacements: readonly ReplacedSecret[];
  /** All of them, by rule. */
  readonly counts: ReadonlyMap<string, number>;
  readonly secrets: number;
  readonly paths: number;
}

/** Replacements listed per share; the count is always complete. */
const MAX_LISTED = 200;
/** Secrets named in the error that stops a share. */
const MAX_NAMED = 10;

/** Between texts that are cleaned in one go. No clean text has it, and no secret goes over it. */
const BETWEEN = "\n\0\n";

export class Cleaning {
  readonly #options: RedactorOptions;
  readonly #replacements: ReplacedSecret[] = [];
  readonly #counts = new Map<string, number>();
  #secrets = 0;
  #paths = 0;

  private constructor(options: RedactorOptions) {
    this.#options = options;
  }

  static async begin(options: CleaningOptions, signal: AbortSignal): Promise<Cleaning> {
    const { secrets, paths, project, others = [], home, userHome } = options;
    const looks = secrets !== "allow";
    // A repository of many projects has secrets at its top as well.
    const tops = looks ? await Promise.all([project, ...others].map(topOf)) : [];
    const folders = [...new Set([project, ...others, ...tops])];
    const [values, denied, places] = await Promise.all([
      looks ? Promise.all(folders.map((it) => envSecrets(it, signal))) : [],
      looks ? deniedSecrets(home) : [],
      paths === "relative" ? placesOf({ project, home: userHome, user: userName() }) : [],
    ]);
    const known = [...values.flat(), ...denied];
    return new Cleaning({ secrets, known, places, placeholders: new Placeholders(), signal });
  }

  get cleaned(): Cleaned {
    return {
      replacements: this.#replacements,
      counts: this.#counts,
      secrets: this.#secrets,
      paths: this.#paths,
    };
  }

  /** A text in UTF-8 that comes in pieces. @throws SpreadError `secrets-found`, at its end. */
  async *pieces(part: string, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    if (this.#options.secrets === "allow" && this.#options.places?.length === 0) {
      yield* pieces; // nothing is looked for
      return;
    }
    const redactor = new Redactor(this.#options);
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    for await (const piece of pieces) {
      const clean = await redactor.push(decoder.decode(piece, { stream: true }));
      if (clean !== "") yield Buffer.from(clean);
    }
    const rest = (await redactor.push(decoder.decode())) + (await redactor.end());
    this.#note(part, redactor.report);
    if (rest !== "") yield Buffer.from(rest);
  }

  /** @throws SpreadError `secrets-found`. */
  async text(part: string, text: string): Promise<string> {
    const { clean, report } = await this.#clean(text);
    this.#note(part, report);
    return clean;
  }

  /**
   * Many texts, each by itself, that are the lines of a part: in one go, which takes a twentieth of the time.
   * @throws SpreadError `secrets-found`.
   */
  async texts(part: string, texts: readonly TextOfLine[]): Promise<string[]> {
    const { clean, report } = await this.#clean(texts.map(({ text }) => text).join(BETWEEN));
    const cleanTexts = clean.split(BETWEEN);
    if (cleanTexts.length === texts.length) {
      this.#note(part, { ...report, findings: inLines(report.findings, texts) });
      return cleanTexts;
    }
    // One of them has the mark in it, or a secret is cut off where one ends.
    const one: string[] = [];
    for (const { text, line } of texts) {
      const { clean: alone, report: found } = await this.#clean(text);
      this.#note(part, { ...found, findings: found.findings.map((it) => ({ ...it, line })) });
      one.push(alone);
    }
    return one;
  }

  /**
   * All texts in plain data, each by itself.
   * @param render what people read of the data: lines of secrets are those of this text.
   * @throws SpreadError `secrets-found`.
   */
  async data<T>(part: string, data: T, render: (data: T) => string): Promise<T> {
    if (this.#options.secrets === "block") this.#refuse(part, (await this.#clean(render(data))).report);
    const texts: string[] = [];
    mapTexts(data, (text) => {
      texts.push(text);
      return text;
    });
    if (texts.some((text) => text.includes("\0")))
      throw new SpreadError("not-text", `${part} has a NUL character in it`);
    const { clean, report } = await this.#clean(texts.join(BETWEEN));
    const cleanTexts = clean.split(BETWEEN);
    if (cleanTexts.length !== texts.length) throw new SpreadError("internal", "texts were cleaned into one");
    const cleaned = mapTexts(data, () => cleanTexts.shift() ?? "") as T;
    const rendered = render(cleaned);
    const findings = report.findings.map((finding) => ({ ...finding, line: lineOf(rendered, finding.placeholder) }));
    this.#note(part, { ...report, findings });
    return cleaned;
  }

  /**
   * Bytes that are no text leave as they are, or not at all: searched as the encodings that text can also have.
   * @throws SpreadError `secrets-found`, also where nothing is found and `block` wants to be sure.
   */
  async refuseUnsearchable(part: string, bytes: Buffer): Promise<void> {
    if (this.#options.secrets === "allow") return;
    if (this.#options.secrets === "block") {
      throw new SpreadError("secrets-found", `${part} is no text, and cannot be searched for secrets`);
    }
    const even = bytes.subarray(0, bytes.length & ~1);
    const swapped = Buffer.from(even).swap16();
    for (const text of [bytes.toString("utf8"), even.toString("utf16le"), swapped.toString("utf16le")]) {
      const { report } = await this.#clean(text.replace(NO_TEXT, BETWEEN));
      if (report.total > 0) {
        throw new SpreadError("secrets-found", `${part} is no text, and what looks like secrets is in it`);
      }
    }
  }

  /** Whether cleaning would change it: what must stay as it is, byte for byte, can then only stay away. */
  async overlaps(text: string): Promise<boolean> {
    const { report } = await this.#clean(text);
    return report.total > 0 || report.paths > 0;
  }

  async #clean(text: string): Promise<{ clean: string; report: Report }> {
    const redactor = new Redactor(this.#options);
    const clean = (await redactor.push(text)) + (await redactor.end());
    return { clean, report: redactor.report };
  }

  #note(part: string, report: Report): void {
    this.#refuse(part, report);
    for (const finding of report.findings) {
      if (this.#replacements.length < MAX_LISTED) this.#replacements.push({ ...finding, part });
    }
    for (const [rule, count] of report.counts) this.#counts.set(rule, (this.#counts.get(rule) ?? 0) + count);
    this.#secrets += report.total;
    this.#paths += report.paths;
  }

  #refuse(part: string, { findings, total }: Report): void {
    if (this.#options.secrets !== "block" || total === 0) return;
    const named = findings.slice(0, MAX_NAMED).map(({ rule, line }) => `${rule} in line ${line}`);
    const more = total > named.length ? `, and ${total - named.length} more` : "";
    throw new SpreadError("secrets-found", `${part} has secrets in it: ${named.join(", ")}${more}`);
  }
}

/** Findings in texts that were cleaned in one go, with the lines that those are of. In the order of both. */
function inLines(findings: readonly Finding[], texts: readonly TextOfLine[]): Finding[] {
  if (findings.length === 0) return [];
  const left = [...findings];
  const placed: Finding[] = [];
  let before = 0; // lines of the texts before this one
  for (const { text, line } of texts) {
    before += `${text}${BETWEEN}`.split("\n").length - 1;
    for (let next = left[0]; next && next.line <= before; next = left[0]) {
      placed.push({ ...next, line });
      left.shift();
    }
  }
  return placed;
}

/** The top of the checkout that a folder lies in, trusted by git or not; the folder itself if it lies in none. */
async function topOf(folder: string): Promise<string> {
  for (const at of foldersUpFrom(folder)) if (await exists(join(at, ".git"))) return at;
  return folder;
}

function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** The line of its first occurrence, from 1 on. */
function lineOf(text: string, what: string): number {
  return text.slice(0, Math.max(0, text.indexOf(what))).split("\n").length;
}

/** The same data with other texts, in its own order. */
function mapTexts(data: unknown, map: (text: string) => string): unknown {
  if (typeof data === "string") return map(data);
  if (Array.isArray(data)) return data.map((inner) => mapTexts(inner, map));
  if (typeof data !== "object" || data === null) return data;
  return Object.fromEntries(Object.entries(data).map(([name, inner]) => [name, mapTexts(inner, map)]));
}

/** Undefined where the system does not know it. */
function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
