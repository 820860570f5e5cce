/**
 * Version 1, for colleagues who have the original Python tools (../protocol/README.md, "Version 1"):
 *
 *     receiver                                   sender
 *       HELLO    version 1               ->
 *                                        <-   CHALLENGE  salt, nonce
 *       AUTH     proof                   ->
 *                                        <-   PAYLOAD    salt, nonce, ciphertext
 *       ACK                              ->
 *     or, for HELLO or AUTH              <-   DENIED     reason
 *
 * It is asked for by name and never negotiated, because it lets anyone on the way test passphrases offline. Its ACK is
 * not authentic, so nothing here says that a document was delivered. Its links need LEGACY_BOUNDS.
 */
import { randomBytes } from "node:crypto";
import { proofMatches } from "../crypto/keys.ts";
import { SpreadError } from "../errors.ts";
import { LEGACY_VERSION } from "../protocol/legacy-hello.ts";
import type { RefusedReason } from "../protocol/messages.ts";
import { FAREWELL_MS, type Gate, heard, patienceFor, REFUSED_AS } from "../protocol/visit.ts";
import { Watchdog } from "../protocol/watchdog.ts";
import type { Link } from "../transport/link.ts";
import {
  CHALLENGE_NONCE_BYTES,
  challengeProof,
  deriveKey,
  openPayload,
  PAYLOAD_NONCE_BYTES,
  SALT_BYTES,
  sealPayload,
} from "./crypto.ts";
import {
  type Auth,
  type Challenge,
  checkLegacyHello,
  type Denied,
  deniedFrame,
  MAX_LEGACY_DOCUMENT_BYTES,
  type Payload,
  parseAuth,
  parseChallenge,
  parsePayload,
} from "./messages.ts";

/** How long a PAYLOAD may be on its way, in ms, since one frame shows no progress: 10 MiB at 35 KB/s. */
const PAYLOAD_MS = 5 * 60_000;

interface SaltedKey {
  readonly salt: Uint8Array;
  readonly key: Uint8Array;
}

/** The keys that a share of version 1 derives from its passphrase. */
export interface LegacyKeys {
  readonly challenge: SaltedKey;
  readonly payload: SaltedKey;
}

/**
 * Called once for each share, so that no number of visitors makes us derive more keys.
 * @param passphrase its bytes as typed: version 1 takes the two Unicode spellings of a word for two passphrases.
 * @param salts fresh; given only to reproduce a recorded conversation.
 */
export async function prepareLegacy(
  passphrase: string,
  salts = { challenge: randomBytes(SALT_BYTES), payload: randomBytes(SALT_BYTES) },
): Promise<LegacyKeys> {
  const salted = async (salt: Uint8Array) => ({ salt, key: await deriveKey(Buffer.from(passphrase), salt) });
  const [challenge, payload] = await Promise.all([salted(salts.challenge), salted(salts.payload)]);
  return { challenge, payload };
}

/** In version 1 a proof acquires a slot at once. */
interface LegacyGate<Slot> extends Gate {
  readonly full: boolean;
  /** @returns undefined if none is free. */
  acquire(): Slot | undefined;
}

/**
 * The sender's side up to the proof, as `admitReceiver` is for version 2. A visitor that is sent away is told why; the
 * link stays the caller's, to be closed.
 * @param nonce fresh; given only to reproduce a recorded conversation.
 * @returns the slot that the visitor has acquired, which the caller releases.
 * @throws SpreadError `wrong-code` for a failed attempt; else what the visitor was denied for, or the link's.
 */
export async function admitLegacyReceiver<Slot>(
  link: Link,
  share: { readonly keys: LegacyKeys; readonly gate: LegacyGate<Slot> },
  nonce: Uint8Array = randomBytes(CHALLENGE_NONCE_BYTES),
): Promise<Slot> {
  using patience = new Watchdog(
    link,
    patienceFor(link),
    () => new SpreadError("timed-out", "the visitor said nothing"),
  );
  const { salt, key } = share.keys.challenge;

  const hello = await heard(link);
  await orDeny(link, () => checkLegacyHello(hello));
  const early = share.gate.refusal(link.address) ?? (share.gate.full ? "busy" : undefined);
  if (early) throw await deny(link, early);
  await link.send(JSON.stringify({ type: "CHALLENGE", salt: hex(salt), nonce: hex(nonce) } satisfies Challenge));
  patience.progress();

  const authFrame = await heard(link);
  const auth = await orDeny(link, () => parseAuth(authFrame));
  const verdict = share.gate.judge(link.address, () =>
    proofMatches(challengeProof(key, nonce), Buffer.from(auth.proof, "hex")),
  );
  if (!verdict.proven) throw await deny(link, verdict.reason);
  const slot = share.gate.acquire();
  if (slot === undefined) throw await deny(link, "busy");
  return slot;
}

