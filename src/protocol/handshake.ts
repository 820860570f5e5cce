/**
 * From a secret to a sealed stream (design: README.md beside this file):
 *
 *     receiver (A)                                      sender (B)
 *       HELLO    sid, Ya                 ->
 *                                        <-   PAKE      sid, room, Yb
 *       CONFIRM  Ta                      ->
 *       sealed from here on, both ways
 *
 * The receiver proves itself first. The sender says nothing that depends on the secret before it has seen a good CONFIRM,
 * so that a visitor learns nothing without spending an attempt. Both sides read top to bottom.
 */
import { randomBytes } from "node:crypto";
import {
  commonElement,
  decodeShare,
  generator,
  lvCat,
  randomScalar,
  type Side,
  sessionKey,
  sha512,
  shareFor,
} from "../crypto/cpace.ts";
import { directionKeys, proofMatches, receiverProof } from "../crypto/keys.ts";
import { type Signer, signatureHolds } from "../crypto/signature.ts";
import { SpreadError } from "../errors.ts";
import type { Link } from "../transport/link.ts";
import { deniedByVersion2, isLegacyHello } from "./legacy-hello.ts";
import {
  type Hello,
  type Pake,
  parseAnswer,
  parseConfirm,
  parseHello,
  type Refused,
  type RefusedReason,
  SID_BYTES,
  SUITE,
  sidOf,
  VERSION,
} from "./messages.ts";
import { SealedStream } from "./stream.ts";
import { FAREWELL_MS, type Gate, heard, patienceFor, REFUSED_AS } from "./visit.ts";
import { Watchdog } from "./watchdog.ts";

const CONTEXT = lvCat(Buffer.from("claude-spread/2"));
const REFUSAL_LABEL = Buffer.from("claude-spread/2 refused");

/**
 * Bytes that a receiver skips while it waits for the answer to its own HELLO. An old relay can deliver what was meant for
 * the receiver before us: at most what a sender and the relay had in their buffers.
 */
const MAX_SKIPPED_BYTES = 32 * 1024 * 1024;

/** The fresh randomness of one handshake. Given only to reproduce the worked example of the specification. */
export interface Ephemeral {
  readonly scalar: bigint;
  /** SID_BYTES bytes; the receiver's, the sender echoes it. */
  readonly sid: Uint8Array;
}

function fresh(): Ephemeral {
  return { scalar: randomScalar(), sid: randomBytes(SID_BYTES) };
}

/**
 * The receiver's side. The sender has not proved anything when this returns: the first sealed frame that opens does.
 * @param room the room that must answer, where it is known.
 * @param refusers keys of senders that have refused this secret, kept over the paths of one call: to them nothing is proved
 *   again, since each try costs an attempt. A sender that signs its refusal is added.
 * @throws SpreadError what a refusal says; `wrong-sender`, `version-mismatch`, `bad-message`, or the link's.
 */
export async function proveToSender(
  link: Link,
  secret: string,
  room: string | undefined,
  refusers: Set<string> = new Set(),
  { scalar, sid }: Ephemeral = fresh(),
): Promise<SealedStream> {
  const element = generator(secretBytes(secret), CONTEXT, sid);
  const share = shareFor(element, scalar);
  const hello = frameOf({
    type: "HELLO",
    version: VERSION,
    suite: SUITE,
    sid: hex(sid),
    share: hex(share),
  } satisfies Hello);
  await link.send(hello);

  const { pake, frame: pakeFrame } = await answerTo(sid, link);
  if (room !== undefined && pake.room !== room) {
    throw new SpreadError("wrong-sender", "another share answered than the one that was asked for");
  }
  if (pake.key !== undefined && refusers.has(pake.key)) throw new SpreadError(...REFUSED_AS.proof_failed);

  const receiver: Side = { share, ad: receiverData(Buffer.from(hello)) };
  const sender: Side = { share: Buffer.from(pake.share, "hex"), ad: senderData(pake.room) };
  const key = sessionKey(sid, commonElement(decodeShare(sender.share), scalar), receiver, sender);
  const confirm = frameOf({ type: "CONFIRM", mac: hex(receiverProof(sid, key, receiver)) });
  await link.send(confirm);
  return new SealedStream(link, "receiver", pake.room, directionKeys(key), (frame) => {
    const answer = answerIn(frame, sid);
    if (answer?.type !== "REFUSED") return undefined;
    if (answer.reason === "proof_failed" && pake.key !== undefined && answer.signature !== undefined) {
      const said = refusalOf(Buffer.from(hello), pakeFrame, Buffer.from(confirm));
      const holds = signatureHolds(Buffer.from(pake.key, "hex"), said, Buffer.from(answer.signature, "hex"));
      if (holds) refusers.add(pake.key);
    }
    return new SpreadError(...REFUSED_AS[answer.reason]);
  });
}

/**
 * The sender's side. A visitor that is sent away is told why; the link stays the caller's, to be closed.
 * @throws SpreadError `wrong-code` for a failed attempt; else what the visitor was refused for, or the link's.
 */
