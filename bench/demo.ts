/**
 * `npm run demo`: one document goes from one real server process to another, by direct TCP and through a relay, and what
 * both people would see is printed. Everything is on loopback, in folders that are removed again.
 */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { startRelay } from "claude-spread-relay";

const SERVER = fileURLToPath(new URL("../../dist/claude-spread.js", import.meta.url));

const SAMPLE = `# Flaky upload test: found, not yet mended

- Time: 2026-11-20T10:00:00Z
- Project: parcel-tracker
- Branch: fix/upload-retry

## Goal
\`npm test\` passes a hundred times in a row; today about one run in eight fails.

## Summary
The upload test fails when the retry timer fires before the server's port is known. The cause is proved, the fix is not written.

## Key decisions
- **Wait for the \`listening\` event** instead of a longer timeout: a timeout only makes the failure rarer.

## Tried, and failed
- Raising the timeout to 5 s: fails less often, and slows every run.

## To do
- [ ] Make \`startServer()\` in \`test/support/server.ts\` return after \`listening\`.
- [ ] Run the suite a hundred times.
`;

interface DemoServer {
  call(tool: string, input: Record<string, unknown>): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** One Claude Code's server, with a home of its own. */
async function startServer(): Promise<DemoServer> {
  const home = await mkdtemp(join(tmpdir(), "claude-spread-demo-"));
  const client = new Client({ name: "demo", version: "1" });
  // Without a hub: nothing is to go on when this has ended.
  const off = { DISTILL_MDNS: "off", DISTILL_HUB: "off" };
  const env = { PATH: process.env.PATH ?? "", HOME: home, DISTILL_HOME: home, ...off };
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [SERVER], env }));
  return {
    call: async (name, input) => {
      const { isError, content, structuredContent } = await client.callTool({ name, arguments: input });
      if (isError || !structuredContent) throw new Error(`${name}: ${JSON.stringify(content)}`);
      return structuredContent as Record<string, unknown>;
    },
    close: async () => {
      await client.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function handOver(
  title: string,
  sender: DemoServer,
  receiver: DemoServer,
  relay: string | undefined,
): Promise<void> {
  console.log(`\n${title}\n${"-".repeat(title.length)}`);
  const where = relay === undefined ? { mode: "lan" } : { mode: "relay", relay_url: relay };
  const shared = await sender.call("distill_share", { content: SAMPLE, ...where });
  console.log(`The sender's Claude says:\n\n${indented(String(shared.tell_receiver))}\n`);

  const lan = shared.lan as { port: number } | undefined;
  const way = relay === undefined ? { host: `127.0.0.1:${lan?.port}` } : { relay_url: relay };
  const began = performance.now();
  const received = await receiver.call("distill_receive", { code: shared.code, ...way });
  const took = Math.round(performance.now() - began);
  const original = await readFile(String(received.original));
  const digest = createHash("sha256").update(original).digest("hex");
  if (digest !== shared.sha256 || !original.equals(Buffer.from(SAMPLE))) throw new Error("the document was altered");

  console.log(`The receiver's Claude gets, ${took} ms later:\n`);
  const lines = String(received.content).split("\n");
  const [from, to] = [16, lines.length - 4];
  console.log(indented(lines.slice(0, from).join("\n")));
  console.log(`    (... ${to - from} lines left out here ...)`);
  console.log(`${indented(lines.slice(to).join("\n").trimEnd())}\n`);
  console.log(`${received.bytes} bytes, SHA-256 ${digest.slice(0, 16)}…: the same on both sides.`);
  console.log(`Sender's status: ${await finalStatus(sender, String(shared.share_id))}`);
}

/** The receipt is on its way when the receiver has its document; its arrival is what is waited for. */
async function finalStatus(sender: DemoServer, id: string): Promise<string> {
  for (;;) {
    const { shares } = (await sender.call("distill_status", {})) as {
      shares: { share_id: string; state: string; summary: string }[];
    };
    const share = shares.find((it) => it.share_id === id);
    if (share?.state !== "serving" && share?.state !== "waiting") return share?.summary ?? "unknown";
    await delay(10);
  }
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "    ");
}

const relay = await startRelay({ host: "127.0.0.1", port: 0 });
const servers = await Promise.all([startServer(), startServer()]);
const [sender, receiver] = servers as [DemoServer, DemoServer];
try {
  console.log("Claude Spread: two servers on this machine stand for two people, and hand over a document.");
  await handOver("1. Directly, by TCP", sender, receiver, undefined);
  await handOver("2. Through a relay, which sees sealed bytes alone", sender, receiver, relay.url);
  console.log("\nBoth hand-offs arrived whole. In Claude Code it is /distill-share here and /distill-receive there.");
} finally {
  await Promise.all(servers.map((server) => server.close()));
  await relay.stop();
}
