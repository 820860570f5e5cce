/** A peer that says what it should not: each ends the session with one word, and nothing of it is kept. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { WINDOW_BYTES } from "../../../relay/src/yamux/frame.ts";
import type { YamuxEnd, YamuxSession } from "../../../relay/src/yamux/session.ts";
import type { YamuxStream } from "../../../relay/src/yamux/stream.ts";
import { eventually, until } from "../../support/wait.ts";
import { pass, stopClock } from "../clock.ts";
import { data, grant, harness, RawPeer, raw } from "./support.ts";

const { sockets, session, withRaw } = harness();

const keep = { onStream: () => {} };
const SYN = 1;
const FIN = 4;
const RST = 8;

/** What a peer of the accepting client says, and what the session says of it. */
const AGAINST_THE_PROTOCOL: [string, YamuxEnd, Buffer[]][] = [
  ["speaks HTTP", "bad-version", [Buffer.from("GET / HTTP/1.1\r\n\r\n")]],
  ["uses a type of its own", "bad-type", [raw(4, 0, 2, 0)]],
  ["uses a flag of its own", "bad-flags", [raw(1, 0x11, 2, 0)]],
  ["sends data to the session", "bad-stream-id", [data(0, Buffer.from("x"))]],
  ["pings a stream", "bad-stream-id", [raw(2, 1, 2, 0)]],
  ["goes away for an unknown reason", "bad-go-away", [raw(3, 0, 0, 9)]],
  ["opens with an id of ours", "bad-stream-id", [grant(1, 0, SYN)]],
  ["sends data to a stream that never was", "unknown-stream", [data(2, Buffer.from("x"))]],
  ["grants to a stream that never was", "unknown-stream", [grant(2, 1)]],
  ["answers a stream of ours that never was", "unknown-stream", [grant(1, 0, 2)]],
  ["sends data to an id that it passed over", "unknown-stream", [grant(6, 0, SYN), data(4, Buffer.from("x"))]],
  ["opens a living stream again", "stream-reused", [grant(2, 0, SYN), grant(2, 0, SYN)]],
  ["opens a stream again that was reset", "stream-reused", [grant(2, 0, SYN), grant(2, 0, RST), grant(2, 0, SYN)]],
  ["opens an id from long ago", "stream-reused", [grant(0xffff_fffe, 0, SYN), grant(2, 0, SYN)]],
  ["declares more than a window", "window-exceeded", [grant(2, 0, SYN), raw(0, 0, 2, WINDOW_BYTES + 1)]],
  [
    "sends one byte more than the window",
    "window-exceeded",
    [grant(2, 0, SYN), data(2, Buffer.alloc(WINDOW_BYTES)), data(2, Buffer.alloc(1))],
  ],
  ["grants more than 32 bits", "window-overflow", [grant(2, 0, SYN), grant(2, 0xffff_ffff)]],
  ["sends data after its end", "data-after-fin", [grant(2, 0, SYN | FIN), data(2, Buffer.from("x"))]],
  ["ends twice", "data-after-fin", [grant(2, 0, SYN), grant(2, 0, FIN), grant(2, 0, FIN)]],
  ["asks for pong after pong", "too-many-pings", Array(6000).fill(raw(2, 1, 0, 0))],
];

test.each(AGAINST_THE_PROTOCOL)("a peer that %s is told of a protocol error: %s", async (_, reason, frames) => {
  const { session, peer } = await withRaw("client", keep);
  peer.say(...frames);
  expect(await session.closed).toBe(reason);
  await until("the end", () => peer.ended);
  expect(peer.frames.at(-1)).toMatchObject({ type: 3, flags: 0, id: 0, length: 1 });
  expect(session.streams).toBe(0);
});

test("the server is as strict about parity", async () => {
  const { session, peer } = await withRaw("server", keep);
  peer.say(grant(2, 0, SYN));
  expect(await session.closed).toBe("bad-stream-id");
});

test("ids that come a little out of order are new ones, and only once", async () => {
  const seen: number[] = [];
  const { session, peer } = await withRaw("client", { onStream: ({ id }) => void seen.push(id) });
  peer.say(grant(6, 0, SYN), grant(2, 0, SYN), grant(8, 0, SYN), grant(4, 0, SYN));
  await peer.inStep();
  expect(seen).toEqual([6, 2, 8, 4]);
  peer.say(grant(4, 0, SYN));
  expect(await session.closed).toBe("stream-reused");
});

test("a flood of opens gets maxStreams of them, resets for a while, and then the end", async () => {
  const { session, peer } = await withRaw("client", { ...keep, maxStreams: 10 });
  const opens = (from: number, count: number) => Array.from({ length: count }, (_, i) => grant(from + 2 * i, 0, SYN));
  peer.say(...opens(2, 10 + 1024));
  await peer.hears({ flags: RST }, 1024);
  await peer.inStep();
  expect(session.streams).toBe(10);
  expect(peer.heard({ flags: 2, type: 1 }).length).toBe(10);
  peer.say(...opens(2 + 2 * 1034, 1));
  expect(await session.closed).toBe("too-many-opens");
});

