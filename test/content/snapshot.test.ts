import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, open, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { textFileMaterial } from "../../src/content/material.ts";
import { SNAPSHOT_READ_BYTES, type Snapshot, snapshot, snapshotText } from "../../src/content/snapshot.ts";
import { unfinishedBytes } from "../../src/untrusted/utf8.ts";
import { expectCode, longText, MIB, makeFile, openFiles, withoutPrivileges } from "../support/scratch.ts";

async function bytesOf(frozen: Snapshot, from?: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of frozen.read(from)) {
    expect(piece.length).toBeLessThanOrEqual(SNAPSHOT_READ_BYTES);
    pieces.push(Buffer.from(piece)); // its memory is used again
  }
  return Buffer.concat(pieces);
}

test.each([0, 1, SNAPSHOT_READ_BYTES - 1, SNAPSHOT_READ_BYTES, 2 * MIB + 7, 3 * MIB - 1])(
  "is read from byte %i on, in memory and from its file",
  async (from) => {
    for (const bytes of [MIB / 2, 3 * MIB].filter((size) => from < size)) {
      const text = longText(bytes);
      await using file = await makeFile(text);
      await using frozen = await file.freeze();
      expect((await bytesOf(frozen, from)).equals(text.subarray(from))).toBe(true);
    }
  },
);

describe("inline text", () => {
  test("is frozen with its size and digest", async () => {
    await using frozen = await snapshotText("# Übergabe\n");
    expect([frozen.bytes, frozen.sha256]).toEqual([12, createHash("sha256").update("# Übergabe\n").digest("hex")]);
    expect((await bytesOf(frozen)).toString()).toBe("# Übergabe\n");
  });

  test.each([
    ["nothing", "", "empty"],
    ["white space of every kind", " \t\r\n\u00a0\u3000\ufeff", "empty"],
    ["a NUL", "a\0b", "not-text"],
    ["half a surrogate pair", "a\ud83d b", "not-text"],
  ] as const)("%s is refused", async (_, text, code) => {
    await expectCode(snapshotText(text), code);
  });
});

describe("a file", () => {
  test.each([
    ["of one byte", 1],
    ["of 1 MiB, in memory", MIB],
    ["of 1 MiB + 1, spooled", MIB + 1],
    ["of 5 MiB, spooled", 5 * MIB],
  ])("%s is read back as it was", async (_, bytes) => {
    const content = longText(bytes);
    await using at = await makeFile(content);
    await using frozen = await at.freeze();
    expect(frozen.bytes).toBe(bytes);
    expect(frozen.sha256).toBe(createHash("sha256").update(content).digest("hex"));
    expect((await bytesOf(frozen)).equals(content)).toBe(true);
    expect(await at.spooled()).toEqual(bytes > MIB ? [] : undefined);
  });

  test("stays what it was when the file is overwritten, and is read by three at once", async () => {
    const content = longText(3 * MIB);
    await using at = await makeFile(content);
    await using frozen = await at.freeze();
    await writeFile(at.file, "something else");
    const all = await Promise.all([bytesOf(frozen), bytesOf(frozen), bytesOf(frozen)]);
    expect(all.map((one) => one.equals(content))).toEqual([true, true, true]);
  });

  test("is spooled where only its owner can look", async ({ skip }) => {
    skip(process.platform === "win32", "POSIX permissions are not Windows'");
    await using at = await makeFile(longText(2 * MIB));
    await using _snapshot = await at.freeze();
    expect((await stat(at.home)).mode & 0o777).toBe(0o700);
    expect((await stat(join(at.home, "spool"))).mode & 0o777).toBe(0o700);
  });

  test("gives pieces that hold until the next but one is asked for", async () => {
    const text = longText(2 * MIB);
    await using at = await makeFile(text);
    await using frozen = await at.freeze();
    let before: { piece: Uint8Array; start: number } = { piece: Buffer.alloc(0), start: 0 };
    let start = 0;
    for await (const piece of frozen.read()) {
      for (const held of [before, { piece, start }]) {
        expect(text.subarray(held.start, held.start + held.piece.length).equals(held.piece)).toBe(true);
      }
      before = { piece, start };
      start += piece.length;
    }
    expect(start).toBe(text.length);
  });

  test("ends a reader with cancelled when it is closed under it, spooled or not", async () => {
    for (const bytes of [2 * SNAPSHOT_READ_BYTES, 2 * MIB]) {
      await using at = await makeFile(longText(bytes));
      const frozen = await at.freeze();
      const reader = frozen.read()[Symbol.asyncIterator]();
      await reader.next();
      await frozen[Symbol.asyncDispose]();
      await expectCode(reader.next(), "cancelled");
    }
  });

  test.each([
    ["nothing", Buffer.alloc(0), "empty", false],
    ["white space only", Buffer.from(" \n\u3000\n"), "empty", false],
    ["2 MiB of white space", Buffer.alloc(2 * MIB, "\n"), "empty", true],
    ["Latin-1", Buffer.from("Übergabe", "latin1"), "not-text", false],
    ["UTF-16", Buffer.from("Notes", "utf16le"), "not-text", false],
    ["a surrogate in UTF-8", Buffer.from([0x61, 0xed, 0xa0, 0x80]), "not-text", false],
    ["an overlong slash", Buffer.from([0x61, 0xc0, 0xaf]), "not-text", false],
    ["a character that is cut off", Buffer.from("a🚀").subarray(0, -1), "not-text", false],
    ["a NUL after 3 MiB", Buffer.concat([longText(3 * MIB), Buffer.from("\0")]), "not-text", true],
    ["random bytes", randomBytes(2 * MIB), "not-text", false],
  ] as const)("with %s is refused, and nothing is left", async (_, content, code, spools) => {
    await using at = await makeFile(content);
    const before = await openFiles();
    await expectCode(at.freeze(), code);
    expect(await at.spooled()).toEqual(spools ? [] : undefined);
    expect(await openFiles()).toBe(before);
  });

  test("with a character across the border of what is read at once is text; with half of one there it is not", async () => {
    for (const character of ["é", "語", "🚀"]) {
      for (let before = 1; before < Buffer.byteLength(character); before += 1) {
        const start = Buffer.alloc(MIB - before, "x");
        await using good = await makeFile(Buffer.concat([start, Buffer.from(`${character}y`)]));
        await using frozen = await good.freeze();
        expect((await bytesOf(frozen)).subarray(start.length).toString()).toBe(`${character}y`);
        await using bad = await makeFile(
          Buffer.concat([start, Buffer.from(character).subarray(0, before), Buffer.from("yyyy")]),
        );
        await expectCode(bad.freeze(), "not-text");
      }
    }
  });

  test("is not read on when the signal is aborted", async () => {
    await using at = await makeFile(longText(3 * MIB));
    const before = await openFiles();
    await expectCode(at.freeze(AbortSignal.abort()), "cancelled");
    const controller = new AbortController();
    const freezing = at.freeze(controller.signal);
    setImmediate(() => controller.abort());
    await expectCode(freezing, "cancelled");
    expect(await openFiles()).toBe(before);
    expect((await at.spooled()) ?? []).toEqual([]);
  });

  test("is refused with path-unreadable when it can no longer be read", async () => {
    await using at = await makeFile("x");
    await expectCode(
      snapshot([textFileMaterial(await open(join(at.file, "..")))], {
        home: at.home,
        signal: new AbortController().signal,
      }),
      "path-unreadable",
    );
  });
});

