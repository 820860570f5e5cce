/**
 * A visit to a share, in either version of the protocol, until the visitor has proved itself: who may try, why a visitor is
 * sent away, and what that means to it.
 */
import { type ErrorCode, SpreadError } from "../errors.ts";
import { CONTENDED_HANDSHAKE_MS, HANDSHAKE_MS } from "../limits.ts";
import type { Link } from "../transport/link.ts";
import type { RefusedReason } from "./messages.ts";

/** The share's rules on who may try, asked twice in a handshake. */
export interface Gate {
  /** Asked for each HELLO. @returns why this visitor is sent away; undefined if it may try. */
  refusal(address: string | undefined): RefusedReason | undefined;
  /**
   * Asked for each proof (CONFIRM, or AUTH). Calls `verify` at most once and counts its answer in the same turn, so that
   * parallel handshakes get no extra attempts.
   */
  judge(address: string | undefined, verify: () => boolean): AttemptVerdict;
}

export type AttemptVerdict = { readonly proven: false; readonly reason: RefusedReason } | { readonly proven: true };

/** How long to wait for each message of a visitor's handshake, in ms. */
export function patienceFor(link: Link): number {
  return link.contended ? CONTENDED_HANDSHAKE_MS : HANDSHAKE_MS;
}

/** How long telling a visitor that it is sent away may take, in ms. */
export const FAREWELL_MS = 500;

/** What a refusal means to a receiver. */
export const REFUSED_AS: Record<RefusedReason | "unknown", [ErrorCode, string]> = {
  unsupported_version: ["version-mismatch", "the two ends speak different versions of the protocol"],
  bad_message: ["bad-message", "the handshake was not in the protocol"],
  proof_failed: ["wrong-code", "the sender refused the code or passphrase"],
  too_many_attempts: ["too-many-attempts", "the sender takes no more attempts from this address"],
  burned: ["burned", "the share was ended by wrong attempts"],
  busy: ["busy", "all places of this share are taken"],
  used_up: ["share-ended", "all places of this share have been used"],
  expired: ["expired", "the share has expired"],
  stopped: ["share-ended", "the share was stopped"],
  unknown: ["peer-aborted", "the sender refused, for a reason that is not known here"],
};

/** The next frame. @throws SpreadError `link-lost` if the other end has closed; the link's. */
export async function heard(link: Link): Promise<Uint8Array> {
  const frame = await link.receive();
  if (!frame) throw new SpreadError("link-lost", "the other end closed the connection during the handshake");
  return frame;
}
