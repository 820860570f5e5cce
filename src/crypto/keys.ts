/** From the session key of a handshake to what is used with it: the receiver's proof, and one key for each direction. */
import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { lvCat, type Side, sha512 } from "./cpace.ts";

/** Length of a proof in bytes (HMAC-SHA-512). */
export const PROOF_BYTES = 64;

/** AES-256 keys, 32 bytes each, one a direction: a nonce is a counter, so two writers must never share a key. */
export interface DirectionKeys {
  readonly fromReceiver: Uint8Array;
  readonly fromSender: Uint8Array;
}

/** The receiver's proof that it knows the secret: HMAC over its share and associated data (draft, key confirmation). */
export function receiverProof(sid: Uint8Array, sessionKey: Uint8Array, receiver: Side): Buffer {
  const key = sha512(Buffer.from("CPaceMac"), sid, sessionKey);
  return createHmac("sha512", key).update(lvCat(receiver.share, receiver.ad)).digest();
}

/** Compares in constant time. A proof of another length is simply wrong. */
export function proofMatches(expected: Uint8Array, given: Uint8Array): boolean {
  return expected.length === given.length && timingSafeEqual(expected, given);
}

/** HKDF-SHA-512 (RFC 5869) without salt; `info` tells the directions apart. */
export function directionKeys(sessionKey: Uint8Array): DirectionKeys {
  const derive = (info: string) => new Uint8Array(hkdfSync("sha512", sessionKey, new Uint8Array(), info, 32));
  return {
    fromReceiver: derive("claude-spread/2 receiver"),
    fromSender: derive("claude-spread/2 sender"),
  };
}
