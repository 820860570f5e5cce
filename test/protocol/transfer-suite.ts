/** A document, the frames that it passes in, and what must hold whatever is done to them. */
import fc from "fast-check";
import { expect } from "vitest";
import { CHUNK_BYTES } from "../../src/limits.ts";
import { converse, type From, type Meddle, middleman, type Outcome } from "../support/conversation.ts";
import { settled } from "../support/wait.ts";

/** Three chunks, the last of them short. */
export const DOCUMENT = Buffer.from(Array.from({ length: 2 * CHUNK_BYTES + 99 }, (_, i) => (i * 7) & 0xff));

/** The conversation's frames by name. Sealed from READY on. */
export const FRAMES: [string, From, number][] = [
  ["HELLO", "receiver", 0],
  ["CONFIRM", "receiver", 1],
  ["READY", "receiver", 2],
  ["RECEIPT", "receiver", 3],
  ["PAKE", "sender", 0],
  ["OFFER", "sender", 1],
  ["the first chunk", "sender", 2],
  ["the second chunk", "sender", 3],
  ["the last chunk", "sender", 4],
  ["DELIVERED", "sender", 5],
];
export const at = (from: From, index: number, meddle: (frame: Buffer) => readonly Uint8Array[] | "cut"): Meddle => {
  return (frame, who, i) => (who === from && i === index ? meddle(frame) : [frame]);
};

/** What its receiver has come to. Bytes are compared at once: the runner's comparison of objects takes them one by one. */
export function told(receiver: Outcome["receiver"], bytes: Uint8Array = DOCUMENT): string {
  if (typeof receiver === "string") return receiver;
  if (!receiver.document.equals(bytes)) return "another document";
  return receiver.acknowledged ? "whole" : "whole, and not acknowledged";
}

/** What must hold whatever happened: nobody claims what is not so. */
export function expectHonest({ receiver, sender, gate }: Outcome): void {
  expect(told(receiver)).not.toBe("another document");
  if (sender === "delivered") expect(told(receiver)).toMatch(/^whole/);
  const { held, spent, delivered } = gate.counts;
  expect(held).toBe(0);
  expect(delivered).toBe(sender === "delivered" ? 1 : 0);
  expect(spent).toBeLessThanOrEqual(1);
}

/** Alters so many bits of a frame, anywhere, one in each conversation. */
export async function alter(name: string, from: From, index: number, times: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 0, max: 7 }), async (where, bit) => {
      let passed = 0;
      const altered = at(from, index, (frame) => {
        const byte = where % frame.length;
        frame[byte] = (frame[byte] ?? 0) ^ (1 << bit);
        // Whoever skips the frame and waits is not what is looked at here: that ends when nothing moves any more.
        void settled(() => passed).then(() => links.receiver.close());
        return [frame];
      });
      const links = middleman((frame, who, i) => {
        passed += 1;
        return altered(frame, who, i);
      });
      const outcome = await converse(links, DOCUMENT);
      expectHonest(outcome);
      if (name !== "DELIVERED") expect(outcome.sender).not.toBe("delivered");
    }),
    { numRuns: times },
  );
}
