/**
 * One document, received: the sender is found, both ends prove themselves, the document goes into the inbox, and the
 * sender gets its receipt. It reads top to bottom, and whatever fails leaves nothing behind.
 */
import { formatRelayUrl } from "../address.ts";
import { type ErrorCode, SpreadError, toSpreadError } from "../errors.ts";
import { type Delivered, inboxCapacity, openDelivery } from "../handoff/inbox.ts";
import { cleanLine } from "../handoff/untrusted.ts";
import { MAX_TITLE_CHARS } from "../limits.ts";
import { abortReason, type Link } from "../transport/link.ts";
import { type Contender, type Course, type Path, race } from "./race.ts";
import type { Arrival, ReceiverVersion } from "./version.ts";

/** How long a sender on the LAN may take to prove itself while another way is left, in ms: it answers at once, or is none. */
const LAN_PROOF_MS = 5_000;

export interface ReceiveRequest {
  /** The three words of a code joined by `-`, or a passphrase. */
  readonly secret: string;
  /** Undefined where only a passphrase is known. */
  readonly room: string | undefined;
  /** Where the sender may be. */
  readonly course: Course;
  /** Version 1 of the protocol, and nothing else. The secret is then a passphrase. */
  readonly legacy: boolean;
  /** DISTILL_HOME. */
  readonly home: string;
  /** For finding the sender and proving both ends; a transfer that runs has a stall limit instead. */
  readonly timeoutMs: number;
}

/** How far it has come, for whoever waits. Bytes are of the document. */
export type Step =
  | { readonly at: "looking"; readonly course: Course }
  | { readonly at: "proving"; readonly path: Path }
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
 * @throws SpreadError; where both ways failed, its message names both failures.
 */
export async function receive(
  request: ReceiveRequest,
  report: (step: Step) => void,
  signal: AbortSignal,
): Promise<Received> {
  const version = await versionFor(request, await inboxCapacity(request.home));
  report({ at: "looking", course: request.course });
  const { link, path, arrival } = await findSender(request, version, report, signal);
  await using _ = link;
  try {
    const delivered = await keep(request.home, path, arrival, report);
    const acknowledged = await arrival.giveReceipt();
    return {
      ...delivered,
      title: cleanLine(arrival.title, MAX_TITLE_CHARS),
      bytes: arrival.bytes,
      sha256: arrival.sha256,
      warnings: [...arrival.warnings, ...delivered.warnings],
      via: path,
      acknowledged,
    };
  } catch (error) {
    await arrival.giveUp(toSpreadError(error));
    throw error;
  }
}

async function versionFor({ secret, room, legacy }: ReceiveRequest, maxBytes: number): Promise<ReceiverVersion> {
  if (legacy) return (await import("./legacy.ts")).legacyReceiver(secret, maxBytes);
  return (await import("./version2.ts")).version2Receiver(secret, room, maxBytes);
}

/** A sender that has proved itself. The link is the taker's. */
interface Sender {
  readonly link: Link;
  readonly path: Path;
  readonly arrival: Arrival;
}

/**
 * Takes the ways as the race brings them, until a sender proves itself on one. Who has not proved itself is not believed
 * about the share: what fails before that is the way's failure, and the other way is tried.
 */
async function findSender(
  request: ReceiveRequest,
  version: ReceiverVersion,
  report: (step: Step) => void,
  signal: AbortSignal,
): Promise<Sender> {
  const end = performance.now() + request.timeoutMs;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(tooLate()), request.timeoutMs);
  const failures: SpreadError[] = [];
  try {
    for await (const contender of race(request.course, version, AbortSignal.any([signal, late.signal]))) {
      if (contender instanceof SpreadError) {
        failures.push(contender);
        continue;
      }
      const { path, link } = contender;
      report({ at: "proving", path });
      const patience = setTimeout(() => link.abort(tooLate()), patienceMs(contender, end));
      const arrival = await version.meet(link).finally(() => clearTimeout(patience));
      if (!(arrival instanceof SpreadError)) return { link, path, arrival };
      failures.push(arrival);
    }
  } finally {
    clearTimeout(timer);
  }
  if (signal.aborted) throw abortReason(signal);
  throw summary(failures);
}

/** A way that says nothing must leave time for the other one. */
function patienceMs({ path, last }: Contender, end: number): number {
  const left = Math.max(0, end - performance.now());
  if (last) return left;
  return path.by === "lan" ? Math.min(LAN_PROOF_MS, left / 2) : left / 2;
}

function tooLate(): SpreadError {
  return new SpreadError("timed-out", "the sender was not found, or did not answer, in time");
}

/** Somebody who could not prove it, or nobody: then all ways are named. */
function summary(failures: readonly SpreadError[]): SpreadError {
  const somebody = failures.find(({ code }) => !NOBODY_THERE.has(code));
  if (somebody) return somebody;
  const telling = failures.find(({ code }) => code !== "sender-not-found") ?? failures[0];
  if (!telling) return new SpreadError("no-path", "it is not known where the sender is");
  if (failures.length === 1) return telling;
  return new SpreadError(telling.code, failures.map(({ message }) => message).join("; and "), { cause: telling });
}

const NOBODY_THERE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "sender-not-found",
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

async function keep(
  home: string,
  path: Path,
  { title, sharedAt, bytes, sha256, pieces }: Arrival,
  report: (step: Step) => void,
): Promise<Delivered> {
  await using delivery = await openDelivery(home, {
    title,
    sentAt: sharedAt,
    receivedAt: new Date(),
    sha256,
    bytes,
    path: path.by === "lan" ? "direct TCP" : formatRelayUrl(path.relay),
  });
  let received = 0;
  report({ at: "receiving", received, bytes });
  for await (const piece of pieces()) {
    await delivery.write(piece);
    received += piece.length;
    report({ at: "receiving", received, bytes });
  }
  return await delivery.commit();
}
