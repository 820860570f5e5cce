/** Ed25519 (RFC 8032), node's: a share's own key, by which a receiver knows one sender again on another path. */
import { createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";

/** Lengths in bytes. */
export const SIGNING_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

export interface Signer {
  /** SIGNING_KEY_BYTES bytes. */
  readonly publicKey: Uint8Array;
  /** @returns SIGNATURE_BYTES bytes. */
  sign(message: Uint8Array): Uint8Array;
}

/** A fresh key pair; the private half never leaves. */
export function newSigner(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const { x = "" } = publicKey.export({ format: "jwk" });
  return {
    publicKey: Buffer.from(x, "base64url"),
    sign: (message) => sign(null, message, privateKey),
  };
}

/** False for whatever is not this key's signature of this message, be it that the key is none. */
export function signatureHolds(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    const x = Buffer.from(publicKey).toString("base64url");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
}
