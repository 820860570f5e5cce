import { createHash, createHmac, hkdfSync } from "node:crypto";
import { expect, it } from "vitest";
import { directionKeys, PROOF_BYTES, proofMatches, receiverProof } from "../../src/crypto/keys.ts";

const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");

it("derives the two direction keys by HKDF-SHA-512 without salt, each under its own label", () => {
  const isk = Buffer.alloc(64, 9);
  const keys = directionKeys(isk);
  // RFC 5869 spelled out: extract with a salt of 64 zero bytes, expand one block.
  const prk = createHmac("sha512", Buffer.alloc(64)).update(isk).digest();
  const expand = (info: string) =>
    createHmac("sha512", prk).update(info).update(Uint8Array.of(1)).digest().subarray(0, 32);
  expect(hex(keys.fromReceiver)).toBe(hex(expand("claude-spread/2 receiver")));
  expect(hex(keys.fromSender)).toBe(hex(expand("claude-spread/2 sender")));
  expect(hex(keys.fromSender)).not.toBe(hex(keys.fromReceiver));
  expect(hex(keys.fromSender)).toBe(hex(new Uint8Array(hkdfSync("sha512", isk, "", "claude-spread/2 sender", 32))));
});

it("proves with HMAC-SHA-512 keyed by SHA-512(CPaceMac || sid || ISK) over the length-prefixed share and data", () => {
  const sid = Buffer.alloc(16, 1);
  const isk = Buffer.alloc(64, 2);
  const side = { share: Buffer.alloc(32, 3), ad: Buffer.from("ad") };
  const key = createHash("sha512").update("CPaceMac").update(sid).update(isk).digest();
  const input = Buffer.concat([Buffer.of(32), side.share, Buffer.of(2), side.ad]);
  const proof = receiverProof(sid, isk, side);
  expect(hex(proof)).toBe(createHmac("sha512", key).update(input).digest("hex"));
  expect(proof.length).toBe(PROOF_BYTES);
});

it("accepts the right proof alone: not one with a bit turned, a shorter, a longer or an empty one", () => {
  const proof = Buffer.alloc(PROOF_BYTES, 5);
  const turned = Buffer.from(proof);
  turned[63] = 4;
  expect(proofMatches(proof, Buffer.from(proof))).toBe(true);
  expect(proofMatches(proof, turned)).toBe(false);
  expect(proofMatches(proof, proof.subarray(1))).toBe(false);
  expect(proofMatches(proof, Buffer.alloc(PROOF_BYTES + 1, 5))).toBe(false);
  expect(proofMatches(proof, Buffer.alloc(0))).toBe(false);
});
