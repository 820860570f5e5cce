/**
 * What is said behind the proofs: one document from the sender to the receiver, and the receipt back.
 *
 *     receiver (A)                                      sender (B)
 *       READY    what it can take        ->
 *                                        <-   OFFER     what comes, and its digest
 *                                        <-   chunks
 *       RECEIPT  digest                  ->   the document is whole, synced and in place
 *                                        <-   DELIVERED
 */
import { createHash, randomBytes } from "node:crypto";
import { SpreadError, toSpreadError } from "../errors.ts";
import { HANDSHAKE_MS, MAX_SHARE_BYTES, STALL_MS } from "../limits.ts";
import { type Chunk, decode, encode } from "./content.ts";
import { type Offer, TRANSFER_ID_BYTES } from "./messages.ts";
import { GIVE_UP_MS, type SealedStream } from "./stream.ts";
import { Watchdog } from "./watchdog.ts";

/** How long the sender waits for the receipt, in ms: what is still on its way must arrive, and a slow disk must sync. */
const RECEIPT_MS = 5 * 60_000;
/** How long the receiver, which has its document, waits to hear that the sender knows. */
const DELIVERED_MS = 10_000;

/** Chunks that are being sent at once: the next one is read and sealed while the one before leaves. */
const MAX_CHUNKS_IN_FLIGHT = 8;

const KIND = "distillation";

export interface Outgoing {
  readonly title: string;
  readonly sharedAt: Date;
  readonly bytes: number;
  /** Of the exact bytes, lower-case hex. */
  readonly sha256: string;
  readonly compressible: boolean;
  /** From the start; once a transfer. */
  read(): AsyncIterable<Uint8Array>;
}

/**
 * The sender's side, from READY to the receipt.
 * @param handedOver called when all content was handed to the link: from here on the receiver may get it.
 * @returns once the right receipt is there. @throws SpreadError; the caller tells the other end (`giveUp`).
 */
export async function deliver(stream: SealedStream, document: Outgoing, handedOver: () => void): Promise<void> {
  const ready = await readyOf(stream);
  if (!ready.kinds.includes(KIND)) {
    throw new SpreadError("version-mismatch", "the receiver does not take documents of this kind");
  }
  if (ready.max_bytes < document.bytes) {
    throw new SpreadError("too-large", "the document is larger than the receiver takes");
  }
  const encoding = document.compressible && ready.encodings.includes("br") ? "br" : "identity";
  const transfer = randomBytes(TRANSFER_ID_BYTES).toString("hex");
  using stall = new Watchdog(
    stream.link,
    STALL_MS,
    () => new SpreadError("stalled", "the receiver took nothing for too long"),
  );
  await stream.say({
    type: "OFFER",
    transfer,
    kind: KIND,
    title: document.title,
    shared_at: document.sharedAt.toISOString(),
    bytes: document.bytes,
    sha256: document.sha256,
    encoding,
  });

  // The receiver may give up at any time, so its word is listened for while we speak; also while we are stuck in a send.
  let early = false;
  let sending = true;
  let farewell: Watchdog | undefined;
  const answer = stream.hearMessage("RECEIPT").finally(() => {
    early = true;
  });
  answer.catch((error: unknown) => {
    if (sending) farewell = new Watchdog(stream.link, GIVE_UP_MS, () => toSpreadError(error));
  });
  const complete = await sendAll(stream, encode(document.read(), encoding), {
    stall,
    interrupted: () => early,
    handedOver,
  })
    .catch((error: unknown) => {
      if (!early) throw error;
      return false; // the receiver's reason says more than our lost link
    })
    .finally(() => {
      sending = false;
      farewell?.[Symbol.dispose]();
    });
  if (!complete) {
    await answer;
    throw new SpreadError("bad-message", "the receiver gave a receipt before it could have the document");
  }

  stall[Symbol.dispose]();
  using _ = new Watchdog(stream.link, RECEIPT_MS, () => new SpreadError("stalled", "no receipt came"));
  const receipt = await answer;
  if (receipt.transfer !== transfer || receipt.sha256 !== document.sha256) {
    throw new SpreadError("bad-message", "the receipt is for another document");
  }
  try {
    await stream.say({ type: "DELIVERED", transfer });
  } catch {
    // It is delivered all the same; the receiver is only not told that we know.
  }
}

