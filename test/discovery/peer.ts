/** A process inside a namespace that advertises, looks, and lets itself be asked for more than the product would do. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Announcement, ServiceType } from "../../src/discovery/mdns.ts";
import type { Clock } from "../support/clock.ts";
import { later } from "../support/later.ts";
import type { Namespace } from "../support/namespaces.ts";
import { TYPE } from "./datagram.ts";

const MDNS = fileURLToPath(new URL("../../dist/discovery/mdns.js", import.meta.url));

/** What runs inside. It has no words of its own on stdout: whatever comes there, a library has said. */
const PROGRAM = `
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import Bonjour from "bonjour-service";
import { advertise, look } from ${JSON.stringify(MDNS)};

const advertised = [];
const watched = { up: [], down: [] };
let seen = 0;
let tell;
let answering;
let listening;
let questions = 0;
const calls = {
  async advertise(service, room, port) {
    const advertisement = await advertise(service, room, port);
    if (advertisement) advertised.push(advertisement);
    return advertisement?.instance;
  },
  async goodbye() {
    await Promise.all(advertised.map((it) => it.close()));
  },
  async look(service, { count, last, room }) {
    const found = [];
    for await (const announcement of look(service, new AbortController().signal, room)) {
      seen += 1;
      found.push(announcement);
      if (found.length === count || announcement.room === last) break;
    }
    return found;
  },
  seen: () => seen,
  /** Whoever asks first is told the first of these lists of datagrams, and so on; further questions get the last list. */
  async answer(...lists) {
    let asked = 0;
    tell = (socket) => {
      const list = lists[Math.min(asked, lists.length - 1)];
      asked += 1;
      for (const datagram of list) say(socket, datagram);
    };
    answering ??= await onNetwork(LOOPBACK, (message, socket) => asks(message) && tell(socket));
  },
  /** How many answers a question gets, each in a datagram. The fence is another one, whose answer is a single SRV record. */
  async countAnswers(question, fence) {
    let answers = 0;
    let passed = () => {};
    const socket = await onNetwork(LOOPBACK, (message) => {
      // What has more than one record comes unasked: a service is announced again and again.
      if (asks(message) || message.length <= 12 || message.readUInt16BE(6) !== 1) return;
      if (firstType(message) === ${TYPE.SRV}) passed();
      else answers += 1;
    });
    const throughFence = () => new Promise((resolve) => {
      passed = resolve;
      say(socket, fence);
    });
    await throughFence(); // what others have asked is answered
    answers = 0;
    say(socket, question);
    await throughFence();
    socket.close();
    return answers;
  },
  /** How many questions were heard on the network of this address since this was called first. */
  async questions(address) {
    listening ??= onNetwork(address, (message) => {
      if (asks(message)) questions += 1;
    });
    await listening;
    return questions;
  },
  /** Takes the port for itself alone. */
  hold() {
    return new Promise((ready) => createSocket("udp4").bind(5353, ready));
  },
  listen() {
    const server = createServer((socket) => socket.end()).listen(0);
    return new Promise((ready) => server.once("listening", () => ready(server.address().port)));
  },
  /** Sees what comes to the network of this address, and what says goodbye to it. */
  watch(address) {
    const browser = new Bonjour({ interface: address, bind: "0.0.0.0" }).find({ type: "claude-spread" });
    browser.on("up", ({ name }) => watched.up.push(name));
    browser.on("down", ({ name }) => watched.down.push(name));
  },
  watched: () => watched,
  /** Connects, and neither says anything nor leaves. */
  stay(host, port) {
    return new Promise((ready) => connect({ host, port, allowHalfOpen: true }, ready));
  },
  dial(host, port) {
    return new Promise((done) => {
      const socket = connect({ host, port });
      for (const event of ["connect", "error"]) socket.once(event, () => {
        socket.destroy();
        done(event === "connect");
      });
    });
  },
  /** Processor time that this process has had, in ms. */
  cost() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  leave: () => process.disconnect(),
};

const LOOPBACK = "127.0.0.1";
const GROUP = "224.0.0.251";
async function onNetwork(address, hear) {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  socket.unref(); // the process ends as it would without
  socket.on("message", (message) => hear(message, socket));
  await new Promise((ready) => socket.bind(5353, ready));
  socket.addMembership(GROUP, address);
  socket.setMulticastInterface(address);
  return socket;
}
const say = (socket, datagram) => socket.send(Buffer.from(datagram, "hex"), 5353, GROUP);
const asks = (message) => message.length > 12 && (message[2] & 0x80) === 0 && message.readUInt16BE(4) > 0;
function firstType(message) {
  let at = 12;
  while (message[at] > 0) at += 1 + message[at];
  return message.readUInt16BE(at + 1);
}
process.on("message", async ({ id, call, args }) => {
  const result = await calls[call](...args);
  if (process.connected) process.send({ id, result });
});
process.send({ id: 0 });
`;

