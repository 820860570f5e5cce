/** At a cut between two windows nothing is lost, whatever finds it: each example is slid over a cut, seen and hidden. */
import { describe, expect, it } from "vitest";
import { BEHIND_CHARS, CONTEXT_CHARS, MARGIN_CHARS, MAX_SECRET_CHARS, WINDOW_CHARS } from "../../src/redact/reach.ts";
import { type RedactorOptions, redactText } from "../../src/redact/redactor.ts";
import { leftOf } from "./corpus/measure.ts";
import { ALNUM, BASE64, BASE64URL, chance, DIGITS, HEX } from "./corpus/random.ts";
import { KINDS } from "./kinds.ts";

const by = chance(77);
const REDACT: RedactorOptions = { secrets: "redact" };
const LINE = "The quick otter reads its lines and goes on.\n";
/** Where the first window is cut, if it has nothing but such lines. */
const CUT = WINDOW_CHARS - MARGIN_CHARS;
const lines = (chars: number) => `${LINE.repeat(Math.ceil(chars / LINE.length)).slice(0, chars - 1)}\n`;
const AFTER = lines(WINDOW_CHARS);
const password = () => `${by.chars(ALNUM, 5)}4${by.chars(ALNUM, 5)}%k`;

interface Example {
  readonly text: string;
  readonly secrets: readonly string[];
}

/** A table of at least so many characters, with what stands above its rows and how a row is written. */
function table(chars: number, heading: string, row: (secret: string, at: number) => string): Example {
  const secrets: string[] = [];
  let text = heading;
  while (text.length < chars) {
    const secret = password();
    text += `${row(secret, secrets.length)}\n`;
    secrets.push(secret);
  }
  return { text: `${text}\n`, secrets };
}

function one(text: string, secret: string): Example {
  return { text: text.replace("§", () => secret), secrets: [secret] };
}

const gap = " ".repeat(20);
const codes = Array.from({ length: 60 }, () => `${by.chars(ALNUM, 4)}2-${by.chars(ALNUM, 4)}7`);
const EXAMPLES: Readonly<Record<string, Example>> = {
  "a table of Markdown": table(
    6_000,
    "| user | for | password |\n|---|---|---|\n",
    (it, at) => `| u${at} | a room | ${it} |`,
  ),
  "a table longer than a window": table(
    WINDOW_CHARS + 20_000,
    "| user | for | password |\n|---|---|---|\n",
    (it, at) => `| user${at} | machine ${at} in the second room of the cellar, left | ${it} |`,
  ),
  "a table of commas": table(12_000, "user,host,password\n", (it, at) => `u${at},db-${at}.internal,${it}`),
  "a table of a database's shell": table(
    12_000,
    " user | password \n------+----------\n",
    (it, at) => ` u${at} | ${it}`,
  ),
  "a list of codes": { text: `Recovery codes:\n${codes.slice(0, 50).join("\n")}\n`, secrets: codes.slice(0, 50) },
  "a password in the next line": one(`\nwhat's the admin password?\n\n${gap}§\n`, password()),
  "a token spoken of": one(`\nthe deploy token ${"of our otters ".repeat(5)}is now "§".\n`, by.chars(ALNUM, 40)),
  "a private key": one(
    "\n-----BEGIN PRIVATE KEY-----\n§\n-----END PRIVATE KEY-----\n",
    (by.chars(BASE64, MAX_SECRET_CHARS - 600).match(/.{64}/g) ?? []).join("\n"),
  ),
  "the key of a JWK behind its type": one(
    `\n{"kty":"EC","x5c":["${by.chars(BASE64, 7_800)}"],"d":"§"}\n`,
    by.chars(BASE64URL, 43),
  ),
  "the key of a JWK before its type": one(
    `\n{"d":"§","x5c":["${by.chars(BASE64, 7_800)}"],"kty":"EC"}\n`,
    by.chars(BASE64URL, 43),
  ),
  "the secret beside an AWS id": one(
    `\nAKIA${by.chars("ABCDEFGH234567", 16)}${gap.repeat(6)}§\n`,
    by.chars(`${ALNUM}+`, 40),
  ),
  "a cookie": one(`\nCookie: a=${"b".repeat(500)}; connect.sid=§\n`, by.chars(ALNUM, 40)),
  "a pair in JSON": one(`\n{"name": "DB_PASSWORD",\n${gap}"scope": "all",\n${gap}"value": "§"}\n`, password()),
  "a password in base64": one(
    `\ndata: §\n`,
    Buffer.from(`PORT=1\nDB_PASSWORD=${by.chars(ALNUM, 20)}\n`).toString("base64"),
  ),
};

