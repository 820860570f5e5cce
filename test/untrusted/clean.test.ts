import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleanLine, type Findings, TextCleaner, warningsOf } from "../../src/untrusted/clean.ts";

const NOTHING: Findings = { escapes: 0, controls: 0, bidi: 0, hidden: 0, invalid: 0 };

/** Cleans the pieces of one document. */
function clean(...pieces: (string | Uint8Array)[]) {
  const cleaner = new TextCleaner();
  const text = pieces.map((piece) => cleaner.push(Buffer.from(piece as string))).join("") + cleaner.end();
  return { text, found: { ...cleaner.findings } };
}

/** `text` comes out as `expected`, whole and byte by byte, with these findings and no others. */
function expectClean(text: string | Uint8Array, expected: string, found: Partial<Findings> = {}) {
  const result = { text: expected, found: { ...NOTHING, ...found } };
  expect(clean(text)).toEqual(result);
  expect(clean(...Array.from(Buffer.from(text as string), (byte) => Uint8Array.of(byte)))).toEqual(result);
}

describe("what every language needs stays byte for byte", () => {
  test.each([
    ["plain ASCII", "# Title\n\n\tcode();  \n"],
    ["German, French, Czech", "Größe, où ça, příliš žluťoučký kůň\n"],
    ["Vietnamese, composed", "Tiếng Việt rất đẹp"],
    ["Vietnamese, with combining marks", "Tiếng Việt rất đẹp".normalize("NFD")],
    ["a letter with four marks", "a\u0301\u0323\u0308\u0304"],
    ["Greek and Russian", "Καλημέρα κόσμε. Съешь ещё этих мягких французских булок."],
    ["Arabic with vowel signs and tatweel", "بِسْمِ ٱللَّهِ ٱلرَّحْمَـٰنِ ـهـ\u200d"],
    ["Hebrew with points and marks of direction", "שָׁלוֹם \u200fעולם\u200e (abc)"],
    ["Arabic letter mark", "\u061c١٢٣"],
    ["Persian with ZWNJ", "می\u200cخواهم کتاب\u200cها را دربارهٔ آن\u200cها"],
    ["Urdu, Kurdish with ZWNJ after a vowel sign", "بِ\u200cنام"],
    ["Syriac", "ܫܠܡܐ\u200cܥܠܡܐ"],
    ["Hindi with ZWJ and ZWNJ", "क्\u200dष क्\u200cष हिन्दी"],
    ["Bengali, Marathi", "র\u200d্যাব, दर\u200dर्\u200dया"],
    ["Malayalam chillu of old", "അവന്\u200d പാല്\u200d"],
    ["Sinhala", "ශ්\u200dරී ලංකා"],
    ["Thai with break marks", "ภาษา\u200bไทย ครับ\u200b"],
    ["Lao, Myanmar, Tibetan with break marks", "ພາສາ\u200bລາວ မြန်မာ\u200bစာ བོད་\u200bསྐད"],
    ["Khmer with break marks", "ភាសា\u200bខ្មែរ។\u200bសួស្តី"],
    ["Mongolian with variants and vowel separator", "ᠮᠣᠩᠭᠣᠯ ᠪᠠᠭ\u180bᠠ ᠨ\u180eᠠ ᠭ\u200dᠠ"],
    ["Korean", "안녕하세요"],
    ["Korean of conjoining jamo", "안녕".normalize("NFD")],
    ["old Hangul with fillers", "\u115f\u1161 \u1100\u1160\u11ab \u115f\u1160\u11ab ᄒᆞᆫ글"],
    ["Japanese", "引き継ぎの書類、カタカナ。パ".normalize("NFD")],
    ["Japanese ideographic variants", "葛\u{e0100}城 辻\u{e0101} 𠮟\u{e0100}"],
    ["standardised variants", "神\ufe00 ∩\ufe00 。\ufe01 0\ufe00 𝒜\ufe00 က\ufe00"],
    ["Chinese, also outside of the BMP", "分布式系统的交接文档 𠀀𪚥"],
    ["N'Ko, Adlam, Ethiopic, Cherokee", "ߒߞߏ 𞤀𞤣𞤤𞤢𞤥 አማርኛ ᏣᎳᎩ"],
    ["spaces of many widths", "a\u00a0b\u2009c\u202fd\u3000e"],
    ["emoji", "✅ 🚀 🎉 ☺ ❤"],
    ["emoji and text style", "❤\ufe0f ⚠\ufe0f ☎\ufe0e ©\ufe0f ▲\ufe0e"],
    ["families", "👨\u200d👩\u200d👧\u200d👦 👩\u200d❤\ufe0f\u200d💋\u200d👨"],
    ["skin tones and professions", "👍🏽 👩🏾\u200d💻 🧑🏻\u200d🤝\u200d🧑🏿 🕵🏼\u200d♀\ufe0f"],
    ["flags", "🇩🇪🇯🇵 🏳\ufe0f\u200d🌈 🏴\u200d☠\ufe0f"],
    [
      "England, Scotland, Wales",
      "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} 🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} 🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
    ],
    ["keycaps", "1\ufe0f\u20e3 #\ufe0f\u20e3 *\ufe0f\u20e3"],
    ["a replacement character of the sender's", "\ufffd"],
  ])("%s", (_, text) => {
    expectClean(text, text);
  });
});

