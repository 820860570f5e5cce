/**
 * The sealed stream of one direction: AES-256-GCM in the way of STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015) as
 * `age` uses it. A sealed frame is
 *
 *     last (1 byte, 0 or 1) || AES-256-GCM(key, nonce, type (1 byte) || body) || tag (16 bytes)
 *     nonce = counter (11 bytes, big-endian, 0 for the first frame) || last
 *
 * The counter makes a lost, repeated or moved frame fail; `last` makes an end that is not the end fail, and closes the
 * direction: nothing opens behind it.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { SpreadError } from "../errors.ts";

const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** A counter that fits the six low bytes: 2^48 frames of 64 KiB are 16 EiB, and GCM's own limit is 2^32 blocks a frame. */
const MAX_COUNTER = 2 ** 48 - 1;

/** What a sealed frame has more than its body, in bytes: last, type, tag. */
export const SEAL_OVERHEAD_BYTES = 1 + 1 + TAG_BYTES;

export interface Opened {
  /** The type byte, 0 to 255, as the sealing end gave it. */
  readonly type: number;
  readonly body: Uint8Array;
  readonly last: boolean;
}

/** Counts up, one nonce a frame, and knows when the direction has ended. */
class Nonces {
  #counter = 0;
  #ended = false;

  get ended(): boolean {
    return this.#ended;
  }

  next(last: boolean): Buffer {
    const nonce = Buffer.alloc(NONCE_BYTES);
    nonce.writeUIntBE(this.#counter, 5, 6);
    nonce[NONCE_BYTES - 1] = last ? 1 : 0;
    this.#counter += 1;
    this.#ended = last || this.#counter > MAX_COUNTER;
    return nonce;
  }
}

/** Seals the frames of one direction, in order. */
export class Sealer {
  readonly #key: Uint8Array;
  readonly #nonces = new Nonces();

  /** @param key 32 bytes, used by this sealer alone. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** True once the last frame was sealed. */
  get ended(): boolean {
    return this.#nonces.ended;
  }

  /**
   * @returns the frame's parts, body.length + SEAL_OVERHEAD_BYTES bytes together; joining them is left to who has to.
   * @throws SpreadError `internal` behind the last frame.
   */
  seal(type: number, body: Uint8Array, last = false): Uint8Array[] {
    if (this.#nonces.ended) throw new SpreadError("internal", "nothing may be sealed behind the last frame");
    const cipher = createCipheriv(ALGORITHM, this.#key, this.#nonces.next(last));
    const head = Uint8Array.of(last ? 1 : 0, 0);
    head.set(cipher.update(Uint8Array.of(type)), 1);
    const sealed = cipher.update(body);
    cipher.final(); // empty: GCM holds nothing back
    return [head, sealed, cipher.getAuthTag()];
  }
}

/** Opens the frames of one direction, in order. The first one that does not open ends it: nothing is opened after that. */
export class Opener {
  readonly #key: Uint8Array;
  readonly #nonces = new Nonces();
  #broken = false;

  /** @param key 32 bytes, the sealer's. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** @throws SpreadError `tampered` if the frame is not the next one of the stream; no byte of it gets out. */
  open(frame: Uint8Array): Opened {
    const mark = frame[0];
    if (this.#broken || this.#nonces.ended || (mark !== 0 && mark !== 1) || frame.length < SEAL_OVERHEAD_BYTES) {
      return this.#refuse();
    }
    const last = mark === 1;
    const decipher = createDecipheriv(ALGORITHM, this.#key, this.#nonces.next(last), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(frame.subarray(-TAG_BYTES));
    const plain = decipher.update(frame.subarray(1, -TAG_BYTES));
    try {
      decipher.final();
    } catch (cause) {
      return this.#refuse(cause);
    }
    // The length was checked above: there is a type byte.
    return { type: plain[0] as number, body: plain.subarray(1), last };
  }

  #refuse(cause?: unknown): never {
    this.#broken = true;
    throw new SpreadError("tampered", "a sealed frame was altered, lost, repeated or moved", { cause });
  }
}
