/**
 * CPACE-RISTR255-SHA512, draft-irtf-cfrg-cpace-21: a shared key from a short secret, so that each guess costs a
 * conversation. Bytes in, bytes out; the group is noble's, the hash is node's. Who says what, and what the associated
 * data are, is the protocol's business and not known here.
 */
import { createHash, randomBytes } from "node:crypto";
import { ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";
import { SpreadError } from "../errors.ts";

/** Length of a share (an encoded group element) in bytes. */
export const SHARE_BYTES = 32;

const DSI = Buffer.from("CPaceRistretto255");
const DSI_ISK = Buffer.from("CPaceRistretto255_ISK");
/** SHA-512's input block, in bytes: the secret fills the first one alone (section on the generator, `zpad`). */
const HASH_BLOCK_BYTES = 128;

const { Point } = ristretto255;

/** A group element: as much of noble's point as is needed here. */
export interface Element {
  multiply(scalar: bigint): Element;
  toBytes(): Uint8Array;
  is0(): boolean;
}

/** `prepend_len`: the length as LEB128, then the bytes. */
function prependLength(bytes: Uint8Array): Buffer {
  const length: number[] = [];
  let rest = bytes.length;
  do {
    length.push(rest < 128 ? rest : (rest & 0x7f) | 0x80);
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** `lv_cat`: every part behind its length, so that no two lists of parts give the same bytes. */
export function lvCat(...parts: Uint8Array[]): Buffer {
  return Buffer.concat(parts.map(prependLength));
}

/** `generator_string(DSI, PRS, CI, sid, s_in_bytes)`. */
export function generatorString(secret: Uint8Array, context: Uint8Array, sid: Uint8Array): Buffer {
  const used = prependLength(secret).length + prependLength(DSI).length;
  const padding = Buffer.alloc(Math.max(0, HASH_BLOCK_BYTES - 1 - used));
  return lvCat(DSI, secret, padding, context, sid);
}

/** The generator that stands for the secret: both ends have the same one if, and only if, they have the same secret. */
export function generator(secret: Uint8Array, context: Uint8Array, sid: Uint8Array): Element {
  const derive = ristretto255_hasher.deriveToCurve;
  if (!derive) throw new SpreadError("internal", "the curve library cannot map to ristretto255");
  return derive(sha512(generatorString(secret, context, sid)));
}

/** A fresh scalar, 1 to order - 1, even to within 2^-256: 64 random bytes reduced. */
export function randomScalar(): bigint {
  for (;;) {
    const scalar = littleEndian(randomBytes(64)) % Point.Fn.ORDER;
    if (scalar !== 0n) return scalar;
  }
}

/** A scalar from its 32 little-endian bytes, as test vectors give it. */
export function scalarFromBytes(bytes: Uint8Array): bigint {
  return littleEndian(bytes);
}

/** `scalar_mult`: our share, to be sent. @returns SHARE_BYTES bytes. */
export function shareFor(element: Element, scalar: bigint): Uint8Array {
  return element.multiply(scalar).toBytes();
}

/**
 * A peer's share as a group element. The identity is refused too, since it would make the key known to everybody.
 * @throws SpreadError `bad-message` for bytes that do not decode, and for the identity.
 */
export function decodeShare(share: Uint8Array): Element {
  let element: Element;
  try {
    element = Point.fromBytes(share);
  } catch (cause) {
    throw new SpreadError("bad-message", "the other end sent a share that is not a group element", { cause });
  }
  if (element.is0()) throw new SpreadError("bad-message", "the other end sent the neutral element as its share");
  return element;
}

/** `scalar_mult_vfy`, whose refusals are `decodeShare`'s: the common secret element K, encoded. */
export function commonElement(share: Element, scalar: bigint): Uint8Array {
  return share.multiply(scalar).toBytes();
}

export interface Side {
  /** The share that this side sent, SHARE_BYTES bytes. */
  readonly share: Uint8Array;
  /** The associated data that this side sent. */
  readonly ad: Uint8Array;
}

/** The intermediate session key, 64 bytes, in initiator-responder order (`transcript_ir`). */
export function sessionKey(sid: Uint8Array, common: Uint8Array, initiator: Side, responder: Side): Buffer {
  return sha512(
    lvCat(DSI_ISK, sid, common),
    lvCat(initiator.share, initiator.ad),
    lvCat(responder.share, responder.ad),
  );
}

export function sha512(...parts: Uint8Array[]): Buffer {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}
