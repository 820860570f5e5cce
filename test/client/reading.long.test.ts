/** What a model gets to read of Claude Spread before it has called anything: nothing is cut, and nothing is lost. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startServer } from "../support/server.ts";
import { conversationText } from "./api.ts";
import { CHECKOUT, runClaude } from "./claude.ts";

const PREFIX = "mcp__claude-spread__";
/** Of a longer description, and of longer instructions, the client shows the beginning. */
const MAX_DESCRIPTION_CHARS = 2048;

it("offers the tools with the descriptions and the arguments that the server gave them", async () => {
  const { mcpServers, toolsSeen } = await runClaude({ cwd: CHECKOUT, prompt: "Hello", steps: ["Hello"] });
  expect(mcpServers).toEqual([{ name: "claude-spread", status: "connected" }]);
  const seen = toolsSeen.filter(({ name }) => name.startsWith(PREFIX));
  const server = await startServer();
  const { tools } = await server.client.listTools();
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  const listed = tools.map(({ name, description, inputSchema }) => ({
    name: PREFIX + name,
    description,
    input_schema: inputSchema,
  }));
  expect(seen.map(({ name, description, input_schema }) => ({ name, description, input_schema })).sort(byName)).toEqual(
    listed.sort(byName),
  );
  for (const { description, input_schema } of seen) {
    expect(description.length).toBeLessThanOrEqual(MAX_DESCRIPTION_CHARS);
    expect(input_schema.type).toBe("object");
  }
});

it.each([
  ["off", "false"],
  ["on", "true"],
])("reads the server's instructions, and what the skills are for, with tool search %s", async (_is, search) => {
  const env = { ENABLE_TOOL_SEARCH: search };
  const { mainRequests, slashCommands } = await runClaude({ cwd: CHECKOUT, prompt: "Hello", env, steps: ["Hello"] });
  const read = mainRequests[0] ? conversationText(mainRequests[0]) : "";
  const server = await startServer();
  expect(read).toContain(server.client.getInstructions());
  for (const skill of await readdir(join(CHECKOUT, ".claude", "skills"))) {
    expect(slashCommands).toContain(skill);
    const head = await readFile(join(CHECKOUT, ".claude", "skills", skill, "SKILL.md"), "utf8");
    const [, description] = /^description: (.*)$/m.exec(head) ?? [];
    const [, when] = /^when_to_use: (.*)$/m.exec(head) ?? [];
    expect(read).toContain(`- ${skill}: ${description} - ${when}`);
  }
});

it("reads in a skill no placeholder that was not replaced", async () => {
  for (const skill of await readdir(join(CHECKOUT, ".claude", "skills"))) {
    const { mainRequests } = await runClaude({ cwd: CHECKOUT, prompt: `/${skill}`, steps: ["What now?"] });
    const read = mainRequests[0] ? conversationText(mainRequests[0]) : "";
    expect(read).toContain("The user typed these arguments");
    expect(read).not.toContain("$ARGUMENTS");
  }
});
