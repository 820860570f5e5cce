/** src/protocol/README.md, "Broken links": real shares and receivers, and a cable between them that does not last. */
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { toSpreadError } from "../../src/errors.ts";
import { CHUNK_BYTES } from "../../src/limits.ts";
import { admitReceiver, proveToSender } from "../../src/protocol/handshake.ts";
import { deliver, requestOffer } from "../../src/protocol/transfer.ts";
import type { Route } from "../../src/share/race.ts";
import { type ReceivedHandoff, receive, type Step } from "../../src/share/receiver.ts";
import type { Share } from "../../src/share/sender.ts";
import { MAX_FRUITLESS_PROOFS, version2 } from "../../src/share/version2.ts";
import { dialTcp, listenTcp } from "../../src/transport/tcp.ts";
import { type Cable, cable, type Direction, type LinkPlan } from "../support/cable.ts";
import { documentOf, onlyLeg } from "../support/conversation.ts";
import { later } from "../support/later.ts";
import { movableClock } from "../support/movable-clock.ts";
import { forever, home, lanOf, receiveRequest, relayAccess, relayOf, share, TEXT } from "../support/shares.ts";
import { until } from "../support/wait.ts";

/** A full chunk's frame over TCP: its length, `last`, the type, the chunk, the tag. */
const FULL_FRAME_BYTES = 4 + 1 + 1 + CHUNK_BYTES + 16;

/** Text that is sent as it is, or that is compressed; both are long enough to be cut more than once. */
const TEXTS = {
  identity: randomBytes(3_750_000).toString("base64"),
  br: Array.from({ length: 90_000 }, (_, i) => `${i} ${randomBytes(24).toString("hex")} and so on\n`).join(""),
};

/** More than the buffers of a system take by themselves. */
const LONG = TEXTS.identity.repeat(5);

/** The frames of one direction, by their lengths. */
function framesOf(bytes: Buffer): number[] {
  const sizes: number[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4 + bytes.readUInt32BE(at)) {
    const size = 4 + bytes.readUInt32BE(at);
    if (at + size <= bytes.length) sizes.push(size);
  }
  return sizes;
}

/** Longer than a receiver waits before it tries a lost link for the fifth time. */
const MAX_PAUSE_MS = 6_000;

beforeEach(movableClock);

interface Outcome {
  readonly result: ReceivedHandoff | string;
  readonly steps: readonly Step[];
  readonly folder: string;
}

/**
 * @param options.untilReconnecting cancels the call when it has lost its link.
 * @param options.hurried has its pauses over at once.
 */
async function take(it: Share, route: Route, { untilReconnecting = false, hurried = false } = {}): Promise<Outcome> {
  const folder = await home();
  const steps: Step[] = [];
  const life = new AbortController();
  const report = (step: Step) => {
    steps.push(step);
    if (step.at !== "reconnecting") return;
    if (untilReconnecting) life.abort();
    if (hurried) setImmediate(() => vi.advanceTimersByTime(MAX_PAUSE_MS));
  };
  const request = await receiveRequest(it, route, { home: folder });
  const result = await receive(request, report, life.signal).catch((error: unknown) => toSpreadError(error).code);
  return { result, steps, folder };
}

/** A share on the LAN behind a cable; `wires` are all bytes of each connection and direction. */
async function behind(linkPlans: readonly LinkPlan[], options: Parameters<typeof share>[0] = {}) {
  const it = await share({ mode: "lan", ...options });
  const wires: Record<Direction, Buffer[]>[] = [];
  const line = await cable(lanOf(it).port, linkPlans, (bytes, way, connection) => {
    wires[connection] ??= { up: [], down: [] };
    wires[connection]?.[way].push(Buffer.from(bytes));
  });
  const framesBy = (way: Direction) => wires.map((wire) => framesOf(Buffer.concat(wire[way])));
  return { it, line, framesBy, route: through(line) };
}

const through = ({ port }: Cable): Route => ({ lan: { host: "127.0.0.1", port }, relay: undefined });