async function readyOf(stream: SealedStream) {
  using _ = new Watchdog(stream.link, HANDSHAKE_MS, () => new SpreadError("timed-out", "the receiver said nothing"));
  return await stream.hearMessage("READY");
}

/** @returns false if it was interrupted before the last chunk. The receipt can be here before that one's send settles. */
async function sendAll(
  stream: SealedStream,
  chunks: AsyncIterable<Chunk>,
  watch: { readonly stall: Watchdog; interrupted(): boolean; handedOver(): void },
): Promise<boolean> {
  const sending: Promise<void>[] = [];
  for await (const chunk of chunks) {
    if (watch.interrupted()) return false;
    const taken = stream.link.open;
    const sent = stream.sendChunk(chunk.bytes, chunk.end).then(() => watch.stall.progress());
    sent.catch(() => {}); // thrown below, when its turn comes
    // Not when the send has settled: what a link has taken can still arrive after the link was given up.
    if (chunk.end && taken) watch.handedOver();
    sending.push(sent);
    if (!chunk.end && sending.length >= MAX_CHUNKS_IN_FLIGHT) await sending.shift();
  }
  await Promise.all(sending).catch((error: unknown) => {
    if (!watch.interrupted()) throw error; // else the receiver has said something, and that counts
  });
  return true;
}

/**
 * The receiver's first sealed word, which belongs in one flight with its CONFIRM, and the sender's answer to it, which
 * proves the sender.
 * @param maxBytes the largest document that we can take.
 * @throws SpreadError `too-large`, `bad-message`, or the stream's.
 */
export async function requestOffer(stream: SealedStream, maxBytes = MAX_SHARE_BYTES): Promise<Offer> {
  await stream.say({ type: "READY", kinds: [KIND], encodings: ["br"], max_bytes: maxBytes });
  const offer = await stream.hearMessage("OFFER");
  if (offer.bytes > maxBytes) throw new SpreadError("too-large", "the document is larger than what we take");
  return offer;
}

/**
 * The document that was offered, piece by piece; each piece is authentic, the whole only once this has ended.
 * @throws SpreadError `tampered` if the digest is not the offered one; `bad-message`, `stalled`, or the stream's.
 */
export async function* collect(stream: SealedStream, offer: Offer): AsyncIterable<Uint8Array> {
  using stall = new Watchdog(stream.link, STALL_MS, () => new SpreadError("stalled", "nothing came for too long"));
  const hash = createHash("sha256");
  for await (const piece of decode(chunksOf(stream, stall), offer.encoding, offer.bytes)) {
    hash.update(piece);
    yield piece;
    stall.progress();
  }
  if (hash.digest("hex") !== offer.sha256) {
    throw new SpreadError("tampered", "the document that arrived is not the one that was offered");
  }
}

async function* chunksOf(stream: SealedStream, stall: Watchdog): AsyncIterable<Uint8Array> {
  for (;;) {
    const heard = await stream.hear();
    if (heard.is !== "content") throw new SpreadError("bad-message", "the sender said something out of turn");
    stall.progress();
    yield heard.chunk;
    if (heard.end) return;
  }
}

/** Says that the document is in place. @returns whether the sender has acknowledged that; never throws. */
export async function giveReceipt(stream: SealedStream, offer: Offer): Promise<boolean> {
  using _ = new Watchdog(stream.link, DELIVERED_MS, () => new SpreadError("timed-out", "the sender did not answer"));
  try {
    await stream.say({ type: "RECEIPT", transfer: offer.transfer, sha256: offer.sha256 });
    return (await stream.hearMessage("DELIVERED")).transfer === offer.transfer;
  } catch {
    return false;
  }
}
