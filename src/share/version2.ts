/** Version 2 of the protocol, as shares and receivers speak it. */
import { newSigner } from "../crypto/signature.ts";
import { SpreadError, toSpreadError } from "../errors.ts";
import { MAX_SHARE_BYTES } from "../limits.ts";
import { admitReceiver, proveToSender, sendAway } from "../protocol/handshake.ts";
import type { SealedStream } from "../protocol/stream.ts";
import { collect, deliver, giveReceipt, type Outgoing, requestOffer } from "../protocol/transfer.ts";
import { USUAL_BOUNDS } from "../transport/link.ts";
import type { ShareGate } from "./gate.ts";
import type { ReceiverVersion, SenderVersion, Version } from "./version.ts";

const VERSION_2: Version = { service: "claude-spread", bounds: USUAL_BOUNDS };

export function version2Sender(secret: string, gate: ShareGate, document: Outgoing): SenderVersion {
  const signer = newSigner();
  return {
    ...VERSION_2,
    sendAway,
    async admit(link, room) {
      const { stream, place } = await admitReceiver(link, { secret, room, gate, signer });
      return {
        place,
        async transfer() {
          await deliver(stream, document, () => place.spend());
          place.deliver();
        },
        giveUp: (error) => stream.giveUp(error),
      };
    },
  };
}

/**
 * @param room the room that must answer; undefined where only a passphrase is known.
 * @param maxBytes the largest document that can be kept.
 */
export function version2Receiver(secret: string, room: string | undefined, maxBytes: number): ReceiverVersion {
  const refusers = new Set<string>();
  return {
    ...VERSION_2,
    async meet(link) {
      let stream: SealedStream | undefined;
      try {
        const sealed = await proveToSender(link, secret, room, refusers);
        stream = sealed;
        const offer = await requestOffer(sealed, maxBytes);
        return {
          title: offer.title,
          sharedAt: offer.shared_at,
          bytes: offer.bytes,
          sha256: offer.sha256,
          warnings: [],
          pieces: () => collect(sealed, offer),
          giveReceipt: () => giveReceipt(sealed, offer),
          giveUp: (error) => sealed.giveUp(error),
        };
      } catch (thrown) {
        const error = toSpreadError(thrown);
        await stream?.giveUp(error);
        await link.close();
        if (stream?.proven) throw maxBytes < MAX_SHARE_BYTES ? spaceError(error) : error;
        return error;
      }
    },
  };
}

/** What was too large for a nearly full disk is no fault of the document. */
function spaceError(error: SpreadError): SpreadError {
  return error.code === "too-large"
    ? new SpreadError("disk-full", "there is too little space for the document")
    : error;
}
