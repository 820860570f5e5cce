/** What would be sent, written where its sender can look at it: the very bytes that a share would freeze. */
import { rmSync } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Material } from "../content/material.ts";
import type { Part } from "../content/part.ts";
import { type Snapshot, snapshot } from "../content/snapshot.ts";
import { homeError, homeFolder } from "../home/folders.ts";
import { ownedName } from "../home/owner.ts";
import { CompanionFiles, companionsOf } from "../inbox/companions.ts";

/** How much of the document is given out besides, in bytes. */
const BEGINNING_BYTES = 160 * 1024;

interface Preview {
  /** Holds the document as `handoff.md`, and what comes along under the names that the receiver's would have. */
  readonly folder: string;
  readonly parts: readonly Part[];
  /** Of the document; whole characters. */
  readonly beginning: string;
}

/** The last one of this process, which makes room for the next, and goes when the process does. */
let last: string | undefined;
/** One at a time. */
let busy: Promise<unknown> = Promise.resolve();

/**
 * @param materials closed in any case.
 * @throws SpreadError as `snapshot`.
 */
export function showPreview(materials: readonly Material[], home: string, signal: AbortSignal): Promise<Preview> {
  const next = busy.then(() => show(materials, home, signal));
  busy = next.catch(() => {});
  return next;
}

async function show(materials: readonly Material[], home: string, signal: AbortSignal): Promise<Preview> {
  await using content = await snapshot(materials, { home, signal });
  const folder = join(await homeFolder(home, "preview"), ownedName());
  try {
    if (last === undefined) process.once("exit", removeLast);
    else await rm(last, { recursive: true, force: true });
    last = folder;
    await mkdir(folder, { mode: 0o700 });
    const beginning = await writeParts(content, folder);
    return { folder, parts: content.parts, beginning };
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    throw homeError(home, cause);
  }
}

function removeLast(): void {
  if (last !== undefined) rmSync(last, { recursive: true, force: true });
}

async function writeParts({ parts, read }: Snapshot, folder: string): Promise<string> {
  const [document, ...others] = parts;
  const beginning: Uint8Array[] = [];
  let left = document?.bytes ?? 0;
  let shown = 0;
  await using file = await open(join(folder, "handoff.md"), "wx", 0o600);
  await using companions = new CompanionFiles(folder, companionsOf(others));
  for await (const piece of read()) {
    const own = piece.subarray(0, left);
    left -= own.length;
    await file.writeFile(own);
    await companions.write(piece.subarray(own.length));
    const part = Buffer.from(own.subarray(0, BEGINNING_BYTES - shown));
    shown += part.length;
    beginning.push(part);
  }
  await companions.finish();
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(beginning), { stream: true });
}
