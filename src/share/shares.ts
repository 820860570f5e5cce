/** The shares of one process: those that live, and the last ones that ended, so that their outcome can still be shown. */
import { SpreadError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Share, ShareRequest } from "./sender.ts";

/** Living shares at once, across all sessions of a user: each holds a port and a connection. */
const MAX_LIVING = 100;
/** Ended shares that are kept, without their content. */
const MAX_ENDED = 50;

export class Shares implements AsyncDisposable {
  readonly #log: Logger;
  #shares: Share[] = [];
  #opening = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** The newest last. */
  get all(): readonly Share[] {
    return this.#shares;
  }

  /** @throws SpreadError `too-many-shares`, and whatever `openShare` throws. The content is closed then. */
  async open(request: ShareRequest, signal: AbortSignal): Promise<Share> {
    if (this.#living().length + this.#opening >= MAX_LIVING) {
      await request.content[Symbol.asyncDispose]();
      throw new SpreadError("too-many-shares", `there are ${MAX_LIVING} shares already`);
    }
    this.#opening += 1;
    try {
      const { openShare } = await import("./sender.ts");
      const share = await openShare(request, signal, this.#log);
      this.#shares.push(share);
      this.#forgetOldest();
      return share;
    } finally {
      this.#opening -= 1;
    }
  }

  /** @returns the share, ended. @throws SpreadError `no-such-share`. */
  async stop(id: string): Promise<Share> {
    const share = this.#shares.find((it) => it.id === id);
    if (!share) throw new SpreadError("no-such-share", "there is no share with this id");
    await share.stop();
    return share;
  }

  /** @returns those that were alive. */
  async stopAll(): Promise<Share[]> {
    const living = this.#living();
    await Promise.all(living.map((share) => share.stop()));
    return living;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAll();
  }

  #living(): Share[] {
    return this.#shares.filter((share) => share.endedAt === undefined);
  }

  #forgetOldest(): void {
    const ended = this.#shares.filter((share) => share.endedAt !== undefined);
    const forgotten = new Set(ended.slice(0, Math.max(0, ended.length - MAX_ENDED)));
    this.#shares = this.#shares.filter((share) => !forgotten.has(share));
  }
}
