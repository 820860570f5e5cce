/** However a client ends, its server ends with it, and nothing is forgotten but the hub, which keeps the share until it is had. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { sha256 } from "../mcp/texts.ts";
import { isOpen } from "../mcp/wires.ts";
import { hubsOf, type Listed, type Offered, startServer } from "../support/server.ts";
import { json, type Step } from "./api.ts";
import { CHECKOUT, runClaude, sandbox } from "./claude.ts";

const DOCUMENT = "# Open\n\nTo be had later.\n";
const SHARE = "mcp__claude-spread__distill_share";
const STATUS = "mcp__claude-spread__distill_status";

const ENDS = [
  ["comes to its end", "The end.", 0],
  ["gets SIGINT", { signal: "SIGINT" }, 0],
  ["gets SIGTERM", { signal: "SIGTERM" }, 143],
  ["gets SIGKILL", { signal: "SIGKILL" }, null],
] as const;

it.each(ENDS)("a share of `claude -p` is had, and known to be, after a client that %s", async (_how, end, exitCode) => {
  const box = await sandbox();
  let offered: Offered | undefined;
  const share: Step = { tool: SHARE, input: { content: DOCUMENT, mode: "lan" } };
  const look: Step = async ({ last }) => {
    offered = json<Offered>(last);
    return end;
  };
  const ran = await runClaude({ box, cwd: CHECKOUT, prompt: "/distill-share --lan", steps: [share, look] });
  expect(ran).toMatchObject({ exitCode, survivors: false });
  const receiver = await startServer();
  const taken = await receiver.receive({ code: offered?.code, host: `127.0.0.1:${offered?.lan?.port}` });
  expect(taken.sha256).toBe(sha256(DOCUMENT));
  const later = await runClaude({
    box,
    cwd: CHECKOUT,
    prompt: "Has it arrived?",
    steps: [{ tool: STATUS }, "Yes."],
    allowedTools: [STATUS],
  });
  const [status] = later.toolResults;
  const listed = status && json<{ shares: Listed[] }>(status).shares;
  expect(listed).toMatchObject([{ share_id: offered?.share_id, this_session: false, state: "delivered" }]);
});

it.each(ENDS)(
  "without a hub it is gone, its share with it, within a second of a client that %s",
  async (_how, end, exitCode) => {
    const box = await sandbox();
    let port = 0;
    const share: Step = { tool: SHARE, input: { content: DOCUMENT, mode: "lan" } };
    const look: Step = async ({ last }) => {
      port = json<Offered>(last).lan?.port ?? 0;
      expect(await isOpen(port)).toBe(true);
      return end;
    };
    const env = { DISTILL_HUB: "off" };
    const ran = await runClaude({ box, env, cwd: CHECKOUT, prompt: "/distill-share --lan", steps: [share, look] });
    expect(ran).toMatchObject({ exitCode, survivors: false });
    expect(await isOpen(port)).toBe(false);
    expect(await hubsOf(join(box.home, ".claude-spread"))).toEqual([]);
  },
);
