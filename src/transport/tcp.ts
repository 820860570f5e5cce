/**
 * Links over TCP: each frame follows its length, four bytes big-endian. The sender listens, the receiver dials. This file
 * knows addresses and ports, not how they are found.
 */

import { type AddressInfo, connect, createServer, isIPv6, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { abortReason } from "../abort.ts";
import { addressGroup } from "../address.ts";
import { SpreadError, systemCode } from "../errors.ts";
import { CLOSE_MS, KEEP_ALIVE_MS } from "../limits.ts";
import {
  bindSignal,
  type Frame,
  type FrameBounds,
  frameBytes,
  type Link,
  type LinkSource,
  type LinkTaker,
  USUAL_BOUNDS,
} from "./link.ts";
import { Mailbox } from "./mailbox.ts";

/** How long a dial may take, in ms: a machine on this network answers within 1 ms; a firewall that drops never answers. */
const DIAL_MS = 10_000;
/** Links that a listener holds at once: enough for a household, and a bound on what strangers can occupy. */
const MAX_LINKS = 64;
/** How many of them may be of one address (IPv6: one /64), so that one stranger cannot occupy all. */
const MAX_LINKS_PER_ADDRESS = 16;

const HEADER_BYTES = 4;

/**
 * The read buffer of a dialled socket, by which documents come, in bytes. No larger than Node's own: a peer that floods us
 * with tiny frames delays our timers by a few of these.
 */
const READ_BYTES = 64 * 1024;

export interface Listener extends LinkSource {
  readonly port: number;
  /** Addresses of this machine that others can dial: no loopback, unless there is nothing else. */
  readonly addresses: readonly string[];
}

/**
 * Listens on a free port of all interfaces. Links above the bounds are cut without an answer.
 * @throws SpreadError `port-unavailable`.
 */
export async function listenTcp(take: LinkTaker, bounds = USUAL_BOUNDS): Promise<Listener> {
  const perAddress = new Map<string, number>();
  const server = createServer((socket) => {
    const address = plainAddress(socket.remoteAddress);
    const group = address === undefined ? "" : addressGroup(address);
    const held = perAddress.get(group) ?? 0;
    if (address === undefined || held >= MAX_LINKS_PER_ADDRESS) {
      socket.destroy();
      return;
    }
    perAddress.set(group, held + 1);
    socket.once("close", () => {
      const left = (perAddress.get(group) ?? 1) - 1;
      if (left > 0) perAddress.set(group, left);
      else perAddress.delete(group);
    });
    const link = new TcpLink(socket, address, bounds);
    socket.on("data", (bytes: Buffer) => link.take(bytes));
    take(link);
  });
  server.maxConnections = MAX_LINKS;
  await listening(server);
  return {
    port: (server.address() as AddressInfo).port,
    addresses: reachableAddresses(),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/**
 * @param signal rules the link's whole life, not the dialling alone.
 * @throws SpreadError `host-refused`, `host-timeout`, `host-unreachable`, or the signal's reason.
 */
export async function dialTcp(host: string, port: number, signal: AbortSignal, bounds = USUAL_BOUNDS): Promise<Link> {
  if (signal.aborted) throw abortReason(signal);
  let link: TcpLink | undefined;
  // One buffer for everything, from which the link copies frames: otherwise Node makes two new ones for each frame.
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const callback = (bytes: number) => {
    link?.take(buffer.subarray(0, bytes));
    return true;
  };
  const socket = connect({ host, port, onread: { buffer, callback } });
  try {
    await connected(socket, port, signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  link = new TcpLink(socket, plainAddress(socket.remoteAddress), bounds);
  const bound = bindSignal(link, signal);
  socket.once("close", () => bound[Symbol.dispose]());
  return link;
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new SpreadError("port-unavailable", "no TCP port could be opened", { cause }));
    });
    // Without a host, node listens on all interfaces, IPv6 and IPv4, or IPv4 alone where there is no IPv6.
    server.listen(0, () => {
      server.removeAllListeners("error");
      // A failing accept (too many open files) costs that link, never the server.
      server.on("error", () => {});
      resolve();
    });
  });
}

function connected(socket: Socket, port: number, signal: AbortSignal): Promise<void> {
  const late = () => new SpreadError("host-timeout", `nothing answered on TCP port ${port}`);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(late()), DIAL_MS);
    const aborted = () => {
      const reason = abortReason(signal);
      settle(reason.code === "timed-out" ? late() : reason);
    };
    const failed = (cause: Error) => settle(dialError(cause, port));
    const settle = (error?: SpreadError) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      socket.off("error", failed);
      // Errors that come after the end of dialling belong to nobody.
      socket.on("error", () => {});
      if (error) reject(error);
      else resolve();
    };
    signal.addEventListener("abort", aborted);
    socket.on("error", failed);
    socket.once("connect", () => settle());
  });
}