/**
 * The sender's side after the proof. Returns when the receiver has acknowledged or left, or could have the document by now:
 * more is never known.
 * @param handedOver called when the document was handed to the link: from here on the receiver may get it.
 * @param nonce fresh; given only to reproduce a recorded conversation.
 * @throws SpreadError `too-large` above MAX_LEGACY_DOCUMENT_BYTES; `stalled`, or the link's, if it has not left us.
 */
export async function deliverLegacy(
  link: Link,
  keys: LegacyKeys,
  text: Uint8Array,
  handedOver: () => void,
  nonce: Uint8Array = randomBytes(PAYLOAD_NONCE_BYTES),
): Promise<void> {
  if (text.length > MAX_LEGACY_DOCUMENT_BYTES) {
    throw new SpreadError("too-large", `version 1 carries documents of at most ${MAX_LEGACY_DOCUMENT_BYTES} bytes`);
  }
  using _ = new Watchdog(link, PAYLOAD_MS, () => new SpreadError("stalled", "the receiver took too long"));
  const { salt, key } = keys.payload;
  const payload: Payload = {
    type: "PAYLOAD",
    salt: hex(salt),
    nonce: hex(nonce),
    ciphertext: hex(sealPayload(key, nonce, text)),
  };
  const taken = link.open;
  const sent = link.send(JSON.stringify(payload));
  // Not when the send has settled: what a link has taken can still arrive after the link was given up.
  if (taken) handedOver();
  await sent;
  // Waited for so that closing cuts off no byte. Who says it, and what it says, proves nothing.
  await link.receive().catch(() => {});
}

/** Ends a visit to a legacy share that has proved nothing, at whatever step it is, as `sendAway`. Never throws. */
export async function sendLegacyAway(link: Link, reason: RefusedReason): Promise<void> {
  using _ = new Watchdog(link, FAREWELL_MS, () => new SpreadError(...REFUSED_AS[reason]));
  await deny(link, reason);
  await link.close();
}

interface LegacyDocument {
  /** The bytes that the sender encrypted: whoever knows the passphrase, on the way or at the end, can have made them. */
  readonly text: Uint8Array;
  /** Says ACK: only once the document is kept. Never throws. */
  acknowledge(): Promise<void>;
}

/**
 * The receiver's side. The sender has proved itself when this returns, and not before. For CHALLENGE it waits as long as
 * the link lives: others may have to be served first.
 * @param passphrase its bytes as typed.
 * @throws SpreadError what a denial says; `wrong-sender` if what came does not open, `bad-message`, `stalled`, or the
 *   link's.
 */
export async function receiveLegacy(link: Link, passphrase: string): Promise<LegacyDocument> {
  const secret = Buffer.from(passphrase);
  await link.send(JSON.stringify({ type: "HELLO", version: LEGACY_VERSION }));

  const challenge = parseChallenge(await heard(link));
  if (challenge.type === "DENIED") {
    if (challenge.reason !== "proof_failed") throw denial(challenge);
    throw new SpreadError("wrong-sender", "a proof was denied that had not been given");
  }
  const challengeKey = await deriveKey(secret, unhex(challenge.salt));
  const proof = hex(challengeProof(challengeKey, unhex(challenge.nonce)));
  await link.send(JSON.stringify({ type: "AUTH", proof } satisfies Auth));

  const payload = parsePayload(await heardInTime(link));
  if (payload.type === "DENIED") throw denial(payload);
  const payloadKey = await deriveKey(secret, unhex(payload.salt));
  const text = opened(payloadKey, payload);
  return { text, acknowledge: () => link.send(JSON.stringify({ type: "ACK" })).catch(() => {}) };
}

async function heardInTime(link: Link): Promise<Uint8Array> {
  using _ = new Watchdog(link, PAYLOAD_MS, () => new SpreadError("stalled", "the document did not come"));
  return await heard(link);
}

/** Only who knows the passphrase can make a PAYLOAD that opens; an altered one looks like a stranger's. */
function opened(key: Uint8Array, payload: Payload): Uint8Array {
  try {
    return openPayload(key, unhex(payload.nonce), unhex(payload.ciphertext));
  } catch (cause) {
    throw new SpreadError("wrong-sender", "what came does not open with this passphrase, or was altered", { cause });
  }
}

function denial({ reason }: Denied): SpreadError {
  if (reason === "unsupported_version") {
    return new SpreadError("version-mismatch", "the sender speaks version 2, and legacy, version 1, was asked for");
  }
  return new SpreadError(...REFUSED_AS[reason]);
}

async function orDeny<T>(link: Link, read: () => T): Promise<T> {
  try {
    return read();
  } catch (error) {
    const other = error instanceof SpreadError && error.code === "version-mismatch";
    throw await deny(link, other ? "unsupported_version" : "bad_message");
  }
}

async function deny(link: Link, reason: RefusedReason): Promise<SpreadError> {
  // Who does not wait for the answer is denied all the same.
  await link.send(deniedFrame(reason)).catch(() => {});
  return new SpreadError(...REFUSED_AS[reason]);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Of what was parsed: an even number of digits and nothing else. */
function unhex(digits: string): Uint8Array {
  return Buffer.from(digits, "hex");
}
