import fc from "fast-check";
import { expect, test } from "vitest";
import { Deframer, encodeHeader, type Header, parseHeader, Violation } from "../../../relay/src/yamux/frame.ts";
import { raw } from "./support.ts";

const FROZEN: [string, Header, string][] = [
  ["data", { type: 0, flags: 0, streamId: 2, length: 5 }, "00 00 0000 00000002 00000005"],
  ["the longest data", { type: 0, flags: 0, streamId: 7, length: 262144 }, "00 00 0000 00000007 00040000"],
  ["data that opens", { type: 0, flags: 1, streamId: 1, length: 0 }, "00 00 0001 00000001 00000000"],
  ["an open", { type: 1, flags: 1, streamId: 2, length: 0 }, "00 01 0001 00000002 00000000"],
  ["an answered open", { type: 1, flags: 2, streamId: 2, length: 0 }, "00 01 0002 00000002 00000000"],
  ["a grant", { type: 1, flags: 0, streamId: 2, length: 131072 }, "00 01 0000 00000002 00020000"],
  ["a half-close", { type: 1, flags: 4, streamId: 2, length: 0 }, "00 01 0004 00000002 00000000"],
  ["a reset", { type: 1, flags: 8, streamId: 4294967295, length: 0 }, "00 01 0008 ffffffff 00000000"],
  ["a ping", { type: 2, flags: 1, streamId: 0, length: 3735928559 }, "00 02 0001 00000000 deadbeef"],
  ["a ping's answer", { type: 2, flags: 2, streamId: 0, length: 3735928559 }, "00 02 0002 00000000 deadbeef"],
  ["a normal go-away", { type: 3, flags: 0, streamId: 0, length: 0 }, "00 03 0000 00000000 00000000"],
  ["a go-away for protocol", { type: 3, flags: 0, streamId: 0, length: 1 }, "00 03 0000 00000000 00000001"],
  ["an internal go-away", { type: 3, flags: 0, streamId: 0, length: 2 }, "00 03 0000 00000000 00000002"],
];

test.each(FROZEN)("%s has these bytes", (_, header, spelled) => {
  const bytes = Buffer.from(spelled.replaceAll(" ", ""), "hex");
  expect(encodeHeader(header)).toEqual(bytes);
  expect(parseHeader(bytes)).toEqual(header);
});

const REFUSED: [string, string][] = [
  ["01 00 0000 00000002 00000000", "bad-version"],
  ["47 45 5420 2f204854 54502f31", "bad-version"],
  ["00 04 0000 00000002 00000000", "bad-type"],
  ["00 ff 0000 00000000 00000000", "bad-type"],
  ["00 00 0010 00000002 00000000", "bad-flags"],
  ["00 01 8001 00000002 00000000", "bad-flags"],
  ["00 02 0000 00000000 00000000", "bad-flags"],
  ["00 02 0003 00000000 00000000", "bad-flags"],
  ["00 03 0001 00000000 00000000", "bad-flags"],
  ["00 00 0000 00000000 00000000", "bad-stream-id"],
  ["00 01 0000 00000000 00000000", "bad-stream-id"],
  ["00 02 0001 00000002 00000000", "bad-stream-id"],
  ["00 03 0000 00000002 00000000", "bad-stream-id"],
  ["00 00 0000 00000002 00040001", "window-exceeded"],
  ["00 00 0000 00000002 ffffffff", "window-exceeded"],
  ["00 03 0000 00000000 00000003", "bad-go-away"],
];

test.each(REFUSED)("refuses %s as %s", (spelled, reason) => {
  const bytes = Buffer.from(spelled.replaceAll(" ", ""), "hex");
  expect(() => parseHeader(bytes)).toThrow(new Violation(reason as Violation["reason"]));
});

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const streamId = fc.integer({ min: 1, max: 0xffff_ffff });
const flags = fc.integer({ min: 0, max: 0xf });
const dataFrame = fc
  .record({ flags, streamId, payload: fc.uint8Array({ maxLength: 300 }) })
  .map(({ payload, ...rest }) => ({ header: { type: 0 as const, ...rest, length: payload.length }, payload }));
const bare = (header: fc.Arbitrary<Header>) => header.map((made) => ({ header: made, payload: new Uint8Array() }));
const frame = fc.oneof(
  dataFrame,
  bare(fc.record({ type: fc.constant(1 as const), flags, streamId, length: uint32 })),
  bare(
    fc.record({
      type: fc.constant(2 as const),
      flags: fc.constantFrom(1, 2),
      streamId: fc.constant(0),
      length: uint32,
    }),
  ),
  bare(
    fc.record({
      type: fc.constant(3 as const),
      flags: fc.constant(0),
      streamId: fc.constant(0),
      length: fc.integer({ min: 0, max: 2 }),
    }),
  ),
);

test("every frame that is encoded is parsed as it was", () => {
  fc.assert(
    fc.property(frame, ({ header }) => {
      const bytes = encodeHeader(header);
      expect(bytes).toEqual(raw(header.type, header.flags, header.streamId, header.length));
      expect(parseHeader(Buffer.concat([Buffer.alloc(3), bytes]), 3)).toEqual(header);
    }),
  );
});

test("a header of any twelve bytes is parsed to what encodes to them again, or refused", () => {
  const nearly = fc.tuple(fc.constant(0), fc.nat(4), fc.constant(0), fc.nat(20), ...Array(8).fill(fc.nat(255)));
  fc.assert(
    fc.property(nearly, (values) => {
      const bytes = Buffer.from(values as number[]);
      let header: Header;
      try {
        header = parseHeader(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(Violation);
        return;
      }
      expect(encodeHeader(header)).toEqual(bytes);
    }),
    { numRuns: 2000 },
  );
});

test("frames come out the same, wherever the byte stream is cut", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.nat(6000), { maxLength: 60 }), (frames, cuts) => {
      const bytes = Buffer.concat(frames.flatMap(({ header, payload }) => [encodeHeader(header), payload]));
      const out: { header: Header; payload: Uint8Array; ended: boolean }[] = [];
      const deframer = new Deframer({
        begin: (header) => void out.push({ header, payload: new Uint8Array(), ended: false }),
        payload: (piece) => {
          const last = out.at(-1);
          expect(last?.ended).toBe(false);
          expect(piece.length).toBeGreaterThan(0);
          if (last) last.payload = new Uint8Array(Buffer.concat([last.payload, piece]));
        },
        end: (header) => {
          const last = out.at(-1);
          expect(last?.header).toEqual(header);
          if (last) last.ended = true;
        },
      });
      const points = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
      for (let i = 1; i < points.length; i++) deframer.read(bytes.subarray(points[i - 1], points[i]));
      expect(out).toEqual(frames.map((made) => ({ ...made, ended: true })));
    }),
  );
});

test("one byte at a time is enough", () => {
  const seen: string[] = [];
  const deframer = new Deframer({
    begin: ({ type }) => void seen.push(`begin ${type}`),
    payload: (piece) => void seen.push(piece.toString()),
    end: ({ type }) => void seen.push(`end ${type}`),
  });
  for (const byte of Buffer.concat([raw(0, 0, 2, 2, Buffer.from("ab")), raw(2, 1, 0, 9)])) {
    deframer.read(Buffer.from([byte]));
  }
  expect(seen).toEqual(["begin 0", "a", "b", "end 0", "begin 2", "end 2"]);
});
