import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, it } from "vitest";
import { SpreadError } from "../../src/errors.ts";
import { MAX_FRAME_BYTES } from "../../src/limits.ts";
import type { FrameBounds, Link } from "../../src/transport/link.ts";
import { dialTcp, listenTcp } from "../../src/transport/tcp.ts";
import { Arrivals } from "../support/arrivals.ts";
import { until } from "../support/wait.ts";
import { linkSuite } from "./link-suite.ts";

const LOOPBACK = "127.0.0.1";
/** A link's life that nobody ends. */
const forever = () => new AbortController().signal;

/** A listener, and its links in the order in which they came. */
async function listen(bounds?: FrameBounds) {
  const links = new Arrivals<Link>();
  return { listener: await listenTcp(links.put, bounds), accept: links.next };
}

async function makePair(bounds?: FrameBounds) {
  const { listener, accept } = await listen(bounds && { sentBytes: bounds.takenBytes, takenBytes: bounds.sentBytes });
  const [a, b] = await Promise.all([dialTcp(LOOPBACK, listener.port, forever(), bounds), accept()]);
  return {
    a,
    b,
    closeA: () => a.close(),
    closeB: () => b.close(),
    release: async () => {
      await Promise.all([a.close(), b.close()]);
      await listener.close();
    },
  };
}

linkSuite("tcp", {
  bSeesCleanEnd: true,
  makePair,
  makeBounded: makePair,
  async makeRaw() {
    const { listener, accept } = await listen();
    const socket = connect(listener.port, LOOPBACK);
    socket.on("error", () => {});
    const link = await accept();
    return {
      link,
      halfFrame: async () => {
        await new Promise((sent) => socket.write(Buffer.from([0, 0, 0, 100, 1, 2, 3]), sent));
        socket.end();
      },
      oversizedFrame: async () => {
        const header = Buffer.alloc(4);
        header.writeUInt32BE(MAX_FRAME_BYTES + 1);
        socket.write(header);
      },
      release: async () => {
        socket.destroy();
        await link.close();
        await listener.close();
      },
    };
  },
});

it.each([
  ["more", { sentBytes: 10, takenBytes: 300_000 }],
  ["less", { sentBytes: 300_000, takenBytes: 100 }],
])(
  "takes a declared frame of its own bound where that is %s than usual, and none of a byte more",
  async (_, bounds) => {
    const { listener, accept } = await listen(bounds);
    const frame = Buffer.alloc(4 + bounds.takenBytes);
    frame.writeUInt32BE(bounds.takenBytes);
    const socket = connect(listener.port, LOOPBACK);
    const link = await accept();
    socket.write(frame);
    expect(await link.receive()).toHaveLength(bounds.takenBytes);
    frame.writeUInt32BE(bounds.takenBytes + 1);
    socket.write(frame.subarray(0, 4));
    await expect(link.receive()).rejects.toMatchObject({ code: "bad-message" });
    socket.destroy();
    await link.close();
    await listener.close();
  },
);

it("refuses a declared frame of 2 GB by its header alone", async () => {
  const { listener, accept } = await listen();
  const socket = connect(listener.port, LOOPBACK);
  const link = await accept();
  const received = expect(link.receive()).rejects.toMatchObject({ code: "bad-message" });
  socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
  await received;
  await once(socket, "close");
  await listener.close();
});

it("reads frames whose bytes come one at a time", async () => {
  const { listener, accept } = await listen();
  const socket = connect(listener.port, LOOPBACK).setNoDelay(true);
  const link = await accept();
  for (const byte of [0, 0, 0, 3, 7, 8, 9, 0, 0, 0, 1, 5]) {
    await new Promise((sent) => socket.write(Buffer.of(byte), sent));
  }
  expect(await link.receive()).toEqual(Buffer.of(7, 8, 9));
  expect(await link.receive()).toEqual(Buffer.of(5));
  socket.destroy();
  await link.close();
  await listener.close();
});

it("writes each frame behind its length, four bytes big-endian", async () => {
  const server = createServer();
  server.listen(0, LOOPBACK);
  await once(server, "listening");
  const accepted = once(server, "connection");
  const link = await dialTcp(LOOPBACK, (server.address() as AddressInfo).port, forever());
  const [socket] = await accepted;
  await link.send(Buffer.from("abc"));
  const [bytes] = await once(socket, "data");
  expect(bytes).toEqual(Buffer.from([0, 0, 0, 3, 0x61, 0x62, 0x63]));
  socket.destroy();
  await link.close();
  server.close();
});

