/**
 * Receives one document: finds the sender, has both ends prove themselves, puts the document into the inbox and gives the
 * sender its receipt. It reads top to bottom, and a failure leaves nothing behind. Broken links are handled in reception.ts.
 */
import { formatRelayUrl } from "../address.ts";
import type { Kind, Part } from "../content/part.ts";
import { SpreadError, toSpreadError } from "../errors.ts";
import { companionsOf } from "../inbox/companions.ts";
import { type Delivered, inboxCapacity, openDelivery } from "../inbox/inbox.ts";
import { MAX_TITLE_CHARS } from "../limits.ts";
import { cleanLine } from "../untrusted/clean.ts";
import { withoutMarkers } from "../untrusted/markers.ts";
import type { Path, Route } from "./race.ts";
import { Reception } from "./reception.ts";
import { findSender } from "./search.ts";
import type { Arrival, Protocol } from "./version.ts";

export interface ReceiveRequest {
  /** The three words of a code joined by `-`, or a passphrase. */
  readonly secret: string;
  /** Undefined if only a passphrase is known. */
  readonly room: string | undefined;
  /** Where the sender may be. */
  readonly route: Route;
  /** This version, and nothing else. */
  readonly protocol: Protocol;
  /** DISTILL_HOME. */
  readonly home: string;
  /** For finding the sender and the proofs; a transfer that has begun continues as long as the share lives. */
  readonly timeoutMs: number;
}

/** How far a reception is. Bytes are those of the whole content. */
export type Step =
  | { readonly at: "looking"; readonly route: Route }
  | { readonly at: "proving"; readonly path: Path }
  | { readonly at: "receiving"; readonly kind: Kind; readonly received: number; readonly bytes: number }
  /** The link broke. The sender is looked for again until then at the latest; "proving" and "receiving" follow. */
  | { readonly at: "reconnecting"; readonly until: Date };

export interface ReceivedHandoff extends Delivered {
  readonly kind: Kind;
  readonly title: string;
  /** Of the document alone. */
  readonly bytes: number;
  readonly sha256: string;
  /** The path by which it came, or its last part did. */
  readonly via: Path;
  /** Whether the sender has confirmed the receipt. */
  readonly acknowledged: boolean;
}

/**
 * @param report called at each step, and for every piece of the document.
 * @param signal cancels at any step.
 * @throws SpreadError; if both ways failed, its message names both failures.
 */
export async function receive(
  request: ReceiveRequest,
  report: (step: Step) => void,
  signal: AbortSignal,
): Promise<ReceivedHandoff> {
  const { home, protocol, secret, room } = request;
  const version = protocol.receiver(secret, room, await inboxCapacity(home));
  const proving = (path: Path) => report({ at: "proving", path });
  const means = {
    find: (ms: number, life: AbortSignal) => findSender(request.route, version, proving, ms, life),
    waiting: (until: Date) => report({ at: "reconnecting", until }),
  };
  report({ at: "looking", route: request.route });
  await using reception = await Reception.begin(means, request.timeoutMs, signal);
  const { arrival, path } = reception;
  try {
    const delivered = await keep(home, path, arrival, arrival.assemble(reception.chunks()), report);
    const acknowledged = await reception.giveReceipt();
    return {
      ...delivered,
      kind: arrival.kind,
      title: withoutMarkers(cleanLine(arrival.title, MAX_TITLE_CHARS)),
      warnings: [...arrival.warnings, ...delivered.warnings],
      via: reception.path,
      acknowledged,
    };
  } catch (error) {
    await reception.giveUp(toSpreadError(error));
    throw error;
  }
}

async function keep(
  home: string,
  path: Path,
  { kind, title, sharedAt, parts, sha256: digest }: Arrival,
  pieces: AsyncIterable<Uint8Array>,
  report: (step: Step) => void,
): Promise<Delivered & Pick<Part, "bytes" | "sha256">> {
  const [document, ...others] = parts;
  if (!document) throw new SpreadError("internal", "a document of no part was to be kept");
  const { bytes, sha256 } = document;
  const all = parts.reduce((sum, part) => sum + part.bytes, 0);
  let received = 0;
  // The kind is reported before anything is kept.
  report({ at: "receiving", kind, received, bytes: all });
  await using delivery = await openDelivery(home, {
    kind,
    digest,
    title,
    sentAt: sharedAt,
    receivedAt: new Date(),
    sha256,
    bytes,
    path: path.by === "lan" ? "direct TCP" : formatRelayUrl(path.relay),
    companions: companionsOf(others),
  });
  for await (const piece of pieces) {
    await delivery.write(piece);
    received += piece.length;
    report({ at: "receiving", kind, received, bytes: all });
  }
  return { ...(await delivery.commit()), bytes, sha256 };
}
