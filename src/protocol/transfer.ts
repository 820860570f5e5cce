/**
 * What is said after the proofs, over one link: a document, or the rest of it, from the sender to the receiver, and the
 * receipt back. Transfers that continue over another link are kept in share/transfers.ts and share/reception.ts.
 *
 *     receiver (A)                                      sender (B)
 *       READY    what it can take,       ->
 *                and what it has
 *                                        <-   OFFER     what comes, and its digest
 *                                        <-   chunks
 *       RECEIPT  digest                  ->   the document is whole, synced and in place
 *                                        <-   DELIVERED
 */
import { createHash } from "node:crypto";
import { isValidPartList, type Kind, type Part } from "../content/part.ts";
import { SpreadError, toSpreadError } from "../errors.ts";
import { HANDSHAKE_MS, MAX_SHARE_BYTES, QUIET_MS, STALL_MS } from "../limits.ts";
import { type Chunk, decode, encodeFrom } from "./content.ts";
import type { Encoding, Offer, Ready, Resume } from "./messages.ts";
import { GIVE_UP_MS, notInProtocol, type SealedStream } from "./stream.ts";
import { Watchdog } from "./watchdog.ts";

/** How long the sender waits for the receipt, in ms: the last bytes must arrive, and a slow disk must sync. */
const RECEIPT_MS = 5 * 60_000;
/** How long the receiver waits for DELIVERED, in ms: it has its document already. */
const DELIVERED_MS = 10_000;

/** Chunks in flight: the next one is read and sealed while the one before is being sent. */
const MAX_CHUNKS_IN_FLIGHT = 8;

/** Roles named like a kind: a document of that kind has exactly one such part, and of another kind none. */
const ROLES_OF_KINDS: ReadonlySet<string> = new Set<Kind>(["memory", "sessions"]);
/** What every receiver takes. */
const USUAL_KINDS: readonly Kind[] = ["distillation"];

export interface Outgoing {
  readonly kind: Kind;
  readonly title: string;
  readonly sharedAt: Date;
  readonly bytes: number;
  /** Of the exact bytes, lower-case hex. */
  readonly sha256: string;
  readonly compressible: boolean;
  /** At least one, at most MAX_PARTS; the first is the document itself. Concatenated they are the bytes. */
  readonly parts: readonly Part[];
  /** @param from the first byte to read. The pieces are the same each time. */
  read(from?: number): AsyncIterable<Uint8Array>;
}

/** The part of a transfer that one link carries: all of it, unless the link breaks. */
export interface Leg {
  /** The transfer's name, in hex. */
  readonly transfer: string;
  readonly encoding: Encoding;
  /** The chunk with which it begins, from 0. */
  readonly position: number;
  /** Whether the receiver has every chunk, so that only the receipt is missing. */
  readonly whole: boolean;
  /** Seconds that the share still lives, if the receiver may come back. */
  readonly expiresIn?: number;
  /** A chunk was handed to the link: from here on the receiver may get it. @param end it is the last one. */
  handedOver(end: boolean): void;
}

/**
 * The sender's side, from READY to the receipt.
 * @param begin decides by READY which transfer this is, and where it continues. It throws if there is no slot for it.
 * @returns once the right receipt has come. @throws SpreadError; the caller tells the other end (`giveUp`).
 */
