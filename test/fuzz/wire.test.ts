/**
 * What comes by wires: TCP's frames through real sockets, a relay's words, and what answers in place of a relay or a
 * proxy.
 */
import { isUtf8 } from "node:buffer";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { WebSocketServer } from "ws";
import { type ErrorCode, SpreadError } from "../../src/errors.ts";
import { MAX_FRAME_BYTES } from "../../src/limits.ts";
import type { Link } from "../../src/transport/link.ts";
import { namedProxy } from "../../src/transport/named-proxy.ts";
import { openTunnel } from "../../src/transport/proxy.ts";
import { createRoom, joinRoom } from "../../src/transport/relay.ts";
import { parseControl } from "../../src/transport/relay-connection.ts";
import { dialTcp, type Listener, listenTcp } from "../../src/transport/tcp.ts";
import { CONTROL } from "./corpus.ts";
import { expectFaithful, judge, outcomeOfAsync, wordings } from "./judge.ts";
import { cuts, jsonFrames, knownFrames, mutants, pieces } from "./mutate.ts";
import { fuzz } from "./runner.ts";

/** Behind each frame its length, as it is on the wire. */
function framed(...frames: Buffer[]): Buffer {
  return Buffer.concat(frames.flatMap((frame) => [lengthOf(frame.length), frame]));
}

function lengthOf(bytes: number): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(bytes);
  return header;
}

/** Frames as text, of which two long ones are compared at once, and how it ended for who read them. */
interface Heard {
  readonly frames: readonly string[];
  readonly end: ErrorCode | "clean";
}

/** What a stream of bytes holds. */
function framesIn(bytes: Buffer): Heard {
  const frames: string[] = [];
  for (let at = 0; ; ) {
    if (at === bytes.length) return { frames, end: "clean" };
    if (bytes.length - at < 4) return { frames, end: "link-lost" };
    const length = bytes.readUInt32BE(at);
    if (length > MAX_FRAME_BYTES) return { frames, end: "bad-message" };
    if (bytes.length - at - 4 < length) return { frames, end: "link-lost" };
    frames.push(bytes.toString("latin1", at + 4, at + 4 + length));
    at += 4 + length;
  }
}

async function heardBy(link: Link): Promise<Heard> {
  const frames: string[] = [];
  try {
    for (;;) {
      const frame = await link.receive();
      if (frame === undefined) return { frames, end: "clean" };
      frames.push(Buffer.from(frame).toString("latin1"));
    }
  } catch (thrown) {
    if (!(thrown instanceof SpreadError)) throw thrown;
    return { frames, end: thrown.code };
  } finally {
    await link.close();
  }
}