async function expectWhole({ result, folder }: Outcome, text: string): Promise<ReceivedHandoff> {
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
      ["READY", 206],
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
    const { it, framesBy, route } = await behind([]);
    await expectWhole(await take(it, route), TEXT);
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

  it.each(cuts)("$where $name arrives, once, and is delivered", async ({ name, way, at }) => {
    for (const what of ["cut", "reset"] as const) {
      const { it, route, line } = await behind([{ faults: [{ way, at, what }] }]);
      // Behind RECEIPT the share is over, and nobody is left who could say DELIVERED.
      const outcome = await take(it, route, name === "DELIVERED" ? { untilReconnecting: true } : {});
      const received = await expectWhole(outcome, TEXT);
      expect(line.connections).toBe(name === "DELIVERED" ? 1 : 2);
      await expectDelivered(it);
      expect(received.acknowledged).toBe(name !== "DELIVERED");
    }
  });
});

it("a document whose DELIVERED is lost is heard of again, as long as the share lives for others", async () => {
  const { it, route, line } = await behind([{ faults: [{ way: "down", at: 224 + 297 + 53 + 9, what: "cut" }] }], {
    receivers: 2,
  });
  const received = await expectWhole(await take(it, route), TEXT);
  expect([received.acknowledged, line.connections]).toEqual([true, 2]);
  expect([it.state, it.gate.awaited]).toEqual(["waiting", 0]);
  expect(it.gate.counts).toEqual({ failedAttempts: 0, held: 0, spent: 1, delivered: 1 });
});

it("a document that the relay lets through in part comes over the LAN to its end; where there is none, that is said at once", async () => {
  const relay = await relayAccess({ maxRoomBytes: 1_000_000 });
  const text = TEXTS.identity;
  const it = await share({ text, relay });
  // The LAN is away when the transfer begins, and back when the relay has had enough of it.
  const line = await cable(lanOf(it).port, [{ faults: [{ way: "up", at: 0, what: "cut" }] }]);
  const received = await expectWhole(await take(it, { ...through(line), relay: relayOf(it) }), text);
  expect(received.via).toMatchObject({ by: "lan" });
  expect(line.passed.down).toBeLessThan(text.length);
  await expectDelivered(it);

  // What buffers took whole would count as sent.
  const alone = await share({ text: LONG, relay, mode: "relay" });
  const { result, folder } = await take(alone, { lan: undefined, relay: relayOf(alone) });
  expect(result).toBe("relay-refused");
  expect([await readdir(join(folder, "staging")), await readdir(join(folder, "inbox"))]).toEqual([[], []]);
  await until("the share has ended", () => alone.endedAt !== undefined);
  expect(alone.state).toBe("failed");
});

describe.each(["identity", "br"] as const)("a document of 5 MB as %s", (encoding) => {
  const text = TEXTS[encoding];
  const cuts = [700_000, FULL_FRAME_BYTES * 7 + 700, 30_000, 900, 400_123];

  it("whose link is cut five times arrives as it was, and no chunk that was verified is sent again", async () => {
    const linkPlans = cuts.map((at): LinkPlan => ({ faults: [{ way: "down", at, what: "cut" }] }));
    const { it, framesBy, route, line } = await behind(linkPlans, { text });
    const outcome = await take(it, route, { hurried: true });
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
    const linkPlans = [
      { faults: [{ way: "down", at: 500_000, what: "reset" }] },
      { faults: [{ way: "down", at: 300_000, what: "corrupt" }] },
      { faults: [{ way: "down", at: 600_000, what: "reset" }] },
      { faults: [{ way: "down", at: 65_000, what: "corrupt" }] },
      { faults: [{ way: "up", at: 400, what: "reset" }] },
    ] satisfies LinkPlan[];
    const { it, route } = await behind(linkPlans, { text });
    await expectWhole(await take(it, route, { hurried: true }), text);
    await expectDelivered(it);
  });
});

it("a document that has left goes on, though the next link is altered before the sender has proved itself", async () => {
  const corruptAt = (at: number): LinkPlan => ({ faults: [{ way: "down", at, what: "corrupt" }] });
  const text = TEXTS.identity.slice(0, 100_000);
  const { it, route, line } = await behind([corruptAt(30_000), corruptAt(224 + 100)], { text });
  await expectWhole(await take(it, route), text);
  await expectDelivered(it);
  expect(line.connections).toBe(3);
});

