/**
 * Bytes both ways between a TCP socket and a stream, each end as fast as the other takes them. A half that ends is ended on
 * the other side; whatever breaks, breaks both. What the bytes mean is nobody's business here.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

export interface BridgeLimits {
  /** How long the socket may take nothing while there is something to take, in ms. */
  readonly stalledMs?: number;
  /** How long one half may go on after the other has ended, in ms. */
  readonly halfOpenMs: number;
  /** The socket's half is over before it begins: what it says is dropped. */
  readonly answerOnly?: boolean;
}

export type BridgeEnd =
  /** Both halves ended in order. */
  "done" | "socket-lost" | "stream-lost" | "stalled" | "half-open";

/** Owns both from here on. Settles once both are closed, and never rejects. */
export function bridge(socket: Socket, stream: Duplex, limits: BridgeLimits): Promise<BridgeEnd> {
  const { stalledMs, halfOpenMs, answerOnly = false } = limits;
  let cause: BridgeEnd | undefined;
  let stallTimer: NodeJS.Timeout | undefined;
  let halfOpenTimer: NodeJS.Timeout | undefined;
  const cut = (why: BridgeEnd) => {
    cause ??= why;
    socket.destroy();
    stream.destroy();
  };
  const inOrder = (side: Duplex) => side.readableEnded && side.writableFinished;

  socket.on("error", () => cut("socket-lost"));
  stream.on("error", () => cut("stream-lost"));
  const limitOtherHalf = () => {
    halfOpenTimer ??= setTimeout(() => cut("half-open"), halfOpenMs);
  };
  for (const side of [socket, stream]) side.once("end", limitOtherHalf);
  if (answerOnly) {
    limitOtherHalf();
    socket.resume();
  } else socket.pipe(stream);
  stream.on("data", (chunk: Buffer) => {
    if (socket.write(chunk)) return;
    stream.pause();
    clearTimeout(stallTimer);
    if (stalledMs !== undefined) stallTimer = setTimeout(() => cut("stalled"), stalledMs);
  });
  socket.on("drain", () => {
    clearTimeout(stallTimer);
    stream.resume();
  });
  stream.once("end", () => {
    socket.end();
    if (answerOnly) stream.end();
  });
  const closed = (side: Duplex, lost: BridgeEnd) =>
    new Promise<void>((resolve) => {
      const onClose = () => {
        if (!inOrder(side)) cut(lost);
        resolve();
      };
      if (side.closed) onClose();
      else side.once("close", onClose);
    });
  const both = [closed(socket, "socket-lost"), closed(stream, "stream-lost")];
  stream.resume();
  return Promise.all(both).then(() => {
    clearTimeout(stallTimer);
    clearTimeout(halfOpenTimer);
    return cause ?? "done";
  });
}
