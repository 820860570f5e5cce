/**
 * Finds the sender: takes the ways as the race brings them, until a sender proves itself on one. A peer without proof is not
 * believed about the share: what fails before the proof is a failure of the way, and the other way is tried.
 */
import { abortReason } from "../abort.ts";
import { type ErrorCode, SpreadError } from "../errors.ts";
import type { Link } from "../transport/link.ts";
import { type Candidate, type Path, type Route, race } from "./race.ts";
import { type Arrival, type ReceiverVersion, Unanswered } from "./version.ts";

/** How long a sender on the LAN may take to prove itself while another way is left, in ms: a real one answers at once. */
const LAN_PROOF_MS = 5_000;

/** A sender that has proved itself. Its link is owned by the caller. */
export interface Sender {
  readonly link: Link;
  readonly path: Path;
  readonly arrival: Arrival;
}

/** No peer has proved itself. It shows the most telling failure, and holds all of them. */
export class NoSender extends SpreadError {
  readonly failures: readonly SpreadError[];

  constructor(failures: readonly SpreadError[]) {
    super(...summary(failures));
    this.failures = failures;
  }

  get unanswered(): readonly Unanswered[] {
    return this.failures.filter((failure) => failure instanceof Unanswered);
  }

  /** Whether at least one way answers that the share is not there, and no way says anything else. */
  get nobodyThere(): boolean {
    const codes = this.failures.map(({ code }) => code);
    return codes.some((code) => GONE.has(code)) && codes.every((code) => GONE.has(code) || code === "sender-not-found");
  }
}

/**
 * @param proving called when a way is open and both ends start to prove themselves on it.
 * @param timeoutMs for the whole search.
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

/** Once we have met our sender, only its room is looked for on the LAN. */
function withRoom({ lan, relay }: Route, room: string | undefined): Route {
  return { lan: lan && "room" in lan ? { room: lan.room ?? room } : lan, relay };
}

/** How long a handshake may take, in ms: a silent way must leave time for the other one. */
function patienceMs({ path, last }: Candidate, end: number): number {
  const left = Math.max(0, end - performance.now());
  if (last) return left;
  return path.by === "lan" ? Math.min(LAN_PROOF_MS, left / 2) : left / 2;
}

function tooLate(): SpreadError {
  return new SpreadError("timed-out", "the sender was not found, or did not answer, in time");
}

/** The failure of a peer that could not prove itself; if there was no peer at all, the failures of all ways. */
function summary(failures: readonly SpreadError[]): ConstructorParameters<typeof SpreadError> {
  const somebody = failures.find(({ code }) => !NOBODY_THERE.has(code));
  if (somebody) return [somebody.code, somebody.message, { cause: somebody }];
  const telling = failures.find(({ code }) => code !== "sender-not-found") ?? failures[0];
  if (!telling) return ["no-path", "it is not known where the sender is"];
  return [telling.code, failures.map(({ message }) => message).join("; and "), { cause: telling }];
}

/** Answers of a machine or a relay that does not have the share. */
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
