/** What stands between or behind two servers: relays, wires that stop half-way, and hosts that are no senders. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { startRelay } from "../../relay/src/relay.ts";
import { later } from "../support/later.ts";
import type { TestServer } from "../support/server.ts";
import { eventually, until } from "../support/wait.ts";

type Relay = Awaited<ReturnType<typeof startRelay>>;

/** @param lasting until the last test of the file is over. */
export async function relayHere(settings: Parameters<typeof startRelay>[0] = {}, lasting = false): Promise<Relay> {
  const relay = await startRelay({ host: "127.0.0.1", port: 0, stopMs: 100, ...settings });
  later(() => relay.stop(), lasting);
  return relay;
}

/**
 * The relay as people run it.
 * @param options.inside a command that runs it in another network.
 * @param options.flags of its own.
 * @param options.settings some that no flag sets: then it is not run by its own program, and has no flags and no log.
 * @param options.node of the Node that it runs in.
 */
export async function relayProcess({
  inside = [] as readonly string[],
  host = "127.0.0.1",
  port = 0,
  secret = "",
  flags = [] as readonly string[],
  settings = undefined as Parameters<typeof startRelay>[0],
  node = [] as readonly string[],
} = {}): Promise<{
  url: string;
  port: number;
  /** SIGKILL, if it is not told. */
  kill(signal?: NodeJS.Signals): void;
  /** When it has ended. */
  closed: Promise<unknown>;
}> {
  const script = settings ? "./relay-process.mjs" : "../../relay/dist/index.js";
  const entry = fileURLToPath(new URL(script, import.meta.url));
  const given = settings
    ? [JSON.stringify({ host, port, secret, ...settings })]
    : ["--host", host, "--port", String(port), ...flags];
  const [command = "", ...args] = [...inside, process.execPath, ...node, entry, ...given];
  const child = spawn(command, args, { env: { PATH: process.env.PATH, RELAY_SECRET: secret }, stdio: "pipe" });
  const closed = once(child, "close");
  const kill = (signal: NodeJS.Signals = "SIGKILL") => {
    child.kill(signal);
  };
  later(() => {
    kill();
    return closed;
  });
  let said = "";
  child.stdout.on("data", (text) => {
    said += text;
  });
  await until("the relay listens", () => said.includes("\n"));
  const url = /ws:\/\/[^"\s]+/.exec(said)?.[0] ?? said;
  return { url, port: Number(new URL(url).port), kill, closed };
}

export async function roomsOf({ port }: Pick<Relay, "port">): Promise<number> {
  const health = await fetch(`http://127.0.0.1:${port}/health`);
  return ((await health.json()) as { rooms: number }).rooms;
}

/** Something on a port of this machine, and how many have come to it. */
export async function host(visited: (socket: Socket) => unknown): Promise<{ port: number; visits: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    here.visits += 1;
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    visited(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  later(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const here = { port: (server.address() as AddressInfo).port, visits: 0 };
  return here;
}

interface Wire {
  readonly port: number;
  /** Connections that are open. */
  readonly open: number;
  /** Until it has let pass what it lets pass, and holds the rest. */
  full(): Promise<void>;
  /** From here on everything passes. */
  release(): void;
  /** The same, but what it holds is lost, with the connections: as where the machine behind it goes. */
  cut(): void;
}

/** Passes everything to a port of this machine, and back only so much until it is released. */
export async function wireTo(target: number, bytesBack: number): Promise<Wire> {
  let left = bytesBack;
  let open = 0;
  const held = new Set<Socket>();
  const { port } = await host((near) => {
    const far = connect(target, "127.0.0.1");
    open += 1;
    near.on("close", () => {
      open -= 1;
      far.destroy();
    });
    far.on("error", () => near.destroy());
    far.on("close", () => near.destroy());
    near.pipe(far);
    far.on("data", (bytes) => {
      near.write(bytes);
      left -= bytes.length;
      if (left > 0) return;
      held.add(far);
      far.pause();
    });
  });
  return {
    port,
    get open() {
      return open;
    },
    full: () => until("the wire holds what comes", () => held.size > 0),
    release: () => {
      left = Number.POSITIVE_INFINITY;
      for (const far of held) far.resume();
    },
    cut: () => {
      left = Number.POSITIVE_INFINITY;
      for (const far of held) far.destroy();
    },
  };
}

/** Passes everything to a sender's port, and breaks `times` times when a receiver says its `last` frame. @returns its port. */
export async function wireThatBreaks(target: number, last: number, times = Number.POSITIVE_INFINITY): Promise<number> {
  let left = times;
  const { port } = await host((near) => {
    const breaks = left-- > 0;
    const far = connect(target, "127.0.0.1");
    far.on("error", () => near.destroy());
    far.on("close", () => near.destroy());
    near.on("close", () => far.destroy());
    far.pipe(near);
    let seen = Buffer.alloc(0);
    let frames = 0;
    near.on("data", (bytes) => {
      seen = Buffer.concat([seen, bytes]);
      while (seen.length >= 4 && seen.length >= 4 + seen.readUInt32BE()) {
        const frame = seen.subarray(0, 4 + seen.readUInt32BE());
        seen = seen.subarray(frame.length);
        frames += 1;
        if (frames < last || !breaks) far.write(frame);
        else near.destroy();
      }
    });
  });
  return port;
}

/** A relay of one line. @returns its address. */
export async function falseRelay(heard: (ws: WebSocket) => void): Promise<string> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  server.on("connection", (ws) => ws.on("message", () => heard(ws)));
  later(() => {
    for (const ws of server.clients) ws.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const open = await new Promise<boolean>((resolve) => {
    socket.on("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
  });
  socket.destroy();
  return open;
}

/** A call of distill_receive that may go on for as long as its share would have lived. */
export function patient(receiver: TestServer, args: Record<string, unknown>) {
  const cancel = new AbortController();
  let looksAgain = false;
  let over = false;
  const onprogress = ({ message }: { message?: string | undefined }) => {
    looksAgain ||= message?.includes("trying again") ?? false;
  };
  const ended = receiver
    .call("distill_receive", args, { signal: cancel.signal, onprogress })
    .then(
      ({ text }) => text,
      () => "cancelled",
    )
    .finally(() => {
      over = true;
    });
  return {
    /** What it answered. */
    ended,
    /** Its sender ended, and had it told: or it looks for it until its user has had enough. */
    isInVain: async () => {
      await eventually(() => looksAgain || over).toBe(true);
      cancel.abort();
      expect(await ended).toMatch(/^(cancelled|Error share-ended)/);
      await eventually(() => receiver.kept("staging")).toEqual([]);
    },
  };
}
