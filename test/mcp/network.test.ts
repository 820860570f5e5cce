/** A machine without a network: a namespace of its own in which not even loopback is up. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { describe, expect, it } from "vitest";
import { later, makeWorld } from "../support/server.ts";
import { DOCUMENT } from "./texts.ts";

const ENTRY = fileURLToPath(new URL("../../dist/claude-spread.js", import.meta.url));
/** Making a namespace takes Linux, and root. */
const possible = spawnSync("unshare", ["--net", "true"]).status === 0;
/** TEST-NET-1 (RFC 5737): nobody's, and out of reach where there is no network. */
const NOBODY = "192.0.2.1";

async function startOffline() {
  const { base, home, project } = await makeWorld();
  const env = { PATH: process.env.PATH ?? "", HOME: base, DISTILL_HOME: home, CLAUDE_PROJECT_DIR: project };
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new StdioClientTransport({ command: "unshare", args: ["--net", process.execPath, ENTRY], env }));
  later(() => client.close());
  return async (name: string, args: Record<string, unknown>) => {
    const { content, structuredContent } = await client.callTool({ name, arguments: args });
    return { text: (content as { text: string }[])[0]?.text ?? "", data: structuredContent as Record<string, unknown> };
  };
}

describe.runIf(possible)("without a network", () => {
  it("a share on the LAN is made all the same, and names the one address that there is", async () => {
    const call = await startOffline();
    const { data } = await call("distill_share", { content: DOCUMENT });
    expect(data).toMatchObject({ lan: { port: expect.any(Number), addresses: ["127.0.0.1"] } });
  });

  it("a share by relay says relay-unreachable, at once", async () => {
    const call = await startOffline();
    const { text } = await call("distill_share", {
      content: DOCUMENT,
      mode: "relay",
      relay_url: `ws://${NOBODY}:9784`,
    });
    expect(text).toMatch(/^Error relay-unreachable: .*ENETUNREACH/);
  });

  it("receiving says host-unreachable, or relay-unreachable, at once", async () => {
    const call = await startOffline();
    const code = "7f3k2a-crisp-orbit-lunar";
    const byHost = await call("distill_receive", { code, host: `${NOBODY}:4000` });
    expect(byHost.text).toMatch(/^Error host-unreachable: /);
    const byRelay = await call("distill_receive", { code, relay_url: `ws://${NOBODY}:9784` });
    expect(byRelay.text).toMatch(/^Error relay-unreachable: /);
  });
});