describe("a home that cannot take the spool", () => {
  test("is home-unwritable when it is a file, or has one in its way", async () => {
    await using at = await makeFile(longText(2 * MIB));
    await writeFile(at.home, "a file");
    await expectCode(at.freeze(), "home-unwritable");
    await using other = await makeFile(longText(2 * MIB));
    await mkdir(other.home);
    await writeFile(join(other.home, "spool"), "a file");
    await expectCode(other.freeze(), "home-unwritable");
  });

  test("is home-unwritable without permission", async ({ skip }) => {
    skip(process.platform === "win32", "POSIX permissions are not Windows'");
    await using at = await makeFile(longText(2 * MIB));
    await mkdir(at.home);
    await chmod(at.home, 0o555);
    await chmod(join(at.home, ".."), 0o755);
    await expectCode(
      withoutPrivileges(() => at.freeze()),
      "home-unwritable",
    );
  });
});

describe("compressible", () => {
  const prose = "The relay pairs the two and forwards what it cannot read. ";

  test("is true for prose of 512 bytes and false for 511", async () => {
    const text = prose.repeat(20);
    expect((await snapshotText(text.slice(0, 512))).compressible).toBe(true);
    expect((await snapshotText(text.slice(0, 511))).compressible).toBe(false);
  });

  test("is false for 600 characters that have nothing in common", async () => {
    // ASCII by a hash, so that it is the same noise each time: the tables that would describe it cost what they save.
    const noise = createHash("shake128", { outputLength: 600 }).update("noise").digest();
    const text = Buffer.from(noise.map((byte) => 1 + (byte % 127))).toString("latin1");
    expect((await snapshotText(text)).compressible).toBe(false);
  });

  test("looks at the start, the middle and the end of long text", async () => {
    await using at = await makeFile(longText(2 * MIB));
    await using frozen = await at.freeze();
    expect(frozen.compressible).toBe(true);
  });
});

test("unfinishedBytes: text cut anywhere joins to the same text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.nat(), (text, seed) => {
      const bytes = Buffer.from(text);
      const cut = bytes.length === 0 ? 0 : seed % (bytes.length + 1);
      const whole = cut - unfinishedBytes(bytes.subarray(0, cut));
      expect(bytes.toString("utf8", 0, whole) + bytes.toString("utf8", whole)).toBe(bytes.toString());
    }),
  );
});
