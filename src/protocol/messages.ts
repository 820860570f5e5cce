/**
 * All that two ends may say (version 2). Bytes become a message here, or are refused here; a peer's bytes never get into
 * an error's text. Unknown fields are ignored, so that new abilities can travel as extra ones. README.md beside this
 * file is the same in words.
 */
import * as z from "zod";
import { KINDS, Part } from "../content/part.ts";
import { SHARE_BYTES } from "../crypto/cpace.ts";
import { PROOF_BYTES } from "../crypto/keys.ts";
import { SIGNATURE_BYTES, SIGNING_KEY_BYTES } from "../crypto/signature.ts";
import { SpreadError } from "../errors.ts";
import { CHUNK_BYTES, MAX_PARTS, MAX_SHARE_BYTES } from "../limits.ts";

export const VERSION = 2;
export const SUITE = "CPACE-RISTR255-SHA512+AES-256-GCM";
export const SID_BYTES = 16;
export const TRANSFER_ID_BYTES = 16;

/** The longest handshake frame, in bytes: three times what the longest message of ours needs. */
const MAX_HANDSHAKE_BYTES = 1024;
/** The longest title on the wire, in UTF-16 units; the receiver cleans and cuts it further. */
const MAX_WIRE_TITLE_CHARS = 1000;

/** So many bytes, in lower-case hex. */
export const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));

/**
 * Why a sender sends a receiver away before its proof. It is not authentic, so it is a hint, never a fact. Both lists can
 * grow: a reason that is not known here is taken for a failure of the other end.
 */
export const REFUSED_REASONS = [
  "unsupported_version", // the HELLO is of another version, or of another suite than this version's
  "bad_message", // not in the protocol, or a share that is no group element
  "proof_failed", // the CONFIRM did not verify: a failed attempt
  "too_many_attempts", // this address has failed too often
  "burned", // ten failed attempts in all
  "busy", // every place is taken
  "used_up", // every place was used
  "expired",
  "stopped",
] as const;
export type RefusedReason = (typeof REFUSED_REASONS)[number];

/** Why either end gives up behind the proofs. */
export const ABORT_REASONS = [
  "cancelled", // its user cancelled, or its process ends
  "stopped", // the share was stopped
  "busy", // every place is taken by another transfer
  "used_up", // every place was used by another transfer
  "too_large", // more than the receiver takes
  "unsupported", // a kind or an encoding that the receiver does not take
  "bad_message", // not in the protocol
  "tampered", // a sealed frame did not open, or the document is not the one that was offered
  "no_space", // the receiver cannot keep it
  "stalled", // nothing moved for too long
  "internal",
] as const;
export type AbortReason = (typeof ABORT_REASONS)[number];

const otherReason = z.string().max(64);

const Hello = z.object({
  type: z.literal("HELLO"),
  version: z.literal(VERSION),
  suite: z.literal(SUITE),
  sid: hex(SID_BYTES),
  share: hex(SHARE_BYTES),
});
const Pake = z.object({
  type: z.literal("PAKE"),
  sid: hex(SID_BYTES),
  room: z.string().regex(/^[a-z0-9]{6}$/),
  share: hex(SHARE_BYTES),
  /** The share's own key, which signs its refusals. */
  key: hex(SIGNING_KEY_BYTES).optional(),
});
const Confirm = z.object({ type: z.literal("CONFIRM"), mac: hex(PROOF_BYTES) });
const Refused = z.object({
  type: z.literal("REFUSED"),
  reason: z.enum(REFUSED_REASONS).or(
    z
      .string()
      .max(64)
      .transform(() => "unknown" as const),
  ),
  /** Echo of the HELLO's, where that could be read: tells a receiver that the refusal is its own. */
  sid: hex(SID_BYTES).optional(),
  /** Behind a CONFIRM, by the PAKE's key: tells a receiver on another path that this sender has refused it already. */
  signature: hex(SIGNATURE_BYTES).optional(),
});
/** What a version 1 sender answers to a HELLO that it does not know. */
const Version1 = z.object({ type: z.enum(["CHALLENGE", "DENIED"]) });

export type Hello = z.infer<typeof Hello>;
export type Pake = z.infer<typeof Pake>;
export type Confirm = z.infer<typeof Confirm>;
export type Refused = z.infer<typeof Refused>;

