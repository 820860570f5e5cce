/**
 * Transfers that stand still at a step of the protocol (src/protocol/README.md), so that something can be broken there. Between
 * a receiver and its sender, or its relay, is a wire that reads frames, and holds one of them back with all that follows.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { later } from "../support/later.ts";
import { until } from "../support/wait.ts";

export type Carrier = "lan" | "relay";

/** `up` is from the receiver. `frame` counts those of the protocol in that direction, from 0. */
interface Step {
  readonly way: "up" | "down";
  readonly frame: number;
}

/** Chunks of the documents that are sent here: the last one has what is left of a full one. */
const CHUNKS = 24;
export const DOCUMENT_BYTES = 65_536 * CHUNKS - 1000;

/** The frame that is held back. */
const STEPS = {
  "before HELLO": { way: "up", frame: 0 },
  "before PAKE": { way: "down", frame: 0 },
  "after PAKE, before CONFIRM": { way: "up", frame: 1 },
  "after CONFIRM, before READY": { way: "up", frame: 2 },
  "before OFFER": { way: "down", frame: 1 },
  "after OFFER, before content": { way: "down", frame: 2 },
  "in the middle of content": { way: "down", frame: 2 + CHUNKS / 2 },
  "before RECEIPT": { way: "up", frame: 3 },
  "before DELIVERED": { way: "down", frame: 2 + CHUNKS },
} as const satisfies Record<string, Step>;
export type StepName = keyof typeof STEPS;
export const STEP_NAMES = Object.keys(STEPS) as StepName[];

export interface Wire {
  readonly port: number;
  /** Until the conversation stands still at its step. */
  reached(): Promise<void>;
  /** What is held goes on. */
  release(): void;
  /** What is held is lost, and both ends see the end of the connection. */
  sever(): void;
  /** The same, and who comes is refused, as by a host on which nothing listens any more. */
  unplug(): void;
}

/** A wire to a port of this machine. Its first connection stops at the step; further ones pass. Gone after the test. */
export async function wireThatStops(target: number, carrier: Carrier, name: StepName): Promise<Wire> {
  const step: Step = STEPS[name];
  const open = new Set<Socket>();
  let connections = 0;
  let first: readonly Socket[] = [];
  let holds = false;
  let goOn: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    goOn = resolve;
  });

  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    const line = [near, far];
    if (connections++ === 0) first = line;
    const stops = first === line;
    for (const socket of line) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        for (const end of line) end.destroy();
      });
    }
    const stopAtStep = (way: Step["way"]) => {
      let frames = 0;
      return async ({ counts }: Unit) => {
        const isTheStep = counts && stops && step.way === way && frames++ === step.frame;
        if (!isTheStep) return;
        holds = true;
        await released;
      };
    };
    const reader = () => (carrier === "lan" ? lanFrames() : roomFrames());
    void pump(near, far, reader(), stopAtStep("up")).catch(() => near.destroy());
    void pump(far, near, reader(), stopAtStep("down")).catch(() => far.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  later(() => {
    goOn();
    for (const socket of open) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    reached: () => until(`it stands ${name}`, () => holds),
    release: () => goOn(),
    sever: () => {
      for (const socket of first) socket.destroy();
    },
    unplug: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Passes on all that comes, and then the end. @param mayPass is waited for before each unit. */
async function pump(from: Socket, to: Socket, reader: Reader, mayPass: (unit: Unit) => Promise<void>): Promise<void> {
  for await (const piece of from) {
    for (const unit of reader(piece as Buffer)) {
      await mayPass(unit);
      if (!to.write(unit.bytes)) await Promise.race([once(to, "drain"), once(to, "close")]);
    }
  }
  to.end();
}

/** Bytes that are passed on together. */
interface Unit {
  readonly bytes: Buffer;
  /** Whether that is a frame of the protocol between sender and receiver. */
  readonly counts: boolean;
}
type Reader = (piece: Buffer) => Unit[];

/** Four bytes of length, and the frame. */
function lanFrames(): Reader {
  return units((rest) => (rest.length < 4 ? undefined : { length: 4 + rest.readUInt32BE(), counts: true }));
}

/** WebSocket (RFC 6455, section 5.2): first the lines of HTTP, then JOIN_ROOM or its answer, and pings in between. */
function roomFrames(): Reader {
  let upgraded = false;
  let asked = false;
  return units((rest) => {
    if (!upgraded) {
      const end = rest.indexOf("\r\n\r\n");
      if (end < 0) return undefined;
      upgraded = true;
      return { length: end + 4, counts: false };
    }
    const head = headOf(rest);
    if (head === undefined) return undefined;
    const isData = head.opcode < 8;
    const counts = isData && asked;
    if (rest.length >= head.length) asked ||= isData;
    return { length: head.length, counts };
  });
}

function headOf(rest: Buffer): { length: number; opcode: number } | undefined {
  if (rest.length < 10 && rest.length < 2 + lengthBytes(rest[1])) return undefined;
  const short = (rest[1] ?? 0) & 0x7f;
  const mask = (rest[1] ?? 0) & 0x80 ? 4 : 0;
  const wide = lengthBytes(rest[1]);
  const content = wide === 0 ? short : wide === 2 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
  return { length: 2 + wide + mask + content, opcode: (rest[0] ?? 0) & 0x0f };
}

function lengthBytes(second: number | undefined): number {
  if (second === undefined) return 2;
  const short = second & 0x7f;
  return short < 126 ? 0 : short === 126 ? 2 : 8;
}

/** @param next how long the first unit is; undefined if that cannot be seen yet. */
function units(next: (rest: Buffer) => { length: number; counts: boolean } | undefined): Reader {
  let rest = Buffer.alloc(0);
  return (piece) => {
    rest = Buffer.concat([rest, piece]);
    const whole: Unit[] = [];
    for (let unit = next(rest); unit !== undefined && rest.length >= unit.length; unit = next(rest)) {
      whole.push({ bytes: rest.subarray(0, unit.length), counts: unit.counts });
      rest = rest.subarray(unit.length);
    }
    return whole;
  };
}
