/** However a client ends, its server ends with it, and so do the shares: nobody has to look for a forgotten process. */
import { expect, it } from "vitest";
import { isOpen } from "../mcp/wires.ts";
import type { Offered } from "../support/server.ts";
import { json, type Step } from "./api.ts";
import { CHECKOUT, runClaude } from "./claude.ts";

it.each([
  ["comes to its end", "The end.", 0],
  ["gets SIGINT", { signal: "SIGINT" }, 0],
  ["gets SIGTERM", { signal: "SIGTERM" }, 143],
  ["gets SIGKILL", { signal: "SIGKILL" }, null],
] as const)("is gone, its share with it, within a second of a client that %s", async (_how, end, exitCode) => {
  let port = 0;
  const share: Step = { tool: "mcp__claude-spread__distill_share", input: { content: "# Open", mode: "lan" } };
  const look: Step = async ({ last }) => {
    port = json<Offered>(last).lan?.port ?? 0;
    expect(await isOpen(port)).toBe(true);
    return end;
  };
  const ran = await runClaude({ cwd: CHECKOUT, prompt: "/distill-share --lan", steps: [share, look] });
  expect(ran).toMatchObject({ exitCode, survivors: false });
  expect(await isOpen(port)).toBe(false);
});
