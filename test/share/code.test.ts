import { wordlist } from "@scure/bip39/wordlists/english.js";
import { describe, expect, it } from "vitest";
import { checkPassphrase, formatCode, newRoom, newSecret, parseCode, parseRoom } from "../../src/share/code.ts";
import { expectLinear } from "../support/cost.ts";

const codeOf = (text: string) => {
  try {
    return parseCode(text);
  } catch (error) {
    return error as { code: string; message: string };
  }
};

describe("a code", () => {
  it("that we make has a room without 0 o 1 l i and three words of the list, and is read back", () => {
    for (let i = 0; i < 200; i++) {
      const code = { room: newRoom(), secret: newSecret() };
      expect(code.room).toMatch(/^[2-9a-hj-km-np-z]{6}$/);
      expect(code.secret.split("-")).toHaveLength(3);
      expect(code.secret.split("-").every((word) => wordlist.includes(word))).toBe(true);
      expect(parseCode(formatCode(code))).toEqual(code);
    }
  });

  it.each([
    "7f3k2a-crisp-orbit-lunar",
    "7F3K2A-Crisp-ORBIT-lunar",
    "  7f3k2a crisp orbit lunar\n",
    "7f3k2a - crisp - orbit - lunar",
    "7f3k2a–crisp—orbit‑lunar",
    "7f3k2a_crisp_orbit_lunar",
    "7f3k2a, crisp, orbit, lunar",
    "`7f3k2a-crisp-orbit-lunar`.",
    "“7f3k2a-crisp-orbit-lunar”",
  ])("is read as people write it: %j", (typed) => {
    expect(parseCode(typed)).toEqual({ room: "7f3k2a", secret: "crisp-orbit-lunar" });
  });

  it.each([
    "",
    "7f3k2a",
    "7f3k2a-crisp-orbit",
    "7f3k2a-crisp-orbit-lunar-more",
    "crisp-orbit-lunar",
    "7f3k2-crisp-orbit-lunar",
    "7f3k2ä-crisp-orbit-lunar",
  ])("of the wrong form is bad-code: %j", (typed) => {
    expect(codeOf(typed)).toMatchObject({ code: "bad-code" });
  });

  it.each([
    ["crsip", "crisp"],
    ["crips", "crisp"],
    ["crispp", "crisp"],
    ["crip", "crisp"],
    ["crixp", "crisp"],
    ["0rbit", "orbit"],
  ])("with %s for a word is unknown-word, and suggests %s", (typo, meant) => {
    const typed = meant === "orbit" ? `7f3k2a-crisp-${typo}-lunar` : `7f3k2a-${typo}-orbit-lunar`;
    const error = codeOf(typed);
    expect(error).toMatchObject({ code: "unknown-word", message: expect.stringContaining(meant) });
    expect((error as { message: string }).message).not.toContain(typo);
  });

  it("of 257 characters is none, whatever is in it, and is not looked at: 100,000 would hold up the process for seconds", async () => {
    const padded = (chars: number) => "7f3k2a-crisp-orbit-lunar".padEnd(chars);
    expect(parseCode(padded(256)).room).toBe("7f3k2a");
    expect(codeOf(padded(257))).toMatchObject({ code: "bad-code" });
    await expectLinear("a code", 25_000, (length) => {
      const typed = `a${"!".repeat(length)}a`;
      return () => codeOf(typed);
    });
  });

  it("with a word that is like none is unknown-word without suggestions, and is not quoted", () => {
    const error = codeOf("7f3k2a-crisp-orbit-zzzzzzzz");
    expect(error).toMatchObject({ code: "unknown-word", message: "word 3 of the code is not in the word list" });
  });
});

it("reads a room in capitals, and refuses what is none", () => {
  expect(parseRoom(" 7F3K2A ")).toBe("7f3k2a");
  for (const bad of ["", "7f3k2", "7f3k2a7", "../../", "7f3k2!"]) {
    expect(() => parseRoom(bad)).toThrow(expect.objectContaining({ code: "bad-room" }));
  }
});

describe("a passphrase", () => {
  it.each(["", "x", "12345", "      "])("of fewer than 6 characters, or of blanks, is weak: %j", (passphrase) => {
    expect(() => checkPassphrase(passphrase)).toThrow(expect.objectContaining({ code: "weak-passphrase" }));
  });

  it("of 6 to 11 characters is taken with a warning, of 12 to 1,024 without one", () => {
    expect(checkPassphrase("sixsix")).toContain("short");
    expect(checkPassphrase("eleven chars".slice(1))).toContain("short");
    expect(checkPassphrase("twelve chars")).toBeUndefined();
    expect(checkPassphrase("x".repeat(1024))).toBeUndefined();
  });

  it("of 1,025 characters is refused; characters are counted, not bytes", () => {
    expect(() => checkPassphrase("x".repeat(1025))).toThrow(expect.objectContaining({ code: "invalid-input" }));
    expect(checkPassphrase("😀".repeat(1024))).toBeUndefined();
    expect(() => checkPassphrase("😀".repeat(5))).toThrow(expect.objectContaining({ code: "weak-passphrase" }));
  });
});
