/** Callers of many networks, at a relay that trusts the one proxy before it: which is the test. */
import { expect } from "vitest";
import type { WebSocket } from "ws";
import type { Relay } from "../../relay/src/relay.ts";
import type { Client, harness } from "./support.ts";

type Harness = Pick<ReturnType<typeof harness>, "client">;

export const BEHIND_PROXY = { trustProxy: { hops: 1 } };

export const from = (address: string): ConstructorParameters<typeof WebSocket>[2] => ({
  headers: { "X-Forwarded-For": address },
});

/** So many addresses of one network. */
export const ofSlash24 = (network: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${network}.${i % 256}`);
/** The same of an IPv6 /48: each in a /64 of its own, and 256 in a /56 of its own. */
export const ofSlash48 = (network: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${network}:${(((i & 255) << 8) | (i >> 8)).toString(16)}::1`);
/** So many addresses, each in a network of its own. */
export const strangers = (count: number, first = 0) =>
  Array.from({ length: count }, (_, i) => `100.${64 + ((first + i) >> 8)}.${(first + i) & 255}.7`);

export interface Held {
  readonly address: string;
  readonly self: Client;
  readonly room: string;
  readonly token: string | undefined;
  /** The code with which the relay ended it; undefined while it is there. */
  closed?: number;
}

export function callers({ client }: Harness) {
  /** @returns a room of this address, or why there is none. */
  async function create({ url }: Relay, address: string, features = ["turns", "reclaim"]): Promise<Held | string> {
    const self = await client(url, from(address));
    const answer = await self.ask({ type: "CREATE_ROOM", features });
    if (answer.type !== "ROOM_CREATED") return answer.reason;
    const held: Held = { address, self, room: answer.room_id, token: answer.reclaim_token };
    void self.ended.then(({ code }) => {
      held.closed = code;
    });
    return held;
  }

  async function created(relay: Relay, address: string): Promise<Held> {
    const held = await create(relay, address);
    if (typeof held === "string") throw new Error(held);
    return held;
  }

  async function join({ url }: Relay, room: string, address: string): Promise<{ self: Client; refused?: string }> {
    const self = await client(url, from(address));
    const answer = await self.ask({ type: "JOIN_ROOM", room_id: room });
    return answer.type === "ROOM_JOINED" ? { self } : { self, refused: answer.reason };
  }

  /** Each address makes one room after another, in turns, until none gets one more. */
  async function takeAll(relay: Relay, addresses: readonly string[], nextMinute: () => void): Promise<Held[]> {
    const all: Held[] = [];
    for (let hungry = [...addresses]; hungry.length > 0; ) {
      const next: string[] = [];
      for (const address of hungry) {
        let got = await create(relay, address);
        if (got === "rate_limited") {
          nextMinute();
          got = await create(relay, address);
        }
        if (typeof got === "string") expect(got).toBe("too_many_rooms");
        else {
          all.push(got);
          next.push(address);
        }
      }
      hungry = next;
    }
    return all;
  }

  return { create, created, join, takeAll };
}
