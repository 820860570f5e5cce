/** The cryptography of version 1 against values of the original Python tools. */
import { describe, expect, it } from "vitest";
import { challengeProof, deriveKey, openPayload, sealPayload } from "../../src/legacy/crypto.ts";
import { CASES } from "../vectors/legacy.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const unhex = (digits: string) => Buffer.from(digits, "hex");

describe.each(CASES.map((it, index) => ({ ...it, name: `case ${index + 1}, ${JSON.stringify(it.passphrase)}` })))(
  "$name",
  (value) => {
    it("proves by HMAC-SHA256 of the nonce", () => {
      expect(hex(challengeProof(unhex(value.challengeKey), unhex(value.challengeNonce)))).toBe(value.proof);
    });

    it("seals by AES-256-GCM with the tag behind it, and opens what was sealed", () => {
      const [key, nonce] = [unhex(value.payloadKey), unhex(value.payloadNonce)];
      expect(hex(sealPayload(key, nonce, Buffer.from(value.text)))).toBe(value.ciphertext);
      expect(Buffer.from(openPayload(key, nonce, unhex(value.ciphertext))).toString()).toBe(value.text);
    });
  },
);

it.each([...new Map(CASES.map((it) => [it.passphrase, it])).values()])(
  "derives a key by PBKDF2-HMAC-SHA256 with 600,000 rounds from $passphrase",
  async ({ passphrase, payloadSalt, payloadKey }) => {
    expect(hex(await deriveKey(Buffer.from(passphrase), unhex(payloadSalt)))).toBe(payloadKey);
  },
);

it("takes a passphrase's bytes as they are: the two Unicode spellings of é derive two keys", async () => {
  const salt = Buffer.alloc(32, 1);
  const [composed, decomposed] = ["caf\u00e9", "cafe\u0301"].map((text) => deriveKey(Buffer.from(text), salt));
  expect(hex((await composed) as Uint8Array)).not.toBe(hex((await decomposed) as Uint8Array));
});

it("opens nothing whose text, tag, nonce or key has one bit turned, and nothing that was cut", () => {
  const key = Buffer.alloc(32, 1);
  const nonce = Buffer.alloc(12, 2);
  const sealed = sealPayload(key, nonce, Buffer.from("text"));
  const turned = (bytes: Uint8Array, at: number) => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
  expect(Buffer.from(openPayload(key, nonce, sealed)).toString()).toBe("text");
  for (const [k, n, s] of [
    [key, nonce, turned(sealed, 0)],
    [key, nonce, turned(sealed, sealed.length - 1)],
    [key, turned(nonce, 3), sealed],
    [turned(key, 31), nonce, sealed],
    [key, nonce, sealed.subarray(0, -1)],
    [key, nonce, sealed.subarray(1)],
  ] as const) {
    expect(() => openPayload(k, n, s)).toThrow(expect.objectContaining({ code: "tampered" }));
  }
});

it("seals nothing to a tag alone, and opens it", () => {
  const key = Buffer.alloc(32, 1);
  const nonce = Buffer.alloc(12, 2);
  const sealed = sealPayload(key, nonce, new Uint8Array());
  expect(sealed).toHaveLength(16);
  expect(openPayload(key, nonce, sealed)).toHaveLength(0);
});
