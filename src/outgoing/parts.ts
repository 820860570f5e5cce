/**
 * What a share is made of, put together: the document, and what comes along: its structured form, the change that is not
 * committed, files. All of it is cleaned on its way. A preview and a share are made by the same steps.
 */
import { isUtf8 } from "node:buffer";
import { type FileHandle, realpath } from "node:fs/promises";
import { basename, isAbsolute, join, relative } from "node:path";
import { type Material, textFileMaterial, textMaterial } from "../content/material.ts";
import { SpreadError } from "../errors.ts";
import { missing, overBudget } from "../handoff/advice.ts";
import { formatRecord } from "../handoff/json.ts";
import { renderHandoff, titleOf } from "../handoff/markdown.ts";
import type { Handoff } from "../handoff/schema.ts";
import { type Anchor, readAnchor } from "../repository/anchor.ts";
import { leftOut, patchText, readChange } from "../repository/change.ts";
import { openRepository, type Repository, reasonOf } from "../repository/repository.ts";
import { cleanFileName, isToolConfiguration } from "../untrusted/file-name.ts";
import type { Cleaning } from "./cleaning.ts";
import { holdsSecrets, openSource, type SourcePolicy } from "./source.ts";

/** A file that comes along, in bytes, and all of them. What is larger is shared by itself, as a document or otherwise. */
const MAX_ATTACHMENT_BYTES = 10 * 1024 * 1024;
const MAX_ATTACHED_BYTES = 50 * 1024 * 1024;

/** What somebody wants to share. One of the first three. */
interface DistillationDraft {
  readonly content?: string | undefined;
  readonly path?: string | undefined;
  readonly handoff?: Handoff | undefined;
  readonly attachments: readonly string[];
  /** Whether it says where in its repository it was written. */
  readonly anchored: boolean;
  readonly includeDiff: boolean;
  /** The document alone: version 1 carries nothing beside it. */
  readonly documentOnly: boolean;
}

/** Where it is shared from. */
interface ShareOrigin extends SourcePolicy {
  /** Absolute. */
  readonly project: string;
}

/** Disposing of it closes its materials, be they read or not. */
export interface OutgoingParts extends AsyncDisposable {
  /** To be frozen; the document first. */
  readonly materials: readonly Material[];
  /** What the document itself says, where nothing else was given. */
  readonly title: string | undefined;
  /** Sentences for the sender: what is missing, and what stays away. */
  readonly advice: readonly string[];
}

/**
 * @param cleaning notes what it does while the materials are read.
 * @throws SpreadError `invalid-input`, `secrets-found`, those of `openSource`, `agent-config`, `too-large`, `no-repository`,
 *   `cancelled`. Nothing is left open then.
 */
