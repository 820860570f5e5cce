/** Version 2 of the protocol, as shares and receivers speak it. */
import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { KINDS } from "../content/part.ts";
import { newSigner } from "../crypto/signature.ts";
import { SpreadError, toSpreadError } from "../errors.ts";
import { HANDSHAKE_MS, MAX_PARTS, MAX_SHARE_BYTES } from "../limits.ts";
import { admitReceiver, proveToSender, sendAway } from "../protocol/handshake.ts";
import { type Offer, TRANSFER_ID_BYTES } from "../protocol/messages.ts";
import { notInProtocol, PeerError, type SealedStream } from "../protocol/stream.ts";
import { chunksOf, collect, deliver, giveReceipt, type Outgoing, requestOffer } from "../protocol/transfer.ts";
import { Watchdog } from "../protocol/watchdog.ts";
import { USUAL_BOUNDS } from "../transport/link.ts";
import { newSecret } from "./code.ts";
import type { ShareGate } from "./gate.ts";
import { NoSlot, type Run, Transfers } from "./transfers.ts";
import { type Protocol, type ReceiverVersion, type SenderVersion, Unanswered, type Version } from "./version.ts";

const VERSION_2: Version = { service: "claude-spread", bounds: USUAL_BOUNDS };

/**
 * Our proofs, in one call, to ends that then do not prove themselves: by each of them somebody in the sender's place can
 * test a guess, so that cutting our links must not get him any number.
 */
export const MAX_FRUITLESS_PROOFS = 3;

export const version2: Protocol = {
  legacy: false,
  newSecret,
  sender: async (secret, gate, document) => version2Sender(secret, gate, document),
  receiver: version2Receiver,
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
            // An ABORT of its own, or what is not in the protocol, is a receiver's last word.
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

function version2Receiver(secret: string, room: string | undefined, maxBytes: number): ReceiverVersion {
  const refusers = new Set<string>();
  let knownRoom = room;
  const transfer = randomBytes(TRANSFER_ID_BYTES).toString("hex");
  /** What was offered first. */
  let document: Offer | undefined;
  /** Chunks that were verified, whatever links they came over; and whether the last one is among them. */
  let position = 0;
  let whole = false;
  let fruitlessProofs = 0;

  async function* newChunks(stream: SealedStream, offer: Offer): AsyncIterable<Uint8Array> {
    let number = offer.position ?? 0;
    for await (const { bytes, end } of chunksOf(stream, offer)) {
      number += 1;
      if (number <= position) continue; // sent again by a sender that did not know better
      position = number;
      whole = end;
      yield bytes;
    }
  }

  return {
    ...VERSION_2,
    get room() {
      return knownRoom;
    },
    async handshake(link) {
      let stream: SealedStream | undefined;
      try {
        // Once a sender has proved itself our secret is right: who refuses it then is none, or was lied to.
        const sealed = await proveToSender(link, secret, knownRoom, document ? new Set() : refusers);
        stream = sealed;
        // Our turn has come, and whoever answered PAKE is there: a link that now falls silent is a lost one.
        using _ = new Watchdog(link, HANDSHAKE_MS, () => new SpreadError("link-lost", "the sender has fallen silent"));
        const offer = await requestOffer(sealed, {
          maxBytes,
          parts: MAX_PARTS,
          kinds: KINDS,
          resume: { transfer, position },
        });
        document ??= offer;
        knownRoom = sealed.room;
        checkSame(document, offer);
        // Our document is complete: all that it would send us again would be in vain, and cost it a place.
        if (whole && offer.position !== position) throw new SpreadError("cancelled", "the sender has forgotten us");
        return {
          kind: offer.kind,
          title: offer.title,
          sharedAt: offer.shared_at,
          parts: offer.parts ?? [{ role: "document", name: "", bytes: offer.bytes, sha256: offer.sha256 }],
          sha256: offer.sha256,
          warnings: [],
          expiresIn: offer.expires_in,
          chunks: () => newChunks(sealed, offer),
          assemble: (chunks) => collect(chunks, offer),
          giveReceipt: async () => {
            await giveReceipt(sealed, offer);
            return true;
          },
          giveUp: (error) => sealed.giveUp(error),
        };
      } catch (thrown) {
        const error = toSpreadError(thrown);
        // A last word would end the transfer, which can go on by another link: it is only for whom we know.
        if (stream?.proven) await stream.giveUp(error);
        else if (stream) fruitlessProofs += 1;
        await link.close();
        if (stream?.proven) throw maxBytes < MAX_SHARE_BYTES ? spaceError(error) : error;
        if (fruitlessProofs >= MAX_FRUITLESS_PROOFS) {
          const thrice = `${MAX_FRUITLESS_PROOFS} links ended behind our proof of the code, and without the sender's`;
          throw new SpreadError("wrong-sender", thrice);
        }
        // What was altered on the way looks like somebody who does not know the code: which it was shows the next time.
        const passing = error.code === "link-lost" || (stream !== undefined && error.code === "wrong-sender");
        return passing ? new Unanswered(error, stream !== undefined) : error;
      }
    },
  };
}

/** A transfer goes on with the document that it began with. @throws PeerError */
function checkSame(first: Offer, { kind, bytes, sha256, encoding, parts }: Offer): void {
  const same = kind === first.kind && bytes === first.bytes && sha256 === first.sha256 && encoding === first.encoding;
  if (!same || !isDeepStrictEqual(parts, first.parts)) {
    throw notInProtocol("the sender offers another document than before");
  }
}

/** What was too large for a nearly full disk is no fault of the document. */
function spaceError(error: SpreadError): SpreadError {
  return error.code === "too-large"
    ? new SpreadError("disk-full", "there is too little space for the document")
    : error;
}
