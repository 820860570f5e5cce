import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { placesOf } from "../../src/redact/paths.ts";
import { MAX_LISTED, Redactor, type RedactorOptions, redactText, scanText } from "../../src/redact/redactor.ts";
import { expectLinear } from "../support/cost.ts";
import { friendlyTexts } from "./corpus/friendly.ts";
import { leftOf } from "./corpus/measure.ts";
import { plants } from "./corpus/plants.ts";
import { ALNUM, BASE64, chance } from "./corpus/random.ts";
import { cutAt, expectSameInPieces, inPieces } from "./pieces.ts";

const by = chance(42);
const github = () => `ghp_${by.chars(ALNUM, 36)}`;
const REDACT: RedactorOptions = { secrets: "redact" };

describe("what is replaced", () => {
  it("gives the same secret the same number, and another one the next", async () => {
    const [one, two] = [github(), github()];
    const { text, report } = await redactText(`a ${one}\nb ${two}\nc ${one}\n`, REDACT);
    expect(text).toBe("a [redacted: github-token #1]\nb [redacted: github-token #2]\nc [redacted: github-token #1]\n");
    expect(report.findings).toEqual([
      { rule: "github-token", line: 1, placeholder: "[redacted: github-token #1]" },
      { rule: "github-token", line: 2, placeholder: "[redacted: github-token #2]" },
      { rule: "github-token", line: 3, placeholder: "[redacted: github-token #1]" },
    ]);
    expect(report.counts).toEqual(new Map([["github-token", 3]]));
  });

  it("leaves a URL readable but for its password", async () => {
    const { text } = await redactText("DATABASE_URL=postgres://app:Maple4711xy@db.example.org:5432/app", REDACT);
    expect(text).toBe("DATABASE_URL=postgres://app:[redacted: connection-string #1]@db.example.org:5432/app");
  });

  it("is a token in the user's place of a URL, and not what it is called", async () => {
    const { text } = await redactText("https://q7Rk2mXw9T:x-oauth-basic@github.com/a/b.git", REDACT);
    expect(text).toBe("https://[redacted: connection-string #1]:x-oauth-basic@github.com/a/b.git");
  });

  it("leaves the frame of a private key, and nothing within", async () => {
    const body = (by.chars(BASE64, 1600).match(/.{64}/g) ?? []).join("\n");
    const { text } = await redactText(
      `-----BEGIN RSA PRIVATE ${"KEY-----"}\n${body}\n-----END RSA PRIVATE KEY-----\n`,
      REDACT,
    );
    expect(text).toBe("-----BEGIN RSA PRIVATE KEY-----[redacted: private-key #1]-----END RSA PRIVATE KEY-----\n");
  });

  it("is no text between a private key that was cut off and the end of another one", async () => {
    const lines = (by.chars(BASE64, 256).match(/.{64}/g) ?? []).join("\n");
    const prose =
      "The key above was cut off by the terminal, and here somebody goes on to explain at length what to do.";
    const { text } = await redactText(
      `-----BEGIN PRIVATE ${"KEY-----"}\n${lines}\n${prose}\n-----END PRIVATE KEY-----\n`,
      REDACT,
    );
    expect(text).toBe(`-----BEGIN PRIVATE KEY-----[redacted: private-key #1]\n${prose}\n-----END PRIVATE KEY-----\n`);
  });

  it("is what stands around a placeholder that was there before", async () => {
    const lines = () => (by.chars(BASE64, 512).match(/.{64}/g) ?? []).join("\n");
    const { text } = await redactText(
      `-----BEGIN PRIVATE ${"KEY-----"}\n${lines()}\n[redacted: jwt #7]\n${lines()}\n-----END PRIVATE KEY-----`,
      REDACT,
    );
    expect(text).toBe(
      "-----BEGIN PRIVATE KEY-----[redacted: private-key #1][redacted: jwt #7]" +
        "[redacted: private-key #2]-----END PRIVATE KEY-----",
    );
  });

  it("is what is merely written like a placeholder, of no rule that there is", async () => {
    const denied = "hunter2-correct-7f3a9b1c2d4e5f60";
    const known = [{ rule: "deny-list" as const, forms: [denied] }];
    const { text } = await redactText(`a [redacted: ${denied}] b [redacted: ${github()}] [redacted: jwt #7]`, {
      secrets: "redact",
      known,
    });
    expect(text).toBe(
      "a [redacted: [redacted: deny-list #1]] b [redacted: [redacted: github-token #1]] [redacted: jwt #7]",
    );
  });

  it("is a bare password with its ampersands, but in a query only up to the next one", async () => {
    const bare = async (text: string) =>
      (await redactText(text, REDACT)).text.replaceAll("[redacted: password-assignment #1]", "*");
    expect(await bare("password=Tr0ub4dor&3x!q\n")).toBe("password=*\n");
    expect(await bare("login password: Tr0ub4dor&3x!q, and on")).toBe("login password: *, and on");
    expect(await bare("GET /in?password=Tr0ub4dor77&plain HTTP/1.1")).toBe("GET /in?password=*&plain HTTP/1.1");
    expect(await bare("password=Tr0ub4dor77&user=ann")).toBe("password=*&user=ann");
    expect(await bare("password=Tr0ub4dor77&& make")).toBe("password=*&& make");
    expect(await bare("password=Tr0ub4dor77& make")).toBe("password=*& make");
  });

  it("is nothing with block, which reports what it would have replaced", async () => {
    const secret = github();
    const { text, report } = await redactText(`one\ntwo ${secret}`, { secrets: "block" });
    expect(text).toBe(`one\ntwo ${secret}`);
    expect(report.findings).toEqual([{ rule: "github-token", line: 2, placeholder: "[redacted: github-token #1]" }]);
  });

  it("is nothing with allow, which does not look", async () => {
    const secret = github();
    expect(await redactText(secret, { secrets: "allow" })).toMatchObject({ text: secret, report: { total: 0 } });
  });

  it("is listed up to MAX_LISTED, and counted to the last", async () => {
    const { report } = await redactText(`${github()}\n`.repeat(MAX_LISTED + 5), REDACT);
    expect(report.findings).toHaveLength(MAX_LISTED);
    expect(report.counts.get("github-token")).toBe(MAX_LISTED + 5);
    expect(report.total).toBe(MAX_LISTED + 5);
  });

  it("is what the project's files and the user's list say, in each of their spellings", async () => {
    const forms = ['p"a/ss wörd', encodeURIComponent('p"a/ss wörd'), 'p\\"a/ss wörd'];
    const known = [{ rule: "env-value" as const, forms }];
    const { text, report } = await redactText(`x ${forms.join(" y ")} z`, { secrets: "redact", known });
    expect(text).toMatch(/^x \[redacted: env-value #1\] y \[redacted: env-value #2\] y \[redacted: env-value #3\] z$/);
    expect(report.total).toBe(3);
  });
});

describe("whatever the text is", () => {
  const texts = [...plants().map(({ text }) => text), ...friendlyTexts().map(({ text }) => text)];
  const document = fc
    .array(fc.constantFrom(...texts), { minLength: 1, maxLength: 12 })
    .map((parts) => parts.join("\n\n"));

  it("redacting what was redacted changes nothing", async () => {
    await fc.assert(
      fc.asyncProperty(document, async (text) => {
        const once = await redactText(text, REDACT);
        const twice = await redactText(once.text, REDACT);
        expect(twice.text).toBe(once.text);
        expect(twice.report.total).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it.each(["PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])(
    "the end of a %s that is gone is no name of what stands in the next lines",
    async (kind) => {
      const key = `-----BEGIN ${kind}-----[redacted: private-key #1]-----END ${kind}-----`;
      const text = `"${key}"}\n\nexample.com/layout v1.15.0 h1:THpuNEpiOHR3WForNy9QYktVODM2REIzVW5mNVJNQTc=\n`;
      expect((await redactText(text, REDACT)).text).toBe(text);
    },
  );

  it("its cuts into pieces change nothing", async () => {
    const places = await placesOf({ project: "/home/ann/app", home: "/home/ann" });
    await fc.assert(
      fc.asyncProperty(document, fc.array(fc.nat(6_000), { maxLength: 12 }), async (text, cuts) => {
        const options: RedactorOptions = { secrets: "redact", places };
        const whole = await redactText(text, options);
        expect(await inPieces(cutAt(text, cuts), options)).toEqual(whole);
      }),
      { numRuns: 100 },
    );
  });

  it("nothing of a secret is in what is told about it, and nothing at all is printed", async () => {
    const printed = [vi.spyOn(process.stdout, "write"), vi.spyOn(process.stderr, "write")];
    try {
      for (const { kind, secret, text } of plants()) {
        const { report } = await redactText(text, { secrets: "block" });
        let told = inspect(report, { depth: 5 });
        for (const rule of report.counts.keys()) told = told.replaceAll(rule, "");
        expect(leftOf(secret, told), kind).toBeUndefined();
      }
      for (const stream of printed) expect(stream).not.toHaveBeenCalled();
    } finally {
      vi.restoreAllMocks();
    }
  });
});

describe("a text of several windows", () => {
  /** Longer than a window of the redactor, with secrets so close that one lies on every boundary there may be. */
  const filler = "The quick otter reads its lines and goes on. ".repeat(3);
  const key = (by.chars(BASE64, 3200).match(/.{64}/g) ?? []).join("\n");
  const secrets = [github(), `eyJhbGciOiJIUzI1NiJ9.${by.chars(ALNUM, 900)}.${by.chars(ALNUM, 43)}`];
  const unit = `${filler}${secrets[0]}\n${filler}token: ${secrets[1]}\n-----BEGIN PRIVATE ${"KEY-----"}\n${key}\n-----END PRIVATE KEY-----\n`;
  const copies = Math.ceil((2.6 * 1024 * 1024) / unit.length);
  const text = unit.repeat(copies);

  it("has each of its secrets found, whole, on whichever boundary it lies", async () => {
    const { text: redacted, report } = await inPieces(
      cutAt(text, [999, 70_000, 1_048_575, 1_048_577, 2_100_000]),
      REDACT,
    );
    expect(report.counts).toEqual(
      new Map([
        ["github-token", copies],
        ["jwt", copies],
        ["private-key", copies],
      ]),
    );
    for (const secret of [...secrets, key]) expect(leftOf(secret, redacted)).toBeUndefined();
    expect(redacted.split("\n").length).toBe(text.split("\n").length - copies * key.split("\n").length - copies);
  });

  it("comes out the same in pieces of any length, its lines counted right", async () => {
    const whole = await inPieces([text], REDACT);
    const pieces = text.match(/[\s\S]{1,65537}/g) ?? [];
    expect(await inPieces(pieces, REDACT)).toEqual(whole);
    const lines = text.split("\n");
    const marks: Record<string, RegExp> = { "github-token": /ghp_/, jwt: /eyJ/, "private-key": /BEGIN/ };
    for (const { rule, line } of whole.report.findings) expect(lines[line - 1]).toMatch(marks[rule] ?? /$^/);
  });

  it("is redacted as without any cuts, wherever it is cut, and of whatever it is made", async () => {
    await expectSameInPieces(1, 600_000); // and redactor.long.test.ts
  });

  it("may be one line, and is given out while it comes in", async () => {
    const redactor = new Redactor(REDACT);
    let given = 0;
    for (let piece = 0; piece < 48; piece++) given += (await redactor.push("otter ".repeat(10_922))).length;
    expect(given).toBeGreaterThan(2 * 1024 * 1024);
    given += (await redactor.end()).length;
    expect(given).toBe(48 * 65_532);
  });

  it("never has a surrogate pair cut in two", async () => {
    const redactor = new Redactor(REDACT);
    for (let shift = 0; shift < 2; shift++) {
      const piece = await redactor.push(`${"a".repeat(shift)}${"🦦".repeat(600_000)}`);
      expect(/\p{Surrogate}/u.test(piece)).toBe(false);
    }
  });
});

it("a hostile text costs no more than its length", async () => {
  const units = [
    "pwd=",
    "apikey=",
    "_auth=",
    "eyJ.",
    "-----BEGIN PRIVATE KEY-----\nA",
    "-----BEGIN PRIVATE KEY-----xxxxxxxxAAAAAAAAAAAAAAAAAAAAAA\n",
    "-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAxxxxxxxx\n",
    "-----BEGIN PRIVATE KEY-----\n".concat("- ".repeat(30)),
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAxxxxxxxx\n-----END PRIVATE KEY-----\n",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAxxxxxxxx-----END PRIVATE KEY-----\n",
    "://:@",
    "ghp_",
    "mysql -p",
    "sid=",
    `password${"1".repeat(50)}x=`,
  ];
  for (const unit of units) {
    await expectLinear(unit, 16 * 1024, (chars) => {
      const text = unit.repeat(Math.ceil(chars / unit.length));
      return () => scanText(text);
    });
  }
});

it("tells of what arrives the rule and the line", async () => {
  const report = await scanText(`fine\n${github()}\n`);
  expect(report.findings).toMatchObject([{ rule: "github-token", line: 2 }]);
});