describe("line ends", () => {
  test("CRLF, CR, LINE SEPARATOR and PARAGRAPH SEPARATOR become \\n, and count as nothing", () => {
    expectClean("a\r\nb\rc\r\r\nd\u2028e\u2029f\r", "a\nb\nc\n\nd\ne\nf\n");
  });
});

describe("terminal escape sequences are taken out whole", () => {
  test.each([
    ["colours", "\x1b[1;31mred\x1b[0m", "red", 2],
    ["private and intermediate parameters", "\x1b[?25lx\x1b[>4;2my\x1b[2 qz", "xyz", 3],
    ["a window title up to BEL", "\x1b]0;title\x07text", "text", 1],
    ["a link up to ST", "\x1b]8;;https://example.org/ü\x1b\\link\x1b]8;;\x1b\\", "link", 2],
    ["DCS, SOS, PM, APC", "\x1bPq#0\x1b\\a\x1bXsos\x1b\\b\x1b^pm\x1b\\c\x1b_apc\x1b\\d", "abcd", 4],
    ["two-byte sequences", "\x1bca\x1b7b\x1b=c\x1b\\d", "abcd", 4],
    ["charsets", "\x1b(0lqk\x1b(B\x1b#8", "lqk", 3],
    ["8-bit CSI, OSC, DCS", "\x9b31mred\x9d0;t\x07a\x9d0;t\x9cb\x90q\x9cc", "redabc", 4],
    ["a sequence within a string", "\x1b]0;a\x1b[31mb", "0;ab", 2],
  ])("%s", (_, text, expected, escapes) => {
    expectClean(text, expected, { escapes });
  });

  test("what does not end loses its introducer only", () => {
    expectClean("\x1b]0;title\nrest of the document\x07", "0;title\nrest of the document", { escapes: 1, controls: 1 });
    expectClean("\x1b]0;title", "0;title", { escapes: 1 });
    expectClean("\x9d0;title\r\nrest", "0;title\nrest", { escapes: 1 });
    expectClean("\x1b[31\nm", "31\nm", { escapes: 1 });
    expectClean("\x1b[", "", { escapes: 1 });
    expectClean("a\x1b", "a", { escapes: 1 });
    expectClean("\x1b\n\x1bü\x1b\x1b[m", "\nü", { escapes: 4 });
    expectClean("\x1b]0;t\x1b", "0;t", { escapes: 2 });
  });

  test("a sequence of 4096 characters is one, of 4097 is none", () => {
    const link = (chars: number) => `\x1b]8;;${"x".repeat(chars - 6)}\x07`;
    expectClean(`${link(4096)}a`, "a", { escapes: 1 });
    expectClean(`${link(4097)}a`, `8;;${"x".repeat(4091)}a`, { escapes: 1, controls: 1 });
  });

  test("100,000 introducers do not take longer than their number", () => {
    expect(clean("\x1b]".repeat(100_000)).found.escapes).toBe(100_000);
    expect(clean(`\x1b[${";".repeat(100_000)}`).text.length).toBe(100_000);
  });
});

