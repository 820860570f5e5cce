import { wordlist } from "@scure/bip39/wordlists/english.js";
import { describe, expect, it } from "vitest";
import { checkLegacyPassphrase, newLegacyPassphrase } from "../../src/legacy/passphrase.ts";

describe("a passphrase of a legacy share", () => {
  it("that we make has six words of the list, and needs no warning", () => {
    const made = Array.from({ length: 50 }, newLegacyPassphrase);
    for (const passphrase of made) {
      expect(passphrase.split("-")).toHaveLength(6);
      expect(passphrase.split("-").every((word) => wordlist.includes(word))).toBe(true);
      expect(checkLegacyPassphrase(passphrase)).toBeUndefined();
    }
    expect(new Set(made).size).toBe(50);
  });

  it("that is given is taken without a warning from 20 characters on", () => {
    expect(checkLegacyPassphrase("x".repeat(19))).toContain("six words");
    expect(checkLegacyPassphrase("x".repeat(20))).toBeUndefined();
  });

  it.each(["crisp-orbit-lunar", "Crisp orbit  LUNAR", "7f3k2a-crisp-orbit-lunar"])(
    "is not what a code is made of, which its receiver would refuse: %s",
    (passphrase) => {
      expect(() => checkLegacyPassphrase(passphrase)).toThrow(expect.objectContaining({ code: "weak-passphrase" }));
    },
  );

  it("obeys the bounds of every other passphrase", () => {
    expect(() => checkLegacyPassphrase("12345")).toThrow(expect.objectContaining({ code: "weak-passphrase" }));
    expect(() => checkLegacyPassphrase("x".repeat(1025))).toThrow(expect.objectContaining({ code: "invalid-input" }));
  });
});
