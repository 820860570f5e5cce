/**
 * One document, received: a path is dialled, both ends prove themselves, the document goes into the inbox, and the sender
 * gets its receipt. It reads top to bottom, and whatever fails leaves nothing behind.
 */
import { formatRelayUrl } from "../address.ts";
import { type ErrorCode, SpreadError, toSpreadError } from "../errors.ts";
import { type Delivered, inboxCapacity, openDelivery } from "../handoff/inbox.ts";
import { cleanLine } from "../handoff/untrusted.ts";
import { MAX_SHARE_BYTES, MAX_TITLE_CHARS } from "../limits.ts";
import { proveToSender } from "../protocol/handshake.ts";
import type { Offer } from "../protocol/messages.ts";
import { collect, giveReceipt, requestOffer } from "../protocol/transfer.ts";
import type { Link } from "../transport/link.ts";
import { joinRoom } from "../transport/relay.ts";
import { dialTcp } from "../transport/tcp.ts";

/** One way to the sender. */
export type Path =
  | { readonly by: "lan"; readonly host: string; readonly port: number }
  | { readonly by: "relay"; readonly relay: URL; readonly room: string };

export interface ReceiveRequest {
  /** The three words of a code joined by `-`, or a passphrase. */
  readonly secret: string;
  /** Undefined where only a passphrase is known, and a host. */
  readonly room: string | undefined;
  /** Tried in this order, each once; at least one. */
  readonly paths: readonly Path[];
  /** DISTILL_HOME. */
  readonly home: string;
  /** For finding the sender and proving both ends, over all paths; a transfer that runs has a stall limit instead. */
  readonly timeoutMs: number;
}

/** How far it has come, for whoever waits. Bytes are of the document. */
export type Step =
  | { readonly at: "dialling"; readonly path: Path }
  | { readonly at: "proving" }
  | { readonly at: "receiving"; readonly received: number; readonly bytes: number };

export interface Received extends Delivered {
  readonly title: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly via: Path;
  /** Whether the sender has said that it knows. */
  readonly acknowledged: boolean;
}

/**
 * @param report called at each step, and at every piece of the document.
 * @param signal cancels, at whatever step.
 * @throws SpreadError; where several paths failed, its message names each failure.
 */
export async function receive(
  request: ReceiveRequest,
  report: (step: Step) => void,
  signal: AbortSignal,
): Promise<Received> {
  const maxBytes = await inboxCapacity(request.home);
  const end = performance.now() + request.timeoutMs;
  const failures: SpreadError[] = [];
  for (const [index, path] of request.paths.entries()) {
    // A host that says nothing must leave time for the paths behind it.
    const budgetMs = (end - performance.now()) / (request.paths.length - index);
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(tooLate()), Math.max(0, budgetMs));
    let proven = false;
    const onProven = () => {
      proven = true;
      clearTimeout(timer);
    };
    try {
      return await receiveBy(path, { ...request, maxBytes }, report, AbortSignal.any([signal, late.signal]), onProven);
    } catch (thrown) {
      const error = toSpreadError(thrown);
      failures.push(error);
      // Who has not proved itself is not believed about the share: the sender may be on the next path. But a code that was
      // found wrong is not tried again, since each try costs one of ten.
      if (proven || signal.aborted || error.code === "wrong-code") throw error;
    } finally {
      clearTimeout(timer);
    }
  }
  throw summary(failures);
}

function tooLate(): SpreadError {
  return new SpreadError("timed-out", "the sender was not found, or did not answer, in time");
}

/** Nobody was there on these paths. The first one is what the user was told, and the one to give advice on. */
function summary(failures: readonly SpreadError[]): SpreadError {
  const [first, ...others] = failures;
  if (!first) return new SpreadError("no-path", "it is not known where the sender is");
  const telling = failures.find(({ code }) => !NOBODY_THERE.has(code)) ?? first;
  if (others.length === 0) return telling;
  return new SpreadError(telling.code, failures.map(({ message }) => message).join("; then "), { cause: telling });
}

const NOBODY_THERE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "host-refused",
  "host-timeout",
  "host-unreachable",
  "relay-unreachable",
  "relay-refused",
  "relay-full",
  "rate-limited",
  "room-not-found",
  "timed-out",
]);

async function receiveBy(
  path: Path,
  request: ReceiveRequest & { readonly maxBytes: number },
  report: (step: Step) => void,
  life: AbortSignal,
  onProven: () => void,
): Promise<Received> {
  report({ at: "dialling", path });
  await using link = await dial(path, life);
  report({ at: "proving" });
  const stream = await proveToSender(link, request.secret, request.room);
  try {
    const offer = await requestOffer(stream, request.maxBytes).catch((error: unknown) => {
      throw request.maxBytes < MAX_SHARE_BYTES ? spaceError(error) : error;
    });
    onProven();
    const title = cleanLine(offer.title, MAX_TITLE_CHARS);
    const delivered = await keep(request.home, path, offer, collect(stream, offer), report);
    const acknowledged = await giveReceipt(stream, offer);
    return { ...delivered, title, bytes: offer.bytes, sha256: offer.sha256, via: path, acknowledged };
  } catch (error) {
    if (stream.proven) onProven();
    await stream.giveUp(toSpreadError(error));
    throw error;
  }
}

/** What was too large for a nearly full disk is no fault of the document. */
function spaceError(error: unknown): unknown {
  const full = error instanceof SpreadError && error.code === "too-large";
  return full ? new SpreadError("disk-full", "there is too little space for the document") : error;
}

function dial(path: Path, life: AbortSignal): Promise<Link> {
  return path.by === "lan" ? dialTcp(path.host, path.port, life) : joinRoom(path.relay, path.room, life);
}

async function keep(
  home: string,
  path: Path,
  offer: Offer,
  pieces: AsyncIterable<Uint8Array>,
  report: (step: Step) => void,
): Promise<Delivered> {
  await using delivery = await openDelivery(home, {
    title: offer.title,
    sentAt: offer.shared_at,
    receivedAt: new Date(),
    sha256: offer.sha256,
    bytes: offer.bytes,
    path: path.by === "lan" ? "direct TCP" : formatRelayUrl(path.relay),
  });
  let received = 0;
  report({ at: "receiving", received, bytes: offer.bytes });
  for await (const piece of pieces) {
    await delivery.write(piece);
    received += piece.length;
    report({ at: "receiving", received, bytes: offer.bytes });
  }
  return await delivery.commit();
}
