/** What leaves of the client's own sessions: cleaned by the real rules, whatever they are kept as. */
import { buffer } from "node:stream/consumers";
import { expect, it } from "vitest";
import { findSessions } from "../../src/claude/sessions.ts";
import { Cleaning, type CleaningOptions } from "../../src/outgoing/cleaning.ts";
import { sessionParts } from "../../src/outgoing/sessions.ts";
import { assistant, call, type Machine, machine, result, SESSION, user, write } from "../claude/transcripts.ts";
import { forever } from "../support/shares.ts";

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
