/** Version 2 of the protocol, as shares and receivers speak it. */
import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { DOCUMENT_ROLE, KINDS } from "../content/part.ts";
import { newSigner } from "../crypto/signature.ts";
import { SpreadError, toSpreadError } from "../errors.ts";
import { HANDSHAKE_MS, MAX_PARTS, MAX_SHARE_BYTES } from "../limits.ts";
import { admitReceiver, proveToSender, sendAway } from "../protocol/handshake.ts";
import { type Offer, TRANSFER_ID_BYTES } from "../protocol/messages.ts";
import { notInProtocol, PeerError, type SealedStream } from "../protocol/stream.ts";
import { chunksOf, collect, deliver, giveReceipt, type Outgoing, requestOffer } from "../protocol/transfer.ts";
import { Watchdog } from "../protocol/watchdog.ts";
import { type Link, USUAL_BOUNDS } from "../transport/link.ts";
import { newSecret } from "./code.ts";
import type { ShareGate } from "./gate.ts";
import { NoSlot, type Run, Transfers } from "./transfers.ts";
import {
  type Arrival,
  type Protocol,
  type ReceiverVersion,
  type SenderVersion,
  Unanswered,
  type Version,
} from "./version.ts";

const VERSION_2: Version = { service: "claude-spread", bounds: USUAL_BOUNDS };

/**
 * How often, in one call, we show our proof to peers that then do not prove themselves. With each proof an impostor can test
 * one guess, so cutting our links must not win it more of them.
 */
export const MAX_FRUITLESS_PROOFS = 3;

export const version2: Protocol = {
  legacy: false,
  newSecret,
  sender: async (secret, gate, document) => version2Sender(secret, gate, document),
  receiver: (secret, room, maxBytes) => new Version2Receiver(secret, room, maxBytes),
};

function version2Sender(secret: string, gate: ShareGate, document: Outgoing): SenderVersion {
  const signer = newSigner();
  const transfers = new Transfers(gate);
  return {
    ...VERSION_2,
    sendAway,
    async admit(link, { room, expiresAt }) {
      const stream = await admitReceiver(link, { secret, room, gate, signer });
      let run: Run | undefined;
      return {
        get name() {
          return run?.transfer;
        },
        async transfer() {
          try {
            await deliver(stream, document, (ready, encoding) => {
              run = transfers.begin(ready, encoding, link);
              return { ...run, expiresIn: secondsTo(expiresAt) };
            });
            run?.delivered();
          } catch (error) {
            // A receiver that sends an ABORT, or what is not in the protocol, does not come back.
            run?.ended(error instanceof PeerError);
            throw error;
          }
        },
        giveUp: (error) => stream.giveUp(error, error instanceof NoSlot ? error.reason : undefined),
      };
    },
  };
}

function secondsTo(time: Date): number {
  return Math.max(0, Math.ceil((time.getTime() - Date.now()) / 1000));
}

/** One call to receive: the same transfer over as many links as it takes. */
class Version2Receiver implements ReceiverVersion {
  readonly service = VERSION_2.service;
  readonly bounds = VERSION_2.bounds;
  readonly #secret: string;
  readonly #maxBytes: number;
  readonly #transfer = randomBytes(TRANSFER_ID_BYTES).toString("hex");
  /** Keys of senders that have refused this secret. */
  readonly #refusers = new Set<string>();
  #room: string | undefined;
  /** The first offer. */
  #document: Offer | undefined;
  /** How many chunks were verified, over any link, and whether the last one is among them. */
  #position = 0;
  #whole = false;
  #fruitlessProofs = 0;

  constructor(secret: string, room: string | undefined, maxBytes: number) {
    this.#secret = secret;
    this.#room = room;
    this.#maxBytes = maxBytes;
  }

  get room(): string | undefined {
    return this.#room;
  }

