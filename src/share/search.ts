/**
 * The sender, found: the ways are taken as the race brings them, until a sender proves itself on one. Who has not proved itself
 * is not believed about the share: what fails before that is the way's failure, and the other way is tried.
 */
import { abortReason } from "../abort.ts";
import { type ErrorCode, SpreadError } from "../errors.ts";
import type { Link } from "../transport/link.ts";
import { type Candidate, type Path, type Route, race } from "./race.ts";
import { type Arrival, type ReceiverVersion, Unanswered } from "./version.ts";

/** How long a sender on the LAN may take to prove itself while another way is left, in ms: it answers at once, or is none. */
const LAN_PROOF_MS = 5_000;

/** A sender that has proved itself. The link is the taker's. */
export interface Sender {
  readonly link: Link;
  readonly path: Path;
  readonly arrival: Arrival;
}

/** Nobody has proved itself. Told as the failure that says most, with all of them. */
export class NoSender extends SpreadError {
  readonly failures: readonly SpreadError[];

  constructor(failures: readonly SpreadError[]) {
    super(...summary(failures));
    this.failures = failures;
  }

  get unanswered(): readonly Unanswered[] {
    return this.failures.filter((failure) => failure instanceof Unanswered);
  }

  /** At least one way answers that the share is not there, and no other one says anything else. */
  get nobodyThere(): boolean {
    const codes = this.failures.map(({ code }) => code);
    return codes.some((code) => GONE.has(code)) && codes.every((code) => GONE.has(code) || code === "sender-not-found");
  }
}

/**
 * @param proving called when a way is there, and both ends are to prove themselves on it.
 * @param timeoutMs for all of it.
 * @param signal rules the search, and the link that comes of it for its whole life.
 * @throws NoSender; SpreadError for what a proven sender says, or the signal's.
 */
export async function findSender(
  route: Route,
  version: ReceiverVersion,
  proving: (path: Path) => void,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Sender> {
  const end = performance.now() + timeoutMs;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(tooLate()), timeoutMs);
  const failures: SpreadError[] = [];
  try {
    const known = withRoom(route, version.room);
    for await (const candidate of race(known, version, AbortSignal.any([signal, late.signal]))) {
      if (candidate instanceof SpreadError) {
        failures.push(candidate);
        continue;
      }
      const { path, link } = candidate;
      proving(path);
      const patience = setTimeout(() => link.abort(tooLate()), patienceMs(candidate, end));
      const arrival = await version.handshake(link).finally(() => clearTimeout(patience));
      if (!(arrival instanceof SpreadError)) return { link, path, arrival };
      failures.push(arrival);
    }
  } finally {
    clearTimeout(timer);
  }
  if (signal.aborted) throw abortReason(signal);
  throw new NoSender(failures);
}

/** Once we have met our sender on the LAN, we look for no other one. */
function withRoom({ lan, relay }: Route, room: string | undefined): Route {
  return { lan: lan && "room" in lan ? { room: lan.room ?? room } : lan, relay };
}

/** A way that says nothing must leave time for the other one. */
function patienceMs({ path, last }: Candidate, end: number): number {
  const left = Math.max(0, end - performance.now());
  if (last) return left;
  return path.by === "lan" ? Math.min(LAN_PROOF_MS, left / 2) : left / 2;
}

function tooLate(): SpreadError {
  return new SpreadError("timed-out", "the sender was not found, or did not answer, in time");
}

/** Somebody who could not prove it, or nobody: then all ways are named. */
function summary(failures: readonly SpreadError[]): ConstructorParameters<typeof SpreadError> {
  const somebody = failures.find(({ code }) => !NOBODY_THERE.has(code));
  if (somebody) return [somebody.code, somebody.message, { cause: somebody }];
  const telling = failures.find(({ code }) => code !== "sender-not-found") ?? failures[0];
  if (!telling) return ["no-path", "it is not known where the sender is"];
  return [telling.code, failures.map(({ message }) => message).join("; and "), { cause: telling }];
}

/** What is answered by a machine or a relay that does not have the share. */
const GONE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["host-refused", "room-not-found"]);

const NOBODY_THERE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...GONE,
  "sender-not-found",
  "host-timeout",
  "host-unreachable",
  "relay-unreachable",
  "relay-refused",
  "relay-full",
  "rate-limited",
  "timed-out",
]);