/** Cut at once, whatever comes. */
const DEAD: LinkPlan = { faults: [{ way: "up", at: 0, what: "cut" }] };
const cutAt = (at: number): LinkPlan => ({ faults: [{ way: "down", at, what: "cut" }] });

describe("the ways back each other up:", () => {
  it("a transfer that loses the LAN goes on by the relay", async () => {
    const it = await share({ relay: await relayAccess(), text: TEXTS.identity });
    const line = await cable(lanOf(it).port, [cutAt(1_000_000), ...Array.from({ length: 9 }, () => DEAD)]);
    const received = await expectWhole(await take(it, { ...through(line), relay: relayOf(it) }), TEXTS.identity);
    expect(received.via.by).toBe("relay");
    await expectDelivered(it);
  });

  it("a transfer that loses the relay goes on by the LAN", async () => {
    const relay = await relayAccess();
    const it = await share({ relay, text: TEXTS.identity });
    const far = await cable(Number(relay.url.port), [cutAt(1_000_000)]);
    // No way in until the relay has been lost once.
    const near = await cable(lanOf(it).port, [DEAD]);
    const access = { url: new URL(`ws://127.0.0.1:${far.port}`) };
    const received = await expectWhole(
      await take(it, { ...through(near), relay: { access, room: it.room } }),
      TEXTS.identity,
    );
    expect(received.via.by).toBe("lan");
    await expectDelivered(it);
  });

  it("a transfer by the relay alone that is cut three times sends no more than what was lost again", async () => {
    const relay = await relayAccess();
    const it = await share({ mode: "relay", relay, text: TEXTS.identity });
    const line = await cable(Number(relay.url.port), [1_000_000, 70_000, 2_000_000].map(cutAt));
    const access = { url: new URL(`ws://127.0.0.1:${line.port}`) };
    await expectWhole(await take(it, { lan: undefined, relay: { access, room: it.room } }), TEXTS.identity);
    await expectDelivered(it);
    // Each cut can cost the chunk that was under way; handshakes and frames' heads are small.
    expect(line.passed.down).toBeLessThan(TEXTS.identity.length + 4 * CHUNK_BYTES);
  });
});

/** A receiver by hand, that has proved itself and said READY. */
async function ask(it: Share, transfer: string, position = 0) {
  const link = await dialTcp("127.0.0.1", lanOf(it).port, forever());
  later(() => link.close());
  const stream = await proveToSender(link, it.secret, it.room);
  return { link, stream, offer: await requestOffer(stream, { resume: { transfer, position } }) };
}
const refusalOf = (asked: Promise<unknown>) =>
  asked.then(
    () => "none",
    (error: unknown) => toSpreadError(error).code,
  );
const NAME = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const OTHER = "00112233445566778899aabbccddeeff";

