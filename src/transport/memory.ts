/** Two links in one process, joined back to back: what the protocol's tests run on, and the plainest example of a link. */
import { SpreadError } from "../errors.ts";
import { type Frame, type FrameBounds, type Link, USUAL_BOUNDS } from "./link.ts";
import { Mailbox } from "./mailbox.ts";

/**
 * @param address what both ends take the other's address to be.
 * @param bounds of the first end; the second one takes what it sends, and the other way round.
 */
export function memoryLinks(address?: string, bounds = USUAL_BOUNDS): [Link, Link] {
  const left = new MemoryLink(address, bounds);
  const right = new MemoryLink(address, { sentBytes: bounds.takenBytes, takenBytes: bounds.sentBytes });
  left.join(right);
  right.join(left);
  return [left, right];
}

class MemoryLink implements Link {
  readonly address: string | undefined;
  readonly #bounds: FrameBounds;
  readonly #mailbox = new Mailbox({
    pause: () => {
      this.#full = new Promise((resolve) => {
        this.#drained = resolve;
      });
    },
    resume: () => this.#drained(),
  });
  #full: Promise<void> = Promise.resolve();
  #drained: () => void = () => {};
  /** Set by `join`, before anybody else sees the link. */
  #peer!: MemoryLink;
  #gone: SpreadError | undefined;

  constructor(address: string | undefined, bounds: FrameBounds) {
    this.address = address;
    this.#bounds = bounds;
  }

  join(peer: MemoryLink): void {
    this.#peer = peer;
  }

  get open(): boolean {
    return this.#gone === undefined;
  }

  async send(frame: Frame): Promise<void> {
    const bytes = typeof frame === "string" ? Buffer.from(frame) : Buffer.concat([frame].flat());
    if (bytes.length > this.#bounds.sentBytes)
      throw new SpreadError("internal", "a frame is larger than a link carries");
    if (this.#gone) throw this.#gone;
    this.#peer.#mailbox.push(bytes);
    await this.#peer.#full;
    if (this.#gone) throw this.#gone;
  }

  receive(): Promise<Uint8Array | undefined> {
    return this.#mailbox.pull();
  }

  async close(): Promise<void> {
    if (this.#gone) return;
    this.#leave(new SpreadError("link-lost", "the link is closed"));
    this.#peer.#left(true);
  }

  abort(reason: SpreadError): void {
    if (this.#gone) return;
    this.#leave(reason);
    this.#peer.#left(false);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #leave(reason: SpreadError): void {
    this.#gone = reason;
    this.#mailbox.cut(reason);
  }

  /** The other end has gone: what it sent can still be read; nothing can be sent any more. */
  #left(clean: boolean): void {
    if (this.#gone) return;
    this.#gone = new SpreadError("link-lost", "the other end has gone");
    if (clean) this.#mailbox.end();
    else this.#mailbox.fail(this.#gone);
    this.#drained();
    this.#peer.#drained();
  }
}