export async function partsOf(
  draft: DistillationDraft,
  origin: ShareOrigin,
  cleaning: Cleaning,
  signal: AbortSignal,
): Promise<OutgoingParts> {
  checkDraft(draft);
  const materials: Material[] = [];
  const close = async () => {
    await Promise.all(materials.map((it) => it[Symbol.asyncDispose]()));
  };
  const advice: string[] = [];
  try {
    const checkout = await checkoutFor(draft, origin, signal);
    const read = draft.anchored && checkout ? await readAnchor(checkout, signal) : undefined;
    const anchor = read && (await cleaning.data("handoff.json", read, (it) => formatRecord({ anchor: it })));
    const { document, handoff } = await documentOf(draft, anchor, { origin, cleaning, advice });
    materials.push(document);
    if ((handoff || anchor) && !draft.documentOnly) materials.push(structureOf(handoff, anchor));
    if (draft.includeDiff && checkout) {
      const patch = await patchOf(checkout, cleaning, advice, signal);
      if (patch) materials.push(patch);
    }
    materials.push(...(await attachmentsOf(draft.attachments, origin, cleaning, advice)));
    return { materials, title: handoff && titleOf(handoff), advice, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** @throws SpreadError `invalid-input` */
function checkDraft({ content, path, handoff, documentOnly, includeDiff, attachments }: DistillationDraft): void {
  if ([content, path, handoff].filter((it) => it !== undefined).length !== 1) {
    throw new SpreadError("invalid-input", "one of content, path and handoff must be given, and no other");
  }
  if (documentOnly && (includeDiff || attachments.length > 0)) {
    throw new SpreadError("invalid-input", "attachments and include_diff cannot be had with legacy");
  }
}

/** The project's checkout; undefined where there is none, or nothing of it is wanted. @throws SpreadError `no-repository` */
async function checkoutFor(
  { anchored, includeDiff }: DistillationDraft,
  { project }: ShareOrigin,
  signal: AbortSignal,
): Promise<Repository | undefined> {
  if (!anchored && !includeDiff) return undefined;
  const repository = await openRepository(project, signal);
  if (repository.state === "checkout") return repository;
  if (includeDiff) throw new SpreadError("no-repository", reasonOf(repository));
  return undefined;
}

interface Making {
  readonly origin: ShareOrigin;
  readonly cleaning: Cleaning;
  readonly advice: string[];
}

async function documentOf(
  { content, path, handoff }: DistillationDraft,
  anchor: Anchor | undefined,
  { origin, cleaning, advice }: Making,
): Promise<{ document: Material; handoff?: Handoff }> {
  if (handoff) {
    const clean = await cleaning.data("handoff.md", handoff, (it) => renderHandoff(it, anchor));
    const rendered = renderHandoff(clean, anchor);
    const budget = overBudget(clean, rendered);
    advice.push(...missing(clean, anchor), ...(budget === undefined ? [] : [budget]));
    // A secret that shows only beside what is written around it would stay in the data: that then stays away.
    const again = await cleaning.text("handoff.md", rendered);
    if (again === rendered) return { document: textMaterial(rendered), handoff: clean };
    advice.push("The hand-off goes as a document alone: as data it could not be cleaned.");
    return { document: textMaterial(again) };
  }
  if (content !== undefined) return { document: cleaned(textMaterial(content), cleaning) };
  const { handle } = await openSource(path ?? "", origin);
  return { document: cleaned(textFileMaterial(handle), cleaning) };
}

/** The same material, cleaned as it is read. */
function cleaned(material: Material, cleaning: Cleaning): Material {
  return { ...material, pieces: (signal) => cleaning.pieces(material.name, material.pieces(signal)) };
}

function structureOf(handoff: Handoff | undefined, anchor: Anchor | undefined): Material {
  return textMaterial(formatRecord({ handoff, anchor }), { role: "structure", name: "handoff.json" });
}

/** A file whose change would have to be altered stays away whole: a patch with a placeholder in it cannot be applied. */
async function patchOf(
  checkout: Repository,
  cleaning: Cleaning,
  advice: string[],
  signal: AbortSignal,
): Promise<Material | undefined> {
  const read = await readChange(checkout, (path) => holdsSecrets(join(checkout.top, path)), signal);
  if (!read) {
    advice.push("There is no patch: git could not say what has changed.");
    return undefined;
  }
  const left = read.left.map(async ({ path, why }) => ({ path: await cleaning.text("changes.patch", path), why }));
  const change = { files: [...read.files], left: await Promise.all(left), cut: read.cut };
  for (const file of read.files) {
    if (!(await cleaning.overlaps(file.text))) continue;
    change.files.splice(change.files.indexOf(file), 1);
    change.left.push({ path: await cleaning.text("changes.patch", file.path), why: "withheld" });
  }
  const lacks = leftOut(change);
  if (lacks.length > 0) advice.push(`Not in the patch: ${lacks.join(", ")}.`);
  if (change.files.length > 0) return textMaterial(patchText(change), { role: "patch", name: "changes.patch" });
  advice.push("There is no patch: nothing that could be in it is uncommitted.");
  return undefined;
}

async function attachmentsOf(
  paths: readonly string[],
  origin: ShareOrigin,
  cleaning: Cleaning,
  advice: string[],
): Promise<Material[]> {
  const materials: Material[] = [];
  const project = await realpath(origin.project);
  let bytes = 0;
  for (const path of paths) {
    const { handle, path: real, bytes: size } = await openSource(path, origin);
    await using file = handle;
    const name = cleanFileName(await cleaning.text("the name of an attachment", basename(real)));
    const within = relative(project, real);
    const own = within.startsWith("..") || isAbsolute(within) ? basename(real) : within;
    if (isToolConfiguration(own) || isToolConfiguration(name)) {
      throw new SpreadError("agent-config", `${name} configures tools or agents, and is not attached`);
    }
    const content = await readSmall(file, size, name);
    bytes += content.length;
    if (bytes > MAX_ATTACHED_BYTES)
      throw new SpreadError("too-large", "the attachments together are larger than 50 MiB");
    materials.push(await attachmentOf(name, content, cleaning, advice));
  }
  return materials;
}

async function attachmentOf(name: string, content: Buffer, cleaning: Cleaning, advice: string[]): Promise<Material> {
  const about = { role: "attachment", name } as const;
  if (isUtf8(content) && !content.includes(0)) {
    const clean = await cleaning.text(name, content.toString("utf8"));
    return { ...about, pieces: () => one(Buffer.from(clean)), [Symbol.asyncDispose]: async () => {} };
  }
  await cleaning.refuseUnsearchable(name, content);
  advice.push(`${name} is no text: it goes as it is. What of it can be read as text was searched for secrets.`);
  return { ...about, pieces: () => one(content), [Symbol.asyncDispose]: async () => {} };
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** @param size what it had when it was opened; it may grow. */
async function readSmall(file: FileHandle, size: number, name: string): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.min(size, MAX_ATTACHMENT_BYTES) + 1);
  let filled = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, filled);
    if (bytesRead === 0) return buffer.subarray(0, filled);
    filled += bytesRead;
    if (filled > MAX_ATTACHMENT_BYTES) throw new SpreadError("too-large", `${name} is larger than 10 MiB`);
    if (filled === buffer.length) throw new SpreadError("path-unreadable", `${name} has grown while it was read`);
  }
}