/** The receiver's name for its transfer, and how many chunks of it it has verified: none at first. */
const Resume = z.object({ transfer: hex(TRANSFER_ID_BYTES), position: z.int().nonnegative() });
/** What a receiver can take. */
const Ready = z.object({
  type: z.literal("READY"),
  kinds: z.array(z.string()).max(16),
  encodings: z.array(z.string()).max(16),
  max_bytes: z.int().nonnegative(),
  /** Of how many parts a document may be: 1 without it. */
  parts: z.int().positive().optional(),
  resume: Resume.optional(),
});
/** What the sender is about to send: `bytes` and `sha256` are of the document, before its encoding. */
const Offer = z.object({
  type: z.literal("OFFER"),
  transfer: hex(TRANSFER_ID_BYTES),
  kind: z.enum(KINDS),
  title: z.string().max(MAX_WIRE_TITLE_CHARS),
  shared_at: z.iso.datetime(),
  bytes: z.int().nonnegative().max(MAX_SHARE_BYTES),
  sha256: hex(32),
  encoding: z.enum(["identity", "br"]),
  /** One behind another they are the document; without it, it is of one part. */
  parts: z.array(Part).min(2).max(MAX_PARTS).optional(),
  /** The chunk with which the content goes on: 0 without it. */
  position: z.int().nonnegative().optional(),
  /** Seconds that the share still lives. Who says it takes transfers up. */
  expires_in: z.int().nonnegative().optional(),
});
/** The document is whole, its digest right, synced and in place. */
const Receipt = z.object({ type: z.literal("RECEIPT"), transfer: hex(TRANSFER_ID_BYTES), sha256: hex(32) });
/** The sender has the receipt and counts the document as delivered. */
const Delivered = z.object({ type: z.literal("DELIVERED"), transfer: hex(TRANSFER_ID_BYTES) });
const Abort = z.object({
  type: z.literal("ABORT"),
  reason: z.enum(ABORT_REASONS).or(otherReason.transform(() => "internal" as const)),
});

export type Resume = z.infer<typeof Resume>;
export type Ready = z.infer<typeof Ready>;
export type Offer = z.infer<typeof Offer>;
export type Encoding = Offer["encoding"];

const SealedMessage = z.discriminatedUnion("type", [Ready, Offer, Receipt, Delivered, Abort]);
export type SealedMessage = z.infer<typeof SealedMessage>;

/** Type bytes of sealed frames. `contentEnd` is the document's last chunk, and the only one that may be short. */
export const FRAME_TYPE = { message: 1, content: 2, contentEnd: 3 } as const;

/** What a sealed frame held. */
export type SealedFrame =
  | { readonly is: "message"; readonly message: SealedMessage }
  | { readonly is: "content"; readonly chunk: Uint8Array; readonly end: boolean };

/** @throws SpreadError `version-mismatch` for another version or suite, `bad-message` for anything that is no HELLO. */
export function parseHello(frame: Uint8Array): Hello {
  const json = parseJson(frame, MAX_HANDSHAKE_BYTES);
  const known = z
    .object({ type: z.literal("HELLO"), version: z.number(), suite: z.string().optional() })
    .safeParse(json);
  if (known.success && (known.data.version !== VERSION || known.data.suite !== SUITE)) {
    throw new SpreadError("version-mismatch", "the receiver speaks another version of the protocol");
  }
  return parse(Hello, json);
}

/** The sid of something that may be a HELLO of another version, for the echo in a refusal; undefined if it has none. */
export function sidOf(frame: Uint8Array): string | undefined {
  try {
    return z.object({ sid: hex(SID_BYTES) }).safeParse(parseJson(frame, MAX_HANDSHAKE_BYTES)).data?.sid;
  } catch {
    return undefined;
  }
}

/** @throws SpreadError `bad-message`. */
export function parseConfirm(frame: Uint8Array): Confirm {
  return parse(Confirm, parseJson(frame, MAX_HANDSHAKE_BYTES));
}

/**
 * What a sender may say to a HELLO; undefined for what is no answer at all: through a relay, frames that were meant for
 * a receiver before us can still come.
 * @throws SpreadError `version-mismatch` for the answer of a version 1 sender.
 */
export function parseAnswer(frame: Uint8Array): Pake | Refused | undefined {
  let json: unknown;
  try {
    json = parseJson(frame, MAX_HANDSHAKE_BYTES);
  } catch {
    return undefined;
  }
  if (Version1.safeParse(json).success) {
    throw new SpreadError(
      "version-mismatch",
      "the sender speaks version 1, which is spoken only where legacy: true asks for it",
    );
  }
  return z.discriminatedUnion("type", [Pake, Refused]).safeParse(json).data;
}

/** @throws SpreadError `bad-message`. */
export function parseSealed(type: number, body: Uint8Array): SealedFrame {
  switch (type) {
    case FRAME_TYPE.message:
      return { is: "message", message: parse(SealedMessage, parseJson(body, CHUNK_BYTES)) };
    case FRAME_TYPE.content:
      if (body.length !== CHUNK_BYTES) throw notInProtocol();
      return { is: "content", chunk: body, end: false };
    case FRAME_TYPE.contentEnd:
      if (body.length > CHUNK_BYTES) throw notInProtocol();
      return { is: "content", chunk: body, end: true };
    default:
      throw notInProtocol();
  }
}

/** @throws SpreadError `bad-message`. */
export function parseJson(bytes: Uint8Array, maxBytes: number): unknown {
  if (bytes.length > maxBytes) throw notInProtocol();
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw notInProtocol(cause);
  }
}

/** @throws SpreadError `bad-message`. */
export function parse<T>(schema: z.ZodType<T>, json: unknown): T {
  const result = schema.safeParse(json);
  if (!result.success) throw notInProtocol(result.error);
  return result.data;
}

function notInProtocol(cause?: unknown): SpreadError {
  return new SpreadError("bad-message", "the other end said something that is not in the protocol", { cause });
}
