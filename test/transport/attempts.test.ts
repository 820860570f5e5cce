/**
 * A sender's room between two visits: the next turn begins when the last visitor has been judged and its failed attempt has
 * cost its time, whichever way the relay lets visitors come.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import type { Link } from "../../src/transport/link.ts";
import { createRoom } from "../../src/transport/relay.ts";
import { later } from "../support/later.ts";
import { forever } from "../support/shares.ts";
import { passTime, stopClock } from "../support/stopped-clock.ts";

beforeEach(stopClock);

/** A relay that says what the test has it say, and the room of a sender there. */
async function room(features: string[]) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const said: string[] = [];
  let ws: WebSocket | undefined;
  server.on("connection", (connected) => {
    ws = connected;
    connected.on("message", (data) => {
      said.push(String(data));
      if (said.length === 1) {
        const created = { type: "ROOM_CREATED", room_id: "a7f3b2", expires_in: 600, features, reclaim_token: "t" };
        connected.send(JSON.stringify(created));
      }
    });
  });
  const visitors: Link[] = [];
  const url = new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const made = await createRoom({ url }, 600, (link) => visitors.push(link), forever());
  later(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  later(() => made.close());
  const say = (message: object) => ws?.send(JSON.stringify(message));
  return {
    made,
    said,
    visitors,
    come: (peer: number, more: object = {}) => say({ type: "PEER_JOINED", peer_id: `conn_${peer}`, ...more }),
    go: (peer: number) => say({ type: "PEER_DISCONNECTED", peer_id: `conn_${peer}` }),
    frame: (frame: string) => ws?.send(frame),
    nexts: () => said.filter((frame) => frame.includes('"NEXT"')),
  };
}

const TAG = "0123456789abcdef";

describe("a relay with turns and tags", () => {
  it("is asked for both, told NEXT after 1, 2, 4, 8 and then 15 s, and whose attempts failed", async () => {
    const { said, visitors, come, go, nexts } = await room(["turns", "tags"]);
    expect(JSON.parse(said[0] as string).features).toEqual(["turns", "reclaim", "tags"]);
    const pauses: number[] = [];
    for (let i = 1; i <= 7; i++) {
      come(i, { tag: TAG, waiting: 0 });
      await passTime(() => visitors.length === i);
      const link = visitors.at(-1) as Link;
      expect([link.address, link.contended]).toEqual([`relay ${TAG}`, false]);
      link.attemptFailed?.();
      await link.close();
      go(i);
      pauses.push(await passTime(() => nexts().length === i));
      expect(JSON.parse(nexts().at(-1) as string)).toEqual({ type: "NEXT", failed: Array(i).fill(TAG) });
    }
    for (const [i, seconds] of [1, 2, 4, 8, 15, 15, 15].entries()) {
      expect(pauses[i]).toBeGreaterThanOrEqual(seconds * 1000);
    }
  });

  it("is told NEXT at once after a visitor that failed nothing", async () => {
    const { visitors, come, go, nexts } = await room(["turns", "tags"]);
    come(1);
    await passTime(() => visitors.length === 1);
    await visitors[0]?.close();
    go(1);
    await passTime(() => nexts().length === 1);
    expect(nexts()).toEqual(['{"type":"NEXT"}']);
  });

  it("lets nobody escape who hangs up behind a proof: NEXT waits for the verdict, and then for the pause", async () => {
    const { visitors, come, go, frame, nexts } = await room(["turns", "tags"]);
    come(1, { tag: TAG, waiting: 3 });
    frame("HELLO");
    frame("CONFIRM");
    go(1);
    await passTime(() => visitors.length === 1 && visitors[0]?.open === false);
    expect([visitors[0]?.contended, nexts()]).toEqual([true, []]);
    visitors[0]?.attemptFailed?.();
    await visitors[0]?.close();
    expect(nexts()).toEqual([]);
    expect(await passTime(() => nexts().length === 1)).toBeGreaterThanOrEqual(1000);
  });

  it.each([
    ["no tag", {}],
    ["a tag that is none", { tag: "<script>", waiting: "x" }],
  ])("may say %s: the visitor comes without an address", async (_what, more) => {
    const { visitors, come, go, nexts } = await room(["turns", "tags"]);
    come(1, more);
    await passTime(() => visitors.length === 1);
    expect([visitors[0]?.address, visitors[0]?.contended]).toEqual([undefined, false]);
    visitors[0]?.attemptFailed?.();
    await visitors[0]?.close();
    go(1);
    await passTime(() => nexts().length === 1);
    expect(nexts()).toEqual(['{"type":"NEXT"}']);
  });
});

describe("a relay of old", () => {
  it("that has turns and no tags is told the NEXT of old, and the pauses hold", async () => {
    const { visitors, come, go, nexts } = await room(["turns"]);
    come(1);
    await passTime(() => visitors.length === 1);
    visitors[0]?.attemptFailed?.();
    await visitors[0]?.close();
    go(1);
    expect(await passTime(() => nexts().length === 1)).toBeGreaterThanOrEqual(1000);
    expect(nexts()).toEqual(['{"type":"NEXT"}']);
  });

  it("without turns sends the next visitor itself, who is served when the pause is over, and what it said is kept", async () => {
    const { visitors, come, go, frame, nexts } = await room([]);
    come(1);
    await passTime(() => visitors.length === 1);
    visitors[0]?.attemptFailed?.();
    await visitors[0]?.close();
    go(1);
    come(2);
    frame("HELLO");
    go(2);
    come(3);
    frame("HELLO of the third");
    expect(await passTime(() => visitors.length === 2)).toBeGreaterThanOrEqual(1000);
    expect(String(Buffer.from((await visitors[1]?.receive()) ?? ""))).toBe("HELLO of the third");
    expect(nexts()).toEqual([]);
  });
});

it("a room that is closed in a pause leaves no timer behind", async () => {
  const { made, visitors, come, go, nexts } = await room(["turns", "tags"]);
  come(1);
  await passTime(() => visitors.length === 1);
  visitors[0]?.attemptFailed?.();
  await visitors[0]?.close();
  go(1);
  await passTime(() => visitors[0]?.open === false);
  const closing = made.close();
  await passTime(() => true);
  await closing;
  expect(vi.getTimerCount()).toBe(0);
  expect(nexts()).toEqual([]);
});
