/** A snapshot goes from one process of a user to another by a spooled file, which has a name only for so long. */
import { open, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { textFileMaterial } from "../../src/content/material.ts";
import { handOver, type Snapshot, snapshot, snapshotText, takeOver } from "../../src/content/snapshot.ts";
import { forever, home as newHome } from "../support/shares.ts";

const LONG = "A line of many.\n".repeat(200_000);

const spool = (home: string) => readdir(join(home, "spool")).catch(() => []);

async function textOf(snapshot: Snapshot): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of snapshot.read()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString("utf8");
}

async function fileSnapshot(home: string, named: boolean): Promise<Snapshot> {
  await writeFile(join(home, "long.md"), LONG);
  return snapshot([textFileMaterial(await open(join(home, "long.md")))], { home, signal: forever(), named });
}

it("of a file goes without a copy: it keeps its name until it is taken over", async () => {
  const home = await newHome();
  await using frozen = await fileSnapshot(home, true);
  await using handed = await handOver(frozen, home);
  expect(await spool(home)).toEqual([handed.file]);
  expect((await stat(join(home, "spool", handed.file))).mode & 0o777).toBe(0o600);
  await using taken = await takeOver(handed, home);
  expect(await spool(home)).toEqual([]);
  await frozen[Symbol.asyncDispose](); // its first owner is done with it
  const { bytes, sha256, compressible } = taken;
  expect({ bytes, sha256, compressible }).toEqual({
    bytes: frozen.bytes,
    sha256: frozen.sha256,
    compressible: frozen.compressible,
  });
  expect(await textOf(taken)).toBe(LONG);
});

it("of a text is copied into a file, once it is handed over", async () => {
  const home = await newHome();
  await using frozen = await snapshotText(LONG);
  await using handed = await handOver(frozen, home);
  await using taken = await takeOver(handed, home);
  expect(await spool(home)).toEqual([]);
  expect(await textOf(taken)).toBe(LONG);
});

it("that nobody takes over leaves nothing, be it copied or not", async () => {
  const home = await newHome();
  for (const frozen of [await fileSnapshot(home, true), await fileSnapshot(home, false), await snapshotText(LONG)]) {
    const handed = await handOver(frozen, home);
    expect(await spool(home)).toHaveLength(1);
    await handed[Symbol.asyncDispose]();
    await frozen[Symbol.asyncDispose]();
    expect(await spool(home)).toEqual([]);
  }
});

it("is taken over once", async () => {
  const home = await newHome();
  await using frozen = await fileSnapshot(home, true);
  await using handed = await handOver(frozen, home);
  await using _taken = await takeOver(handed, home);
  await expect(takeOver(handed, home)).rejects.toMatchObject({ code: "path-unreadable" });
});