test("a peer that opens and resets without end keeps nothing here", async () => {
  const { session, peer } = await withRaw("client", { ...keep, maxStreams: 10 });
  for (let id = 2; id < 4_000; id += 2) peer.say(grant(id, 0, SYN), data(id, Buffer.alloc(50)), grant(id, 0, RST));
  await peer.inStep();
  expect(session.streams).toBe(0);
});

test("a peer that never closes after its go-away is cut", async () => {
  stopClock();
  const { session, peer } = await withRaw("client", keep, true);
  peer.say(raw(9, 9, 9, 9));
  await peer.hears({ type: 3 });
  pass(1_000);
  expect(await session.closed).toBe("bad-type");
  expect(peer.socket.writable).toBe(true);
});

test("tiny pieces that nobody reads do not keep the chunks alive that they came in", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const kept: YamuxStream[] = [];
  const { peer } = await withRaw("client", { onStream: (stream) => void kept.push(stream) });
  // The second stream is gone: what comes for it is dropped.
  peer.say(grant(2, 0, SYN), grant(4, 0, SYN), grant(4, 0, RST));
  await peer.inStep();
  gc();
  const before = process.memoryUsage().arrayBuffers;
  const junk = data(4, Buffer.alloc(100_000));
  for (let i = 0; i < 500; i++) {
    if (!peer.socket.write(Buffer.concat([data(2, Buffer.from("x")), junk]))) await once(peer.socket, "drain");
  }
  await peer.inStep();
  // Garbage is counted until it was swept.
  const heldMore = () => {
    gc();
    return process.memoryUsage().arrayBuffers - before;
  };
  await eventually(heldMore).toBeLessThan(4_000_000);
  expect(kept[0]?.read()?.length).toBe(500);
});

const REASONS = new Set<string>([...AGAINST_THE_PROTOCOL.map(([, reason]) => reason), "transport-lost"]);
for (const reason of ["too-many-opens", "peer-closed", "peer-protocol-error", "peer-internal-error"])
  REASONS.add(reason);

/** Feeds a session in the given pieces, with a reader on every second stream, and returns why it ended. */
async function feed(pieces: Uint8Array[]): Promise<YamuxSession> {
  const [near, far] = await sockets();
  const peer = new RawPeer(far);
  let count = 0;
  const fed = session(near, "client", {
    maxStreams: 8,
    onStream: (stream) => void (count++ % 2 ? stream.pipe(stream) : stream.write("hello")),
  });
  fed.open().end("ours");
  for (const piece of pieces) {
    peer.socket.write(piece);
    await new Promise(setImmediate);
  }
  peer.socket.end();
  expect(REASONS).toContain(await fed.closed);
  expect(fed.streams).toBe(0);
  return fed;
}

test("random bytes end in a reason", async () => {
  const bytes = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(bytes, async (pieces) => void (await feed(pieces))),
    { numRuns: 100 },
  );
});

test("frames of any fields, true or false about their payload, end in a reason", async () => {
  const nearly = fc
    .record({
      type: fc.oneof({ weight: 60, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.nat(255) }),
      flags: fc.oneof({ weight: 60, arbitrary: fc.nat(15) }, { weight: 1, arbitrary: fc.nat(65535) }),
      id: fc.oneof({ weight: 30, arbitrary: fc.nat(12) }, { weight: 1, arbitrary: fc.nat(0xffff_ffff) }),
      length: fc.oneof(fc.nat(3), fc.nat(WINDOW_BYTES), fc.nat(0xffff_ffff)),
      payload: fc.nat(400),
    })
    .map(({ type, flags, id, length, payload }) => {
      const ofSession = type === 2 || type === 3;
      return raw(
        type,
        ofSession ? flags & 1 : flags,
        ofSession ? 0 : id,
        type === 0 ? payload : length,
        type === 0 ? randomBytes(payload) : Buffer.alloc(0),
      );
    });
  const frames = fc.array(nearly, { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(frames, async (made) => void (await feed([Buffer.concat(made)]))),
    { numRuns: 200 },
  );
});

test("a true session with bytes changed, cut out or said twice ends in a reason", async () => {
  const told = Buffer.concat([
    ...[2, 4, 6].map((id) => grant(id, 0, SYN)),
    grant(1, 0, 2),
    ...[2, 4, 6, 2].map((id) => data(id, randomBytes(3000))),
    raw(2, 1, 0, 7),
    grant(4, 3000),
    data(4, randomBytes(500), FIN),
    grant(6, 0, RST),
    grant(2, 0, FIN),
    raw(3, 0, 0, 0),
  ]);
  const at = fc.oneof(fc.nat(told.length - 1), fc.nat(60));
  const change = fc.record({
    at,
    kind: fc.constantFrom("flip", "cut", "twice"),
    size: fc.integer({ min: 1, max: 64 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), at, async (changes, cut) => {
      let bytes = told;
      for (const { at, kind, size } of changes) {
        const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, at + size), bytes.subarray(at + size)];
        if (kind === "flip") bytes = Buffer.concat([before, part.map((byte) => byte ^ size), after]);
        if (kind === "cut") bytes = Buffer.concat([before, after]);
        if (kind === "twice") bytes = Buffer.concat([before, part, part, after]);
      }
      await feed([bytes.subarray(0, cut), bytes.subarray(cut)]);
    }),
    { numRuns: 200 },
  );
});
