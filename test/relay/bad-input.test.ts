/**
 * What no honest peer says, at every door, by peers that besides never hang up by themselves. Each ends in a reason that is
 * counted, and the neighbours notice nothing. What it costs in memory is in crowd.ts.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { clearInterval, setInterval } from "node:timers";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { RelayEvent } from "../../relay/src/observe/events.ts";
import type { RelayOptions } from "../../relay/src/relay.ts";
import type { YamuxStream } from "../../relay/src/yamux/stream.ts";
import { settled, until } from "../support/wait.ts";
import { PATIENT, pass, stopClock } from "./clock.ts";
import { agent, neighbours, spelled, TUNNEL } from "./neighbours.ts";
import { below, harness, rawFrame, tinyFrame, upgradeRequest } from "./support.ts";
import { data, grant, raw as yamux } from "./yamux/support.ts";

const doors = harness();
const { client, receiver, raw, rawUpgraded } = doors;

/**
 * A relay with all doors open and neighbours at each, and what happens in it from then on. Nobody is cut for being slow, but
 * as a test wants it; and nobody gets time to answer a close.
 */
async function lived(settings: RelayOptions = {}, where = doors) {
  const events: RelayEvent[] = [];
  const started = await where.relay({
    ...PATIENT,
    doors: ["room", "pair", "tunnel"],
    closeMs: 1,
    lingerMs: 1,
    onEvent: (event) => void events.push(event),
    ...settings,
  });
  const { trip } = await neighbours(where, started.url);
  return {
    ...started,
    /** What happens from here on is another test's. */
    forget() {
      events.length = 0;
    },
    /**
     * Until just that was counted, in any order; and the neighbours are as they were.
     * @param stepMs by how much a clock that stands is moved meanwhile, again and again, while the neighbours show life.
     */
    async counts(expected: readonly string[], stepMs?: number) {
      const wanted = [...expected].sort();
      await until(`this was counted: ${wanted}`, async () => {
        if (spelled(events).length >= wanted.length) return true;
        if (stepMs !== undefined) {
          pass(stepMs);
          await trip();
        }
        return false;
      });
      expect(spelled(events)).toEqual(wanted);
      await trip();
      expect(spelled(events)).toEqual(wanted);
    },
  };
}

/** The same for all tests of a group, which come one after the other. */
function shared(settings: RelayOptions = {}): () => Lived {
  const lasting = harness(afterAll);
  let at: Lived | undefined;
  beforeAll(async () => {
    at = await lived(settings, lasting);
  });
  beforeEach(() => at?.forget());
  return () => at as Lived;
}
type Lived = Awaited<ReturnType<typeof lived>>;

const STUBBORN = { allowHalfOpen: true };
const enter = (path: string) => (at: Lived) => rawUpgraded(at.port, path, STUBBORN);

async function enterAsSender({ port, url }: Lived): Promise<Socket> {
  const socket = await rawUpgraded(port, "/", STUBBORN);
  socket.write(rawFrame(1, '{"type":"CREATE_ROOM"}'));
  const [answer] = (await once(socket, "data")) as [Buffer];
  await receiver(url, /"room_id":"([a-z0-9]{6})"/.exec(answer.toString("latin1"))?.[1] ?? "");
  await once(socket, "data");
  return socket;
}

async function enterAsSecond(at: Lived, n = 0): Promise<Socket> {
  await client(`${at.url}/?pair=second${n}`);
  return enter(`/?pair=second${n}`)(at);
}

