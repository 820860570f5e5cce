/** One link through a relay: the receiver's own connection, or one visit to a sender's room. */
import { SpreadError } from "../errors.ts";
import { type Frame, type FrameBounds, frameBytes, type Link } from "./link.ts";
import { Mailbox } from "./mailbox.ts";
import type { Connection } from "./relay-connection.ts";

/** A proof is never a visitor's first frame. */
const FRAMES_WITH_PROOF = 2;

/** What a sender's room tells a link about its visitor, and hears from it. */
interface RelayVisit {
  /** The relay's name for the visitor's network. */
  readonly tag: string | undefined;
  /** Whether others are waiting for their turn. */
  readonly contended: boolean;
  /** Called when this end is done with the link. */
  readonly onDone: () => void;
  /** Called when the visitor has failed an attempt. */
  readonly onAttemptFailed: () => void;
}

export class RelayLink implements Link {
  readonly address: string | undefined;
  readonly contended: boolean;
  readonly #mailbox: Mailbox;
  readonly #connection: Connection;
  /** A shared connection belongs to the room and outlives this link. */
  readonly #ownership: "own" | "shared";
  readonly #bounds: FrameBounds;
  readonly #visit: RelayVisit | undefined;
  #left = false;
  #heardFrames = 0;
  readonly #sending = new Set<(reason: SpreadError) => void>();
  #gone: SpreadError | undefined;

  constructor(connection: Connection, ownership: "own" | "shared", bounds: FrameBounds, visit?: RelayVisit) {
    this.#connection = connection;
    this.#visit = visit;
    this.address = visit?.tag && `relay ${visit.tag}`;
    this.contended = visit?.contended ?? false;
    this.#ownership = ownership;
    this.#bounds = bounds;
    this.#mailbox = new Mailbox(connection);
  }

  get open(): boolean {
    return this.#gone === undefined;
  }

  /** Whether the visitor may have sent a wrong proof that this end has not judged yet. */
  get mayHoldProof(): boolean {
    return !this.#left && this.#heardFrames >= FRAMES_WITH_PROOF;
  }

  attemptFailed(): void {
    this.#visit?.onAttemptFailed();
  }

  async send(frame: Frame): Promise<void> {
    if (frameBytes(frame) > this.#bounds.sentBytes)
      throw new SpreadError("internal", "a frame is larger than a link carries");
    if (this.#gone) throw this.#gone;
    await new Promise<void>((sent, failed) => {
      this.#sending.add(failed);
      this.#connection.send(Array.isArray(frame) ? Buffer.concat(frame) : frame, (cause) => {
        this.#sending.delete(failed);
        if (cause) failed(new SpreadError("link-lost", "the connection to the relay was lost", { cause }));
        else sent();
      });
    });
  }

  receive(): Promise<Uint8Array | undefined> {
    return this.#mailbox.pull();
  }

  async close(): Promise<void> {
    this.#leave(new SpreadError("link-lost", "the link is closed"));
    if (this.#ownership === "own") await this.#connection.close();
  }

  abort(reason: SpreadError): void {
    if (this.#gone) return;
    this.#leave(reason);
    if (this.#ownership === "own") this.#connection.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  deliver(frame: Uint8Array): void {
    this.#heardFrames += 1;
    if (frame.length <= this.#bounds.takenBytes) this.#mailbox.push(frame);
    else this.end(new SpreadError("bad-message", "the other end sent a frame above the size limit"));
  }

  /** The peer has gone: what it sent can still be read, but nothing can be sent. @param reason undefined after a clean end. */
  end(reason: SpreadError | undefined): void {
    this.#fail(reason ?? new SpreadError("link-lost", "the other end has gone"));
    if (reason) this.#mailbox.fail(reason);
    else this.#mailbox.end();
  }

  #leave(reason: SpreadError): void {
    this.#fail(reason);
    this.#mailbox.cut(reason);
    this.#left = true;
    this.#visit?.onDone();
  }

  #fail(reason: SpreadError): void {
    this.#gone ??= reason;
    for (const failed of this.#sending) failed(reason);
    this.#sending.clear();
  }
}
