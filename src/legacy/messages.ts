/**
 * All that two ends of version 1 may say, but for the HELLO, which version 2 knows too. Parsed once, here;
 * unknown fields are ignored. ../protocol/README.md, "Version 1", is the same in words.
 */
import * as z from "zod";
import { SpreadError } from "../errors.ts";
import { MAX_FRAME_BYTES } from "../limits.ts";
import { helloVersion, LEGACY_VERSION, MAX_SMALL_MESSAGE_BYTES } from "../protocol/legacy-hello.ts";
import { hex, parse, parseJson, type RefusedReason } from "../protocol/messages.ts";
import type { FrameBounds } from "../transport/link.ts";
import { CHALLENGE_NONCE_BYTES, PAYLOAD_NONCE_BYTES, SALT_BYTES, TAG_BYTES } from "./crypto.ts";

/** The largest message, in bytes: the whole document is one. It is what the Python tools take, and what relays forward. */
export const MAX_LEGACY_MESSAGE_BYTES = 10 * 1024 * 1024;

/** What a PAYLOAD has around its ciphertext, in bytes, and more. */
const PAYLOAD_FRAME_BYTES = 512;

/** The largest document of version 1, in bytes: as hex, which doubles it, it fits one message. */
export const MAX_LEGACY_DOCUMENT_BYTES = (MAX_LEGACY_MESSAGE_BYTES - PAYLOAD_FRAME_BYTES) / 2 - TAG_BYTES;

/** A document is one message, so links of version 1 carry more; but strangers get no more room at a sender than else. */
export const LEGACY_BOUNDS = {
  sender: { sentBytes: MAX_LEGACY_MESSAGE_BYTES, takenBytes: MAX_FRAME_BYTES },
  receiver: { sentBytes: MAX_FRAME_BYTES, takenBytes: MAX_LEGACY_MESSAGE_BYTES },
} as const satisfies Record<string, FrameBounds>;

/** A receiver of another version at a share of version 1. */
const RECEIVE_WITH_LEGACY = "unsupported_version: this share is of version 1, receive it with --legacy";

/** The words of version 1 for each refusal: the two that the Python tools have, and ours, which they print as they come. */
const DENIED_FOR: Record<RefusedReason, string> = {
  proof_failed: "invalid_proof",
  too_many_attempts: "too_many_failures",
  burned: "too_many_failures",
  unsupported_version: RECEIVE_WITH_LEGACY,
  bad_message: "bad_message",
  busy: "busy",
  used_up: "used_up",
  expired: "expired",
  stopped: "stopped",
};

const Challenge = z.object({ type: z.literal("CHALLENGE"), salt: hex(SALT_BYTES), nonce: hex(CHALLENGE_NONCE_BYTES) });
/** A proof that is not of the right form is as wrong as any other, and counts. */
const Auth = z.object({ type: z.literal("AUTH"), proof: z.string() });
const Payload = z.object({
  type: z.literal("PAYLOAD"),
  salt: hex(SALT_BYTES),
  nonce: hex(PAYLOAD_NONCE_BYTES),
  ciphertext: z
    .string()
    .min(TAG_BYTES * 2)
    // What is not in it is looked for: V8 can be out of stack for a run of millions.
    .refine((text) => text.length % 2 === 0 && !/[^0-9a-f]/.test(text)),
});
const Denied = z.object({ type: z.literal("DENIED"), reason: z.string().transform(reasonOf) });
/** Only a sender of version 2 says this. */
const Refused = z
  .object({ type: z.literal("REFUSED") })
  .transform(() => ({ type: "DENIED", reason: "unsupported_version" }) as const);

export type Challenge = z.infer<typeof Challenge>;
export type Auth = z.infer<typeof Auth>;
export type Payload = z.infer<typeof Payload>;
export interface Denied {
  readonly type: "DENIED";
  readonly reason: RefusedReason | "unknown";
}

/** @throws SpreadError `version-mismatch` for a HELLO of another version, `bad-message` for anything that is none. */
export function checkLegacyHello(frame: Uint8Array): void {
  if (helloVersion(frame) !== LEGACY_VERSION) {
    throw new SpreadError("version-mismatch", "the receiver speaks another version than the share, which is legacy");
  }
}

/** @throws SpreadError `bad-message`. */
export function parseAuth(frame: Uint8Array): Auth {
  return parse(Auth, parseJson(frame, MAX_SMALL_MESSAGE_BYTES));
}

/** What a sender says to our HELLO. @throws SpreadError `bad-message`. */
export function parseChallenge(frame: Uint8Array): Challenge | Denied {
  return parse(z.union([Challenge, Denied, Refused]), parseJson(frame, MAX_SMALL_MESSAGE_BYTES));
}

/** What a sender says to our AUTH. @throws SpreadError `bad-message`. */
export function parsePayload(frame: Uint8Array): Payload | Denied {
  return parse(z.union([Payload, Denied, Refused]), parseJson(frame, MAX_LEGACY_MESSAGE_BYTES));
}

/** A legacy share's answer to whom it sends away. */
export function deniedFrame(reason: RefusedReason): string {
  return JSON.stringify({ type: "DENIED", reason: DENIED_FOR[reason] });
}

/** What is behind a colon is for people. */
function reasonOf(denied: string): RefusedReason | "unknown" {
  const word = (reason: string) => reason.split(":", 1)[0];
  const known = Object.entries(DENIED_FOR).find(([, reason]) => word(reason) === word(denied));
  return known ? (known[0] as RefusedReason) : "unknown";
}
