/**
 * Version 1 of the protocol, as shares and receivers speak it with the original Python tools. Only if the user asks for it:
 * whoever is on the way can record it and test passphrases without limit.
 */
import { createHash, randomUUID } from "node:crypto";
import { buffer } from "node:stream/consumers";
import type { Part } from "../content/part.ts";
import { SpreadError, toSpreadError } from "../errors.ts";
import type { Outgoing } from "../protocol/transfer.ts";
import type { ShareGate } from "../share/gate.ts";
import type { Protocol, ReceiverVersion, SenderVersion } from "../share/version.ts";
import { headingOf } from "../untrusted/fence.ts";
import { admitLegacyReceiver, deliverLegacy, prepareLegacy, receiveLegacy, sendLegacyAway } from "./handshake.ts";
import { LEGACY_BOUNDS, MAX_LEGACY_DOCUMENT_BYTES } from "./messages.ts";
import { newLegacyPassphrase } from "./passphrase.ts";

const SERVICE = "claude-distill";

/** What version 1 means to both users. */
export const EXPOSED =
  "Legacy (version 1): whoever is on the way can record it, and then try passphrases without limit. It is never confirmed as delivered.";

export const version1: Protocol = {
  legacy: true,
  newSecret: newLegacyPassphrase,
  sender: legacySender,
  receiver: (passphrase, _room, maxBytes) => legacyReceiver(passphrase, maxBytes),
};

/** @throws SpreadError `too-large`. */
async function legacySender(passphrase: string, gate: ShareGate, document: Outgoing): Promise<SenderVersion> {
  if (document.parts.length > 1) throw new SpreadError("invalid-input", "version 1 carries a document alone");
  if (document.bytes > MAX_LEGACY_DOCUMENT_BYTES) {
    throw new SpreadError("too-large", `version 1 carries documents of at most ${MAX_LEGACY_DOCUMENT_BYTES} bytes`);
  }
  const keys = await prepareLegacy(passphrase);
  return {
    service: SERVICE,
    bounds: LEGACY_BOUNDS.sender,
    sendAway: sendLegacyAway,
    async admit(link) {
      const slot = await admitLegacyReceiver(link, { keys, gate });
      return {
        name: randomUUID(), // no other visit goes on with it
        async transfer() {
          try {
            // Never delivered, only sent: an ACK of version 1 proves nothing.
            await deliverLegacy(link, keys, await buffer(document.read()), () => slot.commit());
          } finally {
            slot.release();
          }
        },
        giveUp: async () => {},
      };
    },
  };
}

function legacyReceiver(passphrase: string, maxBytes: number): ReceiverVersion {
  return {
    service: SERVICE,
    bounds: LEGACY_BOUNDS.receiver,
    room: undefined,
    async handshake(link) {
      const received = await receiveLegacy(link, passphrase).catch(toSpreadError);
      if (received instanceof SpreadError) {
        await link.close();
        return received;
      }
      const { text, acknowledge } = received;
      if (text.length > maxBytes) {
        await link.close();
        throw new SpreadError("disk-full", "there is too little space for the document");
      }
      const part = partOf(text);
      return {
        kind: "distillation",
        title: headingOf(text),
        sharedAt: undefined,
        parts: [part],
        sha256: part.sha256,
        warnings: [EXPOSED],
        expiresIn: undefined,
        async *chunks() {
          yield text;
        },
        assemble: (chunks) => chunks,
        async giveReceipt() {
          await acknowledge();
          return false; // an ACK is not answered
        },
        giveUp: async () => {},
      };
    },
  };
}

function partOf(text: Uint8Array): Part {
  return { role: "document", name: "", bytes: text.length, sha256: createHash("sha256").update(text).digest("hex") };
}
