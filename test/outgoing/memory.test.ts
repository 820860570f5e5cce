/** What leaves of a memory, as data and as it is shown: both cleaned of the same. */
import { buffer } from "node:stream/consumers";
import { expect, it } from "vitest";
import { Cleaning, type CleaningOptions } from "../../src/outgoing/cleaning.ts";
import { memoryParts } from "../../src/outgoing/memory.ts";
import { type Machine, machine } from "../claude/transcripts.ts";
import { forever } from "../support/shares.ts";

/** Made here, so that no scanner of a code host takes it for real. */
const TOKEN = ["ghp", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"].join("_");

async function parts({ project, home, userHome, config }: Machine, text: string, secrets: CleaningOptions["secrets"]) {
  const cleaning = await Cleaning.begin({ secrets, paths: "relative", project, home, userHome }, forever());
  const { materials, advice } = await memoryParts(text, { config, project }, cleaning);
  const texts = [];
  for (const { pieces } of materials) texts.push(`${await buffer(pieces(forever()))}`);
  return { texts, advice };
}

it.each([
  ["an escape sequence", "\u001b[0m"],
  ["a change of direction", "\u202e"],
  ["a character that is not seen", "\u200b"],
  ["a control character", "\u0007"],
])("a secret with %s in it is found, in the data and in what is shown of it", async (_what, hidden) => {
  await using at = await machine();
  const text = `- the token is ${TOKEN.slice(0, 10)}${hidden}${TOKEN.slice(10)}\n`;
  const { texts, advice } = await parts(at, text, "redact");
  expect(texts).toHaveLength(2);
  for (const part of texts) {
    expect(part).toMatch(/- the token is \[redacted: [a-z-]+ #1\]/);
    expect(part).not.toContain(TOKEN.slice(10));
  }
  expect(advice).toEqual([expect.stringContaining("taken out of the text")]);
  await expect(parts(at, text, "block")).rejects.toMatchObject({ code: "secrets-found" });
});