/** A client of the tunnel speaks to the server behind it, so that this is who shows it out. */
const SHOWN_OUT = ["client-ended done"];
const DOORS: [string, (at: Lived) => Promise<Socket>, broken: string[], tooBig: string[]][] = [
  ["the room door, before it has asked", enter("/"), ["closed room peer-left"], ["closed room too-big"]],
  [
    "a sender's place",
    enterAsSender,
    ["closed room peer-left", "closed room peer-left", "room-ended peer-left"],
    ["closed room too-big", "closed room too-big", "room-ended too-big"],
  ],
  [
    "the pair door, alone",
    enter("/?pair=bad"),
    ["closed pair peer-left", "pair-ended peer-left"],
    ["closed pair too-big", "pair-ended too-big"],
  ],
  [
    "the pair door, second",
    enterAsSecond,
    ["closed pair peer-left", "closed pair peer-left", "pair-ended peer-left"],
    ["closed pair too-big", "closed pair too-big", "pair-ended too-big"],
  ],
  ["an agent's place", enter("/agent?room=bad"), ["tunnel-ended transport-lost"], ["tunnel-ended transport-lost"]],
  ["a tunnel", (at) => rawUpgraded(at.port, `/client?room=${TUNNEL}`), SHOWN_OUT, SHOWN_OUT],
];

const bits = (...bytes: number[]) => Buffer.from(bytes);
const BROKEN: [string, () => Buffer][] = [
  ["random bytes", () => Buffer.concat([bits(0xff, 0xff), randomBytes(1_000)])],
  ["an unmasked frame", () => bits(0x82, 0x01, 0x78)],
  ["a reserved opcode", () => tinyFrame(3, "x")],
  ["a compressed frame", () => bits(0xc2, 0x80, 0, 0, 0, 0)],
  ["a reserved bit that no extension has", () => bits(0x92, 0x80, 0, 0, 0, 0)],
  ["text that is no UTF-8", () => rawFrame(1, bits(0xc3, 0x28))],
  ["a continuation of nothing", () => tinyFrame(0, "x")],
  ["a message within a message", () => Buffer.concat([tinyFrame(2, "x", { fin: false }), tinyFrame(2, "y")])],
  ["half a ping", () => tinyFrame(9, "x", { fin: false })],
  ["a ping that is too long", () => rawFrame(9, "x".repeat(126))],
  ["a close of one byte", () => tinyFrame(8, "x")],
  ["a close code that is none", () => tinyFrame(8, "\x03\xed")],
];
const TOO_BIG: [string, () => Buffer][] = [
  ["a declared 2 GB", () => rawFrame(2, "x", 2n * 1024n ** 3n)],
  ["a declared 2^63", () => rawFrame(2, "x", 2n ** 63n)],
];

describe.each(DOORS)("at %s", (_door, come, broken, tooBig) => {
  const at = shared();
  it.each([
    ...BROKEN.map(([what, bytes]) => [what, bytes, broken] as const),
    ...TOO_BIG.map(([what, bytes]) => [what, bytes, tooBig] as const),
  ])("%s ends in a counted reason", async (_what, bytes, ends) => {
    const socket = await come(at());
    socket.resume();
    socket.write(bytes());
    await at().counts(ends);
  });
});

/** How each place ends for whoever says more than it may, bit by bit; a tunnel's client says it to the server behind. */
const TOO_MUCH: Record<string, string[]> = {
  "the room door, before it has asked": ["closed room refused", "refused invalid_request"],
  "the pair door, alone": ["closed pair too-much", "pair-ended too-much"],
};

describe("small fragments without end and pongs between them", () => {
  const at = shared({ maxMessageBytes: 500_000 });

  it.each(DOORS.slice(0, -1))("at %s end in a counted reason", async (door, come, _broken, tooBig) => {
    const socket = await come(at());
    socket.resume();
    const pongs = Buffer.concat(Array<Buffer>(50).fill(tinyFrame(10, "p".repeat(125))));
    socket.write(tinyFrame(2, "x", { fin: false }));
    for (let i = 0; i < 150; i++) socket.write(Buffer.concat([tinyFrame(0, "x", { fin: false }), pongs]));
    await at().counts(TOO_MUCH[door] ?? tooBig);
  });
});

it("compression that is offered is agreed to at no door", async () => {
  const { url } = await lived();
  const agreed = [];
  for (const path of ["/", "/?pair=offered", "/agent?room=offered"]) {
    agreed.push((await client(`${url}${path}`, { perMessageDeflate: true })).ws.extensions);
  }
  expect(agreed).toEqual(["", "", ""]);
});