function dialError(cause: Error, port: number): SpreadError {
  switch (systemCode(cause)) {
    case "ECONNREFUSED":
    case "ECONNRESET":
      return new SpreadError("host-refused", `the host refused the connection on TCP port ${port}`, { cause });
    case "ETIMEDOUT":
      return new SpreadError("host-timeout", `nothing answered on TCP port ${port}`, { cause });
    default:
      return new SpreadError("host-unreachable", "the host could not be found or reached", { cause });
  }
}

/** An IPv4 address that came in through an IPv6 socket, as IPv4. */
function plainAddress(address: string | undefined): string | undefined {
  return address?.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, "");
}

function reachableAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  // A link-local IPv6 address means nothing without its interface, whose name is another one on the other machine.
  const global = all.filter((it) => !it.internal && !it.address.toLowerCase().startsWith("fe80:"));
  const sorted = global.sort((a, b) => Number(isIPv6(a.address)) - Number(isIPv6(b.address)));
  return sorted.length > 0 ? sorted.map((it) => it.address) : ["127.0.0.1"];
}

class TcpLink implements Link {
  readonly address: string | undefined;
  readonly #socket: Socket;
  readonly #bounds: FrameBounds;
  readonly #mailbox: Mailbox;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  /** The frame whose header has come. */
  #frame: Buffer | undefined;
  /** How much has come of the frame, or while there is none of the header, in bytes. */
  #held = 0;
  #gone: SpreadError | undefined;

  constructor(socket: Socket, address: string | undefined, bounds: FrameBounds) {
    this.address = address;
    this.#socket = socket;
    this.#bounds = bounds;
    this.#mailbox = new Mailbox({ pause: () => socket.pause(), resume: () => socket.resume() });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("end", () => {
      if (this.#frame || this.#held > 0) this.#lose();
      else this.#mailbox.end();
    });
    socket.on("error", () => this.#lose());
    socket.on("close", () => this.#lose());
  }

  get open(): boolean {
    return this.#gone === undefined && this.#socket.writable;
  }

  async send(frame: Frame): Promise<void> {
    const length = frameBytes(frame);
    if (length > this.#bounds.sentBytes) throw new SpreadError("internal", "a frame is larger than a link carries");
    if (this.#gone) throw this.#gone;
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(length);
    await new Promise<void>((sent, failed) => {
      this.#socket.cork(); // header and parts go out in one system call
      this.#socket.write(header);
      const parts = Array.isArray(frame) ? frame : [frame];
      for (const part of parts.slice(0, -1)) this.#socket.write(part);
      this.#socket.write(parts.at(-1) ?? "", (error) => {
        if (error) failed(this.#gone ?? lost());
        else sent();
      });
      this.#socket.uncork();
    });
  }

  receive(): Promise<Uint8Array | undefined> {
    return this.#mailbox.pull();
  }

  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    this.#leave(new SpreadError("link-lost", "the link is closed"));
    await new Promise<void>((closed) => {
      const timer = setTimeout(() => this.#socket.destroy(), CLOSE_MS);
      this.#socket.once("close", () => {
        clearTimeout(timer);
        closed();
      });
      this.#socket.end();
    });
  }

  abort(reason: SpreadError): void {
    if (this.#gone) return;
    this.#leave(reason);
    this.#socket.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #leave(reason: SpreadError): void {
    this.#gone ??= reason;
    this.#frame = undefined;
    // The mailbox lets the socket run on into nothing: an unread byte would turn our goodbye into a reset.
    this.#mailbox.cut(reason);
  }

  #lose(): void {
    this.#gone ??= lost();
    this.#mailbox.fail(this.#gone);
  }

  /** Takes what the socket has read; the bytes are copied. */
  take(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0 && !this.#mailbox.ended; ) {
      const goal = this.#frame ?? this.#header;
      const part = rest.subarray(0, goal.length - this.#held);
      goal.set(part, this.#held);
      this.#held += part.length;
      rest = rest.subarray(part.length);
      if (this.#held === goal.length) this.#arrived();
    }
  }

  /** The header or the frame is whole. */
  #arrived(): void {
    this.#held = 0;
    this.#frame = this.#frame ? this.#deliver(this.#frame) : this.#expect(this.#header.readUInt32BE());
  }

  /** The length is checked before anything of that size is kept. */
  #expect(length: number): Buffer | undefined {
    if (length <= this.#bounds.takenBytes)
      return length > 0 ? Buffer.allocUnsafe(length) : this.#deliver(Buffer.alloc(0));
    const reason = new SpreadError("bad-message", "the other end sent a frame above the size limit");
    this.#gone ??= reason;
    this.#mailbox.fail(reason);
    this.#socket.destroy();
    return undefined;
  }

  #deliver(frame: Buffer): undefined {
    this.#mailbox.push(frame);
  }
}

function lost(): SpreadError {
  return new SpreadError("link-lost", "the connection was lost");
}