describe("frames over TCP", () => {
  const SMALL = ["", "x", "hello", '{"type":"HELLO"}'].map((it) => Buffer.from(it));
  const LARGE = Buffer.alloc(MAX_FRAME_BYTES, 7);
  const streams = mutants([
    framed(...SMALL),
    framed(LARGE, ...SMALL),
    framed(...Array<Buffer>(2000).fill(Buffer.alloc(0))),
    framed(...Array<Buffer>(12).fill(LARGE)),
    Buffer.concat([framed(...SMALL), lengthOf(MAX_FRAME_BYTES + 1), LARGE, SMALL[1] ?? LARGE]),
    Buffer.concat([framed(...SMALL), lengthOf(2 ** 32 - 1)]),
    Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
  ]);
  const inputs = fc.record({ bytes: streams, cuts });

  async function write(socket: Socket, { bytes, cuts: marks }: { bytes: Buffer; cuts: number[] }) {
    socket.on("error", () => {}); // a link that has had enough hangs up
    socket.setNoDelay(true);
    for (const piece of pieces(bytes, marks)) {
      if (socket.writable) await new Promise<void>((written) => socket.write(piece, () => written()));
    }
    socket.end();
  }

  let listener: Listener;
  const waiting: ((link: Link) => void)[] = [];
  const stranger = { next: (_: Socket) => {} };
  let server: Server;
  beforeAll(async () => {
    listener = await listenTcp((link) => waiting.shift()?.(link));
    server = createServer((socket) => stranger.next(socket)).listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterAll(() => Promise.all([listener.close(), new Promise((closed) => server.close(closed))]));

  fuzz("come out at the listening end as they were put in, and end as the stream does", { inputs }, async (input) => {
    const taken = new Promise<Link>((take) => waiting.push(take));
    const socket = connect(listener.port, "127.0.0.1");
    const writing = write(socket, input);
    const heard = await heardBy(await taken);
    await writing;
    socket.destroy();
    expect(heard).toEqual(framesIn(input.bytes));
  });

  fuzz("and at the dialling end", { inputs }, async (input) => {
    let writing: Promise<void> | undefined;
    stranger.next = (socket) => {
      writing = write(socket, input).finally(() => socket.resume());
    };
    const { port } = server.address() as AddressInfo;
    const link = await dialTcp("127.0.0.1", port, new AbortController().signal);
    const heard = await heardBy(link);
    await writing;
    expect(heard).toEqual(framesIn(input.bytes));
  });
});

/** As WebSocket text is, which the library has checked. */
const leniently = (frame: Buffer) => new TextDecoder().decode(frame);

describe("what a relay says", () => {
  const said = jsonFrames(CONTROL);

  fuzz(
    "is a control message as it is said, or else a peer's frame; parseControl never throws",
    {
      inputs: said,
      known: knownFrames(CONTROL),
    },
    (it) => expectFaithful(it, parseControl, { codes: [], hear: () => {} }, leniently),
  );

  let relay: WebSocketServer;
  let answer: { frames: Buffer[]; text: boolean; code: number };
  beforeAll(async () => {
    relay = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    relay.on("connection", (ws) => {
      ws.on("error", () => {});
      ws.once("message", () => {
        for (const frame of answer.frames) ws.send(frame, { binary: !answer.text });
        ws.close(answer.code);
      });
    });
    await once(relay, "listening");
  });
  afterAll(() => new Promise((closed) => relay.close(closed)));

  const answers = fc.record({
    frames: fc.array(said, { maxLength: 3 }),
    text: fc.boolean(),
    code: fc.constantFrom(1000, 1001, 1008, 4000, 4001, 4002, 4003, 4007, 4008, 4010, 4011, 4999),
  });
  /** A text frame that is not UTF-8 ends a WebSocket. */
  function heardFrom({ frames, text: asText }: { frames: Buffer[]; text: boolean }): Buffer[] {
    const broken = asText ? frames.findIndex((it) => !isUtf8(it)) : -1;
    return frames.slice(0, broken < 0 ? undefined : broken);
  }
  const REFUSED = ["room-not-found", "share-ended", "relay-full", "rate-limited", "relay-refused"] as const;
  const CLOSED = ["relay-unreachable", "expired", "stalled", "relay-refused"] as const;
  const access = () => ({ url: new URL(`ws://127.0.0.1:${(relay.address() as AddressInfo).port}`) });

  const hear = wordings(16);
  fuzz(
    "makes a room only by its one right answer, whatever else comes, and its own words are shown to nobody",
    {
      inputs: answers,
    },
    async (input) => {
      answer = input;
      const [first] = heardFrom(input);
      const asked = first && input.text ? parseControl(first) : undefined;
      const outcome = await outcomeOfAsync(async () => {
        const visits: Link[] = [];
        const room = await createRoom(access(), 60, (link) => visits.push(link), new AbortController().signal);
        // A room that could be had again is asked for until its time is over.
        const again = asked?.type === "ROOM_CREATED" && asked.features?.includes("reclaim") && asked.reclaim_token;
        if (again === undefined || again === false) hear((await room.lost).message);
        await Promise.all([room.close(), ...visits.map((link) => link.close())]);
        return room.id;
      });
      if (asked?.type === "ROOM_CREATED") expect(outcome).toEqual({ value: asked.room_id });
      else {
        const codes: readonly ErrorCode[] = first ? REFUSED : CLOSED;
        expect(codes).toContain((outcome as { code: ErrorCode }).code);
        hear((outcome as { message: string }).message);
      }
    },
  );

  const hearJoin = wordings(16);
  fuzz("lets a receiver into the room that it asked for, and into no other", { inputs: answers }, async (input) => {
    answer = input;
    const [first] = heardFrom(input);
    const asked = first && input.text ? parseControl(first) : undefined;
    const outcome = await outcomeOfAsync(async () => {
      const link = await joinRoom(access(), "a7f3b2", new AbortController().signal);
      const { frames } = await heardBy(link);
      return frames;
    });
    if (asked?.type === "ROOM_JOINED" && asked.room_id === "a7f3b2") {
      const behind = heardFrom(input).slice(1);
      const error = behind.findIndex((it) => parseControl(it)?.type === "ERROR");
      const frames = behind.slice(0, error < 0 ? undefined : error);
      expect(outcome).toEqual({ value: frames.map((it) => it.toString("latin1")) });
    } else {
      const codes: readonly ErrorCode[] = first ? REFUSED : CLOSED;
      expect(codes).toContain((outcome as { code: ErrorCode }).code);
      hearJoin((outcome as { message: string }).message);
    }
  });
});

describe("what answers as a proxy", () => {
  let proxy: Server;
  let answer: Buffer[] = [];
  const PROXIES = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];
  const before = PROXIES.map((name) => [name, process.env[name]] as const);
  beforeAll(async () => {
    proxy = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        for (const piece of answer) socket.write(piece);
        socket.end();
      });
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    for (const name of PROXIES) delete process.env[name];
    process.env.HTTP_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await new Promise((closed) => proxy.close(closed));
  });

  const ANSWERS = [
    "HTTP/1.1 200 Connection established\r\n\r\nbehind it",
    "HTTP/1.0 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nbody",
    "HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    `HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
    "SSH-2.0-OpenSSH_9.2\r\n",
  ].map((it) => Buffer.from(it));
  const hear = wordings(12);
  fuzz(
    "opens the way by a 2xx, and all else is proxy-failed in words of our own",
    {
      inputs: fc.record({ bytes: mutants(ANSWERS), cuts }),
      known: ANSWERS.map((bytes) => ({ bytes, cuts: [] })),
    },
    async ({ bytes, cuts: marks }) => {
      answer = pieces(bytes, marks);
      const relay = new URL("ws://relay.invalid:9784");
      const outcome = await outcomeOfAsync(async () => {
        const socket = await openTunnel(relay, namedProxy(relay), undefined, new AbortController().signal);
        socket?.destroy();
        return socket !== undefined;
      });
      // What is a 2xx to Node's own parser is none of ours to judge; without a status line there is none.
      const opens = /HTTP\/\d\.\d 2\d\d/.test(bytes.toString("latin1"));
      judge(outcome, "value" in outcome && opens ? { value: true } : { code: "proxy-failed" }, hear);
    },
  );
});