/** What comes before there is a WebSocket, at each door. */
const PATHS = ["/", "/?pair=bad", "/agent?room=bad", `/client?room=${TUNNEL}`] as const;
const everywhere = (end: string) => Array<string>(PATHS.length).fill(end);
/** Told by the relay where it shakes hands itself, by the server behind it for a client of a tunnel. */
const NO_HANDSHAKE = [...Array<string>(3).fill("cut bad-upgrade"), "client-ended half-open"];
/** The relay does not look into a tunnel, and makes sure before. */
const NO_WEBSOCKET = [...Array<string>(3).fill("cut bad-upgrade"), "turned-away no-websocket"];
const changed = (from: string | RegExp, to: string) => (path: string) => upgradeRequest(path).replace(from, to);
const REQUESTS: [string, (path: string) => string | Buffer, string[]][] = [
  ["random bytes", () => Buffer.concat([bits(0), randomBytes(10_000)]), everywhere("cut bad-http-request")],
  ["the hello of TLS", () => Buffer.from("16030100c8010000c40303", "hex"), everywhere("cut bad-http-request")],
  ["the preface of HTTP/2", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", everywhere("cut bad-http-request")],
  ["headers of 20 KB", changed("Host", `X: ${"x".repeat(20_000)}\r\nHost`), everywhere("cut bad-http-request")],
  [
    "half a body",
    (path) => `POST ${path} HTTP/1.1\r\nContent-Length: 9\r\n\r\nx`,
    everywhere("turned-away no-such-door"),
  ],
  ["no handshake", (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`, everywhere("turned-away no-such-door")],
  ["no host and no handshake", (path) => `GET ${path} HTTP/1.1\r\n\r\n`, everywhere("turned-away no-such-door")],
  ["a wish for 100", (path) => `GET ${path} HTTP/1.1\r\nExpect: x\r\n\r\n`, everywhere("turned-away no-such-door")],
  ["a wish for a proxy", () => "CONNECT relay.test:443 HTTP/1.1\r\n\r\n", everywhere("turned-away no-such-door")],
  ["a short key", changed(/Key: .*/, "Key: short"), NO_HANDSHAKE],
  ["a second key", changed("Host", `Sec-WebSocket-Key: ${"A".repeat(22)}==\r\nHost`), NO_HANDSHAKE],
  ["no key", changed(/Sec-WebSocket-Key: .*\r\n/, ""), NO_HANDSHAKE],
  ["an old version", changed("Version: 13", "Version: 7"), NO_HANDSHAKE],
  ["another protocol", changed("websocket", "h2c"), NO_WEBSOCKET],
  ["two protocols", changed("websocket", "websocket, h2c"), NO_WEBSOCKET],
  ["a handshake by POST", changed("GET", "POST"), NO_WEBSOCKET],
];

/** What is no request until it is over. */
const LATE: [string, (path: string) => string][] = [
  ["nothing", () => ""],
  ["half a request line", (path) => `GET ${path}`],
  ["half a header", (path) => upgradeRequest(path).slice(0, -20)],
];

describe("instead of an upgrade, at every door", () => {
  const at = shared();

  it.each(REQUESTS)("%s ends in a counted reason", async (_what, request, ends) => {
    for (const path of PATHS) (await raw(at().port, STUBBORN)).resume().write(request(path));
    await at().counts(ends);
  });

  it("half an upgrade and then the end ends in a counted reason", async () => {
    for (const path of PATHS) (await raw(at().port)).resume().end(upgradeRequest(path).slice(0, -20));
    await at().counts(everywhere("cut bad-http-request"));
  });

  it("what is not whole in time ends in a counted reason, be it said a byte at a time", async () => {
    // Node's own clock, which the neighbours have to beat when they come.
    const at = await lived({ upgradeMs: 1_000 });
    for (const path of PATHS) {
      for (const [, said] of LATE) (await raw(at.port, STUBBORN)).resume().write(said(path));
      drip(await raw(at.port, STUBBORN), Buffer.from(`${upgradeRequest(path).trimEnd()}\r\nX: ${"x".repeat(9_000)}`));
    }
    await at.counts(
      Array<string>(LATE.length + 1)
        .fill("")
        .flatMap(() => everywhere("cut no-http-request")),
    );
  });
});

/** Says a byte, and another, and another, whatever the relay's clock says. */
function drip(socket: Socket, bytes: Buffer): void {
  let said = 0;
  const timer = setInterval(() => socket.write(bytes.subarray(said++, said)), 20);
  doors.undo.push(() => clearInterval(timer));
  socket.resume().once("close", () => clearInterval(timer));
}

/** Where somebody may stop in the middle of what it says, after the upgrade. */
const STOPS: Buffer[] = [
  Buffer.alloc(0),
  rawFrame(2, "").subarray(0, 1),
  rawFrame(2, "").subarray(0, 7),
  rawFrame(2, "xy", 1_000n),
  tinyFrame(2, "x", { fin: false }),
];
const ENDLESS = rawFrame(2, Buffer.alloc(10_000));

/** What is short, where the clock stands until it is moved on by so much. */
const STEP_MS = 1_000;
/** Of an answer through a tunnel; Node's own clock, for requests, is not that fast. */
const LATE_MS = 5_000;

/** By the places behind the doors: how to be impatient with them, and how each that stops is counted then. */
const SLOW: [string, RelayOptions, (at: Lived, n: number) => Promise<Socket>, ends: string[], dripping: boolean][] = [
  ["the room door", { firstMessageMs: STEP_MS }, enter("/"), ["closed room no-request"], true],
  ["a receiver's turn", { quietReceiverMs: STEP_MS }, enterAsReceiver, ["closed room quiet"], true],
  [
    "a sender's place",
    { pingMs: STEP_MS },
    enterAsSender,
    ["closed room dead-peer", "closed room dead-peer", "room-ended dead-peer"],
    false,
  ],
  [
    "the pair door, alone",
    { pairTtlMs: 0, sweepIntervalMs: STEP_MS },
    (at, n) => enter(`/?pair=bad${n}`)(at),
    ["closed pair expired", "pair-ended expired"],
    true,
  ],
  [
    "the pair door, second",
    { pingMs: STEP_MS },
    enterAsSecond,
    ["closed pair dead-peer", "closed pair dead-peer", "pair-ended dead-peer"],
    false,
  ],
];

async function enterAsReceiver({ port, url }: Lived): Promise<Socket> {
  const { room } = await doors.sender(url);
  const socket = await rawUpgraded(port, "/", STUBBORN);
  socket.write(rawFrame(1, JSON.stringify({ type: "JOIN_ROOM", room_id: room })));
  await once(socket, "data");
  return socket;
}

describe("who stops in the middle of a frame, or of a message, or says nothing", () => {
  it.each(SLOW)("at %s ends in a counted reason", async (_place, settings, come, ends, dripping) => {
    stopClock();
    const at = await lived(settings);
    const stopped = [...STOPS];
    for (const [n, said] of stopped.entries()) (await come(at, n)).resume().write(said);
    if (dripping) drip(await come(at, stopped.length), ENDLESS);
    await at.counts(
      Array(stopped.length + Number(dripping))
        .fill(ends)
        .flat(),
      STEP_MS,
    );
  });

  it("as an agent, or takes nothing there, ends in a counted reason, and so do its clients", async () => {
    stopClock();
    const at = await lived({ pingMs: STEP_MS, upgradeMs: LATE_MS });
    const said = [...STOPS, tinyFrame(2, data(2, Buffer.alloc(100)).subarray(0, 7).toString("latin1"))];
    for (const [n, bytes] of said.entries()) {
      (await rawUpgraded(at.port, `/agent?room=slow${n}`, STUBBORN)).resume().write(bytes);
    }
    drip(await rawUpgraded(at.port, "/agent?room=dripping", STUBBORN), ENDLESS);
    const deaf = await agent(doors, at.url, "deaf", (stream) => {
      stream.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
      below(deaf).pause();
    });
    const visitor = (await raw(at.port)).resume();
    visitor.write(upgradeRequest("/client?room=deaf"));
    await once(visitor, "data");
    const late = (await raw(at.port)).resume();
    late.write(upgradeRequest("/client?room=deaf"));
    await at.counts(
      [
        ...Array<string>(said.length + 2).fill("tunnel-ended ping-timeout"),
        "client-ended agent-lost",
        "client-ended late-answer",
        "turned-away late-answer",
      ],
      STEP_MS,
    );
  });
});

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
const ANSWERS: [string, (stream: YamuxStream) => void, string[]][] = [
  ["says nothing", () => {}, ["client-ended late-answer", "turned-away late-answer"]],
  ["stops within the status", (to) => to.write("HTTP/1.1 1"), ["client-ended late-answer", "turned-away late-answer"]],
  ["stops within a refusal", (to) => to.write("HTTP/1.1 403 Forbidden\r\nCont"), ["client-ended half-open"]],
  ["answers garbage", (to) => to.write(randomBytes(1_000)), ["client-ended half-open"]],
  ["ends within its answer", (to) => to.end("HTTP/1.1 1"), ["client-ended no-answer", "turned-away no-answer"]],
  ["resets", (to) => to.destroy(), ["client-ended no-answer", "turned-away no-answer"]],
  [
    "resets after its answer",
    (to) => to.write(SWITCHING, () => setImmediate(() => to.destroy())),
    ["client-ended server-lost"],
  ],
];

describe("behind an agent", () => {
  it.each(ANSWERS)("a server that %s has its clients end in a counted reason", async (_what, answer, ends) => {
    stopClock();
    const at = await lived({ upgradeMs: LATE_MS });
    const { ws } = await agent(doors, at.url, "bad", answer);
    for (let i = 0; i < 20; i++) (await raw(at.port)).resume().write(upgradeRequest("/client?room=bad"));
    await at.counts(Array(20).fill(ends).flat(), STEP_MS);
    expect(ws.readyState).toBe(ws.OPEN);
  });

  it("a server that stops within its 101 holds a client for as long as that likes", async () => {
    stopClock();
    const at = await lived({ upgradeMs: LATE_MS });
    await agent(doors, at.url, "bad", (stream) => stream.write("HTTP/1.1 101 Swit"));
    const socket = (await raw(at.port)).resume();
    socket.write(upgradeRequest("/client?room=bad"));
    await once(socket, "data");
    pass(2 * LATE_MS);
    await at.counts([]);
    socket.resetAndDestroy();
    await at.counts(["client-ended client-lost"]);
  });
});

const [SYN, ACK, FIN, RST] = [1, 2, 4, 8];
const WINDOW_BYTES = 256 * 1024;
/** What the agent of a tunnel says once it has a client, whose stream is 2. */
const LIES: [string, string, Buffer[]][] = [
  ["speaks no yamux", "bad-version", [Buffer.from("SSH-2.0-OpenSSH_9.2\r\n")]],
  ["declares more than its window", "window-exceeded", [yamux(0, 0, 2, WINDOW_BYTES + 1)]],
  ["declares 4 GB", "window-exceeded", [yamux(0, 0, 2, 0xffff_ffff)]],
  ["grants more than 32 bits", "window-overflow", [grant(2, 0xffff_ffff)]],
  ["opens with an id of the relay's", "bad-stream-id", [grant(4, 0, SYN)]],
  ["opens streams without end", "too-many-opens", Array.from({ length: 1025 }, (_, i) => grant(1 + 2 * i, 0, SYN))],
  ["resets what never was", "unknown-stream", [grant(4, 0, RST)]],
  ["goes on after its end", "data-after-fin", [data(2, bits(1), FIN), data(2, bits(1))]],
  ["asks for pong after pong", "too-many-pings", Array<Buffer>(6_000).fill(yamux(2, SYN, 0, 0))],
  ["says that it failed", "peer-internal-error", [yamux(3, 0, 0, 2)]],
];

describe("an agent that", () => {
  const shares = shared();

  it.each(LIES)("%s ends as %s, and its client with it", async (_what, why, frames) => {
    const at = shares();
    const { ws, visitor } = await hosting(at);
    // It has a second to take the relay's last word.
    stopClock();
    ws.send(Buffer.concat(frames));
    await at.counts([`tunnel-ended ${why}`, "client-ended agent-lost"], STEP_MS);
    if (!visitor.closed) await once(visitor, "close");
  });

  it("grants 4 GB that it does not take holds up its client, and nobody else", async () => {
    const at = shares();
    const { ws, visitor } = await hosting(at);
    ws.send(grant(2, 0xffff_ffff - WINDOW_BYTES));
    ws.pause();
    visitor.write(Buffer.alloc(128 * 1024 * 1024));
    await settled(() => visitor.bytesWritten - visitor.writableLength);
    await at.counts([]);
    expect(visitor.writableNeedDrain).toBe(true);
    ws.terminate();
    await at.counts(["tunnel-ended transport-lost", "client-ended agent-lost"]);
  });
});

/** An agent that spells its own frames, and a client that it has answered. */
async function hosting({ url, port }: Lived) {
  const ws = new WebSocket(`${url}/agent?room=bad`);
  ws.on("error", () => {});
  doors.undo.push(() => ws.terminate());
  await once(ws, "open");
  const visitor = (await raw(port)).resume();
  visitor.write(upgradeRequest("/client?room=bad"));
  await once(ws, "message");
  ws.send(Buffer.concat([grant(2, 0, ACK), data(2, Buffer.from(SWITCHING))]));
  await once(visitor, "data");
  return { ws, visitor };
}

const [LONGEST_CODE, LONGEST_ID] = ["x".repeat(256), "x".repeat(128)];
const NAMES: [string, string][] = [
  ["/?pair", "bad-pair-code"],
  ["/?pair=", "bad-pair-code"],
  [`/?pair=${LONGEST_CODE}x`, "bad-pair-code"],
  ["/?pair=a&pair=a", "bad-pair-code"],
  ["/?pair=a&%70air=b", "bad-pair-code"],
  [`/?pair=${TUNNEL}`, "pair-full"],
  ...["agent", "client"].flatMap((end): [string, string][] => [
    [`/${end}`, "bad-tunnel-id"],
    [`/${end}?room`, "bad-tunnel-id"],
    [`/${end}?room[]=a`, "bad-tunnel-id"],
    [`/${end}?room=a&room=a`, "bad-tunnel-id"],
    [`/${end}?room=a&%72oom=`, "bad-tunnel-id"],
    [`/${end}?room=${LONGEST_ID}x`, "bad-tunnel-id"],
    ...["a+b", "..%2Fa", "%00", "a%0a", "%C3%A9", "%ff", "a.b", "%F0%9F%98%80"].map((id): [string, string] => [
      `/${end}?room=${id}`,
      "bad-tunnel-id",
    ]),
  ]),
  [`/client?room=${LONGEST_ID}`, "no-agent"],
  [`/agent?room=${TUNNEL}`, "second-agent"],
  [`/agent/?room=${LONGEST_ID}`, "no-such-door"],
  ["//", "no-such-door"],
  ["/%2e%2e/agents?room=a", "no-such-door"],
  ["http://relay.test/", "no-such-door"],
  ["*", "no-such-door"],
];

/** First messages at the room door; what is merely no request of the protocol is in rooms.test.ts. */
const ROOM_IDS: [string, string][] = [
  ['"../../x"', "room_not_found"],
  ['"aaaaaa\\u0000"', "room_not_found"],
  ['"\\ud800"', "room_not_found"],
  ['"constructor"', "room_not_found"],
  [`"${"a".repeat(16_000)}"`, "room_not_found"],
  ["null", "invalid_request"],
  ["123456", "invalid_request"],
  ['["aaaaaa"]', "invalid_request"],
  ['{"toString":"aaaaaa"}', "invalid_request"],
  [`${"[".repeat(7_000)}${"]".repeat(7_000)}`, "invalid_request"],
  ['"aaaaaa","type":"JOIN"', "invalid_request"],
  ['"aaaaaa","room_id":["aaaaaa"]', "invalid_request"],
];

describe("a name of the wrong shape, or twice", () => {
  const shares = shared();

  it("is turned away with its reason, at every door", async () => {
    const at = shares();
    for (const [n, [path]] of NAMES.entries()) {
      (await raw(at.port, STUBBORN)).resume().write(upgradeRequest(path));
      await at.counts(NAMES.slice(0, n + 1).map(([, why]) => `turned-away ${why}`));
    }
  });

  it("is refused with its reason, at the room door", async () => {
    const at = shares();
    for (const [n, [id]] of ROOM_IDS.entries()) {
      (await enter("/")(at)).resume().write(rawFrame(1, `{"type":"JOIN_ROOM","room_id":${id}}`));
      await at.counts(ROOM_IDS.slice(0, n + 1).flatMap(([, why]) => [`refused ${why}`, "closed room refused"]));
    }
  });
});

describe("who takes nothing", () => {
  const settings = { stalledMs: STEP_MS };
  /** Between two looks, so that there is time to take something. */
  const STALL_STEP_MS = STEP_MS / 4;
  const flood = (ws: WebSocket) => {
    // More than all buffers on the way hold.
    for (let i = 0; i < 240; i++) ws.send(Buffer.alloc(WINDOW_BYTES));
  };

  it("as a receiver, a sender, a side of a pair or a client of a tunnel ends in a counted reason", async () => {
    stopClock();
    const at = await lived(settings);
    const toReceiver = await doors.pair(at.url);
    toReceiver.receiver.send("hello");
    await toReceiver.sender.next();
    toReceiver.receiver.ws.pause();
    flood(toReceiver.sender.ws);
    await at.counts(["closed room stalled"], STALL_STEP_MS);

    const toSender = await doors.pair(at.url);
    toSender.sender.ws.pause();
    flood(toSender.receiver.ws);
    const inRoom = ["closed room stalled", "closed room stalled", "closed room stalled", "room-ended stalled"];
    await at.counts(inRoom, STALL_STEP_MS);

    const sides = [await client(`${at.url}/?pair=bad`), await client(`${at.url}/?pair=bad`)] as const;
    sides[1].ws.pause();
    flood(sides[0].ws);
    const inPair = [...inRoom, "closed pair stalled", "closed pair stalled", "pair-ended stalled"];
    await at.counts(inPair, STALL_STEP_MS);

    const visitor = await client(`${at.url}/client?room=${TUNNEL}`);
    visitor.ws.pause();
    flood(visitor.ws);
    await at.counts([...inPair, "client-ended stalled"], STALL_STEP_MS);
  });

  it("as a server behind an agent has its client end in a counted reason, though that is gone already", async () => {
    stopClock();
    const at = await lived(settings);
    await agent(doors, at.url, "bad", (stream) => stream.write(SWITCHING));
    const socket = (await raw(at.port)).resume();
    socket.write(upgradeRequest("/client?room=bad"));
    await once(socket, "data");
    socket.write(Buffer.alloc(WINDOW_BYTES * 4));
    await settled(() => socket.bytesWritten - socket.writableLength);
    socket.resetAndDestroy();
    await at.counts(["client-ended stalled"], STALL_STEP_MS);
  });

  it("and pings without end ends in a counted reason at every door", async () => {
    const at = await lived();
    const pings = Buffer.concat(Array<Buffer>(50_000).fill(tinyFrame(9, "p".repeat(125))));
    // Before it has asked nobody may say so much, and what goes through a tunnel is for the server behind it.
    const inside = DOORS.slice(1, -1);
    for (const come of [...inside.map(([, come]) => come), enter("/")]) (await come(at)).pause().write(pings);
    await at.counts([...inside.flatMap(([, , broken]) => broken), "closed room refused", "refused invalid_request"]);
  });
});
