/**
 * Who is read next when many have much to say. Node reads a socket up to 32 times in a row, 64 KiB each, before it looks at the
 * next one. Here, once that has taken too long, nobody is read again before everybody else.
 */
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { WebSocket } from "ws";
import type { Settings } from "../config/settings.ts";

/** When anybody was first read in this turn of the event loop, which all relays of a process share. */
let turnBegan: number | undefined;

function endTurn(): void {
  turnBegan = undefined;
}

/** Called before a read is handled. @returns when that was, for `hasToWait`. */
export function readBegins(): number {
  const now = performance.now();
  if (turnBegan === undefined) {
    turnBegan = now;
    setImmediate(endTurn);
  }
  return now;
}

/** Whether a connection whose read has been handled is to wait until everybody else has been read. */
export function hasToWait(began: number, { readMs, turnMs }: Settings): boolean {
  const now = performance.now();
  return now - began > readMs || now - (turnBegan ?? now) >= turnMs;
}

/** Makes a WebSocket wait in that way by pausing its socket, which nobody else does. A peer does the same itself. */
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
      // If somebody has paused it meanwhile, that one resumes it.
      if (!ws.isPaused) ws.resume();
    });
  });
}
