/** The pair door: two ends under one code, and the pipe between them. */
import { once } from "node:events";
import { describe, expect, it, test } from "vitest";
import { WebSocket } from "ws";
import { until } from "../support/wait.ts";
import { type Client, harness } from "./support.ts";

const { relay, client } = harness();

const at = (url: string, code: string) => `${url}/?pair=${encodeURIComponent(code)}`;

/** Both sides of a pair. */
async function paired(url: string, code = "two of us"): Promise<[Client, Client]> {
  const a = await client(at(url, code));
  return [a, await client(at(url, code))];
}

/** The HTTP status of a connection that is not let in, and its word. */
async function refusal(url: string, options: ConstructorParameters<typeof WebSocket>[2] = {}) {
  const ws = new WebSocket(url, options);
  ws.on("error", () => {});
  const [, response] = await once(ws, "unexpected-response");
  const [body] = await once(response, "data");
  return [response.statusCode, String(body)];
}

const pairsOf = async (url: string) => {
  const health = await fetch(`${url.replace("ws", "http")}/health`);
  return ((await health.json()) as { pairs: number }).pairs;
};

describe("a pair", () => {
  it("gets binary frames both ways, as they are, and no text", async () => {
    const { url } = await relay();
    const [a, b] = await paired(url);
    for (const bytes of [Buffer.alloc(0), Buffer.from([0, 255]), Buffer.alloc(1_000_000, 7)]) {
      a.send("text is dropped");
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        from.send(bytes);
        const { data, binary } = await to.next();
        expect({ same: data.equals(bytes), binary }).toEqual({ same: true, binary: true });
      }
    }
  });

  it("gets what its first side said before the second had come", async () => {
    const { url } = await relay();
    const a = await client(at(url, "early"));
    for (const text of ["one", "two"]) a.send(Buffer.from(text));
    const b = await client(at(url, "early"));
    expect([(await b.next()).data.toString(), (await b.next()).data.toString()]).toEqual(["one", "two"]);
  });

  it("is independent of every other, whatever its code is made of", async () => {
    const { url } = await relay();
    const codes = ["a", "A", "../../x", "😀".repeat(256), "&pair=x", "%00", "room"];
    const pairs = await Promise.all(codes.map((code) => paired(url, code)));
    for (const [n, [a]] of pairs.entries()) a.send(Buffer.from([n]));
    for (const [n, [, b]] of pairs.entries()) expect((await b.next()).data).toEqual(Buffer.from([n]));
    for (const [, b] of pairs) expect(b.unread).toBe(0);
  });

  it.each([
    ["with 1000", 1000],
    ["without a code", undefined],
  ])("is closed with 1000 when one side closes %s, and its code is free again", async (_how, code) => {
    const { url } = await relay();
    const [a, b] = await paired(url);
    a.send(Buffer.from("last words"));
    a.ws.close(code);
    expect((await b.next()).data.toString()).toBe("last words");
    expect(await b.ended).toEqual({ code: 1000, reason: "done" });
    const [c, d] = await paired(url);
    c.send(Buffer.from("anew"));
    expect((await d.next()).data.toString()).toBe("anew");
  });

  it.each([
    ["is cut", (a: Client) => a.ws.terminate()],
    ["closes with a code of its own", (a: Client) => a.ws.close(3001)],
    [
      "closes without a code in the middle of a message",
      (a: Client) => {
        a.ws.send(Buffer.from("half"), { fin: false });
        a.ws.close();
      },
    ],
  ])("is closed with 4001 when one side %s", async (_how, leave) => {
    const { url } = await relay();
    const [a, b] = await paired(url);
    leave(a);
    expect((await b.ended).code).toBe(4001);
    await until("it is forgotten", async () => (await pairsOf(url)) === 0);
  });

  it("does not grow in memory for a side that takes nothing: the other one is not read", async () => {
    const { url } = await relay();
    const [a, b] = await paired(url);
    b.ws.pause();
    const chunk = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 64; i++) a.send(chunk);
    await until("the sender is held up", () => a.ws.bufferedAmount > 32 * 1024 * 1024);
    b.ws.resume();
    for (let i = 0; i < 64; i++) expect((await b.next()).data.length).toBe(chunk.length);
  });
});

describe("one side alone", () => {
  it("is swept after its time, and the code is free", async () => {
    const { url } = await relay({ pairTtlMs: 50, sweepIntervalMs: 20 });
    const a = await client(at(url, "lonely"));
    expect(await a.ended).toEqual({ code: 4002, reason: "expired" });
    await until("it is forgotten", async () => (await pairsOf(url)) === 0);
  });

  it("may leave, and the next one is the first again", async () => {
    const { url } = await relay();
    await (await client(at(url, "lonely"))).close();
    await until("it is forgotten", async () => (await pairsOf(url)) === 0);
    const [a, b] = await paired(url, "lonely");
    b.send(Buffer.from("hello"));
    expect((await a.next()).data.toString()).toBe("hello");
  });

  it.each([
    ["64 KiB and a byte at once", [64 * 1024 + 1]],
    ["64 KiB and a byte in two frames", [64 * 1024, 1]],
  ])("that says %s is closed with 4004", async (_what, sizes) => {
    const { url } = await relay();
    const a = await client(at(url, "talker"));
    for (const size of sizes) a.send(Buffer.alloc(size));
    expect((await a.ended).code).toBe(4004);
  });

  it("may say 64 KiB", async () => {
    const { url } = await relay();
    const a = await client(at(url, "talker"));
    a.send(Buffer.alloc(64 * 1024, 3));
    const b = await client(at(url, "talker"));
    expect((await b.next()).data.equals(Buffer.alloc(64 * 1024, 3))).toBe(true);
  });
});

describe("before the upgrade", () => {
  it("a third side is refused with 409, and the two notice nothing", async () => {
    const { url } = await relay();
    const [a, b] = await paired(url, "full");
    expect(await refusal(at(url, "full"))).toEqual([409, "pair-full"]);
    a.send(Buffer.from("still here"));
    expect((await b.next()).data.toString()).toBe("still here");
  });

  it.each([
    ["an empty code", "/?pair="],
    ["257 characters", `/?pair=${"x".repeat(257)}`],
    ["two codes", "/?pair=a&pair=b"],
  ])("%s is 400", async (_what, path) => {
    const { url } = await relay();
    expect(await refusal(`${url}${path}`)).toEqual([400, "bad-pair-code"]);
  });

  it("no code is 400 where this is the only door, and a code is 404 where it is closed", async () => {
    const pairOnly = await relay({ doors: ["pair"] });
    expect(await refusal(pairOnly.url)).toEqual([400, "bad-pair-code"]);
    const roomOnly = await relay({ doors: ["room"] });
    expect(await refusal(at(roomOnly.url, "a"))).toEqual([404, "no-such-door"]);
    expect((await (await client(roomOnly.url)).ask({ type: "CREATE_ROOM" })).type).toBe("ROOM_CREATED");
  });

  it("one pair more than there may be is 503, and a second side still comes in", async () => {
    const { url } = await relay({ maxPairs: 1 });
    await client(at(url, "first"));
    expect(await refusal(at(url, "second"))).toEqual([503, "too-many-pairs"]);
    await client(at(url, "first"));
  });
});

test("all pairs end with 4010 when the relay stops", async () => {
  const { url, stop } = await relay();
  const [a, b] = await paired(url);
  const lone = await client(at(url, "lonely"));
  await stop();
  expect([(await a.ended).code, (await b.ended).code, (await lone.ended).code]).toEqual([4010, 4010, 4010]);
});
