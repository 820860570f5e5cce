import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { WINDOW_BYTES } from "../../../relay/src/yamux/frame.ts";
import { StreamError, type YamuxStream } from "../../../relay/src/yamux/stream.ts";
import { settled, until } from "../../support/wait.ts";
import { pass, stopClock } from "../clock.ts";
import { all, data, grant, harness, raw } from "./support.ts";

const { pair, withRaw } = harness();

const echo = (stream: YamuxStream) => void stream.pipe(stream);

/** In flowing mode, where chunks are handed on without a stop between. */
async function flowing(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  await once(stream, "end");
  return Buffer.concat(chunks);
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof StreamError) return error.code;
  }
  return "";
}

test("what is written comes out at the other end, both ways, and nothing is left of the streams", async () => {
  const { server, client } = await pair({}, { onStream: echo });
  const sent = Array.from({ length: 8 }, (_, i) => randomBytes(1_000_000 + i));
  const back = await Promise.all(
    sent.map((bytes) => {
      const stream = server.open();
      stream.end(bytes);
      return all(stream);
    }),
  );
  for (const [i, bytes] of sent.entries()) expect(back[i]?.equals(bytes)).toBe(true);
  await until("no streams", () => server.streams === 0 && client.streams === 0);
});

test("any interleaving of writes over several streams arrives in order and whole", async () => {
  const write = fc.record({
    stream: fc.nat(4),
    bytes: fc.oneof(fc.nat(200), fc.integer({ min: 10_000, max: 300_000 })),
    back: fc.boolean(),
    wait: fc.boolean(),
  });
  const readers = fc.array(fc.constantFrom(all, flowing), { minLength: 10, maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(fc.array(write, { maxLength: 25 }), readers, async (writes, read) => {
      const far: YamuxStream[] = [];
      const { server, client } = await pair({}, { onStream: (stream) => void far.push(stream) });
      const near = Array.from({ length: 5 }, () => server.open());
      await until("five streams", () => far.length === 5);
      const ends = [...near, ...far];
      // near[i] reads what far[i] writes.
      const arrived = ends.map((end, i) => (read[i] ?? all)(end));
      const written: Buffer[][] = ends.map(() => []);
      for (const { stream, bytes, back, wait } of writes) {
        const end = back ? stream + 5 : stream;
        const chunk = randomBytes(bytes);
        written[end]?.push(chunk);
        ends[end]?.write(chunk);
        if (wait) await new Promise(setImmediate);
      }
      for (const end of ends) end.end();
      for (const [i, bytes] of (await Promise.all(arrived)).entries()) {
        expect(bytes.equals(Buffer.concat(written[(i + 5) % 10] ?? []))).toBe(true);
      }
      await until("no streams", () => server.streams === 0 && client.streams === 0);
      expect(await server.close()).toBe("closed");
      expect(await client.closed).toBe("peer-closed");
    }),
    { numRuns: 40 },
  );
});

test("the server's ids are even, the client's odd, and each open says SYN before any data", async () => {
  for (const role of ["server", "client"] as const) {
    const { session, peer } = await withRaw(role);
    for (let i = 0; i < 2; i++) session.open().write("hi");
    await peer.hears({ type: 0 }, 2);
    const first = role === "server" ? 2 : 1;
    expect(peer.frames.map(({ type, flags, id }) => [type, flags, id])).toEqual([
      [1, 1, first],
      [1, 1, first + 2],
      [0, 0, first],
      [0, 0, first + 2],
    ]);
  }
});

test("a stream that is taken is answered with ACK, one that nobody takes with RST", async () => {
  const taken = await withRaw("server", { onStream: () => {} });
  taken.peer.say(grant(1, 0, 1));
  expect((await taken.peer.hears({ id: 1 }))[0]).toMatchObject({ type: 1, flags: 2, length: 0 });
  const refusing = await withRaw("server");
  refusing.peer.say(data(1, Buffer.from("early"), 1), data(1, Buffer.from("more")));
  expect((await refusing.peer.hears({ id: 1 }))[0]).toMatchObject({ type: 1, flags: 8, length: 0 });
  await refusing.peer.inStep();
});

test("sends exactly what the peer has granted, and not a byte more", async () => {
  const { session, peer } = await withRaw("server");
  session.open().write(randomBytes(1_000_000));
  await settled(() => peer.bytesOf(2));
  expect(peer.bytesOf(2)).toBe(WINDOW_BYTES);
  peer.say(grant(2, 1));
  await peer.inStep();
  await settled(() => peer.bytesOf(2));
  expect(peer.bytesOf(2)).toBe(WINDOW_BYTES + 1);
  peer.say(grant(2, 0xffff_ffff - 1));
  await until("the rest", () => peer.bytesOf(2) === 1_000_000);
});

test("a grant that comes with SYN or ACK counts from the first byte", async () => {
  const { session, peer } = await withRaw("client", { onStream: (stream) => void stream.write(randomBytes(400_000)) });
  peer.say(grant(2, 1000, 1));
  await settled(() => peer.bytesOf(2));
  expect(peer.bytesOf(2)).toBe(WINDOW_BYTES + 1000);
  expect(session.streams).toBe(1);
});

test("grants again what its reader has taken, once that is half a window, and nothing while nobody reads", async () => {
  let stream: YamuxStream | undefined;
  const { peer } = await withRaw("client", {
    onStream: (opened) => {
      stream = opened;
    },
  });
  peer.say(grant(2, 0, 1), data(2, randomBytes(WINDOW_BYTES)));
  await peer.inStep();
  expect(peer.heard({ type: 1, flags: 0 })).toEqual([]);
  let read = 0;
  while (read < WINDOW_BYTES / 2 - 16 * 1024) read += stream?.read()?.length ?? 0;
  await peer.inStep();
  expect(peer.heard({ type: 1, flags: 0 })).toEqual([]);
  stream?.resume();
  await settled(() => peer.heard({ type: 1, flags: 0 }).length);
  const granted = peer.heard({ type: 1, flags: 0 }).reduce((sum, { length }) => sum + length, 0);
  // What was taken since the last grant is told with the next.
  expect(granted).toBeGreaterThanOrEqual(WINDOW_BYTES / 2);
  expect(granted).toBeLessThanOrEqual(WINDOW_BYTES);
});

test("a stream that nobody reads does not slow another, in either direction", async () => {
  const far: YamuxStream[] = [];
  const { server } = await pair({}, { onStream: (stream) => void (far.length < 2 ? far.push(stream) : echo(stream)) });
  const stalled = [server.open(), server.open()];
  for (const stream of stalled) stream.write(randomBytes(1_000_000));
  await until("both there", () => far.length === 2);
  for (const stream of far) stream.write(randomBytes(1_000_000));
  const busy = server.open();
  const bytes = randomBytes(20_000_000);
  busy.end(bytes);
  expect((await all(busy)).equals(bytes)).toBe(true);
  // Whoever comes back finds all that was kept.
  let read = 0;
  for (const stream of [...stalled, ...far]) stream.on("data", (chunk) => (read += chunk.length));
  await until("the stalled ones", () => read === 4_000_000);
});

test("streams take turns, a frame of 16 KiB each", async () => {
  const { session, peer } = await withRaw("server");
  const streams = [session.open(), session.open(), session.open()];
  for (const stream of streams) stream.write(randomBytes(WINDOW_BYTES));
  await until("all of it", () => streams.every(({ id }) => peer.bytesOf(id) === WINDOW_BYTES));
  const order = peer.heard({ type: 0 });
  expect(order.every(({ length }) => length === 16 * 1024)).toBe(true);
  expect(order.map(({ id }) => id)).toEqual(Array.from({ length: 48 }, (_, i) => 2 + 2 * (i % 3)));
});

test("many small writes leave in few frames", async () => {
  const { session, peer } = await withRaw("server");
  const stream = session.open();
  for (let i = 0; i < 1000; i++) stream.write("x");
  await until("all of it", () => peer.bytesOf(2) === 1000);
  expect(peer.heard({ type: 0 }).length).toBeLessThan(5);
});

test("end() closes one half: the other side may go on, and both hear an end", async () => {
  const opened: YamuxStream[] = [];
  const { server, client } = await pair({}, { onStream: (stream) => void opened.push(stream) });
  const near = server.open();
  near.end("question");
  await until("opened", () => opened.length === 1);
  const far = opened[0] as YamuxStream;
  expect((await all(far)).toString()).toBe("question");
  far.write("ans");
  await once(near, "readable");
  far.end("wer");
  expect((await all(near)).toString()).toBe("answer");
  await until("no streams", () => server.streams === 0 && client.streams === 0);
  expect(near.errored).toBeNull();
  expect(far.errored).toBeNull();
});

test("the end of a stream waits for all that the window keeps back", async () => {
  const { session, peer } = await withRaw("server");
  session.open().end(randomBytes(WINDOW_BYTES + 1));
  await settled(() => peer.bytesOf(2));
  expect(peer.heard({ flags: 4 })).toEqual([]);
  peer.say(grant(2, 5));
  await peer.hears({ type: 1, flags: 4, id: 2 });
  expect(peer.frames.at(-2)).toMatchObject({ type: 0, id: 2, length: 1 });
});

test("destroy() resets the stream at both ends, and a reset reaches a writer that waits", async () => {
  const far: YamuxStream[] = [];
  const { server, client } = await pair({}, { onStream: (stream) => void far.push(stream) });
  const near = server.open();
  const failed = new Promise<Error | null | undefined>((resolve) => near.write(randomBytes(1_000_000), resolve));
  await until("opened", () => far.length === 1);
  far[0]?.destroy();
  expect(await failed).toMatchObject({ code: "stream-reset" });
  await until("destroyed", () => near.destroyed);
  await until("no streams", () => server.streams === 0 && client.streams === 0);
  expect(await all(server.open().destroy()).catch((error) => error.code)).toBe("ERR_STREAM_PREMATURE_CLOSE");
});

test("frames that were under way to a stream which is gone are let go by", async () => {
  const { session, peer } = await withRaw("server");
  const stream = session.open();
  await peer.hears({ flags: 1, id: 2 });
  stream.destroy();
  await peer.hears({ flags: 8, id: 2 });
  peer.say(data(2, randomBytes(1000)), grant(2, 5), data(2, randomBytes(10), 4), grant(2, 0, 8));
  await peer.inStep();
  expect(session.streams).toBe(0);
});

test("a stream that was reset before it was ever told of opens and ends in one frame", async () => {
  const { session, peer } = await withRaw("server");
  session.open().destroy();
  await peer.inStep();
  expect(peer.heard({ id: 2 })).toMatchObject([{ type: 1, flags: 9 }]);
});

test("a peer's reset does not end a process that did not listen for errors", async () => {
  const { session, peer } = await withRaw("server");
  const stream = session.open();
  await peer.hears({ id: 2 });
  peer.say(grant(2, 0, 8));
  await new Promise((closed) => stream.on("close", closed));
  expect(stream.errored).toMatchObject({ code: "stream-reset" });
  expect(session.streams).toBe(0);
});

test("echoes a ping's value", async () => {
  const { peer } = await withRaw("server");
  peer.say(raw(2, 1, 0, 0xdead_beef));
  expect(await peer.hears({ type: 2 })).toMatchObject([{ flags: 2, id: 0, length: 0xdead_beef }]);
});

test("asks for a sign of life, and goes on while one comes", async () => {
  stopClock();
  const { session, peer } = await withRaw("server", { pingMs: 1_000, pingTimeoutMs: 500 });
  for (let times = 1; times <= 3; times++) {
    pass(1_000);
    await peer.hears({ type: 2, flags: 1 }, times);
    peer.say(raw(2, 2, 0, 0));
    await peer.inStep();
    pass(500);
  }
  expect(session.streams).toBe(0);
  peer.socket.destroy();
  expect(await session.closed).toBe("transport-lost");
});

test("a peer that gives no sign of life is given up", async () => {
  const { session } = await withRaw("server", { pingMs: 1, pingTimeoutMs: 10 });
  const stream = session.open();
  expect(await session.closed).toBe("ping-timeout");
  expect(stream.errored).toMatchObject({ code: "session-gone" });
});

test("a peer that talks but takes nothing is given up too", async () => {
  const { session, peer } = await withRaw("server", { pingMs: 50, pingTimeoutMs: 300 });
  const stream = session.open();
  await peer.hears({ id: 2 });
  peer.socket.pause();
  peer.say(grant(2, 0xf000_0000));
  const pouring = setInterval(() => stream.write(Buffer.alloc(1_000_000)), 1);
  const talking = setInterval(() => peer.say(grant(2, 0)), 10);
  const reason = await session.closed.finally(() => {
    clearInterval(pouring);
    clearInterval(talking);
  });
  expect(reason).toBe("ping-timeout");
});

test("a transport that takes nothing holds a batch, not all that streams have to say", async () => {
  const { session, peer } = await withRaw("server");
  const stream = session.open();
  await peer.hears({ id: 2 });
  peer.say(grant(2, 0xf000_0000));
  await peer.inStep();
  peer.socket.pause();
  let took = 0;
  const pour = () => {
    while (stream.write(Buffer.alloc(64 * 1024), () => took++));
  };
  stream.on("drain", pour);
  pour();
  await settled(() => took);
  const before = took;
  expect(stream.writableLength).toBeLessThanOrEqual(128 * 1024);
  peer.socket.resume();
  await until("more is taken", () => took > before + 100);
  stream.destroy();
});

test("goAway(): no new streams from either side, the living go on, and the last one ends the session", async () => {
  const refused: unknown[] = [];
  const { server, client } = await pair({ onStream: echo }, { onStream: echo });
  const near = server.open();
  const late = client.open();
  near.write("before");
  await once(near, "data");
  server.goAway();
  expect(codeOf(() => server.open())).toBe("going-away");
  client.open().on("error", (error) => refused.push(error));
  await until("refused", () => refused.length === 1);
  expect(refused).toMatchObject([{ code: "stream-reset" }]);
  expect(codeOf(() => client.open())).toBe("going-away");
  near.end("after");
  expect((await all(near)).toString()).toBe("after");
  late.end();
  await all(late);
  expect(await Promise.all([server.closed, client.closed])).toEqual(
    expect.arrayContaining([expect.stringMatching(/^(peer-)?closed$/)]),
  );
});

test("close() says go-away, ends all streams and the transport, and can be called twice", async () => {
  const { session, peer } = await withRaw("server");
  const stream = session.open();
  expect(await session.close()).toBe("closed");
  expect(await session.close("internal-error")).toBe("closed");
  expect(stream.errored).toMatchObject({ code: "session-gone" });
  expect(codeOf(() => session.open())).toBe("session-gone");
  expect(peer.frames.at(-1)).toMatchObject({ type: 3, id: 0, length: 0 });
  expect(session.streams).toBe(0);
});

test("what arrived whole before the session ended can still be read", async () => {
  const far: YamuxStream[] = [];
  const { server, client } = await pair({}, { onStream: (stream) => void far.push(stream.end()) });
  const near = server.open();
  near.end(Buffer.alloc(200_000, 7));
  await all(near);
  await until("finished", () => server.streams === 0);
  await server.close();
  expect(await client.closed).toBe("peer-closed");
  const [kept] = await Promise.all(far.map(all));
  expect(kept?.equals(Buffer.alloc(200_000, 7))).toBe(true);
});

test.each([
  [0, "peer-closed"],
  [1, "peer-protocol-error"],
  [2, "peer-internal-error"],
])("a peer's go-away of %i ends the session as %s", async (code, reason) => {
  const { session, peer } = await withRaw("server");
  peer.say(raw(3, 0, 0, code));
  expect(await session.closed).toBe(reason);
});

test("a transport that is cut ends the session and every stream", async () => {
  for (const cut of ["end", "destroy", "resetAndDestroy"] as const) {
    const { session, peer } = await withRaw("server");
    const stream = session.open();
    await peer.hears({ id: 2 });
    peer.socket[cut]();
    expect(await session.closed).toBe("transport-lost");
    expect(stream.errored).toMatchObject({ code: "session-gone" });
  }
});

test("opens at most maxStreams at once, and at most acceptBacklog that are not answered", async () => {
  const { session, peer } = await withRaw("server", { maxStreams: 5, acceptBacklog: 3 });
  const opened = [session.open(), session.open(), session.open()];
  expect(codeOf(() => session.open())).toBe("backlog-full");
  await peer.hears({ flags: 1 }, 3);
  peer.say(grant(2, 0, 2), grant(4, 0, 2), grant(6, 0, 2));
  await peer.inStep();
  opened.push(session.open(), session.open());
  expect(codeOf(() => session.open())).toBe("too-many-streams");
  opened[0]?.destroy();
  // It counts until its reset is said.
  expect(codeOf(() => session.open())).toBe("too-many-streams");
  await peer.hears({ flags: 8, id: 2 });
  session.open();
});

test("an error that an owner throws ends its session, and is not hidden", async () => {
  const { session, peer } = await withRaw("client", {
    onStream: () => {
      throw new Error("of the owner");
    },
  });
  const thrown = new Promise<Error>((resolve) => {
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => {
      for (const listener of others) process.on("uncaughtException", listener);
      resolve(error);
    });
  });
  peer.say(grant(2, 0, 1));
  expect((await thrown).message).toBe("of the owner");
  expect(await session.closed).toBe("internal-error");
});

