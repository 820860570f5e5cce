/**
 * Bytes both ways between a TCP socket and a stream, each end as fast as the other takes them. A half that ends is ended on
 * the other side; if one side breaks, both are cut. What the bytes mean does not matter here.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

interface BridgeLimits {
  /** How long either may take nothing while there is something to take, in ms. */
  readonly stalledMs?: number;
  /** How long one half may go on after the other has ended, in ms. */
  readonly halfOpenMs: number;
  /** The socket's half is over before it begins: what it says is dropped. */
  readonly answerOnly?: boolean;
}

/** Chunks that may wait for one end: each costs some 400 bytes, however few it has. */
const MAX_UNTAKEN_CHUNKS = 256;

type BridgeEnd =
  /** Both halves ended in order. */
  "done" | "socket-lost" | "stream-lost" | "stalled" | "half-open";

/** Owns both from here on. Settles once both are closed, and never rejects. */
export function bridge(socket: Socket, stream: Duplex, limits: BridgeLimits): Promise<BridgeEnd> {
  const { stalledMs, halfOpenMs, answerOnly = false } = limits;
  let cause: BridgeEnd | undefined;
  const stallTimers = new Map<Duplex, NodeJS.Timeout>();
  let halfOpenTimer: NodeJS.Timeout | undefined;
  const terminate = (why: BridgeEnd) => {
    cause ??= why;
    socket.destroy();
    stream.destroy();
  };
  const inOrder = (side: Duplex) => side.readableEnded && side.writableFinished;

  socket.on("error", () => terminate("socket-lost"));
  stream.on("error", () => terminate("stream-lost"));
  const limitOtherHalf = () => {
    halfOpenTimer ??= setTimeout(() => terminate("half-open"), halfOpenMs);
  };
  for (const side of [socket, stream]) side.once("end", limitOtherHalf);
  // While a side is paused, its end goes unnoticed: without a limit it would be kept for as long as the other is there.
  const carry = (from: Duplex, to: Duplex) => {
    let untaken = 0;
    const taken = () => {
      untaken -= 1;
      if (untaken > 0) return;
      clearTimeout(stallTimers.get(to));
      stallTimers.delete(to);
      from.resume();
    };
    from.on("data", (chunk: Buffer) => {
      untaken += 1;
      if (to.write(chunk, taken) && untaken < MAX_UNTAKEN_CHUNKS) return;
      from.pause();
      if (stalledMs !== undefined && !stallTimers.has(to))
        stallTimers.set(
          to,
          setTimeout(() => terminate("stalled"), stalledMs),
        );
    });
    from.once("end", () => to.end());
  };
  carry(stream, socket);
  if (answerOnly) {
    limitOtherHalf();
    stream.once("end", () => stream.end());
  } else carry(socket, stream);
  const closed = (side: Duplex, lost: BridgeEnd) =>
    new Promise<void>((resolve) => {
      const onClose = () => {
        if (!inOrder(side)) terminate(lost);
        resolve();
      };
      if (side.closed) onClose();
      else side.once("close", onClose);
    });
  const both = [closed(socket, "socket-lost"), closed(stream, "stream-lost")];
  stream.resume();
  socket.resume();
  return Promise.all(both).then(() => {
    for (const timer of stallTimers.values()) clearTimeout(timer);
    clearTimeout(halfOpenTimer);
    return cause ?? "done";
  });
}
