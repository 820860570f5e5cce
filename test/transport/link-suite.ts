/** What every transport owes (src/transport/link.ts), as one suite that each of them runs. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { SpreadError } from "../../src/errors.ts";
import { CLOSE_MS, MAX_FRAME_BYTES } from "../../src/limits.ts";
import type { FrameBounds, Link } from "../../src/transport/link.ts";
import { settled } from "../support/wait.ts";

export interface Pair {
  readonly a: Link;
  readonly b: Link;
  /** Ends the pair cleanly from that end, as its owner does. */
  closeA(): Promise<void>;
  closeB(): Promise<void>;
  /** Whatever the pair stands on. */
  release(): Promise<void>;
}

export interface Carrier {
  makePair(): Promise<Pair>;
  /** The same, where `bounds` are a's; b takes what a sends, and the other way round. */
  makeBounded(bounds: FrameBounds): Promise<Pair>;
  /** A link whose other end we are by hand, for what a well-behaved link never does; where there is a wire. */
  makeRaw?(): Promise<RawPair>;
  /** Whether that end is told that the other one has left on purpose; through a relay the sender is not. */
  readonly bSeesCleanEnd: boolean;
}

export interface RawPair {
  readonly link: Link;
  /** Sends the first half of a frame, and dies. */
  halfFrame(): Promise<void>;
  /** Announces a frame of MAX_FRAME_BYTES + 1, and sends it as far as the link lets it. */
  oversizedFrame(): Promise<void>;
  release(): Promise<void>;
}

/** Far above what any carrier keeps in its own buffers, and far below what is sent. */
const MAX_IN_FLIGHT_BYTES = 24 * 1024 * 1024;
const PUMPED_FRAMES = 1600;

