/**
 * What is said over a link, as shares and receivers see it, whatever version of the protocol is spoken: version2.ts, or
 * version 1 (legacy/) where that was asked for. Nothing negotiates between the two.
 */

import type { Kind, Part } from "../content/part.ts";
import type { ServiceType } from "../discovery/mdns.ts";
import { SpreadError } from "../errors.ts";
import type { RefusedReason } from "../protocol/messages.ts";
import type { Outgoing } from "../protocol/transfer.ts";
import type { FrameBounds, Link } from "../transport/link.ts";
import type { ShareGate } from "./gate.ts";

/** A version of the protocol: how it is spoken at both ends. */
export interface Protocol {
  /** Version 1: its secret is a passphrase, which whoever recorded it can test, and it has no codes. */
  readonly legacy: boolean;
  /** For a share that was given none. */
  newSecret(): string;
  /** @throws SpreadError for a document that this version cannot carry. */
  sender(secret: string, gate: ShareGate, document: Outgoing): Promise<SenderVersion>;
  /**
   * @param room the room that must answer; undefined where only a passphrase is known.
   * @param maxBytes the largest document that can be kept.
   */
  receiver(secret: string, room: string | undefined, maxBytes: number): ReceiverVersion;
}

export interface Version {
  /** The name of its shares on a LAN. */
  readonly service: ServiceType;
  readonly bounds: FrameBounds;
}

/** A version, as one share speaks it. */
export interface SenderVersion extends Version {
  /** @returns a visitor that has proved itself. @throws SpreadError why it was sent away; the link stays the caller's. */
  admit(link: Link, share: { readonly room: string; readonly expiresAt: Date }): Promise<Admitted>;
  /** Ends a visit that has proved nothing, at whatever step it is. Never throws. */
  sendAway(link: Link, reason: RefusedReason): Promise<void>;
}

export interface Admitted {
  /** Of the transfer, on whatever links; undefined before it has begun. */
  readonly name: string | undefined;
  /** Sends the document, or what is missing of it. Its place is taken and given back in here. @throws SpreadError */
  transfer(): Promise<void>;
  /** Tells the other end why we give up, where that can be told. Never throws. */
  giveUp(error: SpreadError): Promise<void>;
}

/** A version, as one call to receive speaks it. */
export interface ReceiverVersion extends Version {
  /** Of the share: as it was asked for, or as the sender that has proved itself says. */
  readonly room: string | undefined;
  /**
   * Proves that we know the secret, and has the sender prove it. On a later link of the same call the same document goes on.
   * @returns the document that is about to come, or the failure, if the sender has not proved itself: then nothing that it
   *   said is believed. The link is closed for a failure.
   * @throws SpreadError what a sender says behind its proof, or `wrong-sender` once too many have proved nothing.
   */
  handshake(link: Link): Promise<Arrival | SpreadError>;
}

/** The link was lost before its answer came, or with an answer that proves nothing: the right one may come on another link. */
export class Unanswered extends SpreadError {
  /** Our READY had left: the sender may have begun, and hold or even have spent a place that is ours. */
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
  /** At least one: the document, and what comes along. One behind another they are what comes. */
  readonly parts: readonly Part[];
  /** Of all that comes, in lower-case hex. */
  readonly sha256: string;
  /** What the user should know of this version. */
  readonly warnings: readonly string[];
  /** Seconds for which the sender takes the document up again over another link; undefined if it has not said so. */
  readonly expiresIn: number | undefined;
  /** What has not come yet of the document, as it comes over this link. Once. @throws SpreadError */
  chunks(): AsyncIterable<Uint8Array>;
  /** The document, checked at its end. @param chunks of all links, one after another. */
  assemble(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** Says that the document is kept. @returns whether the sender answers that. @throws SpreadError */
  giveReceipt(): Promise<boolean>;
  /** As `Admitted.giveUp`. */
  giveUp(error: SpreadError): Promise<void>;
}