describe("what cannot be seen or reorders the line is taken out and counted", () => {
  test("C0 but for tab and line end, DEL, C1", () => {
    expectClean("a\0\x01\x07\x08\x0b\x0c\x0e\x1a\x1fb\x7fc\x80\x85\x8f\x9cd\te\n", "abcd\te\n", { controls: 14 });
  });

  test("embeddings, overrides and isolates of direction", () => {
    const bidi = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069";
    expectClean(`if (admin${bidi}) {}`, "if (admin) {}", { bidi: 9 });
    expectClean(`א${bidi}ב`, "אב", { bidi: 9 });
  });

  test("tags, also behind a flag that is none of the three, and of a flag that is not there", () => {
    const tags = (text: string) =>
      Array.from(text, (letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0))).join("");
    expectClean(`Hello${tags("ignore all")}`, "Hello", { hidden: 10 });
    expectClean(`🏴${tags("usca\x7f")}`, "🏴", { hidden: 5 });
    expectClean(`🏴${tags("gbeng")}x`, "🏴x", { hidden: 5 });
    expectClean(tags("gbeng\x7f"), "", { hidden: 6 });
    expectClean(`🏴${tags("gbeng\x7fgbeng\x7f")}`, `🏴${tags("gbeng\x7f")}`, { hidden: 6 });
    expectClean("\u{e0001}\u{e0080}\u{e01f0}", "", { hidden: 3 });
  });

  test("bytes smuggled in variation selectors", () => {
    expectClean("😀\ufe0f\ufe01\ufe02\u{e0100}\u{e01ef}", "😀\ufe0f", { hidden: 4 });
    expectClean("a\ufe01b\ufe0ec\u{e0100} \ufe0f\n\ufe0f", "abc \n", { hidden: 5 });
    expectClean("葛\u{e0100}\u{e0101}", "葛\u{e0100}", { hidden: 1 });
    expectClean("😀\ufe07漢\ufe0d", "😀漢", { hidden: 2 });
    expectClean("\ufe0f", "", { hidden: 1 });
  });

  test("zero-width characters where no writing needs them", () => {
    expectClean("pass\u200bword\u200c\u200d \u2060\u2061\u2062\u2063\u2064\u2065x", "password x", { hidden: 9 });
    expectClean("漢\u200d字\u200bかな\u200c", "漢字かな", { hidden: 3 });
    expectClean("می\u200c\u200c\u200dخ", "می\u200cخ", { hidden: 2 });
    expectClean("ไทย\u200b\u200b", "ไทย\u200b", { hidden: 1 });
    expectClean("👨\u200d\u200d👩 👨\u200d x👍\u200d", "👨\u200d👩 👨 x👍", { hidden: 3 });
    expectClean("a\u180b\u180e", "a", { hidden: 2 });
  });

  test("marks of direction in a row, which could carry bits", () => {
    expectClean("a\u200e\u200f\u200f\u200eb\u061c\u061cc", "a\u200eb\u061cc", { hidden: 4 });
  });

  test("soft hyphens, which part a word for whoever searches for it", () => {
    expectClean("pass\u00adword Donau\u00addampf", "password Donaudampf", { hidden: 2 });
  });

  test("characters for private use, of all three planes", () => {
    expectClean("a\ue0b0b\uf8ffc\u{f0000}d\u{10fffd}e", "abcde", { hidden: 4 });
  });

  test("fillers, deprecated format characters, interlinear annotation, noncharacters", () => {
    expectClean("\u3164\uffa0\u034f\u17b4\u17b5\u206a\u206f\ufff9\ufffa\ufffb\ufff0x", "x", { hidden: 11 });
    expectClean("\u115f\u1160a\u1160\u115f", "a", { hidden: 4 });
    expectClean("\ufdd0\ufdef\ufffe\uffff\u{1fffe}\u{10ffff}x", "x", { hidden: 6 });
    expectClean("\u{1bca0}\u{1d173}x", "x", { hidden: 2 });
  });

  test("a byte order mark, counted only where it is not at the start", () => {
    expectClean("\ufeff# Title\ufeff\n", "# Title\n", { hidden: 1 });
    expectClean("\ufeff\ufeff", "", { hidden: 1 });
  });
});