describe("the sender", () => {
  it("cuts a link that hangs when its receiver comes back, and needs no second place for it", async () => {
    const it = await share({ mode: "lan", text: LONG });
    const first = await ask(it, NAME);
    expect(first.offer).toMatchObject({ transfer: NAME, expires_in: 600 });
    for (let i = 0; i < 3; i++) await first.stream.hear();
    const second = await ask(it, NAME, 3);
    expect(second.offer).toMatchObject({ transfer: NAME, position: 3 });
    await expect(
      (async () => {
        for (;;) await first.stream.hear();
      })(),
    ).rejects.toMatchObject({ code: "link-lost" });
    expect(it.gate.counts).toMatchObject({ held: 1, spent: 0 });
    expect(await second.stream.hear()).toMatchObject({
      chunk: Buffer.from(LONG).subarray(3 * CHUNK_BYTES, 4 * CHUNK_BYTES),
    });
    await second.link.close();
    await until("the place is free again", () => it.gate.counts.held === 0);
  });

  it("refuses a position that it has never sent, and the transfer is none the worse", async () => {
    const it = await share({ mode: "lan", text: TEXT });
    const first = await ask(it, NAME);
    await first.stream.hear();
    expect(await refusalOf(ask(it, NAME, 2))).toBe("bad-message");
    expect(first.link.open).toBe(true);
    await first.stream.say({ type: "RECEIPT", transfer: NAME, sha256: it.sha256 });
    await until("the share has ended", () => it.endedAt !== undefined);
    expect(it.state).toBe("delivered");
  });

  it("begins a transfer that it does not know at its first chunk, if there is a place for it", async () => {
    const it = await share({ mode: "lan", text: LONG });
    const first = await ask(it, NAME, 7);
    expect(first.offer.position).toBeUndefined();
    expect(await refusalOf(ask(it, OTHER))).toBe("busy");
    await first.link.close();
    await until("the place is free again", () => it.gate.counts.held === 0);
    await ask(it, OTHER);
  });

  it("lets the receiver of a spent place come back for the rest, and nobody else, right code or not", async () => {
    const it = await share({ mode: "lan" });
    const first = await ask(it, NAME);
    await first.stream.hear();
    first.link.abort(toSpreadError(new Error("gone")));
    await until("its receipt is awaited", () => it.state === "unconfirmed");
    expect(await refusalOf(ask(it, OTHER))).toBe("share-ended");
    const wrong = await receiveRequest(it, { lan: lanOf(it), relay: undefined }, { secret: "wrong-wrong-wrong" });
    expect(await refusalOf(receive(wrong, () => {}, forever()))).toBe("wrong-code");
    expect(it.gate.counts).toEqual({ failedAttempts: 1, held: 0, spent: 1, delivered: 0 });
    const again = await ask(it, NAME, 1);
    await again.stream.say({ type: "RECEIPT", transfer: NAME, sha256: it.sha256 });
    expect(await again.stream.hearMessage("DELIVERED")).toEqual({ type: "DELIVERED", transfer: NAME });
    await until("the share has ended", () => it.endedAt !== undefined);
    expect(it.state).toBe("delivered");
  });

  it("does not wait for a receiver that has said that it gives up", async () => {
    const it = await share({ mode: "lan" });
    const { stream } = await ask(it, NAME);
    await stream.hear();
    await stream.say({ type: "ABORT", reason: "no_space" });
    await until("the share has ended", () => it.endedAt !== undefined);
    expect([it.state, it.lastFailure]).toEqual(["unconfirmed", "peer-aborted"]);
  });
});

