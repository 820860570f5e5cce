/** Counting, as the design's section 4.2 has it: failed attempts and places. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShareGate, type Slot } from "../../src/share/gate.ts";

const right = () => true;
const wrong = () => false;
/** A good CONFIRM from somewhere on a relay, whose place must be there. */
const enter = (gate: ShareGate): Slot => {
  const verdict = gate.judge(undefined, right);
  const slot = verdict.proven ? gate.acquire() : undefined;
  if (!slot) throw new Error("no slot");
  return slot;
};

describe("failed attempts", () => {
  it("ten in all burn the share: the tenth is told so, and nothing is verified any more", () => {
    const gate = new ShareGate(1);
    for (let i = 1; i <= 9; i++)
      expect(gate.judge(undefined, wrong)).toEqual({ proven: false, reason: "proof_failed" });
    expect(gate.burned).toBe(false);
    expect(gate.judge(undefined, wrong)).toEqual({ proven: false, reason: "burned" });
    expect(gate.burned).toBe(true);
    let verified = 0;
    const late = gate.judge(undefined, () => {
      verified += 1;
      return true;
    });
    expect(late).toEqual({ proven: false, reason: "burned" });
    expect(verified).toBe(0);
    expect(gate.refusal("192.0.2.1")).toBe("burned");
    expect(gate.counts.failedAttempts).toBe(10);
  });

  it("three of one address, and it gets no more, even with the right code; others do", () => {
    const gate = new ShareGate(1);
    for (let i = 0; i < 3; i++) gate.judge("192.0.2.1", wrong);
    expect(gate.refusal("192.0.2.1")).toBe("too_many_attempts");
    expect(gate.judge("192.0.2.1", right)).toEqual({ proven: false, reason: "too_many_attempts" });
    expect(gate.refusal("192.0.2.2")).toBeUndefined();
    expect(gate.judge("192.0.2.2", right).proven).toBe(true);
  });

  it("counts an IPv6 /64 as one address", () => {
    const gate = new ShareGate(1);
    for (const host of ["1", "2", "ffff:ffff:ffff:ffff"])
      gate.judge(`2001:db8:0:7::${host}`.replace("::ffff:ffff:ffff:ffff", ":ffff:ffff:ffff:ffff"), wrong);
    expect(gate.refusal("2001:db8:0:7:abcd::9")).toBe("too_many_attempts");
    expect(gate.refusal("2001:db8:0:8::1")).toBeUndefined();
  });

  it("through a relay there is no address: only the ten in all count", () => {
    const gate = new ShareGate(1);
    for (let i = 0; i < 9; i++) gate.judge(undefined, wrong);
    expect(gate.refusal(undefined)).toBeUndefined();
  });

  it("through a relay are three in all where strangers are one, and other addresses still may", () => {
    const gate = new ShareGate(1, { strangersAreOne: true });
    for (let i = 0; i < 3; i++) {
      expect(gate.refusal(undefined)).toBeUndefined();
      expect(gate.judge(undefined, wrong)).toEqual({ proven: false, reason: "proof_failed" });
    }
    expect(gate.refusal(undefined)).toBe("too_many_attempts");
    expect(gate.judge(undefined, right)).toEqual({ proven: false, reason: "too_many_attempts" });
    expect(gate.burned).toBe(false);
    expect(gate.judge("192.0.2.1", right).proven).toBe(true);
  });

  it("count also while every place is taken: being busy is no free guess", () => {
    const gate = new ShareGate(1);
    enter(gate);
    expect(gate.full).toBe(true);
    expect(gate.judge("192.0.2.1", wrong)).toEqual({ proven: false, reason: "proof_failed" });
    expect(gate.counts.failedAttempts).toBe(1);
  });
});

const VISITS = ["enter", "guess", "spend", "deliver", "release"] as const;

/** A visitor does one of these: most of them are nothing without a slot. */
function visit(gate: ShareGate, slots: Map<number, Slot>, who: number, what: (typeof VISITS)[number]): void {
  const slot = slots.get(who);
  if (what === "guess") gate.judge(`192.0.2.${who}`, wrong);
  else if (what === "enter" && !slot) {
    const taken = gate.judge(`198.51.100.${who}`, right).proven && gate.acquire();
    if (taken) slots.set(who, taken);
  } else if (what === "spend") slot?.commit();
  else if (what === "deliver") slot?.deliver();
  else if (what === "release") {
    slot?.release();
    slots.delete(who);
  }
}

