import { describe, expect, it } from "vitest";
import { Redactor } from "../../src/redact/redactor.ts";
import { ALL, CHARS, FEW, filled, hidingTokens, search, tooDear } from "./costs.ts";

/** As much as is handled in one stretch. */
const STRETCH_CHARS = 128 * 1024;

describe("no text is dear", () => {
  it("others have a turn at least once in 128 Ki characters, in one text and in many", async () => {
    const turns = async (work: () => Promise<void>) => {
      let count = 0;
      let isDone = false;
      const ticking = (async () => {
        for (; !isDone; count++) await new Promise((next) => setImmediate(next));
      })();
      await work();
      isDone = true;
      await ticking;
      return count;
    };
    const text = filled("The quick otter reads its lines and goes on.\n");
    expect(await turns(() => search(text))).toBeGreaterThanOrEqual(CHARS / STRETCH_CHARS);
    const many = async () => {
      for (let at = 0; at < CHARS; at += 4096) await search(text.slice(at, at + 4096));
    };
    expect(await turns(many)).toBeGreaterThanOrEqual(CHARS / STRETCH_CHARS);
  });

  it("its end comes at the turn after it was cancelled", async () => {
    const stop = new AbortController();
    const redactor = new Redactor({ secrets: "block", signal: stop.signal });
    setImmediate(() => stop.abort());
    await expect(redactor.push(filled("An otter.\n").repeat(8))).rejects.toThrow("abort");
  });

  it("takes at most ten times the processor time of prose", async () => {
    expect(await tooDear(FEW, "redact")).toEqual([]); // and costs.long.test.ts
  });
});

it("no text, however dear, hides a token with a form of its own", async () => {
  expect(await hidingTokens(ALL)).toEqual([]);
});
