/**
 * The protocol as shares and receivers use it, whichever version is spoken: version2.ts, or version 1 (legacy/) if the user
 * asked for it. The two are never negotiated.
 */

import type { Kind, Part } from "../content/part.ts";
import type { ServiceType } from "../discovery/mdns.ts";
import { SpreadError } from "../errors.ts";
import type { RefusedReason } from "../protocol/messages.ts";
import type { Outgoing } from "../protocol/transfer.ts";
import type { FrameBounds, Link } from "../transport/link.ts";
import type { ShareGate } from "./gate.ts";

/** A version of the protocol, for both ends. */
export interface Protocol {
  /** Version 1: it has no codes, and whoever records a transfer can test guesses at its passphrase. */
  readonly legacy: boolean;
  /** A secret for a share whose user chose none. */
  newSecret(): string;
  /** @throws SpreadError for a document that this version cannot carry. */
  sender(secret: string, gate: ShareGate, document: Outgoing): Promise<SenderVersion>;
  /**
   * @param room the room that must answer; undefined if only a passphrase is known.
   * @param maxBytes the largest document that can be kept.
   */
  receiver(secret: string, room: string | undefined, maxBytes: number): ReceiverVersion;
}

export interface Version {
  /** The name of its shares on a LAN. */
  readonly service: ServiceType;
  readonly bounds: FrameBounds;
}

/** A version as one share speaks it. */
export interface SenderVersion extends Version {
  /** @returns a visitor that has proved itself. @throws SpreadError why it was sent away. The caller keeps the link. */
  admit(link: Link, share: { readonly room: string; readonly expiresAt: Date }): Promise<Admitted>;
  /** Ends the visit of a peer that has proved nothing, at any step. Never throws. */
  sendAway(link: Link, reason: RefusedReason): Promise<void>;
}

export interface Admitted {
  /** The name of its transfer, the same on every link; undefined until it has begun. */
  readonly name: string | undefined;
  /** Sends the document, or the rest of it. Acquires and releases its slot of the gate. @throws SpreadError */
  transfer(): Promise<void>;
  /** Tells the other end why we give up, if it can still be reached. Never throws. */
  giveUp(error: SpreadError): Promise<void>;
}

/** A version as one call to receive speaks it. */
export interface ReceiverVersion extends Version {
  /** The room that was asked for, or that a proven sender has named. */
  readonly room: string | undefined;
  /**
   * Proves that we know the secret, and has the sender prove it. On a later link of the same call the document continues.
   * @returns the document that is about to come; or, if the sender has not proved itself, the failure: then nothing it said
   *   is believed. The link is closed after any failure.
   * @throws SpreadError what a proven sender says, or `wrong-sender` once too many peers have proved nothing.
   */
  handshake(link: Link): Promise<Arrival | SpreadError>;
}

/** The link was lost without an answer, or with one that proves nothing: the right answer may come over another link. */
export class Unanswered extends SpreadError {
  /** Whether our READY had left: the sender may have begun, and hold or even have spent our slot. */
  readonly begun: boolean;

  constructor({ code, message }: SpreadError, begun: boolean) {
    super(code, message);
    this.begun = begun;
  }
}

export interface Arrival {
  readonly kind: Kind;
  /** The sender's words, not cleaned. */
  readonly title: string;
  /** ISO 8601, if the sender said it. */
  readonly sharedAt: string | undefined;
  /** At least one: the document first, then what comes along. Concatenated they are the content. */
  readonly parts: readonly Part[];
  /** Of the whole content, in lower-case hex. */
  readonly sha256: string;
  /** What the user should know of this version. */
  readonly warnings: readonly string[];
  /** For how many seconds the sender resumes the transfer over another link; undefined if it has not said. */
  readonly expiresIn: number | undefined;
  /** The chunks that this link brings and no earlier one did. Call it once. @throws SpreadError */
  chunks(): AsyncIterable<Uint8Array>;
  /** The content, whose digest is checked at its end. @param chunks of all links, in order. */
  assemble(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** Tells the sender that the content is kept. @returns whether it confirms that. @throws SpreadError */
  giveReceipt(): Promise<boolean>;
  /** As `Admitted.giveUp`. */
  giveUp(error: SpreadError): Promise<void>;
}
