/**
 * Who is read when many have much to say. Node reads a socket up to 32 times in a row, 64 KiB each, before it looks at the
 * next one; here nobody is read again before everybody else once that has taken too long.
 */
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { WebSocket } from "ws";
import type { Settings } from "../config/settings.ts";

/** When somebody was first read in this turn of the event loop, which all relays of a process share. */
let turnBegan: number | undefined;

function endTurn(): void {
  turnBegan = undefined;
}

/** Said in front of what handles a read. @returns when that was, for `hasToWait`. */
export function readBegins(): number {
  const now = performance.now();
  if (turnBegan === undefined) {
    turnBegan = now;
    setImmediate(endTurn);
  }
  return now;
}

/** Whether whoever was read, and that is handled now, is to wait until everybody else has been. */
export function hasToWait(began: number, { readMs, turnMs }: Settings): boolean {
  const now = performance.now();
  return now - began > readMs || now - (turnBegan ?? now) >= turnMs;
}

/** Has a WebSocket that nobody else pauses by its socket wait in that way. A peer sees to it itself. */
export function waitInTurn(ws: WebSocket, socket: Socket, settings: Settings): void {
  let began = 0;
  let waits = false;
  // ws handles a chunk between these two, with all frames that end in it.
  socket.prependListener("data", () => {
    began = readBegins();
  });
  socket.on("data", () => {
    if (!hasToWait(began, settings)) return;
    socket.pause();
    if (waits) return;
    waits = true;
    setImmediate(() => {
      waits = false;
      // Whoever paused it meanwhile resumes it.
      if (!ws.isPaused) ws.resume();
    });
  });
}
