/**
 * The cryptography of version 1, as the original Python tools have it: PBKDF2 from the passphrase, HMAC for the proof,
 * AES-256-GCM for the document. Whoever hears a proof can test passphrases against it offline; nothing here may serve
 * version 2.
 */
import { createCipheriv, createDecipheriv, createHmac, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { SpreadError } from "../errors.ts";

export const SALT_BYTES = 32;
export const CHALLENGE_NONCE_BYTES = 16;
export const PAYLOAD_NONCE_BYTES = 12;
/** At the end of a ciphertext. */
export const TAG_BYTES = 16;

const ROUNDS = 600_000;
const KEY_BYTES = 32;
const ALGORITHM = "aes-256-gcm";

const derive = promisify(pbkdf2);

/** PBKDF2-HMAC-SHA256, off the event loop: a quarter of a second of work, so never once a visitor. */
export function deriveKey(passphrase: Uint8Array, salt: Uint8Array): Promise<Uint8Array> {
  return derive(passphrase, salt, ROUNDS, KEY_BYTES, "sha256");
}

/** @param key derived with the challenge's salt. @returns HMAC-SHA256 of the challenge's nonce, 32 bytes. */
export function challengeProof(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(nonce).digest();
}

/** @param nonce PAYLOAD_NONCE_BYTES, never used before with this key. @returns the ciphertext, its tag behind it. */
export function sealPayload(key: Uint8Array, nonce: Uint8Array, text: Uint8Array): Buffer {
  const cipher = createCipheriv(ALGORITHM, key, nonce);
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

/** @param sealed at least TAG_BYTES. @throws SpreadError `tampered` if the tag does not verify; no byte gets out then. */
export function openPayload(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Uint8Array {
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const text = decipher.update(sealed.subarray(0, -TAG_BYTES));
  try {
    decipher.final();
  } catch (cause) {
    throw new SpreadError("tampered", "the document does not open with this passphrase", { cause });
  }
  return text;
}
