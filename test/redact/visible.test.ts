import { describe, expect, it } from "vitest";
import { placesOf } from "../../src/redact/paths.ts";
import { Redactor, type RedactorOptions, redactText } from "../../src/redact/redactor.ts";
import { viewOf } from "../../src/redact/visible.ts";
import { TextCleaner } from "../../src/untrusted/clean.ts";
import { expectLinear } from "../support/cost.ts";
import { leftOf } from "./corpus/measure.ts";
import { plants } from "./corpus/plants.ts";
import { ALNUM, chance } from "./corpus/random.ts";

const REDACT: RedactorOptions = { secrets: "redact" };
const by = chance(77);
const github = () => `ghp_${by.chars(ALNUM, 36)}`;

/** What is not seen, of every kind. */
const HIDDEN = [
  "\u200b",
  "\u00ad",
  "\u2060",
  "\ufeff",
  "\u202e",
  "\ufe0f",
  "\u{e0041}",
  "\u{1d173}",
  "\u{1bca0}",
  "\x01",
  "\0",
  "\x7f",
  "\x1b[0m",
  "\x1b[01;31m\x1b[K",
  "\x1b[38;2;255;100;10m",
  "\x9b31m",
  "\x1b]8;;https://example.org/\x07",
  "\x1b]8;;\x1b\\",
  "\x1b(B",
];

/** As it is after the cleaning that a receiver does. */
function received(text: string): string {
  const cleaner = new TextCleaner();
  return cleaner.push(Buffer.from(text)) + cleaner.end();
}

describe("a secret with what nobody sees", () => {
  it.each(HIDDEN.map((hidden) => [JSON.stringify(hidden), hidden] as const))(
    "%s within, before and behind it is found whole",
    async (_, hidden) => {
      const secret = github();
      const password = "Tr0ub4dor3xq9";
      const within = (text: string, at: number) => text.slice(0, at) + hidden + text.slice(at);
      for (const text of [
        `const t = "${within(secret, 10)}";`,
        `const t = "${within(secret, 2)}";`,
        `say ${hidden}${secret}${hidden} there`,
        [...secret].join(hidden),
        `password: "${within(password, 5)}"`,
        `${within("DB_PASSWORD", 4)}=${password}`,
        `DB_PASSWORD${hidden}=${hidden}${password}`,
      ]) {
        const redacted = (await redactText(text, REDACT)).text;
        for (const value of [secret, password]) expect(leftOf(value, received(redacted)), text).toBeUndefined();
      }
    },
  );

  it("is found in each of the corpus's texts", async () => {
    const missed: string[] = [];
    const all = plants().filter(({ secret, text }) => !secret.includes("\n") && text.includes(secret));
    for (const { kind, secret, text } of all) {
      const at = text.indexOf(secret) + by.between(1, secret.length - 1);
      const hidden = by.pick(HIDDEN);
      const redacted = (await redactText(text.slice(0, at) + hidden + text.slice(at), REDACT)).text;
      if (leftOf(secret, received(redacted)) !== undefined) missed.push(`${kind} ${JSON.stringify(hidden)}`);
    }
    expect(missed.length / all.length, missed.join()).toBeLessThan(0.01);
  });

  it("goes with what is hidden in it, and nothing else goes", async () => {
    const secret = github();
    const text = `\x1b[1ma\u200b ${secret.slice(0, 9)}\x1b[0m\u00ad${secret.slice(9)}\x1b[m\u200b b\u2060.\n`;
    const redacted = await redactText(text, REDACT);
    expect(redacted.text).toBe("\x1b[1ma\u200b [redacted: github-token #1]\x1b[m\u200b b\u2060.\n");
    expect(await redactText(redacted.text, REDACT)).toMatchObject({ text: redacted.text, report: { total: 0 } });
  });

  it("is found behind what grep clears a line with", async () => {
    const secret = github();
    const { text } = await redactText(`config.js:x\x1b[K${secret}\x1b[m\x1b[K\n`, REDACT);
    expect(text).toBe("config.js:x\x1b[K[redacted: github-token #1]\x1b[m\x1b[K\n");
  });

  it("has a path shortened behind a colour and with one in it", async () => {
    const places = await placesOf({ project: "/home/ann/app", home: "/home/ann" });
    const { text } = await redactText("at /home/\x1b[1mann\x1b[0m/notes and \x1b[35m/home/ann/app/a.ts", {
      secrets: "redact",
      places,
    });
    expect(text).toBe("at ~\x1b[0m/notes and \x1b[35ma.ts");
  });

  it("is found on every boundary of a long text, however that comes in", async () => {
    const secret = github();
    const hidden = `${secret.slice(0, 9)}\x1b[0m\u200b${secret.slice(9)}`;
    const filler = "The quick otter reads its lines and goes on.\n".repeat(40);
    const unit = `${filler}The quick otter \x1b[1mreads\x1b[0m its lines. ${hidden}\n`;
    const copies = Math.ceil((2.3 * 1024 * 1024) / unit.length);
    const pieces = async (chars: number) => {
      const redactor = new Redactor(REDACT);
      const text = unit.repeat(copies);
      let out = "";
      for (let at = 0; at < text.length; at += chars) out += await redactor.push(text.slice(at, at + chars));
      return out + (await redactor.end());
    };
    const whole = await pieces(4 * 1024 * 1024);
    expect(whole).toBe(unit.replace(hidden, "[redacted: github-token #1]").repeat(copies));
    expect(await pieces(65_537)).toBe(whole);
  });
});

it("a view is of what the receiver's cleaning leaves, and knows where each of it stands", () => {
  for (let round = 0; round < 200; round++) {
    let text = "";
    for (let part = 0; part < 12; part++) text += by.pick([...HIDDEN, by.chars(ALNUM, 5), "é→🦦", "\t"]);
    const view = viewOf(text);
    if (view === undefined) continue;
    for (let at = 0; at < view.text.length; at++) expect(text[view.place(at)]).toBe(view.text[at]);
    expect(received(view.text)).toBe(view.text);
  }
});

it("there is no view of a text in which all is seen", () => {
  expect(viewOf("plain\ttext,\r\n→ é 🦦 漢字\n\0\nand more")).toBeUndefined();
});

it("a text full of broken escapes costs no more than its length", async () => {
  for (const unit of ["\x1b]", "\x1b[", "\x9d", "\x1b[0", "\x1b]8;;x", "\u200b", "\0"]) {
    await expectLinear(JSON.stringify(unit), 128 * 1024, (chars) => {
      const text = unit.repeat(Math.ceil(chars / unit.length));
      return () => viewOf(text);
    });
  }
});
