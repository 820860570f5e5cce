/** A relay that wants a token: who has it, who has not, and that it goes nowhere else. */
import { once } from "node:events";
import { expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { later } from "../support/later.ts";
import { startServer } from "../support/server.ts";
import { DOCUMENT, sha256 } from "./texts.ts";
import { relayHere } from "./wires.ts";

const TOKEN = "a-token-of-the-office-42";

const withToken = (url: string, token = TOKEN) => ({ DISTILL_RELAY_URL: url, DISTILL_RELAY_TOKEN: token });

it("serves both ends that have the token", async () => {
  const { url } = await relayHere({ tokens: [TOKEN] });
  const [sender, receiver] = await Promise.all([
    startServer({ env: withToken(url) }),
    startServer({ env: withToken(url) }),
  ]);
  const { code, tell_receiver } = await sender.share({ content: DOCUMENT, mode: "relay" });
  expect(tell_receiver).not.toContain(TOKEN);
  // Named by hand, it is the same relay.
  expect((await receiver.receive({ code, relay_url: url })).sha256).toBe(sha256(DOCUMENT));
});

it("says relay-private, and what to set, to those who have none or a wrong one", async () => {
  const { url } = await relayHere({ tokens: [TOKEN] });
  for (const env of [{ DISTILL_RELAY_URL: url }, withToken(url, "another-token-of-nobody")]) {
    const server = await startServer({ env });
    const { code, text } = await server.fails("distill_share", { content: DOCUMENT, mode: "relay" });
    expect([code, text]).toEqual(["relay-private", expect.stringContaining("DISTILL_RELAY_TOKEN")]);
    expect(text + server.stderr()).not.toContain("another-token");
  }
});

it("sends its token to no other relay, whoever names it", async () => {
  const { url } = await relayHere({ tokens: [TOKEN] });
  const seen: (string | undefined)[] = [];
  const other = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  later(() => other.close());
  other.on("connection", (ws, { headers }) => {
    seen.push(headers.authorization);
    ws.close();
  });
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  const server = await startServer({ env: withToken(url) });
  const relay_url = `ws://127.0.0.1:${port}`;
  await server.fails("distill_share", { content: DOCUMENT, mode: "relay", relay_url });
  await server.fails("distill_receive", { code: "7f3k2a-crisp-orbit-lunar", mode: "relay", relay_url });
  expect(seen).toEqual([undefined, undefined]);
});

it.each([
  ["blanks in it", { DISTILL_RELAY_URL: "ws://127.0.0.1:9", DISTILL_RELAY_TOKEN: "hunter2 hunter2" }],
  ["no relay", { DISTILL_RELAY_TOKEN: "hunter2-hunter2-hunter2" }],
])("a token with %s is bad-config, and is not shown", async (_what, env) => {
  const server = await startServer({ env });
  const { code, text } = await server.fails("distill_share", { content: DOCUMENT });
  expect([code, text]).toEqual(["bad-config", expect.stringContaining("DISTILL_RELAY_TOKEN")]);
  expect(text).not.toContain("hunter2");
});
