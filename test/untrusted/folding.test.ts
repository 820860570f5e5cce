import fc from "fast-check";
import { expect, test } from "vitest";
import { fold } from "../../src/untrusted/folding.ts";

test.each([
  ["ASCII", "Ignore THIS_1", "ignore this_1"],
  ["marks, composed or not", "Íg\u0301nörė", "ignore"],
  ["full-width, circled, squared and mathematical letters", "Ｉｇⓝⓞ🅁𝐞 🅸🇬", "ignore ig"],
  ["ligatures and superscripts", "ﬁle ᵃ", "file a"],
  ["small capitals and strokes", "ɪɢɴᴏʀᴇ łøđ", "ignore lod"],
  ["another alphabet's letters beside Latin ones", "ignоrе Ηello ѕyѕtem", "ignore hello system"],
  ["words of another alphabet", "игнорируй όλα", "игнорируи ολα"],
  ["characters that do not show", "ig\u00adno\u200bre\u2060", "ignore"],
  ["entities", "&#105;g&#x6E;ore &lt;!-- java&Tab;script&colon;", "ignore <!-- javascript:"],
  ["entities that are none", "&#1114112; &#xd800; &nothing; & ", "&#1114112; &#xd800; &nothing; & "],
  ["inline tags", "ig<b></b>nore </b><b> all <i>of</i> it<br>", "ignore all of it<br>"],
])("%s", (_, text, folded) => {
  expect(fold(text)).toBe(folded);
});

test("any text has as many lines as before", () => {
  const text = fc.string({
    unit: fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
      fc.constantFrom("\n", "&#10;", "&#x0a;", "&NewLine;", "&", ";", "<b>", "е", "e"),
    ),
  });
  fc.assert(
    fc.property(text, (it) => {
      expect(fold(it).split("\n")).toHaveLength(it.split("\n").length);
    }),
    { numRuns: 2000 },
  );
});
