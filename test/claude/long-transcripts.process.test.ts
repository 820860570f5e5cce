/**
 * However many lines a transcript has, and in whatever order: each costs the same, others have their turn meanwhile, a
 * cancelled call ends, and no more of the file is in memory than a batch.
 */
import { type FileHandle, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exportSession } from "../../src/claude/export.ts";
import { STRETCH_STEPS } from "../../src/claude/pace.ts";
import { findSessions } from "../../src/claude/sessions.ts";
import { readThread } from "../../src/claude/thread.ts";
import { expectLinear } from "../support/cost.ts";
import { expectCode, scratch } from "../support/scratch.ts";
import {
  AT,
  attachment,
  boundary,
  exported,
  type Fields,
  type Machine,
  machine,
  many,
  SESSION,
  said,
  textOf,
  unsaid,
  user,
  uuid,
  write,
} from "./transcripts.ts";

/** Lines of a form, about as many as are asked for. */
const FORMS: { readonly [name: string]: (count: number) => Fields[] } = {
  "parents that are all missing, in the same second": (count) => many(count, (n) => said(`u${n}`, `missing${n}`)),
  "a long way to the last words, from each of many ends": (count) => [
    said("k", null),
    { ...boundary(0, { preservedMessages: { anchorUuid: "b", uuids: ["k"] } }), uuid: "b", timestamp: AT },
    ...many(count / 2, (n) => unsaid(`s${n}`, n === 0 ? "b" : `s${n - 1}`)),
    ...many(count / 2, (n) => unsaid(`e${n}`, `s${count / 2 - 1}`)),
  ],
  "each line before the one that it follows": (count) =>
    many(count, (n) => said(`u${n}`, n === count - 1 ? null : `u${n + 1}`)),
  "all lines on the last one": (count) => [said("u", null), ...many(count, (n) => unsaid(`a${n}`, "u"))],
  "a circle": (count) => many(count, (n) => unsaid(`u${n}`, `u${(n + 1) % count}`)),
  "one line written again and again": (count) => many(count, () => said("u", null)),
  "all kept by a compaction": (count) => [
    ...many(count, (n) => said(`u${n}`, n === 0 ? null : `u${n - 1}`)),
    { ...boundary(0, { preservedSegment: { anchorUuid: "b", headUuid: "u0", tailUuid: `u${count - 1}` } }), uuid: "b" },
  ],
};

async function withFile<T>(
  lines: readonly Fields[],
  act: (handle: FileHandle, size: number) => Promise<T>,
): Promise<T> {
  await using folder = await scratch();
  const path = join(folder.path, "transcript.jsonl");
  await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  await using handle = await open(path);
  return await act(handle, (await handle.stat()).size);
}

describe.each(Object.entries(FORMS))("%s", (what, form) => {
  it("costs in proportion to the number of lines", async () => {
    const COUNT = 2000;
    await withFile(form(COUNT), (short, shortSize) =>
      withFile(form(COUNT * 4), (long, longSize) =>
        expectLinear(
          what,
          COUNT,
          (count) => () => (count === COUNT ? readThread(short, shortSize) : readThread(long, longSize)),
        ),
      ),
    );
  });

  /** More than one stretch of lines. */
  const COUNT = STRETCH_STEPS * 4;

  it(`lets others have a turn at least once in ${STRETCH_STEPS} lines when all is read`, async () => {
    let turns = 0;
    let isRead = false;
    let isDone = false;
    await withFile(form(COUNT), async (handle, size) => {
      const reading = readThread(
        spiedOn(handle, size, () => (isRead = true)),
        size,
      ).finally(() => (isDone = true));
      for (; !isDone; turns += isRead ? 1 : 0) await new Promise((next) => setImmediate(next));
      await reading;
    });
    // The one line that was written again and again is one row.
    expect(turns).toBeGreaterThanOrEqual(what.startsWith("one line") ? 1 : COUNT / STRETCH_STEPS);
  });

  it("ends when it is cancelled, though all is read", async () => {
    const stop = new AbortController();
    await withFile(form(COUNT), async (handle, size) => {
      const spied = spiedOn(handle, size, () => setImmediate(() => stop.abort()));
      await expectCode(readThread(spied, size, stop.signal), "cancelled");
    });
  });
});

/** @param onEnd called when the last byte has been read. */
function spiedOn(handle: FileHandle, size: number, onEnd: () => void): FileHandle {
  const read = async (buffer: Buffer, offset: number, length: number, at: number) => {
    const result = await handle.read(buffer, offset, length, at);
    if (at + result.bytesRead >= size) onEnd();
    return result;
  };
  return { read } as unknown as FileHandle;
}

const long = (n: number) => `${n} ${"word ".repeat(50_000)}`;

it.each<[string, Fields[]]>([
  [
    "before the one that they follow",
    [
      ...many(20, (n) => user(19 - n, long(19 - n))),
      { type: "last-prompt", lastPrompt: "19", leafUuid: uuid(19), explicit: true },
    ],
  ],
  [
    "on the last one",
    [
      user(0, long(0)),
      ...many(19, (n) => ({
        ...attachment(n + 1, { type: "queued_command", prompt: long(n + 1) }),
        parentUuid: uuid(0),
      })),
    ],
  ],
])("hands on long lines %s a few at a time, in their order", async (_how, lines) => {
  await using at = await machine();
  await write(at, lines);
  const sizes = await sizesOf(at);
  expect(Math.max(...sizes)).toBeLessThan(1024 * 1024);
  const { turns } = await exported(at);
  expect(textOf(turns).match(/^\d+/gm)).toEqual(many(20, (n) => ({ n })).map(({ n }) => `${n}`));
});

async function sizesOf(at: Machine): Promise<number[]> {
  const [session] = await findSessions(at.config, [SESSION]);
  if (session === undefined) throw new Error("the session is not there");
  const sizes: number[] = [];
  for await (const piece of exportSession(session, { userHome: at.userHome })) sizes.push(piece.length);
  return sizes;
}