export async function deliver(
  stream: SealedStream,
  document: Outgoing,
  begin: (ready: Ready, encoding: Encoding) => Leg,
): Promise<void> {
  const ready = await readyOf(stream);
  if (!ready.kinds.includes(document.kind)) {
    throw new SpreadError("version-mismatch", `the receiver does not take the kind ${document.kind}`);
  }
  if (ready.max_bytes < document.bytes) {
    throw new SpreadError("too-large", "the document is larger than the receiver takes");
  }
  if ((ready.parts ?? 1) < document.parts.length) {
    throw new SpreadError("version-mismatch", "the receiver takes no document that brings so many files along");
  }
  const leg = begin(ready, document.compressible && ready.encodings.includes("br") ? "br" : "identity");
  const { transfer, encoding, position, expiresIn } = leg;
  using stall = new Watchdog(
    stream.link,
    STALL_MS,
    () => new SpreadError("stalled", "the receiver took nothing for too long"),
  );
  await stream.say({
    type: "OFFER",
    transfer,
    kind: document.kind,
    title: document.title,
    shared_at: document.sharedAt.toISOString(),
    bytes: document.bytes,
    sha256: document.sha256,
    encoding,
    ...(document.parts.length > 1 && { parts: [...document.parts] }),
    ...(position > 0 && { position }),
    ...(expiresIn !== undefined && { expires_in: expiresIn }),
  });

  // The receiver may give up at any time, so we listen while we send, even while a send is stuck.
  let early = false;
  let sending = true;
  let farewell: Watchdog | undefined;
  const answer = stream.hearMessage("RECEIPT").finally(() => {
    early = true;
  });
  answer.catch((error: unknown) => {
    if (sending) farewell = new Watchdog(stream.link, GIVE_UP_MS, () => toSpreadError(error));
  });
  const chunks = leg.whole
    ? []
    : encodeFrom(
        (from) => document.read(from),
        encoding,
        position,
        () => !early,
      );
  const complete = await sendAll(stream, chunks, {
    stall,
    interrupted: () => early,
    handedOver: (end) => leg.handedOver(end),
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
    throw notInProtocol("the receiver gave a receipt before it could have the document");
  }

  stall[Symbol.dispose]();
  using _ = new Watchdog(stream.link, RECEIPT_MS, () => new SpreadError("stalled", "no receipt came"));
  const receipt = await answer;
  if (receipt.transfer !== transfer || receipt.sha256 !== document.sha256) {
    throw notInProtocol("the receipt is for another document");
  }
  try {
    await stream.say({ type: "DELIVERED", transfer });
  } catch {
    // The document is delivered all the same; only the receiver does not hear that we know.
  }
}

async function readyOf(stream: SealedStream) {
  using _ = new Watchdog(stream.link, HANDSHAKE_MS, () => new SpreadError("timed-out", "the receiver said nothing"));
  return await stream.hearMessage("READY");
}

/** @returns false if interrupted before the last chunk. The receipt may arrive before the last send has settled. */
async function sendAll(
  stream: SealedStream,
  chunks: AsyncIterable<Chunk> | Iterable<Chunk>,
  watch: { readonly stall: Watchdog; interrupted(): boolean; handedOver(end: boolean): void },
): Promise<boolean> {
  const sending: Promise<void>[] = [];
  for await (const chunk of chunks) {
    if (watch.interrupted()) return false;
    const taken = stream.link.open;
    const sent = stream.sendChunk(chunk.bytes, chunk.end).then(() => watch.stall.progress());
    sent.catch(() => {}); // thrown below, when its turn comes
    // Not only once the send has settled: what a link has accepted can arrive even after the link was given up.
    if (taken) watch.handedOver(chunk.end);
    sending.push(sent);
    if (!chunk.end && sending.length >= MAX_CHUNKS_IN_FLIGHT) await sending.shift();
  }
  await Promise.all(sending).catch((error: unknown) => {
    if (!watch.interrupted()) throw error; // else the receiver has said something, and that counts
  });
  return true;
}

/**
 * The receiver's first sealed message, which belongs in one flight with its CONFIRM, and the sender's answer, which proves
 * the sender.
 * @param takes what we accept: the largest document in bytes, the number of its parts, its kinds; and, if we may come back
 *   for it, our transfer and how much of it we have.
 * @throws SpreadError `too-large`, `bad-message`, or the stream's.
 */
export async function requestOffer(
  stream: SealedStream,
  {
    maxBytes = MAX_SHARE_BYTES,
    parts,
    kinds = USUAL_KINDS,
    resume,
  }: {
    readonly maxBytes?: number;
    readonly parts?: number;
    readonly kinds?: readonly Kind[];
    readonly resume?: Resume;
  } = {},
): Promise<Offer> {
  await stream.say({
    type: "READY",
    kinds: [...kinds],
    encodings: ["br"],
    max_bytes: maxBytes,
    ...(parts !== undefined && { parts }),
    ...(resume && { resume }),
  });
  const offer = await stream.hearMessage("OFFER");
  if (offer.bytes > maxBytes) throw new SpreadError("too-large", "the document is larger than what we take");
  if ((offer.position ?? 0) > (resume?.position ?? 0)) {
    throw notInProtocol("the sender goes on behind what we have");
  }
  if (!kinds.includes(offer.kind)) throw notInProtocol("the sender offers a kind that was not asked for");
  const special = offer.parts?.map(({ role }) => role).filter((role) => ROLES_OF_KINDS.has(role)) ?? [];
  if (special.join() !== (ROLES_OF_KINDS.has(offer.kind) ? offer.kind : "")) {
    throw notInProtocol("the sender offers parts that are not those of its kind");
  }
  if (offer.parts && (offer.parts.length > (parts ?? 1) || !isValidPartList(offer.parts, offer.bytes))) {
    throw notInProtocol("the sender offers parts that are not those of its document");
  }
  return offer;
}

/**
 * The chunks that come over this link; each is authentic.
 * @throws SpreadError `stalled`, or the stream's.
 */
export async function* chunksOf(
  stream: SealedStream,
  { position = 0 }: Pick<Offer, "position"> = {},
): AsyncIterable<Chunk> {
  // A sender that resumes in the middle may first have to compress everything that we have again, only to skip it.
  for (let limitMs = position > 0 ? STALL_MS : QUIET_MS; ; limitMs = QUIET_MS) {
    const chunk = await nextChunk(stream, limitMs);
    yield chunk;
    if (chunk.end) return;
  }
}

async function nextChunk(stream: SealedStream, limitMs: number): Promise<Chunk> {
  using _ = new Watchdog(stream.link, limitMs, () => new SpreadError("stalled", "nothing came for too long"));
  const heard = await stream.hear();
  if (heard.is !== "content") throw notInProtocol("the sender said something out of turn");
  return { bytes: heard.chunk, end: heard.end };
}

/**
 * The document that was offered, piece by piece. Each piece is authentic, but the whole only once this has ended.
 * @param chunks all of them in order, over whatever links they came.
 * @throws SpreadError `tampered` if the digest is not the offered one; `bad-message`, or whatever `chunks` throws.
 */
export async function* collect(
  chunks: AsyncIterable<Uint8Array>,
  { encoding, bytes, sha256 }: Pick<Offer, "encoding" | "bytes" | "sha256">,
): AsyncIterable<Uint8Array> {
  const hash = createHash("sha256");
  for await (const piece of decode(chunks, encoding, bytes)) {
    hash.update(piece);
    yield piece;
  }
  if (hash.digest("hex") !== sha256) {
    throw new SpreadError("tampered", "the document that arrived is not the one that was offered");
  }
}

/**
 * Tells the sender that the document is in place.
 * @throws SpreadError if the sender does not acknowledge it: `timed-out`, or the stream's.
 */
export async function giveReceipt(stream: SealedStream, { transfer, sha256 }: Offer): Promise<void> {
  using _ = new Watchdog(stream.link, DELIVERED_MS, () => new SpreadError("timed-out", "the sender did not answer"));
  await stream.say({ type: "RECEIPT", transfer, sha256 });
  const delivered = await stream.hearMessage("DELIVERED");
  if (delivered.transfer !== transfer) throw notInProtocol("the sender acknowledged another transfer");
}
