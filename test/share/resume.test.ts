/** src/protocol/README.md, "Broken links": real shares and receivers, and a cable between them that does not last. */
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { toSpreadError } from "../../src/errors.ts";
import { CHUNK_BYTES } from "../../src/limits.ts";
import type { Course } from "../../src/share/race.ts";
import { type Received, receive, type Step } from "../../src/share/receiver.ts";
import type { Share } from "../../src/share/sender.ts";
import { type Cable, cable, type Direction, type Lot } from "../support/cable.ts";
import { home, lanOf, receiveRequest, share, TEXT } from "../support/shares.ts";
import { until } from "../support/wait.ts";

/** A full chunk's frame over TCP: its length, `last`, the type, the chunk, the tag. */
const FULL_FRAME_BYTES = 4 + 1 + 1 + CHUNK_BYTES + 16;

/** Text that is sent as it is, or that is compressed; both are long enough to be cut more than once. */
const TEXTS = {
  identity: randomBytes(3_750_000).toString("base64"),
  br: Array.from({ length: 90_000 }, (_, i) => `${i} ${randomBytes(24).toString("hex")} and so on\n`).join(""),
};

/** The frames of one direction, by their lengths. */
function framesOf(bytes: Buffer): number[] {
  const sizes: number[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4 + bytes.readUInt32BE(at)) {
    const size = 4 + bytes.readUInt32BE(at);
    if (at + size <= bytes.length) sizes.push(size);
  }
  return sizes;
}

interface Outcome {
  readonly result: Received | string;
  readonly steps: readonly Step[];
  readonly folder: string;
}

/** @param options.untilReconnecting cancels the call when it has lost its link. */
async function take(it: Share, course: Course, { untilReconnecting = false } = {}): Promise<Outcome> {
  const folder = await home();
  const steps: Step[] = [];
  const life = new AbortController();
  const report = (step: Step) => {
    steps.push(step);
    if (untilReconnecting && step.at === "reconnecting") life.abort();
  };
  const request = await receiveRequest(it, course, { home: folder });
  const result = await receive(request, report, life.signal).catch((error: unknown) => toSpreadError(error).code);
  return { result, steps, folder };
}

/** A share on the LAN behind a cable; `wires` are all bytes of each connection and direction. */
async function behind(lots: readonly Lot[], options: Parameters<typeof share>[0] = {}) {
  const it = await share({ mode: "lan", ...options });
  const wires: Record<Direction, Buffer[]>[] = [];
  const line = await cable(lanOf(it).port, lots, (bytes, way, connection) => {
    wires[connection] ??= { up: [], down: [] };
    wires[connection]?.[way].push(Buffer.from(bytes));
  });
  const framesBy = (way: Direction) => wires.map((wire) => framesOf(Buffer.concat(wire[way])));
  return { it, line, framesBy, course: through(line) };
}

const through = ({ port }: Cable): Course => ({ lan: { host: "127.0.0.1", port }, relay: undefined });

async function expectWhole({ result, folder }: Outcome, text: string): Promise<Received> {
  if (typeof result === "string") throw new Error(`failed: ${result}`);
  expect((await readFile(result.original)).equals(Buffer.from(text))).toBe(true);
  expect(await readdir(join(folder, "inbox"))).toHaveLength(1);
  expect(await readdir(join(folder, "staging"))).toEqual([]);
  return result;
}

async function expectDelivered(it: Share): Promise<void> {
  await until("the share has ended", () => it.endedAt !== undefined);
  expect([it.state, it.lastFailure]).toEqual(["delivered", undefined]);
  expect(it.gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 1, delivered: 1 });
}