export async function admitReceiver(
  link: Link,
  share: { readonly secret: string; readonly room: string; readonly gate: Gate; readonly signer?: Signer },
  { scalar }: Pick<Ephemeral, "scalar"> = fresh(),
): Promise<SealedStream> {
  using patience = new Watchdog(
    link,
    patienceFor(link),
    () => new SpreadError("timed-out", "the visitor said nothing"),
  );

  const helloFrame = await heard(link);
  if (isLegacyHello(helloFrame)) {
    await link.send(deniedByVersion2()).catch(() => {});
    throw new SpreadError("version-mismatch", "the receiver speaks version 1, and the share is not legacy");
  }
  const hello = await orRefuse(
    link,
    () => sidOf(helloFrame),
    () => parseHello(helloFrame),
  );
  const sid = Buffer.from(hello.sid, "hex");
  const early = share.gate.refusal(link.address);
  if (early) throw await refuse(link, early, hello.sid);
  const theirs = Buffer.from(hello.share, "hex");
  const element = await orRefuse(
    link,
    () => hello.sid,
    () => decodeShare(theirs),
  );

  const ours = shareFor(generator(secretBytes(share.secret), CONTEXT, sid), scalar);
  const pakeFrame = frameOf({
    type: "PAKE",
    sid: hello.sid,
    room: share.room,
    share: hex(ours),
    ...(share.signer && { key: hex(share.signer.publicKey) }),
  } satisfies Pake);
  await link.send(pakeFrame);
  patience.progress();

  const confirmFrame = await heard(link);
  const confirm = await orRefuse(
    link,
    () => hello.sid,
    () => parseConfirm(confirmFrame),
  );
  const receiver: Side = { share: theirs, ad: receiverData(helloFrame) };
  const sender: Side = { share: ours, ad: senderData(share.room) };
  let key: Uint8Array = new Uint8Array();
  const verdict = share.gate.judge(link.address, () => {
    key = sessionKey(sid, commonElement(element, scalar), receiver, sender);
    return proofMatches(receiverProof(sid, key, receiver), Buffer.from(confirm.mac, "hex"));
  });
  if (!verdict.proven) {
    const failed = verdict.reason === "proof_failed";
    const said = refusalOf(helloFrame, Buffer.from(pakeFrame), confirmFrame);
    throw await refuse(link, verdict.reason, hello.sid, failed ? share.signer?.sign(said) : undefined);
  }
  return new SealedStream(link, "sender", share.room, directionKeys(key));
}

/** Ends a visit that has proved nothing, at whatever step it is: says why, and closes. Never throws. */
export async function sendAway(link: Link, reason: RefusedReason): Promise<void> {
  using _ = new Watchdog(link, FAREWELL_MS, () => new SpreadError(...REFUSED_AS[reason]));
  await refuse(link, reason, undefined);
  await link.close();
}

/** PRS: both Unicode spellings of a passphrase are one secret. */
function secretBytes(secret: string): Buffer {
  return Buffer.from(secret.normalize("NFC"));
}

/** ADa: every byte of the HELLO is in the key, so that none can be changed on the way. */
function receiverData(helloFrame: Uint8Array): Buffer {
  return lvCat(Buffer.from("receiver"), sha512(helloFrame));
}

/** ADb: the room that the sender serves. */
function senderData(room: string): Buffer {
  return lvCat(Buffer.from("sender"), Buffer.from(room));
}

/** What a refusal of a proof signs: the whole conversation up to there, so that it is good for no other. */
function refusalOf(helloFrame: Uint8Array, pakeFrame: Uint8Array, confirmFrame: Uint8Array): Buffer {
  return lvCat(REFUSAL_LABEL, helloFrame, pakeFrame, confirmFrame);
}

async function answerTo(sid: Uint8Array, link: Link): Promise<{ pake: Pake; frame: Uint8Array }> {
  for (let skippedBytes = 0; skippedBytes <= MAX_SKIPPED_BYTES; ) {
    const frame = await heard(link);
    const answer = answerIn(frame, sid);
    if (answer?.type === "PAKE") return { pake: answer, frame };
    if (answer?.reason === "proof_failed") {
      throw new SpreadError("wrong-sender", "a proof was refused that had not been given");
    }
    if (answer) throw new SpreadError(...REFUSED_AS[answer.reason]);
    skippedBytes += frame.length + 1; // an empty frame is not free
  }
  throw new SpreadError("bad-message", "what came was no answer to this handshake");
}

/** What a frame says to our HELLO: the PAKE, a refusal, or nothing. */
function answerIn(frame: Uint8Array, sid: Uint8Array): Pake | Refused | undefined {
  const answer = parseAnswer(frame);
  return answer?.sid === undefined || answer.sid === hex(sid) ? answer : undefined;
}

/** @param sid what the refusal echoes; asked only then. */
async function orRefuse<T>(link: Link, sid: () => string | undefined, parse: () => T): Promise<T> {
  try {
    return parse();
  } catch (error) {
    const old = error instanceof SpreadError && error.code === "version-mismatch";
    throw await refuse(link, old ? "unsupported_version" : "bad_message", sid());
  }
}

async function refuse(
  link: Link,
  reason: RefusedReason,
  sid: string | undefined,
  signature?: Uint8Array,
): Promise<SpreadError> {
  const refused = { type: "REFUSED", reason, ...(sid && { sid }), ...(signature && { signature: hex(signature) }) };
  // Who does not wait for the answer is refused all the same.
  await link.send(frameOf(refused)).catch(() => {});
  return new SpreadError(...REFUSED_AS[reason]);
}

/** Handshake messages are text frames. */
function frameOf(message: object): string {
  return JSON.stringify(message);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
