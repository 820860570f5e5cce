/**
 * Those who have not updated yet: servers, hubs, relays and homes of the version before go on working with the new ones, both
 * ways, and nobody loses a share.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { documentIn, inboxOf } from "../faults/people.ts";
import { DOCUMENT, sha256 } from "../mcp/texts.ts";
import { relayProcess } from "../mcp/wires.ts";
import { later } from "../support/later.ts";
import { ENTRY, hubOf, makeSandbox, startServer, type TestServer } from "../support/server.ts";
import { type Before, buildBefore, whyNot } from "./before.ts";

/** The last commit before owners in the home, the relay's fairness and what travels of sessions changed. */
const BEFORE = "9349246ed1bc4274bc6349bcf099b30e51577c1c";

let before: Before;
const missing = whyNot(BEFORE);
beforeEach(({ skip }) => skip(missing !== undefined, missing));
beforeAll(async () => {
  if (missing === undefined) before = await buildBefore(BEFORE);
});
afterAll(() => before?.[Symbol.asyncDispose]());

type Age = "old" | "new";
const entry = (age: Age) => (age === "old" ? before.server : ENTRY);
const start = (age: Age, sandbox?: TestServer["sandbox"]) =>
  startServer({ entry: entry(age), ...(sandbox && { sandbox }) });

async function relayOf(age: Age): Promise<string> {
  if (age === "new") return (await relayProcess()).url;
  const child = spawn(process.execPath, [before.relay, "--host", "127.0.0.1", "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  later(() => {
    child.kill("SIGKILL");
    return ended;
  });
  const [said] = await once(child.stdout, "data");
  return /ws:\/\/[^"\s]+/.exec(String(said))?.[0] ?? "";
}

const PEOPLE: readonly (readonly [sender: Age, receiver: Age])[] = [
  ["old", "new"],
  ["new", "old"],
];

describe.each(PEOPLE)("from a sender that is %s to a receiver that is %s", (from, to) => {
  it("a document goes by LAN", async () => {
    const [sender, receiver] = await Promise.all([start(from), start(to)]);
    const share = await sender.share({ path: await documentIn(sender, 300_000), mode: "lan" });
    const { original } = await receiver.receive({ code: share.code, host: `127.0.0.1:${share.lan?.port}` });
    expect(sha256(await readFile(original))).toBe(share.sha256);
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: 1 });
  });

  it.each<Age>(["old", "new"])("a document goes by a relay that is %s, after a wrong code", async (age) => {
    const [sender, receiver, relay_url] = await Promise.all([start(from), start(to), relayOf(age)]);
    const share = await sender.share({ path: await documentIn(sender, 300_000), mode: "relay", relay_url });
    const wrong = share.code?.replace(/\w+$/, (word) => (word === "zoo" ? "wolf" : "zoo"));
    expect((await receiver.fails("distill_receive", { code: wrong, relay_url })).code).toBe("wrong-code");
    const { original } = await receiver.receive({ code: share.code, relay_url });
    expect(sha256(await readFile(original))).toBe(share.sha256);
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: 1, failed_attempts: 1 });
  });
});

describe.each(PEOPLE)("under a hub that is %s, of a server that is %s", (hub, server) => {
  it("shares are listed, received and stopped, and go on; large and small ones are added", async () => {
    const sandbox = await makeSandbox();
    const first = await start(hub, sandbox);
    const kept = await first.share({ content: DOCUMENT, mode: "lan", receivers: 2 });
    const { pid } = (await hubOf(sandbox.home)) ?? { pid: 0 };
    await first.stop();
    const second = await start(server, sandbox);
    const [small, large] = [
      await second.share({ content: DOCUMENT, mode: "lan" }),
      await second.share({ path: await documentIn(second, 3_000_000), mode: "lan" }),
    ];
    expect((await second.shares()).map(({ share_id, state }) => [share_id, state])).toEqual(
      [kept, small, large].map(({ share_id }) => [share_id, "waiting"]),
    );
    expect((await hubOf(sandbox.home))?.pid).toBe(pid);
    const receiver = await start("new");
    for (const share of [kept, large]) {
      await receiver.receive({ code: share.code, host: `127.0.0.1:${share.lan?.port}` });
    }
    expect(await inboxOf(receiver.home)).toEqual([kept.sha256, large.sha256].sort());
    await second.call("distill_stop", { share_id: small.share_id });
    const third = await start(hub, sandbox);
    const states = Object.fromEntries((await third.shares()).map(({ share_id, state }) => [share_id, state]));
    expect(states).toEqual({
      [kept.share_id]: "waiting",
      [small.share_id]: "stopped",
      [large.share_id]: "delivered",
    });
  });

  it("what one has received is in the inbox of the other, and the start of either removes nothing of it", async () => {
    const sandbox = await makeSandbox();
    const [sender, first] = await Promise.all([start("new"), start(hub, sandbox)]);
    const share = await sender.share({ content: DOCUMENT, mode: "lan", receivers: 2 });
    await first.receive({ code: share.code, host: `127.0.0.1:${share.lan?.port}` });
    const second = await start(server, sandbox);
    await second.receive({ code: share.code, host: `127.0.0.1:${share.lan?.port}` });
    expect(await inboxOf(sandbox.home)).toEqual([share.sha256, share.sha256]);
  });
});