describe("a short document whose link is cut", () => {
  /** What passes when nothing is cut, by frames. */
  const FRAMES: Record<Direction, [name: string, bytes: number][]> = {
    up: [
      ["HELLO", 192],
      ["CONFIRM", 159],
      ["READY", 175],
      ["RECEIPT", 162],
    ],
    down: [
      ["PAKE", 224],
      ["OFFER", 297],
      ["the content", 53],
      ["DELIVERED", 88],
    ],
  };

  it("passes in these frames, if nothing happens", async () => {
    const { it, framesBy, course } = await behind([]);
    await expectWhole(await take(it, course), TEXT);
    await expectDelivered(it);
    for (const way of ["up", "down"] as const) expect(framesBy(way)).toEqual([FRAMES[way].map(([, bytes]) => bytes)]);
  });

  const cuts = (["up", "down"] as const).flatMap((way) => {
    let at = 0;
    return FRAMES[way].flatMap(([name, bytes]) => {
      at += bytes;
      return [
        { where: "before", name, way, at: at - bytes },
        { where: "in the middle of", name, way, at: at - Math.floor(bytes / 2) },
        { where: "one byte before the end of", name, way, at: at - 1 },
      ];
    });
  });

  it.each(cuts)("$where $name arrives, once, and is delivered; or nothing has happened", async ({ name, way, at }) => {
    for (const what of ["cut", "reset"] as const) {
      const { it, course, line } = await behind([{ faults: [{ way, at, what }] }]);
      // Behind RECEIPT the share is over, and nobody is left who could say DELIVERED.
      const outcome = await take(it, course, name === "DELIVERED" ? { untilReconnecting: true } : {});
      if (outcome.result === "link-lost" && ["HELLO", "PAKE"].includes(name)) {
        // Nobody has proved anything yet: today's callers are told so at once.
        expect([it.state, it.gate.counts]).toEqual(["waiting", { failedAttempts: 0, held: 0, spent: 0, delivered: 0 }]);
        expect(await readdir(join(outcome.folder, "inbox"))).toEqual([]);
        continue;
      }
      const received = await expectWhole(outcome, TEXT);
      expect(line.connections).toBe(name === "DELIVERED" ? 1 : 2);
      await expectDelivered(it);
      expect(received.acknowledged).toBe(name !== "DELIVERED");
    }
  });
});

describe.each(["identity", "br"] as const)("a document of 5 MB as %s", (encoding) => {
  const text = TEXTS[encoding];
  const cuts = [700_000, FULL_FRAME_BYTES * 7 + 700, 30_000, 900, 400_123];

  it("whose link is cut five times arrives as it was, and no chunk that was verified is sent again", async () => {
    const lots = cuts.map((at): Lot => ({ faults: [{ way: "down", at, what: "cut" }] }));
    const { it, framesBy, course, line } = await behind(lots, { text });
    const outcome = await take(it, course);
    await expectWhole(outcome, text);
    await expectDelivered(it);
    expect(line.connections).toBe(6);
    const frames = framesBy("down").flat();
    const full = frames.filter((bytes) => bytes === FULL_FRAME_BYTES).length;
    if (encoding === "identity") expect(full).toBe(Math.floor(text.length / CHUNK_BYTES));
    else expect(full).toBeLessThan(Math.floor(text.length / CHUNK_BYTES) * (2 / 3));
    expect(outcome.steps.filter(({ at }) => at === "reconnecting")).toHaveLength(5);
    const received = outcome.steps.flatMap((step) => (step.at === "receiving" ? [step.received] : []));
    expect(received).toEqual([...received].sort((a, b) => a - b));
  });

  it("whose link is reset three times, and altered twice, arrives as it was", async () => {
    const lots = [
      { faults: [{ way: "down", at: 500_000, what: "reset" }] },
      { faults: [{ way: "down", at: 300_000, what: "corrupt" }] },
      { faults: [{ way: "down", at: 600_000, what: "reset" }] },
      { faults: [{ way: "down", at: 65_000, what: "corrupt" }] },
      { faults: [{ way: "up", at: 400, what: "reset" }] },
    ] satisfies Lot[];
    const { it, course } = await behind(lots, { text });
    await expectWhole(await take(it, course), text);
    await expectDelivered(it);
  });
});