export function linkSuite(name: string, carrier: Carrier): void {
  describe(`${name} link`, () => {
    const opened: { release(): Promise<void> }[] = [];
    afterEach(async () => {
      vi.useRealTimers();
      await Promise.all(opened.splice(0).map((it) => it.release()));
    });
    const pair = async () => {
      const made = await carrier.makePair();
      opened.push(made);
      return made;
    };

    it("carries a frame that is given in parts as one", async () => {
      const { a, b } = await pair();
      const parts = [Buffer.from("one"), Buffer.alloc(0), Buffer.alloc(65_536, 2), Buffer.from("three")];
      const sent = Promise.all([a.send(parts), a.send([]), a.send("next")]);
      expect(Buffer.concat(parts).equals((await b.receive()) ?? Buffer.of())).toBe(true);
      expect((await b.receive())?.length).toBe(0);
      expect(String(await b.receive())).toBe("next");
      await sent;
      const tooLarge = a.send([Buffer.alloc(MAX_FRAME_BYTES), Buffer.alloc(1)]);
      await expect(tooLarge).rejects.toMatchObject({ code: "internal" });
    });

    it("carries frames whole and in order, both ways", async () => {
      const { a, b } = await pair();
      const sizes = [1, 0, 5, 1000, 65_536, 3, MAX_FRAME_BYTES, 2];
      const frames = sizes.map((size, index) => Buffer.alloc(size, index + 1));
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        const sent = Promise.all(frames.map((frame) => from.send(frame)));
        for (const frame of frames) {
          const got = Buffer.from((await to.receive()) ?? "nothing");
          expect([got.length, got.equals(frame)]).toEqual([frame.length, true]);
        }
        await sent;
      }
    });

    it("carries a string as its UTF-8 bytes", async () => {
      const { a, b } = await pair();
      await a.send('{"type":"HELLO","x":"é😀"}');
      expect(Buffer.from((await b.receive()) ?? "").toString()).toBe('{"type":"HELLO","x":"é😀"}');
    });

    it("refuses to send a frame of MAX_FRAME_BYTES + 1, and lives on", async () => {
      const { a, b } = await pair();
      await expect(a.send(Buffer.alloc(MAX_FRAME_BYTES + 1))).rejects.toMatchObject({ code: "internal" });
      await expect(a.send("x".repeat(MAX_FRAME_BYTES + 1))).rejects.toMatchObject({ code: "internal" });
      await a.send(Buffer.from("still here"));
      expect(Buffer.from((await b.receive()) ?? "").toString()).toBe("still here");
    });

    it("carries frames of the bounds that it was given, each way its own, and none of a byte more", async () => {
      const made = await carrier.makeBounded({ sentBytes: 300_000, takenBytes: 100 });
      opened.push(made);
      const { a, b } = made;
      await Promise.all([a.send(Buffer.alloc(300_000)), b.send(Buffer.alloc(100))]);
      expect(await b.receive()).toHaveLength(300_000);
      expect(await a.receive()).toHaveLength(100);
      await expect(a.send(Buffer.alloc(300_001))).rejects.toMatchObject({ code: "internal" });
      await expect(b.send(Buffer.alloc(101))).rejects.toMatchObject({ code: "internal" });
    });

    const { makeRaw } = carrier;
    const raw = async (make: () => Promise<RawPair>) => {
      const made = await make();
      opened.push(made);
      return made;
    };

    if (makeRaw) {
      it("refuses a frame of MAX_FRAME_BYTES + 1 that comes", async () => {
        const { link, oversizedFrame } = await raw(makeRaw);
        const received = link.receive();
        await oversizedFrame();
        await expect(received).rejects.toMatchObject({ code: "bad-message" });
      });

      it("hands out no half of a frame whose sender died in the middle", async () => {
        const { link, halfFrame } = await raw(makeRaw);
        const received = link.receive();
        await halfFrame();
        await expect(received).rejects.toMatchObject({ code: "link-lost" });
        await expect(link.receive()).rejects.toMatchObject({ code: "link-lost" });
      });
    }

    it("slows the sender down to a reader that stalls, and loses nothing", async () => {
      const { a, b } = await pair();
      let sent = 0;
      const pump = (async () => {
        for (let i = 0; i < PUMPED_FRAMES; i++) {
          const frame = Buffer.alloc(65_536);
          frame.writeUInt32BE(i);
          await a.send(frame);
          sent += frame.length;
        }
      })();
      await settled(() => sent);
      expect(sent).toBeLessThan(MAX_IN_FLIGHT_BYTES);
      for (let i = 0; i < PUMPED_FRAMES; i++) {
        const frame = await b.receive();
        expect(Buffer.from(frame ?? "").readUInt32BE()).toBe(i);
      }
      await pump;
    });

    it("hands out what was sent before a close, then its end", async () => {
      const { a, b, closeA } = await pair();
      for (let i = 0; i < 20; i++) await a.send(Buffer.of(i));
      const closing = closeA();
      for (let i = 0; i < 20; i++) expect((await b.receive())?.[0]).toBe(i);
      if (carrier.bSeesCleanEnd) expect(await b.receive()).toBeUndefined();
      else await expect(b.receive()).rejects.toMatchObject({ code: "link-lost" });
      await closing;
    });

    it("ends cleanly for the other one when the second end closes", async () => {
      const { a, b, closeB } = await pair();
      await b.send(Buffer.from("bye"));
      const closing = closeB();
      expect(Buffer.from((await a.receive()) ?? "").toString()).toBe("bye");
      expect(await a.receive()).toBeUndefined();
      await closing;
    });

    it("fails every call behind a close, and a close twice is one", async () => {
      const { a } = await pair();
      const waiting = expect(a.receive()).rejects.toMatchObject({ code: "link-lost" });
      await Promise.all([a.close(), a.close()]);
      await a.close();
      await waiting;
      await expect(a.send(Buffer.of(1))).rejects.toMatchObject({ code: "link-lost" });
      await expect(a.receive()).rejects.toMatchObject({ code: "link-lost" });
    });

    it("closes within its time towards a peer that reads nothing", async () => {
      const { a } = await pair();
      let sent = 0;
      const pump = (async () => {
        for (;;) {
          await a.send(Buffer.alloc(65_536));
          sent += 1;
        }
      })().catch((error: unknown) => error);
      await settled(() => sent);
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const closing = a.close();
      await vi.advanceTimersByTimeAsync(CLOSE_MS);
      await closing;
      expect(await pump).toMatchObject({ code: "link-lost" });
    });

    it("fails pending and later calls with the reason of an abort, and is lost to the other end", async () => {
      const { a, b } = await pair();
      const reason = new SpreadError("stalled", "enough");
      const receiving = expect(a.receive()).rejects.toBe(reason);
      let stuck: unknown;
      const pump = (async () => {
        for (;;) await a.send(Buffer.alloc(65_536));
      })().catch((error: unknown) => {
        stuck = error;
      });
      await settled(() => stuck);
      a.abort(reason);
      a.abort(new SpreadError("cancelled", "later"));
      await pump;
      expect(stuck).toMatchObject({ code: expect.stringMatching(/^(stalled|link-lost)$/) });
      await receiving;
      await expect(a.send(Buffer.of(1))).rejects.toBe(reason);
      await expect(a.receive()).rejects.toBe(reason);
      await expect(
        (async () => {
          while (await b.receive());
        })(),
      ).rejects.toMatchObject({ code: "link-lost" });
    });

    it("has one reader: a second call at the same time is refused", async () => {
      const { a, b } = await pair();
      const first = a.receive();
      await expect(a.receive()).rejects.toMatchObject({ code: "internal" });
      await b.send(Buffer.from("for the first"));
      expect(Buffer.from((await first) ?? "").toString()).toBe("for the first");
    });
  });
}
