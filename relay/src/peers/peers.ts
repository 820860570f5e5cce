/**
 * Everybody who is connected, by door, and what was forwarded there. Each peer counts for itself, and somebody who asks
 * has it added up: so a frame costs two additions, whoever watches.
 */
import { PEER_DOORS, type PeerDoor } from "../doors.ts";
import type { Traffic } from "../observe/metrics.ts";
import type { Peer } from "./peer.ts";

export class Peers {
  readonly #doors = new Map<Peer, PeerDoor>();
  /** Of those that are gone. */
  readonly #past = { frames: byDoor(() => 0), bytes: byDoor(() => 0) };

  get size(): number {
    return this.#doors.size;
  }

  add(peer: Peer, door: PeerDoor): void {
    this.#doors.set(peer, door);
  }

  /** It is closed. Once. */
  delete(peer: Peer): void {
    const door = this.#doors.get(peer);
    if (door === undefined) return;
    this.#doors.delete(peer);
    this.#past.frames[door] += peer.handedFrames;
    this.#past.bytes[door] += peer.handedBytes;
  }

  [Symbol.iterator](): Iterator<Peer> {
    return this.#doors.keys();
  }

  traffic(): Record<PeerDoor, Traffic> {
    const { frames, bytes } = this.#past;
    const traffic = byDoor((door) => ({
      connections: 0,
      bufferedBytes: 0,
      forwardedFrames: frames[door],
      forwardedBytes: bytes[door],
    }));
    for (const [peer, door] of this.#doors) {
      const sum = traffic[door];
      sum.connections++;
      sum.bufferedBytes += peer.bufferedBytes;
      sum.forwardedFrames += peer.handedFrames;
      sum.forwardedBytes += peer.handedBytes;
    }
    return traffic;
  }
}

function byDoor<T>(value: (door: PeerDoor) => T): Record<PeerDoor, T> {
  return Object.fromEntries(PEER_DOORS.map((door) => [door, value(door)])) as Record<PeerDoor, T>;
}