/** Of a long one, any piece. */
const isLeft = (secret: string, text: string) =>
  secret.length > 100 ? leftOf(secret, text) !== undefined : text.includes(secret);

/** Which of its secrets leave where the example begins so many characters before the cut. */
async function leaveAt({ text, secrets }: Example, before: number): Promise<string[]> {
  const redacted = await redactText(lines(CUT - before) + text + AFTER, REDACT);
  return secrets.filter((secret) => isLeft(secret, redacted.text));
}

/** A longer example is cut in fewer places. */
const LONG_CHARS = 12_000;

describe("a cut", () => {
  it.each(Object.entries(EXAMPLES))("loses nothing of %s", async (name, example) => {
    const whole = await redactText(example.text, REDACT);
    const alone = example.secrets.filter((secret) => isLeft(secret, whole.text));
    const last = Math.min(example.text.length, CUT - 1);
    // Close to both ends it matters most.
    for (const part of last > LONG_CHARS
      ? [0, 0.03, 0.5, 0.97, 1]
      : [0, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 1]) {
      const before = Math.round(last * part) || 1;
      expect(await leaveAt(example, before), `${name}, ${before} before the cut`).toEqual(alone);
    }
    expect(alone.length).toBeLessThanOrEqual(example.secrets.length / 100);
  });

  it("loses nothing of any kind of mention", async () => {
    const lost: string[] = [];
    for (const { forms } of KINDS) {
      const form = by.pick(forms);
      for (const secret of [by.chars(ALNUM, 24), by.chars(HEX, 32), by.chars(DIGITS, 8)]) {
        const example = one(`${form}\n`, secret);
        if ((await redactText(example.text, REDACT)).text.includes(secret)) continue;
        const at = form.indexOf("§");
        const cuts = [at, at + 1, Math.ceil(at / 2), at + secret.length].filter((before) => before > 0);
        const left = await Promise.all(cuts.map((before) => leaveAt(example, before)));
        if (left.flat().length > 0) lost.push(form);
      }
    }
    expect(lost).toEqual([]);
  });

  it("has more context before it than any way of finding looks back, and a margin longer than any secret", () => {
    for (const chars of Object.values(BEHIND_CHARS)) expect(CONTEXT_CHARS).toBeGreaterThan(chars);
    expect(MARGIN_CHARS).toBeGreaterThan(MAX_SECRET_CHARS);
  });

  it.each([0, 40_000, 60_000, CUT - 4_000, CUT + 1])(
    "loses no token whose letters stand 1,500 hidden ones apart, behind %i characters",
    async (chars) => {
      const token = `ghp_${by.chars(ALNUM, 36)}`;
      const spread = [...token].join("\u200b".repeat(1_500));
      const { text } = await redactText(`${lines(chars + 1)}${spread}\n${AFTER}`, REDACT);
      expect(leftOf(token, text.replaceAll("\u200b", ""))).toBeUndefined();
    },
  );

  it("comes in a text of nothing but what is hidden too, which is given out while it comes in", async () => {
    const hidden = "\u200b".repeat(3_000_000);
    const { text } = await redactText(hidden, REDACT);
    expect(text).toBe(hidden);
  });
});