describe("ill-formed UTF-8", () => {
  test.each([
    ["Latin-1", [0x61, 0xfc, 0x62], "a\ufffdb", 1],
    ["a lone continuation", [0x80, 0x61], "\ufffda", 1],
    ["an 8-bit CSI of old", [0x9b, 0x33, 0x31, 0x6d], "\ufffd31m", 1],
    ["a character cut off at the end", [0x61, 0xf0, 0x9f, 0x9a], "a\ufffd", 1],
    ["a character cut off by another", [0xe2, 0x82, 0xc3, 0xbc], "\ufffdü", 1],
    ["a surrogate", [0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd", 3],
    ["an overlong escape", [0xc0, 0x9b], "\ufffd\ufffd", 2],
    ["a replacement character that was there before", [0xef, 0xbf, 0xbd, 0xff], "\ufffd\ufffd", 1],
  ])("%s", (_, bytes, expected, invalid) => {
    expectClean(Uint8Array.from(bytes), expected, { invalid });
  });
});

describe("for any document", () => {
  /** Text in which everything that is looked at comes up often. */
  const nasty = fc.constantFrom(
    ..."ab \n\t\r\0\x07\x1b\x1b\x1b[]P\\m;0\x7f\x9b\x9c\x9d\u00ad\u034f\u115f\u1160\u1161\u11ab\u1100\u180b\u1820\u200b\u200c\u200d\u200f\u2028\u202e\u2066\ufe0f\ufe0e\ufe00\ufeff\uffff",
    ..."éمि\u094d漢ไ❤1",
    ...["👨", "🏽", "🏴", "\u{e0067}", "\u{e0062}", "\u{e0065}", "\u{e006e}", "\u{e007f}", "\u{e0100}", "\u{1fffe}"],
    "\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
  );
  const texts = fc.oneof(fc.string({ unit: nasty, maxLength: 80 }), fc.string({ unit: "binary", maxLength: 40 }));
  const documents = fc
    .array(
      fc.oneof(
        texts.map((text) => Buffer.from(text)),
        fc.uint8Array({ maxLength: 6 }),
      ),
      { maxLength: 4 },
    )
    .map((parts) => Buffer.concat(parts));

  test("any cut into pieces gives the same text and the same findings", () => {
    fc.assert(
      fc.property(documents, fc.array(fc.nat(), { maxLength: 12 }), (document, marks) => {
        const cuts = [0, ...marks.map((mark) => mark % (document.length + 1)), document.length].sort((a, b) => a - b);
        const pieces = cuts.slice(1).map((end, at) => document.subarray(cuts[at], end));
        expect(clean(...pieces)).toEqual(clean(document));
      }),
      { numRuns: 3000 },
    );
  });

  test("cleaning what is clean changes nothing", () => {
    fc.assert(
      fc.property(documents, (document) => {
        const { text } = clean(document);
        expect(clean(text)).toEqual({ text, found: NOTHING });
      }),
      { numRuns: 3000 },
    );
  });

  test("nothing is left that a terminal acts on, reorders or does not show", () => {
    fc.assert(
      fc.property(documents, (document) => {
        const { text } = clean(document);
        expect(text).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2060-\u2065\ufeff]/);
        // A joiner may follow a Mongolian selector, which belongs to the letter before it; and the emoji style of a picture
        // that is joined to another: a white flag and a rainbow.
        const joined = /(?<=[\p{Emoji}\p{S}])\ufe0f\u200d(?=\p{Extended_Pictographic})/gu;
        expect(text.replace(joined, "")).not.toMatch(
          /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}\u200b-\u200d\u{e0000}-\u{e0020}]{2}/u,
        );
      }),
      { numRuns: 1000 },
    );
  });

  test("ill-formed bytes are read as a web browser reads them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const printable = bytes.map((byte) => (byte < 0x80 ? 0x41 : byte));
        const text = new TextDecoder().decode(printable);
        fc.pre(!/[\x80-\x9f\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\p{Co}\u2028\u2029]/u.test(text));
        expect(clean(printable).text).toBe(text);
      }),
    );
  });
});

