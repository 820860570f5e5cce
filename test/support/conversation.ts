/** One hand-off by the protocol alone: both roles over two links, and somebody in between who may meddle. */
import { createHash } from "node:crypto";
import { toSpreadError } from "../../src/errors.ts";
import { CHUNK_BYTES } from "../../src/limits.ts";
import { admitReceiver, proveToSender } from "../../src/protocol/handshake.ts";
import type { Encoding, Ready } from "../../src/protocol/messages.ts";
import { PeerError, type SealedStream } from "../../src/protocol/stream.ts";
import {
  chunksOf,
  collect,
  deliver,
  giveReceipt,
  type Leg,
  type Outgoing,
  requestOffer,
} from "../../src/protocol/transfer.ts";
import { ShareGate } from "../../src/share/gate.ts";
import { type Run, Transfers } from "../../src/share/transfers.ts";
import type { Link } from "../../src/transport/link.ts";
import { memoryLinks } from "../../src/transport/memory.ts";

export const SECRET = "crisp-orbit-lunar";
export const ROOM = "7f3k2a";

export type From = "receiver" | "sender";
/** What becomes of a frame: the frames that go on in its place, or the end of the link. */
export type Meddle = (frame: Buffer, from: From, index: number) => readonly Uint8Array[] | "cut";

/** Two links whose frames pass through `meddle`; `index` counts each direction from 0. */
export function middleman(meddle: Meddle): { receiver: Link; sender: Link } {
  const [receiver, fromReceiver] = memoryLinks();
  const [sender, fromSender] = memoryLinks();
  const pump = async (source: Link, target: Link, from: From) => {
    try {
      for (let index = 0; ; index++) {
        const frame = await source.receive();
        const on = frame && meddle(Buffer.from(frame), from, index);
        if (on === undefined || on === "cut") break;
        for (const it of on) await target.send(it);
      }
    } catch {
      // One end has gone; the other one is told below.
    }
    await Promise.all([source.close(), target.close()]);
  };
  void pump(fromReceiver, fromSender, "receiver");
  void pump(fromSender, fromReceiver, "sender");
  return { receiver, sender };
}

export function documentOf(bytes: Uint8Array, compressible = false): Outgoing {
  const about = { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  return {
    title: "A title",
    sharedAt: new Date("2026-11-20T10:00:00Z"),
    ...about,
    kind: "distillation",
    compressible,
    parts: [{ role: "document", name: "handoff.md", ...about }],
    async *read(from = 0) {
      for (let at = from; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
    },
  };
}

/** What a side came to: "delivered", the document, or the code of its error. */
export interface Outcome {
  readonly receiver: { readonly document: Buffer; readonly acknowledged: boolean } | string;
  readonly sender: "delivered" | string;
  readonly gate: ShareGate;
}

/** Runs both roles to their ends, as share/ does. Neither throws. */
export async function converse(
  links: { receiver: Link; sender: Link },
  bytes: Uint8Array,
  options: { secret?: string; gate?: ShareGate; room?: string | undefined; compressible?: boolean } = {},
): Promise<Outcome> {
  const { secret, gate, room, compressible } = {
    secret: SECRET,
    gate: new ShareGate(1),
    room: ROOM,
    compressible: false,
    ...options,
  };
  const [receiver, sender] = await Promise.all([
    receiveBy(links.receiver, secret, room).catch((error: unknown) => toSpreadError(error).code),
    sendBy(links.sender, documentOf(bytes, compressible), gate).catch((error: unknown) => toSpreadError(error).code),
  ]);
  return { receiver, sender, gate };
}

async function receiveBy(link: Link, secret: string, room: string | undefined) {
  try {
    const stream = await proveToSender(link, secret, room);
    try {
      return await takeAll(stream);
    } catch (error) {
      await stream.giveUp(toSpreadError(error));
      throw error;
    }
  } finally {
    await link.close();
  }
}

/** One link, and no other behind it. */
export async function takeAll(stream: SealedStream) {
  const offer = await requestOffer(stream);
  const parts: Uint8Array[] = [];
  for await (const piece of documentFrom(stream, offer)) parts.push(piece);
  const acknowledged = await giveReceipt(stream, offer).then(
    () => true,
    () => false,
  );
  return { document: Buffer.concat(parts), acknowledged };
}

export function documentFrom(stream: SealedStream, offer: Parameters<typeof collect>[1]): AsyncIterable<Uint8Array> {
  return collect(bytesOf(chunksOf(stream)), offer);
}

async function* bytesOf(chunks: ReturnType<typeof chunksOf>): AsyncIterable<Uint8Array> {
  for await (const { bytes } of chunks) yield bytes;
}

/** The leg of a transfer that nothing else is known of. */
export function onlyLeg(transfer: string): (ready: Ready, encoding: Encoding) => Leg {
  return (_ready, encoding) => ({ transfer, encoding, position: 0, whole: false, handedOver: () => {} });
}

export async function sendBy(link: Link, document: Outgoing, gate: ShareGate, transfers = new Transfers(gate)) {
  let run: Run | undefined;
  try {
    const stream = await admitReceiver(link, { secret: SECRET, room: ROOM, gate });
    try {
      await deliver(stream, document, (ready, encoding) => {
        run = transfers.begin(ready, encoding, link);
        return run;
      });
      run?.delivered();
      return "delivered" as const;
    } catch (error) {
      run?.ended(error instanceof PeerError);
      await stream.giveUp(toSpreadError(error));
      throw error;
    }
  } finally {
    await link.close();
  }
}
