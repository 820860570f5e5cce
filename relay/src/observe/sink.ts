/**
 * Where the log's lines go: a file descriptor whose other end may be full, gone, or read by nobody. None of that may stop a
 * transfer, or keep the process from its end: lines are lost instead. pino's own destination would retry without end as it closes.
 */
import { fstatSync, writeSync } from "node:fs";
import { Socket } from "node:net";

/** Lines that have not been taken yet, in bytes. Beyond, they are lost. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

export interface Sink {
  write(line: string): void;
  /** Gives what is left a last chance of `ms`, and lets go. */
  close(ms: number): Promise<void>;
}

export function openSink(fd: number): Sink {
  const kind = fstatSync(fd);
  return kind.isFIFO() || kind.isSocket() ? new PipeSink(fd) : new FileSink(fd);
}

/** A file, a terminal or a device takes what it is given at once, or fails at once. */
class FileSink implements Sink {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(line: string): void {
    try {
      writeSync(this.#fd, line);
    } catch {
      // A full disk takes the log and nothing else.
    }
  }

  async close(): Promise<void> {}
}

/** A pipe is full when its reader stops: here it is written to without waiting. */
class PipeSink implements Sink {
  readonly #socket: Socket;

  constructor(fd: number) {
    this.#socket = new Socket({ fd, readable: false, writable: true });
    // The reader has gone; the relay goes on.
    this.#socket.on("error", () => {});
  }

  write(line: string): void {
    if (this.#socket.writable && this.#socket.writableLength < MAX_BUFFERED_BYTES) this.#socket.write(line);
  }

  async close(ms: number): Promise<void> {
    if (this.#socket.destroyed) return;
    const timer = setTimeout(() => this.#socket.destroy(), ms);
    await new Promise((closed) => {
      this.#socket.once("close", closed).end(() => this.#socket.destroy());
    });
    clearTimeout(timer);
  }
}
