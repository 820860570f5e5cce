/**
 * The token by which a sender takes its room back after its connection was lost: what the room was, and a MAC of that. So a
 * relay that was restarted and remembers nothing, or another one with the same secret, gives the same room back.
 */
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";

/** What a token is about. Times are of the clock on the wall, as a restart has no other. */
export interface Claim {
  readonly room: string;
  /** When the room was made, in ms since 1970. */
  readonly createdMs: number;
  /** Its lifetime from then on, in ms. Taking it back does not begin it again. */
  readonly ttlMs: number;
}

const KEY_BYTES = 32;
const KEY_LABEL = "claude-spread-relay reclaim";
/** Both times, and the 32 bytes of the MAC. */
const TOKEN = /^(?<created>[1-9]\d{0,14})\.(?<ttl>[1-9]\d{0,14})\.(?<mac>[\w-]{43})$/;

export class Claims {
  readonly #key: Uint8Array;

  /** @param secret an operator's; without one, tokens are good until this relay ends. */
  constructor(secret: string) {
    const material = secret === "" ? randomBytes(KEY_BYTES) : Buffer.from(secret);
    this.#key = new Uint8Array(hkdfSync("sha256", material, "", KEY_LABEL, KEY_BYTES));
  }

  token({ room, createdMs, ttlMs }: Claim): string {
    const times = `${createdMs}.${ttlMs}`;
    return `${times}.${this.#mac(room, times)}`;
  }

  /** What a token of this relay says of the room; undefined for any other token. Whether its time is over is not asked. */
  claimIn(token: string, room: string): Claim | undefined {
    const { created, ttl, mac } = TOKEN.exec(token)?.groups ?? {};
    if (created === undefined || ttl === undefined || mac === undefined) return undefined;
    // As text: the last of its characters has two bits that say nothing.
    const right = this.#mac(room, `${created}.${ttl}`);
    if (!timingSafeEqual(Buffer.from(mac), Buffer.from(right))) return undefined;
    return { room, createdMs: Number(created), ttlMs: Number(ttl) };
  }

  /** A room's id has no dot, and times have two kinds of character: nothing else reads the same. */
  #mac(room: string, times: string): string {
    return createHmac("sha256", this.#key).update(`${room}.${times}`).digest("base64url");
  }
}
