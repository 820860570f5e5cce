/**
 * What secretlint's recommended preset finds, as places in the text. Its messages quote the secret: they end here, unread.
 * It takes 30 ms to load and is asked for the first time when something is scanned.
 */
import type { Found } from "./assignments.ts";
import { isUrlPassword } from "./rules.ts";
import { standsForValue } from "./values.ts";

/** Its rules by our names. What it learns to find later is a secret of another kind. */
const OUR_NAMES: Readonly<Record<string, string>> = {
  "@secretlint/secretlint-rule-aws": "secret-assignment",
  "@secretlint/secretlint-rule-npm": "npm-token",
  "@secretlint/secretlint-rule-basicauth": "connection-string",
  "@secretlint/secretlint-rule-slack": "slack-token",
  "@secretlint/secretlint-rule-sendgrid": "sendgrid-key",
  "@secretlint/secretlint-rule-shopify": "shopify-token",
  "@secretlint/secretlint-rule-github": "github-token",
  "@secretlint/secretlint-rule-openai": "openai-key",
  "@secretlint/secretlint-rule-anthropic": "anthropic-key",
  "@secretlint/secretlint-rule-linear": "linear-key",
  "@secretlint/secretlint-rule-1password": "1password-token",
  "@secretlint/secretlint-rule-privatekey": "private-key",
  "@secretlint/secretlint-rule-database-connection-string": "connection-string",
};
const OTHER = "secret";

/** By message, where one of its rules has several. */
const OUR_NAMES_BY_MESSAGE: Readonly<Record<string, string>> = { IncomingWebhook: "webhook-url" };

/** A comment of this rule's in the text would switch all others off. */
const SWITCH = "@secretlint/secretlint-rule-filter-comments";

export type Lint = (text: string) => Promise<Found[]>;

let loaded: Promise<Lint> | undefined;

/** @returns secretlint, ready to be asked. */
export function loadSecretlint(): Promise<Lint> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Lint> {
  const [{ lintSource }, { rules }, { secretLintProfiler }] = await Promise.all([
    import("@secretlint/core"),
    import("@secretlint/secretlint-rule-preset-recommend"),
    import("@secretlint/profiler"),
  ]);
  // It would keep forty marks of every call for ever, and look through all of them at the next one.
  secretLintProfiler.mark = () => {};
  const chosen = rules
    .filter(({ meta }) => meta.id !== SWITCH)
    // No options: its scan for ids of AWS looks for account numbers too, which are no secrets, and takes as long as all else.
    .map((rule) => ({ id: rule.meta.id, rule, options: {} }));
  const options = { noPhysicFilePath: true, maskSecrets: true, config: { rules: chosen } };
  return async (content) => {
    // Named as no package.json is: of git remotes in that, one of its rules gives a wrong place.
    const source = { content, filePath: "text", ext: "", contentType: "text" as const };
    const { messages } = await lintSource({ source, options });
    const found = messages.map(({ ruleId, messageId, range: [start, end] }) => {
      const rule = OUR_NAMES_BY_MESSAGE[messageId] ?? OUR_NAMES[ruleId] ?? OTHER;
      return rule === "connection-string" ? { rule, ...passwordIn(content, start, end) } : { rule, start, end };
    });
    return found.filter(({ rule, start, end }) => {
      const secret = content.slice(start, end);
      return rule === "connection-string" ? isUrlPassword(secret) : !standsForValue(secret);
    });
  };
}

/** Of a URL, the password alone: where it leads to is worth reading. */
function passwordIn(text: string, start: number, end: number): { start: number; end: number } {
  const match = /:\/\/[^:/@\s]{1,260}:([^@/\s]{1,400})@/d.exec(text.slice(start, end));
  const place = match?.indices?.[1];
  return place === undefined ? { start, end } : { start: start + place[0], end: start + place[1] };
}