test("a reader that is resumed while a chunk is being read gets what was held for it first", async () => {
  const streams: YamuxStream[] = [];
  const { peer } = await withRaw("client", { onStream: (stream) => void streams.push(stream) });
  peer.say(grant(2, 0, 1), grant(4, 0, 1));
  await peer.inStep();
  const [first, second] = streams as [YamuxStream, YamuxStream];
  let got = "";
  first.on("data", (piece) => {
    got += piece;
    if (got === "a") first.pause();
  });
  second.on("data", () => first.resume());
  const text = (id: number, value: string) => data(id, Buffer.from(value));
  // In one write, so that it is read as one chunk.
  peer.say(text(2, "a"), text(2, "b"), text(4, "go on"), text(2, "c"), text(2, "d"));
  await until("all four", () => got.length === 4);
  expect(got).toBe("abcd");
});

test("destroy() after end() resets, as long as the other side may still write", async () => {
  const { session, peer } = await withRaw("server");
  const stream = session.open();
  stream.end();
  await peer.hears({ flags: 4, id: 2 });
  stream.destroy();
  await peer.hears({ flags: 8, id: 2 });
  expect(session.streams).toBe(0);
});

test("a session that is over has no timer left", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  const sessions = await Promise.all(Array.from({ length: 20 }, () => withRaw("server", { pingMs: 600_000 })));
  expect(timers()).toBeGreaterThanOrEqual(before + 20);
  await Promise.all(sessions.map(({ session }) => session.close()));
  expect(timers()).toBeLessThan(before + 10);
});
