/** src/protocol/README.md, "Broken links", the receiver's part: what ends a link, what ends a transfer, and how long one tries. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ErrorCode, SpreadError, toSpreadError } from "../../src/errors.ts";
import type { AbortReason } from "../../src/protocol/messages.ts";
import { PeerError } from "../../src/protocol/stream.ts";
import { MAX_FRUITLESS_LINKS, Reception } from "../../src/share/reception.ts";
import { NoSender, type Sender } from "../../src/share/search.ts";
import { Unanswered } from "../../src/share/version.ts";
import { memoryLinks } from "../../src/transport/memory.ts";

const MINUTE_MS = 60_000;
const lost = () => new SpreadError("link-lost", "lost");
const said = (reason: AbortReason | undefined, code: ErrorCode = "peer-aborted") => new PeerError(reason, code, "said");
const nobody = (...codes: ErrorCode[]) => new NoSender(codes.map((code) => new SpreadError(code, "nobody")));

/** A sender that brings so many chunks, and then fails, if it has a reason; and says nothing to a receipt, if it has one. */
function sender(chunks: number, broken?: Error, options: { expiresIn?: undefined; receipt?: Error } = {}): Sender {
  const { expiresIn, receipt } = { expiresIn: 600, receipt: broken, ...options };
  const [link] = memoryLinks();
  return {
    link,
    path: { by: "lan", host: "127.0.0.1", port: 1 },
    arrival: {
      kind: "distillation",
      sha256: "",
      title: "",
      sharedAt: undefined,
      parts: [],
      warnings: [],
      expiresIn,
      async *chunks() {
        for (let i = 0; i < chunks; i++) yield Buffer.from([i]);
        if (broken) throw broken;
      },
      assemble: (it) => it,
      giveReceipt: async () => {
        if (receipt) throw receipt;
        return true;
      },
      giveUp: async () => {},
    },
  };
}

/** What a reception comes to whose searches find these, one after another; the last one over and over. */
async function outcome(first: Sender, found: readonly (Sender | Error)[], signal = new AbortController().signal) {
  const searchedAt: number[] = [];
  const began = performance.now();
  let next = 0;
  const find = async () => {
    if (next > 0) searchedAt.push(performance.now() - began);
    const one = next === 0 ? first : found[Math.min(next - 1, found.length - 1)];
    next += 1;
    if (!one || one instanceof Error) throw one ?? nobody();
    return one;
  };
  const until: number[] = [];
  const reception = await Reception.begin(
    { find, waiting: (it) => until.push(it.getTime() - Date.now()) },
    1000,
    signal,
  );
  let chunks = 0;
  const result = await (async () => {
    try {
      for await (const _ of reception.chunks()) chunks += 1;
      return (await reception.giveReceipt()) ? "acknowledged" : "kept";
    } catch (error) {
      return toSpreadError(error).code;
    }
  })();
  await reception[Symbol.asyncDispose]();
  return { result, chunks, searchedAt, until, ms: performance.now() - began };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});
async function inFakeTime<T>(run: Promise<T>): Promise<T> {
  let done = false;
  const settle = () => {
    done = true;
  };
  run.then(settle, settle);
  while (!done) await vi.advanceTimersByTimeAsync(100);
  return run;
}

