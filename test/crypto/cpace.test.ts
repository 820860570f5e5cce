import { describe, expect, it } from "vitest";
import {
  commonElement,
  decodeShare,
  generator,
  generatorString,
  lvCat,
  randomScalar,
  scalarFromBytes,
  sessionKey,
  shareFor,
} from "../../src/crypto/cpace.ts";
import { CPACE, SCALAR_MULT_VFY } from "../vectors/cpace.ts";

const bytes = (hex: string) => Buffer.from(hex, "hex");
const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");
const text = (value: string) => Buffer.from(value);

describe("CPACE-RISTR255-SHA512 against the draft's values", () => {
  const secret = bytes(CPACE.prs);
  const context = bytes(CPACE.ci);
  const sid = bytes(CPACE.sid);
  const a = scalarFromBytes(bytes(CPACE.scalarA));
  const b = scalarFromBytes(bytes(CPACE.scalarB));

  it("puts a length in front of every part (lv_cat)", () => {
    expect(hex(lvCat(text("1234"), text("5"), text(""), text("678")))).toBe("043132333401350003363738");
  });

  it("writes lengths of 128 and more as LEB128", () => {
    expect(hex(lvCat(Buffer.alloc(127)).subarray(0, 1))).toBe("7f");
    expect(hex(lvCat(Buffer.alloc(128)).subarray(0, 2))).toBe("8001");
    expect(hex(lvCat(Buffer.alloc(16_384)).subarray(0, 3))).toBe("808001");
  });

  it("builds the generator string, padded to one hash block", () => {
    expect(hex(generatorString(secret, context, sid))).toBe(CPACE.generatorString);
  });

  it("does not pad below zero for a secret longer than a hash block", () => {
    const long = Buffer.alloc(1000, 0x61);
    expect(generatorString(long, context, sid).includes(long)).toBe(true);
  });

  it("derives the generator, both shares, the common element and the session key", () => {
    const g = generator(secret, context, sid);
    expect(hex(g.toBytes())).toBe(CPACE.generator);
    expect(hex(shareFor(g, a))).toBe(CPACE.shareA);
    expect(hex(shareFor(g, b))).toBe(CPACE.shareB);
    expect(hex(commonElement(decodeShare(bytes(CPACE.shareB)), a))).toBe(CPACE.common);
    expect(hex(commonElement(decodeShare(bytes(CPACE.shareA)), b))).toBe(CPACE.common);
    const key = sessionKey(
      sid,
      bytes(CPACE.common),
      { share: bytes(CPACE.shareA), ad: bytes(CPACE.adA) },
      { share: bytes(CPACE.shareB), ad: bytes(CPACE.adB) },
    );
    expect(hex(key)).toBe(CPACE.iskIr);
  });

  it("multiplies as scalar_mult_vfy, and refuses what does not decode and the identity", () => {
    const scalar = scalarFromBytes(bytes(SCALAR_MULT_VFY.scalar));
    expect(hex(commonElement(decodeShare(bytes(SCALAR_MULT_VFY.point)), scalar))).toBe(SCALAR_MULT_VFY.result);
    for (const refused of SCALAR_MULT_VFY.refused) {
      expect(() => commonElement(decodeShare(bytes(refused)), scalar)).toThrow(
        expect.objectContaining({ code: "bad-message" }),
      );
    }
  });

  it.each([0, 31, 33, 64])("refuses a share of %i bytes", (length) => {
    expect(() => decodeShare(Buffer.alloc(length, 1))).toThrow(expect.objectContaining({ code: "bad-message" }));
  });
});

it("gives two ends with one secret one key, and ends with two secrets two", () => {
  const sid = Buffer.alloc(16, 7);
  const key = (mine: string, theirs: string) => {
    const [y, z] = [randomScalar(), randomScalar()];
    const ours = shareFor(generator(text(mine), text("c"), sid), y);
    const other = shareFor(generator(text(theirs), text("c"), sid), z);
    return [hex(commonElement(decodeShare(other), y)), hex(commonElement(decodeShare(ours), z))];
  };
  const [one, same] = key("crisp-orbit-lunar", "crisp-orbit-lunar");
  expect(one).toBe(same);
  const [left, right] = key("crisp-orbit-lunar", "crisp-orbit-lunas");
  expect(left).not.toBe(right);
});