  async handshake(link: Link): Promise<Arrival | SpreadError> {
    let stream: SealedStream | undefined;
    try {
      // Once a sender has proved itself our secret is right: one that refuses it later is no sender, or was lied to.
      const refusers = this.#document ? new Set<string>() : this.#refusers;
      stream = await proveToSender(link, this.#secret, this.#room, refusers);
      return this.#arrival(stream, await this.#nextOffer(stream));
    } catch (thrown) {
      const error = toSpreadError(thrown);
      if (stream?.proven) {
        await stream.giveUp(error);
        await link.close();
        throw this.#maxBytes < MAX_SHARE_BYTES ? spaceError(error) : error;
      }
      // No farewell to a stranger: it would end the transfer, which can continue over another link.
      await link.close();
      return this.#unproven(error, stream !== undefined);
    }
  }

  /** The first offer of the call, or the same one again. */
  async #nextOffer(stream: SealedStream): Promise<Offer> {
    // Our turn has come, and a peer has answered PAKE: a link that falls silent now is a lost one.
    using _ = new Watchdog(
      stream.link,
      HANDSHAKE_MS,
      () => new SpreadError("link-lost", "the sender has fallen silent"),
    );
    const resume = { transfer: this.#transfer, position: this.#position };
    const offer = await requestOffer(stream, { maxBytes: this.#maxBytes, parts: MAX_PARTS, kinds: KINDS, resume });
    this.#document ??= offer;
    this.#room = stream.room;
    checkSame(this.#document, offer);
    // We have the whole document: receiving it again would be useless, and cost a slot.
    if (this.#whole && offer.position !== this.#position) {
      throw new SpreadError("cancelled", "the sender has forgotten us");
    }
    return offer;
  }

  #arrival(stream: SealedStream, offer: Offer): Arrival {
    return {
      kind: offer.kind,
      title: offer.title,
      sharedAt: offer.shared_at,
      parts: offer.parts ?? [{ role: DOCUMENT_ROLE, name: "", bytes: offer.bytes, sha256: offer.sha256 }],
      sha256: offer.sha256,
      warnings: [],
      expiresIn: offer.expires_in,
      chunks: () => this.#newChunks(stream, offer),
      assemble: (chunks) => collect(chunks, offer),
      giveReceipt: async () => {
        await giveReceipt(stream, offer);
        return true;
      },
      giveUp: (error) => stream.giveUp(error),
    };
  }

  async *#newChunks(stream: SealedStream, offer: Offer): AsyncIterable<Uint8Array> {
    let number = offer.position ?? 0;
    for await (const { bytes, end } of chunksOf(stream, offer)) {
      number += 1;
      if (number <= this.#position) continue; // sent again, by a sender that did not know better
      this.#position = number;
      this.#whole = end;
      yield bytes;
    }
  }

  /**
   * What the failure of a link means whose other end has proved nothing.
   * @param proved whether we have shown our own proof on it.
   * @throws SpreadError `wrong-sender` once too many proofs were fruitless.
   */
  #unproven(error: SpreadError, proved: boolean): SpreadError {
    if (proved) this.#fruitlessProofs += 1;
    if (this.#fruitlessProofs >= MAX_FRUITLESS_PROOFS) {
      const thrice = `${MAX_FRUITLESS_PROOFS} links ended behind our proof of the code, and without the sender's`;
      throw new SpreadError("wrong-sender", thrice);
    }
    // Data altered on the way looks like a sender that does not know the code: the next link shows which it was.
    const passing = error.code === "link-lost" || (proved && error.code === "wrong-sender");
    return passing ? new Unanswered(error, proved) : error;
  }
}

/** A transfer continues with the document it began with. @throws PeerError */
function checkSame(first: Offer, { kind, bytes, sha256, encoding, parts }: Offer): void {
  const same = kind === first.kind && bytes === first.bytes && sha256 === first.sha256 && encoding === first.encoding;
  if (!same || !isDeepStrictEqual(parts, first.parts)) {
    throw notInProtocol("the sender offers another document than before");
  }
}

/** On a nearly full disk, "too large" is the fault of the disk and not of the document. */
function spaceError(error: SpreadError): SpreadError {
  return error.code === "too-large"
    ? new SpreadError("disk-full", "there is too little space for the document")
    : error;
}
