/** src/crypto/signature.ts against RFC 8032, section 7.1, and its own two halves against each other. */
import { describe, expect, it } from "vitest";
import { newSigner, SIGNATURE_BYTES, SIGNING_KEY_BYTES, signatureHolds } from "../../src/crypto/signature.ts";

const bytes = (hex: string) => Buffer.from(hex, "hex");
/** TEST 2: one byte. */
const KEY = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
const MESSAGE = bytes("72");
const SIGNATURE = bytes(
  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
);

describe("a signature", () => {
  it("of RFC 8032, test 2, holds", () => {
    expect(signatureHolds(KEY, MESSAGE, SIGNATURE)).toBe(true);
  });

  it.each<[string, Buffer, Buffer, Buffer]>([
    ["of another message", KEY, bytes("73"), SIGNATURE],
    ["by another key", Buffer.from(newSigner().publicKey), MESSAGE, SIGNATURE],
    ["with a bit changed", KEY, MESSAGE, Buffer.from(SIGNATURE.map((byte, at) => (at === 9 ? byte ^ 1 : byte)))],
    ["that is too short", KEY, MESSAGE, SIGNATURE.subarray(1)],
    ["that is empty", KEY, MESSAGE, Buffer.alloc(0)],
    ["by a key that is none", bytes("00"), MESSAGE, SIGNATURE],
  ])("%s does not hold, and throws nothing", (_what, key, message, signature) => {
    expect(signatureHolds(key, message, signature)).toBe(false);
  });

  it("of ours holds, has the sizes of the protocol, and no two keys are the same", () => {
    const [signer, other] = [newSigner(), newSigner()];
    const signature = signer.sign(MESSAGE);
    expect([signer.publicKey.length, signature.length]).toEqual([SIGNING_KEY_BYTES, SIGNATURE_BYTES]);
    expect(signatureHolds(signer.publicKey, MESSAGE, signature)).toBe(true);
    expect(signatureHolds(other.publicKey, MESSAGE, signature)).toBe(false);
  });
});
