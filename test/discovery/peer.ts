/** A process inside a namespace that advertises, looks, and lets itself be asked for more than the product would do. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Service, Sighting } from "../../src/discovery/mdns.ts";
import { later } from "../support/later.ts";
import type { Namespace } from "../support/namespaces.ts";

const MDNS = fileURLToPath(new URL("../../dist/discovery/mdns.js", import.meta.url));

/** What runs inside. It has no words of its own on stdout: whatever comes there, a library has said. */
const PROGRAM = `
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import Bonjour from "bonjour-service";
import { advertise, look } from ${JSON.stringify(MDNS)};

const advertised = [];
const watched = { up: [], down: [] };
let seen = 0;
const calls = {
  async advertise(service, room, port) {
    const advertisement = await advertise(service, room, port);
    if (advertisement) advertised.push(advertisement);
    return advertisement?.instance;
  },
  async goodbye() {
    const start = performance.now();
    await Promise.all(advertised.map((it) => it.close()));
    return performance.now() - start;
  },
  async look(service, { ms, count, room }) {
    const start = performance.now();
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), ms);
    const found = [];
    for await (const sighting of look(service, stop.signal, room)) {
      seen += 1;
      found.push({ ...sighting, afterMs: performance.now() - start });
      if (found.length === count) break;
    }
    clearTimeout(timer);
    return { found, aborted: stop.signal.aborted };
  },
  seen: () => seen,
  /** Answers every question with these datagrams, as they are. */
  answer(datagrams) {
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    socket.on("message", (message) => {
      const asks = message.length > 12 && (message[2] & 0x80) === 0 && message.readUInt16BE(4) > 0;
      if (asks) for (const datagram of datagrams) socket.send(Buffer.from(datagram, "hex"), 5353, "224.0.0.251");
    });
    return new Promise((ready) => socket.bind(5353, () => {
      socket.addMembership("224.0.0.251", "127.0.0.1");
      socket.setMulticastInterface("127.0.0.1");
      ready();
    }));
  },
  /** Asks this, and counts the answers until none has come for half a second. */
  ask(datagram) {
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    let answers = 0;
    return new Promise((done) => {
      const quiet = setTimeout(() => socket.close(() => done(answers)), 500);
      socket.on("message", (message) => {
        if ((message[2] & 0x80) === 0) return;
        answers += 1;
        quiet.refresh();
      });
      socket.bind(5353, () => {
        socket.addMembership("224.0.0.251", "127.0.0.1");
        socket.setMulticastInterface("127.0.0.1");
        socket.send(Buffer.from(datagram, "hex"), 5353, "224.0.0.251");
      });
    });
  },
  /** Says these to all once, one after another, when somebody has asked. */
  async hurl(datagrams) {
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    await new Promise((ready) => socket.bind(5353, ready));
    socket.addMembership("224.0.0.251", "127.0.0.1");
    socket.setMulticastInterface("127.0.0.1");
    await new Promise((asked) => socket.on("message", (message) => {
      if (message.length > 12 && (message[2] & 0x80) === 0 && message.readUInt16BE(4) > 0) asked();
    }));
    for (const datagram of datagrams) {
      await new Promise((sent) => socket.send(Buffer.from(datagram, "hex"), 5353, "224.0.0.251", sent));
    }
    await new Promise((closed) => socket.close(closed));
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
      const socket = connect({ host, port, timeout: 2000 });
      for (const event of ["connect", "error", "timeout"]) socket.once(event, () => {
        socket.destroy();
        done(event === "connect");
      });
    });
  },
  /** The longest time for which nothing else was done, in ms, since it was asked for last. */
  held() {
    const ms = delays.max / 1e6;
    delays.reset();
    return ms;
  },
  leave() {
    delays.disable();
    process.disconnect();
  },
};
const delays = monitorEventLoopDelay({ resolution: 1 });
delays.enable();
process.on("message", async ({ id, call, args }) => {
  const result = await calls[call](...args);
  if (process.connected) process.send({ id, result });
});
process.send({ id: 0 });
`;

export interface Looked {
  readonly found: readonly (Sighting & { readonly afterMs: number })[];
  /** It went on until its time was over. */
  readonly aborted: boolean;
}

export class Peer {
  readonly child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(reason: Error): void }>();
  #calls = 0;
  #stdout = "";
  #stderr = "";

  static async start(namespace: Namespace): Promise<Peer> {
    const peer = new Peer(namespace);
    await peer.#answer(0);
    return peer;
  }

  private constructor(namespace: Namespace) {
    this.child = namespace.spawn(process.execPath, ["--input-type=module", "--eval", PROGRAM], {
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

  advertise(service: Service, room: string, port: number): Promise<string | undefined> {
    return this.#call("advertise", service, room, port);
  }

  /** @returns how long it took, in ms. */
  goodbye(): Promise<number> {
    return this.#call("goodbye");
  }

  /** @param until how many sightings are enough, after how long it is given up, and the room where it is known. */
  look(service: Service, until: { count?: number; ms?: number; room?: string } = {}): Promise<Looked> {
    return this.#call("look", service, { ms: 10_000, ...until });
  }

  /** How many sightings all looks have had by now. */
  seen(): Promise<number> {
    return this.#call("seen");
  }

  answer(datagrams: readonly Buffer[]): Promise<void> {
    return this.#call(
      "answer",
      datagrams.map((it) => it.toString("hex")),
    );
  }

  /** @returns how many datagrams answered to this one. */
  ask(datagram: Buffer): Promise<number> {
    return this.#call("ask", datagram.toString("hex"));
  }

  /** Settles when all is said. */
  hurl(datagrams: readonly Buffer[]): Promise<void> {
    return this.#call(
      "hurl",
      datagrams.map((it) => it.toString("hex")),
    );
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

  held(): Promise<number> {
    return this.#call("held");
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