describe("the quick way past push", () => {
  /** As `clean`, by the quick way wherever it is open. */
  function cleanQuickly(...pieces: string[]) {
    const cleaner = new TextCleaner();
    const cleaned = pieces.map((piece) =>
      cleaner.passes(Buffer.from(piece)) ? piece : cleaner.push(Buffer.from(piece)),
    );
    return { text: cleaned.join("") + cleaner.end(), found: { ...cleaner.findings } };
  }

  test("is open to every piece of printable ASCII, tabs and line feeds, and to no other character", () => {
    for (let code = 0; code < 0x300; code += 1) {
      const plain = code === 0x09 || code === 0x0a || (code >= 0x20 && code <= 0x7e);
      expect(new TextCleaner().passes(Buffer.from(`a${String.fromCharCode(code)}b`)), `U+${code.toString(16)}`).toBe(
        plain,
      );
    }
    expect(new TextCleaner().passes(Buffer.alloc(0))).toBe(false);
  });

  test("gives what push gives, whatever the pieces before it left undecided", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary", maxLength: 5 }),
      fc.constantFrom(
        "plain",
        "[31m",
        "m",
        "\n",
        "\r",
        "\x1b",
        "\x1b]8;;",
        "\x07",
        "\ufeff",
        "\u200d",
        "0",
        "#",
        "\ufe0f",
        "\u{1f3f4}",
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        expect(cleanQuickly(...pieces)).toEqual(clean(...pieces));
      }),
      { numRuns: 2000 },
    );
  });
});

test("the bytes that were pushed may be used again at once", () => {
  const cleaner = new TextCleaner();
  const bytes = Buffer.from("a🚀b").subarray(0, 3);
  const start = cleaner.push(bytes);
  bytes.fill(0);
  expect(start + cleaner.push(Buffer.from("🚀b").subarray(2)) + cleaner.end()).toBe("a🚀b");
});

describe("cleanLine", () => {
  test.each([
    ["a clean title", "Fix the relay", 20, "Fix the relay"],
    ["line ends, tabs and runs of white space", "  a\r\n\tb \u00a0 c\u2028d ", 20, "a b c d"],
    ["escapes and hidden characters", "\x1b[31mred\x1b[0m\u202e\u200b title", 20, "red title"],
    ["exactly max", "12345", 5, "12345"],
    ["max + 1", "123456", 5, "1234…"],
    ["a surrogate pair at the cut", "123🚀5678", 5, "123…"],
    ["a family at the cut", "12👨\u200d👩\u200d👧34567", 8, "12…"],
    ["a family that is longer than the line", "👨\u200d👩\u200d👧", 4, "👨…"],
    ["a combining mark at the cut", "123e\u0301567", 5, "123…"],
    ["a space at the cut", "123 5678", 5, "123…"],
    ["one character of a thousand marks", `a${"\u0301".repeat(1000)}`, 5, "a\u0301\u0301\u0301…"],
    ["nothing visible", "\x1b[0m\u200b\n", 5, ""],
    ["half a surrogate pair", "a\ud83d", 5, "a\ufffd"],
  ])("%s", (_, text, max, expected) => {
    expect(cleanLine(text, max)).toBe(expected);
  });

  test("is never longer than max, and one clean line", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 30 }), (text, max) => {
        const line = cleanLine(text, max);
        expect(line.length).toBeLessThanOrEqual(max);
        expect(line).not.toMatch(/[\n\t\p{Surrogate}]/u);
      }),
    );
  });
});

test("warningsOf says what was found, in the singular and in the plural, and nothing for nothing", () => {
  expect(warningsOf(NOTHING)).toEqual([]);
  expect(warningsOf({ escapes: 12, controls: 1, bidi: 1, hidden: 3, invalid: 2 })).toEqual([
    "12 terminal escape sequences were taken out of the text.",
    "1 control character was taken out of the text.",
    "1 character that changes the direction of writing was taken out of the text.",
    "3 invisible or private-use characters were taken out of the text; such characters can hide instructions.",
    "2 ill-formed UTF-8 sequences were replaced by U+FFFD.",
  ]);
});
