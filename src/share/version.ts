/**
 * What is said over a link, as shares and receivers see it, whatever version of the protocol is spoken: version2.ts, or
 * legacy.ts where that was asked for. Nothing negotiates between the two.
 */
import type { Service } from "../discovery/mdns.ts";
import type { SpreadError } from "../errors.ts";
import type { RefusedReason } from "../protocol/messages.ts";
import type { FrameBounds, Link } from "../transport/link.ts";
import type { Place } from "./gate.ts";

export interface Version {
  /** The name of its shares on a LAN. */
  readonly service: Service;
  readonly bounds: FrameBounds;
}

/** A version, as one share speaks it. */
export interface SenderVersion extends Version {
  /** @returns a visitor that has proved itself. @throws SpreadError why it was sent away; the link stays the caller's. */
  admit(link: Link, room: string): Promise<Admitted>;
  /** Ends a visit that has proved nothing, at whatever step it is. Never throws. */
  sendAway(link: Link, reason: RefusedReason): Promise<void>;
}

export interface Admitted {
  /** The caller's, to be given back. */
  readonly place: Place;
  /** Sends the document, and tells the place how far it came. @throws SpreadError */
  transfer(): Promise<void>;
  /** Tells the other end why we give up, where that can be told. Never throws. */
  giveUp(error: SpreadError): Promise<void>;
}

/** A version, as one call to receive speaks it. */
export interface ReceiverVersion extends Version {
  /**
   * Proves that we know the secret, and has the sender prove it.
   * @returns the document that is about to come, or the failure, if the sender has not proved itself: then nothing that it
   *   said is believed. The link is closed for a failure.
   * @throws SpreadError what a sender says behind its proof.
   */
  meet(link: Link): Promise<Arrival | SpreadError>;
}

export interface Arrival {
  /** The sender's words, not cleaned. */
  readonly title: string;
  /** ISO 8601, if the sender said it. */
  readonly sharedAt: string | undefined;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** What the user should know of this version. */
  readonly warnings: readonly string[];
  /** The document, checked at its end. Once. */
  pieces(): AsyncIterable<Uint8Array>;
  /** Says that the document is kept. @returns whether the sender is known to know. Never throws. */
  giveReceipt(): Promise<boolean>;
  /** As `Admitted.giveUp`. */
  giveUp(error: SpreadError): Promise<void>;
}
