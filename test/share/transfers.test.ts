/** src/protocol/README.md, "Broken links", the sender's table: which transfer a READY begins, and what becomes of its place. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Ready } from "../../src/protocol/messages.ts";
import { ShareGate } from "../../src/share/gate.ts";
import { MAX_BROKEN, type Run, Transfers } from "../../src/share/transfers.ts";
import { memoryLinks } from "../../src/transport/memory.ts";

const nameOf = (number: number) => number.toString(16).padStart(32, "0");
const ready = (number: number, position = 0): Ready => ({
  type: "READY",
  kinds: ["distillation"],
  encodings: ["br"],
  max_bytes: 2 ** 30,
  resume: { transfer: nameOf(number), position },
});

function shareOf(receivers: number) {
  const gate = new ShareGate(receivers);
  const transfers = new Transfers(gate);
  const begin = (asked: Ready): Run & { open: () => boolean } => {
    const [link] = memoryLinks();
    return { ...transfers.begin(asked, "br", link), open: () => link.open };
  };
  return { gate, begin };
}
/** So many chunks, the last of them too, or not. */
const hand = (run: Run, chunks: number, end = false) => {
  for (let i = 1; i <= chunks; i++) run.handedOver(end && i === chunks);
};

it("a transfer without a name gets one, and a place", () => {
  const { gate, begin } = shareOf(1);
  const { resume: _, ...asked } = ready(1);
  const run = begin(asked);
  expect(run.transfer).toMatch(/^[0-9a-f]{32}$/);
  expect(run).toMatchObject({ position: 0, whole: false, encoding: "br" });
  expect(gate.counts.held).toBe(1);
});

it("a transfer that broke gives its place back, and takes one again where it goes on", () => {
  const { gate, begin } = shareOf(1);
  const first = begin(ready(1));
  hand(first, 5);
  first.ended(false);
  expect(gate.counts.held).toBe(0);
  expect(begin(ready(1, 3))).toMatchObject({ transfer: nameOf(1), position: 3, whole: false });
  expect(gate.counts.held).toBe(1);
});

it("a transfer that broke finds no place where others have taken them: busy, and then used_up", () => {
  const { begin } = shareOf(1);
  begin(ready(1)).ended(false);
  const other = begin(ready(2));
  expect(() => begin(ready(1))).toThrow(expect.objectContaining({ code: "busy", reason: "busy" }));
  hand(other, 1, true);
  expect(() => begin(ready(1))).toThrow(expect.objectContaining({ code: "share-ended", reason: "used_up" }));
});

it("a transfer that was handed over keeps its place, and is whole when its receiver has all of it", () => {
  const { gate, begin } = shareOf(1);
  const first = begin(ready(1));
  hand(first, 5, true);
  first.ended(false);
  const second = begin(ready(1, 4));
  expect(second).toMatchObject({ position: 4, whole: false });
  hand(second, 1, true);
  second.ended(false);
  const third = begin(ready(1, 5));
  expect(third.whole).toBe(true);
  expect([gate.counts, gate.awaited]).toEqual([{ failedAttempts: 0, held: 0, spent: 1, delivered: 0 }, 1]);
  third.delivered();
  expect([gate.counts.delivered, gate.awaited]).toEqual([1, 0]);
});

it("a transfer that is delivered is still known: its receiver may not have heard that", () => {
  const { gate, begin } = shareOf(2);
  const first = begin(ready(1));
  hand(first, 1, true);
  first.delivered();
  first.ended(false);
  begin(ready(1, 1)).delivered();
  expect(gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 1, delivered: 1 });
});

it("a transfer that its receiver gave up is forgotten, and its place is free if it was not spent", () => {
  const { gate, begin } = shareOf(2);
  const first = begin(ready(1));
  hand(first, 5);
  first.ended(true);
  expect(gate.counts.held).toBe(0);
  expect(begin(ready(1, 3)).position).toBe(0);
  const other = begin(ready(2));
  hand(other, 1, true);
  other.ended(true);
  expect([gate.counts, gate.awaited]).toEqual([{ failedAttempts: 0, held: 1, spent: 1, delivered: 0 }, 0]);
});

it("a transfer that comes by another link has its place, and the old link no say any more", () => {
  const { gate, begin } = shareOf(1);
  const old = begin(ready(1));
  hand(old, 2);
  const present = begin(ready(1, 2));
  expect([old.open(), present.open()]).toEqual([false, true]);
  hand(old, 3, true);
  old.ended(true);
  expect(gate.counts).toMatchObject({ held: 1, spent: 0 });
  expect(() => begin(ready(1, 3))).toThrow(expect.objectContaining({ code: "bad-message" }));
  expect(present.open()).toBe(true);
  hand(present, 1, true);
  present.delivered();
  expect(gate.counts).toMatchObject({ held: 0, spent: 1, delivered: 1 });
});

it("what a transfer does not have cannot be asked for: chunks that were never handed over, another encoding", () => {
  const { begin } = shareOf(1);
  const first = begin(ready(1));
  hand(first, 2);
  first.ended(false);
  for (const asked of [ready(1, 3), ready(1, Number.MAX_SAFE_INTEGER), { ...ready(1, 1), encodings: [] }]) {
    expect(() => begin(asked)).toThrow(expect.objectContaining({ code: "bad-message" }));
  }
  expect(begin(ready(1, 2)).position).toBe(2);
});

it("of transfers that broke the last MAX_BROKEN are known", () => {
  const { begin } = shareOf(1);
  for (let number = 0; number <= MAX_BROKEN; number++) {
    const run = begin(ready(number));
    hand(run, 1);
    run.ended(false);
  }
  const oldest = begin(ready(0, 1));
  expect(oldest.position).toBe(0);
  oldest.ended(true);
  expect(begin(ready(1, 1)).position).toBe(1);
});

const DEEDS = ["ready", "chunk", "last", "lost", "abort", "receipt"] as const;

interface Deed {
  readonly who: number;
  readonly what: (typeof DEEDS)[number];
  readonly position: number;
}

/** A receiver begins a transfer, or goes on with the one that it has, if it has one. */
function act(running: Map<number, Run>, begin: (asked: Ready) => Run, { who, what, position }: Deed): void {
  const run = running.get(who);
  if (what === "ready") {
    try {
      running.set(who, begin(ready(who, position)));
    } catch {
      // No place, or not what there is.
    }
  } else if (what === "chunk" || what === "last") run?.handedOver(what === "last");
  else {
    if (what === "receipt") run?.delivered();
    run?.ended(what !== "lost"); // a receipt that comes too early is the end, too
    running.delete(who);
  }
}

describe("whatever receivers do, in whatever order,", () => {
  it("no more places are held and spent than there are, and a place is never lost", () => {
    const step = fc.record({
      who: fc.nat({ max: 4 }),
      what: fc.constantFrom(...DEEDS),
      position: fc.nat({ max: 3 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 80 }), (receivers, steps) => {
        const { gate, begin } = shareOf(receivers);
        const running = new Map<number, Run>();
        for (const deed of steps) {
          act(running, begin, deed);
          const { held, spent, delivered } = gate.counts;
          expect(held + spent).toBeLessThanOrEqual(receivers);
          expect(delivered + gate.awaited).toBeLessThanOrEqual(spent);
          expect(held).toBeLessThanOrEqual(running.size);
        }
        for (const run of running.values()) run.ended(false);
        expect(gate.counts.held).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