describe("places", () => {
  it("are taken behind a good CONFIRM, and who comes next proves itself and finds none", () => {
    const gate = new ShareGate(2);
    enter(gate);
    expect(gate.full).toBe(false);
    enter(gate);
    expect(gate.full).toBe(true);
    expect(gate.refusal(undefined)).toBeUndefined();
    expect(gate.judge(undefined, right)).toEqual({ proven: true });
    expect(gate.acquire()).toBeUndefined();
    expect(gate.counts).toEqual({ failedAttempts: 0, held: 2, spent: 0, delivered: 0 });
  });

  it("come back when a transfer ends before all content was handed over", () => {
    const gate = new ShareGate(1);
    enter(gate).release();
    expect(gate.counts.held).toBe(0);
    expect(gate.full).toBe(false);
  });

  it("are spent behind that, receipt or not, and only a receipt makes it delivered", () => {
    const gate = new ShareGate(2);
    const first = enter(gate);
    first.commit();
    first.release();
    expect(gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 1, delivered: 0 });
    const second = enter(gate);
    second.commit();
    expect(gate.refusal(undefined)).toBeUndefined(); // it may come back
    second.deliver();
    second.release();
    expect(gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 2, delivered: 1 });
    expect(gate.usedUp).toBe(true);
    expect(gate.refusal(undefined)).toBe("used_up");
    expect(gate.judge(undefined, right)).toEqual({ proven: false, reason: "used_up" });
  });

  it("do not move twice: no step can be repeated, skipped or undone", () => {
    const gate = new ShareGate(1);
    const slot = enter(gate);
    slot.deliver();
    expect(gate.counts.delivered).toBe(0);
    slot.commit();
    slot.commit();
    slot.deliver();
    slot.deliver();
    slot.release();
    slot.release();
    slot.commit();
    expect(gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 1, delivered: 1 });
  });

  it("never exceed the receivers, whatever visitors do in whatever order", () => {
    const step = fc.record({
      who: fc.nat({ max: 5 }),
      what: fc.constantFrom(...VISITS),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (receivers, steps) => {
        const gate = new ShareGate(receivers);
        const slots = new Map<number, Slot>();
        for (const { who, what } of steps) {
          visit(gate, slots, who, what);
          const { held, spent, delivered, failedAttempts } = gate.counts;
          expect(held).toBeGreaterThanOrEqual(0);
          expect(held + spent).toBeLessThanOrEqual(receivers);
          expect(delivered + gate.awaited).toBeLessThanOrEqual(spent);
          expect(gate.awaited).toBeGreaterThanOrEqual(0);
          expect(failedAttempts).toBeLessThanOrEqual(10);
        }
      }),
    );
  });
});

describe("a receipt", () => {
  it("is awaited from the last chunk on, and the share lets visitors try as long as it is", () => {
    const gate = new ShareGate(1);
    const slot = enter(gate);
    expect(gate.awaited).toBe(0);
    slot.commit();
    expect([gate.awaited, gate.usedUp, gate.refusal(undefined), gate.acquire()]).toEqual([
      1,
      true,
      undefined,
      undefined,
    ]);
    expect(gate.judge("192.0.2.1", wrong)).toEqual({ proven: false, reason: "proof_failed" });
    slot.deliver();
    expect([gate.awaited, gate.refusal(undefined)]).toEqual([0, "used_up"]);
  });

  it("of a receiver that does not come back is awaited no more, and its place stays spent", () => {
    const gate = new ShareGate(1);
    const slot = enter(gate);
    slot.commit();
    slot.release();
    slot.deliver();
    expect([gate.awaited, gate.counts]).toEqual([0, { failedAttempts: 0, held: 0, spent: 1, delivered: 0 }]);
    expect(gate.refusal(undefined)).toBe("used_up");
  });
});

it("tells late visitors why it was closed: the first reason stands", () => {
  const gate = new ShareGate(1);
  gate.close("expired");
  gate.close("stopped");
  expect(gate.refusal(undefined)).toBe("expired");
  expect(gate.judge(undefined, right)).toEqual({ proven: false, reason: "expired" });
});
