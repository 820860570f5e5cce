/** What a text costs to redact, beside prose of the same length, by processor time. */
import { Redactor, type RedactorOptions, redactText } from "../../src/redact/redactor.ts";
import { costOf } from "../support/cost.ts";

/** More than two stretches, windows and margins. */
export const CHARS = 256 * 1024;
/** The cheapest of so many counts: what else a machine does can only make them dearer. */
const ROUNDS = 8;
const MAX_TIMES = 10;
const PROSE =
  "The key to it is that an otter passes its tokens of affection on, and keeps no secrets: authors say so in their letters, at https://otters.example/facts, and mention a password only once.\n";
const rows = (row: string) => row.repeat(2_000);

const TOKEN = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";

/** What is tried on each save. */
export const FEW = [
  "AGE-SECRET-KEY-1:a@",
  "pwd=a1b2&c3\\n\u200b",
  "token for a ",
  "password:\n\n\na1b2c3d4e5f6g7h8 ",
  "\u200b",
];

export const ALL = [
  ...["authorization\u200b", "_auth=\u200b", "AGE-SECRET-KEY-1:a@", "password=", "token=a ", "api_key: ", "pass|"],
  ...["sid=", "_auth=", "eyJ.", "sk_live_=", "mysql -p", "://:@", "密码:", "\u200ba", "\x1b[", "\x1b]8;;x"],
  ...[
    "-----BEGIN ",
    "-----END ",
    "-----BEGIN PRIVATE KEY-----\nA",
    "-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
  ],
  ...["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAxxxxxxxx\n-----END PRIVATE KEY-----\n", "| password |\n|---|---|\n"],
  // Settings in one line, with a backslash and a letter between them.
  ...[
    "pwd=a1b2&c3\\n",
    "pwd=aB3dE6gH\\n",
    "pwd=a1b2c3d4 ",
    "pwd=Tr0ub4dor&3x ",
    "pwd=a1b2&c3\\n\u200b",
    "pwd=a&b&c&d ",
  ],
  // Mentions, answers, codes, logins.
  ...[
    "token for a ",
    "the password is a1b2c3d4 ",
    "what's the admin password?\nann: a1b2c3d4e5\n",
    "key a1b2c3d4e5f6g7h8 ",
  ],
  ...[
    "recovery code a1b2-c3d4 ",
    "recovery codes:\na1b2-c3d4 e5f6-a7b8\n",
    "login: ann / a1b2c3d4 ",
    "otp is 123456, ",
  ],
  ...["seed phrase abandon ability ", "$ printenv\na1\n", "root:a1b2c3d4 ", "password:\n\n\na1b2c3d4e5f6g7h8 "],
  // Tables.
  ...["user  password\na  a1b2c3d4\n", "a,password\na,b1c2d3e4\n", "|pwd|", "token,secret,"],
  `|password|token|\n|-|-|\n${rows("|a1b2c3|pwd=a1|\n")}`,
  `${"password,".repeat(30)}a\n${rows(`${"a1b2c3d4,".repeat(30)}a\n`)}`,
  "\u200b",
];

export const filled = (unit: string) =>
  Buffer.from(unit.repeat(Math.ceil(CHARS / unit.length)).slice(0, CHARS)).toString();

export async function search(text: string, secrets: RedactorOptions["secrets"] = "block"): Promise<void> {
  const redactor = new Redactor({ secrets });
  await redactor.push(text);
  await redactor.end();
}

/** Which of these, repeated, take more than ten times the processor time of prose. */
export async function tooDear(units: readonly string[], secrets: RedactorOptions["secrets"]): Promise<string[]> {
  const least = async (text: string, isEnough: (cost: number) => boolean) => {
    let cost = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS && !isEnough(cost); round++) {
      cost = Math.min(cost, await costOf(() => search(text, secrets)));
    }
    return cost;
  };
  const prose = await least(filled(PROSE), () => false);
  const dear: string[] = [];
  for (const unit of units) {
    const times = (await least(filled(unit), (cost) => cost <= MAX_TIMES * prose)) / prose;
    if (times > MAX_TIMES) dear.push(`${JSON.stringify(unit).slice(0, 60)} ${times.toFixed(1)}`);
  }
  return dear;
}

/** Of no more than one block, after the half of which not all is looked for any more. */
const BLOCK_CHARS = 12 * 1024;

/** Behind which of these, repeated, a token with a form of its own stays. */
export async function hidingTokens(units: readonly string[]): Promise<string[]> {
  const hiding: string[] = [];
  for (const unit of units) {
    const text = `${unit.repeat(Math.ceil(BLOCK_CHARS / unit.length)).slice(0, BLOCK_CHARS)}\n${TOKEN}\n`;
    if ((await redactText(text, { secrets: "redact" })).text.includes(TOKEN))
      hiding.push(JSON.stringify(unit).slice(0, 60));
  }
  return hiding;
}
