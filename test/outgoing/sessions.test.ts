/** What leaves of the client's own sessions: cleaned by the real rules, whatever they are kept as. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect, it } from "vitest";
import { findSessions } from "../../src/claude/sessions.ts";
import { Cleaning, type CleaningOptions } from "../../src/outgoing/cleaning.ts";
import { sessionParts } from "../../src/outgoing/sessions.ts";
import { assistant, call, type Machine, machine, result, SESSION, user, write } from "../claude/transcripts.ts";
import { forever } from "../support/shares.ts";

/** Made here, so that no scanner of a code host takes it for real. */
const TOKEN = ["ghp", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"].join("_");

async function parts(at: Machine, secrets: CleaningOptions["secrets"] = "redact") {
  const { project, home, userHome } = at;
  const cleaning = await Cleaning.begin({ secrets, paths: "relative", project, home, userHome }, forever());
  const sessions = await findSessions(at.config, [SESSION]);
  const outgoing = await sessionParts({ sessions, thinking: false, userHome }, cleaning);
  const texts = [];
  for (const { pieces } of outgoing.materials) texts.push(`${await buffer(pieces(forever()))}`);
  const [catalogue = "", conversations = ""] = texts;
  return { title: outgoing.title, catalogue, conversations, cleaned: cleaning.cleaned };
}

it("a value that only its name tells to be a secret is found in what a tool was given", async () => {
  await using at = await machine();
  const input = {
    user: "app",
    password: "Tr0ub4dor&3x!q",
    api_key: "9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c",
    db: { token: "q8Zr2LmX7vKpT4nWc9Yd", port: 5432 },
  };
  await write(at, [
    user(0, "connect"),
    assistant(1, [call("toolu_1", input, "mcp__db__connect")]),
    user(2, [result("toolu_1", "ok")]),
  ]);
  const { conversations, cleaned } = await parts(at);
  const turn = JSON.parse(conversations.split("\n")[2] ?? "");
  expect(turn.content[0].name).toBe("mcp__db__connect");
  expect(turn.content[0].input).toEqual({
    user: "app",
    password: "[redacted: password-assignment #1]",
    api_key: "[redacted: secret-assignment #1]",
    db: { token: "[redacted: secret-assignment #2]", port: 5432 },
  });
  expect(cleaned.replacements.map(({ line }) => line)).toEqual([3, 3, 3]);
  await expect(parts(at, "block")).rejects.toMatchObject({ code: "secrets-found" });
});

it("what the user's own list denies is found as a number, as a name in an input, and in a tool's name", async () => {
  await using at = await machine();
  await mkdir(at.home, { recursive: true });
  await writeFile(join(at.home, "deny.txt"), "4929123456781234\nacme-internal\nacmepay\n");
  const input = { card: 4929123456781234, acmepay: "x", timeout: 60_000 };
  await write(at, [assistant(0, [call("toolu_1", input, "mcp__acme-internal__pay")])]);
  const { conversations } = await parts(at);
  expect(conversations).not.toMatch(/4929123456781234|acme/);
  const { name, input: sent } = JSON.parse(conversations.split("\n")[1] ?? "").content[0];
  expect(name).toMatch(/^mcp___redacted_[a-z_-]+_\d___pay$/);
  expect(Object.values(sent)).toEqual([expect.stringMatching(/^\[redacted: /), "x", 60_000]);
});

it("a secret that a title or a branch would be cut in is found before it is cut", async () => {
  await using at = await machine();
  const branch = `${"fix-".repeat(45)}${TOKEN}`;
  await write(at, [user(0, `${"word ".repeat(32)}${TOKEN} is the token`, { gitBranch: branch }), assistant(1, "ok")]);
  const { title, catalogue, conversations, cleaned } = await parts(at);
  expect([title, catalogue, conversations].join("\n")).not.toContain(TOKEN.slice(0, 8));
  expect(title).toMatch(/^Session: (?:word ){32}\[redacted: [a-z-]+ #1\] is the…?/);
  expect(catalogue).toMatch(
    /^# Sessions\n\n1\. (?:word ){32}\[redacted: .*\n {3}branch (?:fix-){45}\[redacted:? .*\n$/,
  );
  const shown = cleaned.replacements.filter(({ part }) => part === "handoff.md");
  expect(shown.map(({ line }) => line)).toEqual([3, 4]);
  await expect(parts(at, "block")).rejects.toMatchObject({ code: "secrets-found" });
});

it("a secret in a title over several lines, or with hidden characters in it, is found", async () => {
  await using at = await machine();
  const title = `a\nb ${TOKEN.slice(0, 9)}\u200b${TOKEN.slice(9)}`;
  await write(at, [user(0, "x"), { type: "custom-title", customTitle: title }]);
  const { title: shown, catalogue, conversations } = await parts(at);
  expect([shown, catalogue, conversations].join("\n")).not.toContain(TOKEN.slice(0, 8));
  expect(shown).toMatch(/^Session: a b \[redacted: [a-z-]+ #1\]$/);
});