const hex = (datagram: Buffer) => datagram.toString("hex");

export class Peer {
  readonly child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(reason: Error): void }>();
  #calls = 0;
  #stdout = "";
  #stderr = "";

  /** @param clock what it goes by, if not by real time. */
  static async start(namespace: Namespace, clock?: Clock): Promise<Peer> {
    const peer = new Peer(namespace, clock ? [clock.preload] : []);
    await peer.#answer(0);
    return peer;
  }

  private constructor(namespace: Namespace, flags: readonly string[]) {
    this.child = namespace.spawn(process.execPath, [...flags, "--input-type=module", "--eval", PROGRAM], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.child.stdout?.on("data", (text) => {
      this.#stdout += text;
    });
    this.child.stderr?.on("data", (text) => {
      this.#stderr += text;
    });
    this.child.on("message", ({ id, result }: { id: number; result: unknown }) => {
      this.#waiting.get(id)?.resolve(result);
      this.#waiting.delete(id);
    });
    this.child.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the process has ended: ${this.#stderr}`));
    });
    later(() => expect.soft([this.#stdout, this.#stderr], "nothing was printed").toEqual(["", ""]));
  }

  advertise(service: ServiceType, room: string, port: number): Promise<string | undefined> {
    return this.#call("advertise", service, room, port);
  }

  goodbye(): Promise<void> {
    return this.#call("goodbye");
  }

  /**
   * Looks for as long as it takes.
   * @param until how many announcements are enough, or whose is the last one; else the look has to end by itself. And the room,
   *   where it is known.
   */
  look(service: ServiceType, until: { count?: number; last?: string; room?: string } = {}): Promise<Announcement[]> {
    return this.#call("look", service, until);
  }

  /** How many announcements all looks have had by now. */
  seen(): Promise<number> {
    return this.#call("seen");
  }

  /** From now on, whoever asks first is told the first of these lists, and so on; further questions get the last list. */
  answer(...lists: (readonly Buffer[])[]): Promise<void> {
    return this.#call("answer", ...lists.map((list) => list.map(hex)));
  }

  /** @param fence a question that gets one answer, a single SRV record. @returns how many datagrams answer to the other one. */
  countAnswers(question: Buffer, fence: Buffer): Promise<number> {
    return this.#call("countAnswers", hex(question), hex(fence));
  }

  /** How many questions were heard on the network of this address of ours since this was called first. */
  questions(address = "127.0.0.1"): Promise<number> {
    return this.#call("questions", address);
  }

  hold(): Promise<void> {
    return this.#call("hold");
  }

  listen(): Promise<number> {
    return this.#call("listen");
  }

  dial(host: string, port: number): Promise<boolean> {
    return this.#call("dial", host, port);
  }

  watch(address: string): Promise<void> {
    return this.#call("watch", address);
  }

  watched(): Promise<{ readonly up: readonly string[]; readonly down: readonly string[] }> {
    return this.#call("watched");
  }

  stay(host: string, port: number): Promise<void> {
    return this.#call("stay", host, port);
  }

  /** Processor time that it takes the process, in ms, while something is done. */
  async costOf(work: () => Promise<unknown>): Promise<number> {
    const before = await this.#call<number>("cost");
    await work();
    return (await this.#call<number>("cost")) - before;
  }

  /** Until the process has ended, which nobody makes it do. @returns its exit code. */
  async leave(): Promise<number | null> {
    this.child.send({ call: "leave", args: [] });
    const [code] = await once(this.child, "exit");
    return code as number | null;
  }

  async #call<T>(call: string, ...args: unknown[]): Promise<T> {
    const id = ++this.#calls;
    this.child.send({ id, call, args });
    return (await this.#answer(id)) as T;
  }

  #answer(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }
}