describe("the receiver", () => {
  it("waits while others have taken all places, and goes on when one is free", async () => {
    const { it, line, route } = await behind([cutAt(1_000_000), { faults: [{ way: "up", at: 0, what: "stall" }] }], {
      text: LONG,
    });
    const taking = take(it, route);
    await until("it is to come back", () => line.connections === 2 && it.gate.counts.held === 0);
    const other = await ask(it, OTHER);
    line.heal();
    await until("it has come back, and was sent away", () => line.connections === 3);
    await other.link.close();
    await expectWhole(await taking, LONG);
    await until("the share has ended", () => it.endedAt !== undefined);
    expect(it.state).toBe("delivered");
  });

  it("that is cancelled while it looks for its sender leaves nothing", async () => {
    const { it, route } = await behind([cutAt(1_000_000), ...Array.from({ length: 9 }, () => DEAD)], {
      text: TEXTS.identity,
    });
    const { result, folder } = await take(it, route, { untilReconnecting: true });
    expect(result).toBe("cancelled");
    expect([await readdir(join(folder, "staging")), await readdir(join(folder, "inbox"))]).toEqual([[], []]);
    await until("the place is free again", () => it.state === "waiting");
  });

  it("gives up a share whose time is over, and says how its link was lost", async () => {
    const it = await share({ mode: "lan", text: TEXTS.identity, lifetimeMs: 60_000 });
    const line = await cable(lanOf(it).port, [cutAt(1_000_000), ...Array.from({ length: 9 }, () => DEAD)]);
    const taking = take(it, through(line));
    await until("it looks for its sender", () => line.connections > 1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await taking).result).toBe("link-lost");
    await until("the share has ended", () => it.endedAt !== undefined);
    expect([it.state, it.lastFailure]).toEqual(["expired", "link-lost"]);
  });

  it("shows its proof to no more than MAX_FRUITLESS_PROOFS that have none, however often its link is cut", async () => {
    const it = await share({ mode: "lan", text: TEXTS.identity });
    let proofs = 0;
    const gate = {
      refusal: () => undefined,
      judge: () => {
        proofs += 1;
        return { proven: true } as const;
      },
    };
    const impostor = await listenTcp((link) => {
      void admitReceiver(link, { secret: "guess-guess-guess", room: it.room, gate })
        .catch(() => {})
        .finally(() => link.close());
    });
    later(() => impostor.close());
    const line = await cable((connection) => (connection === 0 ? lanOf(it).port : impostor.port), [cutAt(1_000_000)]);
    const { result, folder } = await take(it, through(line), { hurried: true });
    expect([result, proofs]).toEqual(["wrong-sender", MAX_FRUITLESS_PROOFS]);
    expect([await readdir(join(folder, "staging")), await readdir(join(folder, "inbox"))]).toEqual([[], []]);
    expect(it.gate.counts.failedAttempts).toBe(0);
  });

  it("gives up when five links in a row are altered, and bring nothing", async () => {
    const altered: LinkPlan = { faults: [{ way: "down", at: 224 + 297 + 300, what: "corrupt" }] };
    const { it, line, route } = await behind([cutAt(1_000_000), ...Array.from({ length: 9 }, () => altered)], {
      text: TEXTS.identity,
    });
    const { result, folder } = await take(it, route, { hurried: true });
    expect([result, line.connections]).toEqual(["tampered", 6]);
    expect([await readdir(join(folder, "staging")), await readdir(join(folder, "inbox"))]).toEqual([[], []]);
  });
});

describe("a sender that takes nothing up, as those before", () => {
  /** @param texts of each visit. @returns where it listens, and what was sent. */
  async function oldSender(texts: readonly string[], linkPlans: readonly LinkPlan[]) {
    let visits = 0;
    const listener = await listenTcp((link) => {
      const document = documentOf(Buffer.from(texts[visits] ?? ""));
      const transfer = randomBytes(16).toString("hex");
      visits += 1;
      const gate = {
        refusal: () => undefined,
        judge: (_: unknown, verify: () => boolean) => ({ proven: verify() as true }),
      };
      void admitReceiver(link, { secret: "crisp-orbit-lunar", room: "7f3k2a", gate })
        .then((stream) => deliver(stream, document, onlyLeg(transfer)))
        .catch(() => {})
        .finally(() => link.close());
    });
    later(() => listener.close());
    const line = await cable(listener.port, linkPlans);
    const folder = await home();
    const route = through(line);
    const known = {
      secret: "crisp-orbit-lunar",
      room: "7f3k2a",
      route,
      protocol: version2,
      home: folder,
      timeoutMs: 600_000,
    };
    const result = await receive(known, () => {}, forever()).catch((error: unknown) => toSpreadError(error).code);
    return { result, steps: [], folder, line };
  }
  const text = TEXTS.identity.slice(0, 500_000);

  it("sends all of it again, and what was there already is left out", async () => {
    await expectWhole(await oldSender([text, text, text], [cutAt(200_000), cutAt(300_000)]), text);
  });

  it("does not come through with another document", async () => {
    const { result, folder } = await oldSender([text, `${text.slice(1)}!`], [cutAt(200_000)]);
    expect(result).toBe("bad-message");
    expect([await readdir(join(folder, "staging")), await readdir(join(folder, "inbox"))]).toEqual([[], []]);
  });

  it("is not asked again for DELIVERED, since it would take that for a wish for the document", async () => {
    const outcome = await oldSender([TEXT, TEXT], [{ faults: [{ way: "up", at: 192 + 159 + 206 + 9, what: "cut" }] }]);
    expect((await expectWhole(outcome, TEXT)).acknowledged).toBe(false);
    expect(outcome.line.connections).toBe(1);
  });
});
