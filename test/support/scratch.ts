/** What the tests of this room share: a folder of their own, an ordinary user's rights, a disk that can be filled. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, open, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { textFileMaterial } from "../../src/content/material.ts";
import { snapshot } from "../../src/content/snapshot.ts";
import type { ErrorCode } from "../../src/errors.ts";
import { SpreadError } from "../../src/errors.ts";
import { openSource } from "../../src/outgoing/source.ts";
import { unfinishedBytes } from "../../src/untrusted/utf8.ts";

export const MIB = 1024 * 1024;

export const run = promisify(execFile);

interface Scratch extends AsyncDisposable {
  /** Absolute, without links. */
  readonly path: string;
}

export async function scratch(): Promise<Scratch> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "claude-spread-handoff-")));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** What the promise was refused with. */
export async function refusal(promise: Promise<unknown>): Promise<SpreadError> {
  const thrown = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(thrown).toBeInstanceOf(SpreadError);
  return thrown as SpreadError;
}

export async function expectCode(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  expect((await refusal(promise)).code).toBe(code);
}

/** Root may read everything: it becomes nobody for a moment, and others are somebody already. */
export async function withoutPrivileges<T>(act: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return await act();
  process.seteuid?.(65534);
  try {
    return await act();
  } finally {
    process.seteuid?.(0);
  }
}

/** A disk of 1 MiB, or undefined where this user may not mount one. */
export async function smallDisk(path: string): Promise<AsyncDisposable | undefined> {
  try {
    await run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path]);
  } catch {
    return undefined;
  }
  return {
    [Symbol.asyncDispose]: async () => {
      await run("umount", [path]);
    },
  };
}

/** How many files this process holds open; where that can be counted. */
export async function openFiles(): Promise<number> {
  return (await readdir("/proc/self/fd").catch(() => [])).length;
}

/** A project with one document in it, and a folder outside of it. */
export async function makeProject() {
  const folder = await scratch();
  const project = join(folder.path, "project");
  const outside = join(folder.path, "outside");
  await mkdir(project);
  await mkdir(outside);
  await writeFile(join(project, "notes.md"), "# Notes\n");
  return {
    project,
    outside,
    open: (path: string, roots: string[] = [project]) => openSource(path, { roots, cwd: project }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** A file with the content, and a home beside it. */
export async function makeFile(content: string | Uint8Array) {
  const folder = await scratch();
  const file = join(folder.path, "notes.md");
  const home = join(folder.path, "home");
  await writeFile(file, content);
  return {
    file,
    home,
    freeze: async (signal = new AbortController().signal) =>
      snapshot([textFileMaterial(await open(file))], { home, signal }),
    spooled: () => readdir(join(home, "spool")).catch(() => undefined),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** `bytes` of text in which characters of one to four bytes meet every border. */
export function longText(bytes: number): Buffer {
  const line = "Die Übergabe – 引き継ぎ – 🚀 goes on.\n";
  const text = Buffer.from(line.repeat(Math.ceil(bytes / Buffer.byteLength(line)))).subarray(0, bytes);
  return Buffer.concat([text.subarray(0, bytes - unfinishedBytes(text)), Buffer.alloc(unfinishedBytes(text), "x")]);
}