describe("a link that ends", () => {
  it.each<[string, Error]>([
    ["is lost", lost()],
    ["stands still", new SpreadError("stalled", "")],
    ["is the relay's to end", new SpreadError("expired", "")],
    ["is altered", new SpreadError("tampered", "")],
    ["has a frame without measure", new SpreadError("bad-message", "")],
    ["was given up by a sender that saw no progress", said("stalled", "stalled")],
    ["was given up by a sender that got what was altered", said("tampered", "tampered")],
    ["was given up by a sender that failed", said("internal")],
  ])("because it %s, is followed by another one, at once", async (_why, broken) => {
    const { result, chunks, searchedAt } = await inFakeTime(outcome(sender(2, broken), [sender(3)]));
    expect([result, chunks]).toEqual(["acknowledged", 5]);
    expect(searchedAt).toHaveLength(1);
    expect(searchedAt[0]).toBeLessThan(200);
  });

  it.each<[string, Error]>([
    ["the share was stopped", said("stopped", "share-ended")],
    ["the places are spent", said("used_up", "share-ended")],
    ["its user cancelled", said("cancelled")],
    ["it was too large", said("too_large", "too-large")],
    ["we were not understood", said("bad_message", "bad-message")],
    ["what opened is not in the protocol", said(undefined, "bad-message")],
  ])("because the sender says that %s, is the last one", async (_why, broken) => {
    const { result, searchedAt } = await inFakeTime(outcome(sender(2, broken), [sender(3)]));
    expect([result, searchedAt]).toEqual([toSpreadError(broken).code, []]);
  });

  it("because the relay lets no more through is followed by one that goes another way, and else is the last one", async () => {
    const limited = new SpreadError("relay-refused", "");
    expect(await inFakeTime(outcome(sender(2, limited), [sender(3)]))).toMatchObject({
      result: "acknowledged",
      chunks: 5,
    });
    const { result, searchedAt } = await inFakeTime(outcome(sender(2, limited), [nobody("room-not-found")]));
    expect([result, searchedAt.length]).toEqual(["relay-refused", 1]);
    const { ms } = await inFakeTime(outcome(sender(2, limited), [nobody("host-timeout", "room-not-found")]));
    expect(ms).toBeLessThan(31_000);
  });
});

describe("a sender that is looked for", () => {
  it("is so after 0.5, 1, 2, 4, 8 and then 15 s, give or take a quarter, to the end of its share", async () => {
    const { result, searchedAt, until, ms } = await inFakeTime(
      outcome(sender(2, lost()), [nobody("relay-unreachable")]),
    );
    expect([result, until]).toEqual(["link-lost", [600_000]]);
    expect(ms).toBeGreaterThan(570_000);
    expect(ms).toBeLessThanOrEqual(600_200);
    const pauses = searchedAt.map((at, i) => (at - (searchedAt[i - 1] ?? 0)) / 1000);
    for (const [i, wanted] of [0, 0.5, 1, 2, 4, 8, 15, 15].entries()) {
      expect(pauses[i]).toBeGreaterThanOrEqual(wanted * 0.75 - 0.1);
      expect(pauses[i]).toBeLessThanOrEqual(wanted * 1.25 + 0.2);
    }
  });

  it("is so for five minutes only, if it has not said for how long it may be", async () => {
    const first = sender(2, lost(), { expiresIn: undefined });
    const { result, ms } = await inFakeTime(outcome(first, [nobody("relay-unreachable")]));
    expect(result).toBe("link-lost");
    expect(ms).toBeLessThanOrEqual(5 * MINUTE_MS + 200);
  });

  it.each<[string, ErrorCode[], boolean]>([
    ["its machine refuses", ["host-refused"], true],
    ["its relay has no such room, and nobody here knows it", ["sender-not-found", "room-not-found"], true],
    ["nobody here knows it", ["sender-not-found"], false],
    ["its relay has no such room, and its machine does not answer", ["host-timeout", "room-not-found"], false],
  ])("while %s: five minutes are enough, if that says that it has ended", async (_what, codes, ended) => {
    const { result, ms } = await inFakeTime(outcome(sender(2, lost()), [nobody(...codes)]));
    expect(result).toBe("link-lost");
    if (ended) expect(ms).toBeLessThan(5.5 * MINUTE_MS);
    else expect(ms).toBeGreaterThan(9 * MINUTE_MS);
  });

  it("is found busy, and waited for", async () => {
    const busy = said("busy", "busy");
    const found = [...Array.from({ length: 9 }, () => busy), sender(1)];
    expect(await inFakeTime(outcome(sender(2, lost()), found))).toMatchObject({ result: "acknowledged", chunks: 3 });
  });

  it("is looked for again from the beginning once a chunk has come", async () => {
    const found = [nobody("timed-out"), nobody("timed-out"), nobody("timed-out"), sender(1, lost()), sender(1)];
    const { searchedAt } = await inFakeTime(outcome(sender(2, lost()), found));
    expect((searchedAt[4] ?? 0) - (searchedAt[3] ?? 0)).toBeLessThan(200);
  });

  it("is given up when MAX_FRUITLESS_LINKS in a row are altered, and not when one of them brings a chunk", async () => {
    const altered = new SpreadError("tampered", "");
    const fruitless = Array.from({ length: MAX_FRUITLESS_LINKS - 1 }, () => sender(0, altered));
    const all = [...fruitless, sender(1, altered), ...fruitless.slice(1)];
    expect(await inFakeTime(outcome(sender(1, lost()), [...all, sender(1)]))).toMatchObject({ result: "acknowledged" });
    expect(await inFakeTime(outcome(sender(1, lost()), [...all, ...fruitless]))).toMatchObject({ result: "tampered" });
  });

  it("has perhaps begun already when its answer to READY is lost: it is asked again", async () => {
    const unanswered = new NoSender([new Unanswered(lost(), true)]);
    const answers = [unanswered, nobody("timed-out"), sender(1)];
    const find = async () => {
      const one = answers.shift();
      if (!one || one instanceof Error) throw one;
      return one;
    };
    const means = { find, waiting: () => {} };
    const reception = await inFakeTime(Reception.begin(means, 10_000, new AbortController().signal));
    expect(reception.path.by).toBe("lan");
    await reception[Symbol.asyncDispose]();
    await expect(
      Reception.begin(
        { ...means, find: () => Promise.reject(nobody("timed-out")) },
        10_000,
        new AbortController().signal,
      ),
    ).rejects.toMatchObject({ code: "timed-out" });
  });
});

