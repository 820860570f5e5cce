/** Tags of given names, in whatever spelling a reader takes for one; and code and prose with the same words, which hold none. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TagFinder } from "../../src/untrusted/tags.ts";
import { expectLinear } from "../support/cost.ts";

const finder = new TagFinder([
  { name: "system-reminder", anyhow: true },
  { name: "command-name" },
  { name: "total_tokens" },
  { name: "tick" },
  { name: "channel", attribute: "source" },
]);

/** The text with each name in it replaced by what it is known as. */
function known(text: string): string {
  return finder
    .find(text)
    .reduceRight((all, { start, end, name }) => all.slice(0, start) + name.toUpperCase() + all.slice(end), text);
}

const SPELLINGS: [what: string, text: string, known: string][] = [
  ["as it is", "<system-reminder>", "<SYSTEM-REMINDER>"],
  ["one that closes, with blanks", "< / System-Reminder >", "< / SYSTEM-REMINDER >"],
  ["never closed, and gone on with", "<system-reminders", "<SYSTEM-REMINDERs"],
  ["a non-breaking hyphen, in angle quotes", "‹system\u2011reminder›", "‹SYSTEM-REMINDER›"],
  ["another hyphen", "<system\u2010reminder>", "<SYSTEM-REMINDER>"],
  ["an underscore", "<system_reminder>", "<SYSTEM-REMINDER>"],
  ["a line end", "<system\n-reminder>", "<SYSTEM-REMINDER>"],
  ["nothing between its words", "<SystemReminder>", "<SYSTEM-REMINDER>"],
  ["spaced letters", "<s y s t e m - r e m i n d e r>", "<SYSTEM-REMINDER>"],
  ["fullwidth brackets", "＜system-reminder＞", "＜SYSTEM-REMINDER＞"],
  ["fullwidth letters", "<ｓｙｓｔｅｍ-ｒｅｍｉｎｄｅｒ>", "<SYSTEM-REMINDER>"],
  ["mathematical brackets and letters", "⟨𝐬𝐲𝐬𝐭𝐞𝐦-𝐫𝐞𝐦𝐢𝐧𝐝𝐞𝐫⟩", "⟨SYSTEM-REMINDER⟩"],
  ["Cyrillic letters", "<ѕуѕtеm-rеmіndеr>", "<SYSTEM-REMINDER>"],
  ["a dotless letter", "<system-remınder>", "<SYSTEM-REMINDER>"],
  ["letters with marks", "<sýstem-remi\u0308nder>", "<SYSTEM-REMINDER>"],
  ["digits and signs for letters", "<5y$t3m-rem|nd3r>", "<SYSTEM-REMINDER>"],
  ["a blank that is none of ASCII's", "<\u00a0system-reminder>", "<\u00a0SYSTEM-REMINDER>"],
  ["a zero-width space", "<sys\u200btem-reminder>", "<SYSTEM-REMINDER>"],
  ["entities", "&lt;system-reminder&gt;", "&lt;SYSTEM-REMINDER&gt;"],
  ["entities without an end", "&ltsystem-reminder&gt", "&ltSYSTEM-REMINDER&gt"],
  ["entities in entities", "&amp;amp;lt;system-reminder&amp;gt;", "&amp;amp;lt;SYSTEM-REMINDER&amp;gt;"],
  ["entities by number", "&#060;s&#121;stem&#x2d;reminder&#62;", "&#060;SYSTEM-REMINDER&#62;"],
  ["escapes of JSON", "\\u003csystem\\u002dreminder\\u003e", "\\u003cSYSTEM-REMINDER\\u003e"],
  ["a line end as JSON has it", "<system\\nreminder>", "<SYSTEM-REMINDER>"],
  ["escapes of addresses", "%3Csystem-reminder%3E", "%3CSYSTEM-REMINDER%3E"],
  ["escapes of Markdown", "\\<system\\-reminder\\>", "\\<SYSTEM-REMINDER\\>"],
  ["tags within it", "<system<b></b>-<!-- - -->reminder>", "<SYSTEM-REMINDER>"],
  ["with an attribute", '<command-name id="1">', '<COMMAND-NAME id="1">'],
  ["empty", "<command_name />", "<COMMAND-NAME />"],
  ["behind another bracket", "<<<command-name>>", "<<<COMMAND-NAME>>"],
  ["within another one", "<command<command-name>-name>", "<command<COMMAND-NAME>-name>"],
  ["encoded", "&lt;/command‑name&gt;", "&lt;/COMMAND-NAME&gt;"],
  ["one word", "<tick>3</tick>", "<TICK>3</TICK>"],
  ["the attribute that makes it one", '<channel source="x">', '<CHANNEL="x">'],
];

test.each(SPELLINGS)("finds a tag: %s", (_what, text, expected) => {
  expect(known(text)).toBe(expected);
  expect(known(`so ${text} it is`)).toBe(`so ${expected} it is`);
});

describe("finds none in", () => {
  test.each([
    "a system-reminder without brackets",
    "the command-name, <i>total_tokens</i> and a tick",
    "while used < total_tokens:",
    "if (a<total_tokens && b>0) {}",
    "for (i = 0; i<total_tokens; i++)",
    "const all = new Map<CommandName, number>();",
    "Pair<Command, Name>, Either<Command | Name>, <CommandName />",
    '<command name="build"/>',
    "<channel><title>News</title></channel>",
    "List<Ticket>, <ticks>, <tickets>",
    "a << 2, b & c, &amp; and &nbsp; \\u0041 %20",
    "<system>reminder</system>",
    "<command>name</command>",
    "<система-напоминание> <日本語>",
  ])("%j", (text) => {
    expect(finder.find(text)).toEqual([]);
  });
});

test("leaves nothing to find where each name is replaced", () => {
  const part = fc.constantFrom(
    "<",
    "＜",
    "&lt;",
    "/",
    "system",
    "reminder",
    "-",
    "_",
    " ",
    "command",
    "name",
    ">",
    "<b>",
    "tick",
    "\\u003c",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const text = parts.join("");
      const without = finder
        .find(text)
        .reduceRight((all, { start, end }) => `${all.slice(0, start)}received-x${all.slice(end)}`, text);
      expect(finder.find(without)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test.each([
  "<",
  "<s<b></b>y<b></b>",
  "&amp;",
  "&lt;",
  "<system-reminde",
  "<!-- -",
  "<command-name ",
  "<- - - - ",
  "\\u003c",
  "<ѕуѕ&#121;",
  "<channel\n\n\n",
])("costs no more than in proportion to the length: %j", async (unit) => {
  await expectLinear(JSON.stringify(unit), 16 * 1024, (length) => {
    const text = unit.repeat(Math.ceil(length / unit.length));
    return () => finder.find(text);
  });
});
