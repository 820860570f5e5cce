/** Backpressure all the way: a receiver that is slow costs the sender no memory, however large the document. */
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { expect, it } from "vitest";
import { startRelay } from "../../relay/src/relay.ts";
import { proveToSender } from "../../src/protocol/handshake.ts";
import { requestOffer } from "../../src/protocol/transfer.ts";
import { parseCode } from "../../src/share/code.ts";
import { joinRoom } from "../../src/transport/relay.ts";
import { dialTcp } from "../../src/transport/tcp.ts";
import { documentFrom } from "../support/conversation.ts";
import { settled } from "../support/wait.ts";

const SERVER = fileURLToPath(new URL("../../dist/claude-spread.js", import.meta.url));
const MIB = 1024 * 1024;
/** Resident memory of a process in MiB: at its peak, and now. */
async function memory(pid: number): Promise<{ peak: number; now: number }> {
  const status = await readFile(`/proc/${pid}/status`, "latin1");
  const kib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]);
  return { peak: kib("VmHWM") / 1024, now: kib("VmRSS") / 1024 };
}

/**
 * @param mib of the document.
 * @param part of it that the sender may grow by: for the buffers of both kernels and of the compressor, and for what the
 * collector has not yet collected.
 */
export function staysFlat(by: "lan" | "relay", mib: number, part: number): void {
  it(`a share of ${mib} MiB to a receiver that stalls, and then reads on, keeps the sender's memory flat: ${by}`, async ({
    skip,
  }) => {
    skip(process.platform !== "linux", "only Linux says what a process took at its peak");
    const folder = await mkdtemp(join(tmpdir(), "spread-test-"));
    const relay = await startRelay({ host: "127.0.0.1", port: 0 });
    const client = new Client({ name: "test", version: "1" });
    try {
      const path = join(folder, "large.md");
      const line = Buffer.from(`${"a line of the document, and no two are alike: "}${"x".repeat(17)}\n`);
      const block = Buffer.concat(Array.from({ length: MIB / line.length }, () => line));
      await pipeline(Readable.from(Array.from({ length: mib }, () => block)), createWriteStream(path));

      const env = {
        PATH: process.env.PATH ?? "",
        HOME: folder,
        CLAUDE_PROJECT_DIR: folder,
        DISTILL_MDNS: "off",
        DISTILL_HUB: "off",
      };
      const transport = new StdioClientTransport({ command: process.execPath, args: [SERVER], env });
      await client.connect(transport);
      const pid = transport.pid ?? 0;
      const shared = await client.callTool({
        name: "distill_share",
        arguments: { path, mode: by, relay_url: relay.url, secrets: "allow", paths: "keep" },
      });
      const { code, lan, bytes } = shared.structuredContent as { code: string; lan?: { port: number }; bytes: number };
      expect(bytes).toBe(mib * MIB);

      const before = await memory(pid);
      const { room, secret } = parseCode(code);
      const life = new AbortController().signal;
      const link =
        by === "lan"
          ? await dialTcp("127.0.0.1", lan?.port ?? 0, life)
          : await joinRoom({ url: new URL(relay.url) }, room, life);
      const stream = await proveToSender(link, secret, room);
      const offer = await requestOffer(stream);
      const stallsAt = (mib / 16) * MIB;
      let received = 0;
      for await (const piece of documentFrom(stream, offer)) {
        if (received < stallsAt && received + piece.length >= stallsAt) {
          // Nothing is read until the sender has filled everything that it can fill.
          await settled(async () => Math.round((await memory(pid)).now));
        }
        received += piece.length;
      }
      const after = await memory(pid);
      await link.close();
      expect(received).toBe(mib * MIB);
      expect(after.peak - before.now).toBeLessThan(mib * part);
    } finally {
      await client.close();
      await relay.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
}
