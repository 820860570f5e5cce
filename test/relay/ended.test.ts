/** What has ended stays ended: a token of such a room opens nothing, and one that makes a room costs what a room costs. */
import { expect, test } from "vitest";
import type { Settings } from "../../relay/src/config/settings.ts";
import { Claims } from "../../relay/src/rooms/reclaim.ts";
import { until } from "../support/wait.ts";
import { type Client, harness, roomsOf } from "./support.ts";

const { relay, client } = harness();
const FEATURES = ["turns", "reclaim"];
const SECRET = "the secret of this test, thirty-two characters";

async function owner(url: string, request: object = {}) {
  const self = await client(url);
  const { room_id: room, reclaim_token: token } = await self.ask({
    type: "CREATE_ROOM",
    features: FEATURES,
    ...request,
  });
  return { self, room: room as string, token: token as string };
}

async function claim(url: string, { room, token }: { room: string; token: string }) {
  const self = await client(url);
  const answer = await self.ask({
    type: "CREATE_ROOM",
    room_id: room,
    reclaim_token: token,
    features: FEATURES,
  });
  return { self, answer: answer.reason ?? answer.type };
}

test("a room that its sender closed is not made again by its token, however often that is shown", async () => {
  const started = await relay({ rateLimitMax: 20, maxFailedJoins: 10 });
  const ended = [];
  for (let i = 0; i < 20; i++) ended.push(await owner(started.url));
  for (const { self } of ended) await self.close(1000);
  await until("they have ended", async () => (await roomsOf(started)) === 0);
  let made = 0;
  for (let i = 0; i < 200; i++) {
    const { answer } = await claim(started.url, ended[i % ended.length] as { room: string; token: string });
    if (answer === "ROOM_CREATED") made += 1;
    else expect(answer).toBe("room_not_found");
  }
  expect(made).toBe(0);
  expect(await roomsOf(started)).toBe(0);
});

test("nor is one that was taken back before, nor one that let through all that it may", async () => {
  const started = await relay({ maxRoomBytes: 10 });
  const { url } = started;
  const first = await owner(url);
  first.self.ws.terminate();
  let back: Client | undefined;
  await until("it is back", async () => {
    const { self, answer } = await claim(url, first);
    back = self;
    return answer === "ROOM_CREATED";
  });
  await back?.close(1000);
  await until("it has ended", async () => (await roomsOf(started)) === 0);
  expect((await claim(url, first)).answer).toBe("room_not_found");

  const second = await owner(url);
  const receiver = await client(url);
  await receiver.ask({ type: "JOIN_ROOM", room_id: second.room });
  receiver.send(Buffer.alloc(11));
  expect((await second.self.ended).code).toBe(4011);
  expect((await claim(url, second)).answer).toBe("room_not_found");
});

/** Tokens of rooms that a relay which was restarted does not know. */
const strange = (count: number) =>
  Array.from({ length: count }, (_, i) => {
    const room = `aaaa${"abcdefgh"[i >> 3]}${"abcdefgh"[i & 7]}`;
    return { room, token: new Claims(SECRET).token({ room, createdMs: Date.now(), ttlMs: 600_000 }) };
  });

test.each<[string, Partial<Settings>, string]>([
  ["20 in a minute, of one address", { rateLimitMax: 20 }, "rate_limited"],
  ["all that there are", { maxRooms: 20 }, "too_many_rooms"],
])("tokens make no more rooms than requests without them: %s", async (_what, settings, refused) => {
  const started = await relay({ secret: SECRET, ...settings });
  const answers: string[] = [];
  for (const one of strange(30)) answers.push((await claim(started.url, one)).answer);
  expect(answers.filter((it) => it === "ROOM_CREATED").length).toBe(20);
  expect(answers.slice(20)).toEqual(Array(10).fill(refused));
  expect(await roomsOf(started)).toBe(20);
});

test("a sender that was lost for longer than its room was kept has it back, and that counts as a room made", async () => {
  const started = await relay({ reclaimMs: 1, rateLimitMax: 2 });
  const lost = await owner(started.url);
  lost.self.ws.terminate();
  await until("its room has ended", async () => (await roomsOf(started)) === 0);
  const { self, answer } = await claim(started.url, lost);
  expect(answer).toBe("ROOM_CREATED");
  const other = await client(started.url);
  expect(await other.ask({ type: "CREATE_ROOM" })).toEqual({ type: "ERROR", reason: "rate_limited" });
  await self.close(1000);
  await until("it has ended", async () => (await roomsOf(started)) === 0);
  expect((await claim(started.url, lost)).answer).toBe("room_not_found");
});