it("a link that is lost at the first word is tried again for some seconds, and no longer", async () => {
  const hungUp = () => new NoSender([new Unanswered(lost(), false)]);
  const begin = (answers: (NoSender | ReturnType<typeof sender>)[]) => {
    const find = async () => {
      const one = answers.shift() ?? hungUp();
      if (one instanceof Error) throw one;
      return one;
    };
    return Reception.begin({ find, waiting: () => {} }, MINUTE_MS, new AbortController().signal);
  };
  const reception = await inFakeTime(begin([hungUp(), hungUp(), sender(1)]));
  expect(reception.path.by).toBe("lan");
  await reception[Symbol.asyncDispose]();
  const { error, ms } = await inFakeTime(
    (async () => {
      const began = performance.now();
      const error = await begin([]).catch(toSpreadError);
      return { error, ms: performance.now() - began };
    })(),
  );
  expect(error).toMatchObject({ code: "link-lost" });
  expect(ms).toBeLessThan(12_000);
});

describe("a receipt that is not answered", () => {
  const whole = (options = {}) => sender(1, undefined, { receipt: lost(), ...options });

  it("is given again", async () => {
    expect(await inFakeTime(outcome(whole(), [nobody("relay-unreachable"), sender(0)]))).toMatchObject({
      result: "acknowledged",
    });
  });

  it("is given up after a minute, and the document is there all the same", async () => {
    const { result, ms } = await inFakeTime(outcome(whole(), [nobody("relay-unreachable")]));
    expect(result).toBe("kept");
    expect(ms).toBeLessThanOrEqual(MINUTE_MS + 200);
  });

  it("is given up after some seconds when nobody is there: the share was delivered, most likely", async () => {
    const { result, ms } = await inFakeTime(outcome(whole(), [nobody("host-refused")]));
    expect(result).toBe("kept");
    expect(ms).toBeLessThan(15_000);
  });

  it("is not given again to a sender that takes nothing up, and would send it all once more", async () => {
    const { result, searchedAt } = await inFakeTime(outcome(whole({ expiresIn: undefined }), [sender(0)]));
    expect([result, searchedAt]).toEqual(["kept", []]);
  });
});