it("shows an IPv4 peer by its IPv4 address", async () => {
  const { listener, accept } = await listen();
  const [a, b] = await Promise.all([dialTcp(LOOPBACK, listener.port, forever()), accept()]);
  expect(b.address).toBe(LOOPBACK);
  await Promise.all([a.close(), b.close()]);
  await listener.close();
});

it("cuts the link above 16 of one address, and takes new ones when old ones have gone", async () => {
  const { listener, accept } = await listen();
  const dialled: Link[] = [];
  for (let i = 0; i < 16; i++) {
    dialled.push(await dialTcp(LOOPBACK, listener.port, forever()));
    await accept();
  }
  const surplus = await dialTcp(LOOPBACK, listener.port, forever());
  // Undefined or link-lost, as the kernel has it: what matters is that it is over.
  expect(await surplus.receive().catch(() => undefined)).toBeUndefined();
  await dialled[0]?.close();
  let accepted = false;
  const next = accept().then(() => {
    accepted = true;
  });
  await until("a place is free again", async () => {
    const link = await dialTcp(LOOPBACK, listener.port, forever());
    dialled.push(link);
    await Promise.race([next, link.receive().catch(() => undefined)]);
    return accepted;
  });
  await Promise.all(dialled.map((link) => link.close()));
  await listener.close();
});

it("says host-refused, with the port, where nothing listens", async () => {
  const server = createServer();
  server.listen(0, LOOPBACK);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  const error = await dialTcp(LOOPBACK, port, forever()).catch((it: unknown) => it);
  expect(error).toMatchObject({ code: "host-refused", message: expect.stringContaining(String(port)) });
});

it("says host-unreachable for a name that does not exist", async () => {
  await expect(dialTcp("no-such-host.invalid", 4000, forever())).rejects.toMatchObject({ code: "host-unreachable" });
});

it("says host-timeout, with the port, when the time ends before anything answered", async () => {
  // A process that listens, is stopped, and has its queue full: the kernel then drops what comes, as a firewall does.
  const child = spawn(process.execPath, [
    "-e",
    `const s = require("node:net").createServer(() => {}); s.listen({ port: 0, host: "${LOOPBACK}", backlog: 1 }, () => console.log(s.address().port))`,
  ]);
  try {
    const [line] = await once(child.stdout, "data");
    const port = Number(String(line));
    child.kill("SIGSTOP");
    const fillers = Array.from({ length: 8 }, () => connect(port, LOOPBACK).on("error", () => {}));
    const life = new AbortController();
    const dialling = Promise.all(
      Array.from({ length: 3 }, () => dialTcp(LOOPBACK, port, life.signal).catch((it: unknown) => it)),
    );
    await until("the queue is full", () => fillers.filter((it) => it.connecting).length > 0);
    life.abort(new SpreadError("timed-out", "the call's time is over"));
    const results = await dialling;
    expect(results).toContainEqual(
      expect.objectContaining({ code: "host-timeout", message: expect.stringContaining(String(port)) }),
    );
    for (const filler of fillers) filler.destroy();
  } finally {
    child.kill("SIGKILL");
  }
});

it("says cancelled for a signal that was aborted before, and cuts the link for one that is aborted later", async () => {
  await expect(dialTcp(LOOPBACK, 1, AbortSignal.abort())).rejects.toMatchObject({ code: "cancelled" });
  const { listener, accept } = await listen();
  const life = new AbortController();
  const [link, other] = await Promise.all([dialTcp(LOOPBACK, listener.port, life.signal), accept()]);
  const received = expect(link.receive()).rejects.toMatchObject({ code: "cancelled" });
  life.abort();
  await received;
  await other.close();
  await listener.close();
});

it("names addresses that others can dial, IPv4 first, and never a link-local one", async () => {
  const { listener } = await listen();
  expect(listener.addresses.length).toBeGreaterThan(0);
  expect(listener.addresses.filter((it) => /^fe80/i.test(it))).toEqual([]);
  const firstV6 = listener.addresses.findIndex((it) => it.includes(":"));
  if (firstV6 >= 0) expect(listener.addresses.slice(firstV6).every((it) => it.includes(":"))).toBe(true);
  await listener.close();
});
